#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/made_pcln.h"

static void expect_call(const struct go_call *call, const char *function, const char *file,
			uint32_t line)
{
	assert_string_equal(call->function, function);
	assert_string_equal(call->file, file);
	assert_int_equal(call->line, line);
}

static void check_layout(bool old)
{
	struct made_pcln m;
	made_init(&m, old);
	assert_null(go_pcln_open(&m.go));
	const struct go_func *first = go_func_at(&m.go, MADE_TEXT + 0x3f);
	assert_non_null(first);
	assert_string_equal(first->name, "main.first");
	assert_int_equal(first->entry, MADE_TEXT);
	assert_int_equal(first->end, MADE_TEXT + 0x40);
	assert_ptr_equal(go_func_at(&m.go, MADE_TEXT), first);
	int32_t delta = 0;
	assert_true(go_pcvalue(&m.go, first, first->pcsp, MADE_TEXT + 7, &delta));
	assert_int_equal(delta, 0);
	assert_true(go_pcvalue(&m.go, first, first->pcsp, MADE_TEXT + 8, &delta));
	assert_int_equal(delta, 24);
	assert_int_equal(go_funcdata(&m.go, first, GO_FUNCDATA_INLINE), 0);

	struct go_call calls[GO_MAX_INLINE];
	assert_int_equal(go_calls(&m.go, MADE_TEXT + 9, calls), 1);
	expect_call(&calls[0], "main.first", "main.go", 12);
	assert_int_equal(go_calls(&m.go, MADE_TEXT + 0x40 + 17, calls), 2);
	expect_call(&calls[0], "main.leaf", "leaf.go", 7);
	expect_call(&calls[1], "main.init", "init.go", 21);
	assert_int_equal(go_calls(&m.go, MADE_TEXT + 0x40 + 33, calls), 1);
	expect_call(&calls[0], "main.init", "init.go", 20);
	assert_int_equal(go_calls(&m.go, MADE_TEXT + 0x80, calls), 0);
	assert_null(go_func_at(&m.go, MADE_TEXT - 1));
	made_deinit(&m);
}

static void test_functions_and_lines(void **state)
{
	(void)state;
	check_layout(false);
	check_layout(true);
}

static void test_sections_of_text(void **state)
{
	(void)state;
	struct made_pcln m;
	made_init(&m, false);
	// The second function's section was loaded elsewhere: {offset, end, address}.
	made_align(&m);
	const uint64_t sections[] = {0, 0x40, MADE_TEXT, 0x40, 0x80, MADE_TEXT + 0x1000};
	m.module.textsectmap = MADE_TABLES + made_bytes(&m, sections, sizeof(sections));
	m.module.textsectmap_count = 2;
	m.module.maxpc = MADE_TEXT + 0x1040;
	assert_null(go_pcln_open(&m.go));
	const struct go_func *func = go_func_at(&m.go, MADE_TEXT + 0x1004);
	assert_non_null(func);
	assert_string_equal(func->name, "main.init");
	assert_int_equal(func->entry, MADE_TEXT + 0x1000);
	made_deinit(&m);
}

/** The decoder against the values that were written, for every pc. */
static void test_values_round_trip(void **state)
{
	(void)state;
	uint32_t random = 1;
	for (unsigned round = 0; round < 200; round++) {
		struct made_pcln m = {.used = 1};
		struct made_value values[40];
		uint32_t until = 0;
		const size_t count = 1 + round % 40;
		for (size_t i = 0; i < count; i++) {
			random = random * 1664525 + 1013904223;
			until += 1 + random % 300;
			values[i] = (struct made_value){
				(int32_t)(random >> 8) - (1 << 23) + (int32_t)i, until};
			if (i && values[i].value == values[i - 1].value)
				values[i].value++;
		}
		const uint32_t at = made_values(&m, values, count);
		const struct go_table table = {m.tables, m.used};
		uint32_t pc = 0;
		for (size_t i = 0; i < count; i++) {
			for (; pc < values[i].until; pc++) {
				int32_t got = 0;
				assert_true(go_pcvalue_decode(table, at, 0x1000, 0x1000 + until, 1,
							      0x1000 + pc, &got));
				assert_int_equal(got, values[i].value);
			}
		}
	}
}

