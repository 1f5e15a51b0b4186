#include "dwarf/package.h"

#include "core/base/bytes.h"

#define MAX_COLUMNS 16

// Numbers of sections in the first row. GNU's version 2 and DWARF 5 differ.
static enum hg_dwarf_section section_of(unsigned version, uint32_t number)
{
	static const uint8_t gnu[] = {
		[1] = HG_DEBUG_INFO, [2] = HG_DEBUG_TYPES, [3] = HG_DEBUG_ABBREV,
		[4] = HG_DEBUG_LINE, [5] = HG_DEBUG_LOC,   [6] = HG_DEBUG_STR_OFFSETS,
	};
	static const uint8_t v5[] = {
		[1] = HG_DEBUG_INFO,
		[2] = HG_DEBUG_SECTIONS,
		[3] = HG_DEBUG_ABBREV,
		[4] = HG_DEBUG_LINE,
		[5] = HG_DEBUG_LOCLISTS,
		[6] = HG_DEBUG_STR_OFFSETS,
		[7] = HG_DEBUG_SECTIONS /* macros */,
		[8] = HG_DEBUG_RNGLISTS,
	};
	const uint8_t *table = version == 5 ? v5 : gnu;
	const size_t count = version == 5 ? ARRAY_SIZE(v5) : ARRAY_SIZE(gnu);
	return number && number < count ? table[number] : HG_DEBUG_SECTIONS;
}

static struct hg_section_bytes take_table(struct hg_bytes *bytes, uint64_t size)
{
	const uint8_t *data = hg_bytes_take(bytes, size);
	return (struct hg_section_bytes){data, data ? size : 0};
}

static uint32_t cell(const struct hg_package *package, const struct hg_section_bytes *table,
		     uint32_t row, uint32_t column)
{
	return hg_load_u32(table->data + 4 * ((uint64_t)row * package->columns + column));
}

//  0  4  version: 2, or 5 in the first two bytes        then: hashes 8 * slots, rows from 1 on 4 * slots,
//  4  4  columns                                              numbers of sections 4 * columns,
//  8  4  units                                                offsets 4 * columns * units,
// 12  4  slots of the hash table                              sizes 4 * columns * units
bool hg_package_read(const struct hg_section_bytes *index, enum hg_dwarf_section units,
		     struct hg_package *ret)
{
	struct hg_bytes bytes = hg_bytes_init(index->data, index->size);
	const unsigned version = hg_bytes_u32(&bytes) & 0xffff;
	*ret = (struct hg_package){.columns = hg_bytes_u32(&bytes), .units = hg_bytes_u32(&bytes)};
	const uint64_t slots = hg_bytes_u32(&bytes);
	if (bytes.bad || (version != 2 && version != 5) || ret->columns > MAX_COLUMNS ||
	    slots > hg_bytes_left(&bytes) / 12)
		return false;
	hg_bytes_skip(&bytes, slots * 12);
	for (uint32_t i = 0; i < ret->columns; i++) {
		const enum hg_dwarf_section section = section_of(version, hg_bytes_u32(&bytes));
		if (section < HG_DEBUG_SECTIONS)
			ret->column_of[section] = (uint8_t)(i + 1);
	}
	const uint64_t size = 4ull * ret->columns * ret->units;
	ret->offsets = take_table(&bytes, size);
	ret->sizes = take_table(&bytes, size);
	const uint32_t column = ret->column_of[units];
	if (bytes.bad || !column)
		return !bytes.bad && !ret->units;
	for (uint32_t row = 0; row < ret->units; row++) {
		uint64_t *known = hg_map_put(&ret->rows, cell(ret, &ret->offsets, row, column - 1));
		if (!known)
			return false;
		*known = row + 1;
	}
	return true;
}

void hg_package_deinit(struct hg_package *package)
{
	hg_map_deinit(&package->rows);
}

uint32_t hg_package_row(const struct hg_package *package, uint64_t offset)
{
	const uint64_t *row = hg_map_get(&package->rows, offset);
	return row ? (uint32_t)*row : 0;
}

uint64_t hg_package_at(const struct hg_package *package, uint32_t row, enum hg_dwarf_section which)
{
	const uint32_t column = package->column_of[which];
	return column && row ? cell(package, &package->offsets, row - 1, column - 1) : 0;
}

struct hg_section_bytes hg_package_part(const struct hg_package *package, uint32_t row,
					enum hg_dwarf_section which,
					struct hg_section_bytes section)
{
	const uint32_t column = package->column_of[which];
	if (!column || !row)
		return section;
	const uint64_t at = hg_package_at(package, row, which);
	const uint64_t size = cell(package, &package->sizes, row - 1, column - 1);
	if (at > section.size || size > section.size - at)
		return (struct hg_section_bytes){0};
	return (struct hg_section_bytes){section.data + at, size};
}
