#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "graph/retained.h"
#include "tests/unit/graph_oracle.h"
#include "tests/unit/graph_shapes.h"

enum { CLASSES = 5, MOST = 60 };

struct made {
	struct hg_graph graph;
	struct hg_dominators dom;
	uint64_t sizes[MOST], retained[MOST];
	uint32_t class_of[MOST];
	uint8_t reached[MOST];
};

static void make(struct made *made, uint64_t seed)
{
	struct shape shape = {.nodes = 2 + (uint32_t)(seed % (MOST - 2)), .seed = seed};
	shape_uniform(&shape, shape.nodes + (uint32_t)(seed % 53), seed % 13);
	shape_edge(&shape, 0, 1);
	shape_finish(&shape, &made->graph);
	for (uint32_t node = 0; node < made->graph.nodes; node++) {
		made->sizes[node] = made->retained[node] = shape_random(&shape, 1 << 20) << 30;
		made->class_of[node] = (uint32_t)shape_random(&shape, CLASSES);
	}
	assert_null(hg_dominators_init(&made->dom, &made->graph));
	hg_retained_sum(&made->dom, made->retained);
	oracle_reach(&made->graph, NULL, made->reached);
}

static void end(struct made *made)
{
	hg_dominators_deinit(&made->dom);
	hg_graph_deinit(&made->graph);
}

/** What goes when a set goes: the dull way. */
static uint64_t lost_without(const struct made *made, const uint8_t *set, uint64_t *nodes)
{
	uint8_t left[MOST];
	uint64_t bytes = 0;
	*nodes = 0;
	oracle_reach(&made->graph, set, left);
	for (uint32_t node = 0; node < made->graph.nodes; node++) {
		if (!made->reached[node] || left[node])
			continue;
		bytes += made->sizes[node];
		++*nodes;
	}
	return bytes;
}

static void test_retained_is_what_goes_with_a_node(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct made made;
		make(&made, seed);
		for (uint32_t node = 0; node < made.graph.nodes; node++) {
			uint8_t set[MOST] = {0};
			uint64_t nodes;
			set[node] = 1;
			const uint64_t lost = lost_without(&made, set, &nodes);
			assert_int_equal(made.retained[node],
					 made.reached[node] ? lost : made.sizes[node]);
		}
		end(&made);
	}
}

static void test_sets_are_exact(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct made made;
		struct shape random = {.seed = seed};
		uint8_t set[MOST];
		uint64_t bytes, nodes, expected_nodes;
		make(&made, seed);
		const uint64_t sparse = 1 + seed % 9;
		for (uint32_t node = 0; node < made.graph.nodes; node++)
			set[node] = shape_random(&random, sparse) == 0;
		set[0] = seed % 100 == 0;
		assert_null(hg_retained_of_set(&made.graph, &made.dom, set, made.sizes, &bytes,
					       &nodes));
		assert_int_equal(bytes, lost_without(&made, set, &expected_nodes));
		assert_int_equal(nodes, expected_nodes);
		end(&made);
	}
}

static void test_classes_count_their_topmost_and_bound_the_set(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct made made;
		uint64_t found[CLASSES] = {0}, expected[CLASSES] = {0};
		make(&made, seed);
		assert_null(hg_retained_by_class(&made.dom, made.graph.nodes, made.class_of,
						 CLASSES, made.retained, found));
		for (uint32_t node = 0; node < made.graph.nodes; node++) {
			if (!made.reached[node] || !made.class_of[node])
				continue;
			bool topmost = true;
			for (uint32_t up = node; up;) {
				up = made.dom.idom[up];
				topmost &= made.class_of[up] != made.class_of[node];
			}
			if (topmost)
				expected[made.class_of[node]] += made.retained[node];
		}
		assert_memory_equal(found, expected, sizeof(found));
		for (uint32_t class = 1; class < CLASSES; class ++) {
			uint8_t set[MOST];
			uint64_t nodes;
			for (uint32_t node = 0; node < made.graph.nodes; node++)
				set[node] = made.class_of[node] == class;
			assert_true(found[class] <= lost_without(&made, set, &nodes));
		}
		end(&made);
	}
}

static void test_deep_trees(void **state)
{
	(void)state;
	const uint32_t nodes = 1000000;
	for (size_t row = 0; row < ARRAY_SIZE(shape_rows); row++) {
		struct shape shape = {.nodes = nodes, .seed = 1};
		struct hg_graph graph;
		struct hg_dominators dom;
		shape_rows[row].make(&shape);
		shape_finish(&shape, &graph);
		assert_null(hg_dominators_init(&dom, &graph));
		uint64_t *sizes = malloc(nodes * sizeof(*sizes)), ret[2] = {0};
		uint32_t *class_of = malloc(nodes * sizeof(*class_of));
		assert_true(sizes && class_of);
		for (uint32_t node = 0; node < nodes; node++) {
			sizes[node] = 1;
			class_of[node] = node != 0;
		}
		hg_retained_sum(&dom, sizes);
		assert_int_equal(sizes[0], dom.reached);
		assert_null(hg_retained_by_class(&dom, nodes, class_of, 2, sizes, ret));
		assert_int_equal(ret[1], dom.reached - 1);
		free(sizes);
		free(class_of);
		hg_dominators_deinit(&dom);
		hg_graph_deinit(&graph);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retained_is_what_goes_with_a_node),
		cmocka_unit_test(test_sets_are_exact),
		cmocka_unit_test(test_classes_count_their_topmost_and_bound_the_set),
		cmocka_unit_test(test_deep_trees),
	};
	return cmocka_run_group_tests_name("retained", tests, NULL, NULL);
}
