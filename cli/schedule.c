#include "cli/schedule.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/target.h"
#include "core/base/quantity.h"
#include "core/base/vec.h"

#define SECOND_US 1000000ull

struct hg_error *hg_schedule_when(const char *words, struct hg_schedule *ret)
{
	static const char prefix[] = "rss>";
	if (strncmp(words, prefix, sizeof(prefix) - 1) ||
	    !hg_quantity_bytes(words + sizeof(prefix) - 1, &ret->rss_above) || !ret->rss_above)
		return hg_error_create(HG_ERROR_USAGE,
				       "--when wants 'rss>SIZE' as in 'rss>8G', not '%s'", words);
	return NULL;
}

struct hg_error *hg_schedule_every(const char *words, struct hg_schedule *ret)
{
	if (!hg_quantity_time(words, &ret->every_us) || ret->every_us < SECOND_US)
		return hg_error_create(
			HG_ERROR_USAGE,
			"--every wants a time of a second or more, as in '10m', not '%s'", words);
	return NULL;
}

bool hg_schedule_is_set(const struct hg_schedule *schedule)
{
	return schedule->every_us || schedule->rss_above;
}

/** How many snapshots at the most; 0 for no end. */
static uint64_t limit_of(const struct hg_schedule *schedule)
{
	return schedule->count || schedule->every_us ? schedule->count : 1;
}

/** Does every snapshot get a name of its own? */
static bool is_pattern(const char *output)
{
	for (const char *at = strchr(output, '%'); at; at = strchr(at, '%')) {
		if (at[1] == 't' || at[1] == 'n')
			return true;
		at += at[1] ? 2 : 1;
	}
	return false;
}

struct hg_error *hg_schedule_check(const struct hg_schedule *schedule, const char *output)
{
	if (!hg_schedule_is_set(schedule) && (schedule->count || schedule->keep))
		return hg_error_create(HG_ERROR_USAGE, "--%s wants --every or --when beside it",
				       schedule->count ? "count" : "keep");
	if (hg_schedule_is_set(schedule) && limit_of(schedule) != 1 && output &&
	    !is_pattern(output))
		return hg_error_create(HG_ERROR_USAGE,
				       "'%s' names one file for several snapshots: put %%t (time) "
				       "or %%n (number) into it",
				       output);
	return NULL;
}

static void add_time(struct hg_text *out)
{
	char words[32];
	const time_t now = time(NULL);
	struct tm utc;
	strftime(words, sizeof(words), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	hg_text_add(out, words);
}

void hg_schedule_name(const char *pattern, uint32_t pid, uint64_t number, struct hg_text *out)
{
	for (const char *at = pattern ? pattern : "core.%p.%t"; *at; at++) {
		const char what = *at == '%' ? at[1] : 0;
		if (what == 't')
			add_time(out);
		else if (what == 'n')
			hg_text_printf(out, "%lu", number);
		else if (what == 'p')
			hg_text_printf(out, "%u", pid);
		else
			hg_text_addn(out, at, 1);
		at += what == 't' || what == 'n' || what == 'p' || what == '%';
	}
}

/* ---- the run ---- */

struct state {
	const struct hg_schedule_run *run;
	sigset_t ends; // blocked: they are fetched between two snapshots
	struct hg_process process;
	HG_VEC(char *) files;	// of this run, oldest first
	size_t dropped;		// of them
	uint64_t taken, failed; // snapshots
	bool armed;		// the condition did not hold since it last made a snapshot
};

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_US + (uint64_t)now.tv_nsec / 1000;
}

/** Waits at most a second; false where a signal says that it is enough. */
static bool wait_a_while(const struct state *s, uint64_t until_us)
{
	const uint64_t now = now_us();
	uint64_t us = until_us > now ? until_us - now : 0;
	if (us > SECOND_US)
		us = SECOND_US;
	const struct timespec time = {(time_t)(us / SECOND_US), (long)(us % SECOND_US) * 1000};
	int signal;
	do
		signal = sigtimedwait(&s->ends, NULL, &time);
	while (signal < 0 && errno == EINTR);
	return signal < 0;
}

