#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "graph/analysis_private.h"
#include "graph/lang/lang_c.h"
#include "graph/typing_evidence.h"
#include "tests/synth/assign_program.h"
#include "tests/synth/type_maker.h"

// Code that stores a target * in holder + 16, and blocks of 16 bytes in a row behind it.
#define BLOCKS 64u

struct made {
	struct hg_analysis a;
	struct hg_shapes shapes;
	struct hg_evidence evidence;
	uint32_t holder, target;
};

static uint64_t memory[BLOCKS / 8 + BLOCKS * 2]; // the code, then the blocks
static struct dwarf_writer writer;

static uint64_t block_addr(unsigned block)
{
	return ASSIGN_CODE + BLOCKS + block * 16ull;
}

static int setup(void **state)
{
	static struct made m;
	static const uint8_t code[] = {0x48, 0x89, 0x48, 0x10, 0xc3}; // mov %rcx, 16(%rax)
	static const uint8_t rax[] = {HG_OP_REG0}, rcx[] = {HG_OP_REG0 + 2};
	memset(&m, 0, sizeof(m));
	memset(memory, 0, sizeof(memory));
	memcpy(memory, code, sizeof(code));
	const struct assign_function f = {
		.version = 5,
		.code = (const uint8_t *)memory,
		.size = sizeof(memory),
		.variables = {{rax, 1, 0}, {rcx, 1, 0}, {NULL, 0, 0}},
	};
	m.a.prog = m.shapes.prog = assign_program(&writer, &f);
	m.holder = hg_type_find(m.a.prog, "holder");
	m.target = hg_type_find(m.a.prog, "target");
	const uint64_t bits = UINT64_MAX;
	const struct hg_extent extent = {
		.addr = block_addr(0), .size = BLOCKS * 16, .stride = 16, .slots = BLOCKS};
	assert_null(hg_blocks_add(&m.a.blocks, &extent, &bits, NULL));
	assert_null(hg_blocks_finish(&m.a.blocks, NULL));
	*state = &m;
	return 0;
}

static int teardown(void **state)
{
	struct made *m = *state;
	hg_evidence_deinit(&m->evidence);
	hg_shapes_deinit(&m->shapes);
	hg_blocks_deinit(&m->a.blocks);
	hg_program_destroy(m->a.prog);
	return 0;
}

static uint32_t make_c(struct made *m, const char *name, enum hg_type_kind kind, uint64_t size,
		       uint32_t elem, uint64_t count)
{
	const struct hg_type type = {.name = hg_program_string(m->a.prog, name),
				     .kind = (uint8_t)kind,
				     .language = HG_LANGUAGE_C,
				     .size = size,
				     .elem = elem,
				     .count = count};
	const uint32_t id = hg_type_add(m->a.prog, &type);
	assert_true(id);
	return id;
}

static void add_member(struct made *m, uint32_t type, uint32_t of, uint64_t offset)
{
	const struct hg_member member = {.type = of, .offset = offset};
	assert_true(hg_type_add_member(m->a.prog, type, &member));
}

static void guesses_what_code_stores(void **state)
{
	struct made *m = *state;
	assert_null(hg_evidence_init(&m->evidence, &m->a, &m->shapes));
	const uint32_t found = hg_evidence_guess(&m->evidence, m->holder, 16, block_addr(1), 16, 0);
	assert_string_equal(hg_type_name(m->a.prog, found), "target?");
	assert_int_equal(hg_evidence_guess(&m->evidence, m->holder, 8, block_addr(1), 16, 0), 0);
	assert_int_equal(hg_evidence_guess(&m->evidence, m->target, 0, block_addr(1), 16, 0), 0);
	// Too small, too large, a word that no field explains, memory that is not there.
	assert_int_equal(hg_evidence_guess(&m->evidence, m->holder, 16, block_addr(1), 8, 0), 0);
	assert_int_equal(hg_evidence_guess(&m->evidence, m->holder, 16, block_addr(1), 48, 0), 0);
	memory[BLOCKS / 8 + 2] = block_addr(5);
	assert_int_equal(hg_evidence_guess(&m->evidence, m->holder, 16, block_addr(1), 16, 0), 0);
	assert_int_equal(hg_evidence_guess(&m->evidence, m->holder, 16, 1, 16, 0), 0);
}

