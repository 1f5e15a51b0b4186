/**
 * Types made by hand, for tests that need no debug info.
 */
#ifndef HG_SYNTH_TYPE_MAKER_H
#define HG_SYNTH_TYPE_MAKER_H

#include "core/base/error.h"
#include "dwarf/program.h"

static inline uint32_t make_type(struct hg_program *prog, const char *name, enum hg_type_kind kind,
				 uint64_t size, uint32_t elem, uint64_t count)
{
	const struct hg_type type = {.name = hg_program_string(prog, name),
				     .kind = (uint8_t)kind,
				     .language = HG_LANGUAGE_GO,
				     .size = size,
				     .elem = elem,
				     .count = count};
	const uint32_t id = hg_type_add(prog, &type);
	hg_assert(id);
	return id;
}

struct make_member {
	uint32_t type;
	uint64_t offset;
	const char *name; /* NULL: none */
};

static inline uint32_t make_struct(struct hg_program *prog, const char *name, uint64_t size,
				   const struct make_member *members, size_t count)
{
	const uint32_t id = make_type(prog, name, HG_TYPE_STRUCT, size, 0, 0);
	for (size_t i = 0; i < count; i++) {
		const struct hg_member member = {
			.name = members[i].name ? hg_program_string(prog, members[i].name) : 0,
			.type = members[i].type,
			.offset = members[i].offset};
		const bool added = hg_type_add_member(prog, id, &member);
		hg_assert(added);
	}
	return id;
}

#endif
