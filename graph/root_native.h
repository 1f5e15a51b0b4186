/**
 * Roots of native code: globals of every module, thread-local storage, stacks and registers of threads. Names come from
 * debug info, else from symbols, else they say which module or thread it is.
 *
 *	global, static, data  words of the writable segments of modules
 *	data             "anonymous memory": what the program has mapped for itself, as allocators of its own do
 *	thread           one for each thread, and below it:
 *	  tls              its thread-local variables, and the rest of its thread-local memory
 *	  frame            functions on its stack, innermost first, and below each:
 *	    stack            variables of debug info
 *	    words            "stack words": all other words of the frame
 *	  words            "rest of the stack": words of frames that could not be told apart
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

struct hg_native_options {
	/** Heaps of native code, bit per number of a heap. Blocks of others (a collector's) are what C must not hold: only
	 * variables on stacks count for them. */
	uint64_t heaps;
	/** Memory that another runtime has looked at, or that must not count: its words are no roots; a stack is left out
	 * where its top is. May be NULL. */
	bool (*skip)(void *arg, uint64_t addr);
	/** Is the word at `offset` in a value of a type a pointer that owns what it leads to? addr: where the value lies, 0
	 * where it is not in memory in one piece. May be NULL: then none is. */
	bool (*owns)(void *arg, uint32_t type, uint64_t addr, uint64_t offset);
	/** Memory of the heaps themselves: looked at only where a stack or thread-local storage lies in a block. May be NULL. */
	bool (*in_heap)(void *arg, uint64_t addr);
	void *arg;
};

/** Adds them. To be called from one thread: debug info is read on the way. */
struct hg_error *hg_roots_native(struct hg_program *prog, const struct hg_blocks *blocks,
				 const struct hg_native_options *options,
				 struct hg_coverage *coverage, struct hg_roots *roots);

#endif