/** Looks at the process; false where it is gone, or another has its number. */
static bool is_there(const struct state *s, struct hg_process *ret)
{
	struct hg_error *err = hg_process_look(s->run->pid, ret);
	hg_error_destroy(err);
	return !err && ret->started == s->process.started;
}

/** Tells whether the condition asks for a snapshot now. */
static bool is_asked(struct state *s, const struct hg_process *process)
{
	const struct hg_schedule *schedule = s->run->schedule;
	if (!schedule->rss_above)
		return true;
	const bool holds = process->rss_bytes > schedule->rss_above;
	const bool asked = holds && (s->armed || schedule->every_us);
	s->armed = !holds;
	return asked;
}

enum wake { WAKE_TAKE, WAKE_SIGNAL, WAKE_GONE };

/** Waits for the next snapshot that is due and asked for. */
static enum wake wait_for_next(struct state *s, uint64_t due_us)
{
	for (;;) {
		struct hg_process process;
		if (!is_there(s, &process))
			return WAKE_GONE;
		const uint64_t now = now_us();
		if (now >= due_us && is_asked(s, &process))
			return WAKE_TAKE;
		if (!wait_a_while(s, now >= due_us ? now + SECOND_US : due_us))
			return WAKE_SIGNAL;
	}
}

static struct hg_error *keep_file(struct state *s, const char *path)
{
	char **place = hg_vec_push(&s->files);
	if (!place)
		return &hg_enomem;
	*place = strdup(path);
	if (!*place)
		return &hg_enomem;
	const uint64_t keep = s->run->schedule->keep;
	while (keep && s->files.count - s->dropped > keep) {
		const char *old = s->files.data[s->dropped++];
		if (unlink(old))
			hg_log_printf(s->run->log, HG_LOG_WARNING, "cannot remove '%s': %s", old,
				      strerror(errno));
		else
			s->run->drop(s->run->arg, old);
	}
	return NULL;
}

/** Takes one snapshot. An error that does not end the schedule is printed. */
static struct hg_error *take(struct state *s)
{
	struct hg_text path = {0};
	hg_schedule_name(s->run->output, s->run->pid, s->taken + s->failed + 1, &path);
	struct hg_error *err =
		path.failed ? &hg_enomem : s->run->take(s->run->arg, hg_text_str(&path));
	struct hg_process process;
	if (!err) {
		s->taken++;
		err = keep_file(s, hg_text_str(&path));
	} else if (s->taken) {
		if (is_there(s, &process)) {
			s->failed++;
			hg_print_error(err);
		}
		hg_error_destroy(err);
		err = NULL;
	}
	hg_text_deinit(&path);
	return err;
}

static struct hg_error *loop(struct state *s)
{
	const struct hg_schedule *schedule = s->run->schedule;
	const uint64_t limit = limit_of(schedule);
	uint64_t due = now_us();
	while (!limit || s->taken + s->failed < limit) {
		const enum wake wake = wait_for_next(s, due);
		if (wake == WAKE_GONE)
			hg_log_printf(s->run->log, HG_LOG_WARNING, "process %u has ended",
				      s->run->pid);
		if (wake != WAKE_TAKE)
			break;
		struct hg_error *err = take(s);
		if (err)
			return err;
		// A period that a slow snapshot ate is left out, not made up for.
		const uint64_t period = schedule->every_us ? schedule->every_us : SECOND_US;
		due += ((now_us() - due) / period + 1) * period;
	}
	if (!s->failed)
		return NULL;
	return hg_error_create(HG_ERROR_OTHER, "%lu of %lu snapshots failed", s->failed,
			       s->taken + s->failed);
}

struct hg_error *hg_schedule_run(const struct hg_schedule_run *run)
{
	struct state s = {.run = run, .armed = true};
	struct hg_error *err = hg_process_look(run->pid, &s.process);
	if (err)
		return err;
	sigset_t before;
	sigemptyset(&s.ends);
	sigaddset(&s.ends, SIGINT);
	sigaddset(&s.ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &s.ends, &before);
	err = loop(&s);
	sigprocmask(SIG_SETMASK, &before, NULL);
	for (size_t i = 0; i < s.files.count; i++)
		free(s.files.data[i]);
	hg_vec_deinit(&s.files);
	return err;
}
