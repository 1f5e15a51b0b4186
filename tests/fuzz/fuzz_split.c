// Debug info that lies in several files: split units, packages of them, what dwz shares. Input: see dwarf_files.h.

#include "tests/synth/dwarf_files.h"

static void ask(struct hg_program *prog)
{
	const struct hg_module_index *index = &prog->priv->indexes[0];
	hg_locals locals = {0};
	for (size_t i = 0; i < index->functions.count && i < 16; i++) {
		const struct hg_frame_context frame = {.pc = index->functions.data[i].low,
						       .cfa = 4096};
		hg_error_destroy(hg_variable_locals(prog, &frame, &locals));
	}
	hg_vec_deinit(&locals);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dwarf_files files;
	dwarf_files_open(&files, data, size, DWARF_FILES);
	if (files.dwarf) {
		struct hg_program *prog = program_of_dwarf(files.dwarf, 0);
		ask(prog);
		hg_program_destroy(prog);
	}
	dwarf_files_deinit(&files);
	return 0;
}
