#include "dwarf/die.h"

#include <string.h>

#include "core/base/bytes.h"
#include "dwarf/die_private.h"
#include "dwarf/dwarfnum.h"

enum { // attributes
	AT_SIBLING = 0x01,
	AT_LOCATION = 0x02,
	AT_NAME = 0x03,
	AT_BYTE_SIZE = 0x0b,
	AT_BIT_SIZE = 0x0d,
	AT_STMT_LIST = 0x10,
	AT_LOW_PC = 0x11,
	AT_HIGH_PC = 0x12,
	AT_LANGUAGE = 0x13,
	AT_COMP_DIR = 0x1b,
	AT_CONST_VALUE = 0x1c,
	AT_CONTAINING_TYPE = 0x1d,
	AT_UPPER_BOUND = 0x2f,
	AT_ABSTRACT_ORIGIN = 0x31,
	AT_COUNT = 0x37,
	AT_DATA_MEMBER_LOCATION = 0x38,
	AT_DECL_FILE = 0x3a,
	AT_DECL_LINE = 0x3b,
	AT_DECLARATION = 0x3c,
	AT_ENCODING = 0x3e,
	AT_EXTERNAL = 0x3f,
	AT_FRAME_BASE = 0x40,
	AT_SPECIFICATION = 0x47,
	AT_TYPE = 0x49,
	AT_RANGES = 0x55,
	AT_SIGNATURE = 0x69,
	AT_STR_OFFSETS_BASE = 0x72,
	AT_ADDR_BASE = 0x73,
	AT_RNGLISTS_BASE = 0x74,
	AT_DWO_NAME = 0x76,
	AT_LOCLISTS_BASE = 0x8c,
	AT_GNU_DWO_NAME = 0x2130,
	AT_GNU_DWO_ID = 0x2131,
	AT_GNU_RANGES_BASE = 0x2132,
	AT_GNU_ADDR_BASE = 0x2133,
	AT_GO_KIND = 0x2900,
	AT_GO_KEY = 0x2901,
	AT_GO_ELEM = 0x2902,
	AT_GO_EMBEDDED_FIELD = 0x2903,
	AT_GO_RUNTIME_TYPE = 0x2904,
	AT_GO_CLOSURE_OFFSET = 0x2907,
};

// An attribute can take no byte of an entry at all, so a small section can claim endless work. Real debug info stays
// below 4 attributes a byte, and is walked a few times.
#define ATTRIBUTES_PER_BYTE 64
#define ATTRIBUTES_ALWAYS (1u << 20)

#define DIE(member) offsetof(struct hg_die, member)
// The frequent ones stand first.
const struct hg_field_row hg_die_fields[] = {
	{AT_NAME, HG_FIELD_TEXT, DIE(name), 0},
	{AT_TYPE, HG_FIELD_REFERENCE, DIE(type), 0},
	{AT_SIBLING, HG_FIELD_SIBLING, 0, 0},
	{AT_DECL_LINE, HG_FIELD_NUMBER, DIE(line), 0},
	{AT_DECL_FILE, HG_FIELD_NUMBER, DIE(file), 0},
	{AT_BYTE_SIZE, HG_FIELD_NUMBER, DIE(byte_size), HG_HAS_BYTE_SIZE},
	{AT_DATA_MEMBER_LOCATION, HG_FIELD_MEMBER_OFFSET, 0, 0},
	{AT_LOCATION, HG_FIELD_LOCATION, 0, 0},
	{AT_GO_KIND, HG_FIELD_NUMBER, DIE(go_kind), 0},
	{AT_GO_RUNTIME_TYPE, HG_FIELD_ADDRESS, DIE(go_runtime_type), 0},
	{AT_CONST_VALUE, HG_FIELD_NUMBER, DIE(const_value), HG_HAS_CONST},
	{AT_LOW_PC, HG_FIELD_ADDRESS, DIE(low_pc), HG_HAS_LOW_PC},
	{AT_HIGH_PC, HG_FIELD_HIGH_PC, 0, 0},
	{AT_RANGES, HG_FIELD_RANGES, 0, 0},
	{AT_ABSTRACT_ORIGIN, HG_FIELD_REFERENCE, DIE(origin), 0},
	{AT_SPECIFICATION, HG_FIELD_REFERENCE, DIE(origin), 0},
	{AT_SIGNATURE, HG_FIELD_REFERENCE, DIE(origin), 0},
	{AT_FRAME_BASE, HG_FIELD_BLOCK, DIE(frame_base), HG_HAS_FRAME_BASE},
	{AT_ENCODING, HG_FIELD_NUMBER, DIE(encoding), 0},
	{AT_COUNT, HG_FIELD_NUMBER, DIE(count), HG_HAS_COUNT},
	{AT_UPPER_BOUND, HG_FIELD_UPPER_BOUND, 0, 0},
	{AT_BIT_SIZE, HG_FIELD_FLAG, 0, HG_IS_BITFIELD},
	{AT_DECLARATION, HG_FIELD_FLAG, 0, HG_IS_DECLARATION},
	{AT_EXTERNAL, HG_FIELD_FLAG, 0, HG_IS_EXTERNAL},
	{AT_GO_KEY, HG_FIELD_REFERENCE, DIE(go_key), 0},
	{AT_GO_ELEM, HG_FIELD_REFERENCE, DIE(go_elem), 0},
	{AT_GO_EMBEDDED_FIELD, HG_FIELD_FLAG, 0, HG_IS_EMBEDDED},
	{AT_GO_CLOSURE_OFFSET, HG_FIELD_NUMBER, DIE(closure_offset), HG_HAS_CLOSURE_OFFSET},
	{0, 0, 0, 0},
};

