#include "cli/target.h"

static struct hg_error *run(const struct hg_args *args)
{
	const struct hg_report_args report_args = {
		.sort = args->sort,
		.filter = args->filter,
		.limit = args->limit,
	};
	return hg_target_report(args, "leaks", &report_args);
}

const struct hg_command hg_cmd_leaks = {
	.name = "leaks",
	.operands = "SOURCE",
	.summary = "blocks of malloc that nothing reaches any more, by class, type and size",
	.details =
		"SOURCE is a core file or the PID of a live process (a file of that name wins).\n"
		"definite: no other lost block leads to it, or it stands for its cycle; indirect:\n"
		"lost with a definite one; possible: held only by pointers into its middle.\n",
	.options = HG_OPTIONS_SOURCE | HG_OPTION_SORT,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
