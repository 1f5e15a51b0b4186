// What of a live process is copied: decided mapping by mapping, page by page.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/capture_snapshot.h"
#include "core/headroom.h"

#define PAGE ((uint64_t)4096)
#define READ_THROUGH_MAX ((uint64_t)64 << 20)
#define GROWTH ((uint64_t)256 << 20)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

// PAGEMAP_SCAN, Linux 6.7.
struct scan_region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define PAGEMAP_SCAN _IOWR('f', 16, struct scan_arg)
enum { SCAN_FILE = 1 << 2, SCAN_PRESENT = 1 << 3, SCAN_SWAPPED = 1 << 4, SCAN_ZERO = 1 << 5 };

struct hg_error *hg_snapshot_add_run(struct hg_snapshot *snapshot, uint64_t addr, uint64_t end)
{
	const size_t range = snapshot->ranges.count - 1;
	while (addr < end) {
		const uint64_t size = end - addr < HG_RUN_MAX ? end - addr : HG_RUN_MAX;
		struct hg_run *run = hg_vec_push(&snapshot->runs);
		if (!run)
			return &hg_enomem;
		*run = (struct hg_run){addr, size, range};
		snapshot->run_bytes += size;
		addr += size;
	}
	return NULL;
}

/** Pages that are there come as runs; *anonymous tells whether one of them is no page of a file. */
static struct hg_error *scan(struct hg_snapshot *snapshot, const struct hg_range *range,
			     bool *anonymous, bool *works)
{
	struct scan_region found[512];
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = range->start,
		.end = range->end,
		.vec = (uintptr_t)found,
		.vec_len = sizeof(found) / sizeof(found[0]),
		.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
		.return_mask = SCAN_PRESENT | SCAN_SWAPPED | SCAN_FILE | SCAN_ZERO,
	};
	while (arg.start < arg.end) {
		const int count = ioctl(snapshot->pagemap_fd, PAGEMAP_SCAN, &arg);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			*works = false;
			return NULL;
		}
		for (int i = 0; i < count; i++) {
			if (found[i].categories & SCAN_ZERO) // never written
				continue;
			*anonymous |= !(found[i].categories & SCAN_FILE);
			struct hg_error *err =
				hg_snapshot_add_run(snapshot, found[i].start, found[i].end);
			if (err)
				return err;
		}
		if (arg.walk_end <= arg.start)
			break;
		arg.start = arg.walk_end;
	}
	return NULL;
}

/** The same by reading 8 bytes a page: bit 63 present, 62 swapped, 61 of a file or shared. */
static struct hg_error *read_pagemap(struct hg_snapshot *snapshot, const struct hg_range *range,
				     bool *anonymous)
{
	uint64_t entries[4096];
	uint64_t run = 0;
	for (uint64_t addr = range->start; addr < range->end;) {
		uint64_t pages = (range->end - addr) / PAGE;
		if (pages > sizeof(entries) / 8)
			pages = sizeof(entries) / 8;
		const ssize_t got =
			pread(snapshot->pagemap_fd, entries, pages * 8, (off_t)(addr / PAGE * 8));
		if (got < 8) { // no page map: all pages count as present
			*anonymous = true;
			return hg_snapshot_add_run(snapshot, run ? run : addr, range->end);
		}
		for (uint64_t i = 0; i < (uint64_t)got / 8; i++, addr += PAGE) {
			const bool present = entries[i] >> 62;
			*anonymous |= present && !(entries[i] >> 61 & 1);
			struct hg_error *err = NULL;
			if (present && !run)
				run = addr;
			else if (!present && run) {
				err = hg_snapshot_add_run(snapshot, run, addr);
				run = 0;
			}
			if (err)
				return err;
		}
	}
	return run ? hg_snapshot_add_run(snapshot, run, range->end) : NULL;
}

