/**
 * Where memory accumulates: from a group of tops down the dominator tree, level by level, as long as one kind of children
 * holds most of it.
 */
#ifndef HG_GRAPH_REPORT_REPORT_SUSPECT_H
#define HG_GRAPH_REPORT_REPORT_SUSPECT_H

#include "graph/report/report_class.h"
#include "graph/report/report_owner.h"

struct hg_suspect_step {
	uint64_t key;	   /* what its nodes have in common */
	uint32_t node;	   /* the one that retains most */
	uint64_t objects;  /* nodes; a container's inner parts do not count */
	uint64_t retained; /* by them together */
	bool recursive;	   /* objects of one type that hold each other: a list, a tree */
};

struct hg_suspect {
	uint32_t group; /* of the tops */
	HG_VEC(struct hg_suspect_step) steps;
	uint32_t point; /* the step whose elements hold the memory; below it, details */
};

struct hg_dominator_tree {
	uint32_t *child_at, *child; /* as from hg_dominators_children() */
};

/** Walks down from a group. End it with hg_suspect_deinit(), also after an error. */
struct hg_error *hg_suspect_init(const struct hg_analysis *a, const struct hg_classes *classes,
				 const struct hg_tops *tops, const struct hg_dominator_tree *tree,
				 uint32_t group, struct hg_suspect *ret);
void hg_suspect_deinit(struct hg_suspect *suspect);

#endif
