#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "graph/heap/heap_go.h"
#include "graph/heap/heap_go_descriptor.h"

/*
 * Descriptors have had one layout since Go 1.18 (internal/abi/type.go):
 *
 *   OFFSET  SIZE  MEANING
 *        0     8  size of a value
 *        8     8  bytes of its prefix that may hold pointers
 *       20     1  flags: 1 uncommon, 2 extra star, 4 named, 16 see below, 32 direct interface (1.26)
 *       23     1  kind in the low 5 bits; to 1.25 bit 5: direct interface; to 1.23 bit 6: GCData is a program
 *       32     8  GCData
 *       40     4  offset of the name from the module's types
 *       48     8  element (array, chan, map key, pointer, slice); package path (struct)
 *       56     8  map element; slice of fields (struct)
 *       64     8  length (array)
 */
#define DESCRIPTOR_SIZE 48
#define FLAG_EXTRA_STAR 2
#define FLAG_MASK_ON_DEMAND 16 /* from 1.24; in 1.22 and 1.23 the same bit marks dummies */
#define FLAG_DIRECT 32
#define KIND_MASK 31
#define KIND_DIRECT 32
#define KIND_PROGRAM 64
#define FIELD_SIZE 24
#define MAX_FIELDS 65536

static bool has_constant(const struct heap_go *go, const char *name)
{
	int64_t value;
	return hg_constant(go->prog, name, &value);
}

static bool read_raw(struct heap_go *go, uint64_t addr, struct go_descriptor *ret,
		     uint8_t *raw_kind)
{
	const uint8_t *bytes =
		addr % 8 ? NULL : hg_image_view(go->prog->image, addr, DESCRIPTOR_SIZE);
	if (!bytes)
		return false;
	*ret = (struct go_descriptor){
		.addr = addr,
		.size = hg_load_u64(bytes),
		.ptr_bytes = hg_load_u64(bytes + 8),
		.gc_data = hg_load_u64(bytes + 32),
		.name = (int32_t)hg_load_u32(bytes + 40),
		.kind = bytes[23] & KIND_MASK,
		.flags = bytes[20],
	};
	*raw_kind = bytes[23];
	return ret->ptr_bytes <= ret->size && ret->ptr_bytes % 8 == 0;
}

bool go_descriptor_read(struct heap_go *go, uint64_t addr, struct go_descriptor *ret)
{
	uint8_t raw_kind;
	if (!read_raw(go, addr, ret, &raw_kind))
		return false;
	if (ret->kind < HG_GO_BOOL || ret->kind > HG_GO_UNSAFE_POINTER)
		return false;
	if (go->direct_flag)
		ret->direct = ret->flags & FLAG_DIRECT;
	else
		ret->direct = raw_kind & KIND_DIRECT;
	if (go->mask_on_demand)
		ret->mask_from_parts = ret->flags & FLAG_MASK_ON_DEMAND;
	else
		ret->mask_from_parts = raw_kind & KIND_PROGRAM;
	return true;
}

bool go_descriptor_read_dummy(struct heap_go *go, uint64_t addr, struct go_descriptor *ret)
{
	uint8_t raw_kind;
	return read_raw(go, addr, ret, &raw_kind) && !ret->kind && ret->gc_data;
}

void go_types_open(struct heap_go *go)
{
	go->direct_flag = has_constant(go, "internal/abi.TFlagDirectIface");
	go->mask_on_demand = has_constant(go, "internal/abi.TFlagGCMaskOnDemand");
}

static bool read_word(struct heap_go *go, uint64_t addr, uint64_t *ret)
{
	return hg_image_u64(go->prog->image, addr, ret);
}

uint64_t go_descriptor_elem(struct heap_go *go, const struct go_descriptor *d)
{
	uint64_t elem;
	switch (d->kind) {
	case HG_GO_ARRAY:
	case HG_GO_CHAN:
	case HG_GO_POINTER:
	case HG_GO_SLICE:
		return read_word(go, d->addr + 48, &elem) ? elem : 0;
	case HG_GO_MAP:
		return read_word(go, d->addr + 56, &elem) ? elem : 0;
	default:
		return 0;
	}
}

bool go_descriptor_array(struct heap_go *go, const struct go_descriptor *d, uint64_t *elem,
			 uint64_t *count)
{
	struct go_descriptor e;
	if (d->kind != HG_GO_ARRAY || !read_word(go, d->addr + 48, elem) ||
	    !read_word(go, d->addr + 64, count) || !go_descriptor_read(go, *elem, &e))
		return false;
	return !e.size || *count <= d->size / e.size;
}

uint64_t go_descriptor_field_count(struct heap_go *go, const struct go_descriptor *d)
{
	uint64_t count;
	if (d->kind != HG_GO_STRUCT || !read_word(go, d->addr + 64, &count) || count > MAX_FIELDS)
		return 0;
	return count;
}

