/**
 * All blocks of all heaps, sorted by address: address -> block in O(1). A block's number is its rank by address.
 *
 * Blocks come in extents: runs of memory cut into slots of equal size, of which a bitmap says which hold a block (a Go
 * span), or runs of blocks of any size that start at multiples of a granule (a malloc arena). Nothing is stored per
 * block but its bit, and four bytes of type.
 */
#ifndef HG_GRAPH_BLOCK_H
#define HG_GRAPH_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/vec.h"

#define HG_NO_BLOCK UINT32_MAX

struct hg_extent {
	uint64_t addr; /* of slot 0 */
	uint64_t
		size; /* slots * stride, at least; an address behind the last slot is in no block */
	uint64_t stride;   /* bytes of a slot; or the granule of an irregular extent */
	uint32_t slots;	   /* slots, or granules */
	bool irregular;	   /* blocks reach from their bit to the next one's start: see ends */
	bool no_pointers;  /* nothing in it is a pointer: blocks are never scanned */
	uint16_t heap;	   /* whose it is: index into the analysis's heaps */
	uint32_t heap_ref; /* the heap's own number of it (a span) */
	/* filled by hg_blocks_finish(): */
	uint32_t first;	     /* number of its first block */
	uint32_t count;	     /* of its blocks */
	uint64_t first_word; /* in bits[] and ranks[] */
	uint32_t magic;	     /* ceil(2^32 / stride) where size <= 2^32 / stride... else 0: divide */
};

struct hg_blocks {
	HG_VEC(struct hg_extent) extents; /* sorted by addr, disjoint */
	HG_VEC(uint64_t) bits;		  /* one per slot, each extent from a fresh word on */
	uint32_t *ranks;		  /* per word: number of the first block at or after it */
	uint32_t count;			  /* blocks */
	uint32_t *types;	     /* per block: type id, 0 unknown; owned; zeroed by finish */
	struct hg_page_index *pages; /* address -> extent */
};

/**
 * Adds an extent with its bitmap ((slots + 63) / 64 words; copied). For irregular extents `ends` is a second bitmap of
 * the same length: bit i set = a block ends before granule i + 1 (so blocks need not touch). NULL for regular ones.
 */
struct hg_error *hg_blocks_add(struct hg_blocks *blocks, const struct hg_extent *extent,
			       const uint64_t *bits, const uint64_t *ends);

/** Sorts, numbers, builds the index. Overlapping extents: the later added is dropped and counted in *dropped. */
struct hg_error *hg_blocks_finish(struct hg_blocks *blocks, uint64_t *dropped);
void hg_blocks_deinit(struct hg_blocks *blocks);

/** Returns the block that contains addr, or HG_NO_BLOCK. Inline fast path lives in block.h once measured. */
uint32_t hg_blocks_find(const struct hg_blocks *blocks, uint64_t addr);

/** Returns the extent that contains addr (whether or not a block does), or NULL. */
const struct hg_extent *hg_blocks_extent_at(const struct hg_blocks *blocks, uint64_t addr);
/** Returns the extent of a block. */
const struct hg_extent *hg_blocks_extent(const struct hg_blocks *blocks, uint32_t block);
uint64_t hg_blocks_addr(const struct hg_blocks *blocks, uint32_t block);
uint64_t hg_blocks_size(const struct hg_blocks *blocks, uint32_t block);

#endif
