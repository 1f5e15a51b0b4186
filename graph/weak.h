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
 * order:
 *
 *	secondary edges of roots
 *	conservative words of global and thread-local memory, and of what a runtime keeps
 *	those of frames and their variables
 *	those of registers
 *	those of stacks that may be stale (HG_EDGE_STALE)
 *
 * After each turn of conservative words, words of blocks are followed to the end, breadth first. So what a global holds is the
 * global's where a register leads there, too. Drops from a->roots the weak edges that are not needed; counts in the coverage
 * what hangs on conservative edges alone. words: see hg_scan().
 */
struct hg_error *hg_weak_settle(struct hg_analysis *a, const uint32_t *words);

/** What becomes of a word that leads to a block: it owns it; it keeps it where nothing else does; or it is no reference at all
 * (a number that a collector does not follow, and that its type calls no address). */
enum hg_weak_rank { HG_RANK_STRONG, HG_RANK_WEAK, HG_RANK_NONE };

/** The rank of a word (see hg_scan()) of a block, which lies at place in the extent. */
enum hg_weak_rank hg_weak_rank(const struct hg_analysis *a, const struct hg_extent *extent,
			       uint32_t block, struct hg_place place, uint32_t word);

#endif
