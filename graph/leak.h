/**
 * Leaks: blocks of malloc that no root reaches, in classes as memcheck's, cycles included.
 */
#ifndef HG_GRAPH_LEAK_H
#define HG_GRAPH_LEAK_H

#include "graph/analysis.h"

enum hg_leak_class {
	HG_LEAK_REACHABLE, /* by pointers to starts of blocks, or what the language takes for such */
	HG_LEAK_STALE, /* the same, but only by ways that begin with a word of a stack that may be stale */
	HG_LEAK_POSSIBLE, /* only by a chain with a pointer into the middle of a block */
	HG_LEAK_DEFINITE, /* no other lost block leads to it, or it stands for its cycle */
	HG_LEAK_INDIRECT, /* lost with a definite one */
	HG_LEAK_CLASSES,
};

/** "reachable", "stale", "possible", "definite", "indirect": stable words for JSON. */
const char *hg_leak_class_name(enum hg_leak_class class);

struct hg_leaks {
	uint8_t *class;	  /* per block: enum hg_leak_class; blocks of other heaps are REACHABLE */
	uint32_t *leader; /* per block: the definite block it is lost with; HG_NO_BLOCK: not lost */
	uint64_t *retained; /* per block: DEFINITE: bytes of all blocks it leads; 0 others */
};

/** Finds and classes the leaks. Reads the lost blocks again. End it with hg_leaks_deinit(), also after an error. */
struct hg_error *hg_leaks_init(const struct hg_analysis *a, struct hg_leaks *leaks);
void hg_leaks_deinit(struct hg_leaks *leaks);

#endif
