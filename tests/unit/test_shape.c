#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dwarf/program_private.h"
#include "graph/lang/shape.h"
#include "tests/synth/type_maker.h"

static int setup(void **state)
{
	static struct hg_shapes shapes;
	memset(&shapes, 0, sizeof(shapes));
	assert_null(hg_program_create_bare(NULL, NULL, &shapes.prog));
	*state = &shapes;
	return 0;
}

static int teardown(void **state)
{
	struct hg_shapes *shapes = *state;
	hg_shapes_deinit(shapes);
	hg_program_destroy(shapes->prog);
	return 0;
}

static void expect(struct hg_shapes *shapes, uint32_t type, uint64_t offset, enum hg_leaf_kind kind,
		   uint32_t to)
{
	const struct hg_leaf leaf = hg_shape_leaf(shapes, type, offset);
	assert_int_equal(leaf.kind, kind);
	assert_int_equal(leaf.type, to);
}

static void finds_pointers_in_structs(void **state)
{
	struct hg_shapes *shapes = *state;
	struct hg_program *prog = shapes->prog;
	const uint32_t number = make_type(prog, "int", HG_TYPE_INT, 8, 0, 0);
	const uint32_t pointer = make_type(prog, "*int", HG_TYPE_POINTER, 8, number, 0);
	const uint32_t inner =
		make_struct(prog, "main.Inner", 16,
			    (struct make_member[]){{number, 0, NULL}, {pointer, 8, NULL}}, 2);
	const uint32_t outer =
		make_struct(prog, "main.Outer", 32,
			    (struct make_member[]){{pointer, 0, NULL}, {inner, 16, NULL}}, 2);
	expect(shapes, outer, 0, HG_LEAF_POINTER, number);
	expect(shapes, outer, 8, HG_LEAF_NONE, 0);
	expect(shapes, outer, 16, HG_LEAF_NONE, 0);
	expect(shapes, outer, 24, HG_LEAF_POINTER, number);
	expect(shapes, outer, 32, HG_LEAF_NONE, 0);
	assert_true(hg_shape_has_pointers(shapes, outer));
	assert_false(hg_shape_has_pointers(shapes, number));
}

static void finds_pointers_in_arrays(void **state)
{
	struct hg_shapes *shapes = *state;
	struct hg_program *prog = shapes->prog;
	const uint32_t number = make_type(prog, "int", HG_TYPE_INT, 8, 0, 0);
	const uint32_t pointer = make_type(prog, "*int", HG_TYPE_POINTER, 8, number, 0);
	const uint32_t pair =
		make_struct(prog, "main.Pair", 16,
			    (struct make_member[]){{number, 0, NULL}, {pointer, 8, NULL}}, 2);
	const uint32_t row = make_type(prog, "[3]main.Pair", HG_TYPE_ARRAY, 48, pair, 3);
	const uint32_t rows =
		make_type(prog, "[1000][3]main.Pair", HG_TYPE_ARRAY, 48000, row, 1000);
	expect(shapes, rows, 47 * 48 + 24, HG_LEAF_POINTER, number);
	expect(shapes, rows, 47 * 48 + 16, HG_LEAF_NONE, 0);
	assert_int_equal(hg_shape_leaf(shapes, rows, 47 * 48 + 24).offset, 47 * 48 + 24);
	expect(shapes, rows, 48000 + 8, HG_LEAF_NONE, 0);
}

static void arrays_of_nothing_have_no_pointers(void **state)
{
	struct hg_shapes *shapes = *state;
	struct hg_program *prog = shapes->prog;
	const uint32_t number = make_type(prog, "int", HG_TYPE_INT, 8, 0, 0);
	const uint32_t pointer = make_type(prog, "*int", HG_TYPE_POINTER, 8, number, 0);
	const uint32_t none = make_type(prog, "[0]*int", HG_TYPE_ARRAY, 0, pointer, 0);
	const uint32_t incomparable =
		make_struct(prog, "main.Incomparable", 8,
			    (struct make_member[]){{none, 0, NULL}, {number, 0, NULL}}, 2);
	assert_false(hg_shape_has_pointers(shapes, incomparable));
	expect(shapes, incomparable, 0, HG_LEAF_NONE, 0);
}

static void open_arrays_have_as_many_as_fit(void **state)
{
	struct hg_shapes *shapes = *state;
	struct hg_program *prog = shapes->prog;
	const uint32_t number = make_type(prog, "int", HG_TYPE_INT, 8, 0, 0);
	const uint32_t pointer = make_type(prog, "*int", HG_TYPE_POINTER, 8, number, 0);
	const uint32_t pair =
		make_struct(prog, "main.Pair", 16,
			    (struct make_member[]){{number, 0, NULL}, {pointer, 8, NULL}}, 2);
	const uint32_t open = hg_shape_open_array(shapes, pair);
	assert_int_equal(open, hg_shape_open_array(shapes, pair));
	assert_string_equal(hg_type_name(prog, open), "[]main.Pair");
	assert_true(hg_shape_has_pointers(shapes, open));
	expect(shapes, open, 16 * 1000000ull + 8, HG_LEAF_POINTER, number);
	assert_int_equal(hg_shape_leaf(shapes, open, 16 * 1000000ull + 8).offset,
			 16 * 1000000ull + 8);
}

static void interiors_say_where(void **state)
{
	struct hg_shapes *shapes = *state;
	struct hg_program *prog = shapes->prog;
	const uint32_t number = make_type(prog, "int", HG_TYPE_INT, 8, 0, 0);
	const uint32_t pointer = make_type(prog, "*int", HG_TYPE_POINTER, 8, number, 0);
	const uint32_t inside = hg_shape_interior(shapes, pointer, 24);
	assert_int_equal(inside, hg_shape_interior(shapes, pointer, 24));
	assert_int_not_equal(inside, hg_shape_interior(shapes, pointer, 32));
	expect(shapes, inside, 0, HG_LEAF_NONE, 0);
	expect(shapes, inside, 24, HG_LEAF_POINTER, number);
}

static void a_type_in_itself_is_damage(void **state)
{
	struct hg_shapes *shapes = *state;
	struct hg_program *prog = shapes->prog;
	const uint32_t self = (uint32_t)prog->types.types.count + !prog->types.types.count;
	const uint32_t made = make_type(prog, "[2]main.Self", HG_TYPE_ARRAY, 16, self + 1, 2);
	const uint32_t loop =
		make_struct(prog, "main.Self", 8, (struct make_member[]){{made, 0, NULL}}, 1);
	assert_int_equal(loop, self + 1);
	assert_false(hg_shape_has_pointers(shapes, loop));
	expect(shapes, made, 8, HG_LEAF_NONE, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds_pointers_in_structs, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_pointers_in_arrays, setup, teardown),
		cmocka_unit_test_setup_teardown(arrays_of_nothing_have_no_pointers, setup,
						teardown),
		cmocka_unit_test_setup_teardown(open_arrays_have_as_many_as_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(interiors_say_where, setup, teardown),
		cmocka_unit_test_setup_teardown(a_type_in_itself_is_damage, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