struct unit_entry {
	struct hg_unit unit;
	struct hg_unit_private priv;
};

#define UNIT(member) offsetof(struct unit_entry, unit.member)
#define BESIDE(member) offsetof(struct unit_entry, priv.member)
static const struct hg_field_row unit_fields[] = {
	{AT_NAME, HG_FIELD_TEXT, UNIT(name), 0},
	{AT_COMP_DIR, HG_FIELD_TEXT, UNIT(folder), 0},
	{AT_LANGUAGE, HG_FIELD_NUMBER, UNIT(language), 0},
	{AT_LOW_PC, HG_FIELD_ADDRESS, UNIT(low_pc), 0},
	{AT_STMT_LIST, HG_FIELD_NUMBER, UNIT(lines), 0},
	{AT_ADDR_BASE, HG_FIELD_NUMBER, UNIT(addr_base), 0},
	{AT_GNU_ADDR_BASE, HG_FIELD_NUMBER, UNIT(addr_base), 0},
	{AT_RNGLISTS_BASE, HG_FIELD_NUMBER, UNIT(rnglists_base), 0},
	{AT_LOCLISTS_BASE, HG_FIELD_NUMBER, UNIT(loclists_base), 0},
	{AT_STR_OFFSETS_BASE, HG_FIELD_NUMBER, BESIDE(text_offsets_base), 0},
	{AT_GNU_RANGES_BASE, HG_FIELD_NUMBER, BESIDE(ranges_base), 0},
	{AT_GNU_DWO_ID, HG_FIELD_NUMBER, BESIDE(signature), 0},
	{AT_DWO_NAME, HG_FIELD_TEXT, BESIDE(split_name), 0},
	{AT_GNU_DWO_NAME, HG_FIELD_TEXT, BESIDE(split_name), 0},
	{0, 0, 0, 0},
};

static bool is_number(const struct hg_form_value *value)
{
	return value->kind == HG_FORM_NUMBER || value->kind == HG_FORM_OFFSET ||
	       value->kind == HG_FORM_INDEX;
}

static bool store(const struct hg_field_row *field, const struct hg_form_value *value, void *object)
{
	void *place = (char *)object + field->offset;
	switch ((enum hg_field_kind)field->kind) {
	case HG_FIELD_NUMBER:
		if (!is_number(value))
			return false;
		*(uint64_t *)place = value->number;
		return true;
	case HG_FIELD_REFERENCE:
		if (value->kind != HG_FORM_REFERENCE)
			return false;
		*(uint64_t *)place = value->number;
		return true;
	case HG_FIELD_ADDRESS:
		if (value->kind != HG_FORM_ADDRESS)
			return false;
		*(uint64_t *)place = value->number;
		return true;
	case HG_FIELD_TEXT:
		if (value->kind != HG_FORM_TEXT)
			return false;
		*(const char **)place = value->text;
		return true;
	case HG_FIELD_BLOCK:
		if (value->kind != HG_FORM_BLOCK)
			return false;
		*(struct hg_section_bytes *)place = value->block;
		return true;
	case HG_FIELD_FLAG:
		return (value->kind == HG_FORM_FLAG || value->kind == HG_FORM_NUMBER) &&
		       value->number;
	default:
		return false;
	}
}

static void store_location(struct hg_die *die, const struct hg_form_value *value)
{
	if (value->kind == HG_FORM_BLOCK) {
		die->location.expr = value->block;
		die->has |= HG_HAS_LOCATION;
	} else if (is_number(value)) {
		die->location.offset = value->number;
		die->has |= HG_HAS_LOCATION_LIST |
			    (value->kind == HG_FORM_INDEX ? HG_LOCATION_INDEXED : 0);
	}
}

