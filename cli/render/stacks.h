/**
 * A tree of rows as stacks: what formats for profiles show. A row is what it retains without the rows below it, so that stacks add
 * up whatever was left out.
 */
#ifndef HG_CLI_RENDER_STACKS_H
#define HG_CLI_RENDER_STACKS_H

#include "graph/heapgraph.h"

struct hg_stack_row {
	uint32_t parent; /* a row, counted from 1, that stands before this one; 0 at the top */
	const char *label, *via, *type, *kind, *line; /* "" where absent */
	const char *name; /* the label, but without figures for what was left out */
	uint64_t retained, self, objects;
	bool rest; /* it stands for several that were left out */
};

struct hg_stacks {
	struct hg_stack_row *rows; /* [1 .. count] */
	uint32_t count;
};

/** Reads the main table of a tree; false when memory is exhausted. End it with hg_stacks_deinit() in any case. */
bool hg_stacks_init(struct hg_stacks *stacks, const struct hg_report *report);
void hg_stacks_deinit(struct hg_stacks *stacks);

#endif
