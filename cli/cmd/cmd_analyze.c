#include "cli/target.h"

static struct hg_error *run(const struct hg_args *args)
{
	const struct hg_report_args report_args = {
		.sort = args->sort,
		.filter = args->filter,
		.limit = args->limit,
	};
	return hg_target_report(args, "analyze", &report_args);
}

const struct hg_command hg_cmd_analyze = {
	.name = "analyze",
	.operands = "SOURCE",
	.summary = "who holds the memory: the answer in a sentence, suspects, types, roots",
	.details =
		"SOURCE is a core file or the PID of a live process (a file of that name wins).\n"
		"The last lines say how far the numbers can be trusted.\n",
	.options = HG_OPTIONS_SOURCE | HG_OPTION_SORT | HG_OPTION_VERIFY | HG_OPTION_SAVE |
		   HG_OPTION_COMPRESS,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
