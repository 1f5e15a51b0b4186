#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dwarf/program_private.h"
#include "graph/lang/lang_go.h"
#include "tests/synth/type_maker.h"

#define HEAP 0xc000000000ull
#define CODE 0x401000ull
#define DESCRIPTOR 0x500000ull

struct made {
	struct hg_analysis a;
	struct hg_shapes shapes;
	struct hg_heap heap;
	struct lang_go go;
	struct hg_image image;
	struct hg_segment segment;
	uint8_t memory[512];	 /* at HEAP: slots of 64 bytes */
	uint64_t bits;		 /* pointers of each slot */
	uint32_t closure;	 /* the type that code makes closures of; 0 not found */
	uint32_t dynamic;	 /* the type of DESCRIPTOR */
	bool dynamic_is_pointer; /* stored in the data word itself */
	uint32_t number, pointer;
};

static struct made made; // the fakes have no other way to it

static bool fake_line(struct hg_heap *heap, uint64_t pc, const char **function, const char **file,
		      uint32_t *line)
{
	(void)heap;
	*function = "main.f.func1";
	*file = "main.go";
	*line = 7;
	return pc == CODE;
}

static uint32_t fake_closure_type(struct hg_heap *heap, uint64_t pc)
{
	(void)heap;
	return pc == CODE ? made.closure : 0;
}

static uint64_t fake_bits(const struct hg_heap *heap, const struct hg_extent *extent,
			  uint64_t slot_addr, uint64_t word, bool *last)
{
	(void)heap;
	(void)extent;
	(void)slot_addr;
	(void)word;
	*last = true;
	return made.bits;
}

static uint32_t fake_type_at(struct hg_heap *heap, uint64_t descriptor, bool *direct)
{
	(void)heap;
	*direct = made.dynamic_is_pointer;
	return descriptor == DESCRIPTOR ? made.dynamic : 0;
}

static const struct hg_heap_ops fake_heap = {
	.name = "go",
	.line = fake_line,
	.closure_type = fake_closure_type,
	.pointer_bits = fake_bits,
	.type_at = fake_type_at,
};

static unsigned special(struct hg_shapes *shapes, uint32_t type, struct hg_piece *pieces,
			bool *whole)
{
	(void)shapes;
	return go_special(&made.go.lang, type, pieces, whole);
}

static int setup(void **state)
{
	memset(&made, 0, sizeof(made));
	assert_null(hg_program_create_bare(NULL, NULL, &made.a.prog));
	made.segment = (struct hg_segment){
		.addr = HEAP, .size = sizeof(made.memory), .present = 512, .bytes = made.memory};
	made.image = (struct hg_image){.segments = &made.segment, .segment_count = 1};
	made.a.prog->image = &made.image;
	const struct hg_extent extent = {.addr = HEAP, .size = 512, .stride = 64, .slots = 8};
	assert_null(hg_blocks_add(&made.a.blocks, &extent, &(uint64_t){0xff}, NULL));
	assert_null(hg_blocks_finish(&made.a.blocks, &(uint64_t){0}));
	made.heap.ops = &fake_heap;
	*hg_vec_push(&made.a.heaps) = &made.heap;
	made.shapes = (struct hg_shapes){.prog = made.a.prog, .special = special};
	made.go.lang = (struct hg_lang){.ops = &hg_lang_go, .a = &made.a, .shapes = &made.shapes};
	made.go.heap = &made.heap;
	struct hg_program *prog = made.a.prog;
	made.number = make_type(prog, "int", HG_TYPE_INT, 8, 0, 0);
	made.pointer = make_type(prog, "*int", HG_TYPE_POINTER, 8, made.number, 0);
	*state = &made;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	hg_shapes_deinit(&made.shapes);
	hg_map_deinit(&made.go.dynamic);
	hg_map_deinit(&made.go.closures);
	hg_blocks_deinit(&made.a.blocks);
	hg_vec_deinit(&made.a.heaps);
	made.a.prog->image = NULL;
	hg_program_destroy(made.a.prog);
	return 0;
}

static void put(uint64_t addr, uint64_t value)
{
	memcpy(made.memory + (addr - HEAP), &value, 8);
}