static void store_member_offset(struct hg_die *die, const struct hg_form_value *value)
{
	if (is_number(value)) {
		die->member_offset = value->number;
		die->has |= HG_HAS_MEMBER_OFFSET;
		return;
	}
	// Compilers of DWARF 2 wrote an offset as an expression: plus_uconst N.
	const struct hg_section_bytes *expr = &value->block;
	if (value->kind != HG_FORM_BLOCK || !expr->size || expr->data[0] != HG_OP_PLUS_UCONST)
		return;
	struct hg_bytes bytes = hg_bytes_init(expr->data + 1, expr->size - 1);
	die->member_offset = hg_bytes_uleb(&bytes);
	die->has |= HG_HAS_MEMBER_OFFSET;
}

// Attributes that are more than one field. What they are not true of is checked when all are read.
static void store_special(struct hg_die *die, enum hg_field_kind kind,
			  const struct hg_form_value *value)
{
	switch (kind) {
	case HG_FIELD_LOCATION:
		store_location(die, value);
		break;
	case HG_FIELD_MEMBER_OFFSET:
		store_member_offset(die, value);
		break;
	case HG_FIELD_UPPER_BOUND:
		if ((die->has & HG_HAS_COUNT) || !is_number(value))
			break;
		die->count = value->number + 1; // a bound of -1 makes an empty array
		die->has |= HG_HAS_COUNT;
		break;
	case HG_FIELD_HIGH_PC: // may stand before the low_pc that it counts from
		if (value->kind != HG_FORM_ADDRESS && !is_number(value))
			break;
		die->high_pc = value->number;
		die->has |= HG_HAS_HIGH_PC |
			    (value->kind != HG_FORM_ADDRESS ? HG_HIGH_PC_IS_LENGTH : 0);
		break;
	case HG_FIELD_RANGES:
		if (!is_number(value))
			break;
		die->ranges = value->number;
		die->has |= HG_HAS_RANGES | (value->kind == HG_FORM_INDEX ? HG_RANGES_INDEXED : 0);
		break;
	case HG_FIELD_SIBLING:
		if (value->kind == HG_FORM_REFERENCE)
			die->sibling = value->number;
		break;
	default:
		break;
	}
}

static bool pay(struct hg_dwarf *dwarf, uint64_t attributes)
{
	if (dwarf->attributes_left > attributes) {
		dwarf->attributes_left -= attributes;
		return true;
	}
	dwarf->attributes_left = 0;
	dwarf->damage++;
	return false;
}

bool hg_die_decode_unit(struct hg_cursor *cursor, struct hg_unit *unit,
			struct hg_unit_private *priv)
{
	struct hg_dwarf *dwarf = cursor->dwarf;
	const struct hg_abbrevs *abbrevs = &dwarf->abbrevs.data[priv->abbrevs];
	const struct hg_abbrev *abbrev = hg_abbrev_find(abbrevs, hg_cursor_uleb(cursor));
	struct unit_entry entry = {*unit, *priv};
	if (cursor->bad || !abbrev || !pay(dwarf, abbrev->count))
		return false;
	for (uint32_t i = 0; i < abbrev->count && !cursor->bad; i++) {
		const struct hg_abbrev_attribute *attribute =
			&abbrevs->attributes.data[abbrev->first + i];
		const struct hg_field_row *row = unit_fields;
		while (row->attribute && row->attribute != attribute->name)
			row++;
		struct hg_form_value value = {0};
		hg_form_read(cursor, attribute, &value);
		if (row->attribute && !cursor->bad)
			store(row, &value, &entry);
	}
	*unit = entry.unit;
	*priv = entry.priv;
	return !cursor->bad;
}

static void finish_high_pc(struct hg_die *die)
{
	if (!(die->has & HG_HAS_HIGH_PC))
		return;
	if (die->has & HG_HIGH_PC_IS_LENGTH)
		die->high_pc += die->low_pc;
	if (!(die->has & HG_HAS_LOW_PC) || die->high_pc < die->low_pc)
		die->has &= ~(uint32_t)(HG_HAS_LOW_PC | HG_HAS_HIGH_PC);
}

enum decoded { DECODED, DECODED_END, DECODED_BAD };

