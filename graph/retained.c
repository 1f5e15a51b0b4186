#include "graph/retained.h"

#include <stdlib.h>

#include "graph/reach.h"

#define NO_NODE UINT32_MAX

void hg_retained_sum(const struct hg_dominators *dom, uint64_t *sizes)
{
	for (uint32_t i = dom->reached; i-- > 1;) {
		const uint32_t node = dom->preorder[i];
		sizes[dom->idom[node]] += sizes[node];
	}
}

/** A walk through the tree that knows which classes are above. */
struct class_walk {
	const struct hg_dominators *dom;
	const uint32_t *class_of;
	const uint64_t *retained;
	uint64_t *ret;
	uint32_t *first_child;
	uint32_t *next_sibling;
	uint32_t *above; // per class: nodes of it on the way down to here
};

static void class_walk_deinit(struct class_walk *walk)
{
	free(walk->first_child);
	free(walk->next_sibling);
	free(walk->above);
}

static void link_children(struct class_walk *walk, uint32_t nodes)
{
	const struct hg_dominators *dom = walk->dom;
	for (uint32_t node = 0; node < nodes; node++)
		walk->first_child[node] = NO_NODE;
	for (uint32_t node = nodes; node-- > 1;) {
		const uint32_t idom = dom->idom[node];
		if (idom == HG_UNREACHED)
			continue;
		walk->next_sibling[node] = walk->first_child[idom];
		walk->first_child[idom] = node;
	}
	walk->next_sibling[0] = NO_NODE;
}

static void enter(const struct class_walk *walk, uint32_t node)
{
	const uint32_t class = walk->class_of[node];
	if (class && walk->above[class] == 0)
		walk->ret[class] += walk->retained[node];
	walk->above[class]++;
}

static void walk_tree(const struct class_walk *walk)
{
	uint32_t node = 0;
	for (;;) {
		enter(walk, node);
		if (walk->first_child[node] != NO_NODE) {
			node = walk->first_child[node];
			continue;
		}
		walk->above[walk->class_of[node]]--;
		while (walk->next_sibling[node] == NO_NODE) {
			if (node == 0)
				return;
			node = walk->dom->idom[node];
			walk->above[walk->class_of[node]]--;
		}
		node = walk->next_sibling[node];
	}
}

struct hg_error *hg_retained_by_class(const struct hg_dominators *dom, uint32_t nodes,
				      const uint32_t *class_of, uint32_t classes,
				      const uint64_t *retained, uint64_t *ret)
{
	hg_cleanup(class_walk_deinit) struct class_walk walk = {
		.dom = dom, .class_of = class_of, .retained = retained, .ret = ret};
	walk.first_child = malloc((size_t)nodes * sizeof(*walk.first_child));
	walk.next_sibling = malloc((size_t)nodes * sizeof(*walk.next_sibling));
	walk.above = calloc((size_t)classes + 1, sizeof(*walk.above));
	if (!walk.first_child || !walk.next_sibling || !walk.above)
		return &hg_enomem;
	link_children(&walk, nodes);
	walk_tree(&walk);
	return NULL;
}

struct hg_error *hg_retained_of_set(const struct hg_graph *graph, const struct hg_dominators *dom,
				    const uint8_t *in_set, const uint64_t *sizes,
				    uint64_t *bytes_ret, uint64_t *nodes_ret)
{
	hg_autofree uint8_t *kept = malloc(graph->nodes);
	if (!kept)
		return &hg_enomem;
	struct hg_error *err = hg_reach_without(graph, in_set, kept);
	if (err)
		return err;
	uint64_t bytes = 0, nodes = 0;
	for (uint32_t node = 0; node < graph->nodes; node++) {
		if (kept[node] || dom->idom[node] == HG_UNREACHED)
			continue;
		bytes += sizes[node];
		nodes++;
	}
	*bytes_ret = bytes;
	*nodes_ret = nodes;
	return NULL;
}