static struct hg_guess resolve(uint32_t type, uint64_t base, uint64_t offset, uint64_t value)
{
	const struct hg_leaf leaf = hg_shape_leaf(&made.shapes, type, offset);
	return hg_lang_go.resolve(&made.go.lang, &leaf, base, offset, value);
}

static const struct hg_member *member(uint32_t type, uint32_t index)
{
	const struct hg_type *t = hg_type_get(made.a.prog, type);
	assert_true(index < t->member_count);
	return &made.a.prog->types.members.data[t->members + index];
}

/* ---- closures ---- */

/** {F uintptr; X0 int; X1 *int} */
static uint32_t make_layout(void)
{
	return make_struct(made.a.prog, "struct { F uintptr; X0 int; X1 *int }", 24,
			   (struct make_member[]){{made.number, 0, "F"},
						  {made.number, 8, "X0"},
						  {made.pointer, 16, "X1"}},
			   3);
}

static void a_closure_is_what_its_code_says(void **state)
{
	(void)state;
	made.closure = make_layout();
	made.bits = 1 << 2;
	put(HEAP, CODE);
	const struct hg_guess guess = go_closure_resolve(&made.go, HEAP);
	assert_string_equal(hg_type_name(made.a.prog, guess.type), "func main.f.func1");
	assert_int_equal(hg_type_get(made.a.prog, guess.type)->size, 24);
	assert_int_equal(hg_type_get(made.a.prog, guess.type)->member_count, 2);
	assert_int_equal(member(guess.type, 1)->offset, 16);
	assert_int_equal(member(guess.type, 1)->type, made.pointer);
	assert_string_equal(hg_program_text(made.a.prog, member(guess.type, 1)->name), "");
	assert_int_equal(go_closure_resolve(&made.go, HEAP).type, guess.type);
}

static void a_closure_with_other_pointers_is_not_believed(void **state)
{
	(void)state;
	made.closure = make_layout();
	made.bits = 1 << 1;
	put(HEAP, CODE);
	const struct hg_guess guess = go_closure_resolve(&made.go, HEAP);
	assert_string_equal(hg_type_name(made.a.prog, guess.type), "func main.f.func1");
	assert_int_equal(hg_type_get(made.a.prog, guess.type)->member_count, 0);
}

static void a_closure_starts_with_its_object(void **state)
{
	(void)state;
	made.closure = make_layout();
	made.bits = 1 << 3;
	put(HEAP + 8, CODE);
	const struct hg_guess guess = go_closure_resolve(&made.go, HEAP + 8);
	assert_int_equal(hg_type_get(made.a.prog, guess.type)->member_count, 0);
}

static void receivers_are_named(void **state)
{
	(void)state;
	made.closure = make_struct(
		made.a.prog, "struct { F uintptr; R *int }", 16,
		(struct make_member[]){{made.number, 0, "F"}, {made.pointer, 8, "R"}}, 2);
	made.bits = 1 << 1;
	put(HEAP, CODE);
	const struct hg_guess guess = go_closure_resolve(&made.go, HEAP);
	assert_string_equal(hg_program_text(made.a.prog, member(guess.type, 0)->name), "receiver");
}

/* ---- reflect.Value ---- */

static uint32_t make_value(void)
{
	const uint32_t unsafe = make_type(made.a.prog, "unsafe.Pointer", HG_TYPE_POINTER, 8, 0, 0);
	return make_struct(made.a.prog, "reflect.Value", 24,
			   (struct make_member[]){{made.pointer, 0, "typ_"},
						  {unsafe, 8, "ptr"},
						  {made.number, 16, "flag"}},
			   3);
}

static void a_value_says_its_type(void **state)
{
	(void)state;
	const uint32_t value = make_value();
	made.dynamic = made.number;
	put(HEAP, DESCRIPTOR);
	put(HEAP + 8, HEAP + 64);
	put(HEAP + 16, 1 << 7); // indirect
	assert_int_equal(resolve(value, HEAP, 8, HEAP + 64).type, made.number);
	put(HEAP, DESCRIPTOR + 8);
	assert_int_equal(resolve(value, HEAP, 8, HEAP + 64).type, 0);
}

