// Sources, the units in them, and tables of abbreviations.

#include "dwarf/die_private.h"

#include <string.h>

#include "core/base/bytes.h"
#include "dwarf/dwarfnum.h"

#define MAX_ATTRIBUTES 256 // of one entry

enum { // forms that lead to other units
	FORM_REF_ADDR = 0x10,
	FORM_REF_SUP4 = 0x1c,
	FORM_REF_SIG8 = 0x20,
	FORM_IMPLICIT_CONST = 0x21,
	FORM_REF_SUP8 = 0x24,
	FORM_GNU_REF_ALT = 0x1f20,
};

const char *const hg_die_section_names[HG_DEBUG_SECTIONS] = {
	[HG_DEBUG_INFO] = ".debug_info",
	[HG_DEBUG_ABBREV] = ".debug_abbrev",
	[HG_DEBUG_STR] = ".debug_str",
	[HG_DEBUG_LINE_STR] = ".debug_line_str",
	[HG_DEBUG_STR_OFFSETS] = ".debug_str_offsets",
	[HG_DEBUG_ADDR] = ".debug_addr",
	[HG_DEBUG_RANGES] = ".debug_ranges",
	[HG_DEBUG_RNGLISTS] = ".debug_rnglists",
	[HG_DEBUG_LOC] = ".debug_loc",
	[HG_DEBUG_LOCLISTS] = ".debug_loclists",
	[HG_DEBUG_LINE] = ".debug_line",
	[HG_DEBUG_TYPES] = ".debug_types",
};

static struct hg_error *load(struct hg_source *source, enum hg_dwarf_section which)
{
	if (source->tried[which] || !source->elf)
		return NULL;
	source->tried[which] = true;
	char name[64];
	snprintf(name, sizeof(name), "%s%s", hg_die_section_names[which],
		 source->is_split ? ".dwo" : "");
	const struct hg_elf_section *section = hg_elf_find_section(source->elf, name);
	if (!section)
		return NULL;
	struct hg_section_bytes *bytes = &source->sections[which];
	return hg_elf_section_data(source->elf, section, &bytes->data, &bytes->size);
}

struct hg_error *hg_source_open(struct hg_dwarf *dwarf, struct hg_source *source)
{
	static const enum hg_dwarf_section needed[] = {
		HG_DEBUG_INFO,	      HG_DEBUG_ABBREV, HG_DEBUG_STR,   HG_DEBUG_LINE_STR,
		HG_DEBUG_STR_OFFSETS, HG_DEBUG_ADDR,   HG_DEBUG_TYPES,
	};
	(void)dwarf;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		struct hg_error *err = load(source, needed[i]);
		if (err)
			return hg_error_context(err, "'%s'", hg_die_section_names[needed[i]]);
		const struct hg_section_bytes *bytes = &source->sections[needed[i]];
		const uint8_t *last = bytes->size ? memrchr(bytes->data, 0, bytes->size) : NULL;
		source->texts_end[needed[i]] = last ? (uint64_t)(last - bytes->data) + 1 : 0;
	}
	return NULL;
}

struct hg_section_bytes hg_source_section(struct hg_dwarf *dwarf, uint32_t source,
					  enum hg_dwarf_section which)
{
	struct hg_error *err = load(&dwarf->sources.data[source], which);
	if (err) {
		dwarf->damage++;
		hg_error_destroy(err);
	}
	return dwarf->sources.data[source].sections[which];
}

static const struct hg_field_row *find_field(uint64_t attribute)
{
	const struct hg_field_row *row = hg_die_fields;
	while (row->attribute && row->attribute != attribute)
		row++;
	return row->attribute ? row : NULL;
}

static bool leads_away(uint64_t form)
{
	return form == FORM_REF_ADDR || form == FORM_REF_SUP4 || form == FORM_REF_SIG8 ||
	       form == FORM_REF_SUP8 || form == FORM_GNU_REF_ALT;
}

static bool read_attributes(struct hg_dwarf *dwarf, struct hg_bytes *bytes, struct hg_abbrevs *ret)
{
	for (unsigned i = 0;; i++) {
		const uint64_t name = hg_bytes_uleb(bytes), form = hg_bytes_uleb(bytes);
		if (bytes->bad || i >= MAX_ATTRIBUTES || !dwarf->attributes_left)
			return false;
		dwarf->attributes_left--;
		if (!name && !form)
			return true;
		struct hg_abbrev_attribute *attribute = hg_vec_push(&ret->attributes);
		if (!attribute)
			return false;
		*attribute = (struct hg_abbrev_attribute){
			.name = name <= UINT16_MAX ? (uint16_t)name : 0,
			.form = form <= UINT16_MAX ? (uint16_t)form : 0,
			.implicit = form == FORM_IMPLICIT_CONST ? hg_bytes_sleb(bytes) : 0,
			.field = find_field(name),
		};
		ret->linked |= leads_away(form);
	}
}

