/**
 * All blocks of all heaps, sorted by address: address -> block in O(1). A block's number is its rank by address.
 *
 * Blocks come in extents: runs of memory cut into slots of equal size, of which a bitmap says which hold a block (a Go
 * span), or runs of blocks of any size that start at multiples of a granule (a malloc arena). Nothing is stored per
 * block but its bit, and four bytes of type.
 *
 *	address --hash--> window of 64 MiB --page table--> extent --magic multiplication--> slot --rank--> block
 *
 * To walk all blocks in order of address (and of number):
 *
 *	for (size_t e = 0; e < blocks->extents.count; e++) {
 *		const struct hg_extent *extent = &blocks->extents.data[e];
 *		uint32_t block = extent->first;
 *		for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
 *		     slot = hg_blocks_next_slot(blocks, extent, slot + 1), block++)
 *			... hg_extent_slot_addr(extent, slot), hg_blocks_slot_size(blocks, extent, slot) ...
 *	}
 */
#ifndef HG_GRAPH_BLOCK_H
#define HG_GRAPH_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/vec.h"

#define HG_NO_BLOCK UINT32_MAX
#define HG_NO_EXTENT UINT32_MAX
#define HG_NO_TABLE UINT32_MAX
#define HG_PAGE_SHIFT 13   /* 8 KiB: the page of the Go heap */
#define HG_WINDOW_SHIFT 26 /* 64 MiB: the arena of the Go heap */
#define HG_WINDOW_PAGES (1u << (HG_WINDOW_SHIFT - HG_PAGE_SHIFT))

/** 64 bytes, so that a lookup touches one cache line of it. */
struct hg_extent {
	uint64_t addr;	  /* of slot 0 */
	uint64_t size;	  /* slots * stride, at least; behind the last slot is no block */
	uint64_t stride;  /* bytes of a slot; or the granule of an irregular extent */
	uint32_t slots;	  /* slots, or granules */
	bool irregular;	  /* blocks of any size, from their bit to their end: see hg_blocks_add() */
	bool no_pointers; /* nothing in it is a pointer: blocks are never scanned */
	uint8_t header;	  /* bytes of the allocator at the start of each slot, before the object */
	uint16_t heap;	  /* whose it is: index into the analysis's heaps */
	uint32_t heap_ref; /* the heap's own number of it (a span) */
	/* filled by hg_blocks_add() and hg_blocks_finish(): */
	uint32_t first;	     /* number of its first block */
	uint32_t count;	     /* of its blocks */
	uint64_t first_word; /* in words[]; an irregular extent's starts and ends take turns */
	uint64_t magic;	     /* slot = offset * magic >> 64; 0: divide */
};

/** 64 slots: those at which a block starts (or ends), and how many did before. Together, so that they are fetched together. */
struct hg_block_word {
	uint64_t bits;
	uint32_t rank; /* number of the first block that starts (ends) in or behind this word */
};

/** What lies in one 64 MiB of address space. */
struct hg_page_window {
	uint64_t key;	 /* addr >> HG_WINDOW_SHIFT, plus 1; 0 is an empty entry */
	uint32_t extent; /* the first that reaches into it */
	uint32_t table;	 /* its page table, where it is worth one: see hg_page_index */
};

struct hg_page_index {
	uint64_t lowest;		/* address of the first extent */
	uint64_t span;			/* bytes from there to the end of the last */
	struct hg_page_window *windows; /* open addressing, linear probing */
	unsigned shift;			/* 64 - log2 of its capacity */
	uint32_t *pages;   /* HG_WINDOW_PAGES per table: first extent in the page or HG_NO_EXTENT */
	uint32_t *samples; /* extent of block 0, 128, 256, ... and of the last */
};

struct hg_blocks {
	HG_VEC(struct hg_extent) extents;   /* sorted by addr, disjoint */
	HG_VEC(struct hg_block_word) words; /* each extent from a fresh word on */
	uint32_t count;			    /* blocks */
	uint32_t *types; /* per block: type id, 0 unknown; owned; zeroed by finish */
	struct hg_page_index index;
};

/**
 * Adds an extent with its bitmap ((slots + 63) / 64 words; copied). For irregular extents `ends` is a second bitmap of
 * the same length: bit i set = a block ends with granule i (so blocks need not touch); NULL where each block reaches to
 * the next one's start. NULL for regular ones. An extent that cannot be (no stride, more slots than size, beyond the
 * address space, starts and ends that do not take turns) is refused: HG_ERROR_FORMAT, and nothing is added.
 */
