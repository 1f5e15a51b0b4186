#!/usr/bin/env bash
# From a core to the answer: CPU time and memory of heapgraph on 1.4 and 14 million objects of Go, and of goref on the same core;
# on 15 million blocks of C and 5 million of C++. Prints figures and asserts nothing. Which runs: COUNTS (of Go), C_COUNTS,
# CXX_COUNTS, GO, GOREF=no. COMMANDS=yes adds the other commands on the native heaps.
# On two cores of a virtual machine that others used, too (seconds differ by a tenth): 14 million objects of Go 3.9 s of CPU and 51.1
# bytes an object; 15 million blocks of C 8.8 s and 55.1 bytes, `why node` 11.8 s and 58.6; 5 million of C++ 6.2 s and 53.9.
set -u
cd "$(dirname "$0")/../.." || exit 1
out=build/bench
go=${GO:-$(command -v go || echo /usr/local/go/bin/go)}
mkdir -p $out
tool=$PWD/build/heapgraph

goref() { # core: CPU seconds on stdout
	[ "${GOREF:-yes}" = yes ] || return 1
	[ -x $out/grf ] || GOBIN=$PWD/$out "$go" install github.com/cloudwego/goref/cmd/grf@v0.0.9 >$out/goref.log 2>&1 || return 1
	python3 tests/bench/measure.py $out/goref.txt $out/grf core $out/bench "$1" -o $out/goref.out
}

dump() { # program count core: writes the core; sets objects and bytes as the program told them
	rm -f "$3"
	coproc target { exec "$1" "$2"; }
	objects=0
	while read -r -u "${target[0]}" line && [ "$line" != ready ]; do
		case $line in
		*heap_objects=* | "truth blocks="*) objects=${line##*=} ;;
		*heap_alloc=* | "truth bytes="*) bytes=${line##*=} ;;
		esac
	done
	pid=$target_PID
	"$tool" snapshot "$pid" -o "$3" || exit 1
	kill "$pid"
	wait "$pid" 2>/dev/null
}

measure() { # what core command...: prints the line of measure.py, sets ours
	ours=$(python3 tests/bench/measure.py $out/ours.txt "$tool" "$3" "$2" "${@:4}" -v) || exit 1
	echo "$objects $1, $bytes bytes: heapgraph ${*:3} $ours" | tee -a $out/summary.txt
}

phases() {
	grep -v '^$' $out/ours.txt.err | sed 's/^/    /'
	python3 tests/bench/measure.py --per "$objects" <<<"$ours"
}

bench_go() { # count
	local core=$out/core.go theirs
	dump $out/bench "$1" $core
	measure "objects of Go" $core analyze
	phases
	if theirs=$(goref "$core"); then
		echo "$objects objects: goref v0.0.9 $theirs; CPU ratio goref / heapgraph: $(
			awk -v a="${theirs%% *}" -v b="${ours%% *}" 'BEGIN { printf "%.1f", a / b }')"
	else
		echo "$objects objects: goref v0.0.9 did not run: $(tail -qn 1 $out/goref.log $out/goref.txt.err 2>/dev/null | head -n 1)"
	fi
	rm -f "$core"
}

bench_native() { # program what count type
	local core=$out/core.native
	dump "$1" "$3" $core
	measure "blocks of $2" $core analyze
	phases
	if [ "${COMMANDS:-no}" = yes ]; then
		measure "blocks of $2" $core top --by=type
		measure "blocks of $2" $core leaks
		measure "blocks of $2" $core why "$4"
	fi
	rm -f "$core"
}

if [ -n "${COUNTS=1400000 14000000}" ]; then
	(cd fixtures/go && GOFLAGS= "$go" build -o ../../$out/bench ./bench) || exit 1
	for count in $COUNTS; do
		bench_go "$count"
	done
fi
gcc -std=gnu11 -O1 -g fixtures/c/bench.c -o $out/bench_c -pthread || exit 1
g++ -std=gnu++17 -O1 -g fixtures/cxx/bench.cc -o $out/bench_cxx || exit 1
for count in ${C_COUNTS-15000000}; do
	bench_native $out/bench_c C "$count" node
done
for count in ${CXX_COUNTS-5000000}; do
	bench_native $out/bench_cxx C++ "$count" Guest
done
