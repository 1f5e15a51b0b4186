/**
 * C++ as a language: private to the lang_cxx*.c files.
 *
 *   lang_cxx.c       row of the table; what a pointer leads to
 *   lang_cxx_std.c   containers of libstdc++ and libc++: their nodes and where those lead
 *   lang_cxx_start.c pointers into the middle of a block that stand for all of it
 *   lang_cxx_name.c  names without default arguments, steps in and out of containers
 */
#ifndef HG_GRAPH_LANG_LANG_CXX_H
#define HG_GRAPH_LANG_LANG_CXX_H

#include "graph/lang/lang_c.h"

extern const struct hg_lang_ops hg_lang_cxx;

/* lang_cxx_std.c */
unsigned cxx_special(struct hg_lang *lang, uint32_t type, struct hg_piece *pieces, bool *whole);
bool cxx_is_node_base(const struct hg_program *prog, uint32_t type);
bool cxx_is_inner(struct hg_lang *lang, uint32_t type);
struct hg_container cxx_container(struct hg_lang *lang, uint32_t type, uint64_t addr,
				  uint64_t size);
/** Finds a member by name in a struct, its base classes and its members' structs; false where it has none. */
bool cxx_find_member(const struct hg_program *prog, uint32_t type, const char *name,
		     uint64_t *offset, uint32_t *member_type);

/* lang_cxx_start.c */
bool cxx_refers_to_start(struct hg_lang *lang, const struct hg_inside *inside);

/* lang_cxx_name.c */
void cxx_name_type(struct hg_lang *lang, uint32_t type, struct hg_text *out);
enum hg_step cxx_name_member(struct hg_lang *lang, uint32_t type, const struct hg_member *member,
			     struct hg_text *out);
/** Copies template argument n of "name<a, b, c>"; NULL where it has fewer. malloc'd. */
char *cxx_argument(const char *name, unsigned n);

#endif
