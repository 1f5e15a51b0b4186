/**
 * Go as a language: private to the lang_go*.c files.
 */
#ifndef HG_GRAPH_LANG_LANG_GO_H
#define HG_GRAPH_LANG_LANG_GO_H

#include "graph/lang/lang.h"

struct lang_go {
	struct hg_lang lang;
	struct hg_heap *heap;	/* Go's */
	struct hg_map dynamic;	/* type descriptor -> type id << 1 | direct, + 2 */
	struct hg_map closures; /* code address -> type id + 1 */
	uint64_t itab_type;	/* offset of the type in an itab */
	uint32_t string_bytes;	/* the bytes behind a string */
	uint32_t timer, ticker,
		time_timer;   /* time.Timer, time.Ticker, runtime.timeTimer; 0 absent */
	uint32_t any;	      /* interface {} */
	uint32_t weak_handle; /* the cell that weak pointers to an object share */
};

extern const struct hg_lang_ops hg_lang_go;

/* lang_go_shape.c: which structs are more than their members */
unsigned go_special(struct hg_lang *lang, uint32_t type, struct hg_piece *pieces, bool *whole);

/** Makes internal/sync.entry[K,V] where debug info lost it (Go 1.27): {node; overflow; key; value}. 0 where it cannot. */
uint32_t go_trie_entry(struct lang_go *go, const char *name);

/* lang_go_closure.c */
struct hg_guess go_closure_resolve(struct lang_go *go, uint64_t value);

/* lang_go_name.c */
void go_name_type(struct hg_lang *lang, uint32_t type, struct hg_text *out);
bool go_is_inner(struct hg_lang *lang, uint32_t type);
enum hg_step go_name_member(struct hg_lang *lang, uint32_t type, const struct hg_member *member,
			    struct hg_text *out);
struct hg_container go_container(struct hg_lang *lang, uint32_t type, uint64_t addr, uint64_t size,
				 const struct hg_storage *storage);

/** Does the type's name start with prefix? */
bool go_name_starts(const struct hg_program *prog, uint32_t type, const char *prefix);

#endif
