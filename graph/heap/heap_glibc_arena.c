#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "dwarf/symbol.h"
#include "graph/heap/heap_glibc.h"

/*
 * malloc_state, x86-64, relative to bins[0] (B). What lies before B tells the release: 0x68 bytes to 2.26, 0x70 to 2.42
 * (have_fastchunks), 0x18 from 2.43 (no fastbins).
 *
 *   OFFSET       SIZE   MEANING
 *   start        4, 4   mutex, flags (2: not contiguous)
 *   B - 0x60     80     fastbinsY[10] (to 2.42)
 *   B - 0x10     8      top
 *   B - 0x08     8      last_remainder
 *   B            2032   bins[254]: 127 pairs of forward and backward link, empty: both are B + 16 i - 16
 *   B + 0x7f0    16     binmap
 *   B + 0x800    8, 8   next, next_free
 *   B + 0x810    8      attached_threads (from 2.23)
 *   B + 0x818    8, 8   system_mem, max_system_mem
 */
#define BIN_PAIRS 127
#define FROM_BINS_TOP (-0x10)
#define FROM_BINS_FASTBINS (-0x60)
#define FROM_BINS_NEXT 0x800
#define FROM_BINS_SYSTEM_MEM 0x818
#define FROM_BINS_END 0x828
#define LONGEST_HEAD 0x70
#define MAX_ARENAS 65536
#define MAX_REGIONS (1u << 16) /* of all arenas; rings of heaps end here, too */
#define NOT_CONTIGUOUS 2
#define PAGE 4096
#define MAX_STEPS ((uint64_t)1 << 28)

static uint64_t word(const struct heap_glibc *g, uint64_t addr)
{
	uint64_t value;
	return hg_image_u64(g->prog->image, addr, &value) ? value : 0;
}

static uint64_t top_size(const struct heap_glibc *g, uint64_t top)
{
	return glibc_chunk_size(word(g, top + 8));
}

/** Reads an arena whose bins start at `bins` and which starts `head` bytes before; false where it makes no sense. */
static bool read_arena(const struct heap_glibc *g, uint64_t bins, uint64_t head,
		       struct glibc_arena *ret)
{
	*ret = (struct glibc_arena){
		.addr = bins - head,
		.bins = bins,
		.end = bins + FROM_BINS_END,
		.fastbins = head > 0x60 ? bins + FROM_BINS_FASTBINS : 0,
		.top = word(g, bins + FROM_BINS_TOP),
		.next = word(g, bins + FROM_BINS_NEXT),
		.system_mem = word(g, bins + FROM_BINS_SYSTEM_MEM),
		.flags = (uint32_t)(word(g, bins - head) >> 32),
	};
	return ret->top && ret->next && ret->system_mem && ret->top % CHUNK_ALIGN == 0 &&
	       hg_image_segment(g->prog->image, ret->top);
}

/** Does the memory look like bins[0] of an arena? A pair of links points to itself, or both lead elsewhere. */
static bool looks_like_bins(const uint8_t *bytes, uint64_t addr)
{
	for (unsigned i = 0; i < BIN_PAIRS; i++) {
		uint64_t self = addr + 16 * i - 16;
		uint64_t forward = hg_load_u64(bytes + 16 * i);
		uint64_t back = hg_load_u64(bytes + 16 * i + 8);
		const bool empty = forward == self && back == self;
		if (!empty && (forward == self || back == self || !forward || !back ||
			       (forward | back) % CHUNK_ALIGN))
			return false;
	}
	return true;
}

/** The ring of arenas ends at the main one: the `next` that points to just before these bins tells where it starts. */
static bool find_head(const struct heap_glibc *g, uint64_t bins, uint64_t *head)
{
	uint64_t next = word(g, bins + FROM_BINS_NEXT);
	for (unsigned i = 0; i < MAX_ARENAS && next; i++) {
		if (next < bins && bins - next <= LONGEST_HEAD) {
			*head = bins - next;
			return true;
		}
		// Where the head is not known, try the known ones for the next arena's own link.
		uint64_t link = 0;
		static const uint64_t heads[] = {0x70, 0x68, 0x18};
		for (unsigned k = 0; k < ARRAY_SIZE(heads) && !link; k++) {
			uint64_t its_bins = next + heads[k];
			if (word(g, its_bins + 16 * 126) == its_bins + 16 * 126 - 16)
				link = word(g, its_bins + FROM_BINS_NEXT);
		}
		next = link;
	}
	return false;
}

