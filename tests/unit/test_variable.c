#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/synth/dwarf_program.h"
#include "tests/synth/dwarf_sample.h"

static void finds_globals_and_constants(void **state)
{
	(void)state;
	static struct dwarf_writer writer;
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	sample_write(&writer, 5);
	dwarf_sections(&writer, sections);
	struct hg_program *prog = program_of_sections(sections, 0x10000);
	const struct hg_variable *cache = hg_variable_find(prog, "main.cache");
	assert_int_equal(cache->addr, 0x11000);
	assert_int_equal(cache->size, 24);
	assert_string_equal(hg_type_name(prog, cache->type), "main.T");
	assert_ptr_equal(hg_variable_at(prog, 0x11000 + 23), cache);
	assert_null(hg_variable_at(prog, 0x11000 + 24));
	assert_null(hg_variable_at(prog, 0));
	assert_null(hg_variable_find(prog, "main.gone"));
	size_t count;
	assert_ptr_equal(hg_variable_all(prog, &count), prog->globals.data);
	assert_int_equal(count, 2);
	int64_t value = 0;
	assert_true(hg_constant(prog, "main.Answer", &value));
	assert_int_equal(value, 42);
	assert_true(hg_constant(prog, "main.Negative", &value));
	assert_int_equal(value, -7);
	assert_false(hg_constant(prog, "main.None", &value));
	hg_program_destroy(prog);
}

static void sees_past_empty_globals(void **state)
{
	(void)state;
	struct hg_program *prog = NULL;
	assert_null(hg_program_create_bare(NULL, NULL, &prog));
	const struct hg_variable globals[] = {
		{.name = hg_program_string(prog, "b"), .addr = 100},
		{.name = hg_program_string(prog, "a"), .addr = 100, .size = 8},
		{.name = hg_program_string(prog, "c"), .addr = 104},
		{.name = hg_program_string(prog, "a"), .addr = 200, .size = 8, .module = 1},
	};
	for (size_t i = 0; i < ARRAY_SIZE(globals); i++)
		*hg_vec_push(&prog->globals) = globals[i];
	assert_null(hg_variable_finish(prog));
	// Of two modules' variables of a name, the executable's.
	const struct hg_variable *a = hg_variable_find(prog, "a");
	assert_int_equal(a->addr, 100);
	assert_ptr_equal(hg_variable_at(prog, 107), a);
	assert_ptr_equal(hg_variable_at(prog, 100), a);
	hg_program_destroy(prog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_globals_and_constants),
		cmocka_unit_test(sees_past_empty_globals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
