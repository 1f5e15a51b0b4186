/**
 * Tables of abbreviations, looked at before libdwarf is let near them.
 */
#ifndef HG_DWARF_ABBREV_H
#define HG_DWARF_ABBREV_H

#include "dwarf/die.h"

/**
 * Does the table at `offset` of .debug_abbrev end, and has no entry more attributes than libdwarf steps over in good time (it
 * counts them up for every entry it passes)? *left is what may still be read of all tables, and shrinks. *linked is set
 * where entries refer to other units.
 */
bool hg_abbrev_check(const struct hg_section_bytes *section, uint64_t offset, uint64_t *left,
		     bool *linked);

#endif
