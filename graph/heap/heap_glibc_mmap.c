#include "core/base/bytes.h"
#include "graph/heap/heap_glibc.h"

#define PAGE 4096

static bool in_region(const struct heap_glibc *g, uint64_t addr)
{
	for (size_t i = 0; i < g->regions.count; i++)
		if (addr >= g->regions.data[i].start && addr < g->regions.data[i].end)
			return true;
	return false;
}

/**
 * A chunk with a mapping of its own starts a page (or, aligned, some bytes into one, which prev_size tells). Its size field:
 *
 *   to glibc 2.42    bytes of the mapping - prev_size, | 2; usable are 16 bytes less
 *   from glibc 2.43  16 bytes less than that, | 2; usable are 8 bytes less than it says
 *
 * *mapped gets the bytes from the chunk to the end of the mapping, *usable those of the caller.
 */
static bool is_mapped_chunk(const uint8_t *bytes, uint64_t left, uint64_t *mapped, uint64_t *usable)
{
	uint64_t prev_size = hg_load_u64(bytes), size_field = hg_load_u64(bytes + 8);
	uint64_t size = glibc_chunk_size(size_field);
	if ((size_field & CHUNK_FLAGS) != CHUNK_MMAPPED || prev_size >= left || !size)
		return false;
	if ((size + prev_size) % PAGE == 0 && size <= left) {
		*mapped = size;
		*usable = size - CHUNK_HEADER;
		return true;
	}
	*usable = size - 8;
	size += CHUNK_HEADER;
	*mapped = size;
	return (size + (prev_size & ~(uint64_t)1)) % PAGE == 0 && size <= left;
}

/** Looks for mmapped chunks at the pages of one segment; the first word pair of a page tells. */
static bool walk_segment(struct heap_glibc *g, const struct hg_segment *s, glibc_chunk_fn *fn,
			 void *arg)
{
	uint64_t end = s->addr + s->present;
	for (uint64_t at = (s->addr + PAGE - 1) & ~(uint64_t)(PAGE - 1); at + PAGE <= end;) {
		uint64_t mapped, usable;
		const uint8_t *bytes = s->bytes + (at - s->addr);
		if (!is_mapped_chunk(bytes, end - at, &mapped, &usable) || in_region(g, at)) {
			at += PAGE;
			continue;
		}
		const struct glibc_chunk chunk = {at,
						  usable + 8}; // as if it shared with a next one
		g->mapped_bytes += mapped;
		if (!fn(arg, &chunk))
			return false;
		at += (mapped + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	}
	return true;
}

static bool may_hold_chunks(struct heap_glibc *g, const struct hg_segment *s)
{
	const struct hg_image *image = g->prog->image;
	if (!(s->prot & HG_PROT_WRITE) || s->from_file || !s->present || in_region(g, s->addr))
		return false;
	for (size_t i = 0; i < image->threads.count; i++)
		if (image->threads.data[i].sp - s->addr < s->size)
			return false; // a stack
	return !hg_program_module_at(g->prog, s->addr);
}

bool glibc_walk_mmapped(struct heap_glibc *g, glibc_chunk_fn *fn, void *arg)
{
	const struct hg_image *image = g->prog->image;
	for (size_t i = 0; i < image->segment_count; i++)
		if (may_hold_chunks(g, &image->segments[i]) &&
		    !walk_segment(g, &image->segments[i], fn, arg))
			return false;
	return true;
}
