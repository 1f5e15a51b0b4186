#include "graph/retained.h"

#include <stdlib.h>
#include <string.h>

void hg_retained_sum(const struct hg_dominators *dom, uint64_t *sizes)
{
	for (uint32_t i = dom->reached; i-- > 1;) {
		const uint32_t node = dom->preorder[i];
		sizes[dom->idom[node]] += sizes[node];
	}
}
