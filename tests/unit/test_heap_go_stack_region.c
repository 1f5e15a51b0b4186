#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "graph/heap/heap_go_stack.h"
#include "tests/unit/made_pcln.h"

#define HEAP 0xc000000000ull
#define TYPES 0x700000ull

struct made_region { // a stack object of six words, words 0 to 5 of a frame of main.first
	struct made_pcln m;
	struct hg_blocks blocks;
	struct go_stacks s;
	struct go_g g;
	struct go_site site;
	uint8_t record[16];
	uint32_t code; // bytes written
};

static uint32_t add_type(struct made_region *t, const char *name, enum hg_type_kind kind,
			 uint64_t size, uint64_t descriptor)
{
	const struct hg_type type = {.name = hg_program_string(&t->m.prog, name),
				     .kind = (uint8_t)kind,
				     .size = size,
				     .go_descriptor = descriptor};
	const uint32_t id = hg_type_add(&t->m.prog, &type);
	assert_int_not_equal(id, 0);
	return id;
}

/** lea type(%rip), %rax */
static void name_in_code(struct made_region *t, uint64_t descriptor)
{
	uint8_t *p = t->m.code + t->code;
	const int32_t distance = (int32_t)(int64_t)(TYPES + descriptor - (MADE_TEXT + t->code + 7));
	memcpy(p, (const uint8_t[]){0x48, 0x8d, 0x05}, 3);
	memcpy(p + 3, &distance, 4);
	t->code += 7;
}

static void put(struct made_region *t, unsigned word, uint64_t value)
{
	memcpy(t->m.data + word * 8, &value, 8);
}

/** Pointers of the object are the bits of mask. */
static void region_init(struct made_region *t, uint8_t mask)
{
	memset(t, 0, sizeof(*t));
	made_init(&t->m, false);
	const uint32_t at = made_bytes(&t->m, &mask, 1);
	t->m.module.types = TYPES;
	t->m.module.etypes = TYPES + 0x1000;
	assert_null(go_pcln_open(&t->m.go));
	const struct hg_extent extent = {
		.addr = HEAP, .size = 256, .stride = 64, .slots = 4, .no_pointers = true};
	assert_null(hg_blocks_add(&t->blocks, &extent, &(uint64_t){15}, NULL));
	assert_null(hg_blocks_finish(&t->blocks, &(uint64_t){0}));
	t->g = (struct go_g){.addr = 1, .lo = MADE_DATA, .hi = MADE_DATA + sizeof(t->m.data)};
	t->s.r = (struct go_rooter){.go = &t->m.go, .blocks = &t->blocks};
	t->s.g = &t->g;
	t->s.bytes = t->m.data;
	t->s.base = MADE_DATA;
	t->s.end = MADE_DATA + sizeof(t->m.data);
	t->site = (struct go_site){.func = go_func_at(&t->m.go, MADE_TEXT)};
	const uint32_t record[] = {0, 48, 48, at};
	memcpy(t->record, record, sizeof(record));
	*hg_vec_push(&t->s.frames) = (struct go_frame){&t->site, MADE_DATA, MADE_DATA + 64};
	*hg_vec_push(&t->s.objects) = (struct go_object){.addr = MADE_DATA, .record = t->record};
}

static void region_deinit(struct made_region *t)
{
	go_stacks_close(&t->s);
	hg_blocks_deinit(&t->blocks);
	hg_vec_deinit(&t->m.prog.types.types);
	hg_vec_deinit(&t->m.prog.types.members);
	hg_map_deinit(&t->m.prog.types.by_name);
	hg_map_deinit(&t->m.prog.types.by_descriptor);
	made_deinit(&t->m);
}

static bool guess(struct made_region *t, struct go_guess *ret)
{
	const struct go_hit hit = {.addr = MADE_DATA, .value = HEAP};
	return go_region_guess(&t->s, &hit, ret);
}

