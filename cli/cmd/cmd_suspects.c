#include "cli/target.h"

static struct hg_error *run(const struct hg_args *args)
{
	const struct hg_report_args report_args = {
		.filter = args->filter,
		.limit = args->limit,
		.min_bytes = args->min_bytes,
		.fail_over = args->fail_over,
		.known = args->known,
		.known_count = args->known_count,
	};
	return hg_target_report(args, "suspects", &report_args);
}

const struct hg_command hg_cmd_suspects = {
	.name = "suspects",
	.operands = "SOURCE",
	.summary = "leak suspects: where memory accumulates, and why",
	.details =
		"SOURCE is a core file or the PID of a live process (a file of that name wins).\n"
		"A fingerprint is made of names, fields and types alone, and so is the same in "
		"the\n"
		"next run: a list of those that are known lets CI fail on a new one.\n",
	.options = HG_OPTIONS_SOURCE | HG_OPTION_MIN | HG_OPTION_FAIL_OVER | HG_OPTION_KNOWN,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
