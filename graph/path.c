#include "graph/path.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/map.h"
#include "core/base/vec.h"

#define NO_NODE UINT32_MAX

void hg_path_deinit(struct hg_path *path)
{
	free(path->nodes);
	*path = (struct hg_path){0};
}

/** ---- Breadth first ---- */

// Level by level. Per node one number: its distance, or whence it was come to, which is the lowest of those one step nearer.
struct breadth {
	const struct hg_graph *graph;
	uint32_t *distance; // or NULL
	uint32_t *parent;   // or NULL; NO_NODE where the search has not been
	uint64_t *next_bit; // with parent, per node: it is in next
	HG_VEC(uint32_t) level, next;
	uint32_t depth; // of level
};

static void breadth_deinit(struct breadth *breadth)
{
	free(breadth->distance);
	free(breadth->parent);
	free(breadth->next_bit);
	hg_vec_deinit(&breadth->level);
	hg_vec_deinit(&breadth->next);
}

static struct hg_error *breadth_init(struct breadth *breadth, const struct hg_graph *graph,
				     bool parents)
{
	const size_t bytes = (size_t)graph->nodes * sizeof(uint32_t);
	uint32_t *per_node = malloc(bytes);
	*breadth = (struct breadth){.graph = graph};
	*(parents ? &breadth->parent : &breadth->distance) = per_node;
	breadth->next_bit = parents ? calloc((size_t)graph->nodes / 64 + 1, 8) : NULL;
	if (!per_node || (parents && !breadth->next_bit) || !hg_vec_push(&breadth->level))
		return &hg_enomem;
	memset(per_node, 0xff, bytes);
	per_node[0] = 0;
	breadth->level.data[0] = 0;
	return NULL;
}

static bool breadth_visit(struct breadth *breadth, uint32_t node)
{
	const struct hg_graph *graph = breadth->graph;
	const uint32_t start = graph->edge_at[node], end = graph->edge_at[node + 1];
	if (!hg_vec_reserve(&breadth->next, end - start))
		return false;
	for (uint32_t edge = start; edge < end; edge++) {
		const uint32_t target = graph->edge_to[edge];
		uint32_t *known =
			breadth->parent ? &breadth->parent[target] : &breadth->distance[target];
		if (*known == NO_NODE) {
			*known = breadth->parent ? node : breadth->depth + 1;
			breadth->next.data[breadth->next.count++] = target;
			if (breadth->parent)
				breadth->next_bit[target / 64] |= (uint64_t)1 << target % 64;
		} else if (breadth->parent && node < *known &&
			   breadth->next_bit[target / 64] >> target % 64 & 1) {
			*known = node;
		}
	}
	return true;
}

/** Runs until all nodes as far as `to` are done (NO_NODE: all); false when memory is exhausted. */
static bool breadth_run(struct breadth *breadth, uint32_t to)
{
	while (breadth->level.count && (to == NO_NODE || breadth->parent[to] == NO_NODE)) {
		for (size_t i = 0; i < breadth->level.count; i++)
			if (!breadth_visit(breadth, breadth->level.data[i]))
				return false;
		for (size_t i = 0; breadth->parent && i < breadth->next.count; i++)
			breadth->next_bit[breadth->next.data[i] / 64] = 0;
		const typeof(breadth->level) done = breadth->level;
		breadth->level = breadth->next;
		breadth->next = done;
		breadth->next.count = 0;
		breadth->depth++;
	}
	return true;
}

struct hg_error *hg_path_distances(const struct hg_graph *graph, uint32_t **distance)
{
	hg_cleanup(breadth_deinit) struct breadth breadth;
	struct hg_error *err = breadth_init(&breadth, graph, false);
	if (err)
		return err;
	if (!breadth_run(&breadth, NO_NODE))
		return &hg_enomem;
	*distance = hg_take(breadth.distance);
	return NULL;
}

/** Writes down the way from node 0 to `to`, `length` nodes. */
static struct hg_error *follow_parents(const uint32_t *parent, uint32_t to, uint32_t length,
				       struct hg_path *ret)
{
	uint32_t *nodes = malloc((size_t)length * sizeof(*nodes));
	if (!nodes)
		return &hg_enomem;
	uint32_t node = to;
	for (uint32_t i = length; i-- > 0;) {
		nodes[i] = node;
		if (i)
			node = parent[node];
	}
	*ret = (struct hg_path){nodes, length};
	return NULL;
}