static void arrays_of_pointers(void **state)
{
	(void)state;
	struct made_region t;
	struct go_guess ret = {0};
	region_init(&t, 0x3f);
	add_type(&t, "main.Small", HG_TYPE_STRUCT, 24, 0x40);
	const uint32_t fits = add_type(&t, "main.T", HG_TYPE_STRUCT, 56, 0x80);
	name_in_code(&t, 0x40);
	name_in_code(&t, 0x80);
	put(&t, 0, HEAP);
	put(&t, 4, HEAP + 64);
	assert_true(guess(&t, &ret));
	const struct hg_type *array = hg_type_get(&t.m.prog, ret.type);
	assert_int_equal(array->count, 6);
	assert_string_equal(hg_type_name(&t.m.prog, array->elem), "*main.T");
	assert_int_equal(hg_type_get(&t.m.prog, array->elem)->elem, fits);
	assert_int_equal(ret.addr, MADE_DATA);
	assert_int_equal(ret.size, 48);
	region_deinit(&t);
}

static void two_types_that_fit_are_none(void **state)
{
	(void)state;
	struct made_region t;
	struct go_guess ret = {0};
	region_init(&t, 0x3f);
	add_type(&t, "main.T", HG_TYPE_STRUCT, 56, 0x40);
	add_type(&t, "main.U", HG_TYPE_STRUCT, 64, 0x80);
	name_in_code(&t, 0x40);
	name_in_code(&t, 0x80);
	put(&t, 0, HEAP);
	assert_false(guess(&t, &ret));
	region_deinit(&t);
}

static void pointers_into_the_middle_fit_nothing(void **state)
{
	(void)state;
	struct made_region t;
	struct go_guess ret = {0};
	region_init(&t, 0x3f);
	add_type(&t, "main.T", HG_TYPE_STRUCT, 56, 0x40);
	name_in_code(&t, 0x40);
	put(&t, 0, HEAP);
	put(&t, 1, HEAP + 64 + 8);
	assert_false(guess(&t, &ret));
	region_deinit(&t);
}

static void slices(struct made_region *t, uint64_t length)
{
	region_init(t, 0x09); // every third word
	add_type(t, "int", HG_TYPE_INT, 8, 0x40);
	add_type(t, "main.T", HG_TYPE_STRUCT, 16, 0x80);
	add_type(t, "[]main.T", HG_TYPE_STRUCT, 24, 0);
	name_in_code(t, 0x40);
	name_in_code(t, 0x80);
	put(t, 0, HEAP);
	put(t, 1, length);
	put(t, 2, 4); // of 16 bytes fill a block of 64, 4 of 8 do not
}

static void arrays_of_slices(void **state)
{
	(void)state;
	struct made_region t;
	struct go_guess ret = {0};
	slices(&t, 3);
	assert_true(guess(&t, &ret));
	const struct hg_type *array = hg_type_get(&t.m.prog, ret.type);
	assert_int_equal(array->count, 2);
	assert_string_equal(hg_type_name(&t.m.prog, array->elem), "[]main.T");
	region_deinit(&t);
}

static void slices_longer_than_their_capacity_are_none(void **state)
{
	(void)state;
	struct made_region t;
	struct go_guess ret = {0};
	slices(&t, 5);
	assert_false(guess(&t, &ret));
	region_deinit(&t);
}

static void what_starts_with_code_is_a_closure(void **state)
{
	(void)state;
	struct made_region t;
	struct go_guess ret = {0};
	region_init(&t, 0x3e);
	add_type(&t, "main.T", HG_TYPE_STRUCT, 56, 0x40);
	name_in_code(&t, 0x40);
	put(&t, 0, MADE_TEXT + 0x40);
	put(&t, 1, HEAP);
	assert_false(guess(&t, &ret));
	region_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays_of_pointers),
		cmocka_unit_test(two_types_that_fit_are_none),
		cmocka_unit_test(pointers_into_the_middle_fit_nothing),
		cmocka_unit_test(arrays_of_slices),
		cmocka_unit_test(slices_longer_than_their_capacity_are_none),
		cmocka_unit_test(what_starts_with_code_is_a_closure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
