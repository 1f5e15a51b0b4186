#!/bin/sh
# Functions that cannot be used safely, and in the library what belongs to the command line.
scan() { # pattern file...
	pattern=$1
	shift
	for file in $(tests/files "$@" | grep '\.[ch]$'); do
		sed 's,//.*,,; s/"\([^"\\]\|\\.\)*"/""/g; s,^[[:space:]]*/\?\*.*,,' "$file" | grep -nE "$pattern" | sed "s,^,$file:,"
	done
}
scan '\b(gets|strcpy|stpcpy|strcat|sprintf|vsprintf|atoi|atol|atoll|atof|alloca|strtok|mktemp|tmpnam)[[:space:]]*\(' \
	core dwarf graph cli tests
scan '\b(system|popen)[[:space:]]*\(' core dwarf graph cli
scan '\b(printf|puts|putchar|perror|exit|_exit|abort)[[:space:]]*\(' core dwarf graph | grep -v '^core/base/error\.'
exit 0
