#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dwarf/package.h"
#include "tests/synth/dwarf_writer.h"

// Two units whose parts of .debug_info start at 0 and 100, of .debug_abbrev at 10 and 30.
static void write_index(struct dwarf_bytes *bytes, unsigned version)
{
	static const uint32_t cells[] = {0, 10, 100, 30, 100, 20, 50, 5};
	bytes->size = 0;
	put_u32(bytes, version);
	put_u32(bytes, 2);
	put_u32(bytes, 2);
	put_u32(bytes, 4);
	for (unsigned i = 0; i < 4; i++)
		put_u64(bytes, i);
	for (unsigned i = 0; i < 4; i++)
		put_u32(bytes, i);
	put_u32(bytes, 1);
	put_u32(bytes, 3);
	put(bytes, cells, sizeof(cells));
}

static void finds_parts(void **state)
{
	(void)state;
	static struct dwarf_bytes bytes;
	const uint8_t data[40] = {0};
	for (unsigned version = 2; version <= 5; version += 3) {
		write_index(&bytes, version);
		const struct hg_section_bytes index = {bytes.data, bytes.size};
		struct hg_package package;
		assert_true(hg_package_read(&index, HG_DEBUG_INFO, &package));
		const uint32_t row = hg_package_row(&package, 100);
		assert_int_equal(hg_package_row(&package, 0), 1);
		assert_int_equal(row, 2);
		assert_int_equal(hg_package_row(&package, 50), 0);
		assert_int_equal(hg_package_at(&package, row, HG_DEBUG_ABBREV), 30);
		assert_int_equal(hg_package_at(&package, row, HG_DEBUG_LINE), 0);
		const struct hg_section_bytes all = {data, sizeof(data)}, cut = {data, 34};
		const struct hg_section_bytes part =
			hg_package_part(&package, row, HG_DEBUG_ABBREV, all);
		assert_ptr_equal(part.data, data + 30);
		assert_int_equal(part.size, 5);
		assert_null(hg_package_part(&package, row, HG_DEBUG_ABBREV, cut).data);
		assert_int_equal(hg_package_part(&package, row, HG_DEBUG_STR, all).size, 40);
		hg_package_deinit(&package);
	}
}

static void survives_damage(void **state)
{
	(void)state;
	static struct dwarf_bytes bytes;
	write_index(&bytes, 5);
	for (size_t size = 0; size < bytes.size; size++) {
		const struct hg_section_bytes index = {bytes.data, size};
		struct hg_package package;
		assert_false(hg_package_read(&index, HG_DEBUG_INFO, &package));
		hg_package_deinit(&package);
	}
	for (size_t at = 0; at < bytes.size; at++) {
		struct hg_package package;
		const struct hg_section_bytes index = {bytes.data, bytes.size};
		bytes.data[at] ^= 0xff;
		if (hg_package_read(&index, HG_DEBUG_INFO, &package))
			hg_package_part(&package, hg_package_row(&package, 100), HG_DEBUG_ABBREV,
					index);
		hg_package_deinit(&package);
		bytes.data[at] ^= 0xff;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_parts),
		cmocka_unit_test(survives_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
