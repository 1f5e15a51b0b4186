// Marks, and classes of leaks, of random heaps against the dull way: whole tables of who reaches whom.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "graph/leak.h"
#include "graph/leak_mark.h"
#include "graph/scan.h"
#include "graph/weak.h"
#include "tests/synth/malloc_analysis.h"
#include "tests/unit/graph_shapes.h"

#define CELLS 24u
#define ROOTS 4u
#define SEEDS 2000u

typedef bool table[CELLS][CELLS];

static struct malloc_analysis m;
static uint64_t root_target[ROOTS];
static bool root_is_stale[ROOTS];

/** Few words are pointers; a third of those leads into the middle of a block. */
static void make(uint64_t seed)
{
	struct shape random = {.seed = seed};
	const uint64_t words = 1 + seed % (2 * CELLS);
	malloc_begin(&m, CELLS);
	for (uint64_t i = 0; i < words; i++) {
		const uint64_t inside = shape_random(&random, 3) ? 0 : 8;
		const uint32_t from = (uint32_t)shape_random(&random, CELLS);
		m.cells[from][shape_random(&random, CELL_WORDS)] =
			cell_addr((uint32_t)shape_random(&random, CELLS)) + inside;
	}
	for (unsigned i = 0; i < ROOTS; i++) {
		root_target[i] = cell_addr((uint32_t)shape_random(&random, CELLS)) +
				 (shape_random(&random, 3) ? 0 : 8);
		root_is_stale[i] = shape_random(&random, 2);
		malloc_root(&m, root_is_stale[i] ? HG_ROOT_WORDS : HG_ROOT_GLOBAL, root_target[i]);
	}
}

static uint32_t cell_of(uint64_t addr)
{
	return (uint32_t)((addr - CELL_BASE) / CELL_SIZE);
}

/** Who reaches whom, itself included, over any words, or over those that lead to starts alone. */
static void fill(table reaches, bool starts)
{
	memset(reaches, 0, sizeof(table));
	for (uint32_t from = 0; from < CELLS; from++) {
		reaches[from][from] = true;
		for (unsigned w = 0; w < CELL_WORDS; w++) {
			const uint64_t value = m.cells[from][w];
			if (value && !(starts && value % CELL_SIZE))
				reaches[from][cell_of(value)] = true;
		}
	}
	for (uint32_t by = 0; by < CELLS; by++)
		for (uint32_t from = 0; from < CELLS; from++)
			for (uint32_t to = 0; to < CELLS; to++)
				reaches[from][to] |= reaches[from][by] && reaches[by][to];
}

static void test_marks(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		table by_any, by_start;
		hg_autofree uint32_t *words = NULL;
		make(seed);
		fill(by_any, false);
		fill(by_start, true);
		assert_null(hg_scan(&m.a, &words));
		assert_null(hg_leak_mark(&m.a, words));
		for (uint32_t cell = 0; cell < CELLS; cell++) {
			uint8_t marks = 0;
			for (unsigned i = 0; i < ROOTS; i++) {
				const uint32_t first = cell_of(root_target[i]);
				if (!(root_target[i] % CELL_SIZE) && by_start[first][cell])
					marks |= HG_MARK_START;
				if (!root_is_stale[i] && by_any[first][cell])
					marks |= HG_MARK_FIRM;
			}
			assert_int_equal(m.priv.marks[m.a.graph.first_block + cell], marks);
		}
		malloc_end(&m);
	}
}

static bool is_lost(const table by_any, uint32_t cell)
{
	for (unsigned i = 0; i < ROOTS; i++)
		if (by_any[cell_of(root_target[i])][cell])
			return false;
	return true;
}

/** Is it the lowest of a cycle that nothing lost leads to from outside? */
static bool is_leader(const table by_any, uint32_t cell)
{
	for (uint32_t other = 0; other < CELLS; other++)
		if (by_any[other][cell] && (!by_any[cell][other] || other < cell))
			return false;
	return is_lost(by_any, cell);
}

static uint32_t leader_of(const table by_any, uint32_t cell)
{
	for (uint32_t other = 0; other < CELLS; other++)
		if (is_lost(by_any, cell) && is_leader(by_any, other) && by_any[other][cell])
			return other;
	return HG_NO_BLOCK;
}

static void test_leaders_of_cycles(void **state)
{
	(void)state;
	unsigned lost = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		table by_any;
		hg_autofree uint32_t *words = NULL;
		struct hg_leaks leaks = {0};
		uint64_t retained[CELLS] = {0};
		make(seed);
		fill(by_any, false);
		assert_null(hg_scan(&m.a, &words));
		assert_null(hg_leak_mark(&m.a, words));
		assert_null(hg_weak_settle(&m.a, words));
		assert_null(hg_dominators_init(&m.a.dom, &m.a.graph));
		assert_null(hg_leaks_init(&m.a, &leaks));
		for (uint32_t cell = 0; cell < CELLS; cell++) {
			const uint32_t leader = leader_of(by_any, cell);
			assert_int_equal(leaks.leader[cell], leader);
			assert_int_equal(leaks.class[cell] == HG_LEAK_DEFINITE, leader == cell);
			assert_int_equal(leaks.class[cell] == HG_LEAK_INDIRECT,
					 leader != cell && leader != HG_NO_BLOCK);
			if (leader != HG_NO_BLOCK)
				retained[leader] += CELL_SIZE;
			lost += leader != HG_NO_BLOCK;
		}
		assert_memory_equal(leaks.retained, retained, sizeof(retained));
		hg_leaks_deinit(&leaks);
		malloc_end(&m);
	}
	assert_true(lost > SEEDS);
}

/** Of roots that lead to a list, in whatever order they come, the one of the first turn gets it. */
static void test_turns_of_roots(void **state)
{
	(void)state;
	static const enum hg_root_kind turns[] = {HG_ROOT_TLS, HG_ROOT_LOCAL, HG_ROOT_REGISTER,
						  HG_ROOT_WORDS};
	for (unsigned first = 0; first < ARRAY_SIZE(turns); first++) {
		uint32_t winner = 0;
		hg_autofree uint32_t *words = NULL;
		malloc_begin(&m, CELLS);
		for (uint32_t cell = 0; cell + 1 < CELLS; cell++)
			m.cells[cell][0] = cell_addr(cell + 1);
		// The others lead to its second and third node, and stand before it.
		for (unsigned i = ARRAY_SIZE(turns); i-- > first;) {
			const uint32_t root = malloc_root(&m, turns[i], cell_addr(i - first));
			winner = i == first ? root : winner;
		}
		assert_null(hg_scan(&m.a, &words));
		assert_null(hg_weak_settle(&m.a, words));
		assert_int_equal(m.a.roots.edges.count, 1);
		assert_int_equal(m.a.roots.edges.data[0].root, winner);
		malloc_end(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_leaders_of_cycles),
		cmocka_unit_test(test_turns_of_roots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