struct hg_error *hg_snapshot_find_resident(struct hg_snapshot *snapshot,
					   const struct hg_range *range, bool *anonymous)
{
	const size_t first = snapshot->runs.count;
	const uint64_t bytes = snapshot->run_bytes;
	if (snapshot->scan_works) {
		struct hg_error *err = scan(snapshot, range, anonymous, &snapshot->scan_works);
		if (err || snapshot->scan_works)
			return err;
		snapshot->runs.count = first;
		snapshot->run_bytes = bytes;
	}
	return read_pagemap(snapshot, range, anonymous);
}

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static bool is_omitted(const struct hg_snapshot *snapshot, const struct hg_mapping *mapping)
{
	size_t low = 0, high = snapshot->omitted.count;
	while (low < high) { // the first that ends behind the start of the mapping
		const size_t middle = low + (high - low) / 2;
		const struct hg_absent *omitted = &snapshot->omitted.data[middle];
		if (omitted->addr + omitted->size <= mapping->start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < snapshot->omitted.count && snapshot->omitted.data[low].addr <= mapping->start;
}

/** Memory that only looks like a file. */
static bool is_shared_memory(const char *path)
{
	return !*path || *path == '[' || begins(path, "/dev/zero") || begins(path, "/dev/shm/") ||
	       begins(path, "/memfd:") || begins(path, "/SYSV") || begins(path, "/anon_hugepage");
}

static bool is_lost(const struct hg_snapshot *snapshot, uint64_t addr)
{
	const struct hg_special *special =
		snapshot->memory_pid == snapshot->pid ? NULL : hg_saved_special(snapshot, addr);
	return special && !special->shared && !special->is_saved;
}

static enum hg_keep keep_of(const struct hg_snapshot *snapshot, const struct hg_mapping *mapping)
{
	const char *path = mapping->path;
	if (!(mapping->prot & HG_PROT_READ) || begins(path, "[vvar") ||
	    !strcmp(path, "[vsyscall]") || is_omitted(snapshot, mapping) ||
	    is_lost(snapshot, mapping->start))
		return HG_KEEP_NONE;
	if (!strcmp(path, "[vdso]"))
		return HG_KEEP_ALL; // the page map does not know it
	if (is_shared_memory(path))
		return HG_KEEP_RESIDENT;
	if (begins(path, "/dev/") || mapping->shared)
		return HG_KEEP_NONE;
	if (mapping->prot & HG_PROT_WRITE && mapping->end - mapping->start <= READ_THROUGH_MAX)
		return HG_KEEP_ALL; // what was not touched is the file's, not zero
	return HG_KEEP_HEADER;	    // unless a page of it was written: see add_runs()
}

/** Only of a copy: the process itself has it all. */
static bool is_saved(const struct hg_snapshot *snapshot, uint64_t addr)
{
	const struct hg_special *special =
		snapshot->memory_pid == snapshot->pid ? NULL : hg_saved_special(snapshot, addr);
	return special && special->is_saved;
}

static struct hg_error *add_runs(struct hg_snapshot *snapshot, struct hg_range *range,
				 const struct hg_mapping *mapping)
{
	if (range->keep == HG_KEEP_NONE)
		return NULL;
	if (range->keep == HG_KEEP_ALL)
		return hg_snapshot_add_run(snapshot, range->start, range->end);
	if (range->keep == HG_KEEP_RESIDENT && is_saved(snapshot, range->start))
		return hg_saved_add_runs(snapshot, range->start, range->end);
	const size_t first = snapshot->runs.count;
	const uint64_t bytes = snapshot->run_bytes;
	bool anonymous = false;
	struct hg_error *err = hg_snapshot_find_resident(snapshot, range, &anonymous);
	if (err || range->keep == HG_KEEP_RESIDENT)
		return err;
	// A private mapping of a file. Pages written before it became read-only (relocations) are memory of the process,
	// and the debuggers look there for the list of libraries.
	const bool large = range->end - range->start > READ_THROUGH_MAX;
	if (anonymous && large) {
		range->keep = HG_KEEP_RESIDENT;
		return NULL;
	}
	snapshot->runs.count = first;
	snapshot->run_bytes = bytes;
	if (anonymous) {
		range->keep = HG_KEEP_ALL;
		return hg_snapshot_add_run(snapshot, range->start, range->end);
	}
	if (!mapping->file_offset)
		return hg_snapshot_add_run(snapshot, range->start, range->start + PAGE);
	range->keep = HG_KEEP_NONE;
	return NULL;
}

static struct hg_error *plan_mapping(struct hg_snapshot *snapshot, const struct hg_mapping *mapping)
{
	struct hg_range *range = hg_vec_push(&snapshot->ranges);
	if (!range)
		return &hg_enomem;
	*range = (struct hg_range){
		.start = mapping->start,
		.end = mapping->end,
		.prot = mapping->prot,
		.keep = keep_of(snapshot, mapping),
		.zeros = !mapping->shared && is_shared_memory(mapping->path),
		.first_run = snapshot->runs.count,
	};
	struct hg_error *err = add_runs(snapshot, range, mapping);
	range->run_count = snapshot->runs.count - range->first_run;
	return err;
}

static struct hg_error *read_maps(struct hg_snapshot *snapshot)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/maps", snapshot->memory_pid);
	if (err && err->code == HG_ERROR_PERMISSION) {
		hg_error_destroy(err);
		return hg_stop_denied(snapshot->pid);
	}
	if (err)
		return err;
	snapshot->mappings.count = 0;
	err = hg_mappings_parse(text, size, &snapshot->arena, &snapshot->mappings);
	if (!err && !snapshot->mappings.count)
		err = hg_error_create(HG_ERROR_NOT_FOUND, "process %u has ended", snapshot->pid);
	return err;
}

/** What a copy of the process lacks stands among its mappings again. */
static struct hg_error *add_uncopied(struct hg_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->uncopied.count; i++) {
		struct hg_mapping *mapping = hg_vec_push(&snapshot->mappings);
		if (!mapping)
			return &hg_enomem;
		*mapping = snapshot->uncopied.data[i];
	}
	hg_mappings_sort(&snapshot->mappings);
	return NULL;
}

