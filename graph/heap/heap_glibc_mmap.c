#include "core/base/bytes.h"
#include "graph/heap/heap_glibc.h"

#define PAGE 4096
#define DESCRIPTOR                                                                                 \
	0x700 /* bytes of a thread's descriptor, at least, from where its TLS register points */

static bool in_region(const struct heap_glibc *g, uint64_t addr)
{
	for (size_t i = 0; i < g->regions.count; i++)
		if (addr >= g->regions.data[i].start && addr < g->regions.data[i].end)
			return true;
	return false;
}

/**
 * A chunk with a mapping of its own starts where the mapping does, or, aligned, some bytes behind, which prev_size tells. Its
 * size field:
 *
 *   to glibc 2.42    bytes from the chunk to the end of the mapping, | 2; usable are 16 bytes less than it says
 *   from glibc 2.43  16 bytes less than that, | 2; usable are 8 bytes less than it says; prev_size | 1: of a huge page
 */
struct mapped_chunk {
	uint64_t addr;
	uint64_t mapping; /* bytes of the whole mapping */
	uint64_t counted; /* bytes as mallinfo counts them */
	uint64_t usable;
};

static bool read_mapped(const uint8_t *bytes, uint64_t start, uint64_t offset, uint64_t left,
			struct mapped_chunk *ret)
{
	const uint64_t prev_size = hg_load_u64(bytes + offset);
	const uint64_t size_field = hg_load_u64(bytes + offset + 8);
	const uint64_t size = glibc_chunk_size(size_field);
	if ((size_field & CHUNK_FLAGS) != CHUNK_MMAPPED || (prev_size & ~(uint64_t)1) != offset ||
	    size < CHUNK_MIN || size > left || offset + size > left)
		return false;
	const uint64_t behind = (offset + size) % PAGE;
	if (behind && (behind + CHUNK_HEADER != PAGE || offset + size + CHUNK_HEADER > left))
		return false;
	*ret = (struct mapped_chunk){
		.addr = start + offset,
		.mapping = offset + size + (behind ? CHUNK_HEADER : 0),
		.counted = offset + size + (behind ? CHUNK_HEADER : 0),
		.usable = size - (behind ? 8 : CHUNK_HEADER),
	};
	return true;
}

/** memalign leaves the header at the start of the mapping as it was: what lies at an aligned address and agrees counts. */
static void find_aligned(const uint8_t *bytes, uint64_t start, struct mapped_chunk *chunk)
{
	struct mapped_chunk aligned;
	const uint64_t mapping = chunk->mapping;
	for (uint64_t offset = CHUNK_ALIGN; offset < PAGE; offset += CHUNK_ALIGN)
		if (read_mapped(bytes, start, offset, mapping, &aligned) &&
		    aligned.mapping == mapping) {
			*chunk = aligned;
			return;
		}
	for (uint64_t align = PAGE; align < mapping; align *= 2) {
		const uint64_t offset = ((start + align) & ~(align - 1)) - CHUNK_HEADER - start;
		if (offset + CHUNK_MIN <= mapping &&
		    read_mapped(bytes, start, offset, mapping, &aligned) &&
		    aligned.mapping == mapping) {
			*chunk = aligned;
			return;
		}
	}
}

/** Looks for mmapped chunks at the pages of one segment; the first word pair of a page tells. */
static bool walk_segment(struct heap_glibc *g, const struct hg_segment *s, uint64_t start,
			 glibc_chunk_fn *fn, void *arg)
{
	const uint64_t end = s->addr + s->present;
	for (uint64_t at = (start + PAGE - 1) & ~(uint64_t)(PAGE - 1); at + PAGE <= end;) {
		struct mapped_chunk chunk;
		const uint8_t *const bytes = s->bytes + (at - s->addr);
		if (!read_mapped(bytes, at, 0, end - at, &chunk) || in_region(g, at) ||
		    hg_program_module_at(g->prog, at)) {
			at += PAGE;
			continue;
		}
		find_aligned(bytes, at, &chunk);
		// As if it shared 8 bytes with a next one, like the chunks of arenas.
		const struct glibc_chunk found = {chunk.addr, chunk.usable + 8};
		g->mapped_bytes += chunk.counted;
		if (!fn(arg, &found))
			return false;
		at += chunk.mapping;
	}
	return true;
}

static bool may_hold_chunks(const struct hg_segment *s)
{
	return s->prot & HG_PROT_WRITE && !s->from_file && s->present;
}

/**
 * Returns where chunks may start in a segment: a thread's stack and, above it, its descriptor lie first (a page that cannot
 * be touched stands below), and the kernel makes one mapping of them and of chunks that follow.
 */
static uint64_t behind_stacks(const struct heap_glibc *g, const struct hg_segment *s)
{
	const struct hg_image *image = g->prog->image;
	uint64_t start = s->addr;
	for (size_t i = 0; i < image->threads.count; i++) {
		const struct hg_thread *thread = &image->threads.data[i];
		if (thread->sp - s->addr >= s->size)
			continue;
		if (thread->tls - s->addr >= s->size || thread->tls < thread->sp)
			return s->addr + s->present; // the main thread's: nothing else lies there
		const uint64_t end = (thread->tls + DESCRIPTOR + PAGE - 1) & ~(uint64_t)(PAGE - 1);
		start = end > start ? end : start;
	}
	return start;
}

bool glibc_walk_mmapped(struct heap_glibc *g, glibc_chunk_fn *fn, void *arg)
{
	const struct hg_image *image = g->prog->image;
	for (size_t i = 0; i < image->segment_count; i++)
		if (may_hold_chunks(&image->segments[i]) &&
		    !walk_segment(g, &image->segments[i], behind_stacks(g, &image->segments[i]), fn,
				  arg))
			return false;
	return true;
}
