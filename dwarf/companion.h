/**
 * Finds the files that hold a part of a module's debug info: split units, packages of them, what dwz moved out. Names are
 * those of the machine that compiled, so each is looked for under the sysroot first, then here.
 */
#ifndef HG_DWARF_COMPANION_H
#define HG_DWARF_COMPANION_H

#include "dwarf/program_private.h"

struct hg_companions {
	struct hg_program *prog;
	const struct hg_module *module;
	struct
	{ /* per hg_dwarf_companion.kind, and whether files were there: those that are missing */
		const char *first; /* its name */
		unsigned count;
	} missing[HG_DWARF_ALT + 1][2];
};

/** For hg_dwarf_open(), as long as `companions` lives. */
struct hg_dwarf_finder hg_companion_finder(struct hg_companions *companions);

/** Notes in the program what was missing. */
void hg_companion_note(const struct hg_companions *companions);

#endif
