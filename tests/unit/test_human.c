#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/base/human.h"

static void expect(void (*add)(struct hg_text *, uint64_t), uint64_t value, const char *words)
{
	struct hg_text text = {0};
	add(&text, value);
	assert_string_equal(hg_text_str(&text), words);
	hg_text_deinit(&text);
}

static void groups_digits(void **state)
{
	(void)state;
	expect(hg_human_count, 0, "0");
	expect(hg_human_count, 999, "999");
	expect(hg_human_count, 1000, "1,000");
	expect(hg_human_count, UINT64_MAX, "18,446,744,073,709,551,615");
}

static void chooses_units(void **state)
{
	(void)state;
	expect(hg_human_bytes, 0, "0 B");
	expect(hg_human_bytes, 1023, "1023 B");
	expect(hg_human_bytes, 1024, "1.0 KiB");
	expect(hg_human_bytes, 1536, "1.5 KiB");
	expect(hg_human_bytes, (1 << 20) - 1, "1.0 MiB"); // not 1024.0 KiB
	expect(hg_human_bytes, 1000000000, "953.7 MiB");
	expect(hg_human_bytes, UINT64_MAX, "16384.0 PiB");
}

static void tells_times(void **state)
{
	(void)state;
	expect(hg_human_time, 0, "0 us");
	expect(hg_human_time, 180000, "180 ms");
	expect(hg_human_time, 2450000, "2.4 s");
}

static void rounds_shares_inward(void **state)
{
	(void)state;
	assert_int_equal(hg_human_share(0, 0), 0);
	assert_int_equal(hg_human_share(0, 5), 0);
	assert_int_equal(hg_human_share(1, UINT64_MAX), 1);
	assert_int_equal(hg_human_share(UINT64_MAX - 1, UINT64_MAX), 999);
	assert_int_equal(hg_human_share(7, 7), 1000);
	assert_int_equal(hg_human_share(1, 3), 333);
	expect(hg_human_permille, 991, "99.1 %");
}

static void escapes_what_harms_a_terminal(void **state)
{
	(void)state;
	static const struct {
		const char *words, *safe;
	} cases[] = {
		{"main.Größe", "main.Größe"},
		{"a\x1b[31mb\n\t", "a\\x1b[31mb\\x0a\\x09"},
		{"\xff\xc0\xaf", "\\xff\\xc0\\xaf"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, // a surrogate
		{"\xe2\x80\xae", "\\xe2\\x80\\xae"}, // right-to-left override
		{"\xc2\x9b", "\\xc2\\x9b"},	     // a control sequence in eight bits
		{"cut\xe2\x80", "cut\\xe2\\x80"},
	};
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hg_text text = {0};
		hg_human_escape(&text, cases[i].words);
		assert_string_equal(hg_text_str(&text), cases[i].safe);
		hg_text_deinit(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_digits),
		cmocka_unit_test(chooses_units),
		cmocka_unit_test(tells_times),
		cmocka_unit_test(rounds_shares_inward),
		cmocka_unit_test(escapes_what_harms_a_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