static void a_value_may_be_a_pointer_itself(void **state)
{
	(void)state;
	const uint32_t value = make_value();
	made.dynamic = made.pointer;
	made.dynamic_is_pointer = true;
	put(HEAP, DESCRIPTOR);
	put(HEAP + 8, HEAP + 64);
	assert_int_equal(resolve(value, HEAP, 8, HEAP + 64).type, made.number);
	put(HEAP + 16, 1 << 7); // a pointer to the pointer
	assert_int_equal(resolve(value, HEAP, 8, HEAP + 64).type, made.pointer);
}

/* ---- hash tries ---- */

static uint32_t make_indirect(const char *arguments)
{
	char name[64];
	snprintf(name, sizeof(name), "internal/sync.indirect[%s]", arguments);
	const uint32_t children =
		make_type(made.a.prog, "[16]main.Node", HG_TYPE_ARRAY, 128, made.pointer, 16);
	return make_struct(
		made.a.prog, name, 144,
		(struct make_member[]){{made.number, 0, "node"}, {children, 16, "children"}}, 2);
}

static void nodes_of_tries_say_what_they_are(void **state)
{
	(void)state;
	const uint32_t indirect = make_indirect("int,*int");
	put(HEAP, 0);
	assert_int_equal(resolve(indirect, HEAP, 24, HEAP).type, indirect);
	put(HEAP + 64, 1);
	const uint32_t entry = resolve(indirect, HEAP, 32, HEAP + 64).type;
	assert_string_equal(hg_type_name(made.a.prog, entry), "internal/sync.entry[int,*int]");
	assert_int_equal(hg_type_get(made.a.prog, entry)->size, 32);
	assert_int_equal(hg_shape_leaf(&made.shapes, entry, 24).type, made.number);
	assert_int_equal(hg_shape_leaf(&made.shapes, entry, 8).type, entry); // the next one
	assert_int_equal(resolve(indirect, HEAP, 40, HEAP + 64).type, entry);
}

static void entries_of_unknown_types_stay_unknown(void **state)
{
	(void)state;
	const uint32_t indirect = make_indirect("int,main.Nowhere");
	put(HEAP, 1);
	assert_int_equal(resolve(indirect, HEAP, 24, HEAP).type, 0);
	const uint32_t damaged = make_indirect("int,*int"); // cut off below
	made.a.prog->types.types.data[damaged].name =
		hg_program_string(made.a.prog, "internal/sync.indirect[int");
	assert_int_equal(resolve(damaged, HEAP, 24, HEAP).type, 0);
}

/* ---- containers of the runtime ---- */

static void buckets_are_arrays(void **state)
{
	(void)state;
	struct hg_program *prog = made.a.prog;
	const uint32_t bucket = make_type(prog, "bucket<int,int>", HG_TYPE_STRUCT, 144, 0, 0);
	const uint32_t to = make_type(prog, "*bucket<int,int>", HG_TYPE_POINTER, 8, bucket, 0);
	const uint32_t hash = make_struct(prog, "hash<int,int>", 48,
					  (struct make_member[]){{made.number, 0, "count"},
								 {to, 16, "buckets"},
								 {to, 24, "oldbuckets"}},
					  3);
	const struct hg_guess guess = resolve(hash, HEAP, 24, HEAP);
	assert_int_equal(guess.type, bucket);
	assert_int_equal(guess.count, 0);
}

static void some_types_hide_their_pointers(void **state)
{
	(void)state;
	struct hg_program *prog = made.a.prog;
	const uint32_t channel = make_type(prog, "hchan<bool>", HG_TYPE_STRUCT, 96, 0, 0);
	const uint32_t ordinary = make_type(prog, "main.Channel", HG_TYPE_STRUCT, 96, 0, 0);
	assert_true(hg_lang_go.hides_pointers(&made.go.lang, channel));
	assert_false(hg_lang_go.hides_pointers(&made.go.lang, ordinary));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_closure_is_what_its_code_says),
		TEST(a_closure_with_other_pointers_is_not_believed),
		TEST(a_closure_starts_with_its_object),
		TEST(receivers_are_named),
		TEST(a_value_says_its_type),
		TEST(a_value_may_be_a_pointer_itself),
		TEST(nodes_of_tries_say_what_they_are),
		TEST(entries_of_unknown_types_stay_unknown),
		TEST(buckets_are_arrays),
		TEST(some_types_hide_their_pointers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
