/**
 * address <-> symbol, for all modules.
 */
#ifndef HG_DWARF_SYMBOL_H
#define HG_DWARF_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hg_program;

struct hg_symbol {
	const char *name; /* owned by the module's ELF file */
	uint64_t addr;	  /* in the target */
	uint64_t size;
	uint8_t type; /* STT_FUNC, STT_OBJECT, ... */
};

/** Returns the symbol whose range contains addr (a sizeless one: the nearest below in its section), or NULL. */
const struct hg_symbol *hg_symbol_at(struct hg_program *prog, uint64_t addr);
/** Returns a symbol by name, the executable's first, or NULL. */
const struct hg_symbol *hg_symbol_find(struct hg_program *prog, const char *name);
/** Returns a symbol of one module by name, or NULL. */
const struct hg_symbol *hg_symbol_find_in(struct hg_program *prog, size_t module, const char *name);

#endif
