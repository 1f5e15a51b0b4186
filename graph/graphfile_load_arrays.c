// The large arrays of a graph file: taken from the mapped file where they are as in memory, and checked in one pass each.
#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "graph/analysis_private.h"
#include "graph/graphfile_load.h"

/* ---- blocks ---- */

static struct hg_error *add_extents(struct graphfile_loading *l, const uint64_t *bits,
				    uint64_t words)
{
	struct hg_blocks *blocks = &l->a->blocks;
	for (size_t i = 0; i < l->parts.extents.count; i++) {
		const struct hg_extent *extent = &l->parts.extents.data[i];
		const uint64_t one = ((uint64_t)extent->slots + 63) / 64;
		const uint64_t all = one << extent->irregular;
		if (all > words || extent->header >= extent->stride)
			return graphfile_damaged(l, "blocks lie where none can");
		struct hg_error *err =
			hg_blocks_add(blocks, extent, bits, extent->irregular ? bits + one : NULL);
		if (err)
			return hg_error_context(err, "'%s': damaged graph file", l->name);
		bits += all;
		words -= all;
	}
	return words ? graphfile_damaged(l, "blocks without an extent") : NULL;
}

static struct hg_error *read_blocks(struct graphfile_loading *l)
{
	struct hg_blocks *blocks = &l->a->blocks;
	const struct graphfile_meta *meta = l->parts.meta.data;
	const void *data;
	uint64_t size, dropped = 0;
	struct hg_error *err = hg_section_get(l->a->facts->file, "bits", &data, &size);
	if (!err)
		err = add_extents(l, data, size / 8);
	if (!err)
		err = hg_blocks_finish(blocks, &dropped);
	free(blocks->types);
	blocks->types = NULL;
	if (err)
		return err;
	if (dropped || blocks->count != meta->blocks)
		return graphfile_damaged(l, "its blocks are not as many as it says");
	err = graphfile_section(l, "block-types", (uint64_t)blocks->count * 4, &data);
	if (err)
		return err;
	const uint32_t *types = data;
	uint32_t largest = 0;
	for (uint32_t i = 0; i < blocks->count; i++)
		largest = types[i] > largest ? types[i] : largest;
	if (largest >= l->limits.below[HG_RECORD_TYPE])
		return graphfile_damaged(l, "a block is of a type that is not there");
	blocks->types = (uint32_t *)(uintptr_t)data;
	return NULL;
}

/* ---- edges ---- */

/** Positions from counts; *ret is malloc'd, count + 1 of them. */
static struct hg_error *read_degrees(struct graphfile_loading *l, const char *name, uint32_t count,
				     const struct graphfile_far *far, size_t far_count,
				     uint32_t **ret)
{
	const void *data;
	struct hg_error *err = graphfile_section(l, name, count, &data);
	if (err)
		return err;
	const uint8_t *degrees = data;
	uint32_t *at = *ret = malloc(((size_t)count + 1) * sizeof(*at));
	if (!at)
		return &hg_enomem;
	uint64_t sum = 0;
	size_t next = 0;
	for (uint32_t i = 0; i < count; i++) {
		at[i] = (uint32_t)sum;
		if (degrees[i] != GRAPHFILE_FAR8) {
			sum += degrees[i];
			continue;
		}
		if (next == far_count || far[next].at != i || far[next].value > HG_MAX_EDGES)
			return graphfile_damaged(l, "a node has edges that are not there");
		sum += far[next++].value;
		if (sum > HG_MAX_EDGES)
			return graphfile_damaged(l, "too many edges");
	}
	at[count] = (uint32_t)sum;
	return sum > HG_MAX_EDGES || next != far_count ? graphfile_damaged(l, "too many edges")
						       : NULL;
}

/** Do all lead to nodes in [least, nodes)? */
static bool leads_to_nodes(const uint32_t *to, uint64_t count, uint32_t least, uint32_t nodes)
{
	bool fine = true;
	for (uint64_t i = 0; i < count; i++)
		fine &= to[i] - least < nodes - least;
	return fine;
}