/** Go 1.18 keeps the embedded flag in the lowest bit of the offset word. */
static uint64_t field_offset(const struct heap_go *go, uint64_t word)
{
	return go->shifted_offsets ? word >> 1 : word;
}

bool go_descriptor_field(struct heap_go *go, const struct go_descriptor *d, uint64_t index,
			 struct go_descriptor_field *ret)
{
	uint64_t fields, offset;
	if (!read_word(go, d->addr + 56, &fields))
		return false;
	uint64_t at = fields + index * FIELD_SIZE;
	if (!read_word(go, at, &ret->name) || !read_word(go, at + 8, &ret->type) ||
	    !read_word(go, at + 16, &offset))
		return false;
	ret->offset = field_offset(go, offset);
	return ret->offset <= d->size;
}

void go_note_read(struct heap_go *go, uint64_t addr, uint64_t size)
{
	struct go_read *place =
		hg_program_module_at(go->prog, addr) ? NULL : hg_vec_push(&go->reads);
	if (place)
		*place = (struct go_read){addr, size};
}

void go_heap_reads(const struct hg_heap *heap, void (*add)(void *arg, uint64_t addr, uint64_t size),
		   void *arg)
{
	const struct heap_go *go = (const struct heap_go *)heap;
	for (size_t i = 0; i < go->reads.count; i++)
		add(arg, go->reads.data[i].addr, go->reads.data[i].size);
}

/** Reads a runtime name: a byte of flags, a length of 7-bit groups, the text. */
static uint32_t read_name(struct heap_go *go, uint64_t addr, bool extra_star)
{
	uint64_t there = 0;
	const uint8_t *bytes = hg_image_view_some(go->prog->image, addr, &there);
	if (!bytes || there < 2)
		return 0;
	struct hg_bytes cursor = hg_bytes_init(bytes + 1, there - 1);
	uint64_t length = hg_bytes_uleb(&cursor);
	const char *text = length <= HG_MAX_NAME ? hg_bytes_take(&cursor, length) : NULL;
	if (!text || memchr(text, 0, length))
		return 0;
	go_note_read(go, addr, (uint64_t)((const uint8_t *)text - bytes) + length);
	size_t skip = extra_star && length && text[0] == '*';
	return hg_strtab_addn(&go->prog->strings, text + skip, length - skip);
}

static const struct go_module *module_of(const struct heap_go *go, uint64_t descriptor)
{
	for (size_t i = 0; i < go->modules.count; i++) {
		const struct go_module *m = &go->modules.data[i];
		if (descriptor >= m->types && descriptor < m->etypes)
			return m;
	}
	return NULL;
}

static uint8_t kind_of(uint8_t go_kind)
{
	switch (go_kind) {
	case HG_GO_BOOL:
		return HG_TYPE_BOOL;
	case HG_GO_POINTER:
	case HG_GO_UNSAFE_POINTER:
	case HG_GO_MAP:
	case HG_GO_CHAN:
		return HG_TYPE_POINTER;
	case HG_GO_FUNC:
		return HG_TYPE_FUNC;
	case HG_GO_ARRAY:
		return HG_TYPE_ARRAY;
	case HG_GO_STRUCT:
	case HG_GO_STRING:
	case HG_GO_SLICE:
	case HG_GO_INTERFACE:
		return HG_TYPE_STRUCT;
	default:
		return go_kind < 7 ? HG_TYPE_INT : go_kind < 13 ? HG_TYPE_UINT : HG_TYPE_FLOAT;
	}
}

static bool add_member(struct heap_go *go, uint32_t id, const char *name, uint32_t type,
		       uint64_t offset)
{
	const struct hg_member member = {
		.name = hg_program_string(go->prog, name), .type = type, .offset = offset};
	return hg_type_add_member(go->prog, id, &member);
}

/** Gives strings, slices and interfaces the members that DWARF gives them. */
static void add_builtin_members(struct heap_go *go, uint32_t id, const struct go_descriptor *d,
				uint32_t elem)
{
	const struct hg_type pointer = {.kind = HG_TYPE_POINTER, .size = 8, .elem = elem};
	uint32_t to = hg_type_add(go->prog, &pointer);
	uint32_t eface = hg_type_find(go->prog, "runtime.eface");
	if (d->kind == HG_GO_SLICE)
		add_member(go, id, "array", to, 0);
	else if (d->kind == HG_GO_STRING)
		add_member(go, id, "str", to, 0);
	else if (d->kind == HG_GO_INTERFACE && eface)
		add_member(go, id, "", eface, 0);
}

struct built_field {
	uint32_t name, type;
	uint64_t offset;
};

