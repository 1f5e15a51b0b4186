#!/bin/sh
# Installs what is missing for `make demo` or `make check`, and touches nothing where all is there.
set -eu
goal=${1:-build}
missing=

needs_header() { # header package
	printf '#include <stdio.h>\n#include <stdarg.h>\n#include <stddef.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <%s>\n' "$1" |
		gcc $(pkg-config --cflags libdwarf 2>/dev/null) -idirafter /usr/include/libdwarf -fsyntax-only -x c - 2>/dev/null || missing="$missing $2"
}
needs_command() { # command package
	command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

needs_command gcc 'gcc libc6-dev'
needs_header libelf.h libelf-dev
needs_header libdwarf.h libdwarf-dev
needs_header zlib.h zlib1g-dev
needs_header xxhash.h libxxhash-dev
needs_header zstd.h libzstd-dev
if [ "$goal" != build ]; then
	command -v go >/dev/null 2>&1 || [ -x /usr/local/go/bin/go ] || missing="$missing golang-go ca-certificates"
	needs_command python3 python3-minimal
fi
if [ "$goal" = check ]; then
	needs_command clang clang
	needs_command clang-format-14 clang-format-14
	needs_command gdb gdb
	needs_command scdoc scdoc
	needs_command dot graphviz
	needs_command zstd zstd
	needs_command valgrind valgrind
	# libc's symbols, against which its heap is checked; valgrind wants them too.
	[ -e /usr/share/doc/libc6-dbg ] || missing="$missing libc6-dbg"
	needs_command dwz dwz
	needs_command llvm-dwp-14 llvm-14
	[ -e /usr/lib/llvm-14/lib/libc++.so ] || ! grep -q 'VERSION_ID="12"' /etc/os-release || missing="$missing libc++-dev libc++abi-dev"
	needs_header cmocka.h libcmocka-dev
	python3 -c 'import json, subprocess, threading' 2>/dev/null || missing="$missing python3"
	# Debian 12's own Go is one of the releases under test.
	[ -x /usr/lib/go-1.19/bin/go ] || ! grep -q 'VERSION_ID="12"' /etc/os-release || missing="$missing golang-1.19-go"
fi
[ -n "$missing" ] || exit 0

echo "installing:$missing"
as_root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null 2>&1 || { echo "cannot install as this user; as root: apt-get install$missing" >&2; exit 1; }
	as_root=sudo
fi
command -v apt-get >/dev/null 2>&1 || { echo "no apt-get here; install the like of:$missing" >&2; exit 1; }
$as_root apt-get -qq update
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
