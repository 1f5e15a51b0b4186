/**
 * Windows: the part of a block that is in use, where its owner knows (the elements of a vector, but not the room behind
 * them). Words outside of it are left from earlier and own nothing, whatever the block's type says.
 */
#ifndef HG_GRAPH_WINDOW_H
#define HG_GRAPH_WINDOW_H

#include "core/base/map.h"
#include "graph/block.h"

struct hg_window {
	uint64_t from, to; /* addresses */
};

struct hg_windows {
	struct hg_map by_block; /* block -> index + 1 */
	HG_VEC(struct hg_window) list;
};

/** Says that of the block that holds `at`, [from, to) is in use; of several windows for a block, all together count. False
 * where `at` is in no block or the window leaves the block. Without memory there is no window, as before. */
bool hg_window_open(struct hg_windows *windows, const struct hg_blocks *blocks, uint64_t at,
		    uint64_t from, uint64_t to);

/** Is a word of a block in use, for all that is known? */
bool hg_window_has(const struct hg_windows *windows, uint32_t block, uint64_t addr);
void hg_windows_deinit(struct hg_windows *windows);

#endif
