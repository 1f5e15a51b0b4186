/**
 * The index of a package of split debug info (.dwp): which part of each section belongs to which unit. Untrusted.
 */
#ifndef HG_DWARF_PACKAGE_H
#define HG_DWARF_PACKAGE_H

#include "core/base/map.h"
#include "dwarf/die.h"

struct hg_package { /* .debug_cu_index or .debug_tu_index; a zeroed struct has no units */
	struct hg_section_bytes offsets, sizes; /* tables of a row for each unit */
	uint32_t columns, units;
	uint8_t column_of[HG_DEBUG_SECTIONS]; /* index + 1 */
	struct hg_map rows;		      /* offset of a unit in its section -> its row + 1 */
};

/** Reads an index; false where it is damaged. `units` is the section that the units of it lie in: INFO or TYPES. */
bool hg_package_read(const struct hg_section_bytes *index, enum hg_dwarf_section units,
		     struct hg_package *ret);
void hg_package_deinit(struct hg_package *package);

/** Row + 1 of the unit at an offset, 0 where there is none. */
uint32_t hg_package_row(const struct hg_package *package, uint64_t offset);

/** Where the part of a section that belongs to a unit starts; 0 where the index does not say. */
uint64_t hg_package_at(const struct hg_package *package, uint32_t row, enum hg_dwarf_section which);

/** Cuts the part of a section that belongs to a unit out of the section; all of it where the index does not say. */
struct hg_section_bytes hg_package_part(const struct hg_package *package, uint32_t row,
					enum hg_dwarf_section which,
					struct hg_section_bytes section);

#endif
