#include "graph/block.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"

// Windows that fewer extents share go without a page table (32 KiB): a search among so few is short.
#define MIN_TABLE_EXTENTS 16
#define MAX_WINDOWS (4u << 20) /* 256 TiB of extents: more than a process can map */
#define SAMPLE_SHIFT 7	       /* blocks a sample */

static uint64_t words_of(const struct hg_extent *extent)
{
	return ((uint64_t)extent->slots + 63) / 64;
}

static uint64_t end_of(const struct hg_extent *extent)
{
	return extent->addr + extent->size;
}

/** ---- Adding ---- */

static bool extent_is_sane(const struct hg_extent *extent)
{
	uint64_t used;
	return extent->stride && extent->slots && extent->size <= UINT64_MAX - extent->addr &&
	       !__builtin_mul_overflow(extent->stride, (uint64_t)extent->slots, &used) &&
	       used <= extent->size;
}

/** Returns 2^64 / stride, rounded up, where offset * that >> 64 is offset / stride for all offsets of the extent, else 0. */
static uint64_t magic_of(const struct hg_extent *extent)
{
	if (extent->stride == 1)
		return 0;
	// The error of a quotient is offset * (magic * stride - 2^64) / 2^64 / stride: below 1 / stride is small enough.
	const uint64_t magic = UINT64_MAX / extent->stride + 1;
	const uint64_t excess = magic * extent->stride;
	uint64_t error;
	return __builtin_mul_overflow(excess, extent->size, &error) ? 0 : magic;
}

/** Are starts and ends in turns, a block ending in the granule it starts in or behind? */
static bool bitmaps_take_turns(const struct hg_block_word *pairs, uint64_t words)
{
	bool inside = false;
	for (uint64_t word = 0; word < words; word++) {
		const uint64_t starts = pairs[2 * word].bits, ends = pairs[2 * word + 1].bits;
		uint64_t left = starts | ends;
		for (; left; left &= left - 1) {
			const uint64_t bit = left & -left;
			if (starts & bit) {
				if (inside)
					return false;
				inside = true;
			}
			if (ends & bit) {
				if (!inside)
					return false;
				inside = false;
			}
		}
	}
	return !inside;
}

/** Makes every block reach to the next one's start, the last one to the end. */
static void end_at_next_start(struct hg_block_word *pairs, uint64_t words, uint32_t slots)
{
	struct hg_block_word *ends = pairs + 1;
	bool any = false;
	for (uint64_t word = 0; word < words; word++) {
		const uint64_t bits = pairs[2 * word].bits, first = bits & -bits;
		if (word && any)
			ends[2 * (word - 1)].bits |= bits << 63;
		ends[2 * word].bits = bits >> 1 & (any ? UINT64_MAX : ~(first >> 1));
		any |= bits != 0;
	}
	if (any)
		ends[2 * ((slots - 1) / 64)].bits |= (uint64_t)1 << (slots - 1) % 64;
}

/** Into every `step`th word. */
static void copy_bits(struct hg_block_word *to, const uint64_t *from, uint32_t slots, unsigned step)
{
	const uint64_t words = ((uint64_t)slots + 63) / 64;
	for (uint64_t word = 0; word < words; word++)
		to[step * word] = (struct hg_block_word){.bits = from[word]};
	if (slots % 64)
		to[step * (words - 1)].bits &= ((uint64_t)1 << slots % 64) - 1;
}

struct hg_error *hg_blocks_add(struct hg_blocks *blocks, const struct hg_extent *extent,
			       const uint64_t *bits, const uint64_t *ends)
{
	if (!extent_is_sane(extent))
		return hg_error_create(HG_ERROR_FORMAT,
				       "impossible extent at 0x%" PRIx64 ": %" PRIu32
				       " slots of %" PRIu64 " in %" PRIu64 " bytes",
				       extent->addr, extent->slots, extent->stride, extent->size);
	const uint64_t words = words_of(extent);
	const uint64_t all = extent->irregular ? 2 * words : words;
	if (!hg_vec_reserve(&blocks->extents, 1) || !hg_vec_reserve(&blocks->words, all))
		return &hg_enomem;
	struct hg_block_word *to = &blocks->words.data[blocks->words.count];
	copy_bits(to, bits, extent->slots, extent->irregular ? 2 : 1);
	if (extent->irregular) {
		if (ends)
			copy_bits(to + 1, ends, extent->slots, 2);
		else
			end_at_next_start(to, words, extent->slots);
		if (!bitmaps_take_turns(to, words))
			return hg_error_create(HG_ERROR_FORMAT,
					       "blocks overlap in the extent at 0x%" PRIx64,
					       extent->addr);
	}
	struct hg_extent *added = &blocks->extents.data[blocks->extents.count++];
	*added = *extent;
	added->magic = magic_of(extent);
	added->first_word = blocks->words.count;
	blocks->words.count += all;
	return NULL;
}

