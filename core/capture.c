#include "core/capture.h"

#include <string.h>
#include <sys/mman.h>

#include "core/capture_notes.h"
#include "core/capture_snapshot.h"
#include "core/image_write.h"
#include "core/output.h"

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
	struct hg_core_writer *writer = arg;
	for (size_t i = 0; i < snapshot->ranges.count; i++) {
		struct hg_error *err = add_range(writer, snapshot, &snapshot->ranges.data[i]);
		if (err)
			return err;
	}
	hg_note_buffer notes = {0};
	struct hg_error *err = hg_snapshot_write_notes(snapshot, &notes);
	if (!err)
		err = hg_core_write_headers(writer, snapshot->arch, notes.data, notes.count);
	hg_vec_deinit(&notes);
	return err;
}

static struct hg_error *write_memory(void *arg, uint64_t addr, const uint8_t *data, uint64_t size)
{
	return hg_core_write_memory(arg, addr, data, size);
}

/** Writes what was copied into memory, and gives the memory back on the way. */
static struct hg_error *write_runs(struct hg_core_writer *writer,
				   const struct hg_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->runs.count; i++) {
		const struct hg_run *run = &snapshot->runs.data[i];
		const struct hg_range *range = &snapshot->ranges.data[run->range];
		uint8_t *data = range->buffer + (run->addr - range->start);
		struct hg_error *err = hg_core_write_memory(writer, run->addr, data, run->size);
		if (err)
			return err;
		madvise(data, run->size, MADV_DONTNEED);
		hg_log_progress(snapshot->log, "writing", i + 1, snapshot->runs.count);
	}
	return NULL;
}

/** Copies into memory, lets the target go, and writes then. */
static struct hg_error *copy_and_write(struct hg_snapshot *snapshot, struct hg_core_writer *writer)
{
	struct hg_error *err = hg_snapshot_take(snapshot, NULL);
	if (!err)
		err = write_headers(writer, snapshot);
	return err ? err : write_runs(writer, snapshot);
}

static struct hg_error *write_directly(struct hg_snapshot *snapshot, struct hg_core_writer *writer)
{
	const struct hg_sink sink = {write_headers, write_memory, writer};
	return hg_snapshot_take(snapshot, &sink);
}

static struct hg_error *capture(struct hg_snapshot *snapshot, uint32_t pid, bool direct,
				struct hg_core_writer *writer, struct hg_output *output)
{
	struct hg_error *err = hg_snapshot_prepare(snapshot, pid);
	if (!err)
		err = hg_output_open(output);
	if (err)
		return err;
	writer->fd = output->fd;
	writer->path = output->path;
	if (!direct && !hg_snapshot_fits(snapshot)) {
		hg_log_printf(
			snapshot->log, HG_LOG_WARNING,
			"little memory is free: process %u stands still until its core is written",
			pid);
		direct = true;
	}
	err = direct ? write_directly(snapshot, writer) : copy_and_write(snapshot, writer);
	return err ? err : hg_output_name(output);
}

struct hg_error *hg_capture(uint32_t pid, const struct hg_capture_options *options,
			    struct hg_capture_result *ret)
{
	struct hg_output output = {.fd = -1};
	if (options && options->output)
		output.path = strdup(options->output);
	else if (asprintf(&output.path, "core.%u", pid) < 0)
		output.path = NULL;
	if (!output.path)
		return &hg_enomem;
	struct hg_snapshot snapshot = {.log = options ? options->log : NULL, .want_fp = true};
	struct hg_core_writer writer = {0};
	struct hg_error *err =
		capture(&snapshot, pid, options && options->direct, &writer, &output);
	err = hg_output_close(&output, err);
	if (err)
		free(output.path);
	else
		*ret = (struct hg_capture_result){
			.path = output.path,
			.bytes = snapshot.run_bytes - snapshot.missing_bytes,
			.file_size = writer.file_size,
			.stopped_us = snapshot.stopped_us,
			.missing_bytes = snapshot.missing_bytes,
		};
	hg_core_writer_deinit(&writer);
	hg_snapshot_deinit(&snapshot);
	return err;
}
