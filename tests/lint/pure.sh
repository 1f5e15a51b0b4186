#!/bin/sh
# The algorithms know no process: these files include only core/base/ and each other.
for name in block graph dominator dominator_verify retained path reach; do
	for file in graph/$name.h graph/$name.c; do
		[ -f "$file" ] || continue
		grep -nHE '^#[[:space:]]*include[[:space:]]+"' "$file" |
			grep -vE '"(core/base/[a-z_]+|graph/(block|graph|dominator|retained|path|reach))\.h"'
	done
done
exit 0
