/**
 * A growing text. A zeroed struct is an empty text; data is always NUL-terminated once something was added.
 */
#ifndef HG_BASE_TEXT_H
#define HG_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct hg_text {
	char *data; /* NULL while empty */
	size_t length;
	size_t capacity;
	bool failed; /* memory ran out; what was added since is lost */
};

void hg_text_add(struct hg_text *text, const char *words);
void hg_text_addn(struct hg_text *text, const char *words, size_t length);
void hg_text_printf(struct hg_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** Cuts back to `length` bytes. */
void hg_text_cut(struct hg_text *text, size_t length);
/** The text, "" while empty; owned by the text, valid until it changes. */
const char *hg_text_str(const struct hg_text *text);
void hg_text_deinit(struct hg_text *text);

#endif
