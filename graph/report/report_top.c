#include "graph/report/report_top.h"

#include <string.h>

#define ROWS 20 // shown when -n does not say

static const struct {
	const char *by;
	hg_top_fn *make;
} tables[] = {
	{"type", hg_top_types},	      {"object", hg_top_objects},	{"root", hg_top_roots},
	{"package", hg_top_packages}, {"goroutine", hg_top_goroutines},
};

static struct hg_error *make_top(struct hg_analysis *a, const struct hg_report_args *args,
				 struct hg_report *report)
{
	const char *by = args->by ? args->by : "type";
	struct hg_report_args full = *args;
	full.limit = args->limit ? args->limit : ROWS;
	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++)
		if (!strcmp(tables[i].by, by))
			return tables[i].make(a, &full, report);
	return hg_error_create(
		HG_ERROR_USAGE,
		"cannot show the top by '%s': type, object, root, package, goroutine", by);
}

const struct hg_report_ops hg_report_top = {.name = "top", .make = make_top};
