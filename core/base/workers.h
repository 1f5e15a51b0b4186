/**
 * Runs independent tasks on all cores.
 */
#ifndef HG_BASE_WORKERS_H
#define HG_BASE_WORKERS_H

#include <stddef.h>

/** The number of threads hg_workers_run() uses: the cores this process may run on, at most 64, at least 1. */
unsigned hg_workers_count(void);

/**
 * Calls fn(arg, worker, task) once for each task in [0, tasks), in any order, from hg_workers_count() threads
 * (the caller's is one). worker is below hg_workers_count(). Returns when all are done. Where a thread cannot be
 * made, the others do its work.
 */
void hg_workers_run(size_t tasks, void (*fn)(void *arg, unsigned worker, size_t task), void *arg);

#endif
