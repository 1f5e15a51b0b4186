#!/bin/sh
# The options that -h prints are the options of the man page, command by command.
tool=build/heapgraph
[ -x $tool ] || { echo "skip: no $tool"; exit 0; }
options() { grep -oE '(^|[^a-zA-Z0-9-])--[a-z][a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u; }
for page in docs/man/heapgraph-*.1.scd; do
	[ -f "$page" ] || { echo "no man pages in docs/man"; continue; }
	command=$(basename "$page" .1.scd)
	command=${command#heapgraph-}
	in_help=$($tool "$command" -h 2>&1 | options)
	in_page=$(sed -n '/^# OPTIONS/,/^# [A-NP-Z]/p' "$page" | tr -d '\\*' | options)
	[ "$in_help" = "$in_page" ] || echo "$page differs from '$command -h':" \
		"$(printf '%s\n%s\n' "$in_help" "$in_page" | sort | uniq -u | tr '\n' ' ')"
done
