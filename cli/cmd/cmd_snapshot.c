#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/schedule.h"
#include "cli/target.h"
#include "core/base/human.h"
#include "core/base/vec.h"

static const struct hg_column columns[] = {
	{.name = "path", .title = "PATH", .kind = HG_COLUMN_TEXT},
	{.name = "bytes", .title = "BYTES", .kind = HG_COLUMN_BYTES},
	{.name = "file_size", .title = "FILE SIZE", .kind = HG_COLUMN_BYTES},
	{.name = "mode", .title = "MODE", .kind = HG_COLUMN_TEXT},
	{.name = "stopped_us", .title = "STOPPED", .kind = HG_COLUMN_COUNT},
	{.name = "reap_us", .title = "STOPPED AGAIN", .kind = HG_COLUMN_COUNT},
	{.name = "growth_bytes", .title = "GROWTH", .kind = HG_COLUMN_BYTES},
	{.name = "missing_bytes", .title = "MISSING", .kind = HG_COLUMN_BYTES},
	{.name = "omitted_bytes", .title = "LEFT OUT", .kind = HG_COLUMN_BYTES},
	{.name = "removed", .title = "REMOVED", .kind = HG_COLUMN_BOOL},
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
	if (!strcmp(result->mode, "no-stop"))
		hg_text_add(text, "; not stopped: this is no instant of the process)");
	else if (!strcmp(result->mode, "frozen"))
		hg_text_add(text, "; it was frozen already)");
	else {
		hg_text_add(text, "; stopped for ");
		hg_human_time(text, result->stopped_us);
		hg_text_add(text, ")");
	}
	if (result->growth_bytes) {
		hg_text_add(text, "; its copy took at most ");
		hg_human_bytes(text, result->growth_bytes);
		hg_text_add(text, " of memory for a while");
	}
	if (result->omitted_bytes) {
		hg_text_add(text, "; left out ");
		hg_human_bytes(text, result->omitted_bytes);
		hg_text_add(text, " of contents");
	}
	if (result->missing_bytes) {
		hg_text_add(text, "; could not read ");
		hg_human_bytes(text, result->missing_bytes);
	}
}

/** Snapshots that were taken, as rows of a report. */
struct taken {
	const struct hg_args *args;
	uint32_t pid;
	const struct hg_log *log;
	HG_VEC(struct hg_snapshot_result) results;
	HG_VEC(const char *) removed; // paths of those whose file is gone again (--keep)
};

static bool is_removed(const struct taken *taken, const char *path)
{
	for (size_t i = 0; i < taken->removed.count; i++)
		if (!strcmp(taken->removed.data[i], path))
			return true;
	return false;
}

static void fill_row(const struct taken *taken, const struct hg_snapshot_result *result,
		     struct hg_cell *row)
{
	row[0].text = result->path;
	row[1].number = result->bytes;
	row[2].number = result->file_size;
	row[3].text = result->mode;
	row[4].number = result->stopped_us;
	row[5].number = result->reap_us;
	row[6].number = result->growth_bytes;
	row[7].number = result->missing_bytes;
	row[8].number = result->omitted_bytes;
	row[9].number = is_removed(taken, result->path);
}

/** Shows the results from `first` on. */
static struct hg_error *show(const struct taken *taken, size_t first)
{
	const size_t count = taken->results.count - first;
	hg_autofree struct hg_cell *cells = calloc(count * ARRAY_SIZE(columns) + 1, sizeof(*cells));
	hg_autofree struct hg_text *texts = calloc(count + 1, sizeof(*texts));
	hg_autofree const char **sentences = calloc(count + 1, sizeof(*sentences));
	if (!cells || !texts || !sentences)
		return &hg_enomem;
	for (size_t i = 0; i < count; i++) {
		const struct hg_snapshot_result *result = &taken->results.data[first + i];
		fill_row(taken, result, cells + i * ARRAY_SIZE(columns));
		describe(result, &texts[i]);
		sentences[i] = hg_text_str(&texts[i]);
	}
	struct hg_table table = {
		.name = "rows",
		.json_only = true,
		.columns = columns,
		.column_count = ARRAY_SIZE(columns),
		.cells = cells,
		.row_count = (uint32_t)count,
	};
	const struct hg_report report = {
		.name = "snapshot",
		.source = {.kind = "live", .pid = taken->pid},
		.sentences = sentences,
		.sentence_count = (uint32_t)count,
		.tables = &table,
		.table_count = 1,
	};
	taken->args->format->report(&report, stdout);
	for (size_t i = 0; i < count; i++)
		hg_text_deinit(&texts[i]);
	return hg_flush_output();
}

