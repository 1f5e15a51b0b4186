#include "cli/target.h"

static struct hg_error *run(const struct hg_args *args)
{
	const struct hg_report_args report_args = {
		.by = args->by,
		.sort = args->sort,
		.filter = args->filter,
		.limit = args->limit,
		.exact = args->exact,
	};
	return hg_target_report(args, "top", &report_args);
}

const struct hg_command hg_cmd_top = {
	.name = "top",
	.operands = "SOURCE",
	.summary = "the largest types, objects, roots, packages, containers, or groups of "
		   "goroutines or "
		   "threads",
	.details =
		"SOURCE is a core file or the PID of a live process (a file of that name wins).\n"
		"RETAINED is what would be freed if the rows' objects went away; >= marks a\n"
		"lower bound, which --exact replaces by the exact size.\n",
	.options = HG_OPTIONS_SOURCE | HG_OPTION_BY | HG_OPTION_SORT | HG_OPTION_EXACT,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
