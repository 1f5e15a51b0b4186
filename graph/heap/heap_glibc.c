#include "graph/heap/heap_glibc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRANULE 8
#define MOST_BETWEEN ((uint64_t)64 << 10) /* blocks of one extent: another heap may lie there */
#define EXTENT_BYTES                                                                               \
	((uint64_t)64                                                                              \
	 << 10) /* where runs are cut: what is searched within one stays in the cache */

static void glibc_close(struct hg_heap *heap);

static inline void glibc_closep(struct heap_glibc **g)
{
	if (*g)
		glibc_close(&(*g)->heap);
}

static struct hg_error *glibc_open(struct hg_program *prog, struct hg_coverage *coverage,
				   struct hg_heap **ret)
{
	hg_cleanup(glibc_closep) struct heap_glibc *g = calloc(1, sizeof(*g));
	if (!g)
		return &hg_enomem;
	g->heap.ops = &hg_heap_glibc;
	g->prog = prog;
	g->coverage = coverage;
	snprintf(g->version, sizeof(g->version), "glibc");
	struct hg_error *err = glibc_find_arenas(g);
	if (!err) {
		glibc_check_symbols(g);
		err = glibc_find_regions(g);
	}
	if (!err)
		err = glibc_find_cached(g);
	if (err)
		return hg_error_context(err, "glibc heap");
	*ret = &hg_take(g)->heap;
	return NULL;
}

static void glibc_close(struct hg_heap *heap)
{
	struct heap_glibc *g = (struct heap_glibc *)heap;
	hg_vec_deinit(&g->arenas);
	hg_vec_deinit(&g->regions);
	hg_map_deinit(&g->free_chunks);
	free(g);
}

static bool glibc_probe(struct hg_program *prog)
{
	struct hg_coverage ignored = {0};
	struct heap_glibc g = {.prog = prog, .coverage = &ignored};
	struct hg_error *err = glibc_find_arenas(&g);
	bool found = !err && g.arenas.count;
	hg_error_destroy(err);
	hg_vec_deinit(&g.arenas);
	hg_coverage_deinit(&ignored);
	return found;
}

/** One extent in the making: chunks that follow each other. */
struct run {
	struct heap_glibc *g;
	struct hg_blocks *blocks;
	uint16_t index;
	uint64_t start, end; /* of the caller's bytes */
	uint64_t *bits, *ends;
	size_t words;
	struct hg_error *err;
};

static bool flush(struct run *r)
{
	if (r->end > r->start) {
		const struct hg_extent extent = {
			.addr = r->start,
			.size = r->end - r->start,
			.stride = GRANULE,
			.slots = (uint32_t)((r->end - r->start) / GRANULE),
			.irregular = true,
			.heap = r->index,
		};
		r->err = hg_blocks_add(r->blocks, &extent, r->bits, r->ends);
		memset(r->bits, 0, r->words * 8);
		memset(r->ends, 0, r->words * 8);
	}
	r->start = r->end = 0;
	return !r->err;
}

static bool make_room(struct run *r, uint64_t bytes)
{
	size_t words = (size_t)(bytes / GRANULE / 64 + 1);
	if (words <= r->words)
		return true;
	uint64_t *bits = realloc(r->bits, words * 8);
	if (bits)
		r->bits = bits;
	uint64_t *ends = realloc(r->ends, words * 8);
	if (ends)
		r->ends = ends;
	if (!bits || !ends) {
		r->err = &hg_enomem;
		return false;
	}
	memset(r->bits + r->words, 0, (words - r->words) * 8);
	memset(r->ends + r->words, 0, (words - r->words) * 8);
	r->words = words;
	return true;
}

static void set(uint64_t *bits, uint64_t i)
{
	bits[i / 64] |= (uint64_t)1 << (i % 64);
}

/** A chunk's block: the usable bytes, from behind its header to 8 bytes into the next chunk. */
static bool add_block(void *arg, const struct glibc_chunk *chunk)
{
	struct run *r = arg;
	uint64_t addr = chunk->addr + CHUNK_HEADER, end = chunk->addr + chunk->size + 8;
	if (hg_map_get(&r->g->free_chunks, chunk->addr))
		return true;
	const bool apart = addr < r->end || addr - r->end > MOST_BETWEEN;
	if (r->end > r->start && (apart || end - r->start > EXTENT_BYTES) && !flush(r))
		return false;
	if (r->end == r->start)
		r->start = r->end = addr;
	if ((end - r->start) / GRANULE > UINT32_MAX) {
		hg_coverage_add(r->g->coverage, "malloc blocks of more than 32 GiB", 1);
		return flush(r);
	}
	if (!make_room(r, end - r->start))
		return false;
	set(r->bits, (addr - r->start) / GRANULE);
	set(r->ends, (end - r->start) / GRANULE - 1);
	r->end = end;
	return true;
}

static struct hg_error *glibc_walk(struct hg_heap *heap, uint16_t index, struct hg_blocks *blocks)
{
	struct heap_glibc *g = (struct heap_glibc *)heap;
	struct run r = {.g = g, .blocks = blocks, .index = index};
	bool go_on = true;
	g->counts_damage = true;
	for (size_t i = 0; i < g->regions.count && go_on; i++) {
		const struct glibc_region *region = &g->regions.data[i];
		g->totals.inuse_bytes += region->end - region->start;
		go_on = glibc_walk_region(g, region, add_block, &r) && flush(&r);
	}
	if (go_on && glibc_walk_mmapped(g, add_block, &r))
		flush(&r);
	g->totals.inuse_bytes += g->mapped_bytes;
	free(r.bits);
	free(r.ends);
	hg_map_deinit(&g->free_chunks); // the blocks are what it is asked for
	return r.err;
}

static void glibc_totals(const struct hg_heap *heap, struct hg_heap_totals *ret)
{
	*ret = ((const struct heap_glibc *)heap)->totals;
}

static const char *glibc_version(const struct hg_heap *heap)
{
	return ((const struct heap_glibc *)heap)->version;
}

/** What the arenas themselves point to are chunks, whose headers lie in the last bytes of the block before. What lies in
 * their regions is blocks, or free. */
static bool glibc_covers(const struct hg_heap *heap, uint64_t addr)
{
	const struct heap_glibc *g = (const struct heap_glibc *)heap;
	for (size_t i = 0; i < g->arenas.count; i++)
		if (addr >= g->arenas.data[i].addr && addr < g->arenas.data[i].end)
			return true;
	for (size_t i = 0; i < g->regions.count; i++)
		if (addr >= g->regions.data[i].start && addr < g->regions.data[i].end)
			return true;
	return false;
}

const struct hg_heap_ops hg_heap_glibc = {
	.name = "glibc",
	.runtime = "glibc malloc",
	.probe = glibc_probe,
	.open = glibc_open,
	.walk = glibc_walk,
	.covers = glibc_covers,
	.totals = glibc_totals,
	.version = glibc_version,
	.close = glibc_close,
};
