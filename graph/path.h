/**
 * Shortest paths from the roots, and the most different second one.
 */
#ifndef HG_GRAPH_PATH_H
#define HG_GRAPH_PATH_H

#include "graph/graph.h"

struct hg_path {
	uint32_t *nodes; /* node 0 first, the target last */
	uint32_t length;
};

/** Breadth-first distances from node 0: UINT32_MAX where unreached. Owned by the caller (free). */
struct hg_error *hg_path_distances(const struct hg_graph *graph, uint32_t **distance);

/** Finds a shortest path from node 0 to `to`; ties go to the lower node. Length 0 where there is none. */
struct hg_error *hg_path_shortest(const struct hg_graph *graph, uint32_t to, struct hg_path *ret);

/** Finds the path to the end of `first` that shares as few inner nodes with it as possible, of those as few of its edges,
 * of those the shortest. Length 0 where first is the only way. `first` is a path of the graph, as by hg_path_shortest(). */
struct hg_error *hg_path_second(const struct hg_graph *graph, const struct hg_path *first,
				struct hg_path *ret);
void hg_path_deinit(struct hg_path *path);

#endif
