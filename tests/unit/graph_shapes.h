/**
 * Made-up graphs for tests and benches: lists of edges turned into a struct hg_graph, and shapes of any size.
 */
#ifndef HG_TESTS_GRAPH_SHAPES_H
#define HG_TESTS_GRAPH_SHAPES_H

#include <stdlib.h>
#include <string.h>

#include "core/base/vec.h"
#include "graph/graph.h"

struct shape {
	uint32_t nodes;
	HG_VEC(struct hg_graph_pair) pairs;
	uint64_t seed;
};

static inline uint64_t shape_random(struct shape *shape, uint64_t below)
{
	shape->seed = shape->seed * 6364136223846793005u + 1442695040888963407u;
	const uint64_t mixed = (shape->seed ^ shape->seed >> 29) * 0xbf58476d1ce4e5b9u;
	return (mixed ^ mixed >> 32) % below;
}

static inline void shape_edge(struct shape *shape, uint32_t from, uint32_t to)
{
	struct hg_graph_pair *pair = hg_vec_push(&shape->pairs);
	hg_assert(pair && from < shape->nodes && to < shape->nodes);
	*pair = (struct hg_graph_pair){from, to};
}

/** Makes the graph, edges of a node in the order they were added, and ends the list. */
static inline void shape_finish(struct shape *shape, struct hg_graph *graph)
{
	uint32_t *at = calloc((size_t)shape->nodes + 2, sizeof(*at));
	uint32_t *to = malloc((shape->pairs.count + 1) * sizeof(*to));
	hg_assert(at && to);
	for (size_t i = 0; i < shape->pairs.count; i++)
		at[shape->pairs.data[i].from + 2]++;
	for (uint32_t node = 0; node < shape->nodes; node++)
		at[node + 2] += at[node + 1];
	for (size_t i = 0; i < shape->pairs.count; i++)
		to[at[shape->pairs.data[i].from + 1]++] = shape->pairs.data[i].to;
	hg_vec_deinit(&shape->pairs);
	hg_assert(!hg_graph_init(graph, shape->nodes, 1, at, to));
}

/** A chain: each node leads to the next. */
static inline void shape_chain(struct shape *shape)
{
	for (uint32_t node = 0; node + 1 < shape->nodes; node++)
		shape_edge(shape, node, node + 1);
}

/** Links in a list of next and previous, the list known by its first node. */
static inline void shape_list(struct shape *shape)
{
	for (uint32_t node = 1; node + 1 < shape->nodes; node++) {
		shape_edge(shape, node, node + 1);
		shape_edge(shape, node + 1, node);
	}
	shape_edge(shape, 0, 1);
}

/** A list of next and previous in a ring; its header, and so the root, holds both ends. */
static inline void shape_ring(struct shape *shape)
{
	shape_list(shape);
	shape_edge(shape, 1, shape->nodes - 1);
	shape_edge(shape, shape->nodes - 1, 1);
}

/** One node that holds all others; each knows it. */
static inline void shape_star(struct shape *shape)
{
	shape_edge(shape, 0, 1);
	for (uint32_t node = 2; node < shape->nodes; node++) {
		shape_edge(shape, 1, node);
		shape_edge(shape, node, 1);
	}
}

/** Two chains with rungs both ways. */
static inline void shape_ladder(struct shape *shape)
{
	shape_edge(shape, 0, 1);
	if (shape->nodes > 2)
		shape_edge(shape, 0, 2);
	for (uint32_t node = 1; node < shape->nodes; node++) {
		if (node + 2 < shape->nodes)
			shape_edge(shape, node, node + 2);
		if (node % 2 == 0) {
			shape_edge(shape, node - 1, node);
			shape_edge(shape, node, node - 1);
		}
	}
}

/** A complete binary tree, each node with a pointer to its parent. */
static inline void shape_tree(struct shape *shape)
{
	shape_edge(shape, 0, 1);
	for (uint32_t node = 2; node < shape->nodes; node++) {
		shape_edge(shape, node / 2, node);
		shape_edge(shape, node, node / 2);
	}
}

/** A long list of which each link holds a payload that an index holds, too: the search meets payloads far from their
 * dominator, the root. (Walks of semi-NCA without a limit are quadratic here.) */
static inline void shape_queue(struct shape *shape)
{
	const uint32_t links = (shape->nodes - 2) / 2;
	shape_edge(shape, 0, 1);
	for (uint32_t link = 1; link <= links; link++) {
		if (link < links)
			shape_edge(shape, link, link + 1);
		shape_edge(shape, link, links + link);
	}
	shape_edge(shape, 0, shape->nodes - 1);
	for (uint32_t link = 1; link <= links; link++)
		shape_edge(shape, shape->nodes - 1, links + link);
}

/** Back edges from each node of a chain to far above, so that every path is compressed again and again. */
static inline void shape_back_edges(struct shape *shape)
{
	shape_chain(shape);
	for (uint32_t node = 1; node < shape->nodes; node++) {
		shape_edge(shape, node, node / 2);
		shape_edge(shape, shape->nodes - node, (shape->nodes - node) / 3);
	}
}

/** Edges between any two nodes; all hang on node 0 where `rooted` of a hundred do so directly. */
static inline void shape_uniform(struct shape *shape, uint32_t edges, unsigned rooted)
{
	for (uint32_t edge = 0; edge < edges; edge++) {
		const uint32_t from = (uint32_t)shape_random(shape, shape->nodes);
		const uint32_t to = (uint32_t)shape_random(shape, shape->nodes);
		shape_edge(shape, shape_random(shape, 100) < rooted ? 0 : from, to);
	}
}

