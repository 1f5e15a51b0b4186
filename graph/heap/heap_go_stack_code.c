#include "graph/heap/heap_go_stack.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"

// Where a compiler keeps a value in a frame and debug info has lost it, the code still names its type: to allocate what is
// kept there, or to work with a map in the frame:
//
//	lea type(%rip), %rax ; lea header(%rsp), %rbx ; call runtime.mapassign_faststr

enum {
	MAX_CODE = 1 << 20, // bytes of one function
	LEA = 0x8d,
	CALL = 0xe8,
	AX = 0,
	BX = 3,
	NEAR = 64,	 // bytes in which the arguments of a call are loaded
	MAX_NAMED = 512, // types, and maps, of one function
};

struct reader {
	struct go_stacks *s;
	const struct go_func *func;
	const uint8_t *code;
	uint64_t size;
	struct go_code_types *ret;
	uint64_t loaded; // address of the last type loaded into AX
	uint32_t type;	 // its id; 0: debug info knows none
	int64_t place;	 // last loaded into BX, from sp
	uint64_t type_at, place_at;
};

static void add_type(struct reader *r, uint32_t type)
{
	if (!type)
		return;
	for (size_t i = 0; i < r->ret->types.count; i++)
		if (r->ret->types.data[i] == type)
			return;
	if (r->ret->types.count >= MAX_NAMED)
		return;
	uint32_t *place = hg_vec_push(&r->ret->types);
	if (place)
		*place = type;
	else
		r->s->r.failed = true;
}

/** lea to a register of 64 bits: its prefix stands before `at`. */
static void read_lea(struct reader *r, uint64_t at)
{
	const uint8_t *p = r->code + at;
	const unsigned mode = p[1] >> 6, base = p[1] & 7;
	const unsigned reg = (p[1] >> 3 & 7) | (p[-1] & 4) << 1;
	const struct go_module *m = r->func->module;
	if (mode == 0 && base == 5) {
		const uint64_t target =
			r->func->entry + at + 6 + (uint64_t)(int64_t)(int32_t)hg_load_u32(p + 2);
		if (target < m->types || target >= m->etypes)
			return;
		const uint32_t type =
			hg_type_by_descriptor(r->s->r.go->prog, m->module, target - m->types);
		add_type(r, type);
		if (reg == AX) {
			r->loaded = target;
			r->type = type;
			r->type_at = at;
		}
	} else if (base == 4 && p[2] == 0x24 && (mode == 1 || mode == 2) && reg == BX) {
		r->place = mode == 1 ? (int8_t)p[3] : (int32_t)hg_load_u32(p + 3);
		r->place_at = at;
	}
}

/** A call that works with a map whose header lies in the frame. */
static void read_map_call(struct reader *r)
{
	const struct hg_program *prog = r->s->r.go->prog;
	const struct hg_type *map = hg_type_get(prog, hg_type_strip(prog, r->type));
	if (map->kind != HG_TYPE_POINTER || !map->elem || r->ret->maps.count >= MAX_NAMED)
		return;
	struct go_code_map *place = hg_vec_push(&r->ret->maps);
	if (place)
		*place = (struct go_code_map){.at = r->place, .type = map->elem, .map = r->type};
	else
		r->s->r.failed = true;
}

static void read_call(struct reader *r, uint64_t at)
{
	const uint64_t target =
		r->func->entry + at + 5 + (uint64_t)(int64_t)(int32_t)hg_load_u32(r->code + at + 1);
	if (!r->loaded || at - r->type_at > NEAR)
		return;
	const struct go_func *called = go_func_at(r->s->r.go, target);
	if (!called || called->entry != target)
		return;
	if (!r->type && (!strcmp(called->name, "runtime.newobject") ||
			 !strcmp(called->name, "runtime.makeslice")))
		add_type(r, go_type_at(r->s->r.go, r->loaded)); // what else could it be
	else if (r->type && r->place_at && at - r->place_at <= NEAR &&
		 !strncmp(called->name, "runtime.map", 11))
		read_map_call(r);
	r->loaded = 0;
}

static void read_code(struct reader *r)
{
	for (uint64_t at = 1; at + 8 <= r->size; at++) {
		if (r->code[at] == LEA && (r->code[at - 1] & 0xf8) == 0x48)
			read_lea(r, at);
		else if (r->code[at] == CALL)
			read_call(r, at);
	}
}

const struct go_code_types *go_code_types(struct go_stacks *s, const struct go_func *func)
{
	uint64_t *place = hg_map_put(&s->codes, func->addr);
	if (place && *place)
		return (const struct go_code_types *)(uintptr_t)*place;
	struct go_code_types *types = place ? calloc(1, sizeof(*types)) : NULL;
	if (!types) {
		s->r.failed = true;
		return NULL;
	}
	*place = (uintptr_t)types;
	const struct hg_image *image = s->r.go->prog->image;
	struct reader r = {.s = s, .func = func, .size = func->end - func->entry, .ret = types};
	if (r.size <= MAX_CODE && image->arch && image->arch->elf_machine == EM_X86_64)
		r.code = hg_image_view(image, func->entry, r.size);
	if (r.code)
		read_code(&r);
	return types;
}

void go_codes_close(struct go_stacks *s)
{
	for (size_t i = 0; s->codes.slots && i <= s->codes.mask; i++) {
		if (!s->codes.used[i])
			continue;
		struct go_code_types *types =
			(struct go_code_types *)(uintptr_t)s->codes.slots[i].value;
		if (types) {
			hg_vec_deinit(&types->types);
			hg_vec_deinit(&types->maps);
		}
		free(types);
	}
	hg_map_deinit(&s->codes);
}