struct hg_error *hg_path_shortest(const struct hg_graph *graph, uint32_t to, struct hg_path *ret)
{
	hg_assert(to < graph->nodes);
	*ret = (struct hg_path){0};
	hg_cleanup(breadth_deinit) struct breadth breadth;
	struct hg_error *err = breadth_init(&breadth, graph, true);
	if (err)
		return err;
	if (!breadth_run(&breadth, to))
		return &hg_enomem;
	if (breadth.parent[to] == NO_NODE)
		return NULL;
	return follow_parents(breadth.parent, to, breadth.depth + 1, ret);
}

/** ---- The second path: fewest nodes of the first, then fewest of its edges, then shortest ---- */

// What a step costs depends on its kind alone, and costs only rise: so one plain queue a kind is in order by itself.
enum step {
	STEP_PLAIN,	 // to a node that is not inside the first path
	STEP_BACK,	 // to one that is
	STEP_ALONG,	 // the same by an edge of the first path
	STEP_ALONG_LAST, // to the target by the last edge of the first path
	STEPS
};

struct entry {
	uint32_t node, shared_nodes, shared_edges, length;
};

struct queue {
	HG_VEC(struct entry) entries;
	size_t head;
};

struct detour {
	const struct hg_graph *graph;
	const struct hg_path *first;
	struct hg_map place; // node of first -> place in it
	uint8_t *inside;     // one bit a node: an inner node of first, or its target
	uint32_t *parent;    // NO_NODE: not found yet
	uint32_t *back_from; // per place in first: whence a step BACK came
	uint8_t *settled;    // per place in first
	struct queue queues[STEPS];
};

static void detour_deinit(struct detour *detour)
{
	hg_map_deinit(&detour->place);
	free(detour->inside);
	free(detour->parent);
	free(detour->back_from);
	free(detour->settled);
	for (int step = 0; step < STEPS; step++)
		hg_vec_deinit(&detour->queues[step].entries);
}

static struct hg_error *detour_init(struct detour *detour, const struct hg_graph *graph,
				    const struct hg_path *first)
{
	*detour = (struct detour){.graph = graph, .first = first};
	detour->inside = calloc((size_t)graph->nodes / 8 + 1, 1);
	detour->parent = malloc((size_t)graph->nodes * sizeof(*detour->parent));
	detour->back_from = malloc((size_t)first->length * sizeof(*detour->back_from));
	detour->settled = calloc(first->length, 1);
	if (!detour->inside || !detour->parent || !detour->back_from || !detour->settled)
		return &hg_enomem;
	memset(detour->parent, 0xff, (size_t)graph->nodes * sizeof(*detour->parent));
	memset(detour->back_from, 0xff, (size_t)first->length * sizeof(*detour->back_from));
	for (uint32_t i = 0; i < first->length; i++) {
		const uint32_t node = first->nodes[i];
		hg_assert(node < graph->nodes);
		uint64_t *place = hg_map_put(&detour->place, node);
		if (!place)
			return &hg_enomem;
		*place = i;
		detour->inside[node / 8] |= (uint8_t)(1u << node % 8);
	}
	return NULL;
}

static bool push(struct detour *detour, enum step step, const struct entry *from, uint32_t node)
{
	struct queue *queue = &detour->queues[step];
	if (queue->head > 4096 && queue->head > queue->entries.count / 2) { // what is done goes
		queue->entries.count -= queue->head;
		memmove(queue->entries.data, queue->entries.data + queue->head,
			queue->entries.count * sizeof(*queue->entries.data));
		queue->head = 0;
	}
	struct entry *entry = hg_vec_push(&queue->entries);
	if (!entry)
		return false;
	const bool inner = step == STEP_BACK || step == STEP_ALONG;
	const bool along = step == STEP_ALONG || step == STEP_ALONG_LAST;
	*entry = (struct entry){node, from->shared_nodes + inner, from->shared_edges + along,
				from->length + 1};
	return true;
}

