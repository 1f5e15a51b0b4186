// Takes ended copies away from the process they were made of, so that it never learns of them.

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "core/capture_fork.h"
#include "core/fault.h"

#define ATTEMPTS 40
#define DEADLINE_MS 100

struct ended {
	int64_t inner_pids[64]; // as the target sees them
	size_t count;
};

/** A copy of ours: no signal when it ends, and it was killed with our score, or ran into its frame. */
static bool is_ours(uint32_t pid, uint32_t parent)
{
	hg_autofree char *text = NULL, *score = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/stat", pid);
	const char *fields = err ? NULL : strrchr(text, ')');
	hg_error_destroy(err);
	char state = 0;
	uint32_t its_parent = 0;
	int end_signal = -1, status = -1;
	if (!fields || sscanf(fields,
			      ") %c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			      "%*d %*d %*u %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u "
			      "%*u %d",
			      &state, &its_parent, &end_signal) != 3)
		return false;
	const char *last = strrchr(fields, ' ');
	if (last)
		status = (int)strtol(last, NULL, 10);
	if (state != 'Z' || its_parent != parent || end_signal)
		return false;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == HG_ORPHAN_STATUS;
	err = hg_proc_read(&score, &size, "/proc/%u/oom_score_adj", pid);
	const bool scored = !err && !strncmp(score, "1000", 4);
	hg_error_destroy(err);
	return scored && WTERMSIG(status) == SIGKILL;
}

static void add_children(uint32_t pid, uint32_t tid, struct ended *ret)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/task/%u/children", pid, tid);
	if (err) {
		hg_error_destroy(err);
		return;
	}
	char *rest = NULL;
	for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		const uint32_t child = (uint32_t)strtoul(word, NULL, 10);
		struct hg_proc_status status;
		if (ret->count >= ARRAY_SIZE(ret->inner_pids) || !is_ours(child, pid))
			continue;
		err = hg_proc_status(child, &status);
		if (!err)
			ret->inner_pids[ret->count++] = status.inner_pid;
		hg_error_destroy(err);
	}
}

static void find_ended(const struct hg_fork *fork, struct ended *ret)
{
	*ret = (struct ended){0};
	if (fork->child) // by hand: not every system lists children
		ret->inner_pids[ret->count++] = fork->inner_child;
	hg_tids tids = {0};
	struct hg_error *err = hg_proc_threads(fork->snapshot->pid, &tids);
	for (size_t i = 0; !err && i < tids.count; i++)
		add_children(fork->snapshot->pid, tids.data[i], ret);
	hg_error_destroy(err);
	hg_vec_deinit(&tids);
}

static uint64_t stack_of(uint32_t pid, const struct hg_stopped *thread, uint8_t *regs)
{
	uint64_t pc, sp = 0;
	if (!thread->held)
		return hg_proc_where(pid, thread->tid, &pc, &sp) ? sp : 0;
	return hg_inject_stack(thread->tid, regs);
}

/**
 * Only the main thread and one that makes the call are held, so the end of the main stack is looked at again; now it
 * has to be empty, since another snapshot may have left a thread there that we do not see.
 */
static bool can_reap(struct hg_fork *fork, const struct hg_stop *stop)
{
	struct hg_injection *injection = fork->injection;
	for (size_t i = 0; i < stop->threads.count; i++) {
		const struct hg_stopped *thread = &stop->threads.data[i];
		if (thread->gone)
			continue;
		const uint64_t sp = stack_of(injection->pid, thread, injection->state.regs);
		if (!sp || hg_inject_is_near(injection, sp) || thread->group)
			return false;
	}
	if (!hg_inject_is_ready(injection) || injection->left)
		return false;
	for (size_t i = 0; i < stop->threads.count; i++) {
		const struct hg_stopped *thread = &stop->threads.data[i];
		if (thread->held && !thread->signal && hg_inject_choose(injection, thread->tid))
			return true;
	}
	return false;
}

/** Returns whether there is nothing left to do. */
static bool reap_once(struct hg_fork *fork, const struct ended *ended)
{
	const uint32_t tids[] = {fork->snapshot->pid, fork->injection->tid};
	struct hg_stop stop;
	struct hg_error *err = hg_stop_some(&stop, fork->snapshot->pid, tids,
					    tids[0] == tids[1] ? 1 : 2, DEADLINE_MS);
	if (err) {
		const bool ended_itself = err->code == HG_ERROR_NOT_FOUND;
		hg_error_destroy(err);
		return ended_itself;
	}
	hg_fault("reap", "held");
	bool done = false;
	if (can_reap(fork, &stop)) {
		fork->injection->phase = "reap";
		done = true;
		for (size_t i = 0; !err && i < ended->count; i++) {
			const uint64_t arguments[4] = {(uint64_t)ended->inner_pids[i], 0,
						       WNOHANG | (uint64_t)__WALL, 0};
			int64_t result;
			if (fork->snapshot->at_stop.seccomp &&
			    !hg_inject_is_allowed(fork->injection,
						  fork->injection->ops->wait_number, arguments))
				break;
			err = hg_inject_call(fork->injection, fork->injection->ops->wait_number,
					     arguments, &result);
		}
		hg_error_destroy(err);
	}
	const uint64_t stopped_us = hg_stop_end(&stop);
	hg_fault("reap", "released");
	if (stopped_us > fork->snapshot->reap_us)
		fork->snapshot->reap_us = stopped_us;
	return done;
}

void hg_fork_reap(struct hg_fork *fork)
{
	struct ended ended;
	find_ended(fork, &ended);
	if (!ended.count)
		return;
	for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (reap_once(fork, &ended))
			return;
		nanosleep(&(struct timespec){0, 5000000 * ((long)attempt % 8 + 1)}, NULL);
	}
	hg_log_printf(fork->snapshot->log, HG_LOG_WARNING,
		      "an ended copy of process %u stays in its list of children until the next "
		      "snapshot",
		      fork->snapshot->pid);
}