/** ---- Finishing: order, numbers ---- */

static int compare_extents(const void *a, const void *b)
{
	const struct hg_extent *left = a, *right = b;
	if (left->addr != right->addr)
		return left->addr < right->addr ? -1 : 1;
	return left->first_word < right->first_word ? -1 : 1;
}

static void sort_extents(struct hg_blocks *blocks)
{
	for (size_t i = 1; i < blocks->extents.count; i++) {
		if (blocks->extents.data[i].addr > blocks->extents.data[i - 1].addr)
			continue;
		qsort(blocks->extents.data, blocks->extents.count, sizeof(struct hg_extent),
		      compare_extents);
		return;
	}
}

/** Of two that overlap only the one that was added first stays. Words are given out in the order of adding. */
static uint64_t drop_overlaps(struct hg_blocks *blocks)
{
	struct hg_extent *all = blocks->extents.data;
	size_t kept = 0;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		struct hg_extent *last = kept ? &all[kept - 1] : NULL;
		if (!last || end_of(last) <= all[i].addr)
			all[kept++] = all[i];
		else if (all[i].first_word < last->first_word)
			*last = all[i];
	}
	const uint64_t dropped = blocks->extents.count - kept;
	blocks->extents.count = kept;
	return dropped;
}

/** Cache lines hold one extent each from here on. */
static struct hg_error *align_extents(struct hg_blocks *blocks)
{
	_Static_assert(sizeof(struct hg_extent) == 64, "an extent is a cache line");
	const size_t bytes = (blocks->extents.count + 1) * sizeof(struct hg_extent);
	struct hg_extent *aligned = aligned_alloc(sizeof(struct hg_extent), bytes);
	if (!aligned)
		return &hg_enomem;
	if (blocks->extents.count)
		memcpy(aligned, blocks->extents.data, bytes - sizeof(struct hg_extent));
	free(blocks->extents.data);
	blocks->extents.data = aligned;
	blocks->extents.capacity = blocks->extents.count + 1;
	return NULL;
}

/** Ranks every `step`th word. */
static uint64_t rank_words(struct hg_block_word *all, uint64_t words, unsigned step, uint64_t count)
{
	for (uint64_t word = 0; word < words; word++) {
		all[step * word].rank = (uint32_t)count;
		count += hg_blocks_popcount(all[step * word].bits);
	}
	return count;
}

static struct hg_error *number_blocks(struct hg_blocks *blocks)
{
	uint64_t count = 0;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		struct hg_extent *extent = &blocks->extents.data[i];
		const uint64_t words = words_of(extent);
		const uint64_t first = count;
		struct hg_block_word *all = &blocks->words.data[extent->first_word];
		count = rank_words(all, words, extent->irregular ? 2 : 1, first);
		if (extent->irregular)
			rank_words(all + 1, words, 2, first);
		if (count > HG_MAX_NODES)
			return hg_error_create(HG_ERROR_LIMIT, "more than %u blocks", HG_MAX_NODES);
		extent->first = (uint32_t)first;
		extent->count = (uint32_t)(count - first);
	}
	blocks->count = (uint32_t)count;
	blocks->types = calloc(count + 1, sizeof(*blocks->types));
	return blocks->types ? NULL : &hg_enomem;
}

/** ---- Finishing: the index ---- */