static bool is_nearer(const struct entry *left, const struct entry *right)
{
	if (left->shared_nodes != right->shared_nodes)
		return left->shared_nodes < right->shared_nodes;
	if (left->shared_edges != right->shared_edges)
		return left->shared_edges < right->shared_edges;
	return left->length < right->length;
}

/** Takes the nearest entry of all queues; false when all are empty. */
static bool pop(struct detour *detour, struct entry *ret, enum step *step_ret)
{
	struct queue *best = NULL;
	for (int step = 0; step < STEPS; step++) {
		struct queue *queue = &detour->queues[step];
		if (queue->head == queue->entries.count)
			continue;
		const struct entry *entry = &queue->entries.data[queue->head];
		if (best && !is_nearer(entry, &best->entries.data[best->head]))
			continue;
		best = queue;
		*step_ret = (enum step)step;
	}
	if (!best)
		return false;
	*ret = best->entries.data[best->head++];
	return true;
}

static uint32_t place_of(const struct detour *detour, uint32_t node)
{
	if (!(detour->inside[node / 8] >> node % 8 & 1))
		return NO_NODE;
	return (uint32_t)*hg_map_get(&detour->place, node);
}

/** Goes on from a settled node by one edge; `place` is that of the node. */
static bool step_to(struct detour *detour, const struct entry *from, uint32_t place, uint32_t to)
{
	const uint32_t last = detour->first->length - 1;
	const uint32_t to_place = place_of(detour, to);
	const bool plain = to_place == NO_NODE || to_place == last;
	if (to == 0 || (to_place != NO_NODE && detour->settled[to_place]))
		return true;
	if (place != NO_NODE && to_place == place + 1)
		return push(detour, plain ? STEP_ALONG_LAST : STEP_ALONG, from, to);
	// By other edges the first to come is the nearest.
	uint32_t *whence = to_place == NO_NODE ? &detour->parent[to] : &detour->back_from[to_place];
	if (*whence != NO_NODE)
		return true;
	*whence = from->node;
	return push(detour, plain ? STEP_PLAIN : STEP_BACK, from, to);
}

/** Notes how the node was reached; false where it was settled before. */
static bool settle(struct detour *detour, const struct entry *entry, enum step step, uint32_t place)
{
	if (place == NO_NODE)
		return true;
	if (detour->settled[place])
		return false;
	detour->settled[place] = 1;
	if (entry->node == 0)
		return true;
	const bool along = step == STEP_ALONG || step == STEP_ALONG_LAST;
	detour->parent[entry->node] =
		along ? detour->first->nodes[place - 1] : detour->back_from[place];
	return true;
}

/** Finds the cheapest way to the target of first; *length_ret gets its nodes, 0 where memory allowed none. */
static bool find_detour(struct detour *detour, uint32_t *length_ret)
{
	const struct hg_graph *graph = detour->graph;
	const uint32_t last = detour->first->length - 1;
	const struct entry none = {0};
	struct entry entry;
	enum step step;
	if (!push(detour, STEP_PLAIN, &none, 0))
		return false;
	while (pop(detour, &entry, &step)) {
		const uint32_t place = place_of(detour, entry.node);
		if (!settle(detour, &entry, step, place))
			continue;
		if (place == last) {
			*length_ret = entry.length;
			return true;
		}
		const uint32_t end = graph->edge_at[entry.node + 1];
		for (uint32_t edge = graph->edge_at[entry.node]; edge < end; edge++) {
			if (!step_to(detour, &entry, place, graph->edge_to[edge]))
				return false;
		}
	}
	return true;
}

struct hg_error *hg_path_second(const struct hg_graph *graph, const struct hg_path *first,
				struct hg_path *ret)
{
	*ret = (struct hg_path){0};
	if (first->length < 2)
		return NULL;
	hg_assert(first->nodes[0] == 0);
	hg_cleanup(detour_deinit) struct detour detour;
	struct hg_error *err = detour_init(&detour, graph, first);
	if (err)
		return err;
	uint32_t length = 0;
	if (!find_detour(&detour, &length))
		return &hg_enomem;
	if (!length)
		return NULL;
	err = follow_parents(detour.parent, first->nodes[first->length - 1], length, ret);
	if (!err && ret->length == first->length &&
	    memcmp(ret->nodes, first->nodes, length * sizeof(*ret->nodes)) == 0)
		hg_path_deinit(ret);
	return err;
}
