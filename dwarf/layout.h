/**
 * "Where is field F of type T in this target?" Asked of the target's own debug info, once.
 */
#ifndef HG_DWARF_LAYOUT_H
#define HG_DWARF_LAYOUT_H

#include "core/base/error.h"
#include "dwarf/program.h"

struct hg_field {
	uint64_t offset;
	uint32_t size; /* bytes */
	uint32_t type; /* of the field, 0 when unknown */
	bool present;
};

struct hg_want {
	struct hg_field *ret;
	const char *
		type; /* "runtime.mspan"; alternatives by '|', newest first: "internal/abi.Type|runtime._type" */
	const char *
		path; /* "state.s.value|state.s|state": alternatives by '|', newest first. "" asks for the size of
	                   * the type itself (offset 0). A path whose end is a struct with one useful member named
	                   * value, s, a or p is unwrapped down to its integer when .unwrap is set. */
	bool optional; /* absent: present = false; else a missing field is an error that names type and field */
	bool unwrap;
};

/** Fills every want. An error names the first required type and field that the target does not have. */
struct hg_error *hg_layout_resolve(struct hg_program *prog, const struct hg_want *wants,
				   size_t count);

/** Reads the field of a structure at addr as an unsigned integer (1 to 8 bytes); false where memory is missing or the
 * field is not present. */
bool hg_field_read(const struct hg_program *prog, const struct hg_field *field, uint64_t addr,
		   uint64_t *ret);

#endif
