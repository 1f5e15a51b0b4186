// Takes a snapshot: looks first, stops the target, copies, lets it go.

#include "core/capture_snapshot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/bytes.h"

#define STOP_DEADLINE_MS 2000

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

static struct hg_error *add_omitted(struct hg_snapshot *snapshot, uint64_t start, uint64_t end)
{
	struct hg_gap *gap = hg_vec_push(&snapshot->omitted);
	if (!gap)
		return &hg_enomem;
	*gap = (struct hg_gap){start, end - start};
	return NULL;
}

/**
 * Only smaps tells which mappings are not for dumps ("dd", programs keep secrets there) or are device memory ("io",
 * "pf"). To read it takes longer than the rest, so that is done before the stop.
 */
static struct hg_error *read_flags(struct hg_snapshot *snapshot)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/smaps", snapshot->pid);
	if (err) { // not in every container
		hg_error_destroy(err);
		return NULL;
	}
	uint64_t start = 0, end = 0;
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		uint64_t from, to;
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			start = from;
			end = to;
		}
		if (strncmp(line, "VmFlags:", 8))
			continue;
		if (!strstr(line, " dd") && !strstr(line, " io") && !strstr(line, " pf"))
			continue;
		err = add_omitted(snapshot, start, end);
		if (err)
			return err;
	}
	return NULL;
}

static struct hg_error *open_memory(struct hg_snapshot *snapshot)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/mem", snapshot->pid);
	snapshot->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (snapshot->mem_fd < 0)
		return or_denied(hg_error_errno(errno, "cannot open '%s'", path), snapshot->pid);
	snprintf(path, sizeof(path), "/proc/%u/pagemap", snapshot->pid);
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
		err = read_flags(snapshot);
	if (!err)
		err = hg_snapshot_name_threads(snapshot);
	return err ? err : hg_snapshot_plan(snapshot);
}

struct hg_error *hg_snapshot_prepare(struct hg_snapshot *snapshot, uint32_t pid)
{
	snapshot->pid = pid;
	snapshot->mem_fd = snapshot->pagemap_fd = -1;
	hg_xstate_host(snapshot->xstate_parts);
	snapshot->arch = hg_arch_host();
	if (!snapshot->arch)
		return hg_error_create(HG_ERROR_UNSUPPORTED, "live processes can be read on x86-64 "
							     "and arm64 only");
	struct hg_error *err = hg_stop_check(pid);
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

static void *take(void *arg)
{
	struct taking *taking = arg;
	struct hg_stop stop;
	taking->err = hg_stop_begin(&stop, taking->snapshot->pid, STOP_DEADLINE_MS);
	if (taking->err)
		return NULL;
	taking->err = take_stopped(taking, &stop);
	taking->snapshot->stopped_us = hg_stop_end(&stop);
	return NULL;
}

struct hg_error *hg_snapshot_take(struct hg_snapshot *snapshot, const struct hg_sink *sink)
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
	return hg_snapshot_ended(taking.err, snapshot->pid);
}

void hg_snapshot_deinit(struct hg_snapshot *snapshot)
{
	if (snapshot->mem_fd >= 0)
		close(snapshot->mem_fd);
	if (snapshot->pagemap_fd >= 0)
		close(snapshot->pagemap_fd);
	for (size_t i = 0; i < snapshot->buffers.count; i++) {
		const struct hg_buffer *buffer = &snapshot->buffers.data[i];
		munmap(buffer->ptr, buffer->end - buffer->start);
	}
	for (size_t i = 0; i < snapshot->threads.count; i++) {
		free(snapshot->threads.data[i].fp);
		free(snapshot->threads.data[i].xstate);
	}
	hg_vec_deinit(&snapshot->buffers);
	hg_vec_deinit(&snapshot->ranges);
	hg_vec_deinit(&snapshot->runs);
	hg_vec_deinit(&snapshot->gaps);
	hg_vec_deinit(&snapshot->omitted);
	hg_vec_deinit(&snapshot->threads);
	hg_vec_deinit(&snapshot->names);
	hg_vec_deinit(&snapshot->mappings);
	hg_arena_deinit(&snapshot->arena);
	free(snapshot->auxv);
	free(snapshot->cmdline);
}