struct hg_error *hg_blocks_add(struct hg_blocks *blocks, const struct hg_extent *extent,
			       const uint64_t *bits, const uint64_t *ends);

/** Sorts, numbers, builds the index. Overlapping extents: the later added is dropped and counted in *dropped (may be
 * NULL). Nothing is found before, nothing may be added behind. */
struct hg_error *hg_blocks_finish(struct hg_blocks *blocks, uint64_t *dropped);
void hg_blocks_deinit(struct hg_blocks *blocks);

/** Returns the extent that contains addr (whether or not a block does), or NULL. */
static inline const struct hg_extent *hg_blocks_extent_at(const struct hg_blocks *blocks,
							  uint64_t addr);

/** Returns the block that contains addr, or HG_NO_BLOCK. */
static inline uint32_t hg_blocks_find(const struct hg_blocks *blocks, uint64_t addr);

/** The same in two steps, for who wants the extent as well. addr lies in the extent. */
static inline uint32_t hg_blocks_find_in(const struct hg_blocks *blocks,
					 const struct hg_extent *extent, uint64_t addr);

/** Finds many at once, with the memory accesses of some in flight together; ret[i] as hg_blocks_find(addrs[i]). */
void hg_blocks_find_many(const struct hg_blocks *blocks, const uint64_t *addrs, size_t count,
			 uint32_t *ret);

/** Returns the first slot at or behind `slot` at which a block starts; extent->slots where there is none. */
static inline uint32_t hg_blocks_next_slot(const struct hg_blocks *blocks,
					   const struct hg_extent *extent, uint32_t slot);
/** Returns the size of the block that starts at `slot`. */
static inline uint64_t hg_blocks_slot_size(const struct hg_blocks *blocks,
					   const struct hg_extent *extent, uint32_t slot);
static inline uint64_t hg_extent_slot_addr(const struct hg_extent *extent, uint32_t slot)
{
	return extent->addr + slot * extent->stride;
}

/** Returns the slot at which `block` starts, of which an address in it is known: quicker than from its number alone. */
uint32_t hg_blocks_slot_near(const struct hg_blocks *blocks, const struct hg_extent *extent,
			     uint32_t block, uint64_t addr);

/** Block -> extent, slot, address, size. Each asserts that the block exists. */
const struct hg_extent *hg_blocks_extent(const struct hg_blocks *blocks, uint32_t block);
uint32_t hg_blocks_slot(const struct hg_blocks *blocks, const struct hg_extent *extent,
			uint32_t block);
uint64_t hg_blocks_addr(const struct hg_blocks *blocks, uint32_t block);
uint64_t hg_blocks_size(const struct hg_blocks *blocks, uint32_t block);

/** Returns the place of a slot's bit in words[]; that of the ends of an irregular extent stands right behind. */
static inline uint64_t hg_extent_word(const struct hg_extent *extent, uint64_t slot)
{
	return extent->first_word + (slot / 64 << extent->irregular);
}

/** Returns the slot (granule) of an address in the extent; not below extent->slots where it lies behind the last. */
static inline uint64_t hg_extent_slot_at(const struct hg_extent *extent, uint64_t addr)
{
	const uint64_t offset = addr - extent->addr;
	if (__builtin_expect(!extent->magic, 0))
		return offset / extent->stride;
	return (uint64_t)((unsigned __int128)offset * extent->magic >> 64);
}

/** Does a block start at addr, which lies in the extent? */
static inline bool hg_blocks_starts_at(const struct hg_blocks *blocks,
				       const struct hg_extent *extent, uint64_t addr)
{
	const uint64_t slot = hg_extent_slot_at(extent, addr);
	return slot < extent->slots && slot * extent->stride == addr - extent->addr &&
	       (blocks->words.data[hg_extent_word(extent, slot)].bits >> (slot % 64) & 1);
}

/* The fast path of the lookups: */

const struct hg_page_window *hg_blocks_probe(const struct hg_page_index *index, uint64_t key);
uint32_t hg_blocks_bit_behind(const struct hg_blocks *blocks, const struct hg_extent *extent,
			      uint32_t slot, unsigned which);
const struct hg_extent *hg_blocks_extent_behind(const struct hg_blocks *blocks, uint32_t extent,
						uint64_t addr);

