#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "graph/heap/heap_go_stack.h"
#include "tests/unit/made_pcln.h"

#define HEAP 0xc000000000ull
#define BLOCK(n) (HEAP + (n)*16)
#define JUNK BLOCK(3) // a free slot

struct made_stack { // main.first called by main.init at +16; words 0 to 3 and 4 to 7 are their frames
	struct made_pcln m;
	struct hg_blocks blocks;
	struct go_stacks s;
	struct go_g g;
};

static uint64_t word_at(unsigned index)
{
	return MADE_DATA + index * 8ull;
}

static void put(struct made_stack *t, unsigned index, uint64_t value)
{
	memcpy(t->m.data + index * 8, &value, 8);
}

static void stack_init(struct made_stack *t)
{
	memset(t, 0, sizeof(*t));
	made_init(&t->m, false);
	assert_null(go_pcln_open(&t->m.go));
	const struct hg_extent extent = {.addr = HEAP, .size = 64, .stride = 16, .slots = 4};
	assert_null(hg_blocks_add(&t->blocks, &extent, &(uint64_t){7}, NULL));
	assert_null(hg_blocks_finish(&t->blocks, &(uint64_t){0}));
	t->g = (struct go_g){.addr = 1, .lo = MADE_DATA, .hi = MADE_DATA + sizeof(t->m.data)};
	t->s.r = (struct go_rooter){.go = &t->m.go, .blocks = &t->blocks};
	t->s.g = &t->g;
	t->s.budget = 1000;
	put(t, 3, MADE_TEXT + 0x40 + 16);
}

static void stack_deinit(struct made_stack *t)
{
	go_stacks_close(&t->s);
	hg_blocks_deinit(&t->blocks);
	made_deinit(&t->m);
}

static void scan(struct made_stack *t, struct go_start start)
{
	start.sp = MADE_DATA;
	go_stack_scan(&t->s, &start);
	go_stack_finish(&t->s);
	assert_false(t->s.r.failed);
}

static void expect_hit(const struct made_stack *t, size_t index, unsigned word, uint64_t value,
		       bool conservative)
{
	assert_true(index < t->s.hits.count);
	const struct go_hit *hit = &t->s.hits.data[index];
	assert_int_equal(hit->addr, word_at(word));
	assert_int_equal(hit->value, value);
	assert_int_equal(hit->conservative, conservative);
}

static void test_maps_of_calls(void **state)
{
	(void)state;
	struct made_stack t;
	stack_init(&t);
	put(&t, 0, BLOCK(0));
	put(&t, 1, BLOCK(1)); // dead before the call at +16
	put(&t, 4, BLOCK(2));
	scan(&t, (struct go_start){.pc = MADE_TEXT + 16});
	assert_int_equal(t.s.frames.count, 2);
	assert_int_equal(t.s.hits.count, 2);
	expect_hit(&t, 0, 0, BLOCK(0), false);
	expect_hit(&t, 1, 4, BLOCK(2), false);
	assert_int_equal(t.m.coverage.counts.count, 0);
	stack_deinit(&t);

	stack_init(&t);
	put(&t, 0, BLOCK(0));
	put(&t, 1, BLOCK(1));
	scan(&t, (struct go_start){.pc = MADE_TEXT + 17});
	assert_int_equal(t.s.hits.count, 1);
	expect_hit(&t, 0, 1, BLOCK(1), false);
	stack_deinit(&t);
}

static void test_free_slots_are_no_hits(void **state)
{
	(void)state;
	struct made_stack t;
	stack_init(&t);
	put(&t, 0, JUNK);
	put(&t, 4, 12345);
	scan(&t, (struct go_start){.pc = MADE_TEXT + 16});
	assert_int_equal(t.s.hits.count, 0);
	stack_deinit(&t);
}

