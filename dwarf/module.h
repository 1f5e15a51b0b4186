/**
 * An ELF file at the place where the target loaded it, with its debug file.
 */
#ifndef HG_DWARF_MODULE_H
#define HG_DWARF_MODULE_H

#include "core/elffile.h"

struct hg_module {
	const char *path; /* as the target names it */
	struct hg_elf *
		elf; /* NULL when the file could not be opened; then bias is from the mappings alone */
	struct hg_elf *
		debug; /* the file that holds the debug info: elf itself, a separate one, or NULL */
	uint64_t bias; /* address in the target - link-time address */
	uint64_t start, end; /* of all its mappings in the target */
	bool is_exe;
	const char *problem;	/* why elf or debug is NULL, one line; NULL when all is well */
	struct hg_dwarf *dwarf; /* private to dwarf/ */
};

#endif
