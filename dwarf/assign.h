/**
 * What code loads from fields and stores in them: evidence of what a void * leads to. Where a variable of type T * gets its
 * value from a field of an S, or its value goes there, that field of S leads to a T, whatever it is declared to be.
 */
#ifndef HG_DWARF_ASSIGN_H
#define HG_DWARF_ASSIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

struct hg_program;

#define HG_ASSIGNMENT_CAST UINT64_MAX

struct hg_assignment {
	uint32_t from; /* S, as the variable that points to it declares */
	uint64_t
		offset; /* of the field in S; HG_ASSIGNMENT_CAST: S, which is declared only, is a T itself */
	uint32_t to; /* T, as the variable declares it */
};

/**
 * Calls fn for each such instruction, and each variable that points to a type which is nowhere defined and shares its register with
 * one of type T * (a cast), in the functions of C and C++ of all modules, until it says false. Variables are those of
 * the debug info, at the addresses where it says that they are in registers, or on the stack in code that was not optimized.
 */
struct hg_error *hg_assignments(struct hg_program *prog,
				bool (*fn)(void *arg, const struct hg_assignment *assignment),
				void *arg);

#endif
