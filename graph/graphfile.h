/**
 * The graph file, *.hg: an analysis without the memory it was made from. Reports on it are those on its source. The format
 * is described in docs/graph-file.md.
 */
#ifndef HG_GRAPH_GRAPHFILE_H
#define HG_GRAPH_GRAPHFILE_H

#include "graph/analysis.h"
#include "graph/heapgraph.h"

/** Is there a graph file at this path, whole or not? */
bool hg_graphfile_detect(const char *path);

/** Opens a graph file; everything in it is checked. The analysis keeps it mapped. */
struct hg_error *hg_graphfile_load(const struct hg_options *options, struct hg_analysis **ret);

/** The same of a file that is in memory already, at a multiple of 8 and for as long as the analysis lives. */
struct hg_error *hg_graphfile_load_bytes(const char *name, const uint8_t *data, uint64_t size,
					 struct hg_analysis **ret);

#endif
