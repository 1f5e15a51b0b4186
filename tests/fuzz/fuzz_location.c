// Location expressions, and lists of locations and ranges.
//
// Input:  0  1  bit 0: DWARF 5, bit 1: registers are known, bit 2: the list is found by index
//         1  1  bytes of the frame base's expression
//         2  n  the frame base, then the expression; all of it is the list sections, too

#include <string.h>

#include "core/arch.h"
#include "dwarf/location.h"
#include "tests/synth/dwarf_writer.h"

static bool count_range(void *arg, uint64_t low, uint64_t high, uint64_t die)
{
	(void)die;
	*(uint64_t *)arg += high - low;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size - 2 < data[1])
		return 0;
	static struct dwarf_writer writer;
	memset(&writer, 0, sizeof(writer));
	const unsigned version = data[0] & 1 ? 5 : 4;
	const bool indexed = data[0] & 4;
	dwarf_unit(&writer, version, HG_LANG_C);
	dwarf_unit_end(&writer);
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	dwarf_sections(&writer, sections);
	for (unsigned i = HG_DEBUG_ADDR; i < HG_DEBUG_SECTIONS; i++)
		sections[i] = (struct hg_section_bytes){data, size};
	struct hg_dwarf *dwarf = NULL;
	hg_error_destroy(hg_dwarf_open_sections(sections, &dwarf));
	size_t count = 0;
	const struct hg_unit *unit = dwarf ? hg_dwarf_units(dwarf, &count) : NULL;
	if (count) {
		const uint64_t regs[HG_ARCH_MAX_REGS] = {1, 2, 3};
		const struct hg_location_context context = {
			.dwarf = dwarf,
			.unit = unit,
			.cfa = 4096,
			.regs = data[0] & 2 ? regs : NULL,
			.reg_count = HG_ARCH_MAX_REGS,
			.frame_base = {data + 2, data[1]},
		};
		struct hg_section_bytes expr = {data + 2 + data[1], size - 2 - data[1]};
		struct hg_location pieces[HG_MAX_PIECES];
		unsigned pieces_count;
		uint64_t addr = 0;
		hg_location_eval(&context, &expr, pieces, &pieces_count);
		hg_location_static(dwarf, unit, &expr, &addr);
		hg_location_list_find(dwarf, unit, data[1], indexed, 16, &expr);
		const struct hg_die die = {
			.dwarf = dwarf,
			.unit = unit,
			.has = HG_HAS_RANGES | (indexed ? HG_RANGES_INDEXED : 0),
			.ranges = data[1],
		};
		hg_location_each_range(&die, count_range, &addr);
	}
	hg_dwarf_destroy(dwarf);
	return 0;
}
