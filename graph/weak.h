/**
 * Weak edges: they count only where no other edge reaches their target, so that a word that happens to look like a pointer
 * never takes an object from its owner. Weak are what finalizers and pools need (secondary), conservative words of stacks
 * and registers, and the words of malloc'd blocks that no type declares to be pointers.
 */
#ifndef HG_GRAPH_WEAK_H
#define HG_GRAPH_WEAK_H

#include "graph/analysis.h"
#include "graph/lang/shape.h"

/**
 * Takes the weak edges out of a->graph, finds what the others reach, and puts those weak edges back that reach more, in the
 * order: secondary, conservative roots, words of blocks (breadth first). Drops from a->roots the weak edges that are not
 * needed; counts in the coverage what hangs on conservative edges alone. words: see hg_scan().
 */
struct hg_error *hg_weak_settle(struct hg_analysis *a, const uint32_t *words);

/** Does the type of a block, which lies at place, declare the word at `offset` to be a pointer that owns, and is it in use? */
bool hg_weak_is_declared(const struct hg_analysis *a, uint32_t block, struct hg_place place,
			 uint64_t offset);

#endif
