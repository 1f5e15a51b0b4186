/**
 * Variables: globals, locals and parameters at a pc, captured variables of closures; and constants.
 */
#ifndef HG_DWARF_VARIABLE_H
#define HG_DWARF_VARIABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/vec.h"

struct hg_program;

struct hg_variable {   /* a global */
	uint32_t name; /* full name in the program's strings: "main.userCache" */
	uint32_t type;
	uint64_t addr;	     /* in the target */
	uint64_t size;	     /* of its type; 0 unknown */
	uint32_t file, line; /* of the declaration; 0 when debug info does not tell (Go does not) */
	uint16_t module;
	uint8_t language; /* enum hg_language */
};

struct hg_tls_variable { /* thread_local, _Thread_local, __thread */
	uint32_t name;
	uint32_t type;
	uint64_t offset; /* in the TLS block of its module */
	uint64_t size;	 /* of its type; 0 unknown */
	uint32_t file, line;
	uint16_t module;
	uint8_t language; /* enum hg_language */
};

struct hg_local { /* a piece of a local variable or parameter that lies in memory or a register */
	uint32_t name;
	uint32_t type;	     /* of the whole variable */
	uint64_t piece_at;   /* offset of this piece in the variable */
	uint64_t piece_size; /* bytes of this piece; the variable's size when it is whole */
	bool in_register;
	unsigned reg;	     /* DWARF number when in_register */
	uint64_t addr;	     /* in the target otherwise */
	uint32_t file, line; /* of the declaration, 0 unknown; no file for Go */
	bool parameter;
	uint32_t function; /* name of the (inlined) function it belongs to */
};

typedef HG_VEC(struct hg_local) hg_locals;

struct hg_frame_context {      /* what location expressions may ask for */
	uint64_t pc;	       /* where to look up location lists: call sites pass pc - 1 */
	uint64_t cfa;	       /* DW_OP_call_frame_cfa */
	const uint64_t *regs;  /* DWARF order, NULL when not known (outer Go frames have none) */
	uint64_t unknown_regs; /* bit per register: those among them that are not known after all */
};

struct hg_declared { /* a local variable or parameter, wherever it lives */
	uint32_t name, type, line;
	bool parameter;
};

typedef HG_VEC(struct hg_declared) hg_declareds;

#define HG_MAX_DECLARED 4096

struct hg_captured {   /* a variable in a Go closure */
	uint32_t name; /* "&x" when captured by reference */
	uint32_t type;
	uint64_t offset; /* in the funcval; 0 not told: then it may be an ordinary local, too */
};

typedef HG_VEC(struct hg_captured) hg_captureds;

/** Returns the global whose memory contains addr, or NULL. */
const struct hg_variable *hg_variable_at(const struct hg_program *prog, uint64_t addr);
/** Returns the global of that full name, or NULL. */
const struct hg_variable *hg_variable_find(const struct hg_program *prog, const char *name);
/** All globals, sorted by address. */
const struct hg_variable *hg_variable_all(const struct hg_program *prog, size_t *count);

/** All thread-local variables, by module and offset. */
const struct hg_tls_variable *hg_variable_tls(const struct hg_program *prog, size_t *count);

/** Appends the variables of the function at frame->pc that have a location there, inlined functions' too. Debug info of
 * the function is read on first use. Damaged expressions are left out and counted in prog->bad_locations. */
struct hg_error *hg_variable_locals(struct hg_program *prog, const struct hg_frame_context *frame,
				    hg_locals *ret);

/** Appends all variables of the function whose code contains pc, those of inlined functions and those that the compiler has
 * optimized away included; none where there are more than HG_MAX_DECLARED. */
struct hg_error *hg_variable_declared(struct hg_program *prog, uint64_t pc, hg_declareds *ret);

/** Appends the captured variables (DW_AT_go_closure_offset, Go 1.23) of the closure whose code starts at entry; where none
 * has an offset, all outermost variables, without one. */
struct hg_error *hg_variable_captured(struct hg_program *prog, uint64_t entry, hg_captureds *ret);

/** True and the value of a named integer constant ("runtime._KindSpecialFinalizer"). */
bool hg_constant(const struct hg_program *prog, const char *name, int64_t *ret);

#endif
