#include "graph/graph.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"

static struct hg_error *check(uint32_t nodes, const uint32_t *edge_at, const uint32_t *edge_to)
{
	if (edge_at[0] != 0)
		return hg_error_create(HG_ERROR_FORMAT, "edges of node 0 start at %" PRIu32,
				       edge_at[0]);
	for (uint32_t node = 0; node < nodes; node++) {
		if (edge_at[node + 1] < edge_at[node])
			return hg_error_create(HG_ERROR_FORMAT,
					       "edges of node %" PRIu32 " end before they start",
					       node);
	}
	for (uint32_t edge = 0; edge < edge_at[nodes]; edge++) {
		if (edge_to[edge] >= nodes)
			return hg_error_create(HG_ERROR_FORMAT,
					       "edge %" PRIu32 " leads to node %" PRIu32
					       " of %" PRIu32,
					       edge, edge_to[edge], nodes);
	}
	return NULL;
}

struct hg_error *hg_graph_init(struct hg_graph *graph, uint32_t nodes, uint32_t first_block,
			       uint32_t *edge_at, uint32_t *edge_to)
{
	*graph = (struct hg_graph){
		.nodes = nodes, .first_block = first_block, .edge_at = edge_at, .edge_to = edge_to};
	struct hg_error *err = NULL;
	if (!nodes || nodes > HG_MAX_NODES || first_block > nodes)
		err = hg_error_create(HG_ERROR_LIMIT,
				      "a graph of %" PRIu32 " nodes, blocks from %" PRIu32 " on",
				      nodes, first_block);
	else
		err = check(nodes, edge_at, edge_to);
	if (err) {
		hg_graph_deinit(graph);
		return err;
	}
	graph->edges = edge_at[nodes];
	return NULL;
}

void hg_graph_deinit(struct hg_graph *graph)
{
	hg_graph_drop_reverse(graph);
	free(graph->edge_at);
	free(graph->edge_to);
	*graph = (struct hg_graph){0};
}

/** Counts the edges that go into each node v in at[v + 1]. */
static void count_in(const struct hg_graph *graph, const uint8_t *reached, uint32_t *at)
{
	if (!reached) {
		for (uint32_t edge = 0; edge < graph->edges; edge++)
			at[graph->edge_to[edge] + 1]++;
		return;
	}
	for (uint32_t node = 0; node < graph->nodes; node++) {
		if (!reached[node])
			continue;
		for (uint32_t edge = graph->edge_at[node]; edge < graph->edge_at[node + 1]; edge++)
			at[graph->edge_to[edge] + 1]++;
	}
}

/** Puts each edge at its place; at[v] moves from the start of v's edges to their end. */
static void place_in(const struct hg_graph *graph, const uint8_t *reached, uint32_t *at,
		     uint32_t *to)
{
	for (uint32_t node = 0; node < graph->nodes; node++) {
		if (reached && !reached[node])
			continue;
		for (uint32_t edge = graph->edge_at[node]; edge < graph->edge_at[node + 1]; edge++)
			to[at[graph->edge_to[edge]]++] = node;
	}
}

struct hg_error *hg_graph_reverse(struct hg_graph *graph, const uint8_t *reached)
{
	hg_graph_drop_reverse(graph);
	hg_autofree uint32_t *at = calloc((size_t)graph->nodes + 1, sizeof(*at));
	if (!at)
		return &hg_enomem;
	count_in(graph, reached, at);
	for (uint32_t node = 0; node < graph->nodes; node++)
		at[node + 1] += at[node];
	uint32_t *to = malloc(((size_t)at[graph->nodes] + 1) * sizeof(*to));
	if (!to)
		return &hg_enomem;
	place_in(graph, reached, at, to);
	// Every position now is its successor's: move them up by one.
	memmove(at + 1, at, (size_t)graph->nodes * sizeof(*at));
	at[0] = 0;
	graph->in_at = hg_take(at);
	graph->in_to = to;
	return NULL;
}

void hg_graph_drop_reverse(struct hg_graph *graph)
{
	free(graph->in_at);
	free(graph->in_to);
	graph->in_at = graph->in_to = NULL;
}

/** Counts the pairs from each node in more[node]; an error where a node of a pair does not exist. */
static struct hg_error *count_pairs(const struct hg_graph *graph, const struct hg_graph_pair *pairs,
				    size_t count, uint32_t *more)
{
	for (size_t i = 0; i < count; i++) {
		if (pairs[i].from >= graph->nodes || pairs[i].to >= graph->nodes)
			return hg_error_create(HG_ERROR_FORMAT,
					       "edge from node %" PRIu32 " to %" PRIu32
					       " of %" PRIu32,
					       pairs[i].from, pairs[i].to, graph->nodes);
		more[pairs[i].from]++;
	}
	return NULL;
}

struct hg_error *hg_graph_add_edges(struct hg_graph *graph, const struct hg_graph_pair *pairs,
				    size_t count)
{
	if (count > HG_MAX_EDGES - graph->edges)
		return hg_error_create(HG_ERROR_LIMIT, "more than %u edges", HG_MAX_EDGES);
	hg_autofree uint32_t *more = calloc((size_t)graph->nodes, sizeof(*more));
	if (!more)
		return &hg_enomem;
	struct hg_error *err = count_pairs(graph, pairs, count, more);
	if (err)
		return err;
	uint32_t *to = realloc(graph->edge_to, (graph->edges + count + 1) * sizeof(*to));
	if (!to)
		return &hg_enomem;
	graph->edge_to = to;
	hg_graph_drop_reverse(graph);
	// From the last node down, so that nothing is overwritten before it has moved.
	uint32_t *at = graph->edge_at;
	uint32_t end = graph->edges, shift = (uint32_t)count;
	for (uint32_t node = graph->nodes; node-- > 0;) {
		const uint32_t start = at[node], length = end - start;
		at[node + 1] = end + shift;
		shift -= more[node];
		if (shift)
			memmove(to + start + shift, to + start, length * sizeof(*to));
		more[node] = start + shift + length; // where its first new edge goes
		end = start;
	}
	for (size_t i = 0; i < count; i++)
		to[more[pairs[i].from]++] = pairs[i].to;
	graph->edges += (uint32_t)count;
	return NULL;
}
