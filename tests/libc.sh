#!/usr/bin/env bash
# Prints the C libraries that the malloc tests run on, one line each: SUITE VERSION FOLDER, or SUITE - WHY NOT.
# FOLDER holds libc6 and libc6-dev of that Debian suite, unpacked; they are fetched once, from where this machine gets its packages.
set -u
cache=${HEAPGRAPH_LIBCS:-${XDG_CACHE_HOME:-$HOME/.cache}/heapgraph/libc}
suites=${*:-bullseye bookworm trixie sid}

source_of() { # the archive of the machine's own release
	cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
		grep -oE '(https?|file|copy|mirror\+[a-z]+):[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' '
}

apt_options() {
	printf '%s\n' "Dir::Etc::SourceList \"$1/list\";" 'Dir::Etc::SourceParts "/dev/null";' \
		"Dir::State::Lists \"$1/lists\";" "Dir::Cache \"$1/archives\";" 'Dir::Etc::Preferences "/dev/null";' \
		'Dir::Etc::PreferencesParts "/dev/null";' \
		'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";' 'Acquire::Languages "none";' >"$1/apt.conf"
}

fetch() { # suite: unpacks into $cache/suite
	local work=$cache/part.$1 source
	source=$(source_of)
	command -v apt-get >/dev/null && [ -n "$source" ] || return 1
	rm -rf "$work" && mkdir -p "$work/lists/partial" "$work/archives/archives/partial" "$work/tree" || return 1
	echo "deb $source $1 main" >"$work/list"
	apt_options "$work"
	(
		cd "$work" || exit 1
		export APT_CONFIG=$work/apt.conf
		timeout 120 apt-get -qq update && timeout 120 apt-get -qq download "libc6/$1" "libc6-dev/$1" || exit 1
		for package in *.deb; do dpkg-deb -x "$package" tree || exit 1; done
	) >/dev/null 2>&1 || return 1
	rm -rf "${cache:?}/$1" && mv "$work/tree" "$cache/$1"
}

for suite in $suites; do
	loader() { ls "$cache/$suite"/lib64/ld-linux-x86-64.so.2 "$cache/$suite"/usr/lib64/ld-linux-x86-64.so.2 2>/dev/null | head -n 1; }
	version() { strings -a "$(find "$cache/$suite" -path '*x86_64-linux-gnu/libc*.so*' ! -name '*.a' -type f -size +1M | head -n 1)" |
		sed -n 's/^GNU C Library.*stable release version \([0-9.]*[0-9]\)\..*/\1/p'; }
	[ -d "$cache/$suite" ] || fetch "$suite"
	rm -rf "$cache/part.$suite"
	if [ -d "$cache/$suite" ]; then
		echo "$suite $(version) $cache/$suite"
	else
		echo "$suite - cannot be fetched from this machine's package source"
	fi
done
