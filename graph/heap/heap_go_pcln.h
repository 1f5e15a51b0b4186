/**
 * Go's function tables, viewed in place: private to the heap_go_pcln*.c and heap_go_stack*.c files.
 */
#ifndef HG_GRAPH_HEAP_HEAP_GO_PCLN_H
#define HG_GRAPH_HEAP_HEAP_GO_PCLN_H

#include "graph/heap/heap_go.h"

enum { GO_FUNC_TOPFRAME = 1, GO_FUNC_SPWRITE = 2 }; /* go_func.flag */

enum { /* same numbers in all releases */
       GO_PCDATA_STACK_MAP = 1,
       GO_PCDATA_INLINE = 2,
       GO_FUNCDATA_ARGS = 0,
       GO_FUNCDATA_LOCALS = 1,
       GO_FUNCDATA_OBJECTS = 2,
       GO_FUNCDATA_INLINE = 3,
};

struct go_table {
	const uint8_t *data; /* NULL where it is missing; then size is 0 */
	uint64_t size;
};

struct go_pcln_module {
	const struct go_module *module;
	struct go_table ftab, pclntable, funcnametab, cutab, filetab, pctab, textsect;
	uint32_t func_size;   /* of the fixed part of a _func: 40 (no startLine) or 44 */
	uint32_t inline_size; /* of an inlinedCall: 20 (with parent, file, line) or 16 */
	uint32_t quantum;     /* what a step of a pc table counts in: 1 on amd64, 4 on arm64 */
};

struct go_pcln {
	HG_VEC(struct go_pcln_module) modules;
	struct hg_map funcs; /* address of a _func -> struct go_func * */
	struct hg_map pcs;   /* pc -> struct go_func *, 0 for none */
	struct hg_map lines; /* address of a variable -> struct decl * of heap_go_decl.c */
	struct hg_arena arena;
	HG_VEC(void *) copies; /* of tables that lie in pieces */
	bool inits_listed;
	HG_VEC(uint64_t) inits; /* entries of package initialisers, by address */
};

/** One call level at a pc: an inlined function, or last the function that the pc lies in. */
struct go_call {
	const char *function; /* in the program's strings */
	const char *file;     /* in the program's strings; "" unknown */
	uint32_t line;
};

enum { GO_MAX_INLINE = 32 };

/** Fills the call levels at pc, innermost first; returns how many (0: no function there). */
size_t go_calls(struct heap_go *go, uint64_t pc, struct go_call calls[GO_MAX_INLINE]);

/** Number `index` in a module's sorted function table: its entry and _func offset; false behind the last. */
bool go_func_entry(const struct go_pcln_module *m, uint64_t index, uint64_t *entry,
		   uint32_t *func_offset);

/** The name of the function at an offset of pclntable, in the target's memory; NULL where damaged. */
const char *go_func_name(const struct go_pcln_module *m, uint32_t func_offset);

/** Decodes the pc-value table at pctab + offset for one pc of a function; pure. */
bool go_pcvalue_decode(struct go_table pctab, uint32_t offset, uint64_t entry, uint64_t end,
		       uint32_t quantum, uint64_t pc, int32_t *ret);

#endif
