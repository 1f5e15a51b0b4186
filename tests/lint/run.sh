#!/bin/sh
# Runs every rule of this folder from the top of the tree; a rule prints what breaks it and nothing else.
cd "$(dirname "$0")/../.." || exit 1
status=0
for rule in tests/lint/*.sh; do
	name=$(basename "$rule" .sh)
	[ "$name" = run ] && continue
	said=$("$rule" 2>&1)
	case "$said" in
	'') echo "ok lint $name" ;;
	skip:*) echo "skip lint $name:${said#skip:}" ;;
	*)
		echo "FAIL lint $name"
		echo "$said" | head -n 12 | sed 's/^/    /'
		status=1
		;;
	esac
done
exit $status
