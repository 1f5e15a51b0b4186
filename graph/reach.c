#include "graph/reach.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/vec.h"

// Nodes wait in a short queue between the stack and their turn, while their edges are fetched.
#define QUEUE 8

struct marker {
	const struct hg_graph *graph;
	uint8_t *reached;
	HG_VEC(uint32_t) stack; // reached, edges not yet followed
	uint32_t count;
};

static void marker_deinit(struct marker *marker)
{
	hg_vec_deinit(&marker->stack);
}

static bool push_targets(struct marker *marker, uint32_t node)
{
	const struct hg_graph *graph = marker->graph;
	const uint32_t start = graph->edge_at[node], end = graph->edge_at[node + 1];
	if (!hg_vec_reserve(&marker->stack, end - start))
		return false;
	uint32_t *top = marker->stack.data + marker->stack.count;
	for (uint32_t edge = start; edge < end; edge++) {
		const uint32_t target = graph->edge_to[edge];
		if (marker->reached[target])
			continue;
		marker->reached[target] = 1;
		__builtin_prefetch(&graph->edge_at[target]);
		*top++ = target;
	}
	marker->count += (uint32_t)(top - (marker->stack.data + marker->stack.count));
	marker->stack.count = (size_t)(top - marker->stack.data);
	return true;
}

/** Marks all that `start` reaches; start is not marked yet. */
static bool mark(struct marker *marker, uint32_t start)
{
	uint32_t queue[QUEUE];
	unsigned head = 0, waiting = 0;
	marker->reached[start] = 1;
	marker->count++;
	if (!push_targets(marker, start))
		return false;
	while (waiting || marker->stack.count) {
		while (waiting < QUEUE && marker->stack.count) {
			const uint32_t node = marker->stack.data[--marker->stack.count];
			__builtin_prefetch(&marker->graph->edge_to[marker->graph->edge_at[node]]);
			queue[(head + waiting++) % QUEUE] = node;
		}
		const uint32_t node = queue[head];
		head = (head + 1) % QUEUE;
		waiting--;
		if (!push_targets(marker, node))
			return false;
	}
	return true;
}

struct hg_error *hg_reach(const struct hg_graph *graph, uint8_t *reached, uint32_t *count_ret)
{
	hg_cleanup(marker_deinit) struct marker marker = {.graph = graph, .reached = reached};
	memset(reached, 0, graph->nodes);
	if (!mark(&marker, 0))
		return &hg_enomem;
	if (count_ret)
		*count_ret = marker.count;
	return NULL;
}

struct hg_error *hg_reach_without(const struct hg_graph *graph, const uint8_t *removed,
				  uint8_t *reached)
{
	hg_cleanup(marker_deinit) struct marker marker = {.graph = graph, .reached = reached};
	// Those removed pass for reached already, so that nothing goes through them.
	for (uint32_t node = 0; node < graph->nodes; node++)
		reached[node] = removed[node] != 0;
	if (!removed[0] && !mark(&marker, 0))
		return &hg_enomem;
	for (uint32_t node = 0; node < graph->nodes; node++)
		reached[node] &= removed[node] == 0;
	return NULL;
}

struct hg_error *hg_reach_secondary(const struct hg_graph *graph, uint8_t *reached,
				    const struct hg_graph_pair *pairs, size_t count,
				    uint8_t *needed)
{
	hg_cleanup(marker_deinit) struct marker marker = {.graph = graph, .reached = reached};
	for (size_t i = 0; i < count; i++) {
		const uint32_t from = pairs[i].from, to = pairs[i].to;
		if (from >= graph->nodes || to >= graph->nodes)
			return hg_error_create(HG_ERROR_FORMAT,
					       "edge from node %" PRIu32 " to %" PRIu32
					       " of %" PRIu32,
					       from, to, graph->nodes);
		needed[i] = reached[from] && !reached[to];
		if (needed[i] && !mark(&marker, to))
			return &hg_enomem;
	}
	return NULL;
}

/** Reached nodes whose weak edges have yet to be looked at. */
struct weak_queue {
	HG_VEC(uint32_t) nodes;
};

static void weak_queue_deinit(struct weak_queue *queue)
{
	hg_vec_deinit(&queue->nodes);
}

static bool enqueue(struct weak_queue *queue, uint32_t node)
{
	uint32_t *place = hg_vec_push(&queue->nodes);
	if (place)
		*place = node;
	return place;
}

/** Marks all that `start` reaches, and queues every node it marks. */
static bool mark_and_queue(struct marker *marker, struct weak_queue *queue, const uint32_t *weak_at,
			   uint32_t start)
{
	const struct hg_graph *graph = marker->graph;
	marker->reached[start] = 1;
	uint32_t *place = hg_vec_push(&marker->stack);
	if (!place)
		return false;
	*place = start;
	while (marker->stack.count) {
		const uint32_t node = marker->stack.data[--marker->stack.count];
		if (weak_at[node] < weak_at[node + 1] && !enqueue(queue, node))
			return false;
		if (graph->edge_at[node] < graph->edge_at[node + 1] && !push_targets(marker, node))
			return false;
	}
	return true;
}

struct hg_error *hg_reach_weak(const struct hg_graph *graph, uint8_t *reached,
			       const uint32_t *weak_at, const uint32_t *weak_to,
			       hg_graph_pairs *added)
{
	hg_cleanup(marker_deinit) struct marker marker = {.graph = graph, .reached = reached};
	hg_cleanup(weak_queue_deinit) struct weak_queue queue = {0};
	for (uint32_t node = 0; node < graph->nodes; node++)
		if (reached[node] == 1 && weak_at[node] < weak_at[node + 1] &&
		    !enqueue(&queue, node))
			return &hg_enomem;
	for (size_t i = 0; i < queue.nodes.count; i++) {
		const uint32_t from = queue.nodes.data[i];
		for (uint32_t e = weak_at[from]; e < weak_at[from + 1]; e++) {
			if (reached[weak_to[e]])
				continue;
			struct hg_graph_pair *pair = hg_vec_push(added);
			if (!pair)
				return &hg_enomem;
			*pair = (struct hg_graph_pair){from, weak_to[e]};
			if (!mark_and_queue(&marker, &queue, weak_at, weak_to[e]))
				return &hg_enomem;
		}
	}
	for (uint32_t node = 0; node < graph->nodes; node++)
		reached[node] = reached[node] ? 2 : 0;
	return NULL;
}
