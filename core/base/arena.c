#include "core/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"

#define CHUNK_SIZE ((size_t)64 << 10)

struct hg_arena_chunk {
	struct hg_arena_chunk *next;
	size_t size;
	_Alignas(16) char bytes[];
};

static struct hg_arena_chunk *add_chunk(struct hg_arena *arena, size_t size)
{
	struct hg_arena_chunk *chunk = calloc(1, sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->size = size;
	arena->allocated += size;
	return chunk;
}

void *hg_arena_alloc(struct hg_arena *arena, size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + 15) & ~(size_t)15;
	if (size > CHUNK_SIZE / 4 && arena->chunks) {
		// A large piece gets a chunk of its own behind the newest, which stays in use.
		struct hg_arena_chunk *own = add_chunk(arena, size);
		if (!own)
			return NULL;
		own->next = arena->chunks->next;
		arena->chunks->next = own;
		return own->bytes;
	}
	if (!arena->chunks || arena->chunks->size - arena->used < size) {
		struct hg_arena_chunk *chunk =
			add_chunk(arena, size > CHUNK_SIZE ? size : CHUNK_SIZE);
		if (!chunk)
			return NULL;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
		arena->used = 0;
	}
	void *ptr = arena->chunks->bytes + arena->used;
	arena->used += size;
	return ptr;
}

char *hg_arena_strndup(struct hg_arena *arena, const char *text, size_t length)
{
	char *copy = hg_arena_alloc(arena, length + 1);
	if (copy)
		memcpy(copy, text, length);
	return copy;
}

char *hg_arena_printf(struct hg_arena *arena, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	hg_autofree char *text = NULL;
	int length = vasprintf(&text, format, args);
	va_end(args);
	return length < 0 ? NULL : hg_arena_strndup(arena, text, (size_t)length);
}

void hg_arena_deinit(struct hg_arena *arena)
{
	while (arena->chunks) {
		struct hg_arena_chunk *next = arena->chunks->next;
		free(arena->chunks);
		arena->chunks = next;
	}
	*arena = (struct hg_arena){0};
}
