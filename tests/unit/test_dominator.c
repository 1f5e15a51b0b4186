#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph/dominator.h"
#include "tests/unit/graph_oracle.h"
#include "tests/unit/graph_shapes.h"

#ifdef __SANITIZE_ADDRESS__
#define LARGE 300000
#else
#define LARGE 10000000
#endif

static uint64_t violations_of(const struct hg_dominators *dom, const struct hg_graph *graph)
{
	uint64_t violations = 99;
	uint32_t from, to;
	assert_null(hg_dominators_verify(dom, graph, &violations, &from, &to));
	return violations;
}

static void check_children(const struct hg_dominators *dom, uint32_t nodes)
{
	uint32_t *at, *child, seen = 0;
	assert_null(hg_dominators_children(dom, nodes, &at, &child));
	assert_int_equal(at[0], 0);
	for (uint32_t node = 0; node < nodes; node++) {
		for (uint32_t c = at[node]; c < at[node + 1]; c++, seen++) {
			assert_int_equal(dom->idom[child[c]], node);
			assert_true(c == at[node] || child[c - 1] < child[c]);
		}
	}
	assert_int_equal(seen, dom->reached - 1);
	free(at);
	free(child);
}

static void check_against_oracle(struct shape *shape)
{
	struct hg_graph graph;
	struct hg_dominators dom;
	shape_finish(shape, &graph);
	assert_null(hg_dominators_init(&dom, &graph));
	uint32_t *expected = oracle_dominators(&graph);
	assert_memory_equal(dom.idom, expected, graph.nodes * sizeof(*expected));
	assert_int_equal(violations_of(&dom, &graph), 0);
	check_children(&dom, graph.nodes);
	free(expected);
	hg_dominators_deinit(&dom);
	hg_graph_deinit(&graph);
}

static void test_small_shapes_against_the_oracle(void **state)
{
	(void)state;
	for (uint32_t nodes = 4; nodes < 60; nodes++) {
		for (size_t row = 0; row < ARRAY_SIZE(shape_rows); row++) {
			struct shape shape = {.nodes = nodes, .seed = nodes};
			shape_rows[row].make(&shape);
			if (nodes % 2)
				shape_shuffle(&shape);
			check_against_oracle(&shape);
		}
	}
	for (size_t row = 0; row < ARRAY_SIZE(shape_rows); row++) {
		struct shape shape = {.nodes = 400, .seed = row};
		shape_rows[row].make(&shape);
		check_against_oracle(&shape);
	}
}

static void test_one_node(void **state)
{
	(void)state;
	struct shape alone = {.nodes = 1};
	check_against_oracle(&alone);
	struct shape looped = {.nodes = 1};
	shape_edge(&looped, 0, 0);
	check_against_oracle(&looped);
	struct shape into_root = {.nodes = 2};
	shape_edge(&into_root, 1, 0);
	check_against_oracle(&into_root);
}

/** Each kind of random graph is one way to choose the ends of an edge. */
static void add_random_edge(struct shape *shape, unsigned kind)
{
	const uint32_t nodes = shape->nodes;
	uint32_t from = (uint32_t)shape_random(shape, nodes);
	uint32_t to = (uint32_t)shape_random(shape, nodes);
	switch (kind) {
	case 0: // anything
		break;
	case 1: // no cycles
	case 2: // few cycles
		if (from > to && (kind == 1 || shape_random(shape, 8))) {
			const uint32_t kept = from;
			from = to;
			to = kept;
		}
		break;
	case 3: // local, with far jumps
		to = (uint32_t)((from + nodes - 2 + shape_random(shape, 6)) % nodes);
		if (shape_random(shape, 10) == 0)
			to = (uint32_t)shape_random(shape, nodes);
		break;
	case 4: // many copies and loops
		to = from - from % 3;
		if (shape_random(shape, 3) == 0)
			to = (from + 1) % nodes;
		break;
	default: // few sources, so many leaves
		from /= 4;
		break;
	}
	shape_edge(shape, from, to);
}

static void make_random(struct shape *shape, unsigned kind)
{
	static const unsigned density[] = {2, 3, 4, 5, 8, 16}; // edges per two nodes
	const uint64_t edges = shape->nodes * density[shape_random(shape, 6)] / 2;
	for (uint64_t roots = 1 + shape_random(shape, 3); roots > 0; roots--)
		shape_edge(shape, 0, (uint32_t)shape_random(shape, shape->nodes));
	if (shape_random(shape, 3) == 0) { // a chain or list to hang all on
		if (shape_random(shape, 2))
			shape_chain(shape);
		else
			shape_list(shape);
	}
	for (uint64_t edge = 0; edge < edges; edge++)
		add_random_edge(shape, kind);
	if (shape_random(shape, 2))
		shape_shuffle(shape);
}

