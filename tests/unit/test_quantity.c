#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/base/quantity.h"

static void expect(bool (*read)(const char *, uint64_t *), const char *words, uint64_t value)
{
	uint64_t got = 0;
	assert_true(read(words, &got));
	assert_int_equal(got, value);
}

static void refuse(bool (*read)(const char *, uint64_t *), const char *words)
{
	uint64_t got;
	assert_false(read(words, &got));
}

static void reads_sizes(void **state)
{
	(void)state;
	expect(hg_quantity_bytes, "0", 0);
	expect(hg_quantity_bytes, "4096", 4096);
	expect(hg_quantity_bytes, "17B", 17);
	expect(hg_quantity_bytes, "8G", (uint64_t)8 << 30);
	expect(hg_quantity_bytes, "8g", (uint64_t)8 << 30);
	expect(hg_quantity_bytes, "1.5GiB", (uint64_t)3 << 29);
	expect(hg_quantity_bytes, "500MB", (uint64_t)500 << 20);
	expect(hg_quantity_bytes, "2T", (uint64_t)2 << 40);
}

static void refuses_what_is_no_size(void **state)
{
	(void)state;
	static const char *const words[] = {"",	   "G",	   "-1G",    "8X",
					    "8GG", "8 G",  "1e9",    "0x10",
					    "nan", "inf",  "1.2.3G", "16777216T",
					    "BB",  "8BiB", "4iB",    "99999999999999999999999"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		refuse(hg_quantity_bytes, words[i]);
}

static void reads_times(void **state)
{
	(void)state;
	expect(hg_quantity_time, "0", 0);
	expect(hg_quantity_time, "250ms", 250000);
	expect(hg_quantity_time, "0.5s", 500000);
	expect(hg_quantity_time, "10m", 600000000);
	expect(hg_quantity_time, "6h", (uint64_t)6 * 3600 * 1000000);
	expect(hg_quantity_time, "1d", (uint64_t)86400 * 1000000);
}

static void refuses_what_is_no_time(void **state)
{
	(void)state;
	static const char *const words[] = {
		"", "10", "m", "10M", "10 m", "-1s", "10min", "1e3s", "999999999999999d"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		refuse(hg_quantity_time, words[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(refuses_what_is_no_size),
		cmocka_unit_test(reads_times),
		cmocka_unit_test(refuses_what_is_no_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
