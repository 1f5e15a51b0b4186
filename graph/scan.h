/**
 * Blocks and roots -> edges. Reads every pointer word of every block once, on all cores.
 */
#ifndef HG_GRAPH_SCAN_H
#define HG_GRAPH_SCAN_H

#include "graph/analysis.h"

/**
 * Builds a->graph from a->blocks and a->roots without the weak root edges (graph/weak.h); edges of heaps without pointer masks are all in. Sorts a->roots.edges by root and offset and
 * drops those that lead to no block; *words gets for each edge the number of the word in its slot where it was found (0 for
 * edges of roots), malloc'd.
 */
struct hg_error *hg_scan(struct hg_analysis *a, uint32_t **words);

#endif
