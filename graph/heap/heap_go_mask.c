#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "graph/heap/heap_go.h"
#include "graph/heap/heap_go_descriptor.h"
#include "graph/heap/heap_go_layout.h"

#define ARENA_SIZE ((uint64_t)64 << 20)
#define MAX_MASK_WORDS ((uint64_t)1 << 29) /* a type with 4 GiB of pointers */
#define HEADER_MIN 512
#define MIN_STEPS 65536

/** The pointer words of one value of a type; repeated where a slot holds several. */
struct go_mask {
	uint64_t size;	   /* words of the type */
	uint64_t ptr_size; /* words of its prefix that may hold pointers */
	uint64_t bits[];
};

struct go_arena_bits {
	const uint8_t *bitmap;	     /* NULL where missing */
	const uint8_t *no_more_ptrs; /* Go 1.20 and 1.21; else NULL */
};

struct go_masks {
	HG_VEC(struct go_mask *) by_type; /* indexed by type id; NULL where none is known */
	HG_VEC(struct go_arena_bits) arenas;
	struct hg_map arena_of; /* number of the arena -> index + 1 */
	uint64_t arena_base;	/* subtracted from an address before it is cut into arenas */
	uint64_t
		steps; /* that the mask at hand may still take: damaged types may hold one another */
	bool two_bits; /* Go 1.18 and 1.19: a pointer bit and a scan bit a word */
	struct hg_arena memory;
};

/** Returns 64 bits of a little-endian bitmap from bit `at` on; bits behind `count` are 0. */
static uint64_t bits_at(const uint8_t *bits, uint64_t count, uint64_t at)
{
	if (at >= count)
		return 0;
	uint64_t left = count - at, value = 0;
	size_t bytes = (size_t)((count + 7) / 8 - at / 8);
	memcpy(&value, bits + at / 8, bytes < 8 ? bytes : 8);
	value >>= at % 8;
	if (at % 8 && bytes > 8)
		value |= (uint64_t)bits[at / 8 + 8] << (64 - at % 8);
	return left < 64 ? value & (((uint64_t)1 << left) - 1) : value;
}

/* ---- masks of types ---- */

static bool build_mask(struct heap_go *go, uint64_t descriptor, struct go_mask *mask, uint64_t at,
		       unsigned depth);

static void copy_bits(struct go_mask *mask, uint64_t at, const uint8_t *bits, uint64_t count)
{
	for (uint64_t i = 0; i < count && at + i < mask->ptr_size; i++)
		if (bits[i / 8] >> (i % 8) & 1)
			mask->bits[(at + i) / 64] |= (uint64_t)1 << ((at + i) % 64);
}

static bool build_array(struct heap_go *go, const struct go_descriptor *d, struct go_mask *mask,
			uint64_t at, unsigned depth)
{
	struct go_descriptor elem;
	uint64_t elem_addr, count;
	if (!go_descriptor_array(go, d, &elem_addr, &count) ||
	    !go_descriptor_read(go, elem_addr, &elem))
		return false;
	if (!elem.ptr_bytes)
		return true;
	for (uint64_t i = 0; i < count && at < mask->ptr_size; i++, at += elem.size / 8)
		if (!build_mask(go, elem_addr, mask, at, depth + 1))
			return false;
	return true;
}

static bool build_struct(struct heap_go *go, const struct go_descriptor *d, struct go_mask *mask,
			 uint64_t at, unsigned depth)
{
	uint64_t count = go_descriptor_field_count(go, d);
	for (uint64_t i = 0; i < count; i++) {
		struct go_descriptor_field field;
		if (!go_descriptor_field(go, d, i, &field))
			return false;
		if (!build_mask(go, field.type, mask, at + field.offset / 8, depth + 1))
			return false;
	}
	return true;
}

/** Adds the pointer bits of a descriptor at word `at`: from its GCData, or from its parts where that is a program or not
 * built yet (TFlagGCMaskOnDemand, Go 1.24). */
