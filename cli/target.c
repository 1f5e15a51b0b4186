#include "cli/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/human.h"

#define PROGRESS_AFTER_NS 1000000000ull
#define PROGRESS_EVERY_NS 100000000ull

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void print_line(const char *prefix, const char *words)
{
	struct hg_text safe = {0};
	hg_human_escape(&safe, words);
	fprintf(stderr, "%s%s\n", prefix, safe.failed ? hg_enomem.message : hg_text_str(&safe));
	hg_text_deinit(&safe);
}

static void on_message(void *arg, enum hg_log_level level, const char *words)
{
	struct hg_console *console = arg;
	if (level > HG_LOG_WARNING && console->verbose < (unsigned)level)
		return;
	hg_console_clear(console);
	print_line(level == HG_LOG_WARNING  ? "heapgraph: warning: "
		   : level == HG_LOG_NOTICE ? "heapgraph: "
					    : "",
		   words);
}

static void on_progress(void *arg, const char *phase, uint64_t done, uint64_t total)
{
	struct hg_console *console = arg;
	const uint64_t now = now_ns();
	if (now - console->start_ns < PROGRESS_AFTER_NS ||
	    now - console->last_ns < PROGRESS_EVERY_NS)
		return;
	console->last_ns = now;
	console->drawn = true;
	struct hg_text line = {0};
	hg_text_printf(&line, "\r%s", phase);
	if (total)
		hg_text_printf(&line, " %u %%", (unsigned)(hg_human_share(done, total) / 10));
	hg_text_add(&line, "\033[K"); // to the end of the line
	fputs(hg_text_str(&line), stderr);
	hg_text_deinit(&line);
}

void hg_console_init(struct hg_console *console, unsigned verbose)
{
	*console = (struct hg_console){
		.verbose = verbose, .terminal = isatty(STDERR_FILENO), .start_ns = now_ns()};
	console->log = (struct hg_log){.message = on_message, .arg = console};
	if (console->terminal)
		console->log.progress = on_progress;
}

void hg_console_clear(struct hg_console *console)
{
	if (console->drawn)
		fputs("\r\033[K", stderr);
	console->drawn = false;
}

void hg_keep_to_ourselves(void)
{
	prctl(PR_SET_DUMPABLE, 0);
}

void hg_print_error(const struct hg_error *err)
{
	print_line("heapgraph: ", err->message);
}

struct hg_error *hg_flush_output(void)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return NULL;
	return hg_error_errno(errno ? errno : EIO, "cannot write to standard output");
}

struct hg_error *hg_target_report(const struct hg_args *args, const char *name,
				  const struct hg_report_args *report_args)
{
	struct hg_error *err = hg_report_check(name, report_args);
	if (err)
		return err;
	struct hg_console console;
	hg_keep_to_ourselves();
	hg_console_init(&console, args->verbose);
	const struct hg_options options = {
		.source = args->operands[0],
		.exe = args->exe,
		.sysroot = args->sysroot,
		.verify = args->verify,
		.report = name,
		.log = &console.log,
	};
	hg_cleanup(hg_analysis_destroyp) struct hg_analysis *analysis = NULL;
	hg_cleanup(hg_report_destroyp) struct hg_report *report = NULL;
	err = hg_analysis_create(&options, &analysis);
	if (!err)
		err = hg_report_create(analysis, name, report_args, &report);
	hg_console_clear(&console);
	if (err)
		return err;
	args->format->report(report, stdout);
	return hg_flush_output();
}
