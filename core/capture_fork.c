#include "core/capture_fork.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "core/capture_watch.h"
#include "core/fault.h"

#define STOP_DEADLINE_MS 500
#define PROCESS_MRELEASE 448
#define CHILD_DEADLINE_MS 5000

static struct hg_error *not_now(const struct hg_fork *fork, const char *why)
{
	return hg_error_create(HG_ERROR_UNSUPPORTED, "process %u cannot be copied: %s",
			       fork->snapshot->pid, why);
}

/** A child that would be born into another PID namespace would be its first process, and its end the end of that. */
static bool children_stay(uint32_t pid, uint32_t tid)
{
	char path[96];
	struct stat own, children;
	snprintf(path, sizeof(path), "/proc/%u/task/%u/ns/pid", pid, tid);
	if (stat(path, &own))
		return false;
	snprintf(path, sizeof(path), "/proc/%u/task/%u/ns/pid_for_children", pid, tid);
	return !stat(path, &children) && own.st_ino == children.st_ino;
}

static const struct hg_snapshot_thread *find_thread(const struct hg_snapshot *snapshot,
						    uint32_t tid)
{
	for (size_t i = 0; i < snapshot->threads.count; i++)
		if (snapshot->threads.data[i].host_tid == tid)
			return &snapshot->threads.data[i];
	return NULL;
}

static bool choose_one(struct hg_fork *fork, const struct hg_stopped *thread)
{
	return thread->held && !thread->signal && !thread->group &&
	       children_stay(fork->snapshot->pid, thread->tid) &&
	       hg_inject_choose(fork->injection, thread->tid);
}

/** The main thread if it can be, since the stack is its; else one that waits, else any. */
static bool choose(struct hg_fork *fork)
{
	const struct hg_stop *stop = &fork->stop;
	for (size_t i = 0; i < stop->threads.count; i++)
		if (stop->threads.data[i].tid == fork->snapshot->pid &&
		    choose_one(fork, &stop->threads.data[i]))
			return true;
	for (int standing = HG_STANDS_WAITING; standing >= HG_STANDS_IN_CODE; standing--) {
		unsigned tried = 0;
		for (size_t i = 0; i < stop->threads.count && tried < 16; i++) {
			const struct hg_stopped *thread = &stop->threads.data[i];
			const struct hg_snapshot_thread *known =
				thread->held ? find_thread(fork->snapshot, thread->tid) : NULL;
			if (!known || fork->injection->ops->standing(known->user_regs) !=
					      (enum hg_standing)standing)
				continue;
			tried++;
			if (choose_one(fork, thread))
				return true;
		}
	}
	return false;
}

/** Looks once more, now that nothing moves. */
static struct hg_error *check_standing(struct hg_fork *fork)
{
	const struct hg_snapshot *snapshot = fork->snapshot;
	for (size_t i = 0; i < fork->stop.threads.count; i++)
		if (fork->stop.threads.data[i].group)
			return not_now(fork, "a signal has stopped it");
	for (size_t i = 0; i < snapshot->threads.count; i++) {
		const uint64_t sp = snapshot->threads.data[i].thread.sp;
		if (!sp || hg_inject_is_near(fork->injection, sp))
			return not_now(fork, "the end of its main stack is in use");
	}
	if (!hg_inject_is_ready(fork->injection))
		return not_now(fork, "the end of its main stack is not empty");
	if (!choose(fork))
		return not_now(fork, "none of its threads is in a state for it");
	if (snapshot->at_stop.seccomp && !hg_inject_may_clone(fork->injection))
		return not_now(fork, "its seccomp filter does not let the calls pass");
	return NULL;
}

