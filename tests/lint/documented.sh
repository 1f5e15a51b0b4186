#!/bin/sh
# Each header begins with what it is for; each function of a header that can fail says how to call it.
tests/files 'core/*.h' 'dwarf/*.h' 'graph/*.h' 'cli/*.h' | xargs awk '
	FNR == 1 { documented = 0; if (!/^\/\*\*/) print FILENAME ": does not begin with /** what it is for */" }
	/\*\// || /\/\// { documented = 1 }
	/^$/ { documented = 0 }
	/^struct hg_error \*hg_[a-z0-9_]+\(/ && !documented { print FILENAME ":" FNR ": " $0 }'
exit 0
