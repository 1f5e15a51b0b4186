#include "graph/report/report_top.h"

#include <string.h>

#define ROWS 20 // shown when -n does not say

static const struct hg_top_ops *const tables[] = {
	&hg_top_types,	    &hg_top_objects,	&hg_top_roots,	 &hg_top_packages,
	&hg_top_goroutines, &hg_top_containers, &hg_top_threads,
};

static const struct hg_top_ops *find_table(const char *by)
{
	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++)
		if (!strcmp(tables[i]->by, by ? by : "type"))
			return tables[i];
	return NULL;
}

static struct hg_error *check_top(const struct hg_report_args *args)
{
	const struct hg_top_ops *table = find_table(args->by);
	if (!table)
		return hg_error_create(HG_ERROR_USAGE,
				       "cannot show the top by '%s': type, object, root, package, "
				       "goroutine, thread, container",
				       args->by);
	const struct hg_rows rows = {.columns = table->columns,
				     .column_count = table->column_count};
	unsigned column;
	return hg_rows_column(&rows, args->sort, &column);
}

static struct hg_error *make_top(struct hg_analysis *a, const struct hg_report_args *args,
				 struct hg_report *report)
{
	struct hg_report_args full = *args;
	full.limit = args->limit ? args->limit : ROWS;
	return find_table(args->by)->make(a, &full, report);
}

const struct hg_report_ops hg_report_top = {.name = "top", .check = check_top, .make = make_top};
