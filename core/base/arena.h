/**
 * Many small things that die together. Memory is zeroed and aligned to 16 bytes; all of it ends with hg_arena_deinit().
 */
#ifndef HG_BASE_ARENA_H
#define HG_BASE_ARENA_H

#include <stddef.h>

struct hg_arena {
	struct hg_arena_chunk *chunks;
	size_t used;	  /* in the newest chunk */
	size_t allocated; /* bytes taken from the system, for -v */
};

/** Returns zeroed memory, or NULL when memory is exhausted. */
void *hg_arena_alloc(struct hg_arena *arena, size_t size);

/** Copies `length` bytes and adds a NUL; NULL when memory is exhausted. */
char *hg_arena_strndup(struct hg_arena *arena, const char *text, size_t length);

/** Formats into the arena; NULL when memory is exhausted. */
char *hg_arena_printf(struct hg_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void hg_arena_deinit(struct hg_arena *arena);

#endif
