#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "graph/block.h"

static uint64_t seed;

static uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	const uint64_t mixed = (seed ^ seed >> 29) * 0xbf58476d1ce4e5b9u;
	return (mixed ^ mixed >> 32) % below;
}

struct naive_block {
	uint64_t addr, size;
};

/** What the table is to say, in a list. */
struct naive {
	struct naive_block *blocks;
	size_t count, room;
	uint64_t *probes; // addresses where an answer may change
	size_t probe_count;
};

static void naive_add(struct naive *naive, uint64_t addr, uint64_t size)
{
	if (naive->count == naive->room) {
		naive->room = naive->room * 2 + 64;
		naive->blocks = realloc(naive->blocks, naive->room * sizeof(*naive->blocks));
		naive->probes = realloc(naive->probes, naive->room * 4 * sizeof(*naive->probes));
	}
	naive->blocks[naive->count++] = (struct naive_block){addr, size};
	naive->probes[naive->probe_count++] = addr;
	naive->probes[naive->probe_count++] = addr - 1;
	naive->probes[naive->probe_count++] = addr + size;
	naive->probes[naive->probe_count++] = addr + rnd(size);
}

static int compare_blocks(const void *a, const void *b)
{
	const struct naive_block *left = a, *right = b;
	return left->addr < right->addr ? -1 : left->addr > right->addr;
}

static uint32_t naive_find(const struct naive *naive, uint64_t addr)
{
	size_t low = 0, high = naive->count; // the first behind addr
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (naive->blocks[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low && addr - naive->blocks[low - 1].addr < naive->blocks[low - 1].size)
		return (uint32_t)(low - 1);
	return HG_NO_BLOCK;
}

static void set(uint64_t *bits, uint64_t bit)
{
	bits[bit / 64] |= (uint64_t)1 << bit % 64;
}

static void fill_regular(struct naive *naive, const struct hg_extent *extent, uint64_t *bits)
{
	const uint64_t fullness = rnd(5);
	for (uint32_t slot = 0; slot < extent->slots; slot++) {
		if (fullness < 4 && rnd(4) >= fullness)
			continue;
		set(bits, slot);
		naive_add(naive, extent->addr + slot * extent->stride, extent->stride);
	}
}

static void fill_irregular(struct naive *naive, const struct hg_extent *extent, uint64_t *bits,
			   uint64_t *ends)
{
	const uint64_t longest = 1 + rnd(extent->slots);
	for (uint64_t slot = rnd(3); slot < extent->slots;) {
		uint64_t length = 1 + rnd(longest);
		if (length > extent->slots - slot)
			length = extent->slots - slot;
		set(bits, slot);
		set(ends, slot + length - 1);
		naive_add(naive, extent->addr + slot * extent->stride, length * extent->stride);
		slot += length + rnd(3);
	}
}

static void add_random_extent(struct hg_blocks *blocks, struct naive *naive, uint64_t *addr)
{
	static const uint64_t gaps[] = {0, 1, 16, 8192, 1 << 20, 1 << 27, (uint64_t)1 << 41};
	*addr += gaps[rnd(rnd(50) ? 4 : 7)];
	struct hg_extent extent = {.addr = *addr, .irregular = rnd(3) == 0};
	extent.stride = rnd(3) ? (1 + rnd(64)) * 8 : rnd(8) ? 1 + rnd(3000) : 1 + rnd(200 << 20);
	extent.slots = 1 + (uint32_t)rnd(rnd(8) ? 200 : 3000);
	if (extent.stride > 4096)
		extent.slots = 1 + (uint32_t)rnd(2);
	extent.size = extent.slots * extent.stride + (rnd(2) ? rnd(9000) : 0);
	uint64_t *bits = calloc(64, sizeof(*bits)), *ends = calloc(64, sizeof(*ends));
	if (extent.irregular)
		fill_irregular(naive, &extent, bits, ends);
	else
		fill_regular(naive, &extent, bits);
	// What lies behind the last slot is not looked at.
	if (extent.slots % 64)
		bits[extent.slots / 64] |= UINT64_MAX << extent.slots % 64;
	assert_null(hg_blocks_add(blocks, &extent, bits, extent.irregular ? ends : NULL));
	free(bits);
	free(ends);
	*addr += extent.size;
}

static void check_walk(const struct hg_blocks *blocks, const struct naive *naive)
{
	uint32_t block = 0;
	for (size_t e = 0; e < blocks->extents.count; e++) {
		const struct hg_extent *extent = &blocks->extents.data[e];
		assert_int_equal(block, extent->first);
		for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
		     slot = hg_blocks_next_slot(blocks, extent, slot + 1), block++) {
			assert_int_equal(hg_extent_slot_addr(extent, slot),
					 naive->blocks[block].addr);
			assert_int_equal(hg_blocks_slot_size(blocks, extent, slot),
					 naive->blocks[block].size);
			assert_ptr_equal(hg_blocks_extent(blocks, block), extent);
			assert_int_equal(hg_blocks_slot(blocks, extent, block), slot);
			const uint64_t start = hg_extent_slot_addr(extent, slot);
			const uint64_t last = start + hg_blocks_slot_size(blocks, extent, slot) - 1;
			assert_int_equal(hg_blocks_slot_near(blocks, extent, block, start), slot);
			assert_int_equal(hg_blocks_slot_near(blocks, extent, block, last), slot);
			assert_true(hg_blocks_starts_at(blocks, extent, start));
			assert_true(last == start || !hg_blocks_starts_at(blocks, extent, last));
		}
		assert_int_equal(block, extent->first + extent->count);
	}
	assert_int_equal(block, blocks->count);
}