static void add_struct_members(struct heap_go *go, uint32_t id, const struct go_descriptor *d,
			       unsigned depth)
{
	uint64_t count = go_descriptor_field_count(go, d);
	HG_VEC(struct built_field) fields = {0};
	for (uint64_t i = 0; i < count; i++) {
		struct go_descriptor_field field;
		struct built_field *place = NULL;
		if (go_descriptor_field(go, d, i, &field))
			place = hg_vec_push(&fields);
		if (!place)
			break;
		place->name = read_name(go, field.name, false);
		place->offset = field.offset;
		place->type = go_type_within(go, field.type, depth + 1);
	}
	for (size_t i = 0; i < fields.count; i++) {
		const struct hg_member member = {.name = fields.data[i].name,
						 .type = fields.data[i].type,
						 .offset = fields.data[i].offset};
		if (!hg_type_add_member(go->prog, id, &member))
			break;
	}
	hg_vec_deinit(&fields);
}

static uint32_t channel_header(const struct heap_go *go, uint32_t elem)
{
	hg_autofree char *name = NULL;
	if (asprintf(&name, "hchan<%s>", hg_type_name(go->prog, elem)) < 0)
		return 0;
	const uint32_t known = hg_type_find(go->prog, name);
	return known ? known : hg_type_find(go->prog, "runtime.hchan");
}

/** The name of a type that the program made by reflect: its own cannot be found. */
static uint32_t name_of_made(struct heap_go *go, uint8_t kind, uint32_t elem)
{
	const char *name = hg_type_name(go->prog, elem);
	struct hg_text text = {0};
	switch (kind) {
	case HG_GO_POINTER:
		hg_text_printf(&text, "*%s", name);
		break;
	case HG_GO_SLICE:
		hg_text_printf(&text, "[]%s", name);
		break;
	case HG_GO_CHAN:
		hg_text_printf(&text, "chan %s", name);
		break;
	case HG_GO_MAP:
		hg_text_printf(&text, "map of %s", name);
		break;
	default:
		hg_text_add(&text, "type made by reflect");
	}
	const uint32_t id = hg_program_string(go->prog, hg_text_str(&text));
	hg_text_deinit(&text);
	return id;
}

/** Makes a type from a descriptor that debug info does not describe (reflect, map buckets). */
static uint32_t build_type(struct heap_go *go, const struct go_descriptor *d, unsigned depth)
{
	const struct go_module *module = module_of(go, d->addr);
	struct hg_type type = {.kind = kind_of(d->kind), .go_kind = d->kind, .size = d->size};
	if (module)
		type.name = read_name(go, module->types + (uint64_t)(int64_t)d->name,
				      d->flags & FLAG_EXTRA_STAR);
	uint64_t elem;
	if (d->kind == HG_GO_ARRAY && !go_descriptor_array(go, d, &elem, &type.count))
		return 0;
	uint32_t id = hg_type_add(go->prog, &type);
	uint64_t *known = hg_map_put(&go->type_of_descriptor, d->addr);
	if (!id || !known)
		return 0;
	*known = id + 1;
	elem = go_descriptor_elem(go, d);
	uint32_t elem_type = elem ? go_type_within(go, elem, depth + 1) : 0;
	const uint32_t to = d->kind == HG_GO_MAP    ? go_type_map_header(go, d, depth)
			    : d->kind == HG_GO_CHAN ? channel_header(go, elem_type)
						    : elem_type;
	struct hg_type *made = &go->prog->types.types.data[id];
	if (type.kind == HG_TYPE_POINTER || type.kind == HG_TYPE_ARRAY)
		made->elem = to;
	made->go_elem = elem_type;
	if (!module)
		made->name = name_of_made(go, d->kind, elem_type);
	if (d->kind == HG_GO_STRUCT)
		add_struct_members(go, id, d, depth);
	else if (type.kind == HG_TYPE_STRUCT)
		add_builtin_members(go, id, d, elem_type);
	return id;
}

uint32_t go_type_within(struct heap_go *go, uint64_t addr, unsigned depth)
{
	const uint64_t *known = hg_map_get(&go->type_of_descriptor, addr);
	if (known)
		return (uint32_t)(*known ? *known - 1 : 0);
	struct go_descriptor d;
	uint32_t id = 0;
	if (depth <= HG_MAX_TYPE_DEPTH && go_descriptor_read(go, addr, &d)) {
		const struct go_module *m = module_of(go, addr);
		if (m)
			id = hg_type_by_descriptor(go->prog, m->module, addr - m->types);
		if (!id || hg_type_get(go->prog, id)->size != d.size)
			id = build_type(go, &d, depth);
	}
	uint64_t *place = hg_map_put(&go->type_of_descriptor, addr);
	if (place)
		*place = (uint64_t)id + 1;
	return id;
}

uint32_t go_type_at(struct heap_go *go, uint64_t descriptor)
{
	return go_type_within(go, descriptor, 0);
}

uint32_t go_heap_type_at(struct hg_heap *heap, uint64_t descriptor, bool *direct)
{
	struct heap_go *go = (struct heap_go *)heap;
	struct go_descriptor d;
	*direct = false;
	if (!go_descriptor_read(go, descriptor, &d))
		return 0;
	*direct = d.direct;
	return go_type_within(go, descriptor, 0);
}