static struct hg_error *add_ring(struct heap_glibc *g, uint64_t bins, uint64_t head)
{
	uint64_t main_addr = bins - head, at = main_addr;
	for (unsigned i = 0; i < MAX_ARENAS; i++) {
		struct glibc_arena arena;
		if (!read_arena(g, at + head, head, &arena)) {
			hg_coverage_add(g->coverage, "malloc arenas with damaged fields", 1);
			return NULL;
		}
		arena.is_main = at == main_addr;
		struct glibc_arena *place = hg_vec_push(&g->arenas);
		if (!place)
			return &hg_enomem;
		*place = arena;
		at = arena.next;
		if (at == main_addr)
			return NULL;
	}
	hg_coverage_add(g->coverage, "rings of malloc arenas that do not close", 1);
	return NULL;
}

/** Searches a writable segment for bins that point to themselves. */
static struct hg_error *search_segment(struct heap_glibc *g, const struct hg_segment *segment,
				       uint64_t start, uint64_t end)
{
	for (uint64_t at = (start + 7) & ~(uint64_t)7; at + FROM_BINS_END <= end; at += 8) {
		const uint8_t *bytes = segment->bytes + (at - segment->addr);
		// The last pair (the largest bin) is nearly always empty: one comparison for most words.
		if (hg_load_u64(bytes + 16 * 126) != at + 16 * 126 - 16 ||
		    !looks_like_bins(bytes, at))
			continue;
		uint64_t head;
		struct glibc_arena arena;
		if (!find_head(g, at, &head) || !read_arena(g, at, head, &arena))
			continue;
		return add_ring(g, at, head);
	}
	return NULL;
}

/** malloc lives in libc, or in the executable when that is static. */
static bool may_hold_malloc(const struct hg_module *module)
{
	const char *name = module->path ? strrchr(module->path, '/') : NULL;
	name = name ? name + 1 : module->path;
	if (!name)
		return false;
	if (!strncmp(name, "libc.so", 7) || !strncmp(name, "libc-2.", 7))
		return true;
	return module->is_exe && !(module->elf && hg_elf_find_section(module->elf, ".interp"));
}

static struct hg_error *search_module(struct heap_glibc *g, const struct hg_module *module)
{
	const struct hg_image *image = g->prog->image;
	// .bss lies behind the last mapping of the file: the same segment or the one that follows it.
	uint64_t end = module->end + ((uint64_t)1 << 20);
	for (size_t i = 0; i < image->segment_count && !g->arenas.count; i++) {
		const struct hg_segment *s = &image->segments[i];
		if (!s->present || s->addr >= end || s->addr + s->present <= module->start)
			continue;
		uint64_t from = s->addr > module->start ? s->addr : module->start;
		uint64_t to = s->addr + s->present < end ? s->addr + s->present : end;
		struct hg_error *err = search_segment(g, s, from, to);
		if (err)
			return err;
	}
	return NULL;
}

/** Where libc's symbols put the main arena, which they do where they are at hand: in a static program, or from a debug file.
 * The size of the symbol tells how the arena begins; 0 where it tells nothing that can be. */
static uint64_t symbol_bins(const struct heap_glibc *g, size_t module, uint64_t *head)
{
	static const uint64_t heads[] = {0x70, 0x68, 0x18};
	const struct hg_symbol *symbol = hg_symbol_find_in(g->prog, module, "main_arena");
	for (unsigned i = 0; symbol && i < ARRAY_SIZE(heads); i++) {
		*head = heads[i];
		if (symbol->size == heads[i] + FROM_BINS_END)
			return symbol->addr + heads[i];
	}
	return 0;
}

/** The arena whose own words are damaged has its address from the symbol. */
static struct hg_error *take_symbol(struct heap_glibc *g, size_t module)
{
	struct glibc_arena arena;
	uint64_t head, bins = symbol_bins(g, module, &head);
	if (!bins || !read_arena(g, bins, head, &arena))
		return NULL;
	hg_coverage_add(g->coverage, "main arenas of malloc found by libc's symbol alone", 1);
	return add_ring(g, bins, head);
}