static inline unsigned hg_blocks_popcount(uint64_t word)
{
#ifdef __POPCNT__
	return (unsigned)__builtin_popcountll(word);
#else
	word -= word >> 1 & 0x5555555555555555u;
	word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
	return (unsigned)(((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56);
#endif
}

/** Returns the first extent that reaches into addr's page or window, or HG_NO_EXTENT. */
static inline uint32_t hg_blocks_page_extent(const struct hg_page_index *index, uint64_t addr)
{
	if (addr - index->lowest >= index->span)
		return HG_NO_EXTENT;
	const uint64_t key = (addr >> HG_WINDOW_SHIFT) + 1;
	const struct hg_page_window *window =
		&index->windows[key * 0x9e3779b97f4a7c15u >> index->shift];
	if (__builtin_expect(window->key != key, 0)) {
		window = hg_blocks_probe(index, key);
		if (!window)
			return HG_NO_EXTENT;
	}
	if (window->table == HG_NO_TABLE)
		return window->extent;
	return index->pages[(size_t)window->table * HG_WINDOW_PAGES +
			    (addr >> HG_PAGE_SHIFT) % HG_WINDOW_PAGES];
}

static inline const struct hg_extent *hg_blocks_extent_at(const struct hg_blocks *blocks,
							  uint64_t addr)
{
	const uint32_t number = hg_blocks_page_extent(&blocks->index, addr);
	if (number == HG_NO_EXTENT)
		return NULL;
	const struct hg_extent *extent = &blocks->extents.data[number];
	if (__builtin_expect(addr - extent->addr < extent->size, 1))
		return extent;
	return hg_blocks_extent_behind(blocks, number, addr);
}

/** Returns the number of blocks before bit `bit` of a word: of all that start (or end) before it. */
static inline uint32_t hg_blocks_rank(const struct hg_blocks *blocks, uint64_t word, unsigned bit)
{
	const struct hg_block_word *at = &blocks->words.data[word];
	return at->rank + hg_blocks_popcount(at->bits & (((uint64_t)1 << bit) - 1));
}

static inline uint32_t hg_blocks_find_in(const struct hg_blocks *blocks,
					 const struct hg_extent *extent, uint64_t addr)
{
	const uint64_t slot = hg_extent_slot_at(extent, addr);
	if (slot >= extent->slots)
		return HG_NO_BLOCK;
	const uint64_t word = hg_extent_word(extent, slot);
	const unsigned bit = slot % 64;
	const uint32_t starts_here = blocks->words.data[word].bits >> bit & 1;
	const uint32_t before = hg_blocks_rank(blocks, word, bit);
	if (starts_here)
		return before;
	if (!extent->irregular)
		return HG_NO_BLOCK;
	// Starts and ends take turns: inside a block one more has started than ended.
	return hg_blocks_rank(blocks, word + 1, bit) == before ? HG_NO_BLOCK : before - 1;
}

static inline uint32_t hg_blocks_find(const struct hg_blocks *blocks, uint64_t addr)
{
	const struct hg_extent *extent = hg_blocks_extent_at(blocks, addr);
	return extent ? hg_blocks_find_in(blocks, extent, addr) : HG_NO_BLOCK;
}

/* Of walks: mostly the word that a slot is in knows the answer. */

static inline uint32_t hg_blocks_next_slot(const struct hg_blocks *blocks,
					   const struct hg_extent *extent, uint32_t slot)
{
	if (slot >= extent->slots)
		return extent->slots;
	const uint64_t bits = blocks->words.data[hg_extent_word(extent, slot)].bits >> (slot % 64);
	if (__builtin_expect(bits != 0, 1))
		return slot + (unsigned)__builtin_ctzll(bits);
	return hg_blocks_bit_behind(blocks, extent, slot, 0);
}

static inline uint64_t hg_blocks_slot_size(const struct hg_blocks *blocks,
					   const struct hg_extent *extent, uint32_t slot)
{
	if (!extent->irregular)
		return extent->stride;
	const uint64_t bits =
		blocks->words.data[hg_extent_word(extent, slot) + 1].bits >> (slot % 64);
	if (__builtin_expect(bits != 0, 1))
		return ((uint64_t)(unsigned)__builtin_ctzll(bits) + 1) * extent->stride;
	return ((uint64_t)hg_blocks_bit_behind(blocks, extent, slot, 1) - slot + 1) *
	       extent->stride;
}

#endif
