/**
 * C as a language, and what C++ shares with it: private to the lang_c*.c files.
 */
#ifndef HG_GRAPH_LANG_LANG_C_H
#define HG_GRAPH_LANG_LANG_C_H

#include "graph/analysis_private.h"

extern const struct hg_lang_ops hg_lang_c;

struct hg_guess c_resolve(struct hg_lang *lang, const struct hg_leaf *leaf, uint64_t base,
			  uint64_t offset, uint64_t value);
void c_name_type(struct hg_lang *lang, uint32_t type, struct hg_text *out);
struct hg_container c_container(struct hg_lang *lang, uint32_t type, uint64_t addr, uint64_t size,
				const struct hg_storage *storage);
/** Can a block have been asked for with `need` bytes? */
bool c_is_filled(const struct hg_inside *inside, uint64_t need);

#endif