static bool build_mask(struct heap_go *go, uint64_t descriptor, struct go_mask *mask, uint64_t at,
		       unsigned depth)
{
	struct go_descriptor d;
	if (depth > HG_MAX_TYPE_DEPTH || !go->masks->steps ||
	    !go_descriptor_read(go, descriptor, &d))
		return false;
	go->masks->steps--;
	if (!d.ptr_bytes || at >= mask->ptr_size)
		return true;
	if (d.mask_from_parts) {
		if (d.kind == HG_GO_ARRAY)
			return build_array(go, &d, mask, at, depth);
		return d.kind == HG_GO_STRUCT && build_struct(go, &d, mask, at, depth);
	}
	uint64_t words = d.ptr_bytes / 8;
	const uint8_t *bits = hg_image_view(go->prog->image, d.gc_data, (words + 7) / 8);
	if (bits) {
		go_note_read(go, d.gc_data, (words + 7) / 8);
		copy_bits(mask, at, bits, words);
	}
	return bits;
}

static struct go_mask **mask_place(struct go_masks *masks, uint32_t type)
{
	if (type >= masks->by_type.count) {
		size_t more = (size_t)type + 1 - masks->by_type.count + type / 2;
		if (!hg_vec_reserve(&masks->by_type, more))
			return NULL;
		memset(masks->by_type.data + masks->by_type.count, 0,
		       more * sizeof(*masks->by_type.data));
		masks->by_type.count += more;
	}
	return &masks->by_type.data[type];
}

struct hg_error *go_masks_type(struct heap_go *go, uint32_t type, uint64_t descriptor,
			       uint64_t room)
{
	struct go_mask **place = mask_place(go->masks, type);
	if (!place)
		return &hg_enomem;
	struct go_descriptor d;
	if (*place || !go_descriptor_read(go, descriptor, &d))
		return NULL;
	uint64_t words = d.ptr_bytes / 8;
	if (words > MAX_MASK_WORDS || !d.size || d.size > room) {
		hg_coverage_add(go->coverage, "types that do not fit their objects", d.size > room);
		return NULL;
	}
	struct go_mask *mask =
		hg_arena_alloc(&go->masks->memory, sizeof(*mask) + (words + 63) / 64 * 8 + 8);
	if (!mask)
		return &hg_enomem;
	mask->size = d.size / 8 ? d.size / 8 : 1;
	mask->ptr_size = words;
	go->masks->steps = 2 * d.size + MIN_STEPS;
	if (!build_mask(go, descriptor, mask, 0, 0)) {
		hg_coverage_add(go->coverage, "types whose pointer mask cannot be read", 1);
		return NULL;
	}
	*place = mask;
	return NULL;
}

/** The mask repeats every mask->size words from the object's start: 64 words from `word` on (which may be negative). */
static uint64_t tiled_bits(const struct go_mask *mask, int64_t word)
{
	uint64_t bits = 0;
	unsigned done = 0;
	if (word < 0) {
		done = (unsigned)-word;
		word = 0;
	}
	uint64_t in_element = (uint64_t)word % mask->size;
	while (done < 64) {
		uint64_t left = mask->size - in_element;
		bits |= bits_at((const uint8_t *)mask->bits, mask->ptr_size, in_element) << done;
		if (left >= 64 - done)
			break;
		done += (unsigned)left;
		in_element = 0;
	}
	return bits;
}

static uint64_t type_bits(const struct heap_go *go, uint32_t type, int64_t word, bool *last)
{
	const struct go_masks *masks = go->masks;
	const struct go_mask *mask = type < masks->by_type.count ? masks->by_type.data[type] : NULL;
	if (!mask || !mask->ptr_size) {
		*last = true;
		return 0;
	}
	return tiled_bits(mask, word);
}

/** The type that a slot's malloc header names; all headers were looked up before (go_spans_types). */
static uint32_t header_type(const struct heap_go *go, uint64_t slot_addr)
{
	uint64_t descriptor;
	if (!hg_image_u64(go->prog->image, slot_addr, &descriptor) || !descriptor)
		return 0;
	const uint64_t *known = hg_map_get(&go->type_of_descriptor, descriptor);
	return known && *known ? (uint32_t)(*known - 1) : 0;
}

/* ---- bitmaps of arenas, to Go 1.21 ---- */