static void finds_the_field_in_what_contains_it(void **state)
{
	struct made *m = *state;
	const uint32_t row = make_c(m, "row", HG_TYPE_ARRAY, 24 * 4, m->holder, 4);
	const uint32_t outer = make_c(m, "outer", HG_TYPE_STRUCT, 8 + 24 * 4, 0, 0);
	add_member(m, outer, row, 8);
	assert_null(hg_evidence_init(&m->evidence, &m->a, &m->shapes));
	assert_true(hg_evidence_guess(&m->evidence, outer, 8 + 24 * 3 + 16, block_addr(1), 16, 0));
	assert_false(hg_evidence_guess(&m->evidence, outer, 8 + 24 * 4 + 16, block_addr(1), 16, 0));
	assert_false(hg_evidence_guess(&m->evidence, outer, UINT64_MAX, block_addr(1), 16, 0));
}

/** Types that cannot be: each contains itself, has no size or more than there is. */
static void make_hostile(struct made *m, uint32_t types[8])
{
	types[0] = make_c(m, "itself", HG_TYPE_STRUCT, 16, 0, 0);
	add_member(m, types[0], types[0], 0);
	types[1] = make_c(m, "there", HG_TYPE_STRUCT, 16, 0, 0);
	types[2] = make_c(m, "and_back", HG_TYPE_STRUCT, 16, 0, 0);
	add_member(m, types[1], types[2], 0);
	add_member(m, types[2], types[1], 0);
	add_member(m, types[2], types[1], 8);
	types[3] = make_c(m, "nothing", HG_TYPE_STRUCT, 0, 0, 0);
	types[4] = make_c(m, "many", HG_TYPE_ARRAY, 16, types[0], UINT64_MAX);
	types[5] = make_c(m, "of_nothing", HG_TYPE_ARRAY, 0, types[3], UINT64_MAX);
	types[6] = make_c(m, "huge", HG_TYPE_STRUCT, UINT64_MAX, 0, 0);
	add_member(m, types[6], types[4], 8);
	add_member(m, types[6], types[6], UINT64_MAX - 8);
	types[7] = make_c(m, "pointer", HG_TYPE_POINTER, 8, types[6], 0);
	add_member(m, types[6], types[7], 0);
}

static void ends_on_hostile_types(void **state)
{
	struct made *m = *state;
	static const uint64_t offsets[] = {0, 8, 16, 1ull << 32, UINT64_MAX - 7};
	uint32_t types[8];
	make_hostile(m, types);
	// The struct that code speaks of becomes hostile, too: it contains all of them.
	for (unsigned i = 0; i < 8; i++) {
		const struct hg_member member = {.type = types[i], .offset = i % 2 * 8};
		const uint32_t outer = make_c(m, "outer", HG_TYPE_STRUCT, 16, 0, 0);
		assert_true(hg_type_add_member(m->a.prog, outer, &member));
		hg_shape_is_open(&m->shapes, outer);
		for (unsigned k = 0; k < ARRAY_SIZE(offsets); k++) {
			hg_shape_leaf(&m->shapes, outer, offsets[k]);
			hg_shape_leaf(&m->shapes, types[i], offsets[k]);
		}
	}
	assert_null(hg_evidence_init(&m->evidence, &m->a, &m->shapes));
	for (unsigned i = 0; i < 8; i++)
		for (unsigned k = 0; k < ARRAY_SIZE(offsets); k++)
			assert_int_equal(hg_evidence_guess(&m->evidence, types[i], offsets[k],
							   block_addr(1), 16, 0),
					 0);
}

static void combines_no_more_than_fits(void **state)
{
	struct made *m = *state;
	uint32_t types[8], known = m->target;
	unsigned count = 0;
	make_hostile(m, types);
	for (unsigned i = 1; i < 1000; i++) {
		const uint32_t more = hg_shape_combined(&m->shapes, known, m->target, i * 16ull);
		count += more != 0;
		known = more ? more : known;
	}
	assert_int_equal(count, 15); // sixteen in all
	assert_string_equal(hg_type_name(m->a.prog, known), "target and others");
	assert_int_equal(hg_type_get(m->a.prog, known)->size, 256);
	// What overlaps, and what reaches beyond all memory, is not together.
	assert_int_equal(hg_shape_combined(&m->shapes, m->target, m->target, 8), 0);
	assert_int_equal(hg_shape_combined(&m->shapes, m->target, types[6], 16), 0);
	assert_int_equal(hg_shape_combined(&m->shapes, m->target, m->target, UINT64_MAX - 7), 0);
	assert_int_equal(hg_shape_combined(&m->shapes, types[6], m->target, 16), 0);
	known = types[3];
	for (unsigned i = 0; i < 1000; i++) {
		const uint32_t more = hg_shape_combined(&m->shapes, known, types[i % 8], i % 3);
		hg_shape_leaf(&m->shapes, more, i);
		known = more ? more : known;
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guesses_what_code_stores),
		TEST(finds_the_field_in_what_contains_it),
		TEST(ends_on_hostile_types),
		TEST(combines_no_more_than_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
