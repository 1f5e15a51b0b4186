/**
 * Everything known about a heap once the pipeline has run: what reports read. Private to graph/.
 */
#ifndef HG_GRAPH_ANALYSIS_H
#define HG_GRAPH_ANALYSIS_H

#include "graph/block.h"
#include "graph/coverage.h"
#include "graph/dominator.h"
#include "graph/graph.h"
#include "graph/heap/heap.h"
#include "graph/heapgraph.h"
#include "graph/root.h"

struct hg_totals {
	uint64_t live_objects,
		live_bytes; /* reached from the roots; slots count as their element size */
	uint64_t garbage_objects,
		garbage_bytes; /* allocated, not reached (unswept ones included) */
	uint64_t heap_inuse_bytes;
};

struct hg_heap_share { /* one heap's part of the totals */
	struct hg_totals totals;
	uint64_t typed_bytes, masked_bytes; /* of its live bytes */
	uint64_t guessed_bytes;		    /* of those that are typed */
};

struct hg_analysis {
	struct hg_program *prog;
	struct hg_coverage coverage;
	HG_VEC(struct hg_heap *) heaps;
	struct hg_blocks blocks; /* blocks.types[]: type id of each block (0 unknown) */
	struct hg_roots roots;
	struct hg_graph graph;
	struct hg_dominators dom;
	uint64_t *retained; /* per node */
	struct hg_totals
		totals; /* of the first heap: the runtime's own, where a process has several */
	struct hg_heap_share *shares; /* of each heap */
	uint32_t debug_types;	      /* type ids below it come from debug info */
	uint64_t stopped_us;	      /* live sources: how long the target stood still */
	const struct hg_log *log;
	struct hg_facts
		*facts; /* see graph/facts.h; NULL: memory is there, and nothing is to be saved */
	struct hg_analysis_private *priv; /* typing tables of the languages, for naming */
};

/** One out-edge of a node with the place it was found at. */
struct hg_out {
	uint32_t to;	 /* node */
	uint64_t offset; /* in the slot, or in the root's value */
	uint8_t flags;	 /* HG_EDGE_* */
};
typedef HG_VEC(struct hg_out) hg_outs;

/** Appends the out-edges of a node by reading it again, in order of offset. Same edges as in the graph. */
struct hg_error *hg_analysis_outs(const struct hg_analysis *a, uint32_t node, hg_outs *ret);

static inline bool hg_node_is_root(const struct hg_analysis *a, uint32_t node)
{
	return node < a->graph.first_block;
}

static inline uint32_t hg_node_block(const struct hg_analysis *a, uint32_t node)
{
	return node - a->graph.first_block;
}

static inline bool hg_node_is_live(const struct hg_analysis *a, uint32_t node)
{
	return a->dom.idom[node] != HG_UNREACHED;
}

/** Is it alive by words alone that may not be pointers: on no way from a root are all edges certain? */
bool hg_node_is_doubted(const struct hg_analysis *a, uint32_t node);

uint64_t hg_node_size(const struct hg_analysis *a, uint32_t node); /* shallow; 0 for root nodes */

/** Declaration line of a top-level root's variable, or the go statement of a goroutine; found on first use. False where
 * unknown. *file is a full path owned by the program. */
bool hg_root_line(const struct hg_analysis *a, uint32_t root, const char **file, uint32_t *line);
uint64_t hg_node_addr(const struct hg_analysis *a, uint32_t node);
uint32_t hg_node_type(const struct hg_analysis *a, uint32_t node);

#endif