static const struct go_arena_bits *arena_at(const struct go_masks *masks, uint64_t addr)
{
	const uint64_t *index =
		hg_map_get(&masks->arena_of, (addr - masks->arena_base) / ARENA_SIZE);
	return index ? &masks->arenas.data[*index - 1] : NULL;
}

/**
 * Go 1.18 and 1.19: a byte holds four words; low nibble: is a pointer, high nibble: scan on. The first word whose scan bit
 * is 0 ends the object's pointers; what is behind is stale.
 */
static uint64_t two_bit_mask(const struct go_masks *masks, uint64_t addr, bool *last)
{
	uint64_t bits = 0;
	for (unsigned i = 0; i < 64; i++, addr += 8) {
		const struct go_arena_bits *arena = arena_at(masks, addr);
		if (!arena || !arena->bitmap) {
			*last = true;
			return bits;
		}
		uint64_t word = (addr - masks->arena_base) % ARENA_SIZE / 8;
		uint8_t pair = arena->bitmap[word / 4] >> (word % 4);
		if (!(pair & 0x10)) {
			*last = true;
			return bits;
		}
		bits |= (uint64_t)(pair & 1) << i;
	}
	return bits;
}

/** Go 1.20 and 1.21: 64 bits of the group of 64 words that contains addr; *no_more: the object that covers the group's last
 * word has no pointers behind the group. */
static uint64_t arena_group(const struct go_masks *masks, uint64_t addr, bool *no_more)
{
	const struct go_arena_bits *arena = arena_at(masks, addr);
	if (!arena || !arena->bitmap) {
		*no_more = true;
		return 0;
	}
	uint64_t group = (addr - masks->arena_base) % ARENA_SIZE / (64 * 8);
	*no_more = arena->no_more_ptrs && arena->no_more_ptrs[group / 8] >> (group % 8) & 1;
	return hg_load_u64(arena->bitmap + group * 8);
}

static uint64_t one_bit_mask(const struct go_masks *masks, uint64_t addr, bool *last)
{
	bool no_more;
	unsigned shift = addr / 8 % 64;
	uint64_t bits = arena_group(masks, addr, &no_more) >> shift;
	if (no_more || !shift) {
		*last = no_more;
		return bits;
	}
	return bits | arena_group(masks, addr + (64 - shift) * 8, &no_more) << (64 - shift);
}

uint64_t go_pointer_bits(const struct hg_heap *heap, const struct hg_extent *extent,
			 uint64_t slot_addr, uint64_t word, bool *last)
{
	const struct heap_go *go = (const struct heap_go *)heap;
	const struct go_span *span = &go->spans.data[extent->heap_ref];
	*last = false;
	switch ((enum go_mask_kind)span->mask_kind) {
	case GO_MASK_BITS:
		return bits_at(span->bits, span->bit_count, (slot_addr - span->addr) / 8 + word);
	case GO_MASK_HEADER:
		return type_bits(go, header_type(go, slot_addr), (int64_t)word - 1, last);
	case GO_MASK_TYPE:
		return type_bits(go, span->large_type, (int64_t)word, last);
	case GO_MASK_ARENA:
		return go->masks->two_bits ? two_bit_mask(go->masks, slot_addr + word * 8, last)
					   : one_bit_mask(go->masks, slot_addr + word * 8, last);
	case GO_MASK_NONE:
		break;
	}
	*last = true;
	return 0;
}

/* ---- which of them applies to a span ---- */

static void use_bitmap(struct heap_go *go, struct go_span *span, uint64_t addr, uint64_t bits)
{
	span->bits = hg_image_view(go->prog->image, addr, (bits + 7) / 8);
	span->bit_count = bits;
	span->mask_kind = span->bits ? GO_MASK_BITS : GO_MASK_NONE;
	if (!span->bits)
		hg_coverage_add(go->coverage, "spans whose pointer bitmap is missing", 1);
}

