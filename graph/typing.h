/**
 * Types by propagation: from typed roots and from what the heap itself knows, along every edge.
 */
#ifndef HG_GRAPH_TYPING_H
#define HG_GRAPH_TYPING_H

#include "graph/lang/lang.h"

/**
 * Fills a->blocks.types[]. words: of each edge of a->graph, the word in its source's slot (from hg_scan). An object that is
 * seen with several types gets the one that explains most of its bytes; a type that the heap stores with the object wins.
 */
struct hg_error *hg_typing(struct hg_analysis *a, const uint32_t *words);

#endif
