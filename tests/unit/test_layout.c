#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dwarf/layout.h"
#include "tests/synth/dwarf_program.h"
#include "tests/synth/dwarf_sample.h"

static struct hg_program *sample(void)
{
	static struct dwarf_writer writer;
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	sample_write(&writer, 4);
	dwarf_sections(&writer, sections);
	return program_of_sections(sections, 0);
}

static void resolves_paths(void **state)
{
	(void)state;
	struct hg_program *prog = sample();
	struct hg_field start, value, box, size, embedded, gone, no_type;
	const struct hg_want wants[] = {
		{.ret = &start, .type = "runtime.mspan", .path = "begin|startAddr"},
		{.ret = &value,
		 .type = "runtime.span|runtime.mspan",
		 .path = "state.s.value|state.s|state"},
		{.ret = &box, .type = "runtime.mspan", .path = "state"},
		{.ret = &size, .type = "runtime.mspan", .path = ""},
		{.ret = &embedded, .type = "main.T", .path = "value"},
		{.ret = &gone,
		 .type = "runtime.mspan",
		 .path = "state.none|none",
		 .optional = true},
		{.ret = &no_type, .type = "runtime.none", .path = "x", .optional = true},
	};
	assert_null(hg_layout_resolve(prog, wants, ARRAY_SIZE(wants)));
	assert_int_equal(start.offset, 24);
	assert_int_equal(start.size, 8);
	assert_int_equal(value.offset, 99);
	assert_int_equal(value.size, 1);
	assert_string_equal(hg_type_name(prog, value.type), "uint8");
	assert_string_equal(hg_type_name(prog, box.type), "runtime.box");
	assert_int_equal(size.offset, 0);
	assert_int_equal(size.size, 100);
	assert_int_equal(embedded.offset, 16);
	assert_false(gone.present);
	assert_false(no_type.present);
	hg_program_destroy(prog);
}

static void unwraps_integers(void **state)
{
	(void)state;
	struct hg_program *prog = sample();
	struct hg_field wrapped, plain;
	const struct hg_want wants[] = {
		{.ret = &wrapped, .type = "runtime.mspan", .path = "state", .unwrap = true},
		{.ret = &plain, .type = "runtime.mspan", .path = "startAddr", .unwrap = true},
	};
	assert_null(hg_layout_resolve(prog, wants, ARRAY_SIZE(wants)));
	assert_string_equal(hg_type_name(prog, wrapped.type), "uint8");
	assert_int_equal(wrapped.offset, 99);
	assert_int_equal(wrapped.size, 1);
	assert_string_equal(hg_type_name(prog, plain.type), "uintptr");
	hg_program_destroy(prog);
}

static void names_what_is_missing(void **state)
{
	(void)state;
	struct hg_program *prog = sample();
	struct hg_field field;
	const struct hg_want no_field = {.ret = &field, .type = "runtime.mspan", .path = "endAddr"};
	struct hg_error *err = hg_layout_resolve(prog, &no_field, 1);
	assert_int_equal(err->code, HG_ERROR_NOT_FOUND);
	assert_string_equal(err->message, "the debug info has no field 'runtime.mspan.endAddr'");
	hg_error_destroy(err);
	const struct hg_want no_type = {.ret = &field, .type = "runtime.none", .path = "x"};
	err = hg_layout_resolve(prog, &no_type, 1);
	assert_string_equal(err->message, "the debug info has no type 'runtime.none'");
	hg_error_destroy(err);
	hg_program_destroy(prog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolves_paths),
		cmocka_unit_test(unwraps_integers),
		cmocka_unit_test(names_what_is_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
