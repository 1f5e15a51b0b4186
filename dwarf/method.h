/**
 * Which class a function belongs to.
 */
#ifndef HG_DWARF_METHOD_H
#define HG_DWARF_METHOD_H

#include "dwarf/program.h"

/** Returns the class that declares the function (a member function, static ones too) whose code contains a pc; 0 where debug
 * info does not tell. To be kept by the caller: it looks through the entries of the class. By one thread at a time. */
uint32_t hg_method_class(struct hg_program *prog, uint64_t pc);

#endif
