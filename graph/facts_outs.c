// Out-edges with their words: kept while the scan has them, for reading 14 million blocks again would take as long as the scan.
#include <stdlib.h>

#include "graph/analysis_private.h"
#include "graph/facts.h"
#include "graph/scan.h"
#include "graph/weak.h"

struct keeping {
	struct hg_analysis *a;
	struct hg_fact_outs *outs;
	const uint32_t *words;
	bool all; /* every edge of the graph is kept as it is */
	uint32_t count;
	bool failed;
};

static void keep_word(struct keeping *k, uint32_t word, uint32_t *before)
{
	const uint32_t step = word - *before;
	const uint32_t edge = k->count++;
	*before = word;
	k->outs->steps[edge] = step < HG_OUT_FAR ? (uint8_t)step : HG_OUT_FAR;
	if (step < HG_OUT_FAR)
		return;
	struct hg_out_far *place = hg_vec_push(&k->outs->far);
	k->failed |= !place;
	if (place)
		*place = (struct hg_out_far){edge, word};
}

static void keep_block(struct keeping *k, const struct hg_extent *extent, uint32_t block,
		       struct hg_place place)
{
	const struct hg_graph *graph = &k->a->graph;
	const uint32_t node = graph->first_block + block;
	uint32_t before = 0;
	if (!k->all)
		k->outs->at[block] = k->count;
	for (uint32_t e = graph->edge_at[node]; e < graph->edge_at[node + 1]; e++) {
		const enum hg_weak_rank rank =
			k->all ? HG_RANK_STRONG
			       : hg_weak_rank(k->a, extent, block, place, k->words[e]);
		if (rank == HG_RANK_NONE)
			continue;
		if (!k->all)
			k->outs->to[k->count] = graph->edge_to[e];
		if (rank == HG_RANK_WEAK)
			k->outs->weak[k->count / 64] |= (uint64_t)1 << k->count % 64;
		keep_word(k, (uint32_t)(hg_word_offset(k->words[e]) / 8), &before);
	}
}

static void keep_all(struct keeping *k)
{
	const struct hg_blocks *blocks = &k->a->blocks;
	for (size_t i = 0; i < blocks->extents.count && !k->failed; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		uint32_t block = extent->first;
		for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
		     slot = hg_blocks_next_slot(blocks, extent, slot + 1), block++) {
			const struct hg_place place = {
				hg_extent_slot_addr(extent, slot),
				k->all ? 0 : hg_blocks_slot_size(blocks, extent, slot)};
			keep_block(k, extent, block, place);
		}
	}
	if (!k->all)
		k->outs->at[blocks->count] = k->count;
}

struct hg_error *hg_outs_keep(struct hg_analysis *a, const uint32_t *words)
{
	struct keeping k = {.a = a, .outs = &a->facts->outs, .words = words, .all = true};
	for (size_t i = 0; i < a->heaps.count; i++)
		k.all &= a->heaps.data[i]->ops->pointer_bits != NULL;
	const size_t most = (size_t)a->graph.edges - a->graph.edge_at[a->graph.first_block] + 1;
	k.outs->steps = malloc(most);
	if (!k.outs->steps)
		return &hg_enomem;
	if (!k.all) {
		k.outs->at = malloc(((size_t)a->blocks.count + 1) * sizeof(*k.outs->at));
		k.outs->to = malloc(most * sizeof(*k.outs->to));
		k.outs->weak = calloc(most / 64 + 1, sizeof(*k.outs->weak));
		if (!k.outs->at || !k.outs->to || !k.outs->weak)
			return &hg_enomem;
	}
	keep_all(&k);
	return k.failed ? &hg_enomem : NULL;
}

static uint32_t far_word(const struct hg_fact_outs *outs, uint32_t edge)
{
	size_t low = 0, high = outs->far.count;
	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		if (outs->far.data[mid].edge < edge)
			low = mid + 1;
		else
			high = mid;
	}
	return low < outs->far.count && outs->far.data[low].edge == edge ? outs->far.data[low].word
									 : 0;
}

struct hg_error *hg_outs_get(const struct hg_analysis *a, uint32_t block, hg_outs *ret)
{
	const struct hg_fact_outs *outs = &a->facts->outs;
	const uint32_t base = a->graph.edge_at[a->graph.first_block];
	const uint32_t *at = outs->at ? outs->at : a->graph.edge_at + a->graph.first_block;
	const uint32_t *to = outs->to ? outs->to : a->graph.edge_to + base;
	const uint32_t less = outs->at ? 0 : base;
	const uint32_t from = at[block] - less, end = at[block + 1] - less;
	if (!hg_vec_reserve(ret, end - from))
		return &hg_enomem;
	uint32_t word = 0;
	for (uint32_t e = from; e < end; e++) {
		word = outs->steps[e] == HG_OUT_FAR ? far_word(outs, e) : word + outs->steps[e];
		const bool weak = outs->weak && outs->weak[e / 64] >> e % 64 & 1;
		ret->data[ret->count++] = (struct hg_out){
			.to = to[e],
			.offset = (uint64_t)word * 8,
			.flags = weak ? HG_EDGE_CONSERVATIVE : 0,
		};
	}
	return NULL;
}
