#include <stdlib.h>

#include "core/base/bytes.h"
#include "graph/heap/heap_glibc.h"

#define FASTBINS 10
#define MOST_LEFT_OVER 32 /* 16, and alignment from glibc 2.43 */
#define SMALL_BINS 64
#define MAX_STEPS ((uint64_t)1 << 28) /* of all chains together, true and false ones */

/*
 * tcache_perthread_struct, a chunk of the heap like any other: found by its size (a little more, where what would have been
 * left over was too small for a chunk) and believed when every chain in it holds chunks of the bin's size and ends. Bins 0 to 63 hold chunks of 32 + 16 i bytes.
 *
 *   glibc        CHUNK  COUNTS AT 0                       ENTRIES
 *   2.26 - 2.29  0x250  64 of 1 byte                      64 at 64
 *   2.30 - 2.41  0x290  64 of 2 bytes                     64 at 128
 *   2.42 -       0x300  76 of 2 bytes, of free slots left 76 at 152, the last 12 for large chunks
 */
static const struct tcache_layout {
	uint64_t chunk_size;
	unsigned bins;
	unsigned count_size;
	unsigned entries; /* offset */
	bool counts_left; /* what a bin may still take: with its length the same for all bins */
} layouts[] = {
	{0x250, 64, 1, 64, false},
	{0x290, 64, 2, 128, false},
	{0x300, 76, 2, 152, true},
};

/** From glibc 2.32 links are stored as link ^ (address of the link >> 12); older (and not RHEL 8's 2.28) as they are. */
enum linking { PLAIN, SAFE };

static uint64_t follow(enum linking linking, uint64_t stored, uint64_t link_addr)
{
	return linking == SAFE ? stored ^ link_addr >> 12 : stored;
}

struct chain {
	struct heap_glibc *g;
	uint64_t first;		      /* chunk */
	uint64_t size_low, size_high; /* of its chunks */
	uint64_t
		to_link; /* what a link points to: CHUNK_HEADER for the caller's bytes, 0 for the chunk */
	enum linking linking;
	uint32_t longest;
	bool counts_bytes;
};

/** Walks a chain; returns its length, or -1 where it is none. With `mark` every chunk is recorded as free. */
static int64_t walk_chain(const struct chain *c, bool mark, bool *failed)
{
	const struct hg_image *image = c->g->prog->image;
	uint64_t chunk = c->first;
	for (uint32_t i = 0; i < c->longest && c->g->chain_steps < MAX_STEPS; i++) {
		uint64_t size_field, stored;
		c->g->chain_steps++;
		if (chunk % CHUNK_ALIGN || !hg_image_u64(image, chunk + 8, &size_field) ||
		    !hg_image_u64(image, chunk + CHUNK_HEADER, &stored))
			return -1;
		uint64_t size = glibc_chunk_size(size_field);
		if (size < c->size_low || size > c->size_high)
			return -1;
		if (mark) {
			uint64_t *place = hg_map_put(&c->g->free_chunks, chunk);
			*failed |= !place;
			if (!place || *place)
				return (int64_t)i + 1; // a chain that runs into itself or another
			*place = 1;
			if (c->counts_bytes && !(size_field & CHUNK_MMAPPED))
				c->g->cached_bytes += size;
		}
		uint64_t next = follow(c->linking, stored, chunk + CHUNK_HEADER);
		if (!next)
			return (int64_t)i + 1;
		chunk = next - c->to_link;
	}
	return -1;
}

static struct chain tcache_chain(struct heap_glibc *g, unsigned bin, uint64_t entry,
				 enum linking linking)
{
	bool small = bin < SMALL_BINS;
	return (struct chain){
		.g = g,
		.first = entry - CHUNK_HEADER,
		.size_low = small ? CHUNK_MIN + 16 * (uint64_t)bin : 0x420,
		.size_high = small ? CHUNK_MIN + 16 * (uint64_t)bin : (uint64_t)8 << 20,
		.to_link = CHUNK_HEADER,
		.linking = linking,
		.counts_bytes = true,
	};
}

