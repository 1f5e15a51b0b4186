#include "core/capture_stop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "core/inject.h"
#include "core/proc.h"

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** The state letter of a thread; 'X' where it is gone. */
static char thread_state(uint32_t tid)
{
	struct hg_proc_status status;
	struct hg_error *err = hg_proc_status(tid, &status);
	hg_error_destroy(err);
	return err ? 'X' : status.state;
}

static bool is_known(const struct hg_stop *stop, size_t count, uint32_t tid, size_t hint)
{
	// The list of the task folder keeps its order, so the place of the last look is mostly the right one.
	if (hint < count && stop->threads.data[hint].tid == tid)
		return true;
	for (size_t i = 0; i < count; i++)
		if (stop->threads.data[i].tid == tid)
			return true;
	return false;
}

static struct hg_error *seize(struct hg_stop *stop, uint32_t tid)
{
	// No options: with EXITKILL our end would be the target's.
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL)) {
		const int errnum = errno;
		const char state = thread_state(tid);
		if (errnum == ESRCH || state == 'X' || state == 'Z')
			return NULL;
		return errnum == EPERM
			       ? hg_stop_denied(stop->pid)
			       : hg_error_errno(errnum, "cannot stop process %u", stop->pid);
	}
	struct hg_stopped *thread = hg_vec_push(&stop->threads);
	if (!thread) {
		ptrace(PTRACE_DETACH, tid, NULL,
		       NULL); // not stopped: fails, and our end lets it go
		return &hg_enomem;
	}
	thread->tid = tid;
	if (!stop->began_ns)
		stop->began_ns = now_ns();
	thread->gone = ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0;
	return NULL;
}

static void take_status(struct hg_stopped *thread, int status)
{
	if (!WIFSTOPPED(status)) {
		thread->gone = true;
		return;
	}
	thread->held = true;
	// PTRACE_EVENT_STOP is our interrupt or a group-stop; without an event a signal was about to be delivered.
	if (!(status >> 16))
		thread->signal = WSTOPSIG(status);
	else
		thread->group = WSTOPSIG(status) != SIGTRAP;
	// At once: until then our death would be seen by a program without signal handlers, as EINTR.
	if (!thread->signal)
		hg_inject_hide_interrupt(thread->tid);
}

/** Waits until a thread stands; false when the deadline passed or it sleeps and nothing can wake it. */
static bool wait_for(struct hg_stopped *thread, uint64_t deadline_ns)
{
	const uint64_t patience_ns =
		now_ns() + 20000000; // reading a disk is such a sleep as well, a short one
	long pause_ns = 10000;
	for (;;) {
		int status;
		const pid_t pid = waitpid((pid_t)thread->tid, &status, __WALL | WNOHANG);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0) {
			thread->gone =
				true; // another thread called exec, and this one's number is no more
			return true;
		}
		if (pid > 0) {
			take_status(thread, status);
			return true;
		}
		const uint64_t now = now_ns();
		if (now > deadline_ns || (now > patience_ns && thread_state(thread->tid) == 'D'))
			return false;
		nanosleep(&(struct timespec){0, pause_ns}, NULL);
		if (pause_ns < 1000000)
			pause_ns *= 2;
	}
}

/**
 * A thread in an uninterruptible sleep (a parent of vfork, a file server that does not answer) has the interrupt
 * pending: it runs no code before it has stopped.
 */
static struct hg_error *wait_for_new(struct hg_stop *stop, size_t from, uint64_t deadline_ns)
{
	for (size_t i = from; i < stop->threads.count; i++) {
		struct hg_stopped *thread = &stop->threads.data[i];
		if (thread->gone || wait_for(thread, deadline_ns))
			continue;
		thread->asleep = thread_state(thread->tid) == 'D';
		if (!thread->asleep)
			return hg_error_create(HG_ERROR_OTHER,
					       "thread %u of process %u did not stop in time",
					       thread->tid, stop->pid);
	}
	return NULL;
}

