#!/usr/bin/env bash
# Runs tests/e2e/COMMAND/CASE.sh and compares what it prints, both streams, with CASE.out beside it; --update writes CASE.out.
# A case finds heapgraph in PATH, a core of the fixture `shapes` in $CORE, one of C's `holders` in $C_CORE, one of `cxx/containers`
# in $CXX_CORE, and the path of the fixture c/leaks in $LEAKS; digits are its own business (see `plain`).
set -u
cd "$(dirname "$0")/../.." || exit 1
update=${1:-}
top=$PWD
export PATH=$top/build:$PATH LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; kill ${target_PID:-} ${c_pid:-} 2>/dev/null' EXIT

plain() { sed -E 's/^ +//; s/0x[0-9a-f]+/ADDRESS/g; s/[0-9]+([,.][0-9]+)*/N/g; s/ +/ /g'; } # figures of one run out, wording in
export -f plain

fixture=$(PYTHONPATH=tests/truth python3 - <<'PY'
import harness, native
try:
    print(harness.build("1.26", "default", "shapes"), native.build("c/leaks"))
except harness.Skipped as reason:
    print("skip e2e:", reason)
PY
) || exit 1
case $fixture in skip*) echo "$fixture" && exit 0 ;; esac
read -r fixture LEAKS <<<"$fixture"
export LEAKS
cxx_fixture=$(PYTHONPATH=tests/truth python3 -c 'import native; print(native.build("cxx/containers", flags=["-O0"], variant="-O0"))') || exit 1
coproc target { exec "$cxx_fixture"; }
while read -r -u "${target[0]}" line && [ "$line" != ready ]; do :; done
export CXX_CORE=$scratch/cxx-core
heapgraph snapshot "$target_PID" -o "$CXX_CORE" >/dev/null || unset CXX_CORE
kill "$target_PID" && wait "$target_PID" 2>/dev/null
coproc target { exec "$fixture"; }
while read -r -u "${target[0]}" line && [ "$line" != ready ]; do :; done
export PID=$target_PID CORE=$scratch/core
heapgraph snapshot "$PID" -o "$CORE" >/dev/null || unset CORE
holders=$(PYTHONPATH=tests/truth python3 -c 'import native; print(native.build("c/holders", flags=["-O0"], variant="e2e"))') || exit 1
mkfifo "$scratch/said_c"
"$holders" >"$scratch/said_c" &
c_pid=$!
while read -r line && [ "$line" != ready ]; do :; done <"$scratch/said_c"
export C_CORE=$scratch/c_core
heapgraph snapshot "$c_pid" -o "$C_CORE" >/dev/null || unset C_CORE

status=0
for script in tests/e2e/*/*.sh; do
	name=${script#tests/e2e/}
	name=${name%.sh}
	expected=${script%.sh}.out
	(cd "$scratch" && timeout 60 bash "$top/$script") >"$scratch/said" 2>&1
	if [ "$update" = --update ]; then
		cp "$scratch/said" "$expected"
		echo "wrote $expected"
	elif difference=$(diff -u "$expected" "$scratch/said"); then
		echo "ok e2e $name"
	else
		echo "FAIL e2e $name"
		echo "$difference" | head -n 20 | sed 's/^/    /'
		status=1
	fi
done
exit $status
