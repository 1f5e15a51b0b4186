/**
 * glibc's malloc (ptmalloc2): private to the heap_glibc*.c files. Found by structure, so that libc needs no debug symbols.
 *
 *   heap_glibc.c         row of the table
 *   heap_glibc_arena.c   where the arenas are, and their heaps
 *   heap_glibc_chunk.c   walks the chunks of a region by their boundary tags
 *   heap_glibc_cache.c   chunks in fastbins and tcaches, which look as if they were in use
 *   heap_glibc_mmap.c    chunks with a mapping of their own
 *
 * A chunk:
 *
 *   OFFSET  SIZE  MEANING
 *        0     8  size of the chunk before it, while that is free
 *        8     8  size (a multiple of 16) | 1 the chunk before is in use | 2 mmapped | 4 not of the main arena
 *       16     -  the caller's bytes; they reach into the first 8 bytes of the next chunk
 */
#ifndef HG_GRAPH_HEAP_HEAP_GLIBC_H
#define HG_GRAPH_HEAP_HEAP_GLIBC_H

#include "graph/heap/heap.h"

#define CHUNK_ALIGN 16
#define CHUNK_MIN 32
#define CHUNK_HEADER 16 /* from a chunk to the caller's bytes */
#define CHUNK_PREV_IN_USE 1u
#define CHUNK_MMAPPED 2u
#define CHUNK_NON_MAIN 4u
#define CHUNK_FLAGS 7u

struct glibc_arena {
	uint64_t addr;	     /* of its malloc_state */
	uint64_t bins;	     /* address of bins[0] */
	uint64_t end;	     /* behind the malloc_state */
	uint64_t fastbins;   /* address of fastbinsY[0]; 0 from glibc 2.43 */
	uint64_t top;	     /* chunk */
	uint64_t next;	     /* arena; the list is a ring */
	uint64_t system_mem; /* bytes taken from the system */
	uint32_t flags;	     /* 2: not contiguous */
	bool is_main;
};

/** A run of chunks: from the first chunk to `end`, where the top chunk or the fence stands. */
struct glibc_region {
	uint64_t start, end;
	uint64_t top;	/* its top chunk, 0 when that lies elsewhere */
	uint32_t arena; /* index */
};

struct glibc_chunk { /* in use, as far as boundary tags tell */
	uint64_t addr;
	uint64_t size; /* of the chunk */
};

struct heap_glibc {
	struct hg_heap heap;
	struct hg_program *prog;
	struct hg_coverage *coverage;
	HG_VEC(struct glibc_arena) arenas;
	HG_VEC(struct glibc_region) regions;
	struct hg_map free_chunks; /* chunks in tcaches and fastbins: address -> 1 */
	struct hg_heap_totals totals;
	uint64_t cached_chunks, cached_bytes; /* in tcaches */
	uint64_t mapped_bytes;		      /* chunks with a mapping of their own */
	uint64_t gap_bytes;   /* of the break that others took, between chunks of the main arena */
	uint64_t chain_steps; /* taken along what may be a list of free chunks */
	bool counts_damage;   /* the regions are walked more than once; damage is counted once */
	char version[64];
};

extern const struct hg_heap_ops hg_heap_glibc;

/* heap_glibc_arena.c */
/** Finds the arenas of the process; none is no error. */
struct hg_error *glibc_find_arenas(struct heap_glibc *g);
/** Compares the main arena with libc's symbols, where those are at hand; a difference is counted. */
void glibc_check_symbols(struct heap_glibc *g);
/** Finds the regions of all arenas: the brk heap, the heaps of the others. */
struct hg_error *glibc_find_regions(struct heap_glibc *g);

/* heap_glibc_chunk.c */
/** Calls fn for each chunk of a region that its boundary tags call in use. A damaged chunk is counted and the walk goes on
 * behind it, where chunks make sense again. fn returns false to end the walk (out of memory). */
typedef bool glibc_chunk_fn(void *arg, const struct glibc_chunk *chunk);
bool glibc_walk_region(struct heap_glibc *g, const struct glibc_region *region, glibc_chunk_fn *fn,
		       void *arg);

/* heap_glibc_cache.c */
/** Fills g->free_chunks. */
struct hg_error *glibc_find_cached(struct heap_glibc *g);

/* heap_glibc_mmap.c */
bool glibc_walk_mmapped(struct heap_glibc *g, glibc_chunk_fn *fn, void *arg);

static inline uint64_t glibc_chunk_size(uint64_t size_field)
{
	return size_field & ~(uint64_t)CHUNK_FLAGS;
}

#endif
