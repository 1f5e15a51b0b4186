#!/usr/bin/env bash
# From a core to the answer: CPU time and memory of heapgraph on 1.4 and 14 million objects, and of goref on the same core.
# Prints figures and asserts nothing. COUNTS, GO and GOREF=no change what runs.
set -u
cd "$(dirname "$0")/../.." || exit 1
out=build/bench
go=${GO:-$(command -v go || echo /usr/local/go/bin/go)}
mkdir -p $out
tool=$PWD/build/heapgraph
(cd fixtures/go && GOFLAGS= "$go" build -o ../../$out/bench ./bench) || exit 1

goref() { # core: CPU seconds on stdout
	[ "${GOREF:-yes}" = yes ] || return 1
	[ -x $out/grf ] || GOBIN=$PWD/$out "$go" install github.com/cloudwego/goref/cmd/grf@v0.0.9 >$out/goref.log 2>&1 || return 1
	python3 tests/bench/measure.py $out/goref.txt $out/grf core $out/bench "$1" -o $out/goref.out
}

for count in ${COUNTS:-1400000 14000000}; do
	core=$out/core.$count
	rm -f "$core"
	coproc target { exec $out/bench "$count"; }
	objects=0
	while read -r -u "${target[0]}" line && [ "$line" != ready ]; do
		case $line in *heap_objects=*) objects=${line#*heap_objects=} ;; *heap_alloc=*) bytes=${line#*heap_alloc=} ;; esac
	done
	pid=$target_PID
	"$tool" snapshot "$pid" -o "$core" || exit 1
	kill "$pid"
	wait "$pid" 2>/dev/null
	ours=$(python3 tests/bench/measure.py $out/ours.$count.txt "$tool" analyze "$core" -v) || exit 1
	echo "$objects objects, $bytes bytes: heapgraph $ours" | tee -a $out/summary.txt
	grep -v '^$' $out/ours.$count.txt.err | sed 's/^/    /'
	if theirs=$(goref "$core"); then
		echo "$objects objects: goref v0.0.9 $theirs; CPU ratio goref / heapgraph: $(
			awk -v a="${theirs%% *}" -v b="${ours%% *}" 'BEGIN { printf "%.1f", a / b }')"
	else
		echo "$objects objects: goref v0.0.9 did not run: $(tail -qn 1 $out/goref.log $out/goref.txt.err 2>/dev/null | head -n 1)"
	fi
	python3 tests/bench/measure.py --per "$objects" <<<"$ours"
	rm -f "$core"
done
