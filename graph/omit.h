/**
 * What a core can do without (snapshot --omit-data): the contents of objects without pointers. Every report says the same
 * of a core without them. Words in them that are addresses stay, for they may be references.
 */
#ifndef HG_GRAPH_OMIT_H
#define HG_GRAPH_OMIT_H

#include "core/capture.h"

/**
 * Lists the bytes of a core that can go. arg: a struct hg_log, or NULL. An error where the heaps cannot be read, or where nothing
 * is known to be without pointers. Private to graph/.
 */
struct hg_error *hg_omit_find(void *arg, uint32_t pid, const char *core, hg_hidden_list *ret);

#endif
