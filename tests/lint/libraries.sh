#!/bin/sh
# libelf has one door.
tests/files '*.c' '*.h' | grep -v '^core/elffile\.c$' | xargs grep -nE 'include[[:space:]]*<(libelf/)?(libelf|gelf)\.h>'
exit 0
