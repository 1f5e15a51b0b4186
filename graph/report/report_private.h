/**
 * The inside of a report in the making.
 */
#ifndef HG_GRAPH_REPORT_REPORT_PRIVATE_H
#define HG_GRAPH_REPORT_REPORT_PRIVATE_H

#include "graph/report/report.h"

struct hg_report_private {
	struct hg_arena arena;
	HG_VEC(const char *) sentences;
	HG_VEC(const char *) notes;
	struct hg_table tables[HG_REPORT_MAX_TABLES];
	bool failed; /* memory ran out on the way: the report is incomplete */
};

#endif
