#!/bin/sh
# make demo: two programs that leak, loaded over real sockets, and the answer for each.
set -eu
cd "$(dirname "$0")/.."
tool=build/heapgraph
go=$(command -v go || echo /usr/local/go/bin/go)
out=build/demo
requests=${REQUESTS:-400}
mkdir -p $out

bold= plain=
[ -t 1 ] && bold=$(printf '\033[1m') plain=$(printf '\033[0m')
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
finish() {
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
	rm -f $out/commands $out/core
}
trap finish EXIT

start() { # fixture: builds it, runs it, waits until it listens
	(cd fixtures/go && GOFLAGS= GOTOOLCHAIN=local "$go" build -o "../../$out/$1" "./$1")
	rm -f $out/commands && mkfifo $out/commands
	$out/"$1" <$out/commands >$out/"$1".log &
	server=$!
	exec 9>$out/commands
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		grep -q ready $out/"$1".log && break
		sleep 0.2
	done
	address=$(sed -n 's/^truth address=//p' $out/"$1".log)
}

act() { # fixture
	rm -f $out/core
	say "\$ heapgraph snapshot $server -o core"
	$tool snapshot "$server" -o $out/core
	say "\$ heapgraph analyze core"
	$tool analyze $out/core
	exec 9>&-
	wait "$server" || true
	server=
}

say "A server keeps each of $requests requests of 1 MB in a global map. Who holds the memory?"
start leakserver
$out/leakserver load "$address" "$requests" 1000000
act

say "A consumer decodes JSON messages and remembers a word of each. Every byte was allocated by the decoder; who holds it?"
start baseline
$out/baseline load "$address" 20000
act
