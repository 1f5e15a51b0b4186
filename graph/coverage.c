#include "graph/coverage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"

void hg_coverage_add(struct hg_coverage *coverage, const char *what, uint64_t n)
{
	if (!n)
		return;
	for (size_t i = 0; i < coverage->counts.count; i++) {
		if (!strcmp(coverage->counts.data[i].what, what)) {
			coverage->counts.data[i].count += n;
			return;
		}
	}
	struct hg_coverage_count *count = hg_vec_push(&coverage->counts);
	if (count)
		*count = (struct hg_coverage_count){what, n};
}

void hg_coverage_note(struct hg_coverage *coverage, const char *format, ...)
{
	hg_autofree char *words = NULL;
	va_list args;
	va_start(args, format);
	int length = vasprintf(&words, format, args);
	va_end(args);
	if (length < 0)
		return;
	const char *copy = hg_arena_strndup(&coverage->arena, words, (size_t)length);
	const char **note = copy ? hg_vec_push(&coverage->notes) : NULL;
	if (note)
		*note = copy;
}

void hg_coverage_deinit(struct hg_coverage *coverage)
{
	hg_vec_deinit(&coverage->counts);
	hg_vec_deinit(&coverage->notes);
	hg_arena_deinit(&coverage->arena);
}
