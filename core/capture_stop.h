/**
 * Holds all threads of a process, and lets them go. Whatever happens to us, the target goes on: nothing of it is
 * changed, and the kernel itself detaches what a thread that ends has held. Private to core/.
 *
 * The thread that began a stop must end it. It should live no longer than the stop: a target's thread in an
 * uninterruptible sleep cannot be let go by hand, only by the end of the thread that holds it.
 */
#ifndef HG_CORE_CAPTURE_STOP_H
#define HG_CORE_CAPTURE_STOP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/vec.h"

struct hg_stopped {
	uint32_t tid;
	int signal; /* it was about to be delivered; 0 none. Passed on in the end */
	bool held;  /* registers can be read */
	bool asleep; /* in an uninterruptible sleep: it runs no code of its own until we end, but cannot be asked */
	bool group; /* stopped by a signal like SIGSTOP before us */
	bool gone;
};

struct hg_stop {
	uint32_t pid;
	uint64_t began_ns; /* CLOCK_MONOTONIC at the first interrupt; 0 before */
	HG_VEC(struct hg_stopped) threads;
};

/** Stops all threads, also those that begin meanwhile. On error none is held. */
struct hg_error *hg_stop_begin(struct hg_stop *stop, uint32_t pid, unsigned deadline_ms);

/** Lists the threads of a process without holding any: nothing is stopped. */
struct hg_error *hg_stop_list(struct hg_stop *stop, uint32_t pid);

/** Stops some threads only, for a moment. On error none is held. */
struct hg_error *hg_stop_some(struct hg_stop *stop, uint32_t pid, const uint32_t *tids,
			      size_t count, unsigned deadline_ms);

/**
 * Lets all threads go that are held, with the signals that were on their way; returns how long they stood, in
 * microseconds. Those in an uninterruptible sleep stay behind.
 */
uint64_t hg_stop_release(struct hg_stop *stop);

/** Lets those go that came out of their sleep meanwhile; to be called often. Returns how many still sleep. */
size_t hg_stop_poll(struct hg_stop *stop);

/** Lets all threads go with the signals that were on their way; returns how long they stood, in microseconds. */
uint64_t hg_stop_end(struct hg_stop *stop);

/** Checks before anything is touched that there is a process of that number which may be stopped by us. */
struct hg_error *hg_stop_check(uint32_t pid);

/** Says which rule keeps us from a process, after the system said EPERM or EACCES. */
struct hg_error *hg_stop_denied(uint32_t pid);

#endif
