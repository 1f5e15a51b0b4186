#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/synth/dwarf_program.h"
#include "tests/synth/dwarf_sample.h"

static struct hg_program *sample(unsigned version)
{
	static struct dwarf_writer writer;
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	sample_write(&writer, version);
	dwarf_sections(&writer, sections);
	struct hg_program *prog = program_of_sections(sections, 0x10000);
	assert_non_null(prog);
	assert_int_equal(prog->bad_dies, 0);
	return prog;
}

static void reads_structs(void **state)
{
	(void)state;
	for (unsigned version = 4; version <= 5; version++) {
		struct hg_program *prog = sample(version);
		const uint32_t id = hg_type_find(prog, "main.T");
		const struct hg_type *type = hg_type_get(prog, id);
		// The struct, not the typedef of the same name.
		assert_int_equal(type->kind, HG_TYPE_STRUCT);
		assert_int_equal(type->size, 24);
		assert_int_equal(type->member_count, 3);
		assert_int_equal(type->go_descriptor, 0x200);
		assert_int_equal(hg_type_by_descriptor(prog, 0, 0x200), id);
		assert_int_equal(hg_type_by_descriptor(prog, 1, 0x200), 0);
		assert_int_equal(hg_type_by_descriptor(prog, 0, 0), 0);
		const struct hg_member *next = hg_type_member(prog, id, "Next");
		assert_int_equal(next->offset, 8);
		assert_false(next->embedded);
		assert_string_equal(hg_type_name(prog, next->type), "*main.T");
		const uint32_t pointee = hg_type_get(prog, next->type)->elem;
		assert_int_equal(hg_type_get(prog, pointee)->kind, HG_TYPE_TYPEDEF);
		assert_int_equal(hg_type_get(prog, pointee)->size, 24);
		assert_int_equal(hg_type_strip(prog, pointee), id);
		assert_ptr_equal(hg_type_member(prog, pointee, "Next"), next);
		assert_true(hg_type_member(prog, id, "E")->embedded);
		assert_null(hg_type_member(prog, id, "none"));
		hg_program_destroy(prog);
	}
}

static void reads_scalars_and_pointers(void **state)
{
	(void)state;
	struct hg_program *prog = sample(4);
	assert_int_equal(hg_type_get(prog, hg_type_find(prog, "int"))->kind, HG_TYPE_INT);
	assert_int_equal(hg_type_get(prog, hg_type_find(prog, "uint8"))->kind, HG_TYPE_UINT);
	// Up to Go 1.22 uintptr holds an address where others hold an offset.
	assert_int_equal(hg_type_get(prog, hg_type_find(prog, "uintptr"))->go_descriptor, 0);
	const struct hg_type *pointer = hg_type_get(prog, hg_type_find(prog, "unsafe.Pointer"));
	assert_int_equal(pointer->kind, HG_TYPE_POINTER);
	assert_int_equal(pointer->elem, 0);
	assert_int_equal(pointer->size, 8);
	hg_program_destroy(prog);
}

static void reads_arrays_and_maps(void **state)
{
	(void)state;
	struct hg_program *prog = sample(4);
	const struct hg_type *array = hg_type_get(prog, hg_type_find(prog, "[3]main.T"));
	assert_int_equal(array->count, 3);
	assert_int_equal(array->size, 72);
	assert_string_equal(hg_type_name(prog, array->elem), "main.T");
	const struct hg_type *grid = hg_type_get(prog, hg_type_find(prog, "grid"));
	assert_int_equal(grid->count, 2 * 5);
	assert_int_equal(grid->size, 2 * 5 * 8);
	const struct hg_type *map = hg_type_get(prog, hg_type_find(prog, "map[int]main.T"));
	assert_int_equal(map->go_kind, HG_GO_MAP);
	assert_string_equal(hg_type_name(prog, map->go_key), "int");
	assert_string_equal(hg_type_name(prog, map->go_elem), "main.T");
	hg_program_destroy(prog);
}

static void ends_at_loops_and_lost_references(void **state)
{
	(void)state;
	struct hg_program *prog = sample(4);
	const uint32_t loop = hg_type_find(prog, "main.Loop");
	assert_int_not_equal(loop, 0);
	assert_int_equal(hg_type_get(prog, hg_type_get(prog, loop)->elem)->elem, loop);
	assert_int_equal(hg_type_strip(prog, loop), 0);
	assert_null(hg_type_member(prog, loop, "ID"));
	assert_int_equal(hg_type_strip(prog, hg_type_find(prog, "main.Nowhere")), 0);
	assert_int_equal(hg_type_get(prog, UINT32_MAX)->kind, HG_TYPE_UNKNOWN);
	assert_int_equal(hg_type_find(prog, "none"), 0);
	hg_program_destroy(prog);
}

static void adds_types_by_hand(void **state)
{
	(void)state;
	struct hg_program *prog = NULL;
	assert_null(hg_program_create_bare(NULL, NULL, &prog));
	const struct hg_type type = {
		.name = hg_program_string(prog, "made.T"), .kind = HG_TYPE_STRUCT, .size = 8};
	const uint32_t id = hg_type_add(prog, &type);
	const struct hg_member member = {.name = hg_program_string(prog, "x"), .offset = 4};
	assert_true(hg_type_add_member(prog, id, &member));
	assert_int_equal(hg_type_find(prog, "made.T"), id);
	assert_int_equal(hg_type_member(prog, id, "x")->offset, 4);
	hg_program_destroy(prog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_structs),
		cmocka_unit_test(reads_scalars_and_pointers),
		cmocka_unit_test(reads_arrays_and_maps),
		cmocka_unit_test(ends_at_loops_and_lost_references),
		cmocka_unit_test(adds_types_by_hand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
