#!/usr/bin/env bash
# Prints the Go tool chains that the truth tests run on, one line each: RELEASE PATH-OF-GO, or RELEASE - WHY NOT.
# What is not installed comes as a module, through the Go that is: by GOTOOLCHAIN, or, where a release before 1.21 has a part in
# it, unpacked into a cache folder by us.
set -u
cache=${HEAPGRAPH_TOOLCHAINS:-${XDG_CACHE_HOME:-$HOME/.cache}/heapgraph/toolchains}
wanted=${*:-1.18.10 1.19.8 1.20.14 1.21.13 1.22.12 1.23.12 1.24.13 1.25.9 1.26.8 1.27.0}

release_of() { GOTOOLCHAIN=local "$1" version 2>/dev/null | awk '{ sub(/^go/, "", $3); print $3 }'; }

installed() { # RELEASE GO of every Go that lies around, newest last
	{
		command -v go
		ls /usr/local/go/bin/go /usr/lib/go-*/bin/go "$cache"/*/bin/go
		ls "$(go env GOMODCACHE 2>/dev/null)"/golang.org/toolchain@*/bin/go
	} 2>/dev/null | while read -r go; do
		release=$(release_of "$go")
		[ -n "$release" ] && echo "$release $go"
	done | sort -V | uniq
}

fetch_by_go() { # release go: prints where it is
	local root
	root=$(cd / && GOTOOLCHAIN=go$1 timeout 300 "$2" env GOROOT 2>/dev/null) || return 1
	[ "$(release_of "$root/bin/go")" = "$1" ] && echo "$root/bin/go"
}

fetch_as_module() { # release go: prints where it is
	local zip part=$cache/part.$1
	zip=$(cd / && timeout 300 "$2" mod download -json "golang.org/toolchain@v0.0.1-go$1.linux-amd64" 2>/dev/null |
		sed -n 's/.*"Zip": "\(.*\)".*/\1/p')
	[ -n "$zip" ] || return 1
	rm -rf "$part" "${cache:?}/$1"
	mkdir -p "$part" && python3 -m zipfile -e "$zip" "$part" &&
		chmod -R +x "$part"/golang.org/*/bin "$part"/golang.org/*/pkg/tool &&
		mv "$part"/golang.org/* "$cache/$1"
	rm -rf "$part"
	[ "$(release_of "$cache/$1/bin/go")" = "$1" ] && echo "$cache/$1/bin/go"
}

have=$(installed)
newest=$(echo "$have" | tail -n 1)
newest=${newest#* }
for release in $wanted; do
	found=$(echo "$have" | awk -v r="$release" '$1 == r { exact = $2 }
		{ split($1, a, "."); split(r, b, ".") } a[1] == b[1] && a[2] == b[2] { any = $2 } END { print exact ? exact : any }')
	[ -n "$found" ] || case $release in
	1.18.* | 1.19.* | 1.20.*) ;;
	*) [ -n "$newest" ] && found=$(fetch_by_go "$release" "$newest") ;;
	esac
	[ -n "$found" ] || { [ -n "$newest" ] && found=$(fetch_as_module "$release" "$newest"); }
	[ -n "$found" ] && echo "$(release_of "$found") $found" || echo "$release - not installed, and no module of it to be had"
done
