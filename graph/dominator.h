/**
 * Immediate dominators by Semi-NCA (Georgiadis, Tarjan, Werneck 2005: "Finding Dominators in Practice").
 */
#ifndef HG_GRAPH_DOMINATOR_H
#define HG_GRAPH_DOMINATOR_H

#include "graph/graph.h"

#define HG_UNREACHED UINT32_MAX

struct hg_dominators {
	uint32_t *idom;	    /* per node; idom[0] = 0; HG_UNREACHED where no root reaches it */
	uint32_t *preorder; /* reached nodes; a node stands behind its idom. [0] = 0 */
	uint32_t reached;   /* length of preorder, node 0 included */
};

/** Computes the tree of all nodes that node 0 reaches. Iterative, O(edges * log(nodes)) at worst and near to linear on
 * heaps; needs no reverse graph. At most 26 bytes a node (leaves with one predecessor: 8) and 8 an edge on the way. */
struct hg_error *hg_dominators_init(struct hg_dominators *dom, const struct hg_graph *graph);
void hg_dominators_deinit(struct hg_dominators *dom);

/** The children of each node in the dominator tree, as a flat array: child_at[nodes + 1], child[reached - 1], in rising
 * order of node. Owned by the caller (free). */
struct hg_error *hg_dominators_children(const struct hg_dominators *dom, uint32_t nodes,
					uint32_t **child_at, uint32_t **child);

/**
 * Checks that idom and preorder form a tree of all nodes from node 0; that for every edge u -> v of reached nodes idom(v)
 * is an ancestor of u or u itself (so nothing is owned by what it has a way around); and that every reached node has
 * an edge from its idom or from below at least two of its siblings (so it does not hang under less than its owner).
 * Returns the number of violations; the first goes to *from, *to where they are not NULL. O(edges * log(children)),
 * 20 bytes a node.
 */
struct hg_error *hg_dominators_verify(const struct hg_dominators *dom, const struct hg_graph *graph,
				      uint64_t *violations, uint32_t *from, uint32_t *to);

#endif
