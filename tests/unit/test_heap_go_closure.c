#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "graph/heap/heap_go_closure.h"

#define TEXT 0x401000ull
#define TYPES 0x500000ull
#define FUNCTION (TEXT + 0x100)

struct made {
	uint8_t bytes[256];
	uint64_t size;
	struct go_closure_pair pairs[8];
	size_t count, most;
};

static void put(struct made *m, const void *bytes, size_t size)
{
	memcpy(m->bytes + m->size, bytes, size);
	m->size += size;
}

/** lea target(%rip), register */
static void lea(struct made *m, uint8_t rex, uint8_t reg, uint64_t target)
{
	const uint8_t head[] = {rex, 0x8d, (uint8_t)(reg << 3 | 5)};
	put(m, head, sizeof(head));
	const int32_t distance = (int32_t)(int64_t)(target - (TEXT + m->size + 4));
	put(m, &distance, 4);
}

static void call(struct made *m)
{
	put(m, (const uint8_t[]){0xe8, 0x10, 0x20, 0x8d, 0x00}, 5); // 0x8d in the distance
}

static bool found(void *arg, const struct go_closure_pair *pair)
{
	struct made *m = arg;
	m->pairs[m->count++] = *pair;
	return m->count < m->most;
}

static bool search(struct made *m)
{
	const struct go_code code = {
		.bytes = m->bytes,
		.addr = TEXT,
		.size = m->size,
		.text = TEXT,
		.etext = TEXT + 0x1000,
		.types = TYPES,
		.etypes = TYPES + 0x1000,
	};
	m->count = 0;
	if (!m->most)
		m->most = 8;
	return go_closure_pairs(&code, found, m);
}

static void a_closure_has_the_type_before_it(void **state)
{
	(void)state;
	struct made m = {0};
	lea(&m, 0x48, 0, TYPES + 0x40); // new(int)
	call(&m);
	const uint64_t type_pc = TEXT + m.size + 1;
	lea(&m, 0x48, 0, TYPES + 0x80);
	call(&m);
	const uint64_t code_pc = TEXT + m.size + 1;
	lea(&m, 0x4c, 1, FUNCTION); // to r9
	assert_true(search(&m));
	assert_int_equal(m.count, 1);
	assert_int_equal(m.pairs[0].type, TYPES + 0x80);
	assert_int_equal(m.pairs[0].type_pc, type_pc);
	assert_int_equal(m.pairs[0].code, FUNCTION);
	assert_int_equal(m.pairs[0].code_pc, code_pc);
}

static void a_type_is_for_one_closure(void **state)
{
	(void)state;
	struct made m = {0};
	lea(&m, 0x48, 1, FUNCTION); // on the stack: no type
	lea(&m, 0x48, 0, TYPES);
	lea(&m, 0x48, 1, FUNCTION + 0x10);
	lea(&m, 0x48, 1, FUNCTION + 0x20); // on the stack
	assert_true(search(&m));
	assert_int_equal(m.count, 1);
	assert_int_equal(m.pairs[0].code, FUNCTION + 0x10);
}

static void other_loads_are_none(void **state)
{
	(void)state;
	struct made m = {0};
	lea(&m, 0x48, 0, TYPES);
	lea(&m, 0x40, 1, FUNCTION);				  // 32 bits of it
	put(&m, (const uint8_t[]){0x48, 0x8d, 0x4c, 0x24, 8}, 5); // lea 8(%rsp), %rcx
	lea(&m, 0x48, 1, TYPES + 0x1000);			  // behind the types
	lea(&m, 0x48, 1, TEXT + 0x1000);			  // behind the code
	assert_true(search(&m));
	assert_int_equal(m.count, 0);
}

static void stops_where_it_is_told_to(void **state)
{
	(void)state;
	struct made m = {.most = 2};
	for (unsigned i = 0; i < 3; i++) {
		lea(&m, 0x48, 0, TYPES);
		lea(&m, 0x48, 1, FUNCTION);
	}
	assert_false(search(&m));
	assert_int_equal(m.count, 2);
}

static void code_may_end_anywhere(void **state)
{
	(void)state;
	struct made m = {0};
	lea(&m, 0x48, 0, TYPES);
	lea(&m, 0x48, 1, FUNCTION);
	const uint64_t whole = m.size;
	for (m.size = 0; m.size < whole; m.size++) {
		assert_true(search(&m));
		assert_int_equal(m.count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_closure_has_the_type_before_it),
		cmocka_unit_test(a_type_is_for_one_closure),
		cmocka_unit_test(other_loads_are_none),
		cmocka_unit_test(stops_where_it_is_told_to),
		cmocka_unit_test(code_may_end_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
