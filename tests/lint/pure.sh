#!/bin/sh
# The algorithms know no process: these files include only core/base/ and each other.
pure='block graph dominator dominator_verify retained path reach'
for name in $pure; do
	for file in graph/$name.h graph/$name.c; do
		[ -f "$file" ] || continue
		grep -nHE '^#[[:space:]]*include[[:space:]]+"' "$file" |
			grep -vE "\"(core/base/[a-z_]+|graph/($(echo "$pure" | tr ' ' '|')))\.h\""
	done
done
exit 0