static enum decoded decode(struct hg_cursor *cursor, struct hg_die *ret)
{
	struct hg_dwarf *dwarf = cursor->dwarf;
	const struct hg_abbrevs *abbrevs = &dwarf->abbrevs.data[cursor->priv->abbrevs];
	const uint64_t base = dwarf->sources.data[cursor->priv->source].base;
	*ret = (struct hg_die){.dwarf = dwarf, .unit = cursor->unit, .offset = base + cursor->at};
	const uint64_t code = hg_cursor_uleb(cursor);
	if (!code && !cursor->bad)
		return DECODED_END;
	const struct hg_abbrev *abbrev = hg_abbrev_find(abbrevs, code);
	if (!abbrev || cursor->bad) {
		dwarf->damage++;
		return DECODED_BAD;
	}
	if (!pay(dwarf, abbrev->count + 1ull))
		return DECODED_BAD;
	ret->tag = abbrev->tag;
	ret->has = abbrev->has_children ? HG_HAS_CHILDREN : 0;
	for (uint32_t i = 0; i < abbrev->count && !cursor->bad; i++) {
		const struct hg_abbrev_attribute *attribute =
			&abbrevs->attributes.data[abbrev->first + i];
		const struct hg_field_row *field = attribute->field;
		struct hg_form_value value = {0};
		hg_form_read(cursor, attribute, field ? &value : NULL);
		if (!field || cursor->bad)
			continue;
		if (field->kind >= HG_FIELD_LOCATION)
			store_special(ret, field->kind, &value);
		else if (store(field, &value, ret))
			ret->has |= field->has;
	}
	if (cursor->bad) {
		dwarf->damage++;
		return DECODED_BAD;
	}
	ret->children = base + cursor->at;
	finish_high_pc(ret);
	return DECODED;
}

// Steps over entries up to the one that ends `depth` levels of children.
static bool skip_children(struct hg_cursor *cursor)
{
	struct hg_dwarf *dwarf = cursor->dwarf;
	const struct hg_abbrevs *abbrevs = &dwarf->abbrevs.data[cursor->priv->abbrevs];
	for (uint64_t depth = 1; depth;) {
		const uint64_t code = hg_cursor_uleb(cursor);
		if (cursor->bad)
			return false;
		if (!code) {
			depth--;
			continue;
		}
		const struct hg_abbrev *abbrev = hg_abbrev_find(abbrevs, code);
		if (!abbrev || !pay(dwarf, abbrev->count + 1ull))
			return false;
		for (uint32_t i = 0; i < abbrev->count && !cursor->bad; i++)
			hg_form_read(cursor, &abbrevs->attributes.data[abbrev->first + i], NULL);
		depth += abbrev->has_children;
	}
	return !cursor->bad;
}

static struct hg_cursor cursor_at(struct hg_dwarf *dwarf, const struct hg_unit *unit,
				  uint64_t offset)
{
	const struct hg_unit_private *priv = &dwarf->unit_privates.data[unit - dwarf->units.data];
	const struct hg_source *source = &dwarf->sources.data[priv->source];
	return (struct hg_cursor){
		.dwarf = dwarf,
		.unit = unit,
		.priv = priv,
		.data = source->sections[HG_DEBUG_INFO].data,
		.at = offset - source->base,
		.end = unit->end - source->base,
	};
}

bool hg_die_at(struct hg_dwarf *dwarf, uint64_t offset, hg_die_fn *fn, void *arg)
{
	const struct hg_unit *unit = hg_dwarf_unit_at(dwarf, offset);
	if (!unit)
		return false;
	struct hg_cursor cursor = cursor_at(dwarf, unit, offset);
	struct hg_die die;
	return decode(&cursor, &die) == DECODED && fn(arg, &die);
}

// Moves the cursor behind an entry and all that is in it.
static bool step_over(struct hg_cursor *cursor, const struct hg_die *die, uint64_t base)
{
	const struct hg_dwarf *dwarf = cursor->dwarf;
	if (!(die->has & HG_HAS_CHILDREN))
		return true;
	// Who walks its children knows where they end.
	if (dwarf->parent == die->offset && dwarf->parent_end > die->children) {
		cursor->at = dwarf->parent_end - base;
		return true;
	}
	// A sibling that lies before its entry would make an endless walk.
	if (die->sibling >= die->children && die->sibling < cursor->end + base) {
		cursor->at = die->sibling - base;
		return true;
	}
	if (skip_children(cursor))
		return true;
	cursor->dwarf->damage++;
	return false;
}

void hg_die_children(const struct hg_die *parent, hg_die_fn *fn, void *arg)
{
	struct hg_dwarf *dwarf = parent->dwarf;
	if (!(parent->has & HG_HAS_CHILDREN))
		return;
	struct hg_cursor cursor = cursor_at(dwarf, parent->unit, parent->children);
	const uint64_t base = parent->children - cursor.at;
	for (;;) {
		struct hg_die die;
		if (cursor.at >=
		    cursor.end) { // the end of the last children of a unit may be left out
			break;
		}
		const enum decoded decoded = decode(&cursor, &die);
		if (decoded == DECODED_END) {
			dwarf->parent = parent->offset;
			dwarf->parent_end = base + cursor.at;
			return;
		}
		if (decoded == DECODED_BAD || !fn(arg, &die) || !step_over(&cursor, &die, base))
			return;
	}
}

