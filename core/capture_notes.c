#include "core/capture_notes.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "core/capture_record.h"
#include "core/note.h"

static void put_u32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put_u64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

/*
 * NT_PRSTATUS of 64-bit Linux, what is not 0:
 *   OFFSET SIZE MEANING
 *   32     4    thread id
 *   36     4    parent
 *   40     4    process group
 *   44     4    session
 *   112    ..   registers
 *   ..     4    1: floating point registers follow
 */
static struct hg_error *add_prstatus(const struct hg_snapshot *snapshot,
				     const struct hg_snapshot_thread *thread, hg_note_buffer *ret)
{
	const struct hg_arch *arch = snapshot->arch;
	uint8_t *desc;
	struct hg_error *err = hg_note_add(ret, "CORE", NT_PRSTATUS, arch->prstatus_size, &desc);
	if (err)
		return err;
	put_u32(desc + 32, thread->thread.tid);
	put_u32(desc + 36, snapshot->status.ppid);
	put_u32(desc + 40, (uint32_t)getpgid((pid_t)snapshot->pid));
	put_u32(desc + 44, (uint32_t)getsid((pid_t)snapshot->pid));
	uint8_t *regs = desc + arch->prstatus_regs;
	memcpy(regs, thread->user_regs, arch->user_regs_size);
	// Of a thread that could not be asked, these two are known all the same.
	put_u64(regs + arch->pc_offset, thread->thread.pc);
	put_u64(regs + arch->sp_offset, thread->thread.sp);
	put_u32(regs + arch->user_regs_size, thread->fp != NULL);
	return NULL;
}

/*
 * NT_PRPSINFO:
 *   OFFSET SIZE MEANING
 *   1      1    state letter
 *   16     4    user
 *   20     4    group
 *   24     4    process id
 *   28     4    parent
 *   32     4    process group
 *   36     4    session
 *   40     16   name
 *   56     80   arguments
 */
static struct hg_error *add_prpsinfo(const struct hg_snapshot *snapshot, hg_note_buffer *ret)
{
	uint8_t *desc;
	struct hg_error *err = hg_note_add(ret, "CORE", NT_PRPSINFO, 136, &desc);
	if (err)
		return err;
	desc[1] = (uint8_t)snapshot->status.state;
	put_u32(desc + 16, snapshot->status.uid);
	put_u32(desc + 20, snapshot->status.gid);
	put_u32(desc + 24, snapshot->status.inner_pid);
	put_u32(desc + 28, snapshot->status.ppid);
	put_u32(desc + 32, (uint32_t)getpgid((pid_t)snapshot->pid));
	put_u32(desc + 36, (uint32_t)getsid((pid_t)snapshot->pid));
	memcpy(desc + 40, snapshot->status.name, strnlen(snapshot->status.name, 15));
	size_t length = snapshot->cmdline_size < 79 ? snapshot->cmdline_size : 79;
	memcpy(desc + 56, snapshot->cmdline, length);
	while (length && !desc[56 + length - 1])
		length--;
	for (size_t i = 0; i < length; i++)
		if (!desc[56 + i])
			desc[56 + i] = ' ';
	return NULL;
}

static size_t path_room(const struct hg_mapping *mapping)
{
	return strlen(mapping->path) + (mapping->deleted ? sizeof(" (deleted)") : 1);
}

/** See read_file() in note.c for the layout. */
static struct hg_error *add_file(const struct hg_snapshot *snapshot, hg_note_buffer *ret)
{
	size_t count = 0, size = 16;
	for (size_t i = 0; i < snapshot->mappings.count; i++) {
		const struct hg_mapping *mapping = &snapshot->mappings.data[i];
		if (*mapping->path != '/')
			continue;
		count++;
		size += 24 + path_room(mapping);
	}
	uint8_t *desc;
	struct hg_error *err = hg_note_add(ret, "CORE", NT_FILE, size, &desc);
	if (err)
		return err;
	put_u64(desc, count);
	put_u64(desc + 8, 4096);
	uint8_t *range = desc + 16, *path = range + count * 24;
	for (size_t i = 0; i < snapshot->mappings.count; i++) {
		const struct hg_mapping *mapping = &snapshot->mappings.data[i];
		if (*mapping->path != '/')
			continue;
		put_u64(range, mapping->start);
		put_u64(range + 8, mapping->end);
		put_u64(range + 16, mapping->file_offset / 4096);
		range += 24;
		const size_t length = strlen(mapping->path);
		memcpy(path, mapping->path, length);
		if (mapping->deleted)
			memcpy(path + length, " (deleted)", 10);
		path += path_room(mapping);
	}
	return NULL;
}

static struct hg_error *add_bytes(hg_note_buffer *ret, const char *name, uint32_t type,
				  const void *data, size_t size)
{
	uint8_t *desc;
	struct hg_error *err = hg_note_add(ret, name, type, size, &desc);
	if (!err && size)
		memcpy(desc, data, size);
	return err;
}

static struct hg_error *add_process(const struct hg_snapshot *snapshot, hg_note_buffer *ret)
{
	uint8_t *siginfo; // all zeros: it did not stop for a signal
	struct hg_error *err = add_prpsinfo(snapshot, ret);
	if (!err)
		err = hg_note_add(ret, "CORE", NT_SIGINFO, 128, &siginfo);
	if (!err)
		err = add_bytes(ret, "CORE", NT_AUXV, snapshot->auxv, snapshot->auxv_size);
	return err ? err : add_file(snapshot, ret);
}

static struct hg_error *add_float(const struct hg_snapshot_thread *thread, hg_note_buffer *ret)
{
	struct hg_error *err = NULL;
	if (thread->fp)
		err = add_bytes(ret, "CORE", NT_FPREGSET, thread->fp, thread->fp_size);
	if (!err && thread->xstate)
		err = add_bytes(ret, "LINUX", NT_X86_XSTATE, thread->xstate, thread->xstate_size);
	return err;
}

static struct hg_error *add_record(const struct hg_snapshot *snapshot, hg_note_buffer *ret,
				   struct hg_gap *ret_record)
{
	const size_t room = hg_snapshot_record_room(snapshot);
	uint8_t *desc;
	struct hg_error *err = hg_note_add(ret, HG_NOTE_NAME, HG_NOTE_RECORD, room, &desc);
	if (!err)
		*ret_record = (struct hg_gap){(uint64_t)(desc - ret->data), room};
	return err;
}

struct hg_error *hg_snapshot_write_notes(const struct hg_snapshot *snapshot, hg_note_buffer *ret,
					 struct hg_gap *ret_record)
{
	for (size_t i = 0; i < snapshot->threads.count; i++) {
		const struct hg_snapshot_thread *thread = &snapshot->threads.data[i];
		struct hg_error *err = add_prstatus(snapshot, thread, ret);
		if (!err && !i)
			err = add_process(snapshot, ret);
		if (!err)
			err = add_float(thread, ret);
		if (!err)
			err = add_bytes(ret, HG_NOTE_NAME, HG_NOTE_THREAD_NAME, thread->thread.name,
					sizeof(thread->thread.name));
		if (err)
			return err;
	}
	return add_record(snapshot, ret, ret_record);
}
