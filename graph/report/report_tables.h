/**
 * Tables that more than one report shows.
 */
#ifndef HG_GRAPH_REPORT_REPORT_TABLES_H
#define HG_GRAPH_REPORT_REPORT_TABLES_H

#include "graph/report/report.h"
#include "graph/report/report_class.h"
#include "graph/report/report_name.h"

/** Types with count, shallow and retained size, as filter, sort, limit and exact of args say. */
struct hg_error *hg_table_types(const struct hg_analysis *a, const struct hg_classes *classes,
				const struct hg_report_args *args, const char *name,
				const char *title, struct hg_report *report);

/** Top-level roots, and the blocks that several of them share. */
struct hg_error *hg_table_roots(const struct hg_analysis *a, struct hg_namer *namer,
				const struct hg_report_args *args, const char *name,
				const char *title, struct hg_report *report);

/** The exact retained size of all nodes of a class. */
struct hg_error *hg_exact_retained(const struct hg_analysis *a, const uint32_t *class_of,
				   uint32_t class, const uint64_t *sizes, uint64_t *ret);

/** Shallow size per node, 0 for roots; the caller frees it. */
struct hg_error *hg_node_sizes(const struct hg_analysis *a, uint64_t **ret);

#endif
