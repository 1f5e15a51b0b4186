/**
 * What the roots reach, and which edges of second choice that needs.
 */
#ifndef HG_GRAPH_REACH_H
#define HG_GRAPH_REACH_H

#include "graph/graph.h"

/** Sets reached[node] (one byte a node) to 1 where node 0 reaches it, else 0. *count_ret (may be NULL) gets how many it
 * reaches, node 0 included. Iterative; at most four bytes a node on the way. */
struct hg_error *hg_reach(const struct hg_graph *graph, uint8_t *reached, uint32_t *count_ret);

/** The same in the graph without the nodes whose removed[node] is not 0; they are not marked. */
struct hg_error *hg_reach_without(const struct hg_graph *graph, const uint8_t *removed,
				  uint8_t *reached);

/**
 * Secondary edges hold only what nothing else holds (what a finalizer needs, say): goes through `pairs` in order and
 * sets needed[i] to 1 where pairs[i].from is reached and pairs[i].to is not, which it then reaches from there on; else 0.
 * `reached` is that of hg_reach() for the graph without these edges and grows. Of two pairs to the same target
 * the first counts; to add the needed ones to the graph is the caller's: hg_graph_add_edges().
 */
struct hg_error *hg_reach_secondary(const struct hg_graph *graph, uint8_t *reached,
				    const struct hg_graph_pair *pairs, size_t count,
				    uint8_t *needed);

/**
 * Weak edges of any node: weak_to[weak_at[n] .. weak_at[n + 1]). Goes breadth first through the reached nodes; a weak edge
 * to a node not yet reached is appended to `added`, and all that the node reaches by edges of the graph is marked before the
 * next weak edge is looked at. So a weak edge is never used where another way exists. In the end reached[node] is 2 for
 * all that is reached: when more is reached later and this is called again, it goes through the new nodes alone. O(nodes + edges).
 */
struct hg_error *hg_reach_weak(const struct hg_graph *graph, uint8_t *reached,
			       const uint32_t *weak_at, const uint32_t *weak_to,
			       hg_graph_pairs *added);

#endif
