#include "core/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/capture_hide.h"
#include "core/capture_mode.h"
#include "core/capture_notes.h"
#include "core/capture_record.h"
#include "core/capture_snapshot.h"
#include "core/image_write.h"

struct output {
	int fd;
	char *path;
	bool named; // there is a name to take away when all fails
};

struct writing {
	struct hg_core_writer writer;
	struct hg_gap record; // our own note, in the notes
};

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static struct hg_error *exists(const char *path)
{
	return hg_error_create(HG_ERROR_IO, "'%s' exists already", path);
}

/** Where anybody may write and remove, somebody could put a file of his own in the place of the core. */
static struct hg_error *check_folder(const char *folder)
{
	struct stat status;
	if (stat(folder, &status) || !(status.st_mode & S_IWOTH) || status.st_mode & S_ISVTX)
		return NULL;
	return hg_error_create(
		HG_ERROR_PERMISSION,
		"a core holds secrets, and anybody may write to '%s': choose another "
		"folder, or set its sticky bit",
		folder);
}

/** A file without a name first, so that it is complete or absent; not all file systems know that. */
static struct hg_error *open_output(struct output *output)
{
	struct stat status;
	if (!lstat(output->path, &status))
		return exists(output->path);
	hg_autofree char *folder = folder_of(output->path);
	if (!folder)
		return &hg_enomem;
	struct hg_error *err = check_folder(folder);
	if (err)
		return err;
	output->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (output->fd < 0) {
		output->fd = open(output->path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC,
				  0600);
		output->named = output->fd >= 0;
	}
	if (output->fd < 0)
		return errno == EEXIST ? exists(output->path)
				       : hg_error_errno(errno, "cannot create '%s'", output->path);
	if (fchmod(output->fd, 0600))
		return hg_error_errno(errno, "cannot create '%s'", output->path);
	return NULL;
}

static struct hg_error *name_output(struct output *output)
{
	if (output->named)
		return NULL;
	char unnamed[64];
	snprintf(unnamed, sizeof(unnamed), "/proc/self/fd/%d", output->fd);
	if (!linkat(AT_FDCWD, unnamed, AT_FDCWD, output->path, AT_SYMLINK_FOLLOW)) {
		output->named = true;
		return NULL;
	}
	return errno == EEXIST ? exists(output->path)
			       : hg_error_errno(errno, "cannot create '%s'", output->path);
}

static struct hg_error *add_segment(struct hg_core_writer *writer, const struct hg_range *range,
				    uint64_t addr, uint64_t end, uint64_t file_size)
{
	if (addr >= end)
		return NULL;
	return hg_core_add_segment(writer, (struct hg_core_segment){
						   .addr = addr,
						   .size = end - addr,
						   .file_size = file_size,
						   .prot = range->prot,
					   });
}

/** Adds [addr, end) with all its bytes, but for the pages that could not be read. */
static struct hg_error *add_present(struct hg_core_writer *writer,
				    const struct hg_snapshot *snapshot,
				    const struct hg_range *range, uint64_t addr, uint64_t end)
{
	struct hg_gap gap;
	while (hg_snapshot_next_gap(snapshot, addr, end, &gap)) {
		struct hg_error *err = add_segment(writer, range, addr, gap.addr, gap.addr - addr);
		if (!err)
			err = add_segment(writer, range, gap.addr, gap.addr + gap.size, 0);
		if (err)
			return err;
		addr = gap.addr + gap.size;
	}
	return add_segment(writer, range, addr, end, end - addr);
}

/** Memory that may not be taken for zeros where it was not copied: a segment for each run. */
static struct hg_error *add_runs(struct hg_core_writer *writer, const struct hg_snapshot *snapshot,
				 const struct hg_range *range)
{
	uint64_t addr = range->start;
	for (size_t i = 0; i < range->run_count; i++) {
		const struct hg_run *run = &snapshot->runs.data[range->first_run + i];
		struct hg_error *err = add_segment(writer, range, addr, run->addr, 0);
		addr = run->addr + run->size;
		if (!err)
			err = add_present(writer, snapshot, range, run->addr, addr);
		if (err)
			return err;
	}
	return add_segment(writer, range, addr, range->end, 0);
}