const struct hg_unit *hg_dwarf_units(const struct hg_dwarf *dwarf, size_t *count)
{
	*count = dwarf->units.count;
	return dwarf->units.data;
}

const struct hg_unit *hg_dwarf_unit_at(const struct hg_dwarf *dwarf, uint64_t offset)
{
	size_t low = 0, high = dwarf->units.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct hg_unit *unit = &dwarf->units.data[middle];
		if (offset >= unit->end)
			low = middle + 1;
		else if (offset < unit->die)
			high = middle;
		else
			return unit;
	}
	return NULL;
}

struct hg_section_bytes hg_dwarf_section(struct hg_dwarf *dwarf, enum hg_dwarf_section which)
{
	return hg_source_section(dwarf, 0, which);
}

struct hg_section_bytes hg_dwarf_unit_section(struct hg_dwarf *dwarf, const struct hg_unit *unit,
					      enum hg_dwarf_section which)
{
	const size_t index = (size_t)(unit - dwarf->units.data);
	return hg_source_section(dwarf, dwarf->unit_privates.data[index].source, which);
}

uint64_t hg_dwarf_damage(const struct hg_dwarf *dwarf)
{
	return dwarf->damage;
}

static struct hg_error *add_types(struct hg_dwarf *dwarf)
{
	struct hg_source types = dwarf->sources.data[dwarf->sources.count - 1];
	if (!types.sections[HG_DEBUG_TYPES].size)
		return NULL;
	types.sections[HG_DEBUG_INFO] = types.sections[HG_DEBUG_TYPES];
	struct hg_source *place = hg_vec_push(&dwarf->sources);
	if (!place)
		return &hg_enomem;
	*place = types;
	hg_source_read_units(dwarf);
	return NULL;
}

static struct hg_error *open_any(const struct hg_source *main_file, struct hg_dwarf **ret)
{
	hg_cleanup(hg_dwarf_destroyp) struct hg_dwarf *dwarf = calloc(1, sizeof(*dwarf));
	struct hg_source *source = dwarf ? hg_vec_push(&dwarf->sources) : NULL;
	if (!source)
		return &hg_enomem;
	*source = *main_file;
	struct hg_error *err = hg_source_open(dwarf, source);
	if (err)
		return err;
	if (!source->sections[HG_DEBUG_INFO].data || !source->sections[HG_DEBUG_ABBREV].data)
		return hg_error_create(HG_ERROR_UNSUPPORTED, "no debug info");
	dwarf->attributes_left =
		(source->sections[HG_DEBUG_INFO].size + source->sections[HG_DEBUG_TYPES].size) *
			ATTRIBUTES_PER_BYTE +
		ATTRIBUTES_ALWAYS;
	hg_source_read_units(dwarf);
	err = add_types(dwarf);
	if (!err)
		*ret = hg_take(dwarf);
	return err;
}

struct hg_error *hg_dwarf_open(struct hg_elf *elf, struct hg_dwarf **ret)
{
	const struct hg_source source = {.elf = elf};
	return open_any(&source, ret);
}

struct hg_error *hg_dwarf_open_sections(const struct hg_section_bytes *sections,
					struct hg_dwarf **ret)
{
	struct hg_source source = {0};
	memcpy(source.sections, sections, sizeof(source.sections));
	return open_any(&source, ret);
}

void hg_dwarf_destroy(struct hg_dwarf *dwarf)
{
	if (!dwarf)
		return;
	for (size_t i = 0; i < dwarf->abbrevs.count; i++) {
		hg_vec_deinit(&dwarf->abbrevs.data[i].all);
		hg_vec_deinit(&dwarf->abbrevs.data[i].attributes);
	}
	for (size_t i = 0; i < dwarf->elves.count; i++)
		hg_elf_destroy(dwarf->elves.data[i]);
	hg_vec_deinit(&dwarf->sources);
	hg_vec_deinit(&dwarf->units);
	hg_vec_deinit(&dwarf->unit_privates);
	hg_vec_deinit(&dwarf->abbrevs);
	hg_vec_deinit(&dwarf->elves);
	hg_map_deinit(&dwarf->abbrevs_at);
	hg_map_deinit(&dwarf->signatures);
	free(dwarf);
}
