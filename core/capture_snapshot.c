// Takes a snapshot: looks first, stops the target, copies, lets it go.

#include "core/capture_snapshot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/bytes.h"
#include "core/capture_fork.h"

#define STOP_DEADLINE_MS 500

static struct hg_error *or_denied(struct hg_error *err, uint32_t pid)
{
	if (!err || err->code != HG_ERROR_PERMISSION)
		return err;
	hg_error_destroy(err);
	return hg_stop_denied(pid);
}

/** A process of another kind than this tool is told by its executable. */
static struct hg_error *check_machine(const struct hg_snapshot *snapshot)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/exe", snapshot->pid);
	const hg_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return or_denied(hg_error_errno(errno, "cannot open '%s'", path), snapshot->pid);
	uint8_t header[20];
	if (pread(fd, header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header, ELFMAG, SELFMAG))
		return NULL;
	const uint16_t machine = hg_load_u16(header + 18);
	if (header[EI_CLASS] != ELFCLASS64)
		return hg_error_create(HG_ERROR_UNSUPPORTED,
				       "process %u: 32-bit processes are not supported",
				       snapshot->pid);
	if (machine == snapshot->arch->elf_machine)
		return NULL;
	return hg_error_create(HG_ERROR_UNSUPPORTED, "process %u is for %s, this tool for %s",
			       snapshot->pid, hg_arch_machine_name(machine), snapshot->arch->name);
}

static struct hg_error *open_memory(struct hg_snapshot *snapshot)
{
	char path[64];
	hg_closep(&snapshot->mem_fd);
	hg_closep(&snapshot->pagemap_fd);
	snprintf(path, sizeof(path), "/proc/%u/mem", snapshot->memory_pid);
	snapshot->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (snapshot->mem_fd < 0)
		return or_denied(hg_error_errno(errno, "cannot open '%s'", path), snapshot->pid);
	snprintf(path, sizeof(path), "/proc/%u/pagemap", snapshot->memory_pid);
	snapshot->pagemap_fd = open(path, O_RDONLY | O_CLOEXEC);
	snapshot->scan_works = snapshot->pagemap_fd >= 0;
	return NULL;
}

struct hg_error *hg_snapshot_ended(struct hg_error *err, uint32_t pid)
{
	if (!err || err == &hg_enomem)
		return err;
	struct hg_error *now = hg_stop_check(pid);
	const bool ended = now && now->code == HG_ERROR_NOT_FOUND;
	hg_error_destroy(now);
	if (!ended)
		return err;
	hg_error_destroy(err);
	return hg_error_create(HG_ERROR_NOT_FOUND, "process %u ended while it was read", pid);
}

static struct hg_error *look(struct hg_snapshot *snapshot)
{
	const uint32_t pid = snapshot->pid;
	struct hg_error *err = check_machine(snapshot);
	if (!err)
		err = open_memory(snapshot);
	if (!err)
		err = or_denied(
			hg_proc_read(&snapshot->auxv, &snapshot->auxv_size, "/proc/%u/auxv", pid),
			pid);
	if (!err)
		err = hg_proc_read(&snapshot->cmdline, &snapshot->cmdline_size, "/proc/%u/cmdline",
				   pid);
	if (!err)
		err = hg_facts_read(snapshot);
	if (!err)
		err = hg_snapshot_name_threads(snapshot);
	if (!err)
		err = hg_snapshot_plan(snapshot);
	return err ? err : hg_saved_prepare(snapshot);
}

struct hg_error *hg_snapshot_prepare(struct hg_snapshot *snapshot, uint32_t pid)
{
	snapshot->pid = snapshot->memory_pid = pid;
	snapshot->mem_fd = snapshot->pagemap_fd = -1;
	hg_xstate_host(snapshot->xstate_parts);
	snapshot->arch = hg_arch_host();
	if (!snapshot->arch)
		return hg_error_create(HG_ERROR_UNSUPPORTED, "live processes can be read on x86-64 "
							     "and arm64 only");
	// Nobody else may be tracing it, unless it will not be stopped.
	struct hg_error *err = hg_stop_check(pid);
	if (err && snapshot->limits.mode == HG_CAPTURE_NO_STOP &&
	    err->code == HG_ERROR_PERMISSION) {
		hg_error_destroy(err);
		err = NULL;
	}
	if (!err)
		err = hg_proc_status(pid, &snapshot->status);
	return err ? err : hg_snapshot_ended(look(snapshot), pid);
}

struct taking {
	struct hg_snapshot *snapshot;
	const struct hg_sink *sink;
	struct hg_error *err;
};