struct hg_error *glibc_find_arenas(struct heap_glibc *g)
{
	struct hg_error *err = NULL;
	for (size_t i = 0; i < g->prog->modules.count && !g->arenas.count && !err; i++)
		if (may_hold_malloc(&g->prog->modules.data[i]))
			err = search_module(g, &g->prog->modules.data[i]);
	for (size_t i = 0; i < g->prog->modules.count && !g->arenas.count && !err; i++)
		if (may_hold_malloc(&g->prog->modules.data[i]))
			err = take_symbol(g, i);
	return err;
}

void glibc_check_symbols(struct heap_glibc *g)
{
	for (size_t i = 0; i < g->prog->modules.count && g->arenas.count; i++) {
		const struct hg_module *module = &g->prog->modules.data[i];
		const struct glibc_arena *arena = &g->arenas.data[0];
		uint64_t head, bins;
		// The other copy of libc in a process (of another namespace of the loader) has a heap of its own.
		if (!may_hold_malloc(module) ||
		    hg_program_module_at(g->prog, arena->bins) != module)
			continue;
		bins = symbol_bins(g, i, &head);
		if (bins && (bins != arena->bins || bins - head != arena->addr))
			hg_coverage_add(g->coverage,
					"main arenas of malloc elsewhere than libc's symbols say",
					1);
	}
}

/* ---- regions ---- */

static struct hg_error *add_region(struct heap_glibc *g, uint64_t start, uint64_t end, uint64_t top,
				   uint32_t arena)
{
	start = (start + CHUNK_ALIGN - 1) & ~(uint64_t)(CHUNK_ALIGN - 1);
	if (start >= end)
		return NULL;
	struct glibc_region *place = hg_vec_push(&g->regions);
	if (!place)
		return &hg_enomem;
	*place = (struct glibc_region){start, end, top, arena};
	return NULL;
}

/**
 * Walks a piece of the main arena from where one may start; returns its end, 0 where it is none. A piece holds chunks of the
 * main arena up to the top chunk, or up to two fences at the end of a page.
 */
static uint64_t piece_end(const struct heap_glibc *g, const struct glibc_arena *arena,
			  uint64_t start, uint64_t limit, uint64_t *steps)
{
	uint64_t at = start;
	while (at + 2 * CHUNK_HEADER <= limit && ++*steps < MAX_STEPS) {
		const uint64_t size_field = word(g, at + 8), size = glibc_chunk_size(size_field);
		if (at == arena->top)
			return at + size;
		if (size_field & (CHUNK_MMAPPED | CHUNK_NON_MAIN) || size % CHUNK_ALIGN ||
		    size > limit - at || (at == start && !(size_field & CHUNK_PREV_IN_USE)))
			return 0;
		if (size == CHUNK_ALIGN)
			return at > start && (at + 2 * CHUNK_ALIGN) % PAGE == 0 &&
					       glibc_chunk_size(word(g, at + CHUNK_ALIGN + 8)) ==
						       CHUNK_ALIGN
				       ? at + 2 * CHUNK_ALIGN
				       : 0;
		if (size < CHUNK_MIN)
			return 0;
		at += size;
	}
	return 0;
}

/** Looks for pieces of the main arena at the pages of a segment: the kernel joins them with mappings of others. */
static struct hg_error *pieces_of_segment(struct heap_glibc *g, uint32_t index,
					  const struct hg_segment *s, uint64_t *found,
					  uint64_t *steps)
{
	const struct glibc_arena arena = g->arenas.data[index];
	const uint64_t limit = s->addr + s->present;
	uint64_t at = s->addr;
	while (at < limit && *found < arena.system_mem) {
		const uint64_t end = hg_program_module_at(g->prog, at)
					     ? 0
					     : piece_end(g, &arena, at, limit, steps);
		if (!end) {
			// The break need not have been aligned when malloc came: anywhere in the first page.
			const uint64_t step = at - s->addr < PAGE ? CHUNK_ALIGN : PAGE;
			at = (at / step + 1) * step;
			continue;
		}
		const bool has_top = arena.top >= at && arena.top < end;
		struct hg_error *err = add_region(g, at, end, has_top ? arena.top : 0, index);
		if (err)
			return err;
		*found += end - at;
		at = end;
	}
	return NULL;
}

