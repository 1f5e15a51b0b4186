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

/**
 * Where an arena went on elsewhere, the last bytes of its old top are fences: chunks of 16 bytes (the very last may say 0).
 * When 16 bytes are too many to be fenced and too few to be free, they are added to the first fence: it looks like a
 * block of 24 bytes that ends where the last one starts, and nothing else ever ends there.
 */
static bool is_fence(uint64_t chunk, uint64_t size_field, const struct glibc_region *region)
{
	const uint64_t size = glibc_chunk_size(size_field), left = region->end - chunk;
	if (region->top)
		return false;
	return (left <= 2 * CHUNK_MIN && size <= CHUNK_ALIGN) || size == left - CHUNK_ALIGN;
}

/** Two fences in the middle: somebody else moved the break, and the main arena goes on behind what they took. */
static bool is_gap(const struct heap_glibc *g, uint64_t chunk, uint64_t size_field)
{
	uint64_t next_field;
	return glibc_chunk_size(size_field) == CHUNK_ALIGN &&
	       read_size(g, chunk + CHUNK_ALIGN, &next_field) &&
	       glibc_chunk_size(next_field) == CHUNK_ALIGN;
}

static bool chain_makes_sense(const struct heap_glibc *g, uint64_t chunk,
			      const struct glibc_region *region)
{
	for (unsigned i = 0; i < RESUME_CHAIN; i++) {
		uint64_t size_field;
		if (region->top && chunk == region->top)
			return i > 0;
		if (chunk == region->end)
			return i > 1;
		if (chunk + CHUNK_HEADER > region->end || !read_size(g, chunk, &size_field))
			return false;
		if (is_fence(chunk, size_field, region))
			return i > 1;
		if (!size_is_sane(chunk, size_field, region->end))
			return false;
		chunk += glibc_chunk_size(size_field);
	}
	return true;
}

/** Returns the first chunk behind a damaged one from which the tags make sense again; the end where there is none. */
static uint64_t resume_behind(const struct heap_glibc *g, uint64_t chunk,
			      const struct glibc_region *region)
{
	uint64_t at = chunk + CHUNK_ALIGN;
	while (at < region->end && at != region->top && !chain_makes_sense(g, at, region))
		at += CHUNK_ALIGN;
	return at < region->end ? at : region->end;
}

static void count_skipped(struct heap_glibc *g, uint64_t chunk, uint64_t size_field, uint64_t bytes)
{
	if (!g->counts_damage)
		return;
	if (is_gap(g, chunk, size_field)) {
		g->gap_bytes += bytes;
		return;
	}
	hg_coverage_add(g->coverage, "damaged malloc chunks", 1);
	hg_coverage_add(g->coverage, "bytes skipped behind damaged malloc chunks", bytes);
}

static void count_missing(struct heap_glibc *g, uint64_t bytes)
{
	if (g->counts_damage)
		hg_coverage_add(g->coverage, "bytes of malloc heaps that are missing", bytes);
}

/** The bytes of a region that lie in one piece from its start on: nearly always all of it. */
struct piece {
	const uint8_t *bytes;
	uint64_t start, size;
};

static bool read_next(const struct heap_glibc *g, const struct piece *piece, uint64_t chunk,
		      uint64_t *size_field)
{
	const uint64_t at = chunk - piece->start;
	if (piece->size < CHUNK_HEADER || at > piece->size - CHUNK_HEADER)
		return read_size(g, chunk, size_field);
	*size_field = hg_load_u64(piece->bytes + at + 8);
	return true;
}

bool glibc_walk_region(struct heap_glibc *g, const struct glibc_region *region, glibc_chunk_fn *fn,
		       void *arg)
{
	uint64_t chunk = region->start, size_field, next_field;
	struct piece piece = {.start = region->start};
	piece.bytes = hg_image_view_some(g->prog->image, region->start, &piece.size);
	while (chunk + CHUNK_HEADER <= region->end && chunk != region->top) {
		if (!read_next(g, &piece, chunk, &size_field)) {
			count_missing(g, region->end - chunk);
			return true;
		}
		if (is_fence(chunk, size_field, region))
			return true;
		if (!size_is_sane(chunk, size_field, region->end)) {
			const uint64_t behind = resume_behind(g, chunk, region);
			count_skipped(g, chunk, size_field, behind - chunk);
			chunk = behind;
			continue;
		}
		const struct glibc_chunk found = {chunk, glibc_chunk_size(size_field)};
		chunk += found.size;
		bool in_use = chunk + CHUNK_HEADER > region->end ||
			      !read_next(g, &piece, chunk, &next_field) ||
			      next_field & CHUNK_PREV_IN_USE;
		if (in_use && !fn(arg, &found))
			return false;
	}
	return true;
}
