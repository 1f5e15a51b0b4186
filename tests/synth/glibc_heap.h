/**
 * A malloc heap of two arenas as a release of glibc lays it out, made by hand: what lives and what is free is known.
 *
 *	module "libc.so.6"  main arena, its bins empty
 *	break               tcache | live 24 | cached | live | free | live | fastbin chunk | live | top
 *	heap at 64 MiB      heap_info | second arena | live | top
 *	mapping             a chunk of its own
 */
#ifndef HG_SYNTH_GLIBC_HEAP_H
#define HG_SYNTH_GLIBC_HEAP_H

#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "dwarf/program_private.h"
#include "graph/heap/heap_glibc.h"

#define SYNTH_LIBC 0x7f0000000000u
#define SYNTH_BREAK 0x555555560000u
#define SYNTH_HEAP 0x7e0000000000u /* a multiple of 64 MiB */
#define SYNTH_MAPPED 0x7f1000000000u
#define SYNTH_BYTES 0x4000u

struct glibc_release {
	const char *name;
	unsigned head;	    // bytes of malloc_state before bins[0]
	unsigned heap_info; // bytes
	unsigned tcache;    // bytes of its chunk, 0 where there is none
	unsigned count_size, entries, bins;
	bool counts_left, safe_linking, short_sizes; // of mmapped chunks
};

static const struct glibc_release glibc_releases[] = {
	{"2.17 - 2.25", 0x68, 32, 0, 0, 0, 0, false, false, false},
	{"2.26", 0x68, 32, 0x250, 1, 64, 64, false, false, false},
	{"2.27 - 2.29", 0x70, 32, 0x250, 1, 64, 64, false, false, false},
	{"2.28 of RHEL 8", 0x70, 32, 0x250, 1, 64, 64, false, true, false},
	{"2.30 - 2.31", 0x70, 32, 0x290, 2, 128, 64, false, false, false},
	{"2.32 - 2.34", 0x70, 32, 0x290, 2, 128, 64, false, true, false},
	{"2.35 - 2.41", 0x70, 48, 0x290, 2, 128, 64, false, true, false},
	{"2.42", 0x70, 48, 0x300, 2, 152, 76, true, true, false},
	{"2.43", 0x18, 48, 0x300, 2, 152, 76, true, true, true},
};

enum synth_part {
	SYNTH_PART_BREAK,
	SYNTH_PART_HEAP,
	SYNTH_PART_LIBC,
	SYNTH_PART_MAPPED,
	SYNTH_PARTS
};

struct synth_chunk {
	uint64_t addr; // of the caller's bytes
	uint64_t usable;
};

struct glibc_synth {
	const struct glibc_release *release;
	uint8_t *bytes[SYNTH_PARTS]; // SYNTH_BYTES each
	struct hg_segment segments[SYNTH_PARTS];
	struct hg_image image;
	struct hg_module module;
	uint32_t by_start[1];
	struct hg_module_index indexes[1];
	struct hg_program_private priv;
	struct hg_program prog;
	struct synth_chunk live[16];
	unsigned live_count;
	uint64_t damaged, gap; // of the break: where a test may break it
};

static const uint64_t synth_addr[SYNTH_PARTS] = {SYNTH_BREAK, SYNTH_HEAP, SYNTH_LIBC, SYNTH_MAPPED};

static inline void synth_put(struct glibc_synth *s, uint64_t addr, uint64_t value)
{
	for (unsigned i = 0; i < SYNTH_PARTS; i++)
		if (addr - synth_addr[i] <= SYNTH_BYTES - 8)
			memcpy(s->bytes[i] + (addr - synth_addr[i]), &value, 8);
}

static inline uint64_t synth_arena(struct glibc_synth *s, uint64_t addr, uint64_t top,
				   uint64_t next, uint64_t system_mem)
{
	const uint64_t bins = addr + s->release->head;
	for (unsigned i = 0; i < 254; i++)
		synth_put(s, bins + 8 * i, bins + 16 * (i / 2) - 16);
	synth_put(s, bins - 0x10, top);
	synth_put(s, bins + 0x800, next);
	synth_put(s, bins + 0x818, system_mem);
	return bins;
}

/** Writes a chunk's header; returns the chunk behind it. The chunk before is in use. */
static inline uint64_t synth_chunk(struct glibc_synth *s, uint64_t chunk, uint64_t size, bool live)
{
	synth_put(s, chunk + 8, size | CHUNK_PREV_IN_USE);
	if (live)
		s->live[s->live_count++] = (struct synth_chunk){chunk + 16, size - 8};
	return chunk + size;
}

static inline uint64_t synth_link(const struct glibc_synth *s, uint64_t at, uint64_t to)
{
	return s->release->safe_linking ? to ^ at >> 12 : to;
}

static inline uint64_t synth_tcache(struct glibc_synth *s, uint64_t chunk, uint64_t first,
				    unsigned bin, unsigned count)
{
	const struct glibc_release *r = s->release;
	uint8_t *const at = s->bytes[SYNTH_PART_BREAK] + (chunk + 16 - SYNTH_BREAK);
	for (unsigned i = 0; i < r->bins; i++) {
		const uint16_t value =
			(uint16_t)((r->counts_left ? 7 : 0) +
				   (i == bin ? (r->counts_left ? -(int)count : (int)count) : 0));
		memcpy(at + i * r->count_size, &value, r->count_size);
	}
	synth_put(s, chunk + 16 + r->entries + 8 * bin, first);
	return synth_chunk(s, chunk, r->tcache, true);
}

