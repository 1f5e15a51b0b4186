// Memory that a copy of a process lacks (MADV_DONTFORK), or that goes on changing in it (shared): it is copied while the
// process stands, as far as that is quickly done.

#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "core/capture_snapshot.h"

const struct hg_special *hg_saved_special(const struct hg_snapshot *snapshot, uint64_t addr)
{
	size_t low = 0, high = snapshot->specials.count;
	while (low < high) { // the first that ends behind addr
		const size_t middle = low + (high - low) / 2;
		if (snapshot->specials.data[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == snapshot->specials.count || snapshot->specials.data[low].start > addr)
		return NULL;
	return &snapshot->specials.data[low];
}

static size_t first_saved_behind(const struct hg_snapshot *snapshot, uint64_t addr)
{
	size_t low = 0, high = snapshot->saved.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct hg_saved *saved = &snapshot->saved.data[middle];
		if (saved->addr + saved->size <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const uint8_t *hg_saved_find(const struct hg_snapshot *snapshot, uint64_t addr, uint64_t size)
{
	const size_t at = first_saved_behind(snapshot, addr);
	if (at == snapshot->saved.count)
		return NULL;
	const struct hg_saved *saved = &snapshot->saved.data[at];
	if (saved->addr > addr || addr + size > saved->addr + saved->size)
		return NULL;
	return snapshot->saved_buffer + saved->at + (addr - saved->addr);
}

struct hg_error *hg_saved_add_runs(struct hg_snapshot *snapshot, uint64_t start, uint64_t end)
{
	for (size_t i = first_saved_behind(snapshot, start); i < snapshot->saved.count; i++) {
		const struct hg_saved *saved = &snapshot->saved.data[i];
		if (saved->addr >= end)
			break;
		struct hg_error *err =
			hg_snapshot_add_run(snapshot, saved->addr, saved->addr + saved->size);
		if (err)
			return err;
	}
	return NULL;
}

/** Special memory that a snapshot keeps; the rest of it (files that can be read again) is nobody's concern. */
static bool is_wanted(const struct hg_snapshot *snapshot, const struct hg_special *special)
{
	for (size_t i = 0; i < snapshot->ranges.count; i++)
		if (snapshot->ranges.data[i].start < special->end &&
		    special->start < snapshot->ranges.data[i].end)
			return snapshot->ranges.data[i].keep != HG_KEEP_NONE;
	return false;
}

struct hg_error *hg_saved_prepare(struct hg_snapshot *snapshot)
{
	size_t count = 0;
	for (size_t i = 0; i < snapshot->specials.count; i++) {
		const struct hg_special special = snapshot->specials.data[i];
		if (is_wanted(snapshot, &special))
			snapshot->specials.data[count++] = special;
	}
	snapshot->specials.count = count;
	if (!count)
		return NULL;
	snapshot->saved_buffer = mmap(NULL, HG_SAVED_MAX, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (snapshot->saved_buffer == MAP_FAILED) {
		snapshot->saved_buffer = NULL;
		return &hg_enomem;
	}
	for (size_t i = 0; i < count; i++) {
		const struct hg_special *special = &snapshot->specials.data[i];
		for (size_t k = 0; !special->shared && k < snapshot->mappings.count; k++) {
			const struct hg_mapping *mapping = &snapshot->mappings.data[k];
			if (mapping->start >= special->end || special->start >= mapping->end)
				continue;
			struct hg_mapping *slot = hg_vec_push(&snapshot->uncopied);
			if (!slot)
				return &hg_enomem;
			*slot = *mapping;
		}
	}
	return NULL;
}

static bool copy_saved(struct hg_snapshot *snapshot, uint64_t addr, uint64_t size)
{
	if (size > HG_SAVED_MAX - snapshot->saved_size)
		return false;
	uint8_t *to = snapshot->saved_buffer + snapshot->saved_size;
	const struct iovec local = {to, size}, remote = {(void *)(uintptr_t)addr, size};
	if (process_vm_readv((pid_t)snapshot->pid, &local, 1, &remote, 1, 0) != (ssize_t)size)
		return false;
	struct hg_saved *saved = hg_vec_push(&snapshot->saved);
	if (!saved)
		return false;
	*saved = (struct hg_saved){addr, size, snapshot->saved_size};
	snapshot->saved_size += size;
	return true;
}

struct hg_error *hg_saved_take(struct hg_snapshot *snapshot)
{
	const size_t runs = snapshot->runs.count;
	const uint64_t bytes = snapshot->run_bytes;
	snapshot->saved.count = 0;
	snapshot->saved_size = 0;
	struct hg_error *err = NULL;
	for (size_t i = 0; !err && i < snapshot->specials.count; i++) {
		struct hg_special *special = &snapshot->specials.data[i];
		const struct hg_range range = {.start = special->start, .end = special->end};
		const size_t saved = snapshot->saved.count;
		bool anonymous = false;
		special->is_saved = true;
		err = hg_snapshot_find_resident(snapshot, &range, &anonymous);
		for (size_t k = runs; !err && special->is_saved && k < snapshot->runs.count; k++)
			special->is_saved = copy_saved(snapshot, snapshot->runs.data[k].addr,
						       snapshot->runs.data[k].size);
		if (!special->is_saved)
			snapshot->saved.count = saved;
		snapshot->runs.count = runs;
		snapshot->run_bytes = bytes;
	}
	return err;
}