static struct hg_error *read_graph(struct graphfile_loading *l)
{
	const struct graphfile_meta *meta = l->parts.meta.data;
	struct hg_graph *graph = &l->a->graph;
	const uint32_t roots = (uint32_t)l->a->roots.list.count;
	if (meta->first_block != roots || meta->nodes != (uint64_t)roots + meta->blocks)
		return graphfile_damaged(l, "its nodes are not as many as it says");
	struct hg_error *err = read_degrees(l, "degrees", meta->nodes, l->parts.degree_far.data,
					    l->parts.degree_far.count, &graph->edge_at);
	if (err)
		return err;
	const void *data;
	graph->nodes = meta->nodes;
	graph->first_block = roots;
	graph->edges = graph->edge_at[graph->nodes];
	err = graphfile_section(l, "targets", (uint64_t)graph->edges * 4, &data);
	if (err)
		return err;
	graph->edge_to = (uint32_t *)(uintptr_t)data;
	const uint32_t of_roots = graph->edge_at[roots];
	if (graph->edges != meta->edges ||
	    !leads_to_nodes(graph->edge_to, of_roots, 1, graph->nodes) ||
	    !leads_to_nodes(graph->edge_to + of_roots, graph->edges - of_roots, roots,
			    graph->nodes))
		return graphfile_damaged(l, "an edge leads nowhere");
	return NULL;
}

static struct hg_error *read_outs(struct graphfile_loading *l)
{
	const struct graphfile_meta *meta = l->parts.meta.data;
	struct hg_graph *graph = &l->a->graph;
	struct hg_fact_outs *outs = &l->a->facts->outs;
	const void *data;
	uint64_t count = graph->edges - graph->edge_at[graph->first_block];
	struct hg_error *err = NULL;
	if (meta->separate_outs) {
		err = read_degrees(l, "out-degrees", meta->blocks, l->parts.out_far.data,
				   l->parts.out_far.count, &outs->at);
		if (err)
			return err;
		count = outs->at[meta->blocks];
		err = graphfile_section(l, "out-targets", count * 4, &data);
		if (err)
			return err;
		outs->to = (uint32_t *)(uintptr_t)data;
		if (!leads_to_nodes(outs->to, count, graph->first_block, graph->nodes))
			return graphfile_damaged(l, "an edge leads nowhere");
		err = graphfile_section(l, "out-weak", (count + 63) / 64 * 8, &data);
		outs->weak = (uint64_t *)(uintptr_t)data;
	}
	for (size_t i = 1; i < outs->far.count; i++)
		if (outs->far.data[i].edge <= outs->far.data[i - 1].edge)
			return graphfile_damaged(l, "words of edges are not in order");
	if (!err)
		err = graphfile_section(l, "out-steps", count, &data);
	if (!err)
		outs->steps = (uint8_t *)(uintptr_t)data;
	return err;
}

/* ---- dominators ---- */

/** Is preorder one of a tree that idom describes, of the nodes that have one? */
static bool is_tree(const struct hg_dominators *dom, uint32_t nodes, uint64_t *seen)
{
	uint32_t held = 0;
	if (!dom->reached || dom->preorder[0] || dom->idom[0])
		return false;
	for (uint32_t i = 0; i < nodes; i++)
		held += dom->idom[i] != HG_UNREACHED;
	if (held != dom->reached)
		return false;
	seen[0] = 1;
	for (uint32_t i = 1; i < dom->reached; i++) {
		const uint32_t node = dom->preorder[i];
		if (node >= nodes || seen[node / 64] >> node % 64 & 1)
			return false;
		const uint32_t above = dom->idom[node];
		if (above >= nodes || !(seen[above / 64] >> above % 64 & 1))
			return false;
		seen[node / 64] |= (uint64_t)1 << node % 64;
	}
	return true;
}

