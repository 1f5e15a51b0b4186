#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "graph/heap/heap_go.h"
#include "graph/heap/heap_go_layout.h"

#define PAGE 8192
#define INLINE_MARKS_MIN 16 /* smallest and largest slot with Green Tea's inline mark bits */
#define INLINE_MARKS_MAX 512
#define MAX_SPAN_SIZE ((uint64_t)1 << 42)

enum { SPAN_IN_USE = 1, SPAN_MANUAL = 2 };

/** The part of an mspan that says which slots are taken; needed while walking only. */
struct slots {
	uint64_t free_index;
	uint64_t alloc_bits, mark_bits; /* addresses */
	uint32_t sweepgen;
};

static uint64_t field(const uint8_t *bytes, const struct hg_field *f)
{
	uint64_t value = 0;
	if (f->present)
		memcpy(&value, bytes + f->offset, f->size < 8 ? f->size : 8);
	return value;
}

static const uint8_t *view_mspan(struct heap_go *go, uint64_t addr)
{
	return hg_image_view(go->prog->image, addr, go->layouts->span.size.size);
}

static bool span_is_sane(const struct go_span *span)
{
	if (span->addr % PAGE || !span->size || span->size > MAX_SPAN_SIZE ||
	    span->addr + span->size < span->addr)
		return false;
	if (span->state == SPAN_MANUAL)
		return true;
	if (span->elem_size < 8 || span->elem_size % 8 || !span->elems)
		return false;
	return span->elems <= span->size / span->elem_size;
}

/** Reads one mspan; false where it is free, and counted where it is damaged. */
static bool read_span(struct heap_go *go, uint64_t addr, struct go_span *ret)
{
	const struct go_layouts *l = go->layouts;
	const uint8_t *bytes = view_mspan(go, addr);
	if (!bytes) {
		hg_coverage_add(go->coverage, "spans whose descriptor is missing", 1);
		return false;
	}
	uint64_t npages = field(bytes, &l->span.npages);
	*ret = (struct go_span){
		.addr = field(bytes, &l->span.start),
		.size = npages > MAX_SPAN_SIZE / PAGE ? 0 : npages * PAGE,
		.elem_size = field(bytes, &l->span.elem_size),
		.struct_addr = addr,
		.specials = field(bytes, &l->span.specials),
		.elems = (uint32_t)field(bytes, &l->span.nelems),
		.state = (uint8_t)field(bytes, &l->span.state),
		.span_class = (uint8_t)field(bytes, &l->span.span_class),
	};
	if (ret->state != SPAN_IN_USE && ret->state != SPAN_MANUAL)
		return false;
	// Every mapping is in the image, with its bytes or without; a damaged size would reach beyond them.
	if (!span_is_sane(ret) ||
	    hg_image_mapped(go->prog->image, ret->addr, ret->size) < ret->size) {
		hg_coverage_add(go->coverage, "spans with damaged fields", 1);
		return false;
	}
	return true;
}

static struct hg_error *mask_span(struct heap_go *go, struct go_span *span)
{
	if (span->state != SPAN_IN_USE)
		return NULL;
	const uint8_t *bytes = view_mspan(go, span->struct_addr);
	return go_masks_span(go, span, field(bytes, &go->layouts->span.large_type),
			     field(bytes, &go->layouts->span.is_user_arena) & 1);
}

static int by_addr(const void *a, const void *b)
{
	uint64_t x = ((const struct go_span *)a)->addr, y = ((const struct go_span *)b)->addr;
	return x < y ? -1 : x > y;
}

static void drop_overlaps(struct heap_go *go)
{
	size_t kept = 0;
	uint64_t end = 0;
	for (size_t i = 0; i < go->spans.count; i++) {
		const struct go_span *span = &go->spans.data[i];
		if (span->addr < end) {
			hg_coverage_add(go->coverage, "spans that overlap another", 1);
			continue;
		}
		end = span->addr + span->size;
		go->spans.data[kept++] = *span;
	}
	go->spans.count = kept;
}

static struct hg_error *read_allspans(struct heap_go *go)
{
	uint64_t array, count, at = go->mheap + go->layouts->mheap.allspans.offset;
	if (!hg_image_u64(go->prog->image, at, &array) ||
	    !hg_image_u64(go->prog->image, at + 8, &count))
		return hg_error_create(HG_ERROR_FORMAT, "runtime.mheap_ is missing from the core");
	if (count > HG_MAX_SPANS)
		return hg_error_create(HG_ERROR_LIMIT, "runtime.mheap_.allspans has %llu entries",
				       (unsigned long long)count);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t addr;
		if (!hg_image_u64(go->prog->image, array + 8 * i, &addr)) {
			hg_coverage_add(go->coverage, "spans whose descriptor is missing",
					count - i);
			break;
		}
		struct go_span span;
		if (!read_span(go, addr, &span))
			continue;
		struct go_span *place = hg_vec_push(&go->spans);
		if (!place)
			return &hg_enomem;
		*place = span;
	}
	return NULL;
}