//  uleb code (0 ends the table)   uleb tag   1 has children   then pairs of uleb attribute, uleb form; 0 0 ends them
static bool read_abbrevs(struct hg_dwarf *dwarf, struct hg_bytes *bytes, struct hg_abbrevs *ret)
{
	for (;;) {
		const uint64_t code = hg_bytes_uleb(bytes);
		if (!code || bytes->bad)
			return !bytes->bad;
		const uint64_t tag = hg_bytes_uleb(bytes);
		const bool has_children = hg_bytes_u8(bytes);
		const size_t first = ret->attributes.count;
		if (!read_attributes(dwarf, bytes, ret) || ret->attributes.count > UINT32_MAX)
			return false;
		struct hg_abbrev *abbrev = hg_vec_push(&ret->all);
		if (!abbrev)
			return false;
		*abbrev = (struct hg_abbrev){
			.code = code,
			.tag = tag <= UINT16_MAX ? (uint16_t)tag : 0,
			.has_children = has_children,
			.first = (uint32_t)first,
			.count = (uint32_t)(ret->attributes.count - first),
		};
	}
}

static int compare_code(const void *a, const void *b)
{
	const struct hg_abbrev *left = a, *right = b;
	return (left->code > right->code) - (left->code < right->code);
}

const struct hg_abbrev *hg_abbrev_find(const struct hg_abbrevs *abbrevs, uint64_t code)
{
	// All compilers count from 1.
	if (code && code <= abbrevs->all.count && abbrevs->all.data[code - 1].code == code)
		return &abbrevs->all.data[code - 1];
	size_t low = 0, high = abbrevs->all.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (abbrevs->all.data[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return low < abbrevs->all.count && abbrevs->all.data[low].code == code
		       ? &abbrevs->all.data[low]
		       : NULL;
}

// Returns the index of the table at an offset of a source's abbreviations, or UINT32_MAX.
static uint32_t abbrevs_at(struct hg_dwarf *dwarf, const struct hg_section_bytes *section,
			   uint64_t offset)
{
	if (offset >= section->size)
		return UINT32_MAX;
	const uint8_t *data = section->data + offset;
	uint64_t *known = hg_map_put(&dwarf->abbrevs_at, (uintptr_t)data);
	if (!known)
		return UINT32_MAX;
	if (*known)
		return (uint32_t)(*known - 1);
	struct hg_abbrevs *abbrevs = hg_vec_push(&dwarf->abbrevs);
	if (!abbrevs)
		return UINT32_MAX;
	struct hg_bytes bytes = hg_bytes_init(data, section->size - offset);
	abbrevs->data = data;
	abbrevs->sane = read_abbrevs(dwarf, &bytes, abbrevs);
	if (abbrevs->all.count)
		qsort(abbrevs->all.data, abbrevs->all.count, sizeof(*abbrevs->all.data),
		      compare_code);
	*known = dwarf->abbrevs.count;
	return (uint32_t)(dwarf->abbrevs.count - 1);
}

struct header {
	struct hg_unit unit;
	struct hg_unit_private priv;
	uint64_t abbrevs;
	uint64_t type; // from the start of the unit
	uint64_t next; // offset behind the unit in its source
};

//  0  4  length of what follows (or 0xffffffff and 8 bytes of length)
//  .  2  version
//  DWARF 5: 1 kind of unit, 1 address size, offset of abbreviations     before: offset of abbreviations, 1 address size
//  type units: 8 signature, offset of the type from the start          skeletons and split units of DWARF 5: 8 id
static bool read_header(struct hg_bytes *bytes, bool is_types, struct header *ret)
{
	struct hg_unit *unit = &ret->unit;
	uint64_t length = hg_bytes_u32(bytes);
	unit->offset_size = 4;
	if (length == UINT32_MAX) {
		length = hg_bytes_u64(bytes);
		unit->offset_size = 8;
	}
	if (bytes->bad || !length || length > hg_bytes_left(bytes))
		return false;
	ret->next = bytes->at + length;
	unit->version = hg_bytes_u16(bytes);
	ret->priv.kind = is_types ? HG_UNIT_TYPE : HG_UNIT_COMPILE;
	if (unit->version >= 5) {
		ret->priv.kind = hg_bytes_u8(bytes);
		unit->address_size = hg_bytes_u8(bytes);
	}
	ret->abbrevs = hg_bytes_uint(bytes, unit->offset_size);
	if (unit->version < 5)
		unit->address_size = hg_bytes_u8(bytes);
	const uint8_t kind = ret->priv.kind;
	const bool is_type = kind == HG_UNIT_TYPE || kind == HG_UNIT_SPLIT_TYPE;
	if (is_type || kind == HG_UNIT_SKELETON || kind == HG_UNIT_SPLIT_COMPILE)
		ret->priv.signature = hg_bytes_u64(bytes);
	if (is_type)
		ret->type = hg_bytes_uint(bytes, unit->offset_size);
	unit->lines = UINT64_MAX;
	return !bytes->bad && bytes->at <= ret->next;
}

// What a split unit takes from the one that stands in the linked file.
static void inherit(struct hg_dwarf *dwarf, const struct hg_source *source, struct hg_unit *unit,
		    struct hg_unit_private *priv)
{
	const bool wide = unit->offset_size == 8;
	if (unit->version >= 5) {
		priv->text_offsets_base = wide ? 16 : 8;
		unit->loclists_base = unit->rnglists_base = source->is_split ? (wide ? 20 : 12) : 0;
	}
	if (!source->skeleton)
		return;
	const struct hg_unit *skeleton = &dwarf->units.data[source->skeleton - 1];
	unit->addr_base = skeleton->addr_base;
	unit->low_pc = skeleton->low_pc;
	unit->lines = skeleton->lines;
	unit->folder = skeleton->folder;
	priv->ranges_base = dwarf->unit_privates.data[source->skeleton - 1].ranges_base;
}

static void add_unit(struct hg_dwarf *dwarf, struct header *header, uint64_t die)
{
	const uint32_t index = (uint32_t)(dwarf->sources.count - 1);
	const struct hg_source *source = &dwarf->sources.data[index];
	struct hg_unit *unit = &header->unit;
	struct hg_unit_private *priv = &header->priv;
	const uint64_t type = header->type;
	const uint8_t kind = priv->kind;
	priv->source = index;
	priv->start += source->base;
	priv->type = type ? priv->start + type : 0;
	unit->die = source->base + die;
	unit->end = source->base + header->next;
	priv->abbrevs = abbrevs_at(dwarf, &source->sections[HG_DEBUG_ABBREV], header->abbrevs);
	const bool readable = unit->version >= 2 && unit->version <= 5 &&
			      (unit->address_size == 8 || unit->address_size == 4);
	if (!readable || die >= header->next || priv->abbrevs == UINT32_MAX ||
	    !dwarf->abbrevs.data[priv->abbrevs].sane) {
		dwarf->damage++;
		return;
	}
	unit->linked = dwarf->abbrevs.data[priv->abbrevs].linked;
	inherit(dwarf, source, unit, priv);
	struct hg_unit *place = hg_vec_push(&dwarf->units);
	struct hg_unit_private *beside = hg_vec_push(&dwarf->unit_privates);
	if (!place || !beside) {
		dwarf->units.count = dwarf->unit_privates.count = 0;
		return;
	}
	struct hg_cursor cursor = {
		.dwarf = dwarf,
		.unit = unit,
		.priv = priv,
		.data = source->sections[HG_DEBUG_INFO].data,
		.at = die,
		.end = header->next,
	};
	// Once for the bases of the tables that the other attributes need.
	if (!hg_die_decode_unit(&cursor, unit, priv))
		dwarf->damage++;
	cursor.at = die;
	cursor.bad = false;
	hg_die_decode_unit(&cursor, unit, priv);
	*place = *unit;
	*beside = *priv;
	uint64_t *known = priv->type && (kind == HG_UNIT_TYPE || kind == HG_UNIT_SPLIT_TYPE)
				  ? hg_map_put(&dwarf->signatures, priv->signature)
				  : NULL;
	if (known && !*known)
		*known = priv->type;
}

bool hg_source_read_units(struct hg_dwarf *dwarf)
{
	struct hg_source *source = &dwarf->sources.data[dwarf->sources.count - 1];
	const struct hg_source *last = dwarf->sources.count > 1 ? source - 1 : NULL;
	if (last)
		source->base = last->base + last->sections[HG_DEBUG_INFO].size;
	const struct hg_section_bytes info = source->sections[HG_DEBUG_INFO];
	const bool is_types = info.data && info.data == source->sections[HG_DEBUG_TYPES].data;
	const size_t before = dwarf->units.count;
	struct hg_bytes bytes = hg_bytes_init(info.data, info.size);
	while (bytes.at < bytes.size) {
		struct header header = {.priv.start = bytes.at};
		if (!read_header(&bytes, is_types, &header)) {
			dwarf->damage++;
			break;
		}
		add_unit(dwarf, &header, bytes.at);
		bytes.at = header.next;
	}
	return dwarf->units.count > before;
}
