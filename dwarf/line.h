/**
 * The files that a unit of debug info names in its line program.
 */
#ifndef HG_DWARF_LINE_H
#define HG_DWARF_LINE_H

#include "core/base/strtab.h"
#include "dwarf/die.h"

struct hg_line_file {
	const char *name;   /* in a section */
	const char *folder; /* where it lies, or NULL */
	uint32_t number;    /* of its path in the string table, 0 until asked for */
};

struct hg_line_files { /* a zeroed struct has none */
	HG_VEC(struct hg_line_file) files;
	const struct hg_unit *unit;
	const uint8_t *start; /* of the line program that was read */
	uint64_t bytes_read;  /* so that units which share one long list cost little */
};

/** Reads the files of a unit over those of the last one. Damage ends the list where it stands. */
void hg_line_files_read(struct hg_dwarf *dwarf, const struct hg_unit *unit,
			struct hg_line_files *files);

/** The path of a file by its index in DW_AT_decl_file as a number of the string table; 0 where there is none. */
uint32_t hg_line_file(struct hg_line_files *files, struct hg_strtab *strings, uint64_t index);

/** The last part of its path, "" where there is none. */
const char *hg_line_file_name(const struct hg_line_files *files, uint64_t index);
void hg_line_files_deinit(struct hg_line_files *files);

#endif