/** Returns the number of different windows of all extents. */
static uint64_t count_windows(const struct hg_blocks *blocks)
{
	uint64_t count = 0, next = 0; // the lowest window not counted yet
	for (size_t i = 0; i < blocks->extents.count; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		uint64_t first = extent->addr >> HG_WINDOW_SHIFT;
		const uint64_t last = (end_of(extent) - 1) >> HG_WINDOW_SHIFT;
		if (first < next)
			first = next;
		if (last >= first)
			count += last - first + 1;
		next = last + 1;
	}
	return count;
}

static struct hg_page_window *window_slot(const struct hg_page_index *index, uint64_t key)
{
	const uint64_t mask = ((uint64_t)1 << (64 - index->shift)) - 1;
	uint64_t at = key * 0x9e3779b97f4a7c15u >> index->shift;
	while (index->windows[at].key && index->windows[at].key != key)
		at = (at + 1) & mask;
	return &index->windows[at];
}

const struct hg_page_window *hg_blocks_probe(const struct hg_page_index *index, uint64_t key)
{
	const struct hg_page_window *window = window_slot(index, key);
	return window->key ? window : NULL;
}

/** Makes the windows; `table` counts their extents for now. */
static struct hg_error *make_windows(struct hg_blocks *blocks)
{
	struct hg_page_index *index = &blocks->index;
	const uint64_t count = count_windows(blocks);
	if (count > MAX_WINDOWS)
		return hg_error_create(HG_ERROR_LIMIT, "the heap covers more than 256 TiB");
	unsigned bits = 1;
	while (((uint64_t)1 << bits) < 2 * count)
		bits++;
	index->shift = 64 - bits;
	index->windows = calloc((size_t)1 << bits, sizeof(*index->windows));
	if (!index->windows)
		return &hg_enomem;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		const uint64_t last = (end_of(extent) - 1) >> HG_WINDOW_SHIFT;
		for (uint64_t w = extent->addr >> HG_WINDOW_SHIFT; w <= last; w++) {
			struct hg_page_window *window = window_slot(index, w + 1);
			if (!window->key)
				*window = (struct hg_page_window){w + 1, (uint32_t)i, 0};
			window->table++;
		}
	}
	return NULL;
}

/** Gives tables to the windows that are worth it. */
static struct hg_error *make_tables(struct hg_page_index *index)
{
	size_t tables = 0;
	for (size_t i = 0; i < (size_t)1 << (64 - index->shift); i++) {
		struct hg_page_window *window = &index->windows[i];
		window->table = window->key && window->table >= MIN_TABLE_EXTENTS
					? (uint32_t)tables++
					: HG_NO_TABLE;
	}
	const size_t bytes = tables * HG_WINDOW_PAGES * sizeof(*index->pages);
	index->pages = malloc(bytes + 1);
	if (!index->pages)
		return &hg_enomem;
	memset(index->pages, 0xff, bytes);
	return NULL;
}

/** Enters extent number i into those of its pages (of a window with a table) that no other reached into before. */
static void fill_pages(struct hg_blocks *blocks, uint32_t i, uint64_t window_number)
{
	const struct hg_page_index *index = &blocks->index;
	const struct hg_page_window *window = window_slot(index, window_number + 1);
	if (window->table == HG_NO_TABLE)
		return;
	const struct hg_extent *extent = &blocks->extents.data[i];
	const uint64_t window_page = window_number << (HG_WINDOW_SHIFT - HG_PAGE_SHIFT);
	const uint64_t first = extent->addr >> HG_PAGE_SHIFT;
	const uint64_t last = (end_of(extent) - 1) >> HG_PAGE_SHIFT;
	uint32_t *pages = &index->pages[(size_t)window->table * HG_WINDOW_PAGES];
	uint64_t page = first < window_page ? 0 : first - window_page;
	for (; page < HG_WINDOW_PAGES && window_page + page <= last; page++) {
		if (pages[page] == HG_NO_EXTENT)
			pages[page] = i;
	}
}

static struct hg_error *make_samples(struct hg_blocks *blocks)
{
	const size_t count = ((size_t)blocks->count >> SAMPLE_SHIFT) + 2;
	uint32_t *samples = malloc(count * sizeof(*samples));
	if (!samples)
		return &hg_enomem;
	size_t sample = 0;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		while ((uint64_t)sample << SAMPLE_SHIFT < (uint64_t)extent->first + extent->count)
			samples[sample++] = (uint32_t)i;
	}
	while (sample < count)
		samples[sample++] = (uint32_t)blocks->extents.count - 1;
	blocks->index.samples = samples;
	return NULL;
}