static struct hg_error *add_range(struct hg_core_writer *writer, const struct hg_snapshot *snapshot,
				  const struct hg_range *range)
{
	if (range->keep == HG_KEEP_RESIDENT && !range->zeros)
		return add_runs(writer, snapshot, range);
	if (range->keep == HG_KEEP_NONE)
		return add_segment(writer, range, range->start, range->end, 0);
	if (range->keep == HG_KEEP_HEADER)
		return add_segment(writer, range, range->start, range->end, 4096);
	return add_present(writer, snapshot, range, range->start, range->end);
}

static struct hg_error *write_headers(void *arg, const struct hg_snapshot *snapshot)
{
	struct writing *writing = arg;
	struct hg_core_writer *writer = &writing->writer;
	for (size_t i = 0; i < snapshot->ranges.count; i++) {
		struct hg_error *err = add_range(writer, snapshot, &snapshot->ranges.data[i]);
		if (err)
			return err;
	}
	hg_note_buffer notes = {0};
	struct hg_error *err = hg_snapshot_write_notes(snapshot, &notes, &writing->record);
	if (!err)
		err = hg_core_write_headers(writer, snapshot->arch, notes.data, notes.count);
	hg_vec_deinit(&notes);
	return err;
}

static struct hg_error *write_memory(void *arg, uint64_t addr, const uint8_t *data, uint64_t size)
{
	struct writing *writing = arg;
	return hg_core_write_memory(&writing->writer, addr, data, size);
}

/** What was not known before the memory was read: the pause, pages that could not be read. */
static struct hg_error *write_record(const struct writing *writing,
				     const struct hg_snapshot *snapshot)
{
	struct hg_text text = {0};
	hg_snapshot_record(snapshot, writing->record.size, &text);
	struct hg_error *err = text.failed ? &hg_enomem : NULL;
	if (!err && text.length <= writing->record.size)
		err = hg_core_rewrite_notes(&writing->writer, writing->record.addr,
					    hg_text_str(&text), text.length);
	hg_text_deinit(&text);
	return err;
}

/** Writes what was copied into memory, and gives the memory back on the way. */
static struct hg_error *write_runs(struct writing *writing, const struct hg_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->runs.count; i++) {
		const struct hg_run *run = &snapshot->runs.data[i];
		const struct hg_range *range = &snapshot->ranges.data[run->range];
		uint8_t *data = range->buffer + (run->addr - range->start);
		struct hg_error *err =
			hg_core_write_memory(&writing->writer, run->addr, data, run->size);
		if (err)
			return err;
		madvise(data, run->size, MADV_DONTNEED);
		hg_log_progress(snapshot->log, "writing", i + 1, snapshot->runs.count);
	}
	return NULL;
}

/** Copies into memory, lets the target go, and writes then. */
static struct hg_error *copy_and_write(struct hg_snapshot *snapshot, struct writing *writing)
{
	struct hg_error *err = hg_snapshot_take(snapshot, NULL);
	if (!err)
		err = write_headers(writing, snapshot);
	return err ? err : write_runs(writing, snapshot);
}

static struct hg_error *write_directly(struct hg_snapshot *snapshot, struct writing *writing)
{
	const struct hg_sink sink = {write_headers, write_memory, writing};
	return hg_snapshot_take(snapshot, &sink);
}

