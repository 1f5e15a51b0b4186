#!/bin/sh
# Includes never point leftwards: cli -> graph -> dwarf -> core -> core/base.
refuse() { # files, pattern of includes that they may not have
	# shellcheck disable=SC2086
	grep -nE "^#[[:space:]]*include[[:space:]]+\"($2)" $1 /dev/null
}
sources() { tests/files "$@" | grep '\.[ch]$'; }

refuse "$(sources core/base/)" 'core/[^b]|core/b[^a]|dwarf/|graph/|cli/'
refuse "$(sources core/)" 'dwarf/|graph/|cli/'
refuse "$(sources dwarf/)" 'graph/|cli/'
refuse "$(sources graph/)" 'cli/'
refuse "$(sources cli/)" 'core/[^b]|core/b[^a]|dwarf/' # cli sees the public header and core/base alone
grep -nE '^#[[:space:]]*include[[:space:]]+"graph/' $(sources cli/) /dev/null | grep -v '"graph/heapgraph.h"'
# Includes are written from the root, and tests are included by nothing.
sources core/ dwarf/ graph/ cli/ | xargs grep -nE '^#[[:space:]]*include[[:space:]]+"([^/"]*"|\.|tests/)'
exit 0