static inline void synth_break(struct glibc_synth *s, uint64_t arena)
{
	uint64_t at = SYNTH_BREAK;
	const uint64_t first = at + s->release->tcache + 0x20 + 16, second = first + 0x40;
	if (s->release->tcache)
		at = synth_tcache(s, at, first, 2, 2);
	at = synth_chunk(s, at, 0x20, true);
	for (unsigned i = 0; s->release->tcache && i < 2;
	     i++) // cached, and in use for their neighbours
		at = synth_chunk(s, at, 0x40, false);
	if (s->release->tcache) {
		synth_put(s, first, synth_link(s, first, second));
		synth_put(s, second, synth_link(s, second, 0));
	}
	at = synth_chunk(s, at, 0x500, true);
	const uint64_t behind = synth_chunk(s, at, 0x500, false); // free
	synth_put(s, behind, 0x500);
	s->damaged = behind;
	at = synth_chunk(s, behind, 0x100, true);
	synth_put(s, behind + 8, 0x100);
	if (s->release->head > 0x60) {
		synth_put(s, arena + s->release->head - 0x60 + 8, at);
		synth_put(s, at + 16, synth_link(s, at + 16, 0));
		at = synth_chunk(s, at, 0x30, false);
	}
	for (unsigned i = 0; i < 6; i++)
		at = synth_chunk(s, at, 0x60 + 16 * i, true);
	synth_chunk(s, at, SYNTH_BREAK + SYNTH_BYTES - at, false);
	synth_arena(s, arena, at, SYNTH_HEAP + s->release->heap_info, SYNTH_BYTES);
}

static inline void synth_other_heap(struct glibc_synth *s, uint64_t arena)
{
	const uint64_t addr = SYNTH_HEAP + s->release->heap_info;
	synth_put(s, SYNTH_HEAP, addr);
	synth_put(s, SYNTH_HEAP + 16, SYNTH_BYTES);
	synth_put(s, SYNTH_HEAP + 24, SYNTH_BYTES);
	uint64_t at = (addr + s->release->head + 0x828 + 15) & ~(uint64_t)15;
	at = synth_chunk(s, at, 0x1000, true);
	synth_chunk(s, at, SYNTH_HEAP + SYNTH_BYTES - at, false);
	synth_arena(s, addr, at, arena, SYNTH_BYTES);
}

static inline void synth_mapped(struct glibc_synth *s)
{
	const uint64_t size = SYNTH_BYTES - (s->release->short_sizes ? 16 : 0);
	synth_put(s, SYNTH_MAPPED + 8, size | CHUNK_MMAPPED);
	s->live[s->live_count++] = (struct synth_chunk){
		SYNTH_MAPPED + 16, SYNTH_BYTES - 16 - (s->release->short_sizes ? 8 : 0)};
	if (s->release->short_sizes)
		s->live[s->live_count - 1].usable = size - 8;
}

/** Makes the heap of a release; glibc_synth_deinit() ends it. */
static inline void glibc_synth_init(struct glibc_synth *s, const struct glibc_release *release)
{
	*s = (struct glibc_synth){.release = release};
	for (unsigned i = 0; i < SYNTH_PARTS; i++) {
		s->bytes[i] = calloc(1, SYNTH_BYTES);
		hg_assert(s->bytes[i]);
		s->segments[i] = (struct hg_segment){synth_addr[i],
						     SYNTH_BYTES,
						     SYNTH_BYTES,
						     s->bytes[i],
						     HG_PROT_READ | HG_PROT_WRITE,
						     false};
	}
	s->image = (struct hg_image){.segments = s->segments, .segment_count = SYNTH_PARTS};
	s->module = (struct hg_module){
		.path = "/lib/libc.so.6", .start = SYNTH_LIBC, .end = SYNTH_LIBC + SYNTH_BYTES};
	s->priv.by_start = s->by_start;
	s->priv.indexes = s->indexes;
	s->prog = (struct hg_program){.image = &s->image, .priv = &s->priv};
	s->prog.modules.data = &s->module;
	s->prog.modules.count = 1;
	synth_break(s, SYNTH_LIBC + 0x100);
	synth_other_heap(s, SYNTH_LIBC + 0x100);
	synth_mapped(s);
}

static inline void glibc_synth_deinit(struct glibc_synth *s)
{
	for (unsigned i = 0; i < SYNTH_PARTS; i++)
		free(s->bytes[i]);
	hg_symbol_deinit(s->indexes[0].symbols);
}

/** What the walker finds. */
struct glibc_found {
	struct hg_coverage coverage;
	struct hg_blocks blocks;
	struct hg_heap_totals totals;
};

static inline struct hg_error *glibc_synth_walk(struct glibc_synth *s, struct glibc_found *ret)
{
	*ret = (struct glibc_found){0};
	if (!hg_heap_glibc.probe(&s->prog))
		return hg_error_create(HG_ERROR_NOT_FOUND, "no malloc here");
	struct hg_heap *heap;
	struct hg_error *err = hg_heap_glibc.open(&s->prog, &ret->coverage, &heap);
	if (err)
		return err;
	uint64_t dropped;
	err = heap->ops->walk(heap, 0, &ret->blocks);
	if (!err)
		err = hg_blocks_finish(&ret->blocks, &dropped);
	heap->ops->totals(heap, &ret->totals);
	heap->ops->close(heap);
	return err;
}

static inline void glibc_found_deinit(struct glibc_found *found)
{
	hg_blocks_deinit(&found->blocks);
	hg_coverage_deinit(&found->coverage);
}

#endif