static struct hg_error *mask_large(struct heap_go *go, struct go_span *span, uint64_t descriptor)
{
	struct go_descriptor d;
	span->mask_kind = GO_MASK_NONE;
	if (!descriptor)
		return NULL; // still being zeroed: no pointers yet
	if (go_descriptor_read_dummy(go, descriptor, &d)) {
		uint64_t words = d.ptr_bytes / 8;
		if (words <= span->size / 8) {
			use_bitmap(go, span, d.gc_data, words);
			go_note_read(go, d.gc_data, (words + 7) / 8);
		}
		return NULL;
	}
	span->large_type = go_type_at(go, descriptor);
	if (!span->large_type) {
		hg_coverage_add(go->coverage, "large objects whose type is damaged", 1);
		return NULL;
	}
	span->mask_kind = GO_MASK_TYPE;
	return go_masks_type(go, span->large_type, descriptor, span->size);
}

static struct hg_error *add_arena(struct heap_go *go, uint64_t number)
{
	struct go_masks *masks = go->masks;
	const struct go_layouts *l = go->layouts;
	uint64_t *index = hg_map_put(&masks->arena_of, number);
	if (!index)
		return &hg_enomem;
	if (*index)
		return NULL;
	struct go_arena_bits *bits = hg_vec_push(&masks->arenas);
	if (!bits)
		return &hg_enomem;
	*index = masks->arenas.count;
	uint64_t table, arena;
	if (!hg_image_u64(go->prog->image, go->mheap + l->mheap.arenas.offset, &table) ||
	    !hg_image_u64(go->prog->image, table + number * 8, &arena) || !arena) {
		hg_coverage_add(go->coverage, "arenas whose pointer bitmap is missing", 1);
		return NULL;
	}
	bits->bitmap = hg_image_view(go->prog->image, arena + l->arena.bitmap.offset,
				     masks->two_bits ? ARENA_SIZE / 8 / 4 : ARENA_SIZE / 8 / 8);
	if (l->arena.no_more_ptrs.present)
		bits->no_more_ptrs =
			hg_image_view(go->prog->image, arena + l->arena.no_more_ptrs.offset,
				      ARENA_SIZE / 8 / 64 / 8);
	if (!bits->bitmap)
		hg_coverage_add(go->coverage, "arenas whose pointer bitmap is missing", 1);
	return NULL;
}

static struct hg_error *mask_arena(struct heap_go *go, struct go_span *span)
{
	span->mask_kind = GO_MASK_ARENA;
	uint64_t first = (span->addr - go->masks->arena_base) / ARENA_SIZE;
	uint64_t last = (span->addr + span->size - 1 - go->masks->arena_base) / ARENA_SIZE;
	struct hg_error *err = NULL;
	for (uint64_t i = first; i <= last && !err; i++)
		err = add_arena(go, i);
	return err;
}

struct hg_error *go_masks_span(struct heap_go *go, struct go_span *span, uint64_t large_type,
			       bool user_arena)
{
	span->mask_kind = GO_MASK_NONE;
	if (span->span_class & 1)
		return NULL;
	if (go->layouts->arena.bitmap.present)
		return mask_arena(go, span);
	if (user_arena || !(span->span_class >> 1))
		return mask_large(go, span, large_type);
	if (span->elem_size > HEADER_MIN) {
		span->mask_kind = GO_MASK_HEADER;
		return NULL;
	}
	uint64_t bytes = span->size / 64;
	uint64_t at = span->addr + span->size - bytes;
	if (go->layouts->inline_marks.present && span->elem_size >= 16)
		at -= go->layouts->inline_marks.size;
	use_bitmap(go, span, at, bytes * 8);
	return NULL;
}

struct hg_error *go_masks_open(struct heap_go *go)
{
	go->masks = calloc(1, sizeof(*go->masks));
	if (!go->masks)
		return &hg_enomem;
	go->masks->two_bits =
		go->layouts->arena.bitmap.present && !go->layouts->arena.no_more_ptrs.present;
	// The arena index of amd64 starts at the lowest canonical address (runtime/malloc.go, arenaBaseOffset).
	if (go->prog->image->arch && go->prog->image->arch->elf_machine == EM_X86_64)
		go->masks->arena_base = (uint64_t)0xffff800000000000;
	return NULL;
}

void go_masks_close(struct heap_go *go)
{
	if (!go->masks)
		return;
	hg_vec_deinit(&go->masks->by_type);
	hg_vec_deinit(&go->masks->arenas);
	hg_map_deinit(&go->masks->arena_of);
	hg_arena_deinit(&go->masks->memory);
	free(go->masks);
}
