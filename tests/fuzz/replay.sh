#!/bin/sh
# Replays the corpus of each fuzz target, one line a target: replay.sh OUT PROGRAM...
mode=$(basename "$1")
shift
status=0
for program in "$@"; do
	name=$(basename "$program")
	corpus=tests/fuzz/corpus/${name#fuzz_}
	if [ ! -d "$corpus" ]; then
		echo "FAIL fuzz $mode $name: no corpus in $corpus"
		status=1
	elif timeout 300 "$program" "$corpus" >"$program.log" 2>&1; then
		echo "ok fuzz $mode $name: $(tail -n 1 "$program.log")"
	else
		echo "FAIL fuzz $mode $name: exit $?"
		tail -n 30 "$program.log"
		status=1
	fi
done
exit $status
