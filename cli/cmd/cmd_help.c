#include <stdio.h>

#include "cli/target.h"

static void print_overview(void)
{
	printf("heapgraph: who holds the memory of a process\n\nusage: heapgraph COMMAND ...\n\n");
	for (unsigned i = 0; hg_command_table[i]; i++)
		printf("  %-9s %s\n", hg_command_table[i]->name, hg_command_table[i]->summary);
	printf("\n'heapgraph help COMMAND' says more; 'heapgraph --version' prints the version.\n");
}

static void print_command(const struct hg_command *command)
{
	printf("usage: heapgraph %s [OPTION]... %s\n\n%s\n", command->name, command->operands,
	       command->summary);
	if (command->details)
		printf("\n%s", command->details);
	printf("\n");
	hg_option_print(command, false, stdout);
}

static struct hg_error *run(const struct hg_args *args)
{
	if (!args->operands[0]) {
		print_overview();
		return NULL;
	}
	const struct hg_command *command = hg_command_find(args->operands[0]);
	if (!command)
		return hg_error_create(HG_ERROR_USAGE, "unknown command '%s'", args->operands[0]);
	if (args->options)
		hg_option_print(command, true, stdout);
	else
		print_command(command);
	return NULL;
}

const struct hg_command hg_cmd_help = {
	.name = "help",
	.operands = "[COMMAND]",
	.summary = "how to use heapgraph, or one of its commands",
	.options = HG_OPTION_HELP | HG_OPTION_OPTIONS,
	.min_operands = 0,
	.max_operands = 1,
	.run = run,
};
