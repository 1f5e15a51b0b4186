/**
 * How roots reach the blocks of malloc: asked while all edges are at hand, for the classes of leaks.
 */
#ifndef HG_GRAPH_LEAK_MARK_H
#define HG_GRAPH_LEAK_MARK_H

#include "graph/analysis.h"

enum {
	HG_MARK_START =
		1, /* by pointers to starts of blocks, or what the language takes for such */
	HG_MARK_FIRM =
		2, /* by a way that does not begin with a word of a stack that may be stale */
};

/** May the word of a root edge be stale: one of a stack frame that no variable declares to be a pointer? */
bool hg_leak_is_stale(const struct hg_roots *roots, const struct hg_root_edge *edge);

/** Fills a->priv->marks. For the pipeline, before weak edges are taken out; words: see hg_scan(). Does nothing where every heap
 * knows its pointers. */
struct hg_error *hg_leak_mark(struct hg_analysis *a, const uint32_t *words);

#endif
