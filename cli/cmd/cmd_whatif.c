#include "cli/target.h"

static struct hg_error *run(const struct hg_args *args)
{
	const struct hg_report_args report_args = {.target = args->cut, .limit = args->limit};
	return hg_target_report(args, "what-if", &report_args);
}

const struct hg_command hg_cmd_what_if = {
	.name = "what-if",
	.operands = "SOURCE --cut=WHAT",
	.summary = "what would be freed if a variable, field or type let go",
	.details =
		"SOURCE is a core file or the PID of a live process (a file of that name wins).\n",
	.options = (HG_OPTIONS_SOURCE & ~HG_OPTION_FILTER) | HG_OPTION_CUT,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
