#!/usr/bin/env bash
# Real programs, built from the sources of the distribution: does heapgraph name what a person would name? One line a check.
# Downloads about 20 MB and builds for minutes, so `make check` leaves it out.
set -u
cd "$(dirname "$0")/../.." || exit 1
real=build/real
log=$(mktemp)
trap 'rm -f "$log"' EXIT
mkdir -p "$real"
tests/deps.sh real >&2

build() { # name source command...: unless it stands
	local name=$1 source=$2 said
	shift 2
	[ -x "$real/$name" ] && ! [ "$source" -nt "$real/$name" ] && return 0
	said=$("$@" 2>&1) && [ -x "$real/$name" ] && return 0
	echo "FAIL build $name: $(echo "$said" | tail -n 3 | tr '\n' ' ')"
	return 1
}

redis() {
	make -C "$(echo $real/redis-*/)" -j"$(nproc)" MALLOC=libc OPTIMIZATION=-O2 USE_SYSTEMD=no redis-server &&
		cp $real/redis-*/src/redis-server "$real/redis-server"
}

sqlite() {
	(cd $real/sqlite3-*/ && { [ -e sqlite3.c ] || { ./configure --disable-tcl && make sqlite3.c; }; }) &&
		gcc -g -O2 -I"$(echo $real/sqlite3-*/)" tests/real/sqlite_store.c $real/sqlite3-*/sqlite3.c -o "$real/sqlite_store" \
			-lm -lpthread -ldl
}

leveldb() {
	local from
	from=$(echo $real/leveldb-*/)
	# shellcheck disable=SC2046
	g++ -g -O2 -std=c++17 -DLEVELDB_PLATFORM_POSIX=1 -DHAVE_FDATASYNC=1 -DLEVELDB_IS_BIG_ENDIAN=0 -DHAVE_O_CLOEXEC=1 \
		-I"$from" -I"$from/include" $(ls "$from"db/*.cc "$from"table/*.cc "$from"util/*.cc "$from"helpers/memenv/memenv.cc |
			grep -v '_test.cc\|leveldbutil\|testutil\|windows') tests/real/leveldb_store.cc -o "$real/leveldb_store" -lpthread
}

{
	if ! command -v dpkg-source >/dev/null 2>&1; then
		echo "skip real: no dpkg-source here (package dpkg-dev), and it cannot be installed"
	elif ! said=$(tests/real/sources.sh "$real" redis sqlite3 leveldb 2>&1); then
		echo "skip real: no sources: $(echo "$said" | sed 's,//[^/ ]*,//...,g' | tail -n 1)"
	else
		build redis-server tests/real/run.sh redis
		build sqlite_store tests/real/sqlite_store.c sqlite
		build leveldb_store tests/real/leveldb_store.cc leveldb
		python3 tests/real/check.py || [ $? = 1 ] || echo "FAIL real: check.py ended early"
	fi
} | tee "$log"

count() { grep -c "^$1 " "$log"; }
echo "$(count ok) passed, $(count FAIL) failed, $(count skip) skipped"
[ "$(count FAIL)" = 0 ]
