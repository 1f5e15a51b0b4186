#!/bin/sh
# Files end before line 800, functions before their 61st line, unless a comment "long: REASON" stands above or in them.
tests/files '*.c' '*.h' '*.py' '*.sh' | xargs wc -l | awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines" }'
tests/files '*.c' | xargs awk '
	FNR == 1 { start = 0; allowed = 0 }
	/long: / { allowed = 1 }
	/^[{]/ { start = FNR; head = last }
	/^[}]/ { if (start && FNR - start - 1 > 60 && !allowed)
			print FILENAME ":" start ": " FNR - start - 1 " lines: " head
		start = 0; allowed = 0 }
	!start && /^[a-z].*\(/ { last = $0 }'
# The rules themselves stay short.
wc -l tests/lint/*.sh | awk '$2 != "total" && $1 > 25 { print $2 ": " $1 " lines" }'
