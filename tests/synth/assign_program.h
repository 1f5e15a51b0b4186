/**
 * A program of one function of C, for what reads its code: three variables that point to a struct `holder` of 24 bytes, a struct
 * `target` of 16, and a struct `opaque` that is only declared.
 */
#ifndef HG_SYNTH_ASSIGN_PROGRAM_H
#define HG_SYNTH_ASSIGN_PROGRAM_H

#include "core/image_build.h"
#include "tests/synth/dwarf_program.h"
#include "tests/synth/dwarf_writer.h"

#define ASSIGN_CODE 0x1000u /* where the function lies */

enum { ASSIGN_HOLDER, ASSIGN_TARGET, ASSIGN_OPAQUE, ASSIGN_VARIABLES };

struct assign_variable {
	const uint8_t *expr; /* NULL: the list at an offset */
	size_t size;
	uint32_t list;
};

struct assign_function {
	unsigned version; /* of DWARF */
	const uint8_t *code;
	size_t size;
	size_t pretended; /* size that debug info tells; 0: the same */
	const uint8_t *frame_base;
	size_t frame_base_size;
	struct hg_section_bytes lists;
	struct assign_variable variables[ASSIGN_VARIABLES];
};

static inline uint32_t assign_struct(struct dwarf_writer *w, const char *name, unsigned size)
{
	const uint32_t type = dwarf_die(w, HG_TAG_STRUCTURE_TYPE, false);
	dwarf_string(w, AT_NAME, name);
	if (size)
		dwarf_udata(w, AT_BYTE_SIZE, size);
	else
		dwarf_flag(w, AT_DECLARATION);
	const uint32_t pointer = dwarf_die(w, HG_TAG_POINTER_TYPE, false);
	dwarf_udata(w, AT_BYTE_SIZE, 8);
	dwarf_ref(w, AT_TYPE, type);
	return pointer;
}

static inline void assign_write(struct dwarf_writer *w, const struct assign_function *f)
{
	static const char *const names[ASSIGN_VARIABLES] = {"holder", "target", "opaque"};
	static const unsigned sizes[ASSIGN_VARIABLES] = {24, 16, 0};
	uint32_t types[ASSIGN_VARIABLES];
	dwarf_unit(w, f->version, HG_LANG_C11);
	for (unsigned i = 0; i < ASSIGN_VARIABLES; i++)
		types[i] = assign_struct(w, names[i], sizes[i]);
	dwarf_die(w, HG_TAG_SUBPROGRAM, true);
	dwarf_string(w, AT_NAME, "function");
	dwarf_addr(w, AT_LOW_PC, ASSIGN_CODE);
	dwarf_udata(w, AT_HIGH_PC, f->pretended ? f->pretended : f->size);
	if (f->frame_base_size)
		dwarf_block(w, AT_FRAME_BASE, f->frame_base, f->frame_base_size);
	for (unsigned i = 0; i < ASSIGN_VARIABLES; i++) {
		const struct assign_variable *variable = &f->variables[i];
		dwarf_die(w, HG_TAG_VARIABLE, false);
		dwarf_string(w, AT_NAME, names[i]);
		dwarf_ref(w, AT_TYPE, types[i]);
		if (variable->expr)
			dwarf_block(w, AT_LOCATION, variable->expr, variable->size);
		else
			dwarf_section_offset(w, AT_LOCATION, variable->list);
	}
	dwarf_end(w);
	dwarf_unit_end(w);
}

/** Its bytes must outlive it; NULL where memory is exhausted. */
static inline struct hg_program *assign_program(struct dwarf_writer *w,
						const struct assign_function *f)
{
	const struct hg_image_options options = {0};
	hg_cleanup(hg_image_destroyp) struct hg_image *image = NULL;
	struct hg_error *err = hg_image_create(HG_IMAGE_CORE, &options, &image);
	hg_assert(!err);
	image->arch = &hg_arch_x86_64;
	const struct hg_segment segment = {
		.addr = ASSIGN_CODE,
		.size = f->size,
		.present = f->size,
		.bytes = f->code,
		.prot = HG_PROT_READ | HG_PROT_EXEC,
	};
	err = f->size ? hg_image_add(image, segment) : NULL;
	if (!err)
		err = hg_image_finish(image);
	hg_assert(!err);
	memset(w, 0, sizeof(*w));
	assign_write(w, f);
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	dwarf_sections(w, sections);
	sections[HG_DEBUG_LOC] = sections[HG_DEBUG_LOCLISTS] = f->lists;
	struct hg_program *prog = program_of_sections(sections, 0);
	hg_assert(prog && !prog->image);
	prog->image = hg_take(image);
	return prog;
}

#endif
