#include "core/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"

struct hg_error *hg_mapping_set_path(struct hg_mapping *mapping, const char *path, size_t length,
				     struct hg_arena *arena, const hg_mappings *before)
{
	static const char suffix[] = " (deleted)";
	if (length > HG_MAX_PATH)
		length = HG_MAX_PATH;
	if (length >= sizeof(suffix) &&
	    !memcmp(path + length - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1)) {
		length -= sizeof(suffix) - 1;
		mapping->deleted = true;
	}
	// Mappings of one file follow each other: they share the text.
	const char *last = before->count ? before->data[before->count - 1].path : NULL;
	if (last && !strncmp(last, path, length) && !last[length])
		mapping->path = last;
	else
		mapping->path = hg_arena_strndup(arena, path, length);
	return mapping->path ? NULL : &hg_enomem;
}

/** Reads "start-end perms offset major:minor inode" and returns the length of that, or 0. */
static size_t parse_numbers(const char *line, struct hg_mapping *ret)
{
	char perms[5];
	int length = 0;
	if (sscanf(line, "%lx-%lx %4s %lx %*x:%*x %*u%n", &ret->start, &ret->end, perms,
		   &ret->file_offset, &length) < 4)
		return 0;
	ret->prot = (uint8_t)((perms[0] == 'r' ? HG_PROT_READ : 0) |
			      (perms[1] == 'w' ? HG_PROT_WRITE : 0) |
			      (perms[2] == 'x' ? HG_PROT_EXEC : 0));
	ret->shared = perms[3] == 's';
	return ret->start < ret->end && length > 0 ? (size_t)length : 0;
}

static struct hg_error *parse_line(const char *line, size_t length, struct hg_arena *arena,
				   hg_mappings *ret)
{
	char numbers[128]; // a line need not end in a NUL
	const size_t copied = length < sizeof(numbers) - 1 ? length : sizeof(numbers) - 1;
	memcpy(numbers, line, copied);
	numbers[copied] = 0;
	struct hg_mapping mapping = {0};
	size_t at = parse_numbers(numbers, &mapping);
	if (!at)
		return NULL;
	while (at < length && line[at] == ' ')
		at++;
	struct hg_error *err = hg_mapping_set_path(&mapping, line + at, length - at, arena, ret);
	struct hg_mapping *slot = err ? NULL : hg_vec_push(ret);
	if (!slot)
		return &hg_enomem;
	*slot = mapping;
	return NULL;
}

struct hg_error *hg_mappings_parse(const char *text, size_t size, struct hg_arena *arena,
				   hg_mappings *ret)
{
	const char *const end = text + size;
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const size_t length = (size_t)((stop ? stop : end) - text);
		struct hg_error *err = parse_line(text, length, arena, ret);
		if (err)
			return err;
		text += length + 1;
	}
	hg_mappings_sort(ret);
	return NULL;
}

static int by_start(const void *left, const void *right)
{
	const struct hg_mapping *a = left, *b = right;
	return (a->start > b->start) - (a->start < b->start);
}

void hg_mappings_sort(hg_mappings *mappings)
{
	if (!mappings->count)
		return;
	qsort(mappings->data, mappings->count, sizeof(*mappings->data), by_start);
	size_t kept = 1;
	for (size_t i = 1; i < mappings->count; i++)
		if (mappings->data[i].start >= mappings->data[kept - 1].end)
			mappings->data[kept++] = mappings->data[i];
	mappings->count = kept;
}

const struct hg_mapping *hg_mappings_find(const hg_mappings *mappings, uint64_t addr)
{
	size_t low = 0, high = mappings->count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (mappings->data[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < mappings->count && mappings->data[low].start <= addr ? &mappings->data[low]
									  : NULL;
}
