#include "graph/retained.h"

#include <stdlib.h>

#include "graph/reach.h"

#define AHEAD 16 /* places between a prefetch and its use */

void hg_retained_sum(const struct hg_dominators *dom, uint64_t *sizes)
{
	for (uint32_t i = dom->reached; i-- > 1;) {
		const uint32_t node = dom->preorder[i];
		sizes[dom->idom[node]] += sizes[node];
	}
}

/** The tree written out in one line: what a node dominates stands right behind it. */
struct line {
	uint32_t *nodes; // per place
	uint32_t *end;	 // per node: the place behind its subtree
};

static void line_deinit(struct line *line)
{
	free(line->nodes);
	free(line->end);
}

static struct hg_error *line_init(struct line *line, const struct hg_dominators *dom,
				  uint32_t nodes)
{
	line->nodes = malloc((size_t)dom->reached * sizeof(*line->nodes));
	uint32_t *end = line->end = malloc((size_t)nodes * sizeof(*end));
	if (!line->nodes || !end)
		return &hg_enomem;
	// First the number of places, until the node gets its own; then where its next child's subtree goes, which after
	// the last child is the end.
	for (uint32_t node = 0; node < nodes; node++)
		end[node] = 1;
	for (uint32_t i = dom->reached; i-- > 1;)
		end[dom->idom[dom->preorder[i]]] += end[dom->preorder[i]];
	line->nodes[0] = 0;
	end[0] = 1;
	for (uint32_t i = 1; i < dom->reached; i++) {
		const uint32_t node = dom->preorder[i], above = dom->idom[node];
		const uint32_t places = end[node], place = end[above];
		line->nodes[place] = node;
		end[node] = place + 1;
		end[above] = place + places;
	}
	return NULL;
}

struct hg_error *hg_retained_by_class(const struct hg_dominators *dom, uint32_t nodes,
				      const uint32_t *class_of, uint32_t classes,
				      const uint64_t *retained, uint64_t *ret)
{
	hg_cleanup(line_deinit) struct line line = {0};
	struct hg_error *err = line_init(&line, dom, nodes);
	if (err)
		return err;
	// Per class: the place where the subtree of its last topmost node ends.
	hg_autofree uint32_t *covered = calloc((size_t)classes + 1, sizeof(*covered));
	if (!covered)
		return &hg_enomem;
	for (uint32_t place = 0; place < dom->reached; place++) {
		if (place + AHEAD < dom->reached) {
			const uint32_t far = line.nodes[place + AHEAD];
			__builtin_prefetch(&class_of[far]);
			__builtin_prefetch(&line.end[far]);
			__builtin_prefetch(&retained[far]);
		}
		const uint32_t node = line.nodes[place], class = class_of[node];
		if (!class || place < covered[class])
			continue;
		ret[class] += retained[node];
		covered[class] = line.end[node];
	}
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
