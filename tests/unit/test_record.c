#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/cleanup.h"
#include "graph/record.h"

struct thing {
	uint64_t large;
	uint32_t type;
	uint8_t small;
	bool flag;
};

static const struct hg_record_row rows[] = {
	HG_ROW(struct thing, type, HG_RECORD_TYPE),
	HG_ROW(struct thing, large, HG_RECORD_ANY),
	HG_ROW(struct thing, flag, HG_RECORD_BOOL),
};

static const struct hg_record_table table = HG_RECORD_TABLE(struct thing, rows);

static void test_both_ways(void **state)
{
	(void)state;
	const struct thing things[2] = {{1ull << 60, 3, 7, true}, {5, 0, 8, false}};
	const struct hg_record_limits limits = {.below = {[HG_RECORD_TYPE] = 4}};
	struct thing back[2] = {0};
	uint8_t packed[26];
	assert_int_equal(hg_record_size(&table), 13);
	hg_record_pack(&table, things, 2, packed);
	assert_int_equal(packed[0], 3); // little-endian, in the order of the rows
	assert_true(hg_record_unpack(&table, &limits, packed, 2, back));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(back[i].large, things[i].large);
		assert_int_equal(back[i].type, things[i].type);
		assert_int_equal(back[i].flag, things[i].flag);
		assert_int_equal(back[i].small, 0); // has no row
	}
}

static void test_limits(void **state)
{
	(void)state;
	const struct thing thing = {.type = 4, .flag = true};
	struct hg_record_limits limits = {.below = {[HG_RECORD_TYPE] = 5}};
	struct thing back;
	uint8_t packed[13];
	hg_record_pack(&table, &thing, 1, packed);
	assert_true(hg_record_unpack(&table, &limits, packed, 1, &back));
	limits.below[HG_RECORD_TYPE] = 4;
	assert_false(hg_record_unpack(&table, &limits, packed, 1, &back));
	limits.below[HG_RECORD_TYPE] = 5;
	packed[12] = 2; // no bool
	assert_false(hg_record_unpack(&table, &limits, packed, 1, &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
