/**
 * Interned strings: equal texts get the same number. Number 0 is the empty string. A zeroed struct is an empty table.
 */
#ifndef HG_BASE_STRTAB_H
#define HG_BASE_STRTAB_H

#include "core/base/arena.h"
#include "core/base/vec.h"

struct hg_strtab {
	struct hg_arena arena;
	HG_VEC(const char *) texts;
	uint32_t *slots; /* hash -> number, 0 is empty */
	size_t mask;
};

/** Returns the number of a text; 0 for the empty one and when memory is exhausted. Texts are not to contain NUL. */
uint32_t hg_strtab_add(struct hg_strtab *tab, const char *text);
uint32_t hg_strtab_addn(struct hg_strtab *tab, const char *text, size_t length);

/** Returns the number of a text that is in the table, else 0. */
uint32_t hg_strtab_find(const struct hg_strtab *tab, const char *text);

/** Returns the text of a number, owned by the table; "" for numbers it never gave. */
const char *hg_strtab_text(const struct hg_strtab *tab, uint32_t number);

void hg_strtab_deinit(struct hg_strtab *tab);

#endif
