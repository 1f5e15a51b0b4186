#!/usr/bin/env bash
# Runs tests/e2e/COMMAND/CASE.sh and compares what it prints, both streams, with CASE.out beside it; --update writes CASE.out.
# A case finds heapgraph in PATH, a core of the fixture `shapes` in $CORE and its number in $PID, one of C's `holders` in $C_CORE,
# one of `cxx/containers` in $CXX_CORE, and the path of the fixture c/leaks in $LEAKS; digits are its own business (see `plain`).
set -u
cd "$(dirname "$0")/../.." || exit 1
update=${1:-}
top=$PWD
export PATH=$top/build:$PATH LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; kill "${pids[@]}" 2>/dev/null' EXIT

plain() { sed -E 's/^ +//; s/0x[0-9a-f]+/ADDRESS/g; s/[0-9]+([,.][0-9]+)*/N/g; s/ +/ /g'; } # figures of one run out, wording in
export -f plain

# Each fixture runs until the end, with an input that says nothing: a core of it in NAME, its number in PID.
pids=()
mkfifo "$scratch/input" && exec {input}<>"$scratch/input"
start() { # NAME fixture
	local line said
	exec {said}< <(exec "$2" <&"$input")
	PID=$!
	pids+=("$PID")
	while read -r -u "$said" line && [ "$line" != ready ]; do :; done
	declare -gx "$1=$scratch/$1" PID
	heapgraph snapshot "$PID" -o "${!1}" >/dev/null || unset "$1"
}

fixtures=$(PYTHONPATH=tests/truth python3 - <<'PY'
import harness, native
try:
    print(native.build("cxx/containers", flags=["-O0"], variant="-O0"), native.build("c/holders", flags=["-O0"], variant="e2e"),
          harness.build("1.26", "default", "shapes"), native.build("c/leaks"))
except harness.Skipped as reason:
    print("skip e2e:", reason)
PY
) || exit 1
case $fixtures in skip*) echo "$fixtures" && exit 0 ;; esac
read -r containers holders shapes LEAKS <<<"$fixtures"
export LEAKS
start CXX_CORE "$containers"
start C_CORE "$holders"
start CORE "$shapes" # the last: $PID is its

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
