#include "core/capture_watch.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include "core/headroom.h"

#define LIFE_MAX_S 600
#define RESERVE_MIN ((uint64_t)32 << 20)
#define PAGE ((uint64_t)4096)

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** The page faults of a process that needed no disk, all its threads together. */
static uint64_t faults_of(uint32_t pid)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/stat", pid);
	hg_error_destroy(err);
	const char *fields = err ? NULL : strrchr(text, ')');
	uint64_t faults = 0;
	if (fields)
		sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %lu", &faults);
	return faults;
}

void hg_watch_begin(struct hg_watch *watch, const struct hg_snapshot *snapshot, int pidfd)
{
	const uint64_t tenth = hg_headroom(snapshot->pid) / 10;
	*watch = (struct hg_watch){
		.snapshot = snapshot,
		.pidfd = pidfd,
		.faults = faults_of(snapshot->pid),
		.began_ns = now_ns(),
		.reserve = tenth < RESERVE_MIN ? tenth : RESERVE_MIN,
	};
}

uint64_t hg_watch_growth(const struct hg_watch *watch)
{
	const uint64_t now = faults_of(watch->snapshot->pid);
	return now > watch->faults ? (now - watch->faults) * PAGE : 0;
}

static bool has_ended(const struct hg_watch *watch)
{
	struct pollfd target = {.fd = watch->pidfd, .events = POLLIN};
	if (watch->pidfd >= 0)
		return poll(&target, 1, 0) > 0;
	struct hg_error *err = hg_stop_check(watch->snapshot->pid);
	const bool ended = err && err->code == HG_ERROR_NOT_FOUND;
	hg_error_destroy(err);
	return ended;
}

struct hg_error *hg_watch_look(const struct hg_watch *watch)
{
	const struct hg_snapshot *snapshot = watch->snapshot;
	if (has_ended(watch)) // the copy would keep its files and ports open
		return hg_error_create(HG_ERROR_NOT_FOUND, "process %u ended while it was read",
				       snapshot->pid);
	if (now_ns() - watch->began_ns > (uint64_t)LIFE_MAX_S * 1000000000)
		return hg_error_create(HG_ERROR_LIMIT,
				       "the copy of process %u was not written within %u s",
				       snapshot->pid, LIFE_MAX_S);
	const uint64_t growth = hg_watch_growth(watch);
	if (snapshot->limits.max_growth && growth > snapshot->limits.max_growth)
		return hg_error_create(HG_ERROR_LIMIT,
				       "the copy of process %u took %lu MiB of memory, more than "
				       "--max-growth allows",
				       snapshot->pid, growth >> 20);
	if (hg_headroom(snapshot->pid) < watch->reserve)
		return hg_error_create(HG_ERROR_LIMIT,
				       "memory ran short while process %u was read: its copy was "
				       "given up, the process goes on",
				       snapshot->pid);
	return NULL;
}
