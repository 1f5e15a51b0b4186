#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/synth/cxx_values.h"

static struct cxx_values *v;

static int setup(void **state)
{
	(void)state;
	v = calloc(1, sizeof(*v));
	cxx_values_open(v);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cxx_values_close(v);
	free(v);
	return 0;
}

static void put_all(unsigned block, const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cxx_put(v, cxx_block(block) + i * 8, words[i]);
}

#define PUT(block, ...)                                                                            \
	put_all(block, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / 8)

static bool in_use(unsigned block, uint64_t offset)
{
	return hg_window_has(&v->priv.windows, block, cxx_block(block) + offset);
}

static void expect(enum cxx_kind kind, unsigned block, uint64_t offset, enum hg_leaf_kind leaf)
{
	assert_int_equal(cxx_leaf(v, kind, block, offset).kind, leaf);
}

static void follows_a_vector_up_to_its_last_element(void **state)
{
	(void)state;
	PUT(0, cxx_block(3), cxx_block(3) + 32, cxx_block(3) + 48);
	const struct hg_guess guess = cxx_follow(v, CXX_VECTOR, 0, 0);
	assert_int_equal(guess.type, v->item);
	assert_int_equal(guess.sure, 2);
	assert_true(in_use(3, 24));
	assert_false(in_use(3, 40));
}

static void believes_no_vector_that_ends_before_it_starts(void **state)
{
	(void)state;
	PUT(0, cxx_block(3) + 32, cxx_block(3), cxx_block(3) + 48);
	expect(CXX_VECTOR, 0, 0, HG_LEAF_NONE);
	expect(CXX_VECTOR, 0, 0, HG_LEAF_NONE);
	PUT(1, cxx_block(3), cxx_block(3) + 17, cxx_block(3) + 48);
	expect(CXX_VECTOR, 1, 0, HG_LEAF_NONE);
	assert_int_equal(v->a.coverage.counts.data[0].count, 2); // each once
}

static void keeps_a_vector_within_its_block(void **state)
{
	(void)state;
	PUT(0, cxx_block(3), cxx_block(3) + 4 * CXX_BLOCK, cxx_block(3) + 4 * CXX_BLOCK);
	cxx_follow(v, CXX_VECTOR, 0, 0);
	assert_int_equal(v->priv.windows.list.count, 0);
	assert_int_equal(v->a.coverage.counts.count, 1);
}

static void follows_a_deque_between_its_ends(void **state)
{
	(void)state;
	const uint64_t map = cxx_block(4), first = cxx_block(5), last = cxx_block(6);
	PUT(4, 7, first, last, 7);
	PUT(0, map, 4, first + 48, first, first + CXX_BLOCK, map + 8, last + 16, last,
	    last + CXX_BLOCK, map + 16);
	assert_int_equal(cxx_follow(v, CXX_DEQUE, 0, 0).type, v->pointer);
	assert_false(in_use(4, 0));
	assert_true(in_use(4, 8));
	assert_false(in_use(4, 24));
	assert_false(in_use(5, 40));
	assert_true(in_use(5, 56));
	assert_true(in_use(6, 8));
	assert_false(in_use(6, 24));
	assert_int_equal(cxx_follow(v, CXX_DEQUE, 0, 24).type, v->item);
	cxx_put(v, map + 8, 0); // a node that the map does not have
	expect(CXX_DEQUE, 0, 0, HG_LEAF_NONE);
}

static void enters_only_values_that_are_there(void **state)
{
	(void)state;
	PUT(0, 1, cxx_block(3), 1);
	expect(CXX_OPTIONAL, 0, 8, HG_LEAF_POINTER);
	expect(CXX_VARIANT, 0, 8, HG_LEAF_POINTER);
	PUT(0, 1, cxx_block(3), 0);
	expect(CXX_OPTIONAL, 0, 8, HG_LEAF_NONE);
	expect(CXX_VARIANT, 0, 8, HG_LEAF_NONE); // a long
	PUT(0, 1, cxx_block(3), 255);
	expect(CXX_VARIANT, 0, 8, HG_LEAF_NONE); // none
	expect(CXX_OPTIONAL, 0, 16, HG_LEAF_NONE);
}

static void asks_nothing_of_values_that_are_not_in_memory(void **state)
{
	(void)state;
	assert_int_equal(hg_shape_leaf(&v->priv.shapes, v->types[CXX_OPTIONAL], 8).kind,
			 HG_LEAF_NONE);
	assert_true(hg_shape_has_pointers(&v->priv.shapes, v->types[CXX_OPTIONAL]));
	assert_true(hg_shape_varies(&v->priv.shapes, v->types[CXX_VARIANT]));
	assert_false(hg_shape_varies(&v->priv.shapes, v->types[CXX_OPTIONAL]));
}

static void owns_nothing_by_views_and_weak_pointers(void **state)
{
	(void)state;
	PUT(0, 5, cxx_block(3));
	expect(CXX_VIEW, 0, 8, HG_LEAF_WEAK);
	PUT(1, cxx_block(3), cxx_block(4));
	PUT(4, 0, 1ull << 32 | 1);
	expect(CXX_WEAK, 1, 0, HG_LEAF_WEAK);
	expect(CXX_WEAK, 1, 8, HG_LEAF_WEAK);
	PUT(4, 0, 1ull << 32); // no owner is left
	expect(CXX_WEAK, 1, 0, HG_LEAF_NONE);
	expect(CXX_WEAK, 1, 8, HG_LEAF_POINTER);
}

static void knows_short_strings(void **state)
{
	(void)state;
	PUT(0, 49, 40, cxx_block(3));
	expect(CXX_STRING, 0, 16, HG_LEAF_POINTER);
	PUT(0, 48, 40, cxx_block(3));
	expect(CXX_STRING, 0, 16, HG_LEAF_NONE);
}

static void believes_links_that_lead_back(void **state)
{
	(void)state;
	PUT(0, cxx_block(1), cxx_block(2), 2);
	PUT(1, cxx_block(2), cxx_block(0));
	PUT(2, cxx_block(0), cxx_block(7));
	assert_int_equal(cxx_leaf(v, CXX_LIST, 0, 0).type, v->types[CXX_NODE]);
	expect(CXX_LIST, 0, 0, HG_LEAF_POINTER);
	expect(CXX_LIST, 0, 8, HG_LEAF_WEAK);
	expect(CXX_NODE, 1, 8, HG_LEAF_WEAK);
	expect(CXX_NODE, 1, 0, HG_LEAF_NONE); // block 2 says that it follows block 7
	assert_int_equal(v->a.coverage.counts.count, 1);
	PUT(2, cxx_block(0), cxx_block(1));
	expect(CXX_NODE, 1, 0, HG_LEAF_POINTER);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(follows_a_vector_up_to_its_last_element),
		TEST(believes_no_vector_that_ends_before_it_starts),
		TEST(keeps_a_vector_within_its_block),
		TEST(follows_a_deque_between_its_ends),
		TEST(enters_only_values_that_are_there),
		TEST(asks_nothing_of_values_that_are_not_in_memory),
		TEST(owns_nothing_by_views_and_weak_pointers),
		TEST(knows_short_strings),
		TEST(believes_links_that_lead_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