struct hg_error *go_spans_open(struct heap_go *go)
{
	struct hg_error *err = read_allspans(go);
	if (err)
		return err;
	if (!go->spans.count)
		return hg_error_create(HG_ERROR_FORMAT,
				       "runtime.mheap_ lists no spans: damaged or missing");
	qsort(go->spans.data, go->spans.count, sizeof(*go->spans.data), by_addr);
	drop_overlaps(go);
	for (size_t i = 0; i < go->spans.count && !err; i++) {
		struct go_span *span = &go->spans.data[i];
		if (span->state == SPAN_IN_USE)
			go->totals.inuse_bytes += span->size;
		err = mask_span(go, span);
	}
	return err;
}

const struct go_span *go_span_at(const struct heap_go *go, uint64_t addr)
{
	size_t low = 0, high = go->spans.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (go->spans.data[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return NULL;
	const struct go_span *span = &go->spans.data[low - 1];
	return addr - span->addr < span->size ? span : NULL;
}

/** Copies the first `bits` bits of a bitmap of the target; missing ones read as 0 and are counted. */
static void load_bits(struct heap_go *go, uint64_t addr, uint32_t bits, uint64_t *ret)
{
	memset(ret, 0, ((size_t)bits + 63) / 64 * 8);
	if (addr && !hg_image_read(go->prog->image, addr, ret, (bits + 7) / 8))
		hg_coverage_add(go->coverage, "spans whose allocation bits are missing", 1);
	if (bits % 64)
		ret[bits / 64] &= ((uint64_t)1 << (bits % 64)) - 1;
}

static bool has_inline_marks(const struct heap_go *go, const struct go_span *span)
{
	return go->layouts->inline_marks.present && span->elem_size >= INLINE_MARKS_MIN &&
	       span->elem_size <= INLINE_MARKS_MAX && span->size == PAGE;
}

/**
 * Inline mark bits, at the end of a span of small objects (Green Tea, Go 1.25):
 *
 *   OFFSET  SIZE  MEANING
 *        0    63  scans
 *       63     1  owned
 *       64    63  marks, bit i = object i
 *      127     1  span class
 */
static void add_inline_marks(struct heap_go *go, const struct go_span *span, uint64_t *marks)
{
	uint64_t size = go->layouts->inline_marks.size;
	uint8_t inline_marks[64] = {0};
	if (size != 128 ||
	    !hg_image_read(go->prog->image, span->addr + span->size - size + 64, inline_marks, 63))
		return;
	for (uint32_t i = 0; i < span->elems && i < 63 * 8; i++)
		marks[i / 64] |= (uint64_t)(inline_marks[i / 8] >> (i % 8) & 1) << (i % 64);
}

static bool any_bit(const uint64_t *bits, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (bits[i])
			return true;
	return false;
}

/** What sweepgen says of a span, relative to the heap's (runtime/mheap.go, "sweep generation"). */
enum sweep_state { SWEPT, NEEDS_SWEEP, BEING_SWEPT };

static enum sweep_state sweep_state(uint32_t span_gen, uint32_t heap_gen)
{
	switch ((int32_t)(span_gen - heap_gen)) {
	case -2: // mark finished, sweep not begun
	case 1:	 // the same, cached by a P
		return NEEDS_SWEEP;
	case -1:
		return BEING_SWEPT;
	default:
		return SWEPT;
	}
}

struct walk {
	struct heap_go *go;
	uint32_t sweepgen;
	bool marking;		 /* mark bits are half made */
	uint64_t *taken, *marks; /* scratch: bits of one span */
	size_t words;
};

/** Leaves in walk->taken the slots that hold objects not yet known to be dead. */
static void find_taken(struct walk *w, const struct go_span *span, const struct slots *slots)
{
	size_t words = ((size_t)span->elems + 63) / 64;
	load_bits(w->go, slots->alloc_bits, span->elems, w->taken);
	uint64_t below = slots->free_index < span->elems ? slots->free_index : span->elems;
	for (uint64_t i = 0; i < below / 64; i++)
		w->taken[i] = ~(uint64_t)0;
	if (below % 64)
		w->taken[below / 64] |= ((uint64_t)1 << (below % 64)) - 1;
	if (span->elems % 64)
		w->taken[words - 1] &= ((uint64_t)1 << (span->elems % 64)) - 1;
	enum sweep_state state = sweep_state(slots->sweepgen, w->sweepgen);
	if (state == SWEPT || w->marking)
		return;
	load_bits(w->go, slots->mark_bits, span->elems, w->marks);
	if (state == BEING_SWEPT && !any_bit(w->marks, words) && !slots->free_index)
		return; // the sweeper has swapped the bitmaps already
	if (has_inline_marks(w->go, span))
		add_inline_marks(w->go, span, w->marks);
	for (size_t i = 0; i < words; i++) {
		uint64_t dead = w->taken[i] & ~w->marks[i];
		uint64_t count = (uint64_t)__builtin_popcountll(dead);
		w->go->totals.dead_objects += count;
		w->go->totals.dead_bytes += count * span->elem_size;
		w->taken[i] &= w->marks[i];
	}
}

static bool grow_scratch(struct walk *w, const struct go_span *span)
{
	size_t words = ((size_t)span->elems + 63) / 64;
	if (words <= w->words)
		return true;
	uint64_t *taken = realloc(w->taken, words * 8);
	if (taken)
		w->taken = taken;
	uint64_t *marks = realloc(w->marks, words * 8);
	if (marks)
		w->marks = marks;
	if (!taken || !marks)
		return false;
	w->words = words;
	return true;
}

static struct hg_error *walk_span(struct walk *w, uint32_t number, uint16_t index,
				  struct hg_blocks *blocks)
{
	const struct go_span *span = &w->go->spans.data[number];
	const struct go_layouts *l = w->go->layouts;
	const uint8_t *bytes = view_mspan(w->go, span->struct_addr);
	const struct slots slots = {
		.free_index = field(bytes, &l->span.free_index),
		.alloc_bits = field(bytes, &l->span.alloc_bits),
		.mark_bits = field(bytes, &l->span.mark_bits),
		.sweepgen = (uint32_t)field(bytes, &l->span.sweepgen),
	};
	if (!grow_scratch(w, span))
		return &hg_enomem;
	find_taken(w, span, &slots);
	const struct hg_extent extent = {
		.addr = span->addr,
		.size = span->elems * span->elem_size,
		.stride = span->elem_size,
		.slots = span->elems,
		.no_pointers = span->mask_kind == GO_MASK_NONE,
		.header = span->mask_kind == GO_MASK_HEADER ? 8 : 0,
		.heap = index,
		.heap_ref = number,
	};
	return hg_blocks_add(blocks, &extent, w->taken, NULL);
}

struct hg_error *go_spans_walk(struct heap_go *go, uint16_t index, struct hg_blocks *blocks)
{
	uint64_t sweepgen = 0, phase = 0;
	go->index = index;
	hg_field_read(go->prog, &go->layouts->mheap.sweepgen, go->mheap, &sweepgen);
	go_global_u64(go, "runtime.gcphase", &phase);
	if (phase)
		hg_coverage_note(go->coverage, "the collector was marking: garbage of before this "
					       "cycle counts as allocated");
	struct walk w = {.go = go, .sweepgen = (uint32_t)sweepgen, .marking = phase};
	struct hg_error *err = NULL;
	for (size_t i = 0; i < go->spans.count && !err; i++)
		if (go->spans.data[i].state == SPAN_IN_USE)
			err = walk_span(&w, (uint32_t)i, index, blocks);
	free(w.taken);
	free(w.marks);
	return err;
}

/** Reads the malloc header of each object of an extent. */
static struct hg_error *type_headers(struct heap_go *go, const struct hg_blocks *blocks,
				     const struct hg_extent *extent)
{
	uint32_t last_type = 0;
	uint64_t last = 0, bad = 0;
	uint32_t slot = 0;
	for (uint32_t i = 0; i < extent->count; i++, slot++) {
		slot = hg_blocks_next_slot(blocks, extent, slot);
		uint64_t descriptor = 0;
		if (!hg_image_u64(go->prog->image, extent->addr + slot * extent->stride,
				  &descriptor) ||
		    !descriptor)
			continue; // just being allocated: no pointers yet
		if (descriptor != last) {
			last = descriptor;
			last_type = go_type_at(go, descriptor);
			struct hg_error *err =
				last_type ? go_masks_type(go, last_type, descriptor,
							  extent->stride - extent->header)
					  : NULL;
			if (err)
				return err;
		}
		blocks->types[extent->first + i] = last_type;
		bad += !last_type;
	}
	hg_coverage_add(go->coverage, "objects with a damaged malloc header", bad);
	return NULL;
}

struct hg_error *go_spans_types(struct hg_heap *heap, struct hg_blocks *blocks)
{
	struct heap_go *go = (struct heap_go *)heap;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		if (extent->heap != go->index)
			continue;
		const struct go_span *span = &go->spans.data[extent->heap_ref];
		if (span->mask_kind == GO_MASK_HEADER) {
			struct hg_error *err = type_headers(go, blocks, extent);
			if (err)
				return err;
		} else if (span->large_type && extent->count) {
			blocks->types[extent->first] = span->large_type;
		}
	}
	return NULL;
}
