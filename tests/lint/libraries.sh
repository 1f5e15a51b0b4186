#!/bin/sh
# libelf and libdwarf each have one door.
tests/files '*.c' '*.h' | grep -v '^dwarf/die_private\.h$' | xargs grep -nE 'include[[:space:]]*<(libdwarf/)?(lib)?dwarf\.h>'
tests/files '*.c' '*.h' | grep -v '^core/elffile\.c$' | xargs grep -nE 'include[[:space:]]*<(libelf/)?(libelf|gelf)\.h>'
tests/files '*.c' '*.h' | grep -v '^dwarf/die[a-z_]*\.c$' | xargs grep -nE 'include[[:space:]]*"dwarf/die_private\.h"'
exit 0
