/**
 * The program headers of a module: from its file, or from the target's memory where the file is missing.
 */
#ifndef HG_DWARF_PHDR_H
#define HG_DWARF_PHDR_H

#include "dwarf/program.h"

typedef HG_VEC(struct hg_elf_segment) hg_phdrs;

/** Appends the program headers of a module; *bias gets what to add to their addresses. None is no error. */
struct hg_error *hg_phdr_read(const struct hg_program *prog, const struct hg_module *module,
			      hg_phdrs *ret, uint64_t *bias);

/** The same of an ELF image that lies in memory at addr (the vdso). */
struct hg_error *hg_phdr_read_memory(const struct hg_image *image, uint64_t addr, hg_phdrs *ret,
				     uint64_t *bias);

/** Returns the first header of a type (PT_*), or NULL. */
const struct hg_elf_segment *hg_phdr_find(const hg_phdrs *phdrs, uint32_t type);

#endif
