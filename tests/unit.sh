#!/bin/sh
# Runs cmocka programs and prints one line a test: unit.sh OUT PROGRAM...
out=$1
shift
mode=$(basename "$out")
status=0
for program in "$@"; do
	name=$(basename "$program")
	CMOCKA_MESSAGE_OUTPUT=TAP timeout 300 "$program" >"$program.log" 2>&1
	code=$?
	awk -v what="unit $mode $name" '/^ok /{ sub(/^ok [0-9]+ - /, ""); print "ok " what " " $0; next }
		/^not ok /{ sub(/^not ok [0-9]+ - /, ""); print "FAIL " what " " $0; bad = 1; next }
		bad && /^#/ { print }' "$program.log"
	[ $code = 0 ] && continue
	status=1
	grep -q '^not ok' "$program.log" || { echo "FAIL unit $mode $name: exit $code"; tail -n 30 "$program.log"; }
done
exit $status
