#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/target.h"

const struct hg_command *const hg_command_table[] = {
	&hg_cmd_snapshot,
	&hg_cmd_analyze,
	&hg_cmd_top,
	&hg_cmd_why,
	&hg_cmd_leaks,
	&hg_cmd_tree,
	&hg_cmd_suspects,
	&hg_cmd_diff,
	&hg_cmd_what_if,
	&hg_cmd_help,
	NULL,
};

const struct hg_command *hg_command_find(const char *name)
{
	for (unsigned i = 0; hg_command_table[i]; i++)
		if (!strcmp(hg_command_table[i]->name, name))
			return hg_command_table[i];
	return NULL;
}

static int report_error(struct hg_error *err, const char *command)
{
	const enum hg_error_code code = err->code;
	const bool usage = code == HG_ERROR_USAGE;
	hg_print_error(err);
	if (usage)
		fprintf(stderr, "try 'heapgraph help%s%s'\n", command ? " " : "",
			command ? command : "");
	hg_error_destroy(err);
	return code == HG_ERROR_EXCEEDED ? HG_EXIT_EXCEEDED : usage ? HG_EXIT_USAGE : HG_EXIT_ERROR;
}

static struct hg_error *run_command(const struct hg_command *command, int argc, char **argv)
{
	struct hg_args args;
	struct hg_error *err = hg_option_parse(command, argc, argv, &args);
	if (err)
		return err;
	if (args.help)
		args.operands[0] = command->name;
	err = args.help ? hg_cmd_help.run(&args) : command->run(&args);
	return err ? err : hg_flush_output();
}

// The names under which people look for help and version before they know the commands.
static const char *command_word(const char *word)
{
	if (!strcmp(word, "-h") || !strcmp(word, "--help"))
		return "help";
	return word;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN); // a closed pipe is a write error that we report
	if (argc < 2)
		return report_error(hg_error_create(HG_ERROR_USAGE, "no command given"), NULL);
	if (!strcmp(argv[1], "--version")) {
		printf("heapgraph %s\n", HG_VERSION);
		struct hg_error *err = hg_flush_output();
		return err ? report_error(err, NULL) : HG_EXIT_OK;
	}
	const struct hg_command *command = hg_command_find(command_word(argv[1]));
	if (!command)
		return report_error(
			hg_error_create(HG_ERROR_USAGE, "unknown command '%s'", argv[1]), NULL);
	struct hg_error *err = run_command(command, argc - 1, argv + 1);
	return err ? report_error(err, command->name) : HG_EXIT_OK;
}
