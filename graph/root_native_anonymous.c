#include <string.h>

#include "core/base/bytes.h"
#include "graph/root_native_private.h"

// What the program has mapped for itself: pools and arenas of allocators that we do not know, which may hold what came
// from malloc. Not the heaps that we do know, nor stacks: below their top is what calls have left behind.

struct range {
	uint64_t start, end;
};

struct anonymous {
	struct native_rooter *r;
	uint32_t root;
	size_t mapping;		      // the next one of a file, at least
	HG_VEC(struct range) storage; // thread-local, sorted
};

static bool in_storage(const struct anonymous *a, uint64_t addr)
{
	size_t low = 0, high = a->storage.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (a->storage.data[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low && addr < a->storage.data[low - 1].end;
}

static void word_found(void *arg, uint64_t addr, uint64_t value)
{
	struct anonymous *a = arg;
	// What has been looked at already. What mappings of modules leave between them is not theirs, but near to nothing.
	if (hg_program_module_at(a->r->prog, addr) || in_storage(a, addr))
		return;
	if (!a->root)
		a->root = native_root(
			a->r, &(struct hg_root){
				      .kind = HG_ROOT_DATA,
				      .name = hg_program_string(a->r->prog, "anonymous memory"),
				      .conservative = true,
			      });
	native_edge(a->r, &(struct hg_root_edge){
				  .target = value,
				  .root = a->root,
				  .flags = HG_EDGE_CONSERVATIVE,
			  });
}

// Where a descriptor of a thread is, that of one that has ended included: glibc keeps its stack for the next.
static bool is_descriptor(const struct native_rooter *r, uint64_t addr, const uint8_t *word)
{
	uint64_t again;
	return hg_load_u64(word) == addr && hg_image_u64(r->prog->image, addr + 16, &again) &&
	       again == addr;
}

static uint64_t first_descriptor(const struct native_rooter *r, const struct range *range)
{
	uint64_t size;
	const uint8_t *bytes = hg_image_view_some(r->prog->image, range->start, &size);
	if (bytes && size > range->end - range->start)
		size = range->end - range->start;
	for (uint64_t i = 0; bytes && i + 8 <= size; i += 64) // so descriptors are aligned
		if (is_descriptor(r, range->start + i, bytes + i))
			return range->start + i;
	return 0;
}

// Where the last of the stacks in a range ends, by the threads whose top is there; 0 where there is none.
static uint64_t stacks_end(const struct native_rooter *r, const struct range *range)
{
	uint64_t last = 0;
	for (size_t i = 0; i < r->threads.count; i++) {
		const uint64_t sp = r->threads.data[i].thread->sp;
		if (sp < range->start || sp >= range->end)
			continue;
		const uint64_t end = native_stack_end(r, sp);
		last = end > last ? end : last;
	}
	return last;
}

static bool is_of_living(const struct native_rooter *r, uint64_t tls)
{
	for (size_t i = 0; i < r->threads.count; i++)
		if (r->threads.data[i].thread->tls == tls)
			return true;
	return false;
}

// A stack has a guard below it, so it is the first in its range, and others may follow it.
static void skip_stack(const struct native_rooter *r, struct range *range)
{
	uint64_t end = stacks_end(r, range);
	const uint64_t descriptor = first_descriptor(r, range);
	if (descriptor >= end && descriptor && !is_of_living(r, descriptor))
		end = descriptor + NATIVE_DESCRIPTOR_ROOM;
	if (end > range->start)
		range->start = end < range->end ? end : range->end;
}

// Only between the extents of heaps: in them are blocks, and what is free.
static void scan_range(struct anonymous *a, struct range range)
{
	const struct hg_blocks *blocks = a->r->blocks;
	size_t low = 0, high = blocks->extents.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct hg_extent *extent = &blocks->extents.data[middle];
		if (extent->addr + extent->size <= range.start)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < blocks->extents.count && range.start < range.end; low++) {
		const struct hg_extent *extent = &blocks->extents.data[low];
		if (extent->addr >= range.end)
			break;
		native_scan(a->r, range.start, extent->addr, word_found, a);
		range.start = extent->addr + extent->size;
	}
	native_scan(a->r, range.start, range.end, word_found, a);
}

static int by_start(const void *x, const void *y)
{
	const struct range *a = x, *b = y;
	return a->start < b->start ? -1 : a->start > b->start;
}

static void find_storage(struct anonymous *a)
{
	for (size_t i = 0; i < a->r->threads.count; i++) {
		const struct native_thread *thread = &a->r->threads.data[i];
		struct range *range = thread->tls_start ? hg_vec_push(&a->storage) : NULL;
		a->r->failed |= thread->tls_start && !range;
		if (range)
			*range = (struct range){thread->tls_start,
						thread->thread->tls + NATIVE_DESCRIPTOR_ROOM};
	}
	if (a->storage.count)
		qsort(a->storage.data, a->storage.count, sizeof(*a->storage.data), by_start);
}

// The next mapping of a file that ends behind an address; addresses rise from call to call.
static const struct hg_mapping *next_file(struct anonymous *a, uint64_t addr)
{
	const hg_mappings *mappings = &a->r->prog->image->mappings;
	while (a->mapping < mappings->count &&
	       (mappings->data[a->mapping].end <= addr || *mappings->data[a->mapping].path != '/'))
		a->mapping++;
	return a->mapping < mappings->count ? &mappings->data[a->mapping] : NULL;
}

// A segment may reach from the data of a module into what the kernel has put behind it.
static void scan_segment(struct anonymous *a, const struct hg_segment *segment)
{
	const uint64_t end = segment->addr + segment->present;
	for (uint64_t at = segment->addr; at < end;) {
		const struct hg_mapping *file = next_file(a, at);
		struct range range = {at, file && file->start < end ? file->start : end};
		if (range.start < range.end) {
			skip_stack(a->r, &range);
			scan_range(a, range);
		}
		at = file ? file->end : end;
	}
}

void native_anonymous(struct native_rooter *r)
{
	const struct hg_image *image = r->prog->image;
	struct anonymous a = {.r = r};
	find_storage(&a);
	for (size_t i = 0; i < image->segment_count && !r->failed; i++) {
		const struct hg_segment *segment = &image->segments[i];
		if ((segment->prot & HG_PROT_WRITE) && !segment->from_file && segment->present)
			scan_segment(&a, segment);
	}
	hg_vec_deinit(&a.storage);
}
