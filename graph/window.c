#include "graph/window.h"

#include <stdlib.h>

bool hg_window_open(struct hg_windows *windows, const struct hg_blocks *blocks, uint64_t at,
		    uint64_t from, uint64_t to)
{
	uint32_t block = hg_blocks_find(blocks, at);
	if (block == HG_NO_BLOCK)
		return false;
	uint64_t start = hg_blocks_addr(blocks, block), end = start + hg_blocks_size(blocks, block);
	if (from < start || to > end || from > to)
		return false;
	uint64_t *known = hg_map_put(&windows->by_block, block);
	struct hg_window *window = known && !*known ? hg_vec_push(&windows->list) : NULL;
	if (window) {
		*window = (struct hg_window){from, to};
		*known = windows->list.count;
	} else if (known && *known) {
		window = &windows->list.data[*known - 1];
		window->from = from < window->from ? from : window->from;
		window->to = to > window->to ? to : window->to;
	}
	return true;
}

bool hg_window_has(const struct hg_windows *windows, uint32_t block, uint64_t addr)
{
	const uint64_t *known = windows->list.count ? hg_map_get(&windows->by_block, block) : NULL;
	if (!known || !*known)
		return true;
	const struct hg_window *window = &windows->list.data[*known - 1];
	return addr >= window->from && addr < window->to;
}

void hg_windows_deinit(struct hg_windows *windows)
{
	hg_map_deinit(&windows->by_block);
	hg_vec_deinit(&windows->list);
}