static struct hg_error *clone_target(struct hg_fork *fork)
{
	struct hg_error *err = hg_snapshot_read_threads(fork->snapshot, &fork->stop);
	hg_fault("clone", "read");
	if (!err)
		err = check_standing(fork);
	if (err)
		return err;
	err = hg_saved_take(fork->snapshot);
	if (err)
		return err;
	fork->injection->phase = "clone";
	err = hg_inject_clone(fork->injection, &fork->inner_child);
	fork->child = fork->injection->child;
	if (err) {
		fork->under_way = err->code != HG_ERROR_UNSUPPORTED;
		return err;
	}
	if (fork->inner_child < 0)
		return not_now(fork, strerror((int)-fork->inner_child));
	return fork->child ? NULL : not_now(fork, "its copy was not seen");
}

/** Signals that came amid the injection go on with it. */
static void pass_signal_on(struct hg_fork *fork, struct hg_stop *stop)
{
	for (size_t i = 0; i < stop->threads.count; i++)
		if (stop->threads.data[i].tid == fork->injection->tid && fork->injection->signal)
			stop->threads.data[i].signal = fork->injection->signal;
	fork->injection->signal = 0;
}

static void wipe_child(const struct hg_fork *fork)
{
	static const uint8_t zeros[HG_FRAMES_SIZE];
	const struct iovec local = {(void *)zeros, sizeof(zeros)};
	const struct iovec remote = {(void *)(uintptr_t)(fork->injection->scratch + HG_SCRATCH_AT),
				     sizeof(zeros)};
	// Nothing is lost where this fails but the likeness: the copy never runs.
	if (process_vm_writev((pid_t)fork->child, &local, 1, &remote, 1, 0) < 0)
		return;
}

/** The copy stands before its first instruction. It ends with us, and does not compete with the target. */
static struct hg_error *adopt_child(const struct hg_fork *fork)
{
	for (unsigned waited = 0;; waited++) {
		int status;
		const pid_t pid = waitpid((pid_t)fork->child, &status, __WALL | WNOHANG);
		if (pid > 0 && WIFSTOPPED(status))
			break;
		if ((pid < 0 && errno != EINTR) || pid > 0 || waited > CHILD_DEADLINE_MS)
			return hg_error_create(HG_ERROR_OTHER, "the copy of process %u is lost",
					       fork->snapshot->pid);
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	hg_fault("child", "stands");
	if (ptrace(PTRACE_SETOPTIONS, fork->child, NULL,
		   (long)(PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT)))
		return hg_error_errno(errno, "cannot hold the copy of process %u",
				      fork->snapshot->pid);
	hg_fault("child", "bound");
	const struct sched_param param = {0};
	sched_setscheduler((pid_t)fork->child, SCHED_OTHER, &param);
	cpu_set_t all;
	memset(&all, 0xff, sizeof(all));
	sched_setaffinity((pid_t)fork->child, sizeof(all), &all);
	wipe_child(fork);
	return NULL;
}

static struct hg_error *stop_and_clone(struct hg_fork *fork)
{
	struct hg_error *err = hg_stop_begin(&fork->stop, fork->snapshot->pid, STOP_DEADLINE_MS);
	if (err)
		return err;
	hg_fault("clone", "held");
	err = clone_target(fork);
	pass_signal_on(fork, &fork->stop);
	fork->snapshot->stopped_us = hg_stop_release(&fork->stop);
	hg_fault("clone", "released");
	return err ? err : adopt_child(fork);
}

/**
 * The memory of a copy is given back before it ends. At its very end it has no memory any more in the eyes of the
 * system, though pages are still being freed: would memory run short then, the system would see nobody but the target.
 */
static void release_memory(const struct hg_fork *fork)
{
	const hg_autoclose int pidfd = (int)syscall(SYS_pidfd_open, fork->child, 0);
	if (pidfd >= 0)
		syscall(PROCESS_MRELEASE, pidfd, 0); // Linux 5.15
}

/** Takes what the copy has to tell; false when it is no more. */
static bool take_status(const struct hg_fork *fork, int status)
{
	if (!WIFSTOPPED(status))
		return false;
	if (status >> 16 == PTRACE_EVENT_EXIT) {
		hg_fault("child", "dying");
		release_memory(fork);
		hg_fault("child", "empty");
	}
	ptrace(PTRACE_CONT, fork->child, NULL, NULL);
	return true;
}

static void end_child(struct hg_fork *fork)
{
	if (!fork->child || fork->has_ended)
		return;
	kill((pid_t)fork->child, SIGKILL);
	for (;;) {
		int status;
		const pid_t pid = waitpid((pid_t)fork->child, &status, __WALL);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0 || !take_status(fork, status))
			break;
	}
	fork->has_ended = true;
}