static struct hg_error *read_dominators(struct graphfile_loading *l)
{
	const struct graphfile_meta *meta = l->parts.meta.data;
	struct hg_dominators *dom = &l->a->dom;
	const uint32_t nodes = l->a->graph.nodes;
	const void *data;
	struct hg_error *err = graphfile_section(l, "idom", (uint64_t)nodes * 4, &data);
	if (err)
		return err;
	dom->idom = (uint32_t *)(uintptr_t)data;
	err = graphfile_section(l, "preorder", (uint64_t)meta->reached * 4, &data);
	if (err)
		return err;
	dom->preorder = (uint32_t *)(uintptr_t)data;
	dom->reached = meta->reached;
	hg_autofree uint64_t *seen = calloc((size_t)nodes / 64 + 1, sizeof(*seen));
	if (!seen)
		return &hg_enomem;
	return is_tree(dom, nodes, seen) ? NULL
					 : graphfile_damaged(l, "its dominators are no tree");
}

static struct hg_error *read_retained(struct graphfile_loading *l)
{
	const uint32_t nodes = l->a->graph.nodes;
	const void *data;
	struct hg_error *err = graphfile_section(l, "retained", (uint64_t)nodes * 4, &data);
	if (err)
		return err;
	const uint32_t *eighths = data;
	uint64_t *sizes = l->a->retained = malloc(((size_t)nodes + 1) * sizeof(*sizes));
	if (!sizes)
		return &hg_enomem;
	for (uint32_t i = 0; i < nodes; i++)
		sizes[i] = (uint64_t)eighths[i] * 8;
	for (size_t i = 0; i < l->parts.retained_far.count; i++) {
		const struct graphfile_far *far = &l->parts.retained_far.data[i];
		if (far->at >= nodes)
			return graphfile_damaged(l, "a size of no node");
		sizes[far->at] = far->value;
	}
	return NULL;
}

static struct hg_error *read_marks(struct graphfile_loading *l)
{
	const struct graphfile_meta *meta = l->parts.meta.data;
	struct hg_analysis_private *priv = l->a->priv;
	const void *data;
	struct hg_error *err = NULL;
	if (meta->has_marks)
		err = graphfile_section(l, "marks", meta->nodes, &data);
	if (meta->has_marks && !err)
		priv->marks = (uint8_t *)(uintptr_t)data;
	if (meta->has_doubted && !err) {
		err = graphfile_section(l, "doubted", ((uint64_t)meta->blocks / 64 + 1) * 8, &data);
		if (!err)
			priv->doubted = (uint64_t *)(uintptr_t)data;
	}
	return err;
}

/* ---- roots ---- */

static struct hg_error *check_roots(struct graphfile_loading *l)
{
	const struct hg_analysis *a = l->a;
	const struct hg_roots *roots = &a->roots;
	for (size_t i = 1; i < roots->list.count; i++)
		if (roots->list.data[i].parent >= i || roots->list.data[i].kind == HG_ROOT_SUPER)
			return graphfile_damaged(l, "its roots are no tree");
	for (size_t i = 0; i < roots->edges.count; i++) {
		const struct hg_root_edge *edge = &roots->edges.data[i];
		if ((i && edge->root < edge[-1].root) ||
		    hg_blocks_find(&a->blocks, edge->target) == HG_NO_BLOCK)
			return graphfile_damaged(l, "a root refers to no block");
	}
	return NULL;
}

struct hg_error *graphfile_load_arrays(struct graphfile_loading *l)
{
	struct hg_error *err = read_blocks(l);
	if (!err)
		err = read_graph(l);
	if (!err)
		err = read_outs(l);
	if (!err)
		err = read_dominators(l);
	if (!err)
		err = read_retained(l);
	if (!err)
		err = read_marks(l);
	return err ? err : check_roots(l);
}
