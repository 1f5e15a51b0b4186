#!/bin/sh
# libelf and libdwarf each have one door.
tests/files '*.c' '*.h' | grep -v '^dwarf/die\.c$' | xargs grep -nE 'include[[:space:]]*<(libdwarf/)?(lib)?dwarf\.h>'
tests/files '*.c' '*.h' | grep -v '^core/elffile\.c$' | xargs grep -nE 'include[[:space:]]*<(libelf/)?(libelf|gelf)\.h>'
exit 0