/** Text is shown line by line as the snapshots are taken; the other formats are one document in the end. */
static bool shows_at_once(const struct taken *taken)
{
	return taken->args->format == hg_render_find("text");
}

static struct hg_error *take(void *arg, const char *path)
{
	struct taken *taken = arg;
	struct hg_snapshot_result *result = hg_vec_push(&taken->results);
	if (!result)
		return &hg_enomem;
	const struct hg_snapshot_options options = {
		.pid = taken->pid,
		.live = taken->args->live,
		.output = path,
		.omit_data = taken->args->omit_data,
		.log = taken->log,
	};
	struct hg_error *err = hg_snapshot(&options, result);
	if (err)
		taken->results.count--;
	else if (shows_at_once(taken))
		err = show(taken, taken->results.count - 1);
	return err;
}

static void drop(void *arg, const char *path)
{
	struct taken *taken = arg;
	hg_log_printf(taken->log, HG_LOG_INFO, "removed %s", path);
	const char **place = hg_vec_push(&taken->removed);
	for (size_t i = 0; place && i < taken->results.count; i++)
		if (!strcmp(taken->results.data[i].path, path))
			*place = taken->results.data[i].path;
}

static struct hg_error *take_all(struct taken *taken)
{
	const struct hg_schedule *schedule = &taken->args->schedule;
	const struct hg_schedule_run schedule_run = {
		.schedule = schedule,
		.pid = taken->pid,
		.output = taken->args->output,
		.take = take,
		.drop = drop,
		.arg = taken,
		.log = taken->log,
	};
	struct hg_error *err = hg_schedule_is_set(schedule) ? hg_schedule_run(&schedule_run)
							    : take(taken, taken->args->output);
	if (shows_at_once(taken) || !taken->results.count)
		return err;
	struct hg_error *other = show(taken, 0);
	if (!err)
		return other;
	hg_error_destroy(other);
	return err;
}

static struct hg_error *run(const struct hg_args *args)
{
	struct hg_console console;
	struct taken taken = {.args = args, .log = &console.log};
	struct hg_error *err = parse_pid(args->operands[0], &taken.pid);
	if (!err)
		err = hg_schedule_check(&args->schedule, args->output);
	if (err)
		return err;
	hg_keep_to_ourselves();
	hg_console_init(&console, args->verbose);
	err = take_all(&taken);
	hg_console_clear(&console);
	for (size_t i = 0; i < taken.results.count; i++)
		free(taken.results.data[i].path);
	hg_vec_deinit(&taken.results);
	hg_vec_deinit(&taken.removed);
	return err;
}

const struct hg_command hg_cmd_snapshot = {
	.name = "snapshot",
	.operands = "PID",
	.summary = "write a core file of a live process, which goes on",
	.details =
		"The file is created with mode 0600 and must not exist yet. It can be read by\n"
		"heapgraph, gdb and delve. On a schedule, %t in its name is the time, %n a number\n"
		"and %p the PID.\n",
	.options = HG_OPTION_OUTPUT | HG_OPTION_EVERY | HG_OPTION_WHEN | HG_OPTION_COUNT |
		   HG_OPTION_KEEP | HG_OPTIONS_LIVE | HG_OPTION_OMIT_DATA | HG_OPTION_FORMAT |
		   HG_OPTION_VERBOSE | HG_OPTION_HELP,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
