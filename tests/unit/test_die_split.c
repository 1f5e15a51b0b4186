#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "tests/synth/dwarf_files.h"

#define SEEDS "tests/fuzz/corpus/split/"

static const char *const seeds[] = {
	"types-gcc4",	  "types-gcc5", "types-clang4", "types-clang5",
	"dwo-gcc4",	  "dwo-gcc5",	"dwo-clang4",	"dwo-clang5",
	"dwp-gcc4",	  "dwp-clang4", "dwp-clang5",	"dwo-types-gcc4",
	"dwo-types-gcc5", "alt-gcc4",	"alt-gcc5",	"alt-standard-gcc5",
};

static void read_seed(const char *name, struct dwarf_files *files, unsigned count, size_t damage)
{
	static uint8_t data[16384];
	char path[256];
	snprintf(path, sizeof(path), SEEDS "%s", name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	const size_t size = fread(data, 1, sizeof(data), file);
	fclose(file);
	if (damage)
		data[8 + damage % (size - 8)] ^= 1u << damage % 8;
	dwarf_files_open(files, data, size, count);
}

// The source of the seeds:
//
//     namespace ns {
//     struct Inner { int a[3]; struct Inner *next; };
//     template <typename T> struct Box { T value; Box *other; enum E { A, B } e; };
//     }
//     ns::Box<ns::Inner> g_box; static thread_local int t_x; const char *g_name;
//     extern "C" int f(ns::Inner *in, int n) { ... }
static void check_program(struct hg_program *prog)
{
	const uint32_t inner = hg_type_find(prog, "ns::Inner");
	const uint32_t box = hg_type_find(prog, "ns::Box<ns::Inner>");
	assert_int_equal(hg_type_get(prog, inner)->size, 24);
	assert_int_equal(hg_type_get(prog, box)->size, 40);
	assert_int_equal(hg_type_get(prog, inner)->language, HG_LANGUAGE_CXX);
	const struct hg_member *next = hg_type_member(prog, inner, "next");
	assert_non_null(next);
	assert_int_equal(next->offset, 16);
	assert_int_equal(hg_type_get(prog, next->type)->elem, inner);
	const struct hg_member *value = hg_type_member(prog, box, "value");
	assert_int_equal(value->type, inner);
	const struct hg_variable *global = hg_variable_find(prog, "g_box");
	assert_non_null(global);
	assert_int_equal(global->type, box);
	assert_string_equal(strrchr(hg_program_text(prog, global->file), '/'), "/a.cc");
}

static void check_locals(struct hg_program *prog)
{
	const struct hg_module_index *index = &prog->priv->indexes[0];
	assert_int_equal(index->functions.count, 1);
	uint64_t regs[HG_ARCH_MAX_REGS] = {0};
	const struct hg_frame_context frame = {
		.pc = index->functions.data[0].low, .cfa = 4096, .regs = regs};
	hg_locals locals = {0};
	assert_null(hg_variable_locals(prog, &frame, &locals));
	bool found = false;
	for (size_t i = 0; i < locals.count; i++)
		found |= !strcmp(hg_program_text(prog, locals.data[i].name), "in") &&
			 locals.data[i].in_register && locals.data[i].reg == 5; // rdi
	hg_vec_deinit(&locals);
	assert_true(found);
	assert_int_equal(prog->bad_locations, 0);
}

static void reads_all_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		struct dwarf_files files;
		read_seed(seeds[i], &files, DWARF_FILES, 0);
		assert_non_null(files.dwarf);
		assert_int_equal(files.missing + files.other_builds, 0);
		struct hg_program *prog = program_of_dwarf(files.dwarf, 0);
		assert_int_equal(prog->bad_dies, 0);
		check_program(prog);
		check_locals(prog);
		hg_program_destroy(prog);
		dwarf_files_deinit(&files);
	}
}

static void says_what_is_missing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		struct dwarf_files files;
		read_seed(seeds[i], &files, 1, 0);
		assert_non_null(files.dwarf);
		assert_int_equal(files.missing, strncmp(seeds[i], "types", 5) != 0);
		assert_int_equal(files.other_builds, 0);
		struct hg_program *prog = program_of_dwarf(files.dwarf, 0);
		assert_int_equal(prog->bad_dies, 0);
		hg_program_destroy(prog);
		dwarf_files_deinit(&files);
	}
}

// The files of one seed with those of another.
static void refuses_another_build(void **state)
{
	(void)state;
	const char *const pairs[][2] = {{"dwo-gcc5", "dwo-clang5"}, {"alt-gcc4", "alt-gcc5"}};
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct dwarf_files own, other;
		read_seed(pairs[i][0], &own, DWARF_FILES, 0);
		read_seed(pairs[i][1], &other, DWARF_FILES, 0);
		hg_dwarf_destroy(own.dwarf);
		own.dwarf = NULL;
		other.opened = 0;
		const struct hg_dwarf_finder finder = {&other, dwarf_files_find, dwarf_files_miss};
		assert_null(hg_dwarf_open(own.elf, &finder, &own.dwarf));
		assert_int_equal(other.other_builds, 1);
		hg_dwarf_destroy(own.dwarf);
		hg_dwarf_destroy(other.dwarf);
		dwarf_files_deinit(&own);
		dwarf_files_deinit(&other);
	}
}

static void survives_damage(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		for (size_t damage = 1; damage < 6000; damage += 41) {
			struct dwarf_files files;
			read_seed(seeds[i], &files, DWARF_FILES, damage);
			struct hg_program *prog =
				files.dwarf ? program_of_dwarf(files.dwarf, 0) : NULL;
			hg_program_destroy(prog);
			dwarf_files_deinit(&files);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_forms),
		cmocka_unit_test(says_what_is_missing),
		cmocka_unit_test(refuses_another_build),
		cmocka_unit_test(survives_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
