/**
 * Retained sizes: what would be freed with a node, or with a set of nodes.
 */
#ifndef HG_GRAPH_RETAINED_H
#define HG_GRAPH_RETAINED_H

#include "graph/dominator.h"

/** Turns shallow sizes into retained ones in place: one value a node, sum over the dominator subtree. Unreached keep
 * theirs. */
void hg_retained_sum(const struct hg_dominators *dom, uint64_t *sizes);

/**
 * Lower bound per class for all classes at once: adds to ret[c], for class c, the sum of retained[] over its nodes that
 * have no ancestor of the same class. class_of[node] < classes; class 0 is skipped. `ret` has one value a class, zeroed by
 * the caller. O(nodes), 12 bytes a node on the way.
 */
struct hg_error *hg_retained_by_class(const struct hg_dominators *dom, uint32_t nodes,
				      const uint32_t *class_of, uint32_t classes,
				      const uint64_t *retained, uint64_t *ret);

/**
 * Exact retained size of a set: what node 0 no longer reaches when every node of the set is removed, the set included.
 * in_set: one byte a node. sizes: shallow. *nodes_ret gets the number of retained nodes. O(nodes + edges).
 */
struct hg_error *hg_retained_of_set(const struct hg_graph *graph, const struct hg_dominators *dom,
				    const uint8_t *in_set, const uint64_t *sizes,
				    uint64_t *bytes_ret, uint64_t *nodes_ret);

#endif
