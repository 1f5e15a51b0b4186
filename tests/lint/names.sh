#!/bin/sh
# A file name is unique among the sources (a header and its .c aside): a grep hit needs no folder.
tests/files 'core/*.[ch]' 'dwarf/*.[ch]' 'graph/*.[ch]' 'cli/*.[ch]' | sed 's,.*/,,' | sort | uniq -d
