#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/target.h"
#include "core/base/human.h"

static const struct hg_column columns[] = {
	{.name = "path", .title = "PATH", .kind = HG_COLUMN_TEXT},
	{.name = "bytes", .title = "BYTES", .kind = HG_COLUMN_BYTES},
	{.name = "file_size", .title = "FILE SIZE", .kind = HG_COLUMN_BYTES},
	{.name = "stopped_us", .title = "STOPPED", .kind = HG_COLUMN_COUNT},
	{.name = "missing_bytes", .title = "MISSING", .kind = HG_COLUMN_BYTES},
};

static struct hg_error *parse_pid(const char *words, uint32_t *ret)
{
	char *end;
	errno = 0;
	const unsigned long pid = strtoul(words, &end, 10);
	if (words[0] < '1' || words[0] > '9' || *end || errno || pid > INT32_MAX)
		return hg_error_create(HG_ERROR_USAGE, "'%s' is not the PID of a process", words);
	*ret = (uint32_t)pid;
	return NULL;
}

static void describe(const struct hg_snapshot_result *result, struct hg_text *text)
{
	hg_text_printf(text, "wrote %s (", result->path);
	hg_human_bytes(text, result->bytes);
	hg_text_add(text, "; stopped for ");
	hg_human_time(text, result->stopped_us);
	hg_text_add(text, ")");
	if (result->missing_bytes) {
		hg_text_add(text, "; could not read ");
		hg_human_bytes(text, result->missing_bytes);
	}
}

static struct hg_error *show(const struct hg_args *args, uint32_t pid,
			     const struct hg_snapshot_result *result)
{
	struct hg_text text = {0};
	describe(result, &text);
	const char *const sentence = hg_text_str(&text);
	struct hg_cell cells[] = {
		{.text = result->path},
		{.number = result->bytes},
		{.number = result->file_size},
		{.number = result->stopped_us},
		{.number = result->missing_bytes},
	};
	struct hg_table table = {
		.name = "rows",
		.json_only = true,
		.columns = columns,
		.column_count = ARRAY_SIZE(columns),
		.cells = cells,
		.row_count = 1,
	};
	const struct hg_report report = {
		.name = "snapshot",
		.source = {.kind = "live", .pid = pid},
		.sentences = (const char **)&sentence,
		.sentence_count = 1,
		.tables = &table,
		.table_count = 1,
	};
	args->format->report(&report, stdout);
	hg_text_deinit(&text);
	return hg_flush_output();
}

static struct hg_error *run(const struct hg_args *args)
{
	uint32_t pid = 0;
	struct hg_error *err = parse_pid(args->operands[0], &pid);
	if (err)
		return err;
	struct hg_console console;
	hg_console_init(&console, args->verbose);
	struct hg_snapshot_result result = {0};
	err = hg_snapshot(&(struct hg_snapshot_options){.pid = pid,
							.output = args->output,
							.log = &console.log},
			  &result);
	hg_console_clear(&console);
	if (!err)
		err = show(args, pid, &result);
	free(result.path);
	return err;
}

const struct hg_command hg_cmd_snapshot = {
	.name = "snapshot",
	.operands = "PID",
	.summary = "write a core file of a live process, which goes on",
	.details = "The file is created with mode 0600 and must not exist yet. It can be read by\n"
		   "heapgraph, gdb and delve.\n",
	.options = HG_OPTION_OUTPUT | HG_OPTION_FORMAT | HG_OPTION_VERBOSE | HG_OPTION_HELP,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
