/**
 * The dull way to dominators: take each node out and look what is no longer reached. O(nodes * edges).
 */
#ifndef HG_TESTS_GRAPH_ORACLE_H
#define HG_TESTS_GRAPH_ORACLE_H

#include <stdlib.h>
#include <string.h>

#include "graph/dominator.h"

/** Marks what node 0 reaches when the nodes with a mark in `removed` (may be NULL) are taken out. */
static inline void oracle_reach(const struct hg_graph *graph, const uint8_t *removed,
				uint8_t *reached)
{
	uint32_t *stack = malloc((graph->nodes + 1) * sizeof(*stack));
	hg_assert(stack);
	memset(reached, 0, graph->nodes);
	uint32_t depth = 0;
	if (!removed || !removed[0]) {
		reached[0] = 1;
		stack[depth++] = 0;
	}
	while (depth) {
		const uint32_t node = stack[--depth];
		for (uint32_t edge = graph->edge_at[node]; edge < graph->edge_at[node + 1];
		     edge++) {
			const uint32_t to = graph->edge_to[edge];
			if (reached[to] || (removed && removed[to]))
				continue;
			reached[to] = 1;
			stack[depth++] = to;
		}
	}
	free(stack);
}

/** Returns idom as hg_dominators has it; the caller's to free. */
static inline uint32_t *oracle_dominators(const struct hg_graph *graph)
{
	const uint32_t nodes = graph->nodes;
	uint32_t *idom = malloc(nodes * sizeof(*idom));
	uint32_t *above = calloc(nodes, sizeof(*above)); // how many dominate it
	uint8_t *dominates = calloc(nodes, nodes);	 // [d * nodes + v]
	uint8_t *all = malloc(nodes), *without = malloc(nodes), *removed = calloc(nodes, 1);
	hg_assert(idom && above && dominates && all && without && removed);
	oracle_reach(graph, NULL, all);
	for (uint32_t d = 0; d < nodes; d++) {
		removed[d] = 1;
		oracle_reach(graph, removed, without);
		removed[d] = 0;
		for (uint32_t v = 0; v < nodes; v++) {
			if (v == d || !all[v] || without[v])
				continue;
			dominates[(size_t)d * nodes + v] = 1;
			above[v]++;
		}
	}
	for (uint32_t v = 0; v < nodes; v++) {
		idom[v] = v && all[v] ? 0 : v ? HG_UNREACHED : 0;
		for (uint32_t d = 0; d < nodes && all[v]; d++) {
			if (dominates[(size_t)d * nodes + v] && above[d] > above[idom[v]])
				idom[v] = d;
		}
	}
	free(above);
	free(dominates);
	free(all);
	free(without);
	free(removed);
	return idom;
}

#endif