/** Takes out what the caller finds in the core that is not to be in it, before anybody else can see it. */
static struct hg_error *hide(const struct writing *writing, struct hg_snapshot *snapshot,
			     const struct hg_capture_options *options)
{
	char core[64];
	snprintf(core, sizeof(core), "/proc/self/fd/%d", writing->writer.fd);
	hg_hidden_list list = {0};
	struct hg_error *err = options->hide(options->hide_arg, snapshot->pid, core, &list);
	struct hg_hidden *place = err ? NULL : hg_vec_push(&list);
	if (place) {
		*place = snapshot->arguments;
		err = hg_hide_contents(&writing->writer, &list, &snapshot->hidden_bytes);
	} else if (!err) {
		err = &hg_enomem;
	}
	hg_vec_deinit(&list);
	return err ? err : write_record(writing, snapshot);
}

static struct hg_error *finish(const struct writing *writing, struct hg_snapshot *snapshot,
			       const struct hg_capture_options *options, struct output *output)
{
	struct hg_error *err = write_record(writing, snapshot);
	if (!err && options && options->hide)
		err = hide(writing, snapshot, options);
	return err ? err : name_output(output);
}

static struct hg_error *write_stopped(struct hg_snapshot *snapshot, struct writing *writing,
				      bool direct)
{
	direct |= snapshot->mode != HG_CAPTURE_STOP;
	if (!direct && !hg_snapshot_fits(snapshot)) {
		hg_log_printf(
			snapshot->log, HG_LOG_WARNING,
			"little memory is free: process %u stands still until its core is written",
			snapshot->pid);
		direct = true;
	}
	return direct ? write_directly(snapshot, writing) : copy_and_write(snapshot, writing);
}

static struct hg_error *capture(struct hg_snapshot *snapshot, uint32_t pid,
				const struct hg_capture_options *options, struct writing *writing,
				struct output *output)
{
	const bool direct = options && options->direct;
	struct hg_error *err = hg_snapshot_prepare(snapshot, pid);
	if (!err && options && options->hide)
		err = hg_hide_arguments(snapshot);
	if (!err)
		err = hg_mode_decide(snapshot);
	if (!err)
		err = open_output(output);
	if (err)
		return err;
	writing->writer.fd = output->fd;
	writing->writer.path = output->path;
	if (snapshot->mode == HG_CAPTURE_FORK) {
		err = write_directly(snapshot, writing);
		if (!err)
			return finish(writing, snapshot, options, output);
		if (err->code == HG_ERROR_UNSUPPORTED && !writing->writer.segments.count)
			err = hg_mode_fall_back(snapshot, err);
		if (err)
			return err;
	}
	err = write_stopped(snapshot, writing, direct);
	return err ? err : finish(writing, snapshot, options, output);
}

struct hg_error *hg_capture(uint32_t pid, const struct hg_capture_options *options,
			    struct hg_capture_result *ret)
{
	struct output output = {.fd = -1};
	if (options && options->output)
		output.path = strdup(options->output);
	else if (asprintf(&output.path, "core.%u", pid) < 0)
		output.path = NULL;
	if (!output.path)
		return &hg_enomem;
	struct hg_snapshot snapshot = {.want_fp = true, .notice = HG_LOG_NOTICE};
	if (options) {
		snapshot.log = options->log;
		snapshot.limits = options->limits;
	}
	struct writing writing = {0};
	struct hg_error *err = capture(&snapshot, pid, options, &writing, &output);
	if (output.fd >= 0 && close(output.fd) && !err)
		err = hg_error_errno(errno, "cannot write '%s'", output.path);
	if (err && output.named)
		unlink(output.path);
	if (err)
		free(output.path);
	else
		*ret = (struct hg_capture_result){
			.path = output.path,
			.bytes = snapshot.run_bytes - snapshot.missing_bytes,
			.file_size = writing.writer.file_size,
			.stopped_us = snapshot.stopped_us,
			.missing_bytes = snapshot.missing_bytes,
			.growth_bytes = snapshot.growth_bytes,
			.reap_us = snapshot.reap_us,
			.hidden_bytes = snapshot.hidden_bytes,
			.mode = snapshot.mode,
		};
	hg_core_writer_deinit(&writing.writer);
	hg_snapshot_deinit(&snapshot);
	return err;
}
