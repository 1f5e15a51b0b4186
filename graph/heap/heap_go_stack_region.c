#include "graph/heap/heap_go_stack.h"

#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"

// Temporaries that nothing named points to: `blocks := make([][]byte, 100)` becomes an array in the frame, and where the code
// needs no slice, debug info tells no place of `blocks`. Of such a part of the frame are known its size and its pointers. A
// type is believed where it is the only one to fit, of those that
//
//	- the code hands to the runtime together with the part's address (a map's header), or that
//	- the function's variables without a place have, or that
//	- the code names, where what the part points to is of that type's size and has its pointers.

#define MAX_MASK_WORDS 4096    /* of a region, or of a block, that are compared */
#define MAX_GUESSES (1u << 24) /* words compared in all: only damage needs that many */

struct region {
	uint64_t addr, size;
	const uint8_t *mask; // pointers among its first `words`
	uint64_t words;
	uint32_t frame;
};

enum word { WORD_PLAIN, WORD_POINTER, WORD_EITHER };

/** Is the word at an offset of a value a pointer for the collector? That of an interface's type is none. */
static enum word word_of(const struct hg_program *prog, uint32_t type, uint64_t offset)
{
	for (unsigned depth = 0; depth < HG_MAX_TYPE_DEPTH; depth++) {
		const uint32_t id = hg_type_strip(prog, type);
		const struct hg_type *t = hg_type_get(prog, id);
		if (t->kind == HG_TYPE_POINTER || (t->kind == HG_TYPE_FUNC && t->go_kind))
			return offset ? WORD_PLAIN : WORD_POINTER;
		if (t->kind == HG_TYPE_ARRAY) {
			const uint64_t size = hg_type_get(prog, t->elem)->size;
			if (!size || offset >= t->size)
				return WORD_PLAIN;
			type = t->elem;
			offset %= size;
			continue;
		}
		if (t->kind != HG_TYPE_STRUCT)
			return WORD_PLAIN;
		const struct hg_member *found = NULL;
		for (uint32_t i = 0; i < t->member_count && !found; i++) {
			const struct hg_member *m = &prog->types.members.data[t->members + i];
			if (offset >= m->offset &&
			    offset - m->offset < hg_type_get(prog, m->type)->size)
				found = m;
		}
		if (!found)
			return WORD_PLAIN;
		const char *name = hg_type_name(prog, id);
		if (!offset && (!strcmp(name, "runtime.eface") || !strcmp(name, "runtime.iface")))
			return WORD_EITHER;
		type = found->type;
		offset -= found->offset;
	}
	return WORD_PLAIN;
}

static bool mask_bit(const struct region *r, uint64_t word)
{
	return word < r->words && r->mask[word / 8] >> (word % 8) & 1;
}

/** Do as many values of the type as fit fill the region, with pointers where it has some? */
static bool fills(const struct hg_program *prog, const struct region *r, uint32_t type)
{
	const uint64_t size = hg_type_get(prog, type)->size, words = r->size / 8;
	if (!size || r->size % size || size % 8 || words > MAX_MASK_WORDS)
		return false;
	for (uint64_t i = 0; i < words; i++) {
		const enum word word = word_of(prog, type, i * 8 % size);
		if (word != WORD_EITHER && mask_bit(r, i) != (word == WORD_POINTER))
			return false;
	}
	return true;
}

/** Is a block of `room` bytes what the allocator hands out for `size`? Its classes waste an eighth, small ones 15 bytes. */
static bool fits_class(uint64_t size, uint64_t room)
{
	return size && size <= room && (room - size < 16 || (room - size) * 8 <= room);
}

/** Could the block at addr hold `bytes` of values of the type, as for its size and its pointers? */
static bool block_holds(struct go_stacks *s, uint64_t addr, uint32_t type, uint64_t bytes)
{
	const struct hg_program *prog = s->r.go->prog;
	const struct hg_extent *extent = hg_blocks_extent_at(s->r.blocks, addr);
	s->guesses++;
	const uint64_t size = hg_type_get(prog, type)->size;
	if (!extent || extent->irregular || !size) // malloc's are
		return false;
	const uint64_t start = addr - (addr - extent->addr) % extent->stride;
	if (addr - start != extent->header || !fits_class(bytes, extent->stride - extent->header))
		return false;
	const uint64_t words = bytes / 8 < MAX_MASK_WORDS ? bytes / 8 : MAX_MASK_WORDS;
	bool last = extent->no_pointers;
	uint64_t bits = 0;
	for (uint64_t i = 0, word = extent->header / 8; i < words; i++, word++) {
		if (!i || word % 64 == 0)
			bits = last ? 0
				    : go_pointer_bits(&s->r.go->heap, extent, start, word / 64 * 64,
						      &last);
		if (++s->guesses > MAX_GUESSES)
			return false;
		const enum word is = word_of(prog, type, i * 8 % size);
		if (is != WORD_EITHER && (bits >> word % 64 & 1) != (is == WORD_POINTER))
			return false;
	}
	return true;
}