/** Objects of a Go heap stand together by size class: each class is one range of nodes. */
enum shape_class {
	SHAPE_BUCKET,
	SHAPE_VALUE,
	SHAPE_SLICE,
	SHAPE_ITEM,
	SHAPE_TEXT,
	SHAPE_BOX,
	SHAPE_CLASSES
};

struct shape_heap {
	struct shape *shape;
	uint32_t next[SHAPE_CLASSES], end[SHAPE_CLASSES], first[SHAPE_CLASSES];
};

static inline uint32_t shape_new(struct shape_heap *heap, enum shape_class class, uint32_t owner)
{
	if (heap->next[class] == heap->end[class])
		return 0;
	shape_edge(heap->shape, owner, heap->next[class]);
	return heap->next[class]++;
}

static inline uint32_t shape_old(const struct shape_heap *heap, enum shape_class class)
{
	const uint32_t count = heap->next[class] - heap->first[class];
	return count ? heap->first[class] + (uint32_t)shape_random(heap->shape, count) : 0;
}

static inline void shape_go_item(struct shape_heap *heap, uint32_t slice, uint32_t value)
{
	struct shape *shape = heap->shape;
	const uint32_t item = shape_new(heap, SHAPE_ITEM, slice);
	if (!item)
		return;
	shape_new(heap, SHAPE_TEXT, item);
	if (shape_random(shape, 2))
		shape_new(heap, SHAPE_BOX, item);
	if (shape_random(shape, 4) == 0)
		shape_edge(shape, item, value);
	const uint32_t friend = shape_old(heap, SHAPE_VALUE);
	if (friend && shape_random(shape, 6) == 0)
		shape_edge(shape, item, friend);
	const uint32_t text = shape_old(heap, SHAPE_TEXT);
	if (text && shape_random(shape, 6) == 0)
		shape_edge(shape, item, text);
}

static inline bool shape_go_record(struct shape_heap *heap, uint32_t bucket, uint32_t map,
				   uint32_t last)
{
	struct shape *shape = heap->shape;
	shape_new(heap, SHAPE_TEXT, bucket);
	const uint32_t value = shape_new(heap, SHAPE_VALUE, bucket);
	if (!value)
		return false;
	shape_new(heap, SHAPE_TEXT, value);
	if (shape_random(shape, 3) == 0)
		shape_edge(shape, value, map);
	if (last && shape_random(shape, 2)) { // a list through all records
		shape_edge(shape, last, value);
		shape_edge(shape, value, last);
	}
	const uint32_t slice = shape_new(heap, SHAPE_SLICE, value);
	for (uint64_t items = slice ? shape_random(shape, 6) : 0; items > 0; items--)
		shape_go_item(heap, slice, value);
	return true;
}

/** Maps of records with strings, slices of items, interfaces, lists and shared objects: about half are leaves. */
static inline void shape_go(struct shape *shape)
{
	static const uint32_t shares[SHAPE_CLASSES] = {16, 120, 120, 290, 560, 150};
	struct shape_heap heap = {.shape = shape};
	const uint32_t roots = 1 + shape->nodes / 20000;
	uint64_t total = 0, done = 0;
	for (int i = 0; i < SHAPE_CLASSES; i++)
		total += shares[i];
	uint32_t at = 1 + roots;
	for (int i = 0; i < SHAPE_CLASSES; i++) {
		done += shares[i];
		heap.first[i] = heap.next[i] = at;
		at = 1 + roots + (uint32_t)((shape->nodes - 1 - roots) * done / total);
		heap.end[i] = at;
	}
	uint32_t last = 0;
	for (uint32_t root = 1; root <= roots; root++)
		shape_edge(shape, 0, root);
	for (uint64_t record = 0;; record++) {
		const uint32_t root = 1 + (uint32_t)(record / 1500 % roots);
		uint32_t bucket = heap.next[SHAPE_BUCKET];
		if (record % 8 == 0)
			bucket = shape_new(&heap, SHAPE_BUCKET, root);
		else
			bucket--;
		if (!bucket || !shape_go_record(&heap, bucket, root, last))
			return;
		last = heap.next[SHAPE_VALUE] - 1;
	}
}

/** Gives the nodes but 0 random numbers: no locality is left. */
static inline void shape_shuffle(struct shape *shape)
{
	uint32_t *to = malloc(shape->nodes * sizeof(*to));
	hg_assert(to);
	for (uint32_t node = 0; node < shape->nodes; node++)
		to[node] = node;
	for (uint32_t node = shape->nodes - 1; node > 1; node--) {
		const uint32_t other = 1 + (uint32_t)shape_random(shape, node);
		const uint32_t kept = to[node];
		to[node] = to[other];
		to[other] = kept;
	}
	for (size_t i = 0; i < shape->pairs.count; i++) {
		struct hg_graph_pair *pair = &shape->pairs.data[i];
		*pair = (struct hg_graph_pair){to[pair->from], to[pair->to]};
	}
	free(to);
}

struct shape_row {
	const char *name;
	void (*make)(struct shape *shape);
};

static const struct shape_row shape_rows[] = {
	{"chain", shape_chain}, {"list", shape_list},	    {"ring", shape_ring},
	{"star", shape_star},	{"ladder", shape_ladder},   {"tree", shape_tree},
	{"queue", shape_queue}, {"back", shape_back_edges}, {"go", shape_go},
};

#endif
