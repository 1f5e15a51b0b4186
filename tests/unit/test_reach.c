#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "graph/reach.h"
#include "tests/unit/graph_oracle.h"
#include "tests/unit/graph_shapes.h"

#ifdef __SANITIZE_ADDRESS__
#define LARGE 300000
#else
#define LARGE 10000000
#endif

static void test_same_as_the_dull_way(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct shape shape = {.nodes = 1 + (uint32_t)(seed % 50), .seed = seed};
		struct hg_graph graph;
		shape_uniform(&shape, shape.nodes + (uint32_t)(seed % 31), seed % 20);
		shape_finish(&shape, &graph);
		uint8_t found[50], expected[50], removed[50] = {0};
		uint32_t count = 0, expected_count = 0;
		assert_null(hg_reach(&graph, found, &count));
		oracle_reach(&graph, NULL, expected);
		for (uint32_t node = 0; node < graph.nodes; node++)
			expected_count += expected[node];
		assert_memory_equal(found, expected, graph.nodes);
		assert_int_equal(count, expected_count);
		for (uint32_t node = 0; node < graph.nodes; node++)
			removed[node] = shape_random(&shape, 4) == 0;
		assert_null(hg_reach_without(&graph, removed, found));
		oracle_reach(&graph, removed, expected);
		assert_memory_equal(found, expected, graph.nodes);
		hg_graph_deinit(&graph);
	}
}

/** Adds the pairs that the dull way needs, one by one. */
static void test_secondary_edges_count_only_where_needed(void **state)
{
	(void)state;
	unsigned kept = 0, left_out = 0;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct shape shape = {.nodes = 2 + (uint32_t)(seed % 40), .seed = seed};
		struct hg_graph graph;
		shape_uniform(&shape, shape.nodes / 2 + (uint32_t)(seed % 31), seed % 9);
		shape_finish(&shape, &graph);
		struct hg_graph_pair pairs[12];
		uint8_t reached[50], needed[12], expected[50];
		for (int i = 0; i < 12; i++)
			pairs[i] = (struct hg_graph_pair){
				shape_random(&shape, 2)
					? 0
					: (uint32_t)shape_random(&shape, graph.nodes),
				(uint32_t)shape_random(&shape, graph.nodes)};
		assert_null(hg_reach(&graph, reached, NULL));
		assert_null(hg_reach_secondary(&graph, reached, pairs, 12, needed));
		for (int i = 0; i < 12; i++) {
			oracle_reach(&graph, NULL, expected);
			const bool is_needed = expected[pairs[i].from] && !expected[pairs[i].to];
			assert_int_equal(needed[i], is_needed);
			if (is_needed)
				assert_null(hg_graph_add_edges(&graph, &pairs[i], 1));
			kept += is_needed;
			left_out += !is_needed;
		}
		oracle_reach(&graph, NULL, expected);
		assert_memory_equal(reached, expected, graph.nodes);
		hg_graph_deinit(&graph);
	}
	assert_true(kept > 500 && left_out > 500);
}

static void test_refuses_pairs_of_nowhere(void **state)
{
	(void)state;
	struct shape shape = {.nodes = 4};
	struct hg_graph graph;
	uint8_t reached[4], needed[1];
	shape_chain(&shape);
	shape_finish(&shape, &graph);
	assert_null(hg_reach(&graph, reached, NULL));
	struct hg_error *err =
		hg_reach_secondary(&graph, reached, (struct hg_graph_pair[]){{0, 4}}, 1, needed);
	assert_non_null(err);
	hg_error_destroy(err);
	hg_graph_deinit(&graph);
}

static void test_large_shapes(void **state)
{
	(void)state;
	for (size_t row = 0; row < ARRAY_SIZE(shape_rows); row++) {
		if (shape_rows[row].make == shape_go)
			continue; // it leaves some nodes out
		struct shape shape = {.nodes = LARGE, .seed = 1};
		struct hg_graph graph;
		shape_rows[row].make(&shape);
		shape_finish(&shape, &graph);
		uint8_t *reached = malloc(LARGE);
		uint32_t count = 0;
		assert_non_null(reached);
		assert_null(hg_reach(&graph, reached, &count));
		assert_int_equal(count, LARGE);
		free(reached);
		hg_graph_deinit(&graph);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_the_dull_way),
		cmocka_unit_test(test_secondary_edges_count_only_where_needed),
		cmocka_unit_test(test_refuses_pairs_of_nowhere),
		cmocka_unit_test(test_large_shapes),
	};
	return cmocka_run_group_tests_name("reach", tests, NULL, NULL);
}