/* ---- by variables ---- */

/** The type that a part of the frame has where a variable of the type leads to it, or is it. 0: none. */
static uint32_t part_of(struct go_stacks *s, const struct region *r, uint32_t type)
{
	const struct hg_program *prog = s->r.go->prog;
	const uint32_t id = hg_type_strip(prog, type);
	const struct hg_type *t = hg_type_get(prog, id);
	uint32_t part = id;
	if (t->go_kind == HG_GO_SLICE) {
		const struct hg_member *array = hg_type_member(prog, id, "array");
		part = array ? hg_type_get(prog, hg_type_strip(prog, array->type))->elem : 0;
	} else if (t->kind == HG_TYPE_POINTER) {
		part = t->elem;
	}
	if (!part || !fills(prog, r, part))
		return 0;
	const bool many = t->go_kind == HG_GO_SLICE;
	return many || hg_type_get(prog, part)->size == r->size ? part : 0;
}

/** Do the pointers in the region lead to what they would if it were of the type? At least one has to. */
static bool values_agree(struct go_stacks *s, const struct region *r, uint32_t type)
{
	const uint64_t size = hg_type_get(s->r.go->prog, type)->size;
	unsigned agree = 0;
	for (uint64_t i = 0; i < r->words; i++) {
		const uint64_t addr = r->addr + i * 8, offset = i * 8 % size;
		uint64_t value = 0;
		if (!mask_bit(r, i) || !go_stack_read(s, addr, &value) ||
		    !go_is_block(&s->r, value))
			continue;
		const struct go_target target =
			go_target_of(s->r.go, type, addr - offset, offset, NULL);
		const uint64_t unit = hg_type_get(s->r.go->prog, target.type)->size;
		if (!target.type || !target.count || target.count > UINT32_MAX)
			continue;
		if (!block_holds(s, value, target.type, unit * target.count))
			return false;
		agree++;
	}
	return agree;
}

static bool is_placed(const struct go_site *site, uint32_t name)
{
	for (uint32_t i = 0; i < site->slot_count; i++)
		if (site->slots[i].name == name)
			return true;
	return false;
}

static bool by_variables(struct go_stacks *s, const struct region *r, struct go_guess *ret)
{
	const struct go_site *site = s->frames.data[r->frame].site;
	hg_declareds variables = {0};
	uint32_t found = 0;
	bool sole = true;
	hg_error_destroy(hg_variable_declared(s->r.go->prog, site->func->entry, &variables));
	for (size_t i = 0; i < variables.count && sole; i++) {
		const struct hg_declared *v = &variables.data[i];
		const uint32_t part = is_placed(site, v->name) ? 0 : part_of(s, r, v->type);
		if (!part || !values_agree(s, r, part))
			continue;
		sole = !found || found == part;
		ret->name = found && ret->name != v->name ? 0 : v->name;
		ret->line = v->line;
		found = part;
	}
	hg_vec_deinit(&variables);
	ret->type = found;
	return found && sole;
}

/* ---- by code ---- */

/** The name of the only variable of a type; 0 where there is none, or several. */
static uint32_t variable_of(struct go_stacks *s, const struct go_func *func, uint32_t type)
{
	struct hg_program *prog = s->r.go->prog;
	hg_declareds variables = {0};
	uint32_t name = 0;
	bool sole = true;
	hg_error_destroy(hg_variable_declared(prog, func->entry, &variables));
	for (size_t i = 0; i < variables.count; i++) {
		const struct hg_declared *v = &variables.data[i];
		if (hg_type_strip(prog, v->type) != hg_type_strip(prog, type))
			continue;
		sole &= !name || name == v->name;
		name = v->name;
	}
	hg_vec_deinit(&variables);
	return sole ? name : 0;
}

static bool by_maps(struct go_stacks *s, const struct region *r, struct go_guess *ret)
{
	const struct go_frame *frame = &s->frames.data[r->frame];
	const struct go_code_types *code = go_code_types(s, frame->site->func);
	const struct go_code_map *found = NULL;
	for (size_t i = 0; code && i < code->maps.count; i++) {
		const struct go_code_map *map = &code->maps.data[i];
		if (frame->sp + (uint64_t)map->at != r->addr || !fills(s->r.go->prog, r, map->type))
			continue;
		if (found && found->type != map->type)
			return false;
		found = map;
	}
	if (!found)
		return false;
	ret->type = found->type;
	ret->name = variable_of(s, frame->site->func, found->map);
	return true;
}

