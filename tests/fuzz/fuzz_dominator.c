// Bytes become a small graph: the first says how many nodes, each two behind it are an edge; a second graph is the same
// with its edges as added ones. Dominators, reach and paths are compared with the dull ways.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "graph/dominator.h"
#include "graph/path.h"
#include "graph/reach.h"
#include "tests/unit/graph_oracle.h"
#include "tests/unit/graph_shapes.h"

static void check_dominators(const struct hg_graph *graph)
{
	struct hg_dominators dom;
	uint64_t violations = 1;
	hg_assert(!hg_dominators_init(&dom, graph));
	uint32_t *expected = oracle_dominators(graph);
	hg_assert(memcmp(dom.idom, expected, graph->nodes * sizeof(*expected)) == 0);
	hg_assert(!hg_dominators_verify(&dom, graph, &violations, NULL, NULL) && !violations);
	free(expected);
	hg_dominators_deinit(&dom);
}

static void check_reach(const struct hg_graph *graph)
{
	uint8_t *found = malloc(graph->nodes), *expected = malloc(graph->nodes);
	hg_assert(found && expected && !hg_reach(graph, found, NULL));
	oracle_reach(graph, NULL, expected);
	hg_assert(memcmp(found, expected, graph->nodes) == 0);
	struct hg_path first, second;
	const uint32_t to = graph->nodes - 1;
	hg_assert(!hg_path_shortest(graph, to, &first));
	hg_assert((first.length != 0) == (expected[to] != 0));
	hg_assert(!hg_path_second(graph, &first, &second));
	hg_assert(!second.length || second.length >= first.length);
	hg_path_deinit(&first);
	hg_path_deinit(&second);
	free(found);
	free(expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 1024)
		return 0;
	const uint32_t nodes = data[0] % 64 + 1;
	struct shape shape = {.nodes = nodes}, empty = {.nodes = nodes};
	struct hg_graph graph, added;
	for (size_t i = 1; i + 1 < size; i += 2)
		shape_edge(&shape, data[i] % nodes, data[i + 1] % nodes);
	shape_finish(&empty, &added);
	hg_assert(!hg_graph_add_edges(&added, shape.pairs.data, shape.pairs.count));
	shape_finish(&shape, &graph);
	hg_assert(memcmp(graph.edge_at, added.edge_at, (nodes + 1) * sizeof(uint32_t)) == 0);
	hg_assert(!graph.edges ||
		  memcmp(graph.edge_to, added.edge_to, graph.edges * sizeof(uint32_t)) == 0);
	check_dominators(&graph);
	check_reach(&graph);
	hg_graph_deinit(&added);
	hg_graph_deinit(&graph);
	return 0;
}