/** Seizes the threads that are not seized yet; *ret_new tells whether there were any. */
static struct hg_error *seize_new(struct hg_stop *stop, bool *ret_new)
{
	hg_tids tids = {0};
	struct hg_error *err = hg_proc_threads(stop->pid, &tids);
	const size_t before = stop->threads.count;
	for (size_t i = 0; !err && i < tids.count; i++)
		if (!is_known(stop, before, tids.data[i], i))
			err = seize(stop, tids.data[i]);
	hg_vec_deinit(&tids);
	*ret_new = stop->threads.count > before;
	return err;
}

static bool has_held(const struct hg_stop *stop)
{
	for (size_t i = 0; i < stop->threads.count; i++)
		if (stop->threads.data[i].held)
			return true;
	return false;
}

static struct hg_error *stop_all(struct hg_stop *stop, uint64_t deadline_ns)
{
	for (bool more = true; more;) {
		const size_t before = stop->threads.count;
		struct hg_error *err = seize_new(stop, &more);
		if (!err)
			err = wait_for_new(stop, before, deadline_ns);
		if (err)
			return err;
		if (more && now_ns() > deadline_ns)
			return hg_error_create(
				HG_ERROR_OTHER,
				"process %u begins threads faster than they can be stopped",
				stop->pid);
	}
	if (has_held(stop))
		return NULL;
	return hg_error_create(HG_ERROR_OTHER,
			       stop->threads.count
				       ? "process %u cannot be stopped: it is frozen or sleeps"
				       : "process %u has ended",
			       stop->pid);
}

struct hg_error *hg_stop_begin(struct hg_stop *stop, uint32_t pid, unsigned deadline_ms)
{
	*stop = (struct hg_stop){.pid = pid};
	struct hg_error *err = stop_all(stop, now_ns() + (uint64_t)deadline_ms * 1000000);
	if (err)
		hg_stop_end(stop);
	return err;
}

struct hg_error *hg_stop_list(struct hg_stop *stop, uint32_t pid)
{
	*stop = (struct hg_stop){.pid = pid};
	hg_tids tids = {0};
	struct hg_error *err = hg_proc_threads(pid, &tids);
	for (size_t i = 0; !err && i < tids.count; i++) {
		struct hg_stopped *thread = hg_vec_push(&stop->threads);
		if (thread)
			*thread = (struct hg_stopped){.tid = tids.data[i], .asleep = true};
		else
			err = &hg_enomem;
	}
	hg_vec_deinit(&tids);
	if (err)
		hg_vec_deinit(&stop->threads);
	return err;
}

struct hg_error *hg_stop_some(struct hg_stop *stop, uint32_t pid, const uint32_t *tids,
			      size_t count, unsigned deadline_ms)
{
	*stop = (struct hg_stop){.pid = pid};
	struct hg_error *err = NULL;
	for (size_t i = 0; !err && i < count; i++)
		err = seize(stop, tids[i]);
	if (!err)
		err = wait_for_new(stop, 0, now_ns() + (uint64_t)deadline_ms * 1000000);
	if (!err && !has_held(stop))
		err = hg_error_create(HG_ERROR_OTHER, "process %u cannot be stopped now", pid);
	if (err)
		hg_stop_end(stop);
	return err;
}

uint64_t hg_stop_release(struct hg_stop *stop)
{
	for (size_t i = 0; i < stop->threads.count; i++) {
		struct hg_stopped *thread = &stop->threads.data[i];
		if (thread->held)
			ptrace(PTRACE_DETACH, thread->tid, NULL, (long)thread->signal);
		thread->gone |= thread->held;
		thread->held = false;
	}
	return stop->began_ns ? (now_ns() - stop->began_ns) / 1000 : 0;
}

size_t hg_stop_poll(struct hg_stop *stop)
{
	size_t left = 0;
	for (size_t i = 0; i < stop->threads.count; i++) {
		struct hg_stopped *thread = &stop->threads.data[i];
		if (thread->gone)
			continue;
		wait_for(thread, 0);
		left += !thread->held && !thread->gone;
	}
	hg_stop_release(stop);
	return left;
}

uint64_t hg_stop_end(struct hg_stop *stop)
{
	const uint64_t stopped_us = hg_stop_release(stop);
	hg_stop_poll(stop);
	hg_vec_deinit(&stop->threads);
	return stopped_us;
}
