// The units of a file, and what they say of each other.

#include "core/base/bytes.h"
#include "dwarf/abbrev.h"
#include "dwarf/die_private.h"
#include "dwarf/dwarfnum.h"

// An attribute can take no byte of an entry at all, so a small section can claim endless work. Real debug info stays
// below 4 attributes a byte, and is walked a few times.
#define ATTRIBUTES_PER_BYTE 64
#define ATTRIBUTES_ALWAYS (1u << 20)

static bool abbrevs_are_sane(struct hg_die_file *file, uint64_t offset, bool *linked)
{
	uint64_t *known = hg_map_put(&file->abbrevs, offset);
	if (!known)
		return false;
	if (!*known)
		*known = !hg_abbrev_check(&file->sections[HG_DEBUG_ABBREV], offset,
					  &file->dwarf->attributes_left, linked)
				 ? 2
			 : *linked ? 3
				   : 1;
	*linked = *known == 3;
	return *known != 2;
}

// What the entries of a split unit count from, which no attribute says.
static void set_split_bases(struct hg_unit *unit)
{
	const uint64_t large = unit->offset_size == 8 ? 8 : 0;
	unit->addr_base = UINT64_MAX; // none, until its skeleton tells
	if (unit->version < 5)
		return;
	unit->str_offsets_base = 8 + large;
	unit->rnglists_base = unit->loclists_base = 12 + large;
}

static void read_unit(struct hg_die_file *file, bool is_info, const struct hg_unit *header)
{
	struct hg_dwarf *dwarf = file->dwarf;
	Dwarf_Die handle = NULL;
	Dwarf_Error error = NULL;
	Dwarf_Off offset = 0;
	Dwarf_Half tag = 0;
	const int status = dwarf_siblingof_b(file->dbg, NULL, is_info, &handle, &error);
	if (status != DW_DLV_OK) {
		hg_die_note_damage(file, status == DW_DLV_ERROR ? error : NULL);
		return;
	}
	struct hg_unit *unit = NULL;
	if (dwarf_dieoffset(handle, &offset, &error) == DW_DLV_OK &&
	    dwarf_tag(handle, &tag, &error) == DW_DLV_OK)
		unit = hg_vec_push(&dwarf->units);
	if (unit) {
		*unit = *header;
		unit->die = hg_die_base(file->space + !is_info) + offset;
		unit->partial = tag == DW_TAG_partial_unit;
		if (file->split)
			set_split_bases(unit);
		hg_die_read_top(unit, handle);
	} else {
		hg_die_note_damage(file, error);
		dwarf->exhausted |= !error;
	}
	dwarf_dealloc_die(handle);
}

static uint64_t number_of(const Dwarf_Sig8 *signature)
{
	return hg_load_u64(signature->signature);
}

static void read_section(struct hg_die_file *file, bool is_info)
{
	const uint64_t base = hg_die_base(file->space + !is_info);
	uint64_t at = 0;
	for (;;) {
		Dwarf_Unsigned header_length, abbrev_offset, type_offset = 0, next = 0;
		Dwarf_Half version, address_size, length_size, extension_size, unit_type = 0;
		Dwarf_Sig8 signature = {{0}};
		Dwarf_Error error = NULL;
		const int status = dwarf_next_cu_header_d(file->dbg, is_info, &header_length,
							  &version, &abbrev_offset, &address_size,
							  &length_size, &extension_size, &signature,
							  &type_offset, &next, &unit_type, &error);
		if (status == DW_DLV_ERROR)
			hg_die_note_damage(file, error);
		if (status != DW_DLV_OK || next <= at || next >> HG_SPACE_SHIFT)
			return;
		const bool has_type =
			!is_info || unit_type == DW_UT_type || unit_type == DW_UT_split_type;
		struct hg_unit unit = {.version = version,
				       .end = base + next,
				       .lines = UINT64_MAX,
				       .address_size = (uint8_t)address_size,
				       .offset_size = (uint8_t)length_size,
				       .file = file,
				       .split = file->split,
				       .split_id = number_of(&signature),
				       .type = has_type ? base + at + type_offset : 0};
		unit.package = hg_die_package(file, !is_info, at, &unit.package_row);
		if (abbrevs_are_sane(file, abbrev_offset, &unit.linked))
			read_unit(file, is_info, &unit);
		else
			hg_die_note_damage(file, NULL);
		at = next;
	}
}

void hg_die_read_units(struct hg_die_file *file)
{
	struct hg_dwarf *dwarf = file->dwarf;
	dwarf->attributes_left +=
		(file->sections[HG_DEBUG_INFO].size + file->sections[HG_DEBUG_TYPES].size) *
		ATTRIBUTES_PER_BYTE;
	if (!file->space)
		dwarf->attributes_left += ATTRIBUTES_ALWAYS;
	if (file->sections[HG_DEBUG_INFO].size)
		read_section(file, true);
	if (file->sections[HG_DEBUG_TYPES].size)
		read_section(file, false);
}

// A type unit stands in each object of a split program that uses the type. One is as good as another.
void hg_die_enter_types(struct hg_dwarf *dwarf, size_t first)
{
	size_t kept = first;
	for (size_t i = first; i < dwarf->units.count; i++) {
		const struct hg_unit unit = dwarf->units.data[i];
		uint64_t *known = unit.type ? hg_map_put(&dwarf->signatures, unit.split_id) : NULL;
		dwarf->exhausted |= unit.type && !known;
		if (known && *known)
			continue;
		if (known)
			*known = unit.type;
		dwarf->units.data[kept++] = unit;
	}
	dwarf->units.count = kept;
}

struct importer {
	struct hg_dwarf *dwarf;
	uint64_t language;
	HG_VEC(uint32_t) waiting; // units that must be asked what they import
};

static bool import_unit(void *arg, const struct hg_die *die)
{
	struct importer *importer = arg;
	if (die->tag != HG_TAG_IMPORTED_UNIT) // they stand before all else but base types
		return die->tag == HG_TAG_BASE_TYPE;
	struct hg_unit *unit = (struct hg_unit *)hg_dwarf_unit_at(importer->dwarf, die->origin);
	if (!unit || (!unit->idle && (unit->language || !importer->language)))
		return true;
	unit->idle = false;
	if (!unit->language)
		unit->language = importer->language;
	uint32_t *place = hg_vec_push(&importer->waiting);
	if (place)
		*place = (uint32_t)(unit - importer->dwarf->units.data);
	importer->dwarf->exhausted |= !place;
	return place;
}

static bool import_all(void *arg, const struct hg_die *die)
{
	hg_die_children(die, import_unit, arg);
	return true;
}

void hg_die_read_imports(struct hg_dwarf *dwarf)
{
	struct importer importer = {.dwarf = dwarf};
	bool any = false;
	for (size_t i = 0; i < dwarf->units.count; i++) {
		struct hg_unit *unit = &dwarf->units.data[i];
		unit->idle = unit->file == dwarf->alt;
		any |= unit->partial || unit->idle;
	}
	for (size_t i = 0; any && i < dwarf->units.count; i++) {
		const struct hg_unit *unit = &dwarf->units.data[i];
		if (unit->partial || unit->idle)
			continue; // asked when it is imported itself
		uint64_t at = unit->die;
		importer.language = unit->language;
		for (;;) {
			hg_die_at(dwarf, at, import_all, &importer);
			if (!importer.waiting.count)
				break;
			at = dwarf->units.data[importer.waiting.data[--importer.waiting.count]].die;
		}
	}
	hg_vec_deinit(&importer.waiting);
}
