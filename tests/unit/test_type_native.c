#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/synth/dwarf_program.h"

// Debug info as compilers wrote it for tests/synth/cxx_sample.cc; its bytes live as long as the test.
static struct hg_program *program(const char *seed)
{
	static uint8_t bytes[65536];
	char path[256];
	snprintf(path, sizeof(path), "tests/fuzz/corpus/die/%s", seed);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	const size_t size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	size_t at = 4 * HG_DEBUG_SECTIONS;
	for (unsigned i = 0; i < HG_DEBUG_SECTIONS; i++) {
		uint32_t length;
		memcpy(&length, bytes + 4 * i, 4);
		assert_true(length <= size - at);
		sections[i] = (struct hg_section_bytes){length ? bytes + at : NULL, length};
		at += length;
	}
	struct hg_program *prog = program_of_sections(sections, 0x100000);
	assert_non_null(prog);
	assert_int_equal(prog->bad_dies, 0);
	return prog;
}

static const char *const seeds[] = {"cxx-dwarf4-clang", "cxx-dwarf5-clang", "cxx-dwarf5"};

static const struct hg_type *find(const struct hg_program *prog, const char *name)
{
	const struct hg_type *type = hg_type_get(prog, hg_type_find(prog, name));
	assert_string_equal(hg_program_text(prog, type->name), name);
	return type;
}

static void is_member(const struct hg_program *prog, const char *type, const char *member,
		      uint64_t offset, const char *of)
{
	const struct hg_member *found = hg_type_member(prog, hg_type_find(prog, type), member);
	assert_non_null(found);
	assert_int_equal(found->offset, offset);
	assert_string_equal(hg_type_name(prog, found->type), of);
}

static void names_members(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		struct hg_program *prog = program(seeds[i]);
		is_member(prog, "ns::Session", "inner", 16, "ns::Session::Inner");
		is_member(prog, "ns::Session", "impl", 32, "ns::Impl *");
		is_member(prog, "ns::Session", "first", 56, "const int *const *const");
		is_member(prog, "ns::Session", "cb", 64, "int (*)(const char *, ns::Session &)");
		is_member(prog, "ns::Session", "pm", 72, "int ::*");
		is_member(prog, "ns::Node", "rest", 8, "char *[]");
		assert_int_equal(find(prog, "ns::Node")->size, 8);
		is_member(prog, "ns::Session::Inner", "text", 0, "char *");
		assert_null(hg_type_member(prog, hg_type_find(prog, "ns::Session"), "bits"));
		assert_null(hg_type_member(prog, hg_type_find(prog, "ns::Base"), "counter"));
		const struct hg_type *session = find(prog, "ns::Session");
		assert_int_equal(session->size, 80);
		assert_int_equal(session->language, HG_LANGUAGE_CXX);
		assert_int_equal(session->line, 20);
		const char *file = hg_program_text(prog, session->file);
		assert_non_null(strstr(file, "cxx_sample.cc"));
		hg_program_destroy(prog);
	}
}

static void knows_bases_and_anonymous_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		struct hg_program *prog = program(seeds[i]);
		const struct hg_type *session = find(prog, "ns::Session");
		const struct hg_member *base = &prog->types.members.data[session->members];
		assert_true(base->embedded);
		assert_int_equal(base->name, 0);
		assert_string_equal(hg_type_name(prog, base->type), "ns::Base");
		const struct hg_type *inner = find(prog, "ns::Session::Inner");
		const struct hg_member *part = &prog->types.members.data[inner->members + 1];
		assert_true(part->embedded);
		assert_string_equal(hg_type_name(prog, part->type),
				    "ns::Session::Inner::{union cxx_sample.cc:23}");
		// Where a virtual base lies, the type alone does not tell.
		const struct hg_type *virtual = find(prog, "ns::V");
		for (uint32_t k = 0; k < virtual->member_count; k++)
			assert_false(prog->types.members.data[virtual->members + k].embedded);
		is_member(prog, "typed_t", "in", 0, "typed_t::{struct cxx_sample.cc:56}");
		assert_true(hg_type_get(prog,
					hg_type_get(prog,
						    hg_type_member(
							    prog, hg_type_find(prog, "ns::Session"),
							    "impl")
							    ->type)
						->elem)
				    ->incomplete);
		hg_program_destroy(prog);
	}
}

static void keeps_template_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		struct hg_program *prog = program(seeds[i]);
		const struct hg_variable *hidden =
			hg_variable_find(prog, "ns::(anonymous namespace)::hidden");
		assert_non_null(hidden);
		int64_t count = 0;
		assert_string_equal(hg_type_name(prog, hg_type_argument(prog, hidden->type, 0)),
				    "ns::Session *");
		assert_true(hg_type_argument_value(prog, hidden->type, 1, &count));
		assert_int_equal(count, 3);
		assert_false(hg_type_argument_value(prog, hidden->type, 0, &count));
		assert_int_equal(hg_type_argument(prog, hidden->type, 1), 0);
		assert_string_equal(hg_type_name(prog, hg_type_argument(prog, hidden->type, 2)),
				    "int");
		assert_string_equal(hg_type_name(prog, hg_type_argument(prog, hidden->type, 3)),
				    "char");
		assert_int_equal(hg_type_argument(prog, hidden->type, 4), 0);
		assert_int_equal(hidden->size, 32);
		hg_program_destroy(prog);
	}
}

static void finds_variables(void **state)
{
	static const struct {
		const char *name, *type;
		uint64_t size;
	} wanted[] = {
		{"ns::Base::counter", "int", 4},     {"ns::g", "ns::Session *", 8},
		{"ns::root", "ns::Session", 80},     {"get()::cache", "int *", 8},
		{"get()::l", "get()::Local *", 8},   {"typed", "typed_t", 4},
		{"table", "int (*[3])(char *)", 24},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		struct hg_program *prog = program(seeds[i]);
		for (size_t k = 0; k < ARRAY_SIZE(wanted); k++) {
			const struct hg_variable *global = hg_variable_find(prog, wanted[k].name);
			assert_non_null(global);
			assert_string_equal(hg_type_name(prog, global->type), wanted[k].type);
			assert_int_equal(global->size, wanted[k].size);
			assert_int_not_equal(global->line, 0);
			assert_ptr_equal(hg_variable_at(prog, global->addr), global);
		}
		size_t count;
		const struct hg_tls_variable *tls = hg_variable_tls(prog, &count);
		assert_int_equal(count, 1);
		assert_string_equal(hg_program_text(prog, tls->name), "ns::calls");
		assert_int_equal(tls->offset, 0);
		assert_int_equal(tls->size, 4);
		hg_program_destroy(prog);
	}
}

// The same types in two modules have one id each, and a declaration leads to the definition.
static void merges_modules(void **state)
{
	(void)state;
	struct hg_program *prog = program("cxx-dwarf5");
	const size_t types = prog->types.types.count, globals = prog->globals.count;
	assert_null(hg_native_read(prog, 0));
	assert_int_equal(prog->types.types.count, types);
	assert_int_equal(prog->globals.count, 2 * globals);
	assert_null(hg_variable_finish(prog));
	assert_int_equal(prog->globals.count, globals);
	hg_program_destroy(prog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_members),
		cmocka_unit_test(knows_bases_and_anonymous_parts),
		cmocka_unit_test(keeps_template_arguments),
		cmocka_unit_test(finds_variables),
		cmocka_unit_test(merges_modules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