static void test_stack_objects_live_by_pointers(void **state)
{
	(void)state;
	struct made_stack t;
	stack_init(&t);
	put(&t, 5, BLOCK(2)); // in the object, to which nothing points
	scan(&t, (struct go_start){.pc = MADE_TEXT + 16});
	assert_int_equal(t.s.objects.count, 1);
	assert_int_equal(t.s.hits.count, 0);
	stack_deinit(&t);

	stack_init(&t);
	put(&t, 0, word_at(5));
	put(&t, 5, BLOCK(2));
	scan(&t, (struct go_start){.pc = MADE_TEXT + 16});
	assert_int_equal(t.s.hits.count, 1);
	expect_hit(&t, 0, 5, BLOCK(2), false);
	stack_deinit(&t);
}

/** A thread caught anywhere: its frame and registers may hold pointers, its callers' frames are at calls. */
static void test_a_running_thread(void **state)
{
	(void)state;
	struct made_stack t;
	stack_init(&t);
	t.m.arch.reg_count = 2;
	t.m.arch.pc_reg = t.m.arch.sp_reg = 9;
	put(&t, 1, BLOCK(1));
	put(&t, 4, BLOCK(0));
	struct go_start start = {.pc = MADE_TEXT + 12, .exact = true, .has_regs = true};
	start.regs[1] = BLOCK(2);
	scan(&t, start);
	assert_int_equal(t.s.hits.count, 3);
	expect_hit(&t, 0, 1, BLOCK(1), true);
	expect_hit(&t, 1, 4, BLOCK(0), false);
	assert_int_equal(t.s.hits.data[2].addr, 0);
	assert_int_equal(t.s.hits.data[2].reg, 1);
	assert_true(t.s.hits.data[2].conservative);
	stack_deinit(&t);
}

static void test_unknown_code(void **state)
{
	(void)state;
	struct made_stack t;
	stack_init(&t);
	put(&t, 3, 0x1234); // where it returns to
	put(&t, 6, BLOCK(1));
	scan(&t, (struct go_start){.pc = MADE_TEXT + 16});
	assert_int_equal(t.s.frames.count, 1);
	assert_int_equal(t.s.hits.count, 1);
	expect_hit(&t, 0, 6, BLOCK(1), true);
	assert_int_equal(t.m.coverage.counts.count, 1);
	stack_deinit(&t);
}

static void test_no_frames_at_all(void **state)
{
	(void)state;
	struct made_stack t;
	stack_init(&t);
	put(&t, 7, BLOCK(1));
	scan(&t, (struct go_start){.words = true});
	assert_int_equal(t.s.hits.count, 1);
	expect_hit(&t, 0, 7, BLOCK(1), true);
	stack_deinit(&t);
}

static void test_the_budget_ends(void **state)
{
	(void)state;
	struct made_stack t;
	stack_init(&t);
	t.s.budget = 3;
	scan(&t, (struct go_start){.words = true});
	assert_int_equal(t.s.budget, 0);
	assert_int_equal(t.m.coverage.counts.count, 1);
	stack_deinit(&t);
}

static void test_walks_end(void **state)
{
	(void)state;
	for (uint64_t lead = 0; lead < 20; lead++) {
		for (uint64_t loop = 1; loop < 20; loop++) {
			struct go_walk walk = {.limit = 1000};
			uint64_t at = 0, steps = 0;
			for (; go_walk_step(&walk, at); steps++)
				at = at + 1 < lead + loop ? at + 1 : lead;
			assert_true(steps >= lead + loop && steps < 4 * (lead + loop) + 4);
		}
	}
	struct go_walk walk = {.limit = 10};
	uint64_t steps = 0;
	while (go_walk_step(&walk, steps))
		steps++;
	assert_int_equal(steps, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps_of_calls),
		cmocka_unit_test(test_free_slots_are_no_hits),
		cmocka_unit_test(test_stack_objects_live_by_pointers),
		cmocka_unit_test(test_a_running_thread),
		cmocka_unit_test(test_unknown_code),
		cmocka_unit_test(test_no_frames_at_all),
		cmocka_unit_test(test_the_budget_ends),
		cmocka_unit_test(test_walks_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
