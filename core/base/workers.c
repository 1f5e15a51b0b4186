#include "core/base/workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define MAX_WORKERS 64

struct job {
	size_t tasks;
	void (*fn)(void *arg, unsigned worker, size_t task);
	void *arg;
	atomic_size_t next;
	atomic_uint workers;
};

unsigned hg_workers_count(void)
{
	cpu_set_t cpus;
	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return 1;
	int count = CPU_COUNT(&cpus);
	return count < 1 ? 1 : count > MAX_WORKERS ? MAX_WORKERS : (unsigned)count;
}

static void *work(void *arg)
{
	struct job *job = arg;
	unsigned worker = atomic_fetch_add(&job->workers, 1);
	for (;;) {
		size_t task = atomic_fetch_add(&job->next, 1);
		if (task >= job->tasks)
			return NULL;
		job->fn(job->arg, worker, task);
	}
}

void hg_workers_run(size_t tasks, void (*fn)(void *arg, unsigned worker, size_t task), void *arg)
{
	struct job job = {.tasks = tasks, .fn = fn, .arg = arg};
	pthread_t threads[MAX_WORKERS];
	unsigned wanted = hg_workers_count();
	unsigned started = 0;
	while (started + 1 < wanted && started + 1 < tasks) {
		if (pthread_create(&threads[started], NULL, work, &job))
			break;
		started++;
	}
	work(&job);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}
