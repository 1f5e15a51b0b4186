#!/bin/sh
# Each header compiles alone, and its guard is its path.
for header in $(tests/files 'core/*.h' 'dwarf/*.h' 'graph/*.h' 'cli/*.h'); do
	gcc -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -fsyntax-only -x c -include "$header" /dev/null 2>&1 | head -n 3
	grep -q '^#ifndef HG_[A-Z0-9_]*_H$' "$header" || echo "$header: no guard HG_..._H"
done
tests/files '*.h' | xargs -r grep -h '^#ifndef HG_[A-Z0-9_]*_H$' | sort | uniq -d
