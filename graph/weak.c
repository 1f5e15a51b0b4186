#include "graph/weak.h"

#include <stdlib.h>
#include <string.h>

#include "graph/analysis_private.h"
#include "graph/reach.h"
#include "graph/scan.h"

struct settle {
	struct hg_analysis *a;
	const uint32_t *words;
	uint32_t *weak_at; /* per node: position in weak_to; NULL where no heap needs it */
	uint32_t *weak_to;
	uint8_t *reached;
	hg_graph_pairs added;
};

static bool is_declared(const struct hg_analysis *a, uint32_t block, struct hg_place place,
			uint64_t offset)
{
	uint32_t type = a->blocks.types[block];
	if (!type || !hg_lang_of(a, type))
		return false;
	enum hg_leaf_kind kind = hg_shape_leaf_at(&a->priv->shapes, type, place, offset).kind;
	return kind != HG_LEAF_NONE && kind != HG_LEAF_WEAK &&
	       hg_window_has(&a->priv->windows, block, place.addr + offset);
}

static enum hg_weak_rank rank_number(const struct hg_analysis *a, const struct hg_extent *extent,
				     uint32_t block, struct hg_place place, uint64_t offset)
{
	if (offset < extent->header)
		return HG_RANK_NONE;
	place.addr += extent->header;
	place.room -= extent->header;
	offset -= extent->header;
	if (is_declared(a, block, place, offset))
		return HG_RANK_STRONG;
	return hg_type_is_address(a->prog, a->blocks.types[block], offset) ? HG_RANK_WEAK
									   : HG_RANK_NONE;
}

enum hg_weak_rank hg_weak_rank(const struct hg_analysis *a, const struct hg_extent *extent,
			       uint32_t block, struct hg_place place, uint32_t word)
{
	if (word & HG_WORD_NUMBER)
		return rank_number(a, extent, block, place, hg_word_offset(word));
	return a->heaps.data[extent->heap]->ops->pointer_bits ||
			       is_declared(a, block, place, hg_word_offset(word))
		       ? HG_RANK_STRONG
		       : HG_RANK_WEAK;
}

/** Moves the undeclared edges of one extent's blocks to weak_to; *kept and *weak are the next free positions. */
static void split_extent(struct settle *s, const struct hg_extent *extent, uint32_t *kept,
			 uint32_t *weak)
{
	struct hg_graph *graph = &s->a->graph;
	const struct hg_blocks *blocks = &s->a->blocks;
	uint32_t slot = hg_blocks_next_slot(blocks, extent, 0);
	for (uint32_t block = extent->first; block < extent->first + extent->count;
	     block++, slot = hg_blocks_next_slot(blocks, extent, slot + 1)) {
		uint32_t node = graph->first_block + block;
		uint32_t from = graph->edge_at[node], end = graph->edge_at[node + 1];
		graph->edge_at[node] = *kept;
		s->weak_at[node] = *weak;
		const struct hg_place place = {
			hg_extent_slot_addr(extent, slot),
			from < end ? hg_blocks_slot_size(blocks, extent, slot) : 0};
		for (uint32_t e = from; e < end; e++) {
			uint32_t to = graph->edge_to[e];
			const enum hg_weak_rank of =
				hg_weak_rank(s->a, extent, block, place, s->words[e]);
			if (of == HG_RANK_STRONG)
				graph->edge_to[(*kept)++] = to;
			else if (of == HG_RANK_WEAK)
				s->weak_to[(*weak)++] = to;
		}
	}
}

/** Splits the edges of blocks: declared pointers stay, the other words become weak. Edges of roots stay. */
static struct hg_error *split(struct settle *s)
{
	struct hg_analysis *a = s->a;
	bool all_precise = true;
	for (size_t i = 0; i < a->heaps.count; i++)
		all_precise &= a->heaps.data[i]->ops->pointer_bits != NULL;
	if (all_precise)
		return NULL;
	struct hg_graph *graph = &a->graph;
	s->weak_at = calloc((size_t)graph->nodes + 1, sizeof(*s->weak_at));
	s->weak_to = malloc(((size_t)graph->edges + 1) * sizeof(*s->weak_to));
	if (!s->weak_at || !s->weak_to)
		return &hg_enomem;
	uint32_t kept = graph->edge_at[graph->first_block], weak = 0;
	// Each position is written behind where it is read: kept never overtakes the edges.
	uint32_t end = graph->edge_at[graph->nodes];
	for (size_t i = 0; i < a->blocks.extents.count; i++)
		split_extent(s, &a->blocks.extents.data[i], &kept, &weak);
	hg_assert(kept + weak <= end);
	graph->edge_at[graph->nodes] = kept;
	graph->edges = kept;
	s->weak_at[graph->nodes] = weak;
	a->coverage.conservative_edges += weak;
	return NULL;
}

/* ---- turns of root edges ---- */

enum turn {
	TURN_MEMORY, // what stays where it is: globals, thread-local storage, what a runtime keeps
	TURN_STACK,
	TURN_REGISTER,
	TURN_STALE,
	TURN_SECONDARY,
	TURN_NONE, // it counts in any case
};

// A register and a variable of a stack have mostly borrowed what something that stays holds.
static const uint8_t turns[HG_ROOT_KINDS] = {
	[HG_ROOT_FRAME] = TURN_STACK,	    [HG_ROOT_LOCAL] = TURN_STACK,
	[HG_ROOT_STACK] = TURN_STACK,	    [HG_ROOT_WORDS] = TURN_STACK,
	[HG_ROOT_REGISTER] = TURN_REGISTER,
};

