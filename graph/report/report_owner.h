/**
 * The top of the dominator tree: roots that hold something alone, and blocks that several roots share; and who those are.
 */
#ifndef HG_GRAPH_REPORT_REPORT_OWNER_H
#define HG_GRAPH_REPORT_REPORT_OWNER_H

#include "graph/analysis.h"

#define HG_OWNERS 3 /* of a shared block that are remembered */
#define HG_NO_TOP UINT32_MAX

/** A child of node 0 in the dominator tree. */
struct hg_top {
	uint32_t node;
	uint32_t owner
		[HG_OWNERS]; /* top-level roots that reach a shared block, the nearest ones, one of a kind; rising */
	uint8_t several;     /* bit i: roots of the same kind as owner[i] reach it as well */
	uint8_t owner_count; /* of a root: 0 */
	bool more;	     /* there are owners of other kinds */
	uint32_t blocks;     /* in its subtree */
	uint32_t group;	     /* index into groups */
};

/** Tops that are one thing for a person: goroutines of one creation site in one state; blocks with the same owners. */
struct hg_top_group {
	uint32_t first; /* its tops are order[first .. first + count) */
	uint32_t count;
	uint64_t retained; /* sum */
	uint64_t blocks;   /* sum */
	uint32_t largest;  /* the top that retains most */
};

struct hg_tops {
	uint32_t *
		of; /* per node: index of its top; HG_NO_TOP for node 0 and where no root reaches it */
	HG_VEC(struct hg_top) list;
	HG_VEC(struct hg_top_group) groups;
	uint32_t *order;
	uint32_t *
		kind_of; /* per root id at the top: number of its kind (goroutines of one group are one) */
	uint32_t *goroutine_of; /* per root id: index into the goroutines + 1 */
};

/** Finds tops, owners and groups. End it with hg_tops_deinit(), also after an error. */
struct hg_error *hg_tops_init(const struct hg_analysis *a, struct hg_tops *tops);
void hg_tops_deinit(struct hg_tops *tops);

/** The goroutine whose root this is, or NULL. */
const struct hg_goroutine *hg_tops_goroutine(const struct hg_analysis *a,
					     const struct hg_tops *tops, uint32_t root);

#endif