static void test_random_graphs_against_the_oracle(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 24000; seed++) {
		struct shape shape = {.nodes = 2 + (uint32_t)(seed % 37), .seed = seed};
		make_random(&shape, seed / 37 % 6);
		check_against_oracle(&shape);
	}
	for (uint64_t seed = 1; seed <= 120; seed++) {
		struct shape shape = {.nodes = 150 + (uint32_t)(seed % 100), .seed = seed};
		make_random(&shape, seed % 6);
		check_against_oracle(&shape);
	}
}

static void test_verify_sees_what_is_broken(void **state)
{
	(void)state;
	unsigned moved = 0;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct shape shape = {.nodes = 30, .seed = seed};
		struct hg_graph graph;
		struct hg_dominators dom;
		make_random(&shape, seed % 6);
		shape_finish(&shape, &graph);
		assert_null(hg_dominators_init(&dom, &graph));
		// Under another node that stands before it and is not its dominator: too low in the tree.
		const uint32_t at = 1 + (uint32_t)(seed % 29);
		const uint32_t node = at < dom.reached ? dom.preorder[at] : 0;
		const uint32_t idom = dom.idom[node];
		for (uint32_t i = 0; node && i < at; i++) {
			uint32_t up = idom;
			while (up && up != dom.preorder[i])
				up = dom.idom[up];
			if (up == dom.preorder[i])
				continue;
			dom.idom[node] = dom.preorder[i];
			assert_int_not_equal(violations_of(&dom, &graph), 0);
			moved++;
		}
		dom.idom[node] = idom;
		hg_dominators_deinit(&dom);
		hg_graph_deinit(&graph);
	}
	assert_true(moved > 500);
}

static void test_verify_sees_what_is_no_tree(void **state)
{
	(void)state;
	struct shape shape = {.nodes = 6};
	struct hg_graph graph;
	struct hg_dominators dom;
	shape_chain(&shape);
	shape_finish(&shape, &graph);
	assert_null(hg_dominators_init(&dom, &graph));
	assert_int_equal(violations_of(&dom, &graph), 0);
	const struct {
		uint32_t node, idom;
	} broken[] = {{3, 1}, {3, 0}, {3, 3}, {2, 4}, {5, 99}, {5, HG_UNREACHED}, {0, 1}};
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		const uint32_t kept = dom.idom[broken[i].node];
		dom.idom[broken[i].node] = broken[i].idom;
		assert_int_not_equal(violations_of(&dom, &graph), 0);
		dom.idom[broken[i].node] = kept;
	}
	dom.reached--;
	assert_int_not_equal(violations_of(&dom, &graph), 0);
	dom.reached++;
	dom.preorder[4] = dom.preorder[3];
	assert_int_not_equal(violations_of(&dom, &graph), 0);
	hg_dominators_deinit(&dom);
	hg_graph_deinit(&graph);
}

/** Large ones take time in proportion: none is quadratic, none runs out of stack. */
static void test_large_shapes(void **state)
{
	(void)state;
	for (size_t row = 0; row < ARRAY_SIZE(shape_rows); row++) {
		struct shape shape = {.nodes = LARGE, .seed = 1};
		struct hg_graph graph;
		struct hg_dominators dom;
		shape_rows[row].make(&shape);
		shape_finish(&shape, &graph);
		const clock_t start = clock();
		assert_null(hg_dominators_init(&dom, &graph));
		const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
		if (seconds > 30)
			fail_msg("%s of %d nodes took %.1f seconds", shape_rows[row].name, LARGE,
				 seconds);
		assert_int_equal(violations_of(&dom, &graph), 0);
		hg_dominators_deinit(&dom);
		hg_graph_deinit(&graph);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_node),
		cmocka_unit_test(test_small_shapes_against_the_oracle),
		cmocka_unit_test(test_random_graphs_against_the_oracle),
		cmocka_unit_test(test_verify_sees_what_is_broken),
		cmocka_unit_test(test_verify_sees_what_is_no_tree),
		cmocka_unit_test(test_large_shapes),
	};
	return cmocka_run_group_tests_name("dominator", tests, NULL, NULL);
}
