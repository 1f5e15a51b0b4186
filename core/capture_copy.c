// Copies pages of a process that stands.

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/workers.h"
#include "core/capture_snapshot.h"

#define PAGE ((uint64_t)4096)
#define PIECE ((uint64_t)1 << 20)
#define PARALLEL_MIN ((uint64_t)32 << 20) // below, beginning threads costs more than they save

struct copying {
	struct hg_snapshot *snapshot;
	atomic_bool ended, out_of_memory, use_mem;
	pthread_mutex_t lock; // of the gaps
};

static ssize_t read_some(struct copying *copying, uint64_t addr, uint8_t *buf, uint64_t size)
{
	const struct hg_snapshot *snapshot = copying->snapshot;
	const uint8_t *saved = hg_saved_find(snapshot, addr, size);
	if (saved) {
		__builtin_memcpy(buf, saved, size);
		return (ssize_t)size;
	}
	if (!copying->use_mem) {
		const struct iovec local = {buf, size};
		const struct iovec remote = {(void *)(uintptr_t)addr, size};
		const ssize_t got =
			process_vm_readv((pid_t)snapshot->memory_pid, &local, 1, &remote, 1, 0);
		if (got >= 0 || (errno != EPERM && errno != ENOSYS))
			return got;
		copying->use_mem = true; // a filter of system calls stands in the way
	}
	return pread(snapshot->mem_fd, buf, size, (off_t)addr);
}

static void add_gap(struct copying *copying, uint64_t addr, uint64_t size)
{
	pthread_mutex_lock(&copying->lock);
	struct hg_gap *gap = hg_vec_push(&copying->snapshot->gaps);
	if (gap)
		*gap = (struct hg_gap){addr, size};
	else
		copying->out_of_memory = true;
	copying->snapshot->missing_bytes += size;
	pthread_mutex_unlock(&copying->lock);
}

/** Copies; a page that cannot be read becomes a gap. Returns false when the process is gone. */
static bool copy_piece(struct copying *copying, uint64_t addr, uint8_t *buf, uint64_t size)
{
	while (size) {
		const uint64_t part = size < PIECE ? size : PIECE;
		const ssize_t got = read_some(copying, addr, buf, part);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ESRCH)
			return false;
		uint64_t step = (uint64_t)got;
		if (got <= 0) {
			step = PAGE - addr % PAGE;
			if (step > size)
				step = size;
			__builtin_memset(buf, 0, step);
			add_gap(copying, addr, step);
		}
		addr += step;
		buf += step;
		size -= step;
	}
	return true;
}

static void copy_run(void *arg, unsigned worker, size_t task)
{
	(void)worker;
	struct copying *copying = arg;
	const struct hg_run *run = &copying->snapshot->runs.data[task];
	const struct hg_range *range = &copying->snapshot->ranges.data[run->range];
	if (copying->ended)
		return;
	if (!copy_piece(copying, run->addr, range->buffer + (run->addr - range->start), run->size))
		copying->ended = true;
}

static void copy_to_memory(struct copying *copying)
{
	const size_t count = copying->snapshot->runs.count;
	if (copying->snapshot->run_bytes >= PARALLEL_MIN) {
		hg_workers_run(count, copy_run, copying);
		return;
	}
	for (size_t i = 0; i < count; i++)
		copy_run(copying, 0, i);
}

static struct hg_error *copy_to_sink(struct copying *copying, const struct hg_sink *sink)
{
	hg_autofree uint8_t *buf = malloc(HG_RUN_MAX);
	if (!buf)
		return &hg_enomem;
	struct hg_error *err = sink->begin(sink->arg, copying->snapshot);
	for (size_t i = 0; !err && i < copying->snapshot->runs.count; i++) {
		const struct hg_run *run = &copying->snapshot->runs.data[i];
		if (!copy_piece(copying, run->addr, buf, run->size)) {
			copying->ended = true;
			break;
		}
		err = sink->put(sink->arg, run->addr, buf, run->size);
	}
	return err;
}

static int by_addr(const void *left, const void *right)
{
	const struct hg_gap *a = left, *b = right;
	return (a->addr > b->addr) - (a->addr < b->addr);
}

struct hg_error *hg_snapshot_copy(struct hg_snapshot *snapshot, const struct hg_sink *sink)
{
	struct copying copying = {.snapshot = snapshot, .lock = PTHREAD_MUTEX_INITIALIZER};
	struct hg_error *err = NULL;
	if (sink)
		err = copy_to_sink(&copying, sink);
	else
		copy_to_memory(&copying);
	if (snapshot->gaps.count)
		qsort(snapshot->gaps.data, snapshot->gaps.count, sizeof(struct hg_gap), by_addr);
	if (err)
		return err;
	if (copying.ended)
		return hg_error_create(HG_ERROR_NOT_FOUND, "process %u ended while it was read",
				       snapshot->pid);
	return copying.out_of_memory ? &hg_enomem : NULL;
}

bool hg_snapshot_next_gap(const struct hg_snapshot *snapshot, uint64_t addr, uint64_t end,
			  struct hg_gap *ret)
{
	size_t low = 0, high = snapshot->gaps.count;
	while (low < high) { // the first that ends behind addr
		const size_t middle = low + (high - low) / 2;
		if (snapshot->gaps.data[middle].addr + snapshot->gaps.data[middle].size <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == snapshot->gaps.count || snapshot->gaps.data[low].addr >= end)
		return false;
	*ret = snapshot->gaps.data[low];
	if (ret->addr < addr) {
		ret->size -= addr - ret->addr;
		ret->addr = addr;
	}
	if (ret->size > end - ret->addr)
		ret->size = end - ret->addr;
	return true;
}
