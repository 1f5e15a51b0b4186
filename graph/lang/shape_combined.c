// Blocks that hold several things which were allocated as one: a struct and what it points to behind its end, and what
// programs carve out of pools of their own.

#include <stdlib.h>

#include "graph/lang/shape.h"

#define MAX_TOGETHER 16	    // things in one block
#define MAX_COMBINED 65536u // types that are made

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

/** Is it made here, or by hg_shape_interior()? Their members have no names. */
static bool is_made(const struct hg_shapes *shapes, uint32_t type)
{
	const struct hg_type *t = hg_type_get(shapes->prog, type);
	const struct hg_member *first = &shapes->prog->types.members.data[t->members];
	return hg_map_get(&shapes->composites, type) ||
	       (t->kind == HG_TYPE_STRUCT && t->member_count == 1 && !first->name &&
		first->offset &&
		first->offset + hg_type_get(shapes->prog, first->type)->size == t->size);
}

/** Or does one of them reach beyond all memory? */
static bool overlaps(const struct hg_shapes *shapes, const struct hg_member *member,
		     uint64_t offset, uint64_t size)
{
	const uint64_t other = hg_type_get(shapes->prog, member->type)->size;
	uint64_t end, other_end;
	return __builtin_add_overflow(offset, size, &end) ||
	       __builtin_add_overflow(member->offset, other, &other_end) ||
	       (offset < other_end && member->offset < end);
}

/** Fills members with what `known` holds and the new one, by offset; returns how many, 0 where they cannot be together. */
static unsigned gather(const struct hg_shapes *shapes, uint32_t known, const struct hg_member *new,
		       struct hg_member *members)
{
	const struct hg_types *types = &shapes->prog->types;
	const struct hg_type *t = hg_type_get(shapes->prog, known);
	const struct hg_member whole = {.type = known};
	const bool made = is_made(shapes, known);
	const struct hg_member *old = made ? &types->members.data[t->members] : &whole;
	const unsigned count = made ? t->member_count : 1;
	const uint64_t size = hg_type_get(shapes->prog, new->type)->size;
	unsigned at = 0;
	if (count >= MAX_TOGETHER)
		return 0;
	for (unsigned i = 0; i < count; i++)
		if (overlaps(shapes, &old[i], new->offset, size))
			return 0;
	while (at < count && old[at].offset < new->offset) {
		members[at] = old[at];
		at++;
	}
	members[at] = *new;
	for (unsigned i = at; i < count; i++)
		members[i + 1] = old[i];
	return count + 1;
}

static uint32_t make(struct hg_shapes *shapes, const struct hg_member *members, unsigned count)
{
	const struct hg_member *last = &members[count - 1];
	const char *first = hg_type_name(shapes->prog, members[0].type);
	const char *second = count > 2 ? "others" : hg_type_name(shapes->prog, members[1].type);
	hg_autofree char *text = NULL;
	if (asprintf(&text, "%s and %s", first, second) < 0)
		return 0;
	const struct hg_type type = {
		.name = hg_program_string(shapes->prog, text),
		.kind = HG_TYPE_STRUCT,
		.size = last->offset + hg_type_get(shapes->prog, last->type)->size,
		.language = hg_type_get(shapes->prog, members[0].type)->language};
	const uint32_t id = hg_type_add(shapes->prog, &type);
	for (unsigned i = 0; id && i < count; i++)
		if (!hg_type_add_member(shapes->prog, id, &members[i]))
			return 0;
	return id;
}

uint32_t hg_shape_combined(struct hg_shapes *shapes, uint32_t known, uint32_t type, uint64_t offset)
{
	struct hg_member members[MAX_TOGETHER];
	const unsigned count =
		gather(shapes, known, &(struct hg_member){.type = type, .offset = offset}, members);
	uint64_t hash = count;
	for (unsigned i = 0; i < count; i++)
		hash = mix(mix(hash, members[i].type), members[i].offset);
	const uint64_t *found = hg_map_get(&shapes->combined, hash);
	if (!count || found || shapes->combined.count >= MAX_COMBINED)
		return count && found ? (uint32_t)*found : 0;
	const uint32_t id = make(shapes, members, count);
	uint64_t *place = id ? hg_map_put(&shapes->combined, hash) : NULL;
	uint64_t *composite = place ? hg_map_put(&shapes->composites, id) : NULL;
	if (!composite)
		return 0;
	*composite = 1;
	*place = id;
	return id;
}
