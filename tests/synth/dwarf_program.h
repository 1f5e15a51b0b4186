/**
 * A program without memory whose one module has debug info that was written by hand.
 */
#ifndef HG_SYNTH_DWARF_PROGRAM_H
#define HG_SYNTH_DWARF_PROGRAM_H

#include "dwarf/program_private.h"

/** The module lies at [0, 2^47) and is loaded at `bias`; it takes over the debug info. */
static inline struct hg_program *program_of_dwarf(struct hg_dwarf *dwarf, uint64_t bias)
{
	struct hg_program *prog = NULL;
	struct hg_error *err = hg_program_create_bare(NULL, NULL, &prog);
	hg_assert(!err);
	struct hg_module *module = hg_vec_push(&prog->modules);
	hg_assert(module);
	*module = (struct hg_module){
		.path = "/prog", .bias = bias, .end = 1ull << 47, .is_exe = true, .dwarf = dwarf};
	err = hg_program_index_modules(prog);
	hg_assert(!err);
	prog->priv->indexes[0].descriptor_limit = 0x100000;
	err = hg_type_read(prog, 0);
	hg_assert(!err);
	err = hg_variable_finish(prog);
	hg_assert(!err);
	return prog;
}

/** The same of sections; NULL where the debug info cannot be opened. */
static inline struct hg_program *program_of_sections(const struct hg_section_bytes *sections,
						     uint64_t bias)
{
	struct hg_dwarf *dwarf = NULL;
	struct hg_error *err = hg_dwarf_open_sections(sections, &dwarf);
	hg_error_destroy(err);
	return dwarf ? program_of_dwarf(dwarf, bias) : NULL;
}

#endif
