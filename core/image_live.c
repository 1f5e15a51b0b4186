#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/capture_mode.h"
#include "core/capture_record.h"
#include "core/capture_snapshot.h"
#include "core/image.h"
#include "core/image_build.h"
#include "core/note.h"
#include "core/record.h"

static struct hg_error *copy_facts(struct hg_image *image, struct hg_snapshot *snapshot)
{
	image->arch = snapshot->arch;
	image->pid = snapshot->pid;
	image->comm = hg_arena_strndup(&image->arena, snapshot->status.name,
				       strlen(snapshot->status.name));
	if (!*image->sysroot && !hg_proc_shares_root(snapshot->pid))
		image->sysroot = hg_arena_printf(&image->arena, "/proc/%u/root", snapshot->pid);
	if (!image->comm || !image->sysroot)
		return &hg_enomem;
	for (size_t i = 0; i < snapshot->threads.count; i++) {
		struct hg_thread *thread = hg_vec_push(&image->threads);
		if (!thread)
			return &hg_enomem;
		*thread = snapshot->threads.data[i].thread;
	}
	for (size_t i = 0; i < snapshot->mappings.count; i++) {
		struct hg_mapping *mapping = hg_vec_push(&image->mappings);
		if (!mapping)
			return &hg_enomem;
		*mapping = snapshot->mappings.data[i];
		mapping->path =
			hg_arena_strndup(&image->arena, mapping->path, strlen(mapping->path));
		if (!mapping->path)
			return &hg_enomem;
	}
	return hg_note_read_auxv(image, (const uint8_t *)snapshot->auxv, snapshot->auxv_size);
}

static struct hg_error *add(struct hg_image *image, const struct hg_range *range, uint64_t addr,
			    uint64_t end, bool present)
{
	if (addr >= end)
		return NULL;
	return hg_image_add(image,
			    (struct hg_segment){
				    .addr = addr,
				    .size = end - addr,
				    .present = present ? end - addr : 0,
				    .bytes = present ? range->buffer + (addr - range->start) : NULL,
				    .prot = range->prot,
			    });
}

/** Memory that is there but could not be read is no gap that a file could fill. */
static struct hg_error *add_unreadable(struct hg_image *image, const struct hg_range *range,
				       const struct hg_gap *gap)
{
	return hg_image_add(image, (struct hg_segment){
					   .addr = gap->addr,
					   .size = gap->size,
					   .bytes = range->buffer,
					   .prot = range->prot,
				   });
}

/** Adds what is there of [addr, end): all but the pages that could not be read. */
static struct hg_error *add_present(struct hg_image *image, const struct hg_snapshot *snapshot,
				    const struct hg_range *range, uint64_t addr, uint64_t end)
{
	struct hg_gap gap;
	while (hg_snapshot_next_gap(snapshot, addr, end, &gap)) {
		struct hg_error *err = add(image, range, addr, gap.addr, true);
		if (!err)
			err = add_unreadable(image, range, &gap);
		if (err)
			return err;
		addr = gap.addr + gap.size;
	}
	return add(image, range, addr, end, true);
}

static struct hg_error *add_range(struct hg_image *image, const struct hg_snapshot *snapshot,
				  const struct hg_range *range)
{
	if (range->zeros && range->keep != HG_KEEP_NONE)
		return add_present(image, snapshot, range, range->start, range->end);
	uint64_t addr = range->start;
	for (size_t i = 0; i < range->run_count; i++) {
		const struct hg_run *run = &snapshot->runs.data[range->first_run + i];
		struct hg_error *err = add(image, range, addr, run->addr, false);
		if (!err)
			err = add_present(image, snapshot, range, run->addr, run->addr + run->size);
		if (err)
			return err;
		addr = run->addr + run->size;
	}
	return add(image, range, addr, range->end, false);
}

/** The image becomes the owner of the buffers. */
static struct hg_error *take_memory(struct hg_image *image, struct hg_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->ranges.count; i++) {
		const struct hg_range *range = &snapshot->ranges.data[i];
		struct hg_error *err = add_range(image, snapshot, range);
		if (err)
			return err;
	}
	while (snapshot->buffers.count) {
		const struct hg_buffer *buffer = &snapshot->buffers.data[--snapshot->buffers.count];
		struct hg_error *err =
			hg_image_own(image, buffer->ptr, buffer->end - buffer->start);
		if (err)
			return err;
	}
	image->missing_bytes = snapshot->missing_bytes;
	struct hg_text record = {0};
	hg_snapshot_record(snapshot, SIZE_MAX, &record);
	struct hg_error *err = hg_record_read(image, hg_text_str(&record), record.length);
	hg_text_deinit(&record);
	return err;
}

static struct hg_error *build(struct hg_image *image, struct hg_snapshot *snapshot,
			      const struct hg_image_options *options)
{
	struct hg_error *err = copy_facts(image, snapshot);
	if (!err)
		err = take_memory(image, snapshot);
	if (!err)
		err = hg_image_finish(image);
	return err ? err : hg_image_fill(image, options);
}

static struct hg_error *open_exe(struct hg_image *image, uint32_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	image->priv->exe_fd = open(path, O_RDONLY | O_CLOEXEC);
	return image->priv->exe_fd < 0 ? hg_error_errno(errno, "cannot open '%s'", path) : NULL;
}

static struct hg_error *take_snapshot(struct hg_snapshot *snapshot, uint32_t pid)
{
	struct hg_error *err = hg_snapshot_prepare(snapshot, pid);
	if (!err && !hg_snapshot_fits(snapshot))
		err = hg_error_create(HG_ERROR_LIMIT,
				      "process %u has %lu MiB of memory to copy, and not as much "
				      "is free; write a "
				      "snapshot to a file instead",
				      pid, snapshot->run_bytes >> 20);
	if (!err)
		err = hg_mode_decide(snapshot);
	if (err)
		return err;
	err = hg_snapshot_take(snapshot, NULL);
	if (!err || snapshot->mode != HG_CAPTURE_FORK || err->code != HG_ERROR_UNSUPPORTED)
		return err;
	err = hg_mode_fall_back(snapshot, err);
	return err ? err : hg_snapshot_take(snapshot, NULL);
}

struct hg_error *hg_image_open_live(uint32_t pid, const struct hg_image_options *options,
				    uint64_t *stopped_us, struct hg_image **ret)
{
	hg_cleanup(hg_image_destroyp) struct hg_image *image = NULL;
	struct hg_error *err = hg_image_create(HG_IMAGE_LIVE, options, &image);
	if (err)
		return err;
	struct hg_snapshot snapshot = {.log = options ? options->log : NULL, .notice = HG_LOG_INFO};
	if (options)
		snapshot.limits = options->limits;
	err = take_snapshot(&snapshot, pid);
	if (!err)
		err = hg_snapshot_ended(open_exe(image, pid), pid);
	if (!err)
		err = build(image, &snapshot, options);
	*stopped_us = snapshot.stopped_us;
	hg_snapshot_deinit(&snapshot);
	if (err)
		return err;
	*ret = hg_take(image);
	return NULL;
}