static enum turn turn_of(const struct hg_roots *roots, const struct hg_root_edge *edge)
{
	if (!(edge->flags & HG_EDGE_CONSERVATIVE))
		return edge->flags & HG_EDGE_SECONDARY ? TURN_SECONDARY : TURN_NONE;
	return edge->flags & HG_EDGE_STALE ? TURN_STALE : turns[roots->list.data[edge->root].kind];
}

/** Keeps those root edges of a turn that are needed; what they reach is marked. */
static struct hg_error *keep_needed(struct settle *s, enum turn turn)
{
	struct hg_analysis *a = s->a;
	struct hg_roots *roots = &a->roots;
	hg_graph_pairs pairs = {0};
	for (size_t i = 0; i < roots->edges.count; i++) {
		const struct hg_root_edge *edge = &roots->edges.data[i];
		if (turn_of(roots, edge) != turn)
			continue;
		struct hg_graph_pair *pair = hg_vec_push(&pairs);
		if (!pair) {
			hg_vec_deinit(&pairs);
			return &hg_enomem;
		}
		*pair = (struct hg_graph_pair){edge->root,
					       a->graph.first_block +
						       hg_blocks_find(&a->blocks, edge->target)};
	}
	hg_autofree uint8_t *needed = calloc(pairs.count + 1, 1);
	struct hg_error *err = needed ? NULL : &hg_enomem;
	if (!err && pairs.count)
		err = hg_reach_secondary(&a->graph, s->reached, pairs.data, pairs.count, needed);
	size_t kept = 0, pair = 0;
	for (size_t i = 0; !err && i < roots->edges.count; i++) {
		const struct hg_root_edge edge = roots->edges.data[i];
		const bool is_in_turn = turn_of(roots, &edge) == turn;
		if (is_in_turn && !needed[pair++])
			continue;
		struct hg_graph_pair *place = is_in_turn ? hg_vec_push(&s->added) : NULL;
		if (place)
			*place = pairs.data[pair - 1];
		else if (is_in_turn)
			err = &hg_enomem;
		roots->edges.data[kept++] = edge;
	}
	if (!err)
		roots->edges.count = kept;
	hg_vec_deinit(&pairs);
	return err;
}

/** Conservative edges of roots by turns; each is followed to its end before the next, also over the words of blocks: the second
 * node of a list is its first one's. */
static struct hg_error *settle_conservative(struct settle *s)
{
	struct hg_error *err = NULL;
	for (enum turn turn = TURN_MEMORY; !err && turn <= TURN_STALE; turn++) {
		const size_t before = s->added.count;
		err = keep_needed(s, turn);
		if (!err && s->weak_at && (turn == TURN_MEMORY || s->added.count > before))
			err = hg_reach_weak(&s->a->graph, s->reached, s->weak_at, s->weak_to,
					    &s->added);
	}
	return err;
}

/** Marks the blocks that are not reached yet; after the last edges, those that are not reached still are none. */
static struct hg_error *mark_doubted(struct settle *s)
{
	const struct hg_analysis *a = s->a;
	a->priv->doubted = calloc((size_t)a->blocks.count / 64 + 1, 8);
	if (!a->priv->doubted)
		return &hg_enomem;
	for (uint32_t i = 0; i < a->blocks.count; i++)
		a->priv->doubted[i / 64] |= (uint64_t)!s->reached[a->graph.first_block + i]
					    << (i % 64);
	return NULL;
}

/** Drops from the doubted blocks those that nothing reached, and sums the others. */
static void keep_reached(struct settle *s)
{
	struct hg_analysis *a = s->a;
	const struct hg_blocks *blocks = &a->blocks;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		uint32_t block = extent->first;
		for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
		     slot = hg_blocks_next_slot(blocks, extent, slot + 1), block++) {
			const uint64_t bit = (uint64_t)1 << (block % 64);
			if (!(a->priv->doubted[block / 64] & bit))
				continue;
			if (s->reached[a->graph.first_block + block])
				a->coverage.conservative_bytes +=
					hg_blocks_slot_size(blocks, extent, slot);
			else
				a->priv->doubted[block / 64] &= ~bit;
		}
	}
}

static struct hg_error *run(struct settle *s)
{
	struct hg_analysis *a = s->a;
	struct hg_error *err = split(s);
	s->reached = malloc((size_t)a->graph.nodes + 1);
	if (!err && !s->reached)
		err = &hg_enomem;
	if (!err)
		err = hg_reach(&a->graph, s->reached, NULL);
	if (!err)
		err = keep_needed(s, TURN_SECONDARY);
	bool weak = s->weak_at || a->coverage.conservative_edges;
	if (!err && weak)
		err = mark_doubted(s);
	if (!err)
		err = settle_conservative(s);
	if (!err && weak)
		keep_reached(s);
	if (!err && s->added.count)
		err = hg_graph_add_edges(&a->graph, s->added.data, s->added.count);
	return err;
}

struct hg_error *hg_weak_settle(struct hg_analysis *a, const uint32_t *words)
{
	struct settle s = {.a = a, .words = words};
	struct hg_error *err = run(&s);
	free(s.weak_at);
	free(s.weak_to);
	free(s.reached);
	hg_vec_deinit(&s.added);
	return err;
}
