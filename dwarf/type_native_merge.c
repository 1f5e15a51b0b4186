// Which types of a batch the program knows already, from other units and modules.
//
// A named type is the same by what its entry says: name, size, place, and its members with their names, offsets and the
// names of their types. That asks no other type, so there is no end to find in types that refer to each other. All
// others are the same by the ids of what they are made of.
//
// A type that is only declared gets an id by its name, which its definition takes over when it comes, so that pointers
// to it lead to the definition from then on.

#include "dwarf/type_native.h"

#include <string.h>
#include <xxhash.h>

#include "core/base/limits.h"

#define MAX_SHALLOW 6 // pointers, arrays and the like around a member's type that make a difference

static uint64_t mix(uint64_t hash, uint64_t word)
{
	return XXH3_64bits_withSeed(&word, sizeof(word), hash);
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
	return text ? XXH3_64bits_withSeed(text, strnlen(text, HG_MAX_NAME), hash) : mix(hash, 0);
}

// What is seen of a member's type without asking what that is made of.
static uint64_t mix_shallow(const struct hg_native *batch, uint64_t hash, uint64_t ref)
{
	for (unsigned i = 0; i < MAX_SHALLOW; i++) {
		const uint32_t index = hg_native_find(batch, ref);
		if (!index)
			return mix(hash, ref ? 1 : 0);
		const struct hg_native_type *type = &batch->types.data[index - 1];
		hash = mix(hash, (uint64_t)type->form << 8 | type->kind);
		if (type->full)
			return mix(hash, type->full);
		ref = type->ref;
	}
	return hash;
}

static uint64_t named_key(const struct hg_native *batch, const struct hg_native_type *type)
{
	uint64_t hash = mix(type->kind, type->full);
	hash = mix(hash, type->size);
	hash = mix(hash, (uint64_t)type->line << 32 | type->member_count);
	hash = mix_text(hash, type->basename);
	for (uint32_t i = 0; i < type->member_count; i++) {
		const struct hg_native_member *member = &batch->members.data[type->members + i];
		hash = mix_text(hash, member->name);
		hash = mix(hash, member->offset);
		hash = mix_shallow(batch, hash, member->ref);
	}
	return hash;
}

static uint32_t add_type(struct hg_native *batch, const struct hg_native_type *from,
			 const struct hg_type *type, uint32_t placeholder)
{
	struct hg_program *prog = batch->prog;
	const bool by_name = from->form == HG_NATIVE_NAMED || from->form == HG_NATIVE_TYPEDEF;
	uint32_t id = placeholder;
	if (id)
		prog->types.types.data[id] = *type;
	else
		id = hg_type_add_unnamed(prog, type);
	if (!id || (by_name && !type->incomplete && !hg_type_enter_name(prog, id)))
		batch->nomem = true;
	return id;
}

static struct hg_type common_fields(const struct hg_native *batch,
				    const struct hg_native_type *from)
{
	return (struct hg_type){
		.name = from->full,
		.kind = from->kind,
		.language = from->language,
		.module = (uint16_t)batch->module,
		.size = from->size,
		.file = from->file,
		.line = from->line,
	};
}

// Structs and unions of a name are told apart by kind; classes are structs.
static uint64_t name_key(const struct hg_native_type *type)
{
	return (uint64_t)type->kind << 32 | type->full;
}

static uint32_t declared_type(struct hg_native *batch, struct hg_native_type *type)
{
	uint64_t *known =
		type->full ? hg_map_put(&batch->prog->priv->native_names, name_key(type)) : NULL;
	if (known && *known)
		return (uint32_t)*known;
	struct hg_type placeholder = common_fields(batch, type);
	placeholder.incomplete = true;
	placeholder.size = 0;
	const uint32_t id = add_type(batch, type, &placeholder, 0);
	if (known)
		*known = id;
	return id;
}

static uint32_t named_type(struct hg_native *batch, struct hg_native_type *type)
{
	struct hg_program_private *priv = batch->prog->priv;
	uint64_t *known = hg_map_put(&priv->native_types, named_key(batch, type));
	if (!known) {
		batch->nomem = true;
		return 0;
	}
	if (*known)
		return (uint32_t)*known;
	uint64_t *named = type->full ? hg_map_put(&priv->native_names, name_key(type)) : NULL;
	uint32_t placeholder = named ? (uint32_t)*named : 0;
	if (placeholder && !batch->prog->types.types.data[placeholder].incomplete)
		placeholder = 0;
	const struct hg_type complete = common_fields(batch, type);
	*known = add_type(batch, type, &complete, placeholder);
	if (named && !*named)
		*named = *known;
	type->is_new = true;
	return (uint32_t)*known;
}

static uint32_t merge_type(struct hg_native *batch, uint32_t index, unsigned depth);

static uint32_t merge_ref(struct hg_native *batch, uint64_t ref, unsigned depth)
{
	const uint32_t index = hg_native_find(batch, ref);
	return index ? merge_type(batch, index - 1, depth) : hg_native_id(batch, ref);
}

