#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/synth/cxx_containers.h"

static uint8_t memory[CXX_BYTES];

struct sums {
	unsigned blocks;
	uint64_t elements;
};

static void add_stored(void *arg, const struct hg_stored *stored)
{
	struct sums *sums = arg;
	sums->blocks++;
	sums->elements += (stored->to - stored->from) / 4;
}

static int setup(void **state)
{
	static struct cxx_synth s;
	assert_null(cxx_synth_init(&s, memory));
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	cxx_synth_deinit(*state);
	return 0;
}

static struct hg_container read_sample(struct cxx_synth *s, enum cxx_sample sample,
				       struct sums *sums)
{
	struct hg_lang *lang = hg_lang_of(&s->a, s->types[sample]);
	const struct hg_storage storage = {add_stored, sums};
	*sums = (struct sums){0};
	return lang->ops->container(lang, s->types[sample], CXX_BASE,
				    hg_type_get(s->a.prog, s->types[sample])->size, &storage);
}

static const struct {
	const char *word;
	uint64_t length, capacity, slack;
	unsigned blocks;
	uint64_t elements; // whose places in blocks are told
} expected[CXX_SAMPLES] = {
	[CXX_VECTOR] = {"vector", 3, 10, 28, 1, 3},
	[CXX_BITS] = {"vector", 3, 128, 15, 1, 0},
	[CXX_STRING] = {"string", 3, 30, 27, 1, 0},
	[CXX_DEQUE] = {"deque", 20, 32, 96, 3, 20},
	[CXX_LIST] = {"list", 3, 0, 0, 3, 0},
	[CXX_FORWARD_LIST] = {"forward_list", 3, 0, 0, 3, 0},
	[CXX_MAP] = {"set", 3, 0, 0, 3, 0},
	[CXX_HASH] = {"unordered_set", 3, 7, 48, 4, 0},
	[CXX_SHARED] = {"shared_ptr", 1, 0, 0, 2, 0},
	[CXX_OPTIONAL] = {"optional", 1, 0, 0, 0, 0},
	[CXX_VARIANT] = {"variant", 1, 0, 0, 0, 0},
	[CXX_VECTOR_1] = {"vector", 3, 10, 28, 1, 3},
	[CXX_BITS_1] = {"vector", 3, 128, 15, 1, 0},
	[CXX_STRING_1] = {"string", 3, 31, 28, 1, 0},
	[CXX_DEQUE_1] = {"deque", 0, 0, 32, 1, 0},
	[CXX_LIST_1] = {"list", 3, 0, 0, 3, 0},
	[CXX_MAP_1] = {"set", 3, 0, 0, 3, 0},
	[CXX_HASH_1] = {"unordered_set", 3, 7, 48, 4, 0},
};

static void reads_what_is_sound(void **state)
{
	for (unsigned i = 0; i < CXX_SAMPLES; i++) {
		struct sums sums;
		cxx_fill_memory(memory, i);
		const struct hg_container c = read_sample(*state, i, &sums);
		assert_false(c.broken);
		assert_string_equal(c.word, expected[i].word);
		assert_int_equal(c.length, expected[i].length);
		assert_int_equal(c.capacity, expected[i].capacity);
		assert_int_equal(c.slack, expected[i].slack);
		assert_int_equal(sums.blocks, expected[i].blocks);
		assert_int_equal(sums.elements, expected[i].elements);
	}
}

static void tells_owners_and_what_lies_inside(void **state)
{
	struct cxx_synth *s = *state;
	struct sums sums;
	cxx_fill_memory(memory, CXX_SHARED);
	struct hg_container c = read_sample(s, CXX_SHARED, &sums);
	assert_true(c.has & HG_HAS_OWNERS);
	assert_int_equal(c.owners, 3);
	cxx_fill_memory(memory, CXX_VARIANT);
	c = read_sample(s, CXX_VARIANT, &sums);
	assert_int_equal(c.inside, s->number);
	memory[4] = 0xff; // none of its types
	c = read_sample(s, CXX_VARIANT, &sums);
	assert_false(c.broken);
	assert_int_equal(c.length, 0);
}

