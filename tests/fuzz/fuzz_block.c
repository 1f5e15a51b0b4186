// Bytes become extents, which may overlap: 8 bytes a head, then bitmaps. Every address around them is looked up in the
// table and by walking it, and whatever was found must lie in an extent that was added.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "graph/block.h"

#define BASE 0xc000000000u

static size_t add_extent(struct hg_blocks *blocks, const uint8_t *data, size_t size)
{
	const uint32_t slots = data[3] % 200;
	struct hg_extent extent = {
		.addr = BASE + (uint64_t)(data[0] | data[1] << 8) * (data[5] & 2 ? 1 : 4096),
		.stride = (uint64_t)data[2] << (data[5] >> 4),
		.slots = slots,
		.irregular = data[5] & 1,
		.heap_ref = (uint32_t)blocks->extents.count,
	};
	extent.size = extent.stride * extent.slots + data[4];
	uint64_t bits[4] = {0}, ends[4] = {0};
	const size_t bytes = ((size_t)slots + 7) / 8, all = data[5] & 1 ? 2 * bytes : bytes;
	if (size < 8 + all)
		return size;
	memcpy(bits, data + 8, bytes);
	memcpy(ends, data + 8 + bytes, all - bytes);
	const bool with_ends = extent.irregular && !(data[5] & 4);
	hg_error_destroy(hg_blocks_add(blocks, &extent, bits, with_ends ? ends : NULL));
	return 8 + all;
}

static void check_block(const struct hg_blocks *blocks, const struct hg_extent *extent,
			uint32_t slot, uint32_t block)
{
	const uint64_t addr = hg_extent_slot_addr(extent, slot);
	const uint64_t size = hg_blocks_slot_size(blocks, extent, slot);
	hg_assert(size && size <= extent->size - (addr - extent->addr));
	hg_assert(hg_blocks_addr(blocks, block) == addr && hg_blocks_size(blocks, block) == size);
	hg_assert(hg_blocks_find(blocks, addr) == block);
	hg_assert(hg_blocks_find(blocks, addr + size / 2) == block);
	hg_assert(hg_blocks_find(blocks, addr + size - 1) == block);
	hg_assert(hg_blocks_find(blocks, addr - 1) != block);
	hg_assert(hg_blocks_find(blocks, addr + size) != block);
}

static void check_walk(const struct hg_blocks *blocks)
{
	uint32_t block = 0;
	uint64_t found_end = 0;
	for (size_t e = 0; e < blocks->extents.count; e++) {
		const struct hg_extent *extent = &blocks->extents.data[e];
		hg_assert(extent->addr >= found_end && extent->first == block);
		found_end = extent->addr + extent->size;
		for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
		     slot = hg_blocks_next_slot(blocks, extent, slot + 1), block++)
			check_block(blocks, extent, slot, block);
		hg_assert(hg_blocks_extent_at(blocks, extent->addr) == extent);
		hg_assert(hg_blocks_extent_at(blocks, found_end - 1) == extent);
		hg_assert(hg_blocks_extent_at(blocks, found_end) != extent);
	}
	hg_assert(block == blocks->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hg_blocks blocks = {0};
	uint64_t dropped;
	for (size_t at = 0; size <= 4096 && at + 8 <= size;)
		at += add_extent(&blocks, data + at, size - at);
	const size_t added = blocks.extents.count;
	hg_assert(!hg_blocks_finish(&blocks, &dropped));
	hg_assert(blocks.extents.count + dropped == added);
	check_walk(&blocks);
	uint64_t addrs[64];
	uint32_t found[64];
	for (size_t i = 0; i < 64; i++)
		addrs[i] = BASE + (i < size ? (uint64_t)data[i] << i % 24 : i);
	hg_blocks_find_many(&blocks, addrs, 64, found);
	for (size_t i = 0; i < 64; i++)
		hg_assert(found[i] == hg_blocks_find(&blocks, addrs[i]));
	hg_blocks_deinit(&blocks);
	return 0;
}