static struct hg_error *make_index(struct hg_blocks *blocks)
{
	struct hg_error *err = make_windows(blocks);
	if (!err)
		err = make_tables(&blocks->index);
	if (!err)
		err = make_samples(blocks);
	if (err)
		return err;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		const uint64_t last = (end_of(extent) - 1) >> HG_WINDOW_SHIFT;
		for (uint64_t w = extent->addr >> HG_WINDOW_SHIFT; w <= last; w++)
			fill_pages(blocks, (uint32_t)i, w);
	}
	if (blocks->extents.count) {
		blocks->index.lowest = blocks->extents.data[0].addr;
		blocks->index.span = end_of(&blocks->extents.data[blocks->extents.count - 1]) -
				     blocks->index.lowest;
	}
	return NULL;
}

struct hg_error *hg_blocks_finish(struct hg_blocks *blocks, uint64_t *dropped)
{
	if (blocks->extents.count >= HG_NO_EXTENT)
		return hg_error_create(HG_ERROR_LIMIT, "more than %u extents", HG_NO_EXTENT);
	sort_extents(blocks);
	const uint64_t overlapping = drop_overlaps(blocks);
	if (dropped)
		*dropped = overlapping;
	struct hg_error *err = align_extents(blocks);
	if (!err)
		err = number_blocks(blocks);
	if (!err)
		err = make_index(blocks);
	return err;
}

void hg_blocks_deinit(struct hg_blocks *blocks)
{
	hg_vec_deinit(&blocks->extents);
	hg_vec_deinit(&blocks->words);
	free(blocks->types);
	free(blocks->index.windows);
	free(blocks->index.pages);
	free(blocks->index.samples);
	*blocks = (struct hg_blocks){0};
}

/** ---- Address -> block ---- */

const struct hg_extent *hg_blocks_extent_behind(const struct hg_blocks *blocks, uint32_t extent,
						uint64_t addr)
{
	const struct hg_extent *all = blocks->extents.data;
	if (addr < all[extent].addr)
		return NULL;
	// Several share the page or window: double the step, then halve it.
	uint64_t low = extent, step = 1;
	while (low + step < blocks->extents.count && all[low + step].addr <= addr) {
		low += step;
		step *= 2;
	}
	for (; step; step /= 2) {
		if (low + step < blocks->extents.count && all[low + step].addr <= addr)
			low += step;
	}
	return addr - all[low].addr < all[low].size ? &all[low] : NULL;
}

void hg_blocks_find_many(const struct hg_blocks *blocks, const uint64_t *addrs, size_t count,
			 uint32_t *ret)
{
	enum { BATCH = 16 };
	for (size_t start = 0; start < count; start += BATCH) {
		const size_t batch = count - start < BATCH ? count - start : BATCH;
		const uint64_t *in = addrs + start;
		uint32_t *out = ret + start;
		for (size_t i = 0; i < batch; i++) {
			out[i] = hg_blocks_page_extent(&blocks->index, in[i]);
			if (out[i] != HG_NO_EXTENT)
				__builtin_prefetch(&blocks->extents.data[out[i]]);
		}
		const struct hg_extent *extents[BATCH];
		for (size_t i = 0; i < batch; i++) {
			extents[i] = NULL;
			if (out[i] == HG_NO_EXTENT)
				continue;
			const struct hg_extent *extent = &blocks->extents.data[out[i]];
			if (in[i] - extent->addr >= extent->size)
				extent = hg_blocks_extent_behind(blocks, out[i], in[i]);
			extents[i] = extent;
			if (!extent)
				continue;
			const uint64_t word =
				hg_extent_word(extent, hg_extent_slot_at(extent, in[i]));
			__builtin_prefetch(&blocks->words.data[word]);
		}
		for (size_t i = 0; i < batch; i++)
			out[i] = extents[i] ? hg_blocks_find_in(blocks, extents[i], in[i])
					    : HG_NO_BLOCK;
	}
}

