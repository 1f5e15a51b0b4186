#include "dwarf/type.h"

#include <string.h>

#include "core/base/limits.h"
#include "dwarf/program_private.h"

static const struct hg_type unknown;

const struct hg_type *hg_type_get(const struct hg_program *prog, uint32_t id)
{
	return id < prog->types.types.count ? &prog->types.types.data[id] : &unknown;
}

const char *hg_type_name(const struct hg_program *prog, uint32_t id)
{
	return hg_program_text(prog, hg_type_get(prog, id)->name);
}

uint32_t hg_type_strip(const struct hg_program *prog, uint32_t id)
{
	for (unsigned i = 0; i < HG_MAX_TYPE_DEPTH; i++) {
		const struct hg_type *type = hg_type_get(prog, id);
		if (type->kind != HG_TYPE_TYPEDEF)
			return type == &unknown ? 0 : id;
		id = type->elem;
	}
	return 0;
}

static const struct hg_member *member_at(const struct hg_program *prog, const struct hg_type *type,
					 uint64_t offset)
{
	for (uint32_t i = 0; i < type->member_count; i++) {
		const struct hg_member *member = &prog->types.members.data[type->members + i];
		if (offset - member->offset < hg_type_get(prog, member->type)->size)
			return member;
	}
	return NULL;
}

bool hg_type_is_address(const struct hg_program *prog, uint32_t id, uint64_t offset)
{
	for (unsigned depth = 0; depth < HG_MAX_TYPE_DEPTH; depth++) {
		const struct hg_type *type = hg_type_get(prog, hg_type_strip(prog, id));
		const struct hg_member *member = NULL;
		if (type->kind == HG_TYPE_ARRAY && hg_type_get(prog, type->elem)->size) {
			offset %= hg_type_get(prog, type->elem)->size;
			id = type->elem;
		} else if (type->kind == HG_TYPE_STRUCT &&
			   (member = member_at(prog, type, offset))) {
			offset -= member->offset;
			id = member->type;
		} else {
			return !offset && type->go_kind == HG_GO_UINTPTR;
		}
	}
	return false;
}

uint32_t hg_type_find(const struct hg_program *prog, const char *name)
{
	const uint32_t number = hg_strtab_find(&prog->strings, name);
	const uint64_t *id = number ? hg_map_get(&prog->types.by_name, number) : NULL;
	return id ? (uint32_t)*id : 0;
}

static uint64_t descriptor_key(uint32_t module, uint64_t offset)
{
	return offset | (uint64_t)module << 48;
}

uint32_t hg_type_by_descriptor(const struct hg_program *prog, uint32_t module, uint64_t offset)
{
	if (!offset || offset >> 48)
		return 0;
	const uint64_t *id = hg_map_get(&prog->types.by_descriptor, descriptor_key(module, offset));
	return id ? (uint32_t)*id : 0;
}

const struct hg_member *hg_type_member(const struct hg_program *prog, uint32_t id, const char *name)
{
	const struct hg_type *type = hg_type_get(prog, hg_type_strip(prog, id));
	const uint32_t number = hg_strtab_find(&prog->strings, name);
	if (!number)
		return NULL;
	for (uint32_t i = 0; i < type->member_count; i++) {
		const struct hg_member *member = &prog->types.members.data[type->members + i];
		if (member->name == number)
			return member;
	}
	return NULL;
}

static const struct hg_type_argument *find_argument(const struct hg_program *prog, uint32_t id,
						    uint32_t n)
{
	const struct hg_type *type = hg_type_get(prog, hg_type_strip(prog, id));
	return n < type->argument_count ? &prog->types.arguments.data[type->arguments + n] : NULL;
}

uint32_t hg_type_argument(const struct hg_program *prog, uint32_t id, uint32_t n)
{
	const struct hg_type_argument *argument = find_argument(prog, id, n);
	return argument && !argument->is_value ? argument->type : 0;
}

bool hg_type_argument_value(const struct hg_program *prog, uint32_t id, uint32_t n, int64_t *ret)
{
	const struct hg_type_argument *argument = find_argument(prog, id, n);
	if (!argument || !argument->is_value)
		return false;
	*ret = argument->value;
	return true;
}

// Which of several types a name stands for. Go writes a typedef and a struct of one name, and only the struct has the
// members and the descriptor.
static unsigned name_rank(const struct hg_type *type)
{
	if (type->go_kind || type->kind == HG_TYPE_STRUCT || type->kind == HG_TYPE_UNION)
		return 3;
	return type->kind == HG_TYPE_TYPEDEF ? 2 : 1;
}

bool hg_type_enter_name(struct hg_program *prog, uint32_t id)
{
	struct hg_types *types = &prog->types;
	const struct hg_type *type = &types->types.data[id];
	if (!type->name)
		return true;
	uint64_t *named = hg_map_put(&types->by_name, type->name);
	if (!named)
		return false;
	if (!*named || name_rank(type) > name_rank(&types->types.data[*named]))
		*named = id;
	return true;
}

static bool enter_descriptor(struct hg_program *prog, uint32_t id)
{
	struct hg_types *types = &prog->types;
	const struct hg_type *type = &types->types.data[id];
	if (type->go_descriptor && !(type->go_descriptor >> 48)) {
		uint64_t *described = hg_map_put(&types->by_descriptor,
						 descriptor_key(type->module, type->go_descriptor));
		if (!described)
			return false;
		if (!*described)
			*described = id;
	}
	return true;
}

uint32_t hg_type_add_unnamed(struct hg_program *prog, const struct hg_type *type)
{
	struct hg_types *types = &prog->types;
	if (types->types.count >= HG_MAX_TYPES)
		return 0;
	if (!types->types.count && !hg_vec_push(&types->types))
		return 0;
	struct hg_type *place = hg_vec_push(&types->types);
	if (!place)
		return 0;
	*place = *type;
	place->members = (uint32_t)types->members.count;
	place->member_count = 0;
	return (uint32_t)(types->types.count - 1);
}

uint32_t hg_type_add(struct hg_program *prog, const struct hg_type *type)
{
	const uint32_t id = hg_type_add_unnamed(prog, type);
	return id && hg_type_enter_name(prog, id) && enter_descriptor(prog, id) ? id : 0;
}

bool hg_type_add_member(struct hg_program *prog, uint32_t id, const struct hg_member *member)
{
	struct hg_types *types = &prog->types;
	hg_assert(id && id < types->types.count);
	struct hg_type *type = &types->types.data[id];
	if (!type->member_count)
		type->members = (uint32_t)types->members.count;
	hg_assert(type->members + type->member_count == types->members.count);
	if (types->members.count >= HG_MAX_MEMBERS)
		return false;
	struct hg_member *place = hg_vec_push(&types->members);
	if (!place)
		return false;
	*place = *member;
	type->member_count++;
	return true;
}
