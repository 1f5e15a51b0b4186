/**
 * Roots of native code: globals of every module, thread-local storage, stacks and registers of threads. Names come from
 * debug info, else from symbols, else they say which module or thread it is.
 *
 *	global, data     words of the writable segments of modules
 *	thread           one for each thread, and below it:
 *	  tls              its thread-local variables, and the rest of its thread-local memory
 *	  frame            functions on its stack, innermost first, and below each:
 *	    local            variables of debug info; "stack words" for all other words of the frame
 *	  local            "rest of the stack": words of frames that could not be told apart
 *	  register         registers of the innermost frame
 *
 * Words that debug info calls pointers give plain edges, all others that lead to a block conservative ones.
 */
#ifndef HG_GRAPH_ROOT_NATIVE_H
#define HG_GRAPH_ROOT_NATIVE_H

#include "dwarf/program.h"
#include "graph/block.h"
#include "graph/coverage.h"
#include "graph/root.h"

/**
 * Adds them. `skip` (may be NULL) says which memory another runtime has looked at, or must not count: its words are no
 * roots; a stack is left out where its top is. To be called from one thread: debug info is read on the way.
 */
struct hg_error *hg_roots_native(struct hg_program *prog, const struct hg_blocks *blocks,
				 struct hg_coverage *coverage, struct hg_roots *roots,
				 bool (*skip)(void *arg, uint64_t addr), void *arg);

#endif