/** ---- Slot and block -> what is known of them ---- */

/** Returns the first set bit in a word behind that of `slot` in the bitmap of starts (0) or ends (1); slots where there is none. */
uint32_t hg_blocks_bit_behind(const struct hg_blocks *blocks, const struct hg_extent *extent,
			      uint32_t slot, unsigned which)
{
	const struct hg_block_word *all = &blocks->words.data[extent->first_word + which];
	const unsigned shift = extent->irregular;
	const uint64_t words = words_of(extent);
	for (uint64_t at = (uint64_t)slot / 64 + 1; at < words; at++) {
		const uint64_t word = all[at << shift].bits;
		if (word)
			return (uint32_t)(at * 64 + (unsigned)__builtin_ctzll(word));
	}
	return extent->slots;
}

const struct hg_extent *hg_blocks_extent(const struct hg_blocks *blocks, uint32_t block)
{
	hg_assert(block < blocks->count);
	const uint32_t *sample = &blocks->index.samples[block >> SAMPLE_SHIFT];
	// The last extent whose first block is not behind this one; between two samples there are few.
	uint32_t low = sample[0], high = sample[1];
	while (low < high) {
		const uint32_t middle = low + (high - low + 1) / 2;
		if (blocks->extents.data[middle].first <= block)
			low = middle;
		else
			high = middle - 1;
	}
	return &blocks->extents.data[low];
}

/** Returns the position of set bit number `number` (from 0) in a word that has it. */
static unsigned select_bit(uint64_t word, unsigned number)
{
	unsigned at = 0;
	for (unsigned half = 32; half; half /= 2) {
		const uint64_t low = word & (((uint64_t)1 << half) - 1);
		const unsigned in_low = hg_blocks_popcount(low);
		if (number < in_low) {
			word = low;
		} else {
			number -= in_low;
			word >>= half;
			at += half;
		}
	}
	return at;
}

uint32_t hg_blocks_slot(const struct hg_blocks *blocks, const struct hg_extent *extent,
			uint32_t block)
{
	hg_assert(block >= extent->first && block - extent->first < extent->count);
	// The last word whose rank is not behind the block.
	const struct hg_block_word *words = &blocks->words.data[extent->first_word];
	const unsigned shift = extent->irregular;
	uint64_t low = 0, high = words_of(extent) - 1;
	while (low < high) {
		const uint64_t middle = low + (high - low + 1) / 2;
		if (words[middle << shift].rank <= block)
			low = middle;
		else
			high = middle - 1;
	}
	const uint64_t word = words[low << shift].bits;
	const unsigned number = block - words[low << shift].rank;
	const unsigned bit = word == UINT64_MAX ? number : select_bit(word, number);
	return (uint32_t)(low * 64 + bit);
}

uint32_t hg_blocks_slot_near(const struct hg_blocks *blocks, const struct hg_extent *extent,
			     uint32_t block, uint64_t addr)
{
	const uint64_t slot = hg_extent_slot_at(extent, addr);
	hg_assert(slot < extent->slots);
	// Nearly always in the same word or the one before; else the block is large, and its number leads to its start.
	uint64_t word = slot / 64;
	uint64_t bits = blocks->words.data[hg_extent_word(extent, slot)].bits &
			UINT64_MAX >> (63 - slot % 64);
	if (!bits && word)
		bits = blocks->words.data[hg_extent_word(extent, --word * 64)].bits;
	if (!bits)
		return hg_blocks_slot(blocks, extent, block);
	return (uint32_t)(word * 64 + 63 - (unsigned)__builtin_clzll(bits));
}

uint64_t hg_blocks_addr(const struct hg_blocks *blocks, uint32_t block)
{
	const struct hg_extent *extent = hg_blocks_extent(blocks, block);
	return hg_extent_slot_addr(extent, hg_blocks_slot(blocks, extent, block));
}

uint64_t hg_blocks_size(const struct hg_blocks *blocks, uint32_t block)
{
	const struct hg_extent *extent = hg_blocks_extent(blocks, block);
	if (!extent->irregular)
		return extent->stride;
	return hg_blocks_slot_size(blocks, extent, hg_blocks_slot(blocks, extent, block));
}
