// Reads the threads of a process that stands.

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "core/base/bytes.h"
#include "core/capture_snapshot.h"

static int by_tid(const void *left, const void *right)
{
	const struct hg_thread_name *a = left, *b = right;
	return (a->host_tid > b->host_tid) - (a->host_tid < b->host_tid);
}

static bool read_name(uint32_t tid, struct hg_thread_name *ret)
{
	struct hg_proc_status status;
	struct hg_error *err = hg_proc_status(tid, &status);
	hg_error_destroy(err);
	if (err)
		return false;
	*ret = (struct hg_thread_name){.host_tid = tid, .inner_tid = status.inner_pid};
	memcpy(ret->name, status.name, strnlen(status.name, sizeof(ret->name) - 1));
	return true;
}

struct hg_error *hg_snapshot_name_threads(struct hg_snapshot *snapshot)
{
	hg_tids tids = {0};
	struct hg_error *err = hg_proc_threads(snapshot->pid, &tids);
	for (size_t i = 0; !err && i < tids.count; i++) {
		struct hg_thread_name name;
		if (!read_name(tids.data[i], &name))
			continue;
		struct hg_thread_name *slot = hg_vec_push(&snapshot->names);
		if (slot)
			*slot = name;
		else
			err = &hg_enomem;
	}
	hg_vec_deinit(&tids);
	if (snapshot->names.count)
		qsort(snapshot->names.data, snapshot->names.count, sizeof(struct hg_thread_name),
		      by_tid);
	return err;
}

static void name_thread(const struct hg_snapshot *snapshot, struct hg_snapshot_thread *thread)
{
	struct hg_thread_name own = {.host_tid = thread->host_tid, .inner_tid = thread->host_tid};
	const struct hg_thread_name *name = NULL;
	if (snapshot->names.count)
		name = bsearch(&own, snapshot->names.data, snapshot->names.count, sizeof(own),
			       by_tid);
	if (!name && read_name(thread->host_tid, &own))
		name = &own;
	if (!name)
		name = &own;
	thread->thread.tid = name->inner_tid;
	memcpy(thread->thread.name, name->name, sizeof(name->name));
}

static struct hg_error *read_set(uint32_t tid, int type, uint8_t **ret, size_t *ret_size)
{
	hg_autofree uint8_t *buf = malloc(HG_XSTATE_MAX);
	if (!buf)
		return &hg_enomem;
	struct iovec iov = {buf, HG_XSTATE_MAX};
	*ret_size = 0;
	if (ptrace(PTRACE_GETREGSET, tid, (long)type, &iov)) // a machine may lack it
		return NULL;
	*ret_size = iov.iov_len;
	*ret = hg_take(buf);
	return NULL;
}

/** A thread asleep in the kernel cannot be asked; its stack and program counter stand in /proc. */
static void read_asleep(uint32_t pid, const struct hg_arch *arch, struct hg_snapshot_thread *thread)
{
	if (!hg_proc_where(pid, thread->host_tid, &thread->thread.pc, &thread->thread.sp))
		return;
	thread->thread.regs[arch->pc_reg] = thread->thread.pc;
	thread->thread.regs[arch->sp_reg] = thread->thread.sp;
}

static struct hg_error *read_held(const struct hg_snapshot *snapshot,
				  struct hg_snapshot_thread *thread)
{
	const uint32_t tid = thread->host_tid;
	const struct hg_arch *arch = snapshot->arch;
	struct iovec iov = {thread->user_regs, sizeof(thread->user_regs)};
	if (ptrace(PTRACE_GETREGSET, tid, (long)NT_PRSTATUS, &iov))
		return errno == ESRCH
			       ? NULL
			       : hg_error_errno(errno, "cannot read the registers of thread %u",
						tid);
	if (iov.iov_len != arch->user_regs_size)
		return hg_error_create(HG_ERROR_UNSUPPORTED,
				       "process %u: 32-bit processes are not supported",
				       snapshot->pid);
	hg_thread_set_regs(&thread->thread, arch, thread->user_regs);
	if (!snapshot->want_fp)
		return NULL;
	struct hg_error *err = read_set(tid, NT_FPREGSET, &thread->fp, &thread->fp_size);
	if (!err && arch->elf_machine == EM_X86_64)
		err = read_set(tid, NT_X86_XSTATE, &thread->xstate, &thread->xstate_size);
	if (!err && thread->xstate)
		hg_xstate_standardize(thread->xstate, &thread->xstate_size, snapshot->xstate_parts);
	return err;
}

static struct hg_error *read_thread(struct hg_snapshot *snapshot, const struct hg_stopped *stopped)
{
	struct hg_snapshot_thread *thread = hg_vec_push(&snapshot->threads);
	if (!thread)
		return &hg_enomem;
	thread->host_tid = stopped->tid;
	thread->thread.signal = stopped->signal;
	name_thread(snapshot, thread);
	if (stopped->held)
		return read_held(snapshot, thread);
	read_asleep(snapshot->pid, snapshot->arch, thread);
	return NULL;
}

struct hg_error *hg_snapshot_read_threads(struct hg_snapshot *snapshot, const struct hg_stop *stop)
{
	hg_error_destroy(hg_proc_status(snapshot->pid, &snapshot->at_stop));
	for (size_t i = 0; i < stop->threads.count; i++) {
		if (stop->threads.data[i].gone)
			continue;
		struct hg_error *err = read_thread(snapshot, &stop->threads.data[i]);
		if (err)
			return err;
		struct hg_snapshot_thread *threads = snapshot->threads.data;
		const size_t last = snapshot->threads.count - 1;
		if (last && threads[last].host_tid == snapshot->pid) { // the main thread goes first
			const struct hg_snapshot_thread first = threads[0];
			threads[0] = threads[last];
			threads[last] = first;
		}
	}
	return NULL;
}
