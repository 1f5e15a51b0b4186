#include "cli/target.h"

static struct hg_error *run(const struct hg_args *args)
{
	struct hg_report_args report_args = {
		.target = args->operands[1],
		.filter = args->filter,
		.limit = args->limit,
		.min_bytes = args->min_bytes,
		.depth = args->depth,
	};
	if (!report_args.limit && !args->format->pruned)
		report_args.limit = UINT64_MAX;
	return hg_target_report(args, "tree", &report_args);
}

const struct hg_command hg_cmd_export = {
	.name = "export",
	.operands = "SOURCE [TYPE|ADDRESS|VARIABLE]",
	.summary = "the dominator tree for other programs to show",
	.details =
		"SOURCE is a core file or the PID of a live process (a file of that name wins).\n"
		"TYPE, ADDRESS and VARIABLE are as for 'heapgraph tree'. Formats: folded (stacks\n"
		"for flame graphs), speedscope, dot (Graphviz), csv, json, text. All but dot have\n"
		"the whole tree unless -n, --min or --depth say otherwise.\n",
	.options = HG_OPTIONS_SOURCE | HG_OPTION_TO | HG_OPTION_MIN | HG_OPTION_DEPTH,
	.min_operands = 1,
	.max_operands = 2,
	.shows = HG_RENDER_SUMS,
	.run = run,
};