static struct hg_error *pieces(struct heap_glibc *g, uint32_t index)
{
	const struct hg_image *image = g->prog->image;
	uint64_t found = 0, steps = 0;
	struct hg_error *err = NULL;
	for (size_t i = 0; i < image->segment_count && !err; i++)
		if (image->segments[i].prot & HG_PROT_WRITE && !image->segments[i].from_file)
			err = pieces_of_segment(g, index, &image->segments[i], &found, &steps);
	if (found < g->arenas.data[index].system_mem)
		hg_coverage_add(g->coverage, "bytes of malloc's main arena that were not found",
				g->arenas.data[index].system_mem - found);
	return err;
}

/**
 * The main arena grows by brk. While it is contiguous all of system_mem lies before the end of top. Else it consists of
 * pieces.
 */
static struct hg_error *main_regions(struct heap_glibc *g, uint32_t index)
{
	const struct glibc_arena *arena = &g->arenas.data[index];
	const struct hg_segment *s = hg_image_segment(g->prog->image, arena->top);
	const uint64_t end = arena->top + top_size(g, arena->top);
	// The break need not have been aligned when malloc came (to glibc 2.31 tunables moved it).
	const uint64_t start =
		(end - arena->system_mem + CHUNK_ALIGN - 1) & ~(uint64_t)(CHUNK_ALIGN - 1);
	const bool contiguous = !(arena->flags & NOT_CONTIGUOUS);
	if (contiguous && end > arena->top && start < arena->top &&
	    hg_image_segment(g->prog->image, start))
		return add_region(g, start, end, arena->top, index);
	if (!s || (end <= arena->top && !contiguous)) {
		hg_coverage_add(g->coverage, "malloc arenas whose top chunk is damaged", 1);
		return NULL;
	}
	// Without a top chunk that can be read, what is before it is what counts.
	if (end <= arena->top)
		return add_region(g, s->addr, arena->top, arena->top, index);
	return pieces(g, index);
}

/**
 * heap_info, at the start of each heap of the other arenas:
 *
 *   OFFSET  SIZE  MEANING
 *        0     8  its arena
 *        8     8  the heap before it, 0 for the first
 *       16     8  size in use
 *       24     8  size made accessible
 *       32    16  page size and padding (from 2.35)
 */
static bool is_heap(const struct heap_glibc *g, uint64_t heap, uint64_t arena)
{
	uint64_t size = word(g, heap + 16);
	return word(g, heap) == arena && size && size % 4096 == 0;
}

/** The heap that contains a chunk: heaps are aligned to their largest size, 64 MiB unless huge pages are in use. */
static uint64_t heap_of(const struct heap_glibc *g, uint64_t chunk, uint64_t arena)
{
	for (unsigned shift = 20; shift <= 36; shift++) {
		uint64_t heap = chunk >> shift << shift;
		if (is_heap(g, heap, arena))
			return heap;
	}
	return 0;
}

static struct hg_error *other_regions(struct heap_glibc *g, uint32_t index)
{
	const struct glibc_arena arena = g->arenas.data[index];
	uint64_t heap = heap_of(g, arena.top, arena.addr);
	uint64_t first = heap_of(g, arena.addr, arena.addr);
	uint64_t info_size = first ? arena.addr - first : 0;
	if (!heap || !first || info_size > 64) {
		hg_coverage_add(g->coverage, "malloc arenas whose heaps cannot be found", 1);
		return NULL;
	}
	while (heap) {
		if (g->regions.count >= MAX_REGIONS) {
			hg_coverage_add(g->coverage, "malloc heaps beyond the limit", 1);
			return NULL;
		}
		uint64_t start = heap == first ? arena.end : heap + info_size;
		uint64_t end = heap + word(g, heap + 16);
		bool has_top = arena.top >= start && arena.top < end;
		struct hg_error *err = add_region(g, start, end, has_top ? arena.top : 0, index);
		if (err)
			return err;
		uint64_t previous = word(g, heap + 8);
		heap = previous && is_heap(g, previous, arena.addr) ? previous : 0;
	}
	return NULL;
}

struct hg_error *glibc_find_regions(struct heap_glibc *g)
{
	struct hg_error *err = NULL;
	for (uint32_t i = 0; i < g->arenas.count && !err; i++)
		err = g->arenas.data[i].is_main ? main_regions(g, i) : other_regions(g, i);
	return err;
}
