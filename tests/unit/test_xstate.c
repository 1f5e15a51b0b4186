#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/base/bytes.h"
#include "core/xstate.h"

static void put_u64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

/** AMD has no room for MPX: its AVX-512 registers begin where MPX would, or before. */
static const struct hg_xstate_part amd[HG_XSTATE_COMPONENTS] = {
	[2] = {576, 256}, [5] = {832, 64}, [6] = {896, 512}, [7] = {1408, 1024}, [9] = {2432, 8},
};
static const struct hg_xstate_part intel[HG_XSTATE_COMPONENTS] = {
	[2] = {576, 256},   [5] = {1088, 64}, [6] = {1152, 512},
	[7] = {1664, 1024}, [9] = {2688, 8},  [17] = {2752, 64},
};

static void fill(uint8_t *state, const struct hg_xstate_part *parts, uint64_t enabled,
		 uint64_t in_use)
{
	memset(state, 0, HG_XSTATE_MAX);
	memset(state, 1, 400);
	for (unsigned i = 2; i < HG_XSTATE_COMPONENTS; i++)
		memset(state + parts[i].offset, (int)i, parts[i].size);
	put_u64(state + 464, enabled);
	put_u64(state + 512, in_use);
}

static void test_moved(void **state)
{
	(void)state;
	static uint8_t xstate[HG_XSTATE_MAX];
	fill(xstate, amd, 0xe7, 0xe7);
	size_t size = 2432;
	hg_xstate_standardize(xstate, &size, amd);
	assert_int_equal(size, 2688);
	assert_int_equal(xstate[399], 1);
	assert_int_equal(xstate[576], 2);
	assert_int_equal(xstate[831], 2);
	assert_int_equal(xstate[832], 0);
	assert_int_equal(xstate[1087], 0);
	assert_int_equal(xstate[1088], 5);
	assert_int_equal(xstate[1152], 6);
	assert_int_equal(xstate[1664], 7);
	assert_int_equal(xstate[2687], 7);
	assert_int_equal(hg_load_u64(xstate + 464), 0xe7);
	fill(xstate, amd, 0x2e7, 0x207);
	size = 2440;
	hg_xstate_standardize(xstate, &size, amd);
	assert_int_equal(size, 2696);
	assert_int_equal(xstate[2695], 9);
}

static void test_cut(void **state)
{
	(void)state;
	static uint8_t xstate[HG_XSTATE_MAX];
	const uint64_t amx = (uint64_t)3 << 17;
	fill(xstate, intel, 0x2e7 | amx, 0x2e7);
	size_t size = 11008;
	hg_xstate_standardize(xstate, &size, intel);
	assert_int_equal(size, 2696);
	assert_int_equal(hg_load_u64(xstate + 464), 0x2e7);
	fill(xstate, intel, 0x2e7 | amx, 0x2e7 | amx);
	size = 11008;
	hg_xstate_standardize(xstate, &size, intel);
	assert_int_equal(size, 11008);
	assert_int_equal(xstate[2752], 17);
}

static void test_damaged(void **state)
{
	(void)state;
	static uint8_t xstate[HG_XSTATE_MAX];
	fill(xstate, amd, 0xe7, 0xe7);
	size_t size = 1000; // ends amid a component
	hg_xstate_standardize(xstate, &size, amd);
	assert_int_equal(size, 1000);
	size = 100;
	hg_xstate_standardize(xstate, &size, amd);
	assert_int_equal(size, 100);
	fill(xstate, amd, 7, 3);
	size = 832;
	hg_xstate_standardize(xstate, &size, amd);
	assert_int_equal(size, 832);
}

static void test_host(void **state)
{
	(void)state;
	struct hg_xstate_part parts[HG_XSTATE_COMPONENTS];
	hg_xstate_host(parts);
	for (unsigned i = 2; i < HG_XSTATE_COMPONENTS; i++)
		assert_true(!parts[i].size || parts[i].offset >= 576);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
