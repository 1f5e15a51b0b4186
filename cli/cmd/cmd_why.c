#include "cli/target.h"

static struct hg_error *run(const struct hg_args *args)
{
	const struct hg_report_args report_args = {
		.target = args->operands[1],
		.sort = args->sort,
		.filter = args->filter,
		.limit = args->limit,
	};
	return hg_target_report(args, "why", &report_args);
}

const struct hg_command hg_cmd_why = {
	.name = "why",
	.operands = "SOURCE TYPE|ADDRESS|VARIABLE",
	.summary = "what keeps a type's objects or one object alive; what a variable keeps",
	.details =
		"SOURCE is a core file or the PID of a live process (a file of that name wins).\n"
		"TYPE is a name as 'heapgraph top' shows it, or the end of one (User for "
		"main.User);\n"
		"ADDRESS is 0x... anywhere in an object; VARIABLE is a package variable, "
		"goroutine\n"
		"or variable of a function (main.cache, \"goroutine 18\", main.handle.buf).\n",
	.options = HG_OPTIONS_SOURCE | HG_OPTION_SORT,
	.min_operands = 2,
	.max_operands = 2,
	.shows = HG_RENDER_TREE,
	.run = run,
};