static void check_lookups(const struct hg_blocks *blocks, const struct naive *naive)
{
	uint32_t *found = malloc((naive->probe_count + 1) * sizeof(*found));
	hg_blocks_find_many(blocks, naive->probes, naive->probe_count, found);
	for (size_t i = 0; i < naive->probe_count; i++) {
		const uint32_t expected = naive_find(naive, naive->probes[i]);
		assert_int_equal(hg_blocks_find(blocks, naive->probes[i]), expected);
		assert_int_equal(found[i], expected);
	}
	free(found);
	for (uint32_t block = 0; block < blocks->count; block++) {
		assert_int_equal(hg_blocks_addr(blocks, block), naive->blocks[block].addr);
		assert_int_equal(hg_blocks_size(blocks, block), naive->blocks[block].size);
	}
}

static void test_random_extents_against_a_list(void **state)
{
	(void)state;
	for (seed = 1; seed <= 300; seed++) {
		const uint64_t start = seed;
		struct hg_blocks blocks = {0};
		struct naive naive = {0};
		const uint64_t extents = rnd(rnd(10) ? 40 : 600);
		// High and low addresses in turn, so that extents come unsorted.
		uint64_t low = rnd(1 << 20), high = 0xc000000000 + rnd(1 << 27);
		for (uint64_t i = 0; i < extents; i++)
			add_random_extent(&blocks, &naive, rnd(2) ? &low : &high);
		if (low >= 0xc000000000) { // they ran into each other: another test's business
			free(naive.blocks);
			free(naive.probes);
			hg_blocks_deinit(&blocks);
			seed = start;
			continue;
		}
		uint64_t dropped = 7;
		assert_null(hg_blocks_finish(&blocks, &dropped));
		assert_int_equal(dropped, 0);
		if (naive.count)
			qsort(naive.blocks, naive.count, sizeof(*naive.blocks), compare_blocks);
		assert_int_equal(blocks.count, naive.count);
		check_walk(&blocks, &naive);
		check_lookups(&blocks, &naive);
		free(naive.blocks);
		free(naive.probes);
		hg_blocks_deinit(&blocks);
		seed = start;
	}
}

static void test_nothing_is_found_in_nothing(void **state)
{
	(void)state;
	struct hg_blocks blocks = {0};
	assert_int_equal(hg_blocks_find(&blocks, 0), HG_NO_BLOCK);
	assert_null(hg_blocks_finish(&blocks, NULL));
	assert_int_equal(hg_blocks_find(&blocks, 0), HG_NO_BLOCK);
	assert_int_equal(hg_blocks_find(&blocks, UINT64_MAX), HG_NO_BLOCK);
	assert_null(hg_blocks_extent_at(&blocks, 0xc000000000));
	hg_blocks_deinit(&blocks);
}

static void test_the_later_added_of_two_that_overlap_goes(void **state)
{
	(void)state;
	struct hg_blocks blocks = {0};
	const uint64_t bits = 1;
	const uint64_t addrs[] = {0x5000, 0x4800, 0x5800, 0x3000, 0x6000};
	for (uint32_t i = 0; i < 5; i++) {
		struct hg_extent extent = {.addr = addrs[i],
					   .size = 0x1000,
					   .stride = 0x1000,
					   .slots = 1,
					   .heap_ref = i};
		assert_null(hg_blocks_add(&blocks, &extent, &bits, NULL));
	}
	uint64_t dropped;
	assert_null(hg_blocks_finish(&blocks, &dropped));
	assert_int_equal(dropped, 2);
	assert_int_equal(blocks.count, 3);
	assert_int_equal(hg_blocks_find(&blocks, 0x3000), 0);
	assert_int_equal(hg_blocks_find(&blocks, 0x4fff), HG_NO_BLOCK);
	assert_int_equal(hg_blocks_find(&blocks, 0x5fff), 1);
	assert_int_equal(hg_blocks_extent_at(&blocks, 0x6000)->heap_ref, 4);
	hg_blocks_deinit(&blocks);
}

