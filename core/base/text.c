#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/vec.h"

void hg_text_addn(struct hg_text *text, const char *words, size_t length)
{
	if (!hg_vec_grow((void **)&text->data, &text->capacity, text->length, length + 1, 1)) {
		text->failed = true;
		return;
	}
	memcpy(text->data + text->length, words, length);
	text->length += length;
	text->data[text->length] = 0;
}

void hg_text_add(struct hg_text *text, const char *words)
{
	hg_text_addn(text, words, strlen(words));
}

void hg_text_printf(struct hg_text *text, const char *format, ...)
{
	char *words = NULL;
	va_list args;
	va_start(args, format);
	int length = vasprintf(&words, format, args);
	va_end(args);
	if (length < 0) {
		text->failed = true;
		return;
	}
	hg_text_addn(text, words, (size_t)length);
	free(words);
}

void hg_text_cut(struct hg_text *text, size_t length)
{
	if (length >= text->length)
		return;
	text->length = length;
	text->data[length] = 0;
}

const char *hg_text_str(const struct hg_text *text)
{
	return text->data ? text->data : "";
}

void hg_text_deinit(struct hg_text *text)
{
	free(text->data);
	*text = (struct hg_text){0};
}
