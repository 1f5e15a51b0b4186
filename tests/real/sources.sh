#!/bin/sh
# Unpacks the source packages of the distribution into a folder: sources.sh FOLDER PACKAGE... . Nothing of the system is changed:
# the lists of sources that are configured are read as lists of source packages, in a folder of their own.
set -eu
folder=$1
shift
mkdir -p "$folder/apt/lists/partial" "$folder/apt/sources"
folder=$(cd "$folder" && pwd)
for list in /etc/apt/sources.list.d/*.sources; do
	[ -e "$list" ] && sed 's/^Types:.*/Types: deb-src/' "$list" >"$folder/apt/sources/$(basename "$list")"
done
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
	[ -e "$list" ] && sed -n 's/^deb /deb-src /p' "$list" >"$folder/apt/sources/$(basename "$list" .list).list"
done
apt() {
	apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$folder/apt/sources" \
		-o Dir::State::Lists="$folder/apt/lists" -o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache= "$@"
}
apt update
cd "$folder"
for package; do
	ls -d "$package"-*/ >/dev/null 2>&1 || apt source "$package" >/dev/null 2>&1
done
