#include "core/mapping.h"

#include <stdlib.h>

#include "core/image_build.h"

static int by_start(const void *left, const void *right)
{
	const struct hg_mapping *a = left, *b = right;
	return (a->start > b->start) - (a->start < b->start);
}

void hg_mappings_sort(hg_mappings *mappings)
{
	if (!mappings->count)
		return;
	qsort(mappings->data, mappings->count, sizeof(*mappings->data), by_start);
	size_t kept = 1;
	for (size_t i = 1; i < mappings->count; i++)
		if (mappings->data[i].start >= mappings->data[kept - 1].end)
			mappings->data[kept++] = mappings->data[i];
	mappings->count = kept;
}

const struct hg_mapping *hg_mappings_find(const hg_mappings *mappings, uint64_t addr)
{
	size_t low = 0, high = mappings->count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (mappings->data[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < mappings->count && mappings->data[low].start <= addr ? &mappings->data[low]
									  : NULL;
}
