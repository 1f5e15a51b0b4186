// Pointers into the middle of a block that stand for all of it, and those that nearly do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dwarf/program_private.h"
#include "graph/lang/lang_cxx.h"
#include "tests/synth/type_maker.h"

#define BLOCK 0x10000ull
#define TABLE 0x20000ull // virtual tables, in a module

static struct {
	uint64_t block[512], table[512];
	struct hg_segment segments[2];
	struct hg_image image;
	struct hg_module module;
	struct hg_program *prog;
	struct hg_analysis a;
	struct hg_lang c, cxx;
} it;

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	it.segments[0] = (struct hg_segment){BLOCK,
					     sizeof(it.block),
					     sizeof(it.block),
					     (uint8_t *)it.block,
					     HG_PROT_READ | HG_PROT_WRITE,
					     false};
	it.segments[1] = (struct hg_segment){
		TABLE, sizeof(it.table), sizeof(it.table), (uint8_t *)it.table, HG_PROT_READ,
		false};
	it.image = (struct hg_image){.segments = it.segments, .segment_count = 2};
	assert_null(hg_program_create_bare(NULL, NULL, &it.prog));
	it.prog->image = &it.image;
	it.a.prog = it.prog;
	it.c = (struct hg_lang){.ops = &hg_lang_c, .a = &it.a};
	it.cxx = (struct hg_lang){.ops = &hg_lang_cxx, .a = &it.a};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	it.prog->image = NULL;
	hg_program_destroy(it.prog);
	return 0;
}

static bool stands(struct hg_lang *lang, uint64_t size, uint64_t offset, uint32_t type)
{
	const struct hg_inside inside = {BLOCK, size, offset, type};
	return lang->ops->refers_to_start(lang, &inside);
}

static void takes_what_follows_its_length(void **state)
{
	(void)state;
	it.block[0] = 992;
	assert_true(stands(&it.c, 1000, 8, 0));
	it.block[0] = 980; // malloc may have rounded up
	assert_true(stands(&it.c, 1000, 8, 0));
	assert_false(stands(&it.c, 1000, 16, 0));
	const uint64_t wrong[] = {0, 993, 900, 1000, UINT64_MAX, UINT64_MAX - 7};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		it.block[0] = wrong[i];
		assert_false(stands(&it.c, 1000, 8, 0));
	}
	it.segments[0].present = 4; // it is not in the core
	it.block[0] = 992;
	assert_false(stands(&it.c, 1000, 8, 0));
}

static void takes_texts_of_old_strings(void **state)
{
	(void)state;
	it.block[0] = 10;
	it.block[1] = 100;
	assert_true(stands(&it.cxx, 136, 24, 0));
	assert_false(stands(&it.cxx, 136, 16, 0));
	assert_false(stands(&it.cxx, 400, 24, 0));
	it.block[0] = 101;
	assert_false(stands(&it.cxx, 136, 24, 0));
	it.block[0] = it.block[1] = UINT64_MAX;
	assert_false(stands(&it.cxx, 136, 24, 0));
}

static void takes_arrays_behind_their_count(void **state)
{
	(void)state;
	const uint32_t elem = make_type(it.prog, "Counted", HG_TYPE_STRUCT, 100, 0, 0);
	const uint32_t open = make_type(it.prog, "[]Counted", HG_TYPE_ARRAY, 100, elem, 0);
	const uint32_t inside =
		make_struct(it.prog, "inside", 108, (struct make_member[]){{elem, 8, NULL}}, 1);
	it.block[0] = 30;
	assert_true(stands(&it.cxx, 3016, 8, inside));
	assert_true(stands(&it.cxx, 3016, 8, open));
	assert_false(stands(&it.cxx, 3016, 8, 0));
	assert_false(stands(&it.cxx, 3016, 108, inside));
	assert_false(stands(&it.cxx, 3016, 24, open));
	it.block[1] = 30; // elements of a larger alignment
	assert_true(stands(&it.cxx, 3016, 16, open));
	const uint64_t wrong[] = {0, 1, 29, 31, UINT64_MAX, UINT64_MAX / 100 + 31};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		it.block[0] = wrong[i];
		assert_false(stands(&it.cxx, 3016, 8, inside));
	}
}

static void takes_base_classes(void **state)
{
	(void)state;
	it.module = (struct hg_module){.start = TABLE, .end = TABLE + sizeof(it.table)};
	*hg_vec_push(&it.prog->modules) = it.module;
	it.prog->priv->by_start = calloc(1, sizeof(uint32_t));
	const uint64_t info = TABLE + 800;
	it.table[1] = info; // of the whole: 0, info
	it.table[10] = (uint64_t)-64;
	it.table[11] = info; // of the base at 64
	it.block[0] = TABLE + 16;
	it.block[8] = TABLE + 96;
	assert_true(stands(&it.cxx, 200, 64, 0));
	assert_false(stands(&it.cxx, 200, 72, 0));
	it.table[11] = info + 8; // of another class
	assert_false(stands(&it.cxx, 200, 64, 0));
	it.table[11] = info;
	it.table[10] = (uint64_t)-56;
	assert_false(stands(&it.cxx, 200, 64, 0));
	it.table[10] = (uint64_t)-64;
	it.block[0] = BLOCK + 400; // the whole has no table
	assert_false(stands(&it.cxx, 200, 64, 0));
	it.prog->modules.count = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(takes_what_follows_its_length, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_texts_of_old_strings, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_arrays_behind_their_count, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_base_classes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