static uint32_t derived_type(struct hg_native *batch, struct hg_native_type *type, unsigned depth)
{
	hg_autofree uint32_t *parameters = NULL;
	const bool is_function = type->form == HG_NATIVE_FUNCTION;
	uint64_t count = type->form == HG_NATIVE_ARRAY && type->member_count;
	uint64_t hash = mix(type->form, type->full);
	const uint32_t elem = merge_ref(batch, type->ref, depth);
	hash = mix(mix(hash, elem), type->size);
	if (is_function)
		parameters = calloc((size_t)type->member_count + 1, sizeof(*parameters));
	if (is_function && !parameters)
		return 0;
	for (uint32_t i = 0; i < type->member_count; i++) {
		const struct hg_native_member *member = &batch->members.data[type->members + i];
		if (is_function)
			parameters[i] = merge_ref(batch, member->ref, depth);
		else if (__builtin_mul_overflow(count, member->offset, &count))
			count = 0;
		hash = mix(hash, is_function ? parameters[i] : member->offset);
	}
	uint64_t *known = hg_map_put(&batch->prog->priv->native_types, hash);
	if (!known || *known)
		return known ? (uint32_t)*known : 0;
	struct hg_type made = common_fields(batch, type);
	made.elem = elem;
	made.count = count;
	made.name = type->form == HG_NATIVE_TYPEDEF
			    ? type->full
			    : hg_native_derived_name(batch, type, elem, parameters);
	if (type->form == HG_NATIVE_MEMBER_POINTER && !made.size)
		made.size = hg_type_get(batch->prog, elem)->kind == HG_TYPE_FUNC ? 16 : 8;
	*known = add_type(batch, type, &made, 0);
	return (uint32_t)*known;
}

static uint32_t merge_type(struct hg_native *batch, uint32_t index, unsigned depth)
{
	struct hg_native_type *type = &batch->types.data[index];
	if (type->done)
		return type->id;
	if (type->busy || depth > HG_MAX_TYPE_DEPTH)
		return 0;
	type->busy = true;
	const uint32_t origin = type->declaration ? hg_native_find(batch, type->origin) : 0;
	if (origin) // the signature of a type unit
		type->id = merge_type(batch, origin - 1, depth + 1);
	else if (type->declaration)
		type->id = declared_type(batch, type);
	else if (type->form == HG_NATIVE_NAMED)
		type->id = named_type(batch, type);
	else
		type->id = derived_type(batch, type, depth + 1);
	type->busy = false;
	type->done = true;
	return type->id;
}

uint32_t hg_native_id(const struct hg_native *batch, uint64_t offset)
{
	if (!offset)
		return 0;
	const uint32_t index = hg_native_find(batch, offset);
	return index ? batch->types.data[index - 1].id : hg_type_at_entry(batch->index, offset);
}

static bool fill(struct hg_native *batch, const struct hg_native_type *from)
{
	struct hg_program *prog = batch->prog;
	for (uint32_t i = 0; i < from->member_count; i++) {
		const struct hg_native_member *member = &batch->members.data[from->members + i];
		const uint32_t type = hg_native_id(batch, member->ref);
		const uint8_t kind = hg_type_get(prog, type)->kind;
		const struct hg_member made = {
			.name = member->name ? hg_strtab_addn(&prog->strings, member->name,
							      strnlen(member->name, HG_MAX_NAME))
					     : 0,
			.type = type,
			.offset = member->offset,
			.embedded = member->embedded &&
				    (kind == HG_TYPE_STRUCT || kind == HG_TYPE_UNION ||
				     kind == HG_TYPE_TYPEDEF),
		};
		if (!hg_type_add_member(prog, from->id, &made))
			return false;
	}
	struct hg_type *type = &prog->types.types.data[from->id];
	type->arguments = (uint32_t)prog->types.arguments.count;
	for (uint32_t i = 0; i < from->argument_count; i++) {
		const struct hg_native_argument *argument =
			&batch->arguments.data[from->arguments + i];
		struct hg_type_argument *place = hg_vec_push(&prog->types.arguments);
		if (!place)
			return false;
		*place = (struct hg_type_argument){hg_native_id(batch, argument->ref),
						   argument->is_value, argument->value};
	}
	type->argument_count = from->argument_count;
	return true;
}

void hg_native_merge(struct hg_native *batch)
{
	for (uint32_t i = 0; i < batch->types.count; i++)
		merge_type(batch, i, 0);
	for (size_t i = 0; i < batch->types.count && !batch->nomem; i++) {
		const struct hg_native_type *type = &batch->types.data[i];
		if (type->is_new && !fill(batch, type))
			batch->nomem = true;
		if (!type->id)
			continue;
		struct hg_type_entry *entry = hg_vec_push(&batch->index->entries);
		batch->nomem |= !entry;
		if (entry)
			*entry = (struct hg_type_entry){type->offset, type->id};
	}
}
