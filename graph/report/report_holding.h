/**
 * The container within a variable or object that most of its memory hangs on. Private to graph/report/.
 */
#ifndef HG_GRAPH_REPORT_REPORT_HOLDING_H
#define HG_GRAPH_REPORT_REPORT_HOLDING_H

#include "graph/analysis.h"

struct hg_holding {
	uint32_t type;	 /* of the container; 0 where there is none */
	uint64_t offset; /* in the node, as for hg_name_field() */
};

/** Finds the container within a node that holds at least `tenths` tenths of what the node retains. */
struct hg_holding hg_holding_of(const struct hg_analysis *a, uint32_t node, unsigned tenths);

#endif