static void refuse(struct hg_extent extent, uint64_t starts, uint64_t ends)
{
	struct hg_blocks blocks = {0};
	struct hg_error *err =
		hg_blocks_add(&blocks, &extent, &starts, extent.irregular ? &ends : NULL);
	assert_non_null(err);
	assert_int_equal(blocks.extents.count, 0);
	assert_int_equal(blocks.words.count, 0);
	hg_error_destroy(err);
	hg_blocks_deinit(&blocks);
}

static void test_refuses_what_cannot_be(void **state)
{
	(void)state;
	refuse((struct hg_extent){.addr = 4096, .size = 64, .stride = 0, .slots = 4}, 1, 0);
	refuse((struct hg_extent){.addr = 4096, .size = 64, .stride = 16, .slots = 0}, 1, 0);
	refuse((struct hg_extent){.addr = 4096, .size = 63, .stride = 16, .slots = 4}, 1, 0);
	refuse((struct hg_extent){.addr = UINT64_MAX - 62, .size = 64, .stride = 16, .slots = 4}, 1,
	       0);
	refuse((struct hg_extent){.addr = 4096, .size = 64, .stride = UINT64_MAX / 2, .slots = 4},
	       1, 0);
	const struct hg_extent arena = {
		.addr = 4096, .size = 64, .stride = 16, .slots = 4, .irregular = true};
	refuse(arena, 0x1, 0x0); // no end
	refuse(arena, 0x3, 0x8); // a start inside
	refuse(arena, 0x1, 0x6); // two ends
	refuse(arena, 0x2, 0x1); // end before start
}

static void test_blocks_without_ends_reach_to_the_next(void **state)
{
	(void)state;
	struct hg_blocks blocks = {0};
	const struct hg_extent arena = {
		.addr = 0x10000, .size = 150 * 16, .stride = 16, .slots = 150, .irregular = true};
	const uint64_t starts[] = {(uint64_t)1 << 3 | (uint64_t)1 << 63, 0x3, 1};
	assert_null(hg_blocks_add(&blocks, &arena, starts, NULL));
	assert_null(hg_blocks_finish(&blocks, NULL));
	assert_int_equal(blocks.count, 5);
	const uint64_t sizes[] = {60 * 16, 16, 16, 63 * 16, 22 * 16};
	for (uint32_t block = 0; block < 5; block++)
		assert_int_equal(hg_blocks_size(&blocks, block), sizes[block]);
	assert_int_equal(hg_blocks_find(&blocks, 0x1002f), HG_NO_BLOCK);
	assert_int_equal(hg_blocks_find(&blocks, 0x10030), 0);
	assert_int_equal(hg_blocks_find(&blocks, 0x10000 + 150 * 16 - 1), 4);
	hg_blocks_deinit(&blocks);
}

static void test_extents_beyond_all_measure_are_an_error(void **state)
{
	(void)state;
	struct hg_blocks blocks = {0};
	const uint64_t bits = 1;
	const struct hg_extent extent = {
		.addr = 0, .size = UINT64_MAX, .stride = UINT64_MAX, .slots = 1};
	assert_null(hg_blocks_add(&blocks, &extent, &bits, NULL));
	struct hg_error *err = hg_blocks_finish(&blocks, NULL);
	assert_non_null(err);
	assert_int_equal(err->code, HG_ERROR_LIMIT);
	hg_error_destroy(err);
	assert_int_equal(hg_blocks_find(&blocks, 5), HG_NO_BLOCK);
	hg_blocks_deinit(&blocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_extents_against_a_list),
		cmocka_unit_test(test_nothing_is_found_in_nothing),
		cmocka_unit_test(test_the_later_added_of_two_that_overlap_goes),
		cmocka_unit_test(test_refuses_what_cannot_be),
		cmocka_unit_test(test_blocks_without_ends_reach_to_the_next),
		cmocka_unit_test(test_extents_beyond_all_measure_are_an_error),
	};
	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
