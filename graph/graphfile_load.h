/**
 * A graph file being loaded: private to graphfile_load*.c.
 */
#ifndef HG_GRAPH_GRAPHFILE_LOAD_H
#define HG_GRAPH_GRAPHFILE_LOAD_H

#include "graph/graphfile_private.h"

struct graphfile_loading {
	const char *name; /* of the file */
	struct hg_analysis *a;
	const struct hg_log *log;
	struct graphfile_parts parts;
	struct hg_record_limits limits;
};

struct hg_error *graphfile_damaged(const struct graphfile_loading *l, const char *what);

/** A section that has to be of that size. */
struct hg_error *graphfile_section(const struct graphfile_loading *l, const char *name,
				   uint64_t size, const void **ret);

/** graphfile_load_arrays.c: blocks, graph, dominators; all that is large. What the analysis has of it then is the file's, but for
 * edge_at and retained. */
struct hg_error *graphfile_load_arrays(struct graphfile_loading *l);

#endif
