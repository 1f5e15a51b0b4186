/**
 * What an object of C++ really is, by the pointer to its virtual table.
 */
#ifndef HG_DWARF_VTABLE_H
#define HG_DWARF_VTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/text.h"
#include "dwarf/program.h"

/**
 * Returns the class whose virtual table a word of the target points to, 0 where it points to none or the class is not in
 * the debug info. *offset_to_top is what to add to the address of the word to get the start of the whole object: 0 or
 * below it, for the tables of further bases. Answers are kept; by one thread at a time.
 */
uint32_t hg_type_of_vtable(struct hg_program *prog, uint64_t vptr, int64_t *offset_to_top);

/** Reads what stands before the functions of what has the form of a virtual table, debug info or not: offset to top, and the
 * address of the typeinfo, the same for all tables of one class (0 without run-time types). False where the form is another. */
bool hg_vtable_read(struct hg_program *prog, uint64_t vptr, int64_t *offset_to_top,
		    uint64_t *typeinfo);

/** Appends the name of that class ("ns::Session") even where debug info does not have it; false where there is none. */
bool hg_vtable_name(struct hg_program *prog, uint64_t vptr, struct hg_text *out);

#endif
