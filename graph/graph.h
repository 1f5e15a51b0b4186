/**
 * The object graph as flat arrays. Node 0 is the super-root, then root nodes, then blocks in address order:
 * node = first_block + block number. Immutable once built.
 */
#ifndef HG_GRAPH_GRAPH_H
#define HG_GRAPH_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/vec.h"

struct hg_graph {
	uint32_t nodes;	      /* including node 0 */
	uint32_t first_block; /* node of block 0 */
	uint32_t edges;
	uint32_t *edge_at; /* nodes + 1 positions in edge_to */
	uint32_t *edge_to;
	uint32_t *in_at; /* the reverse; NULL until hg_graph_reverse() */
	uint32_t *in_to;
};

/** Builds from edge_at and edge_to, which it takes over (malloc'd; freed on failure, too). Checks that positions rise and
 * targets exist: an error names the first that does not. */
struct hg_error *hg_graph_init(struct hg_graph *graph, uint32_t nodes, uint32_t first_block,
			       uint32_t *edge_at, uint32_t *edge_to);

/** Makes in_at and in_to by counting sort. Edges from unreached nodes are left out where reached is given (one byte a
 * node; NULL: all). Predecessors of a node are in rising order. */
struct hg_error *hg_graph_reverse(struct hg_graph *graph, const uint8_t *reached);
void hg_graph_drop_reverse(struct hg_graph *graph);

/** An edge on its own. */
struct hg_graph_pair {
	uint32_t from, to;
};

typedef HG_VEC(struct hg_graph_pair) hg_graph_pairs;

/** Adds edges: behind those their nodes have, in the order given. Positions of edges move: those of node n by the number
 * of pairs from nodes below n. Drops the reverse. On error the graph stays as it was. */
struct hg_error *hg_graph_add_edges(struct hg_graph *graph, const struct hg_graph_pair *pairs,
				    size_t count);

void hg_graph_deinit(struct hg_graph *graph);

#endif