struct hg_error *hg_snapshot_plan(struct hg_snapshot *snapshot)
{
	snapshot->ranges.count = 0;
	snapshot->runs.count = 0;
	snapshot->run_bytes = 0;
	struct hg_error *err = read_maps(snapshot);
	if (!err && snapshot->memory_pid != snapshot->pid)
		err = add_uncopied(snapshot);
	for (size_t i = 0; !err && i < snapshot->mappings.count; i++)
		err = plan_mapping(snapshot, &snapshot->mappings.data[i]);
	return err;
}

static bool find_buffer(struct hg_snapshot *snapshot, uint64_t start, uint64_t end, uint8_t **ret)
{
	const size_t count = snapshot->buffers.count;
	for (size_t i = 0; i < count; i++) {
		// They are asked for in the order in which they were made.
		const size_t at = (snapshot->next_buffer + i) % count;
		const struct hg_buffer *buffer = &snapshot->buffers.data[at];
		if (buffer->start <= start && end <= buffer->end) {
			*ret = buffer->ptr + (start - buffer->start);
			snapshot->next_buffer = at + 1;
			return true;
		}
	}
	return false;
}

static struct hg_error *make_buffer(struct hg_snapshot *snapshot, uint64_t start, uint64_t end,
				    uint8_t **ret)
{
	struct hg_buffer *buffer = hg_vec_push(&snapshot->buffers);
	if (!buffer)
		return &hg_enomem;
	// Room for all of it and for what it may grow until the stop, but no memory before something is copied there.
	const uint64_t size = end - start + GROWTH;
	void *ptr = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ptr == MAP_FAILED) {
		snapshot->buffers.count--;
		return &hg_enomem;
	}
	*buffer = (struct hg_buffer){start, start + size, ptr};
	*ret = ptr;
	return NULL;
}

/**
 * Neighbours share a buffer, so that what lies across the border of two mappings can be viewed in one: a heap is many
 * mappings where parts of it were given other advice or names.
 */
static struct hg_error *allocate_group(struct hg_snapshot *snapshot, size_t first, bool anew,
				       size_t *ret_next)
{
	struct hg_range *ranges = snapshot->ranges.data;
	size_t next = first + 1;
	while (next < snapshot->ranges.count && ranges[next].start == ranges[next - 1].end &&
	       ranges[next].prot == ranges[first].prot && ranges[next].keep != HG_KEEP_NONE)
		next++;
	*ret_next = next;
	const uint64_t start = ranges[first].start, end = ranges[next - 1].end;
	uint8_t *ptr;
	if (anew || !find_buffer(snapshot, start, end, &ptr)) {
		struct hg_error *err = make_buffer(snapshot, start, end, &ptr);
		if (err)
			return err;
	}
	for (size_t i = first; i < next; i++)
		ranges[i].buffer = ptr + (ranges[i].start - start);
	return NULL;
}

static void populate_runs(const struct hg_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->runs.count; i++) {
		const struct hg_run *run = &snapshot->runs.data[i];
		const struct hg_range *range = &snapshot->ranges.data[run->range];
		// Linux 5.14; elsewhere the pages come one by one, while the target stands.
		if (madvise(range->buffer + (run->addr - range->start), run->size,
			    MADV_POPULATE_WRITE))
			break;
	}
}

struct hg_error *hg_snapshot_allocate(struct hg_snapshot *snapshot, bool populate)
{
	snapshot->next_buffer = 0;
	for (size_t i = 0; i < snapshot->ranges.count;) {
		if (snapshot->ranges.data[i].keep == HG_KEEP_NONE) {
			i++;
			continue;
		}
		struct hg_error *err = allocate_group(snapshot, i, populate, &i);
		if (err)
			return err;
	}
	if (populate)
		populate_runs(snapshot);
	return NULL;
}

bool hg_snapshot_fits(const struct hg_snapshot *snapshot)
{
	const uint64_t spare = snapshot->run_bytes / 8 + ((uint64_t)64 << 20);
	return hg_headroom(0) >= snapshot->run_bytes + spare;
}
