#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/synth/dwarf_program.h"
#include "tests/synth/dwarf_sample.h"

static bool count_entry(void *arg, const struct hg_die *die)
{
	assert_non_null(die->unit);
	++*(unsigned *)arg;
	return true;
}

static bool count_children(void *arg, const struct hg_die *die)
{
	hg_die_children(die, count_entry, arg);
	return true;
}

static void walks_entries(void **state)
{
	(void)state;
	static struct dwarf_writer writer;
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	memset(&writer, 0, sizeof(writer));
	uint32_t first[2];
	for (unsigned i = 0; i < 2; i++) {
		dwarf_unit(&writer, 4 + i, HG_LANG_GO);
		dwarf_string(&writer, AT_NAME, i ? "main" : "runtime");
		dwarf_addr(&writer, AT_LOW_PC, 0x1000 * i);
		first[i] = dwarf_die(&writer, HG_TAG_STRUCTURE_TYPE, true);
		dwarf_die(&writer, HG_TAG_MEMBER, false);
		dwarf_end(&writer);
		dwarf_die(&writer, HG_TAG_BASE_TYPE, false);
		dwarf_unit_end(&writer);
	}
	dwarf_sections(&writer, sections);
	struct hg_dwarf *dwarf = NULL;
	assert_null(hg_dwarf_open_sections(sections, &dwarf));
	size_t count;
	const struct hg_unit *units = hg_dwarf_units(dwarf, &count);
	assert_int_equal(count, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(units[i].name, i ? "main" : "runtime");
		assert_int_equal(units[i].version, 4 + i);
		assert_int_equal(units[i].language, HG_LANG_GO);
		assert_int_equal(units[i].low_pc, 0x1000 * i);
		assert_int_equal(units[i].address_size, 8);
		assert_ptr_equal(hg_dwarf_unit_at(dwarf, first[i]), &units[i]);
		unsigned children = 0;
		assert_true(hg_die_at(dwarf, units[i].die, count_children, &children));
		assert_int_equal(children, 2);
	}
	assert_null(hg_dwarf_unit_at(dwarf, UINT32_MAX));
	unsigned none = 0;
	assert_false(hg_die_at(dwarf, UINT32_MAX, count_entry, &none));
	assert_int_equal(hg_dwarf_damage(dwarf), 0);
	hg_dwarf_destroy(dwarf);
}

static void needs_debug_info(void **state)
{
	(void)state;
	const struct hg_section_bytes none[HG_DEBUG_SECTIONS] = {{0}};
	struct hg_dwarf *dwarf = NULL;
	struct hg_error *err = hg_dwarf_open_sections(none, &dwarf);
	assert_int_equal(err->code, HG_ERROR_UNSUPPORTED);
	hg_error_destroy(err);
	assert_null(dwarf);
}

static void read_damaged(const struct hg_section_bytes *sections)
{
	struct hg_program *prog = program_of_sections(sections, 0);
	hg_locals locals = {0};
	const struct hg_frame_context frame = {.pc = 0x430, .cfa = 0x7000};
	if (prog)
		hg_error_destroy(hg_variable_locals(prog, &frame, &locals));
	hg_vec_deinit(&locals);
	hg_program_destroy(prog);
}

// The sample cut at each byte and with each byte changed: whatever comes out, it ends.
static void survives_damage(void **state)
{
	(void)state;
	for (unsigned version = 4; version <= 5; version++) {
		static struct dwarf_writer writer;
		struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
		sample_write(&writer, version);
		for (unsigned which = HG_DEBUG_INFO; which <= HG_DEBUG_ABBREV; which++) {
			dwarf_sections(&writer, sections);
			const uint64_t size = sections[which].size;
			for (uint64_t at = 0; at < size; at += 3) {
				sections[which].size = at;
				read_damaged(sections);
				sections[which].size = size;
				uint8_t *byte = &writer.sections[which].data[at];
				const uint8_t before = *byte;
				*byte = (uint8_t)(before ^ (1u << at % 8));
				read_damaged(sections);
				*byte = before;
			}
		}
	}
}

// Entries in entries, deeper than anything real.
static void survives_depth(void **state)
{
	(void)state;
	static struct dwarf_writer writer;
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	memset(&writer, 0, sizeof(writer));
	dwarf_unit(&writer, 4, HG_LANG_GO);
	dwarf_die(&writer, HG_TAG_SUBPROGRAM, true);
	dwarf_addr(&writer, AT_LOW_PC, 0x400);
	dwarf_addr(&writer, AT_HIGH_PC, 0x500);
	for (unsigned i = 0; i < 1000; i++)
		dwarf_die(&writer, HG_TAG_LEXICAL_BLOCK, true);
	for (unsigned i = 0; i < 1001; i++)
		dwarf_end(&writer);
	dwarf_unit_end(&writer);
	dwarf_sections(&writer, sections);
	read_damaged(sections);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_entries),
		cmocka_unit_test(needs_debug_info),
		cmocka_unit_test(survives_damage),
		cmocka_unit_test(survives_depth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
