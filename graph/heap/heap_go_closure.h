/**
 * Code that makes closures: private to heap_go_closure.c and its test.
 */
#ifndef HG_GRAPH_HEAP_HEAP_GO_CLOSURE_H
#define HG_GRAPH_HEAP_HEAP_GO_CLOSURE_H

#include <stdbool.h>
#include <stdint.h>

struct go_code { /* a stretch of machine code, x86-64 */
	const uint8_t *bytes;
	uint64_t addr, size;
	uint64_t text, etext;	/* all code of the module */
	uint64_t types, etypes; /* type descriptors of the module */
};

struct go_closure_pair {
	uint64_t type_pc, type; /* code that loads the address of a type ... */
	uint64_t code_pc, code; /* ... and the next that loads the address of code */
};

/** Returns false to stop. */
typedef bool go_closure_fn(void *arg, const struct go_closure_pair *pair);

/** Calls fn for all such pairs; each load of a type belongs to one pair at most. False where fn stopped it. Pure. */
bool go_closure_pairs(const struct go_code *code, go_closure_fn *fn, void *arg);

#endif
