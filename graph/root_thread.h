/**
 * What threads do: where they wait, what is on their stacks. For every thread of the process, whether it holds anything or
 * not; roots of native code are found by root_native.c.
 */
#ifndef HG_GRAPH_ROOT_THREAD_H
#define HG_GRAPH_ROOT_THREAD_H

#include "dwarf/program.h"
#include "graph/root.h"

/** Adds an entry for each thread of the image, in their order, without root and bytes. From one thread: debug info is read
 * on the way. */
struct hg_error *hg_roots_threads(struct hg_program *prog, struct hg_roots *roots);

/** The name of the function whose code contains pc, readable, as a string of the program; 0 where none is known. */
uint32_t hg_root_function(struct hg_program *prog, uint64_t pc);

/** A symbol's name, readable, as a string of the program. */
uint32_t hg_root_symbol(struct hg_program *prog, const char *symbol);

#endif