/** Goes through all bins of what may be a tcache; false where one of them cannot be. *entries counts cached chunks. */
static bool walk_tcache(struct heap_glibc *g, const struct tcache_layout *layout,
			const uint8_t *bytes, enum linking linking, bool mark, uint64_t *entries,
			bool *failed)
{
	uint64_t limit = 0;
	*entries = 0;
	for (unsigned i = 0; i < layout->bins; i++) {
		const uint64_t entry = hg_load_u64(bytes + layout->entries + 8 * i);
		const uint64_t count =
			layout->count_size == 1 ? bytes[i] : hg_load_u16(bytes + 2 * i);
		struct chain chain = tcache_chain(g, i, entry, linking);
		chain.longest = layout->counts_left ? UINT16_MAX : (uint32_t)count;
		const int64_t length = entry ? walk_chain(&chain, mark, failed) : 0;
		if (length < 0 || (!layout->counts_left && (uint64_t)length != count))
			return false;
		if (layout->counts_left && i && (uint64_t)length + count != limit)
			return false;
		limit = (uint64_t)length + count;
		*entries += (uint64_t)length;
	}
	return true;
}

struct search {
	struct heap_glibc *g;
	bool failed;
};

static bool try_tcache(void *arg, const struct glibc_chunk *chunk)
{
	struct search *s = arg;
	for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct tcache_layout *layout = &layouts[i];
		if (chunk->size - layout->chunk_size > MOST_LEFT_OVER)
			continue;
		const uint8_t *bytes = hg_image_view(s->g->prog->image, chunk->addr + CHUNK_HEADER,
						     chunk->size - 8);
		uint64_t entries;
		for (enum linking linking = PLAIN; bytes && linking <= SAFE; linking++) {
			if (!walk_tcache(s->g, layout, bytes, linking, false, &entries,
					 &s->failed) ||
			    !entries)
				continue;
			walk_tcache(s->g, layout, bytes, linking, true, &entries, &s->failed);
			s->g->cached_chunks += entries;
			break;
		}
	}
	return !s->failed;
}

/** No list is longer than there is room for its chunks. */
static uint32_t longest_list(const struct heap_glibc *g)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < g->regions.count; i++)
		bytes += g->regions.data[i].end - g->regions.data[i].start;
	return bytes / CHUNK_MIN < UINT32_MAX ? (uint32_t)(bytes / CHUNK_MIN) : UINT32_MAX;
}

/** A fastbin's head is a chunk; links inside point to chunks. */
static void walk_fastbins(struct search *s, const struct glibc_arena *arena)
{
	for (unsigned i = 0; arena->fastbins && i < FASTBINS; i++) {
		uint64_t head;
		if (!hg_image_u64(s->g->prog->image, arena->fastbins + 8 * i, &head) || !head)
			continue;
		struct chain chain = {.g = s->g,
				      .first = head,
				      .size_low = CHUNK_MIN + 16 * (uint64_t)i,
				      .size_high = CHUNK_MIN + 16 * (uint64_t)i,
				      .linking = SAFE,
				      .longest = longest_list(s->g)};
		if (walk_chain(&chain, false, &s->failed) < 0)
			chain.linking = PLAIN;
		if (walk_chain(&chain, false, &s->failed) < 0)
			hg_coverage_add(s->g->coverage, "damaged fastbins", 1);
		else
			walk_chain(&chain, true, &s->failed);
	}
}

struct hg_error *glibc_find_cached(struct heap_glibc *g)
{
	struct search s = {.g = g};
	for (size_t i = 0; i < g->regions.count && !s.failed; i++)
		glibc_walk_region(g, &g->regions.data[i], try_tcache, &s);
	for (size_t i = 0; i < g->arenas.count && !s.failed; i++)
		walk_fastbins(&s, &g->arenas.data[i]);
	return s.failed ? &hg_enomem : NULL;
}
