#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "graph/path.h"
#include "tests/unit/graph_shapes.h"

static bool has_edge(const struct hg_graph *graph, uint32_t from, uint32_t to)
{
	for (uint32_t edge = graph->edge_at[from]; edge < graph->edge_at[from + 1]; edge++) {
		if (graph->edge_to[edge] == to)
			return true;
	}
	return false;
}

static void assert_path(const struct hg_graph *graph, const struct hg_path *path, uint32_t to)
{
	assert_int_equal(path->nodes[0], 0);
	assert_int_equal(path->nodes[path->length - 1], to);
	for (uint32_t i = 0; i + 1 < path->length; i++)
		assert_true(has_edge(graph, path->nodes[i], path->nodes[i + 1]));
}

/** Bellman's way: as often over all edges as there are nodes. */
static void dull_distances(const struct hg_graph *graph, uint32_t *distance)
{
	for (uint32_t node = 0; node < graph->nodes; node++)
		distance[node] = node ? UINT32_MAX : 0;
	for (uint32_t round = 0; round < graph->nodes; round++) {
		for (uint32_t node = 0; node < graph->nodes; node++) {
			for (uint32_t edge = graph->edge_at[node];
			     distance[node] != UINT32_MAX && edge < graph->edge_at[node + 1];
			     edge++) {
				uint32_t *to = &distance[graph->edge_to[edge]];
				if (*to > distance[node] + 1)
					*to = distance[node] + 1;
			}
		}
	}
}

static void check_shortest(const struct hg_graph *graph, const uint32_t *distance, uint32_t to)
{
	struct hg_path path;
	assert_null(hg_path_shortest(graph, to, &path));
	if (distance[to] == UINT32_MAX) {
		assert_int_equal(path.length, 0);
		return;
	}
	assert_int_equal(path.length, distance[to] + 1);
	assert_path(graph, &path, to);
	for (uint32_t i = 1; i < path.length; i++) { // no lower node would do
		for (uint32_t node = 0; node < path.nodes[i - 1]; node++)
			assert_false(distance[node] == i - 1 &&
				     has_edge(graph, node, path.nodes[i]));
	}
	hg_path_deinit(&path);
}

static void test_shortest_paths_against_the_dull_way(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 1500; seed++) {
		struct shape shape = {.nodes = 1 + (uint32_t)(seed % 30), .seed = seed};
		struct hg_graph graph;
		uint32_t expected[30], *distance;
		shape_uniform(&shape, shape.nodes + (uint32_t)(seed % 31), seed % 9);
		shape_finish(&shape, &graph);
		dull_distances(&graph, expected);
		assert_null(hg_path_distances(&graph, &distance));
		assert_memory_equal(distance, expected, graph.nodes * sizeof(*distance));
		free(distance);
		for (uint32_t to = 0; to < graph.nodes; to++)
			check_shortest(&graph, expected, to);
		hg_graph_deinit(&graph);
	}
}

/** All ways through a small graph, and the cheapest beside the first. */
struct search {
	const struct hg_graph *graph;
	const struct hg_path *first;
	uint32_t way[16];
	bool used[16];
	uint64_t best; // inner nodes shared, edges shared, length: a byte each
};

static uint64_t cost_of(const struct hg_path *first, const uint32_t *way, uint32_t length)
{
	uint64_t nodes = 0, edges = 0;
	for (uint32_t i = 0; i < length; i++) {
		for (uint32_t k = 0; k < first->length; k++) {
			if (way[i] != first->nodes[k])
				continue;
			nodes += i > 0 && i + 1 < length;
			edges += i + 1 < length && k + 1 < first->length &&
				 way[i + 1] == first->nodes[k + 1];
		}
	}
	if (edges + 1 == length && length == first->length)
		return UINT64_MAX; // it is the first
	return nodes << 16 | edges << 8 | length;
}

static void try_all(struct search *search, uint32_t length)
{
	const uint32_t node = search->way[length - 1];
	if (node == search->first->nodes[search->first->length - 1]) {
		const uint64_t cost = cost_of(search->first, search->way, length);
		if (cost < search->best)
			search->best = cost;
		return;
	}
	for (uint32_t edge = search->graph->edge_at[node]; edge < search->graph->edge_at[node + 1];
	     edge++) {
		const uint32_t to = search->graph->edge_to[edge];
		if (search->used[to])
			continue;
		search->used[to] = true;
		search->way[length] = to;
		try_all(search, length + 1);
		search->used[to] = false;
	}
}

static bool check_second(const struct hg_graph *graph, uint32_t to)
{
	struct hg_path first, second;
	assert_null(hg_path_shortest(graph, to, &first));
	assert_null(hg_path_second(graph, &first, &second));
	struct search search = {.graph = graph, .first = &first, .best = UINT64_MAX};
	search.used[0] = true;
	if (first.length > 1)
		try_all(&search, 1);
	const bool found = second.length != 0;
	if (found) {
		assert_path(graph, &second, to);
		assert_int_equal(cost_of(&first, second.nodes, second.length), search.best);
	} else {
		assert_true(search.best == UINT64_MAX);
	}
	hg_path_deinit(&first);
	hg_path_deinit(&second);
	return found;
}

static void test_second_paths_against_all_ways(void **state)
{
	(void)state;
	unsigned found = 0, alone = 0;
	for (uint64_t seed = 1; seed <= 6000; seed++) {
		struct shape shape = {.nodes = 2 + (uint32_t)(seed % 8), .seed = seed};
		struct hg_graph graph;
		if (seed % 3 == 0)
			shape_chain(&shape);
		shape_uniform(&shape, shape.nodes / 2 + (uint32_t)(seed % 13), seed % 5);
		shape_finish(&shape, &graph);
		for (uint32_t to = 0; to < graph.nodes; to++) {
			if (check_second(&graph, to))
				found++;
			else
				alone++;
		}
		hg_graph_deinit(&graph);
	}
	assert_true(found > 5000 && alone > 5000);
}

static void test_large_shapes(void **state)
{
	(void)state;
	const uint32_t nodes = 1000000;
	for (size_t row = 0; row < ARRAY_SIZE(shape_rows); row++) {
		struct shape shape = {.nodes = nodes, .seed = 1};
		struct hg_graph graph;
		struct hg_path first, second;
		shape_rows[row].make(&shape);
		shape_finish(&shape, &graph);
		const uint32_t to = nodes / 2 + 1;
		assert_null(hg_path_shortest(&graph, to, &first));
		assert_path(&graph, &first, to);
		assert_null(hg_path_second(&graph, &first, &second));
		if (second.length)
			assert_path(&graph, &second, to);
		hg_path_deinit(&first);
		hg_path_deinit(&second);
		hg_graph_deinit(&graph);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shortest_paths_against_the_dull_way),
		cmocka_unit_test(test_second_paths_against_all_ways),
		cmocka_unit_test(test_large_shapes),
	};
	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
