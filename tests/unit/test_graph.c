#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

static uint32_t *copy(const uint32_t *from, size_t count)
{
	uint32_t *to = malloc(count * sizeof(*to));
	assert_non_null(to);
	memcpy(to, from, count * sizeof(*to));
	return to;
}

#define COPY(...)                                                                                  \
	copy((const uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void assert_refused(uint32_t nodes, uint32_t *edge_at, uint32_t *edge_to)
{
	struct hg_graph graph;
	struct hg_error *err = hg_graph_init(&graph, nodes, 1, edge_at, edge_to);
	assert_non_null(err);
	assert_null(graph.edge_at);
	hg_error_destroy(err);
}

static void test_refuses_what_is_no_graph(void **state)
{
	(void)state;
	assert_refused(2, COPY(0, 2, 1), COPY(1, 1));
	assert_refused(2, COPY(1, 1, 1), COPY(1));
	assert_refused(2, COPY(0, 1, 2), COPY(1, 2));
	assert_refused(0, COPY(0), COPY(0));
}

static void test_reverse_keeps_order_and_copies(void **state)
{
	(void)state;
	struct hg_graph graph;
	assert_null(hg_graph_init(&graph, 4, 1, COPY(0, 3, 4, 7, 7), COPY(1, 2, 1, 3, 3, 2, 1)));
	assert_null(hg_graph_reverse(&graph, NULL));
	assert_memory_equal(graph.in_at, ((uint32_t[]){0, 0, 3, 5, 7}), 5 * sizeof(uint32_t));
	assert_memory_equal(graph.in_to, ((uint32_t[]){0, 0, 2, 0, 2, 1, 2}), 7 * sizeof(uint32_t));
	assert_null(hg_graph_reverse(&graph, (uint8_t[]){1, 1, 0, 1}));
	assert_memory_equal(graph.in_at, ((uint32_t[]){0, 0, 2, 3, 4}), 5 * sizeof(uint32_t));
	assert_memory_equal(graph.in_to, ((uint32_t[]){0, 0, 0, 1}), 4 * sizeof(uint32_t));
	hg_graph_deinit(&graph);
}

static void test_added_edges_stand_behind(void **state)
{
	(void)state;
	struct hg_graph graph;
	assert_null(hg_graph_init(&graph, 4, 1, COPY(0, 2, 2, 3, 3), COPY(1, 2, 3)));
	const struct hg_graph_pair pairs[] = {{3, 0}, {0, 3}, {2, 1}, {0, 1}, {1, 1}};
	assert_null(hg_graph_add_edges(&graph, pairs, 5));
	assert_int_equal(graph.edges, 8);
	assert_memory_equal(graph.edge_at, ((uint32_t[]){0, 4, 5, 7, 8}), 5 * sizeof(uint32_t));
	assert_memory_equal(graph.edge_to, ((uint32_t[]){1, 2, 3, 1, 1, 3, 1, 0}),
			    8 * sizeof(uint32_t));
	struct hg_error *err = hg_graph_add_edges(&graph, (struct hg_graph_pair[]){{0, 4}}, 1);
	assert_non_null(err);
	hg_error_destroy(err);
	assert_int_equal(graph.edges, 8);
	assert_null(hg_graph_add_edges(&graph, NULL, 0));
	assert_memory_equal(graph.edge_at, ((uint32_t[]){0, 4, 5, 7, 8}), 5 * sizeof(uint32_t));
	hg_graph_deinit(&graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses_what_is_no_graph),
		cmocka_unit_test(test_reverse_keeps_order_and_copies),
		cmocka_unit_test(test_added_edges_stand_behind),
	};
	return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
