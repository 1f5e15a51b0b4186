/**
 * The tables of `top`, one file each. Private to report_top*.c.
 */
#ifndef HG_GRAPH_REPORT_REPORT_TOP_H
#define HG_GRAPH_REPORT_REPORT_TOP_H

#include "graph/report/report.h"

struct hg_top_ops {
	const char *by; /* "type" */
	const struct hg_column *columns;
	unsigned column_count;
	struct hg_error *(*make)(struct hg_analysis *a, const struct hg_report_args *args,
				 struct hg_report *report);
};

extern const struct hg_top_ops hg_top_types, hg_top_objects, hg_top_roots, hg_top_packages,
	hg_top_goroutines, hg_top_containers, hg_top_threads;

#endif