static void reads_short_strings(void **state)
{
	struct sums sums;
	cxx_fill_memory(memory, CXX_STRING);
	CXX_PUT(memory, CXX_BASE + 16, 5);
	struct hg_container c = read_sample(*state, CXX_STRING, &sums);
	assert_int_equal(c.length, 5);
	assert_int_equal(c.capacity, 15);
	assert_int_equal(c.slack, 0);
	assert_int_equal(sums.blocks, 0);
	memory[0] = 5 << 1;
	c = read_sample(*state, CXX_STRING_1, &sums);
	assert_int_equal(c.length, 5);
	assert_int_equal(c.capacity, 22);
}

struct damage {
	enum cxx_sample sample;
	unsigned offset;
	uint64_t value;
};

static void disbelieves_contradictions(void **state)
{
	const struct damage damages[] = {
		{CXX_VECTOR, 8, cxx_at(0) + 44},       // end behind the room
		{CXX_VECTOR, 8, cxx_at(0) + 11},       // half an element
		{CXX_VECTOR, 16, cxx_at(1) + 4},       // beyond the block
		{CXX_VECTOR, 0, cxx_at(0) + 16},       // begin behind end
		{CXX_BITS, 24, 64},		       // no bit of a word
		{CXX_STRING, 8, 31},		       // longer than the room
		{CXX_STRING, 16, 64},		       // beyond the block
		{CXX_DEQUE, 8, 2},		       // fewer nodes than are in use
		{CXX_DEQUE, 16, cxx_at(1) + 68},       // no place of the node
		{CXX_DEQUE, CXX_HEAP + 8, cxx_at(53)}, // a node that is free
		{CXX_LIST, 24, 2},		       // fewer than there are
		{CXX_LIST, 24, 4},		       // more
		{CXX_LIST, CXX_HEAP + 8, cxx_at(2)},   // back to another
		{CXX_FORWARD_LIST, CXX_HEAP + 2 * CXX_BLOCK, cxx_at(1)}, // a circle
		{CXX_MAP, 32, 2},
		{CXX_MAP, 32, 4},
		{CXX_MAP, CXX_HEAP + CXX_BLOCK + 16, cxx_at(0)}, // a child that is the parent
		{CXX_MAP_1, CXX_HEAP + 8, cxx_at(1)},		 // one child on both sides
		{CXX_HASH, 24, 4},
		{CXX_HASH, CXX_HEAP + 2 * CXX_BLOCK, cxx_at(0)},
		{CXX_HASH, 8, 9},	       // more buckets than fit
		{CXX_HASH, 0, cxx_at(53)},     // in a free block
		{CXX_SHARED, CXX_HEAP + 8, 0}, // owned by none
		{CXX_SHARED, 8, cxx_at(53)},   // its control block is free
		{CXX_OPTIONAL, 0, 2ull << 32}, // neither true nor false
		{CXX_VARIANT, 0, 3ull << 32},  // one type more than it has
		{CXX_DEQUE_1, 40, 1},
		{CXX_BITS_1, 8, 129},
	};
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct sums sums;
		cxx_fill_memory(memory, damages[i].sample);
		cxx_put(memory, damages[i].offset, damages[i].value);
		const struct hg_container c = read_sample(*state, damages[i].sample, &sums);
		if (!c.broken)
			fail_msg("damage %zu is believed", i);
		assert_int_equal(c.has, 0);
		assert_int_equal(sums.blocks, 0);
	}
}

static void takes_no_more_steps_than_the_heap_has_room_for(void **state)
{
	struct cxx_synth *s = *state;
	struct sums sums;
	cxx_fill_memory(memory, CXX_LIST);
	struct hg_container c = read_sample(s, CXX_LIST, &sums);
	for (unsigned i = 0; i < (1u << 20) && !c.broken; i++)
		c = read_sample(s, CXX_LIST, &sums);
	assert_true(c.broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_what_is_sound, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_owners_and_what_lies_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_short_strings, setup, teardown),
		cmocka_unit_test_setup_teardown(disbelieves_contradictions, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_no_more_steps_than_the_heap_has_room_for,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
