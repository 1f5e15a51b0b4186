/**
 * A copy of a process, made by the kernel in the time it takes to copy page tables: the process goes on, the copy stands
 * still and is read at leisure. The copy never runs, and the process never learns of it. Private to core/.
 */
#ifndef HG_CORE_CAPTURE_FORK_H
#define HG_CORE_CAPTURE_FORK_H

#include <pthread.h>
#include <semaphore.h>

#include "core/capture_snapshot.h"
#include "core/inject.h"

struct hg_fork {
	struct hg_snapshot *snapshot;
	struct hg_injection *injection; // of hg_inject_prepare(); the caller's
	pthread_t thread;		// all of ptrace happens in one thread, which must live on
	sem_t ready, done;
	struct hg_stop stop;
	int pidfd; // of the target
	uint32_t child;
	int64_t inner_child;		  // its number as the target sees it
	bool has_ended;			  // the copy
	bool under_way;			  // something went wrong amid the injection
	struct hg_error *begin_err, *err; // err: why the copy ended before it was read
};

/**
 * Stops the process, copies it and lets it go on. From then on snapshot->memory_pid is the copy. HG_ERROR_UNSUPPORTED:
 * nothing has changed, and another mode may work.
 */
struct hg_error *hg_fork_begin(struct hg_fork *fork, struct hg_snapshot *snapshot,
			       struct hg_injection *injection);

/** Ends the copy without a trace; returns why it ended before, where it did. */
struct hg_error *hg_fork_end(struct hg_fork *fork);

/** Takes ended copies from the process's children: this one's, and those of snapshots that were killed. */
void hg_fork_reap(struct hg_fork *fork);

#endif
