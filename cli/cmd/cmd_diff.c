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
	return hg_target_compare(args, "diff", &report_args);
}

const struct hg_command hg_cmd_diff = {
	.name = "diff",
	.operands = "BASE CURRENT [MORE...]",
	.summary = "what grew from one snapshot to the next, and who owns it",
	.details =
		"Each is a core file or the PID of a live process (a file of that name wins), the\n"
		"oldest first. Ways are matched by names, fields and types, and so across "
		"restarts;\n"
		"objects by address, type and size within one process.\n",
	.options = HG_OPTIONS_SOURCE | HG_OPTION_MIN | HG_OPTION_FAIL_OVER | HG_OPTION_KNOWN,
	.min_operands = 2,
	.max_operands = HG_MAX_OPERANDS,
	.run = run,
};
