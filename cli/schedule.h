/**
 * Snapshots on a schedule: every so often, when a condition holds, or both.
 */
#ifndef HG_CLI_SCHEDULE_H
#define HG_CLI_SCHEDULE_H

#include "cli/command.h"
#include "core/base/text.h"

/** Reads what --when says: "rss>8G". HG_ERROR_USAGE where it says anything else. */
struct hg_error *hg_schedule_when(const char *words, struct hg_schedule *ret);
/** Reads what --every says: "10m", from one second on. */
struct hg_error *hg_schedule_every(const char *words, struct hg_schedule *ret);
/** Finds options that contradict each other, and a file name that cannot serve for more than one snapshot. output: what
 * -o says; NULL for none. */
struct hg_error *hg_schedule_check(const struct hg_schedule *schedule, const char *output);

/** Is there more to do than one snapshot, now? */
bool hg_schedule_is_set(const struct hg_schedule *schedule);

/** Writes a file's name: %t is the time in UTC (20261231T235959Z), %n the number of the snapshot, %p the PID, %% a per
 * cent sign. pattern NULL: core.PID.TIME. */
void hg_schedule_name(const char *pattern, uint32_t pid, uint64_t number, struct hg_text *out);

/** Takes one snapshot into a file of that name. */
typedef struct hg_error *hg_schedule_take(void *arg, const char *path);
/** A file of this run was taken away again (--keep). */
typedef void hg_schedule_drop(void *arg, const char *path);

struct hg_schedule_run {
	const struct hg_schedule *schedule;
	uint32_t pid;
	const char *output; /* pattern */
	hg_schedule_take *take;
	hg_schedule_drop *drop;
	void *arg;
	const struct hg_log *log;
};

/**
 * Runs until all is taken, the process ends, or SIGINT or SIGTERM comes; these end it between two snapshots and leave no
 * half of one. An error of the first snapshot is returned at once; later ones are printed, and what comes after them is
 * still tried: an error in the end says how many failed.
 */
struct hg_error *hg_schedule_run(const struct hg_schedule_run *run);

#endif
