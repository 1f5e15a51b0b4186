#include "core/base/bytes.h"
#include "graph/heap/heap_glibc.h"

#define RESUME_CHAIN 16 /* chunks in a row that make sense, before a walk goes on behind damage */

static bool read_size(const struct heap_glibc *g, uint64_t chunk, uint64_t *size_field)
{
	return hg_image_u64(g->prog->image, chunk + 8, size_field);
}

static bool size_is_sane(uint64_t chunk, uint64_t size_field, uint64_t end)
{
	uint64_t size = glibc_chunk_size(size_field);
	return size >= CHUNK_MIN && size % CHUNK_ALIGN == 0 && size <= end - chunk &&
	       !(size_field & CHUNK_MMAPPED);
}

/** The last 32 bytes of a heap that was left behind are two fences: chunks of 16 bytes with the in-use bit. */
static bool is_fence(uint64_t chunk, uint64_t size_field, uint64_t end)
{
	return end - chunk <= 2 * CHUNK_MIN && glibc_chunk_size(size_field) <= CHUNK_ALIGN;
}

static bool chain_makes_sense(const struct heap_glibc *g, uint64_t chunk,
			      const struct glibc_region *region)
{
	for (unsigned i = 0; i < RESUME_CHAIN; i++) {
		uint64_t size_field;
		if (chunk == region->end || (region->top && chunk == region->top))
			return i > 1;
		if (chunk + CHUNK_HEADER > region->end || !read_size(g, chunk, &size_field))
			return false;
		if (is_fence(chunk, size_field, region->end))
			return i > 1;
		if (!size_is_sane(chunk, size_field, region->end))
			return false;
		chunk += glibc_chunk_size(size_field);
	}
	return true;
}

/** Returns the first chunk behind a damaged one from which the tags make sense again; the end where there is none. */
static uint64_t resume_behind(struct heap_glibc *g, uint64_t chunk,
			      const struct glibc_region *region)
{
	uint64_t at = chunk + CHUNK_ALIGN;
	while (at < region->end && !chain_makes_sense(g, at, region))
		at += CHUNK_ALIGN;
	hg_coverage_add(g->coverage, "damaged malloc chunks", 1);
	hg_coverage_add(g->coverage, "bytes skipped behind damaged malloc chunks",
			(at < region->end ? at : region->end) - chunk);
	return at;
}

bool glibc_walk_region(struct heap_glibc *g, const struct glibc_region *region, glibc_chunk_fn *fn,
		       void *arg)
{
	uint64_t chunk = region->start, size_field, next_field;
	while (chunk + CHUNK_HEADER <= region->end && chunk != region->top) {
		if (!read_size(g, chunk, &size_field)) {
			hg_coverage_add(g->coverage, "bytes of malloc heaps that are missing",
					region->end - chunk);
			return true;
		}
		if (is_fence(chunk, size_field, region->end))
			return true;
		if (!size_is_sane(chunk, size_field, region->end)) {
			chunk = resume_behind(g, chunk, region);
			continue;
		}
		const struct glibc_chunk found = {chunk, glibc_chunk_size(size_field)};
		chunk += found.size;
		bool in_use = chunk + CHUNK_HEADER > region->end ||
			      !read_size(g, chunk, &next_field) || next_field & CHUNK_PREV_IN_USE;
		if (in_use && !fn(arg, &found))
			return false;
	}
	return true;
}
