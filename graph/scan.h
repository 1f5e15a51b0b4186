/**
 * Blocks and roots -> edges. Reads every pointer word of every block once, on all cores.
 */
#ifndef HG_GRAPH_SCAN_H
#define HG_GRAPH_SCAN_H

#include "graph/analysis.h"

/** Set in a word number: the pointer leads behind the start of a block of a heap without pointer masks. */
#define HG_WORD_INTERIOR 0x80000000u
/** Set in a word number: a word that a collector does not follow, and that leads to the start of a block of another heap. It
 * counts where its type says that it is an address (graph/weak.c). */
#define HG_WORD_NUMBER 0x40000000u

static inline uint64_t hg_word_offset(uint32_t word)
{
	return (uint64_t)(word & ~(HG_WORD_INTERIOR | HG_WORD_NUMBER)) * 8;
}

/**
 * Builds a->graph from a->blocks and a->roots without the weak root edges (graph/weak.h); all words of heaps without pointer
 * masks that lead to blocks are edges at first. Sorts a->roots.edges by root and offset and drops those that lead to no
 * block; *words gets for each edge the number of the word in its slot where it was found (0 for edges of roots), malloc'd.
 */
struct hg_error *hg_scan(struct hg_analysis *a, uint32_t **words);

#endif