/** The copy never runs: when it has something to tell, somebody has killed it. */
static struct hg_error *look_at_child(struct hg_fork *fork)
{
	int status;
	if (fork->has_ended || waitpid((pid_t)fork->child, &status, __WALL | WNOHANG) <= 0)
		return NULL;
	fork->has_ended = !take_status(fork, status);
	return hg_error_create(HG_ERROR_LIMIT,
			       "the system killed the copy of process %u, for want of memory as it "
			       "seems; the process goes on",
			       fork->snapshot->pid);
}

/** Waits for the reader; what is left asleep is let go as soon as it can be, and the copy ends when it must. */
static void stand_by(struct hg_fork *fork, struct hg_watch *watch)
{
	for (;;) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		const size_t asleep = hg_stop_poll(&fork->stop);
		until.tv_nsec += asleep ? 1000000 : 5000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		if (!sem_timedwait(&fork->done, &until)) {
			if (!fork->err)
				fork->err = look_at_child(fork);
			return;
		}
		if (fork->err)
			continue;
		fork->err = look_at_child(fork);
		if (fork->err)
			continue;
		fork->err = hg_watch_look(watch);
		if (fork->err)
			end_child(fork); // the reader finds it gone
	}
}

static void *hold(void *arg)
{
	struct hg_fork *fork = arg;
	fork->begin_err = stop_and_clone(fork);
	if (fork->begin_err) {
		end_child(fork);
		if (fork->child && !fork->under_way)
			hg_fork_reap(fork);
		hg_stop_poll(&fork->stop);
		sem_post(&fork->ready);
		return NULL; // the kernel lets go of what is still held
	}
	struct hg_watch watch;
	hg_watch_begin(&watch, fork->snapshot, fork->pidfd);
	fork->snapshot->growth_bytes = 0;
	sem_post(&fork->ready);
	hg_fault("child", "watched");
	stand_by(fork, &watch);
	fork->snapshot->growth_bytes = hg_watch_growth(&watch);
	hg_fault("child", "read");
	end_child(fork);
	hg_fault("child", "ended");
	hg_fork_reap(fork);
	return NULL;
}

static void fork_deinit(struct hg_fork *fork)
{
	pthread_join(fork->thread, NULL);
	sem_destroy(&fork->ready);
	sem_destroy(&fork->done);
	if (fork->pidfd >= 0)
		close(fork->pidfd);
	hg_vec_deinit(&fork->stop.threads);
}

static void wait_for_post(sem_t *semaphore)
{
	while (sem_wait(semaphore) && errno == EINTR)
		;
}

struct hg_error *hg_fork_begin(struct hg_fork *fork, struct hg_snapshot *snapshot,
			       struct hg_injection *injection)
{
	*fork = (struct hg_fork){.snapshot = snapshot, .injection = injection};
	fork->pidfd = (int)syscall(SYS_pidfd_open, snapshot->pid, 0);
	sem_init(&fork->ready, 0, 0);
	sem_init(&fork->done, 0, 0);
	const int errnum = pthread_create(&fork->thread, NULL, hold, fork);
	if (errnum) {
		if (fork->pidfd >= 0)
			close(fork->pidfd);
		return hg_error_errno(errnum, "cannot begin a thread");
	}
	wait_for_post(&fork->ready);
	if (!fork->begin_err) {
		snapshot->memory_pid = fork->child;
		return NULL;
	}
	fork_deinit(fork);
	return fork->begin_err;
}

struct hg_error *hg_fork_end(struct hg_fork *fork)
{
	sem_post(&fork->done);
	fork_deinit(fork);
	return fork->err;
}