static void test_damaged_values(void **state)
{
	(void)state;
	int32_t value;
	const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80}, still[] = {2, 0, 2, 0};
	const uint8_t cut[] = {2, 4, 2};
	assert_false(go_pcvalue_decode((struct go_table){endless, 6}, 0, 0, 99, 1, 9, &value));
	assert_false(go_pcvalue_decode((struct go_table){still, 4}, 0, 0, 99, 1, 9, &value));
	assert_false(go_pcvalue_decode((struct go_table){cut, 3}, 0, 0, 99, 1, 9, &value));
	assert_false(go_pcvalue_decode((struct go_table){cut, 3}, 7, 0, 99, 1, 9, &value));
	assert_true(go_pcvalue_decode((struct go_table){cut, 3}, 0, 0, 99, 1, 3, &value));
	assert_int_equal(value, 0);
}

static void test_tables_that_are_missing(void **state)
{
	(void)state;
	struct made_pcln m;
	made_init(&m, false);
	m.module.ftab = 0x900000;
	assert_null(go_pcln_open(&m.go));
	assert_null(go_func_at(&m.go, MADE_TEXT));
	assert_int_not_equal(m.coverage.counts.count, 0);
	made_deinit(&m);
}

static bool line_of(struct made_pcln *m, const struct hg_variable *variable, uint32_t *line)
{
	const char *file = NULL;
	return go_variable_line(&m->go, variable, &file, line) && !strcmp(file, "init.go");
}

static void test_line_of_a_variable(void **state)
{
	(void)state;
	struct made_pcln m;
	made_init(&m, false);
	uint8_t *init = m.code + 0x40;
	memset(m.code, 0xcc, sizeof(m.code));
	// mov MADE_DATA(%rip),%rax on line 20 only reads; mov %rax,MADE_DATA+8(%rip) on line 21 writes.
	const uint32_t read = (uint32_t)(MADE_DATA - (MADE_TEXT + 0x40 + 7));
	const uint32_t write = (uint32_t)(MADE_DATA + 8 - (MADE_TEXT + 0x40 + 15));
	memcpy(init, "\x48\x8b\x05", 3);
	memcpy(init + 3, &read, 4);
	memcpy(init + 8, "\x48\x89\x05", 3);
	memcpy(init + 11, &write, 4);
	assert_null(go_pcln_open(&m.go));
	const uint32_t name = hg_program_string(&m.prog, "main.cache");
	const struct hg_variable is_read = {.name = name, .addr = MADE_DATA, .size = 8};
	const struct hg_variable is_written = {.name = name, .addr = MADE_DATA + 8, .size = 8};
	const struct hg_variable foreign = {.name = hg_program_string(&m.prog, "other.cache"),
					    .addr = MADE_DATA + 8,
					    .size = 8};
	uint32_t line = 0;
	assert_false(line_of(&m, &is_read, &line));
	assert_true(line_of(&m, &is_written, &line));
	assert_int_equal(line, 21);
	assert_true(line_of(&m, &is_written, &line)); // from the cache
	hg_map_deinit(&m.go.pcln->lines);
	m.go.pcln->lines = (struct hg_map){0};
	assert_false(line_of(&m, &foreign, &line));
	made_deinit(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_and_lines),
		cmocka_unit_test(test_sections_of_text),
		cmocka_unit_test(test_values_round_trip),
		cmocka_unit_test(test_damaged_values),
		cmocka_unit_test(test_tables_that_are_missing),
		cmocka_unit_test(test_line_of_a_variable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
