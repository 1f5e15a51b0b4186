// Debug info: types, globals, constants, then the variables of its functions.
//
// Input:  0  48  sizes of the sections in the order of enum hg_dwarf_section
//        48   n  their bytes

#include <string.h>

#include "core/base/bytes.h"
#include "tests/synth/dwarf_program.h"

static void ask(struct hg_program *prog)
{
	const struct hg_module_index *index = &prog->priv->indexes[0];
	hg_locals locals = {0};
	hg_captureds captureds = {0};
	uint64_t regs[HG_ARCH_MAX_REGS] = {0};
	for (size_t i = 0; i < index->functions.count && i < 16; i++) {
		const uint64_t low = index->functions.data[i].low;
		for (unsigned k = 0; k < 4; k++) {
			const struct hg_frame_context frame = {
				.pc = low + k, .cfa = 4096, .regs = k & 1 ? regs : NULL};
			hg_error_destroy(hg_variable_locals(prog, &frame, &locals));
		}
		hg_error_destroy(hg_variable_captured(prog, low, &captureds));
	}
	hg_vec_deinit(&locals);
	hg_vec_deinit(&captureds);
	for (uint32_t id = 0; id < prog->types.types.count; id++)
		hg_type_member(prog, id, "next");
	for (size_t i = 0; i < prog->globals.count; i++)
		hg_variable_at(prog, prog->globals.data[i].addr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS] = {0};
	uint8_t *copies[HG_DEBUG_SECTIONS] = {0};
	struct hg_bytes bytes = hg_bytes_init(data, size);
	uint32_t sizes[HG_DEBUG_SECTIONS];
	for (unsigned i = 0; i < HG_DEBUG_SECTIONS; i++)
		sizes[i] = hg_bytes_u32(&bytes);
	for (unsigned i = 0; i < HG_DEBUG_SECTIONS; i++) {
		const size_t left = hg_bytes_left(&bytes);
		sections[i].size = sizes[i] < left ? sizes[i] : left;
		if (!sections[i].size)
			continue;
		const void *part = hg_bytes_take(&bytes, sections[i].size);
		// Each in an allocation of its own, so that a read past its end is seen.
		copies[i] = malloc(sections[i].size);
		memcpy(copies[i], part, sections[i].size);
		sections[i].data = copies[i];
	}
	struct hg_program *prog = program_of_sections(sections, 0);
	if (prog)
		ask(prog);
	hg_program_destroy(prog);
	for (unsigned i = 0; i < HG_DEBUG_SECTIONS; i++)
		free(copies[i]);
	return 0;
}
