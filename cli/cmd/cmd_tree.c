#include "cli/target.h"

static struct hg_error *run(const struct hg_args *args)
{
	const struct hg_report_args report_args = {
		.target = args->operands[1],
		.sort = args->sort,
		.filter = args->filter,
		.limit = args->limit,
		.min_bytes = args->min_bytes,
		.depth = args->depth,
	};
	return hg_target_report(args, "tree", &report_args);
}

const struct hg_command hg_cmd_tree = {
	.name = "tree",
	.operands = "SOURCE [TYPE|ADDRESS|VARIABLE]",
	.summary = "the dominator tree: what would go with what",
	.details =
		"SOURCE is a core file or the PID of a live process (a file of that name wins).\n"
		"TYPE, ADDRESS and VARIABLE are as for 'heapgraph why'; without one the tree is\n"
		"that of the whole heap. Objects of one type below the same step are one line.\n",
	.options = HG_OPTIONS_SOURCE | HG_OPTION_SORT | HG_OPTION_MIN | HG_OPTION_DEPTH,
	.min_operands = 1,
	.max_operands = 2,
	.shows = HG_RENDER_SUMS,
	.run = run,
};