static struct hg_error *take_stopped(struct taking *taking, const struct hg_stop *stop)
{
	struct hg_snapshot *snapshot = taking->snapshot;
	struct hg_error *err = hg_snapshot_read_threads(snapshot, stop);
	if (!err)
		err = hg_snapshot_plan(snapshot);
	if (!err && !taking->sink)
		err = hg_snapshot_allocate(snapshot, false);
	return err ? err : hg_snapshot_copy(snapshot, taking->sink);
}

/** Whoever is frozen need not be stopped, and one that may not be stopped is not. */
static struct hg_error *begin(struct hg_stop *stop, const struct hg_snapshot *snapshot)
{
	if (snapshot->mode == HG_CAPTURE_FROZEN || snapshot->mode == HG_CAPTURE_NO_STOP)
		return hg_stop_list(stop, snapshot->pid);
	return hg_stop_begin(stop, snapshot->pid, STOP_DEADLINE_MS);
}

static void *take(void *arg)
{
	struct taking *taking = arg;
	struct hg_stop stop;
	taking->err = begin(&stop, taking->snapshot);
	if (taking->err)
		return NULL;
	taking->err = take_stopped(taking, &stop);
	taking->snapshot->stopped_us = hg_stop_end(&stop);
	return NULL;
}

static struct hg_error *take_directly(struct hg_snapshot *snapshot, const struct hg_sink *sink)
{
	if (!sink) {
		struct hg_error *err = hg_snapshot_allocate(snapshot, true);
		if (err)
			return err;
	}
	// In a thread of its own: when it ends, in whatever way, the kernel lets go of all that it held.
	struct taking taking = {.snapshot = snapshot, .sink = sink};
	pthread_t thread;
	const int errnum = pthread_create(&thread, NULL, take, &taking);
	if (errnum)
		return hg_error_errno(errnum, "cannot begin a thread");
	pthread_join(thread, NULL);
	if (snapshot->mode == HG_CAPTURE_FROZEN && !hg_proc_is_frozen(snapshot->pid))
		snapshot->mode = HG_CAPTURE_NO_STOP; // somebody let it go meanwhile
	return taking.err;
}

/** *ret_begun tells whether there was a copy of the process to read. */
static struct hg_error *take_copy(struct hg_snapshot *snapshot, const struct hg_sink *sink,
				  bool *ret_begun)
{
	struct hg_fork fork;
	struct hg_error *err = hg_fork_begin(&fork, snapshot, snapshot->injection);
	*ret_begun = !err;
	if (err)
		return err;
	err = open_memory(snapshot);
	if (!err)
		err = hg_snapshot_plan(snapshot);
	if (!err && !sink)
		err = hg_snapshot_allocate(snapshot, true);
	if (!err)
		err = hg_snapshot_copy(snapshot, sink);
	struct hg_error *why = hg_fork_end(&fork);
	snapshot->memory_pid = snapshot->pid;
	if (!why)
		return err;
	hg_error_destroy(err);
	return why;
}

static void forget_threads(struct hg_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->threads.count; i++) {
		free(snapshot->threads.data[i].fp);
		free(snapshot->threads.data[i].xstate);
	}
	snapshot->threads.count = 0;
}

struct hg_error *hg_snapshot_take(struct hg_snapshot *snapshot, const struct hg_sink *sink)
{
	if (snapshot->mode != HG_CAPTURE_FORK)
		return hg_snapshot_ended(take_directly(snapshot, sink), snapshot->pid);
	bool begun;
	struct hg_error *err = take_copy(snapshot, sink, &begun);
	if (begun)
		return err;
	forget_threads(snapshot);
	return hg_snapshot_ended(err, snapshot->pid);
}

void hg_snapshot_deinit(struct hg_snapshot *snapshot)
{
	hg_closep(&snapshot->mem_fd);
	hg_closep(&snapshot->pagemap_fd);
	for (size_t i = 0; i < snapshot->buffers.count; i++) {
		const struct hg_buffer *buffer = &snapshot->buffers.data[i];
		munmap(buffer->ptr, buffer->end - buffer->start);
	}
	forget_threads(snapshot);
	free(snapshot->injection);
	hg_vec_deinit(&snapshot->buffers);
	hg_vec_deinit(&snapshot->ranges);
	hg_vec_deinit(&snapshot->runs);
	hg_vec_deinit(&snapshot->gaps);
	hg_vec_deinit(&snapshot->omitted);
	hg_vec_deinit(&snapshot->specials);
	hg_vec_deinit(&snapshot->saved);
	hg_vec_deinit(&snapshot->uncopied);
	if (snapshot->saved_buffer)
		munmap(snapshot->saved_buffer, HG_SAVED_MAX);
	hg_vec_deinit(&snapshot->threads);
	hg_vec_deinit(&snapshot->names);
	hg_vec_deinit(&snapshot->mappings);
	hg_arena_deinit(&snapshot->arena);
	free(snapshot->auxv);
	free(snapshot->cmdline);
}