enum form { FORM_POINTERS = 1, FORM_SLICES = 3 }; // words of an element

/** Could all elements of the region be pointers to (slices of) the type? At least one has to. */
static bool elements_agree(struct go_stacks *s, const struct region *r, enum form form,
			   uint32_t type)
{
	const uint64_t size = hg_type_get(s->r.go->prog, type)->size;
	bool some = false;
	for (uint64_t at = r->addr; at < r->addr + r->size; at += form * 8) {
		uint64_t value = 0, length = 1, capacity = 1;
		if (!go_stack_read(s, at, &value) || !value)
			continue;
		if (form == FORM_SLICES &&
		    (!go_stack_read(s, at + 8, &length) || !go_stack_read(s, at + 16, &capacity)))
			return false;
		if (length > capacity || capacity > UINT32_MAX || !size ||
		    !block_holds(s, value, type, capacity * size))
			return false;
		some = true;
	}
	return some;
}

static uint32_t pointer_or_slice(struct go_stacks *s, enum form form, uint32_t type)
{
	struct hg_program *prog = s->r.go->prog;
	hg_autofree char *name = NULL;
	if (asprintf(&name, "%s%s", form == FORM_SLICES ? "[]" : "*", hg_type_name(prog, type)) < 0)
		return 0;
	const uint32_t known = hg_type_find(prog, name);
	if (known || form == FORM_SLICES)
		return known;
	const struct hg_type pointer = {.name = hg_program_string(prog, name),
					.kind = HG_TYPE_POINTER,
					.go_kind = HG_GO_POINTER,
					.size = 8,
					.elem = type};
	return hg_type_add(prog, &pointer);
}

/** The only type that a function's code names and all elements of the region agree with; 0 where there is none. */
static uint32_t named_type(struct go_stacks *s, const struct region *r, enum form form,
			   const struct go_func *func)
{
	const struct hg_program *prog = s->r.go->prog;
	const struct go_code_types *code = go_code_types(s, func);
	uint32_t found = 0;
	for (size_t i = 0; code && i < code->types.count; i++) {
		const uint32_t type = code->types.data[i];
		if (!elements_agree(s, r, form, type))
			continue;
		if (found && hg_type_strip(prog, found) != hg_type_strip(prog, type))
			return 0;
		found = type;
	}
	return found;
}

static bool by_elements(struct go_stacks *s, const struct region *r, enum form form,
			struct go_guess *ret)
{
	const uint64_t words = r->size / 8;
	if (words % form || words > MAX_MASK_WORDS)
		return false;
	for (uint64_t i = 0; i < words; i++)
		if (mask_bit(r, i) != (i % form == 0))
			return false;
	const uint32_t found = named_type(s, r, form, s->frames.data[r->frame].site->func);
	ret->type = found ? pointer_or_slice(s, form, found) : 0;
	return ret->type;
}

bool go_region_guess(struct go_stacks *s, const struct go_hit *hit, struct go_guess *ret)
{
	static const uint8_t word_mask[] = {1};
	struct region r = {hit->addr, 8, word_mask, 1, hit->frame};
	struct go_object *object = go_object_at(s, hit->addr);
	struct go_guess guess = {0};
	uint64_t first = 0;
	if (object) {
		r.addr = object->addr;
		r.size = go_object_size(object);
		r.mask = go_object_mask(s, object, &r.words);
		if (object->unknown || object->frame != hit->frame || !r.mask || r.size < 8)
			return false;
		const struct go_func *code =
			go_stack_read(s, r.addr, &first) ? go_func_at(s->r.go, first) : NULL;
		if (code && code->entry == first) // a closure
			return false;
	}
	const bool known = by_maps(s, &r, &guess) || (object && by_variables(s, &r, &guess)) ||
			   by_elements(s, &r, FORM_POINTERS, &guess) ||
			   by_elements(s, &r, FORM_SLICES, &guess);
	if (object)
		object->unknown = !known;
	if (!known)
		return false;
	*ret = guess;
	ret->addr = r.addr;
	ret->size = r.size;
	ret->type = go_type_repeated(s, guess.type, r.size);
	const uint32_t calls = s->frames.data[r.frame].site->call_count;
	ret->call = (uint8_t)(calls ? calls - 1 : 0);
	if (!ret->name)
		ret->name = hg_program_string(s->r.go->prog, "stack slots");
	return ret->type;
}
