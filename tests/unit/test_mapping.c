#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/arch.h"
#include "core/mapping.h"

static void test_parse(void **state)
{
	(void)state;
	static const char text[] =
		"00600000-00601000 rw-p 00200000 fe:00 77    /opt/an app (deleted)\n"
		"garbage\n"
		"00400000-0049f000 r-xp 00000000 fe:00 77    /opt/an app\n"
		"00480000-00490000 r--p 00000000 00:00 0 \n" // overlaps: dropped
		"00700000-00700000 r--p 00000000 00:00 0 \n" // empty: dropped
		"7ffe0000-7fff0000 rw-s 00001000 00:01 9     /dev/zero (deleted)\n"
		"7fff0000-7fff1000 ---p 00000000 00:00 0";
	struct hg_arena arena = {0};
	hg_mappings mappings = {0};
	assert_null(hg_mappings_parse(text, sizeof(text) - 1, &arena, &mappings));
	assert_int_equal(mappings.count, 4);
	const struct hg_mapping *mapping = mappings.data;
	assert_int_equal(mapping[0].start, 0x400000);
	assert_int_equal(mapping[0].prot, HG_PROT_READ | HG_PROT_EXEC);
	assert_string_equal(mapping[0].path, "/opt/an app");
	assert_false(mapping[0].deleted);
	assert_int_equal(mapping[1].file_offset, 0x200000);
	assert_string_equal(mapping[1].path, "/opt/an app");
	assert_true(mapping[1].deleted);
	assert_true(mapping[2].shared);
	assert_string_equal(mapping[3].path, "");
	assert_int_equal(mapping[3].prot, 0);
	assert_ptr_equal(hg_mappings_find(&mappings, 0x49efff), &mapping[0]);
	assert_null(hg_mappings_find(&mappings, 0x49f000));
	assert_null(hg_mappings_find(&mappings, 0));
	assert_null(hg_mappings_find(&mappings, UINT64_MAX));
	hg_vec_deinit(&mappings);
	hg_arena_deinit(&arena);
}

static void test_arch(void **state)
{
	(void)state;
	assert_string_equal(hg_arch_find(62)->name, "x86-64");
	assert_string_equal(hg_arch_find(183)->name, "arm64");
	assert_null(hg_arch_find(40));
	assert_string_equal(hg_arch_machine_name(40), "arm");
	assert_string_equal(hg_arch_machine_name(60000), "another machine");
	assert_non_null(hg_arch_host());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_arch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
