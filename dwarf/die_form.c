// The forms that values of attributes have.

#include "dwarf/die_private.h"

#include <string.h>

#include "core/base/bytes.h"

enum {
	FORM_ADDR = 0x01,
	FORM_BLOCK2 = 0x03,
	FORM_BLOCK4 = 0x04,
	FORM_DATA2 = 0x05,
	FORM_DATA4 = 0x06,
	FORM_DATA8 = 0x07,
	FORM_STRING = 0x08,
	FORM_BLOCK = 0x09,
	FORM_BLOCK1 = 0x0a,
	FORM_DATA1 = 0x0b,
	FORM_FLAG = 0x0c,
	FORM_SDATA = 0x0d,
	FORM_STRP = 0x0e,
	FORM_UDATA = 0x0f,
	FORM_REF_ADDR = 0x10,
	FORM_REF1 = 0x11,
	FORM_REF2 = 0x12,
	FORM_REF4 = 0x13,
	FORM_REF8 = 0x14,
	FORM_REF_UDATA = 0x15,
	FORM_INDIRECT = 0x16,
	FORM_SEC_OFFSET = 0x17,
	FORM_EXPRLOC = 0x18,
	FORM_FLAG_PRESENT = 0x19,
	FORM_STRX = 0x1a,
	FORM_ADDRX = 0x1b,
	FORM_REF_SUP4 = 0x1c,
	FORM_STRP_SUP = 0x1d,
	FORM_DATA16 = 0x1e,
	FORM_LINE_STRP = 0x1f,
	FORM_REF_SIG8 = 0x20,
	FORM_IMPLICIT_CONST = 0x21,
	FORM_LOCLISTX = 0x22,
	FORM_RNGLISTX = 0x23,
	FORM_REF_SUP8 = 0x24,
	FORM_STRX1 = 0x25,
	FORM_STRX2 = 0x26,
	FORM_STRX3 = 0x27,
	FORM_STRX4 = 0x28,
	FORM_ADDRX1 = 0x29,
	FORM_ADDRX2 = 0x2a,
	FORM_ADDRX3 = 0x2b,
	FORM_ADDRX4 = 0x2c,
	FORM_GNU_ADDR_INDEX = 0x1f01,
	FORM_GNU_STR_INDEX = 0x1f02,
	FORM_GNU_REF_ALT = 0x1f20,
	FORM_GNU_STRP_ALT = 0x1f21,
};

// How a form is stored, and what it is.
enum stored {
	STORED_NONE,
	STORED_1,
	STORED_2,
	STORED_3,
	STORED_4,
	STORED_8,
	STORED_16,
	STORED_ADDRESS, // of the unit's size
	STORED_OFFSET,	// of the unit's size
	STORED_REF_ADDR,
	STORED_ULEB,
	STORED_SLEB,
	STORED_TEXT,
	STORED_BLOCK1,
	STORED_BLOCK2,
	STORED_BLOCK4,
	STORED_BLOCK,
	STORED_NOWHERE, // in the abbreviation
};

enum meaning {
	IS_NOTHING,
	IS_NUMBER,
	IS_FLAG,
	IS_TRUE,
	IS_OFFSET,
	IS_INDEX,
	IS_ADDRESS,
	IS_ADDRESS_INDEX,
	IS_BLOCK,
	IS_INLINE_TEXT,
	IS_TEXT_OFFSET,
	IS_LINE_TEXT_OFFSET,
	IS_SUPPLEMENTARY_TEXT,
	IS_TEXT_INDEX,
	IS_REF_UNIT,
	IS_REF_SOURCE,
	IS_REF_SUPPLEMENTARY,
	IS_SIGNATURE,
};

static const struct form {
	uint8_t stored, meaning;
} forms[] = {
	[FORM_ADDR] = {STORED_ADDRESS, IS_ADDRESS},
	[FORM_BLOCK2] = {STORED_BLOCK2, IS_BLOCK},
	[FORM_BLOCK4] = {STORED_BLOCK4, IS_BLOCK},
	[FORM_DATA2] = {STORED_2, IS_NUMBER},
	[FORM_DATA4] = {STORED_4, IS_NUMBER},
	[FORM_DATA8] = {STORED_8, IS_NUMBER},
	[FORM_STRING] = {STORED_TEXT, IS_INLINE_TEXT},
	[FORM_BLOCK] = {STORED_BLOCK, IS_BLOCK},
	[FORM_BLOCK1] = {STORED_BLOCK1, IS_BLOCK},
	[FORM_DATA1] = {STORED_1, IS_NUMBER},
	[FORM_FLAG] = {STORED_1, IS_FLAG},
	[FORM_SDATA] = {STORED_SLEB, IS_NUMBER},
	[FORM_STRP] = {STORED_OFFSET, IS_TEXT_OFFSET},
	[FORM_UDATA] = {STORED_ULEB, IS_NUMBER},
	[FORM_REF_ADDR] = {STORED_REF_ADDR, IS_REF_SOURCE},
	[FORM_REF1] = {STORED_1, IS_REF_UNIT},
	[FORM_REF2] = {STORED_2, IS_REF_UNIT},
	[FORM_REF4] = {STORED_4, IS_REF_UNIT},
	[FORM_REF8] = {STORED_8, IS_REF_UNIT},
	[FORM_REF_UDATA] = {STORED_ULEB, IS_REF_UNIT},
	[FORM_SEC_OFFSET] = {STORED_OFFSET, IS_OFFSET},
	[FORM_EXPRLOC] = {STORED_BLOCK, IS_BLOCK},
	[FORM_FLAG_PRESENT] = {STORED_NOWHERE, IS_TRUE},
	[FORM_STRX] = {STORED_ULEB, IS_TEXT_INDEX},
	[FORM_ADDRX] = {STORED_ULEB, IS_ADDRESS_INDEX},
	[FORM_REF_SUP4] = {STORED_4, IS_REF_SUPPLEMENTARY},
	[FORM_STRP_SUP] = {STORED_OFFSET, IS_SUPPLEMENTARY_TEXT},
	[FORM_DATA16] = {STORED_16, IS_NOTHING},
	[FORM_LINE_STRP] = {STORED_OFFSET, IS_LINE_TEXT_OFFSET},
	[FORM_REF_SIG8] = {STORED_8, IS_SIGNATURE},
	[FORM_IMPLICIT_CONST] = {STORED_NOWHERE, IS_NUMBER},
	[FORM_LOCLISTX] = {STORED_ULEB, IS_INDEX},
	[FORM_RNGLISTX] = {STORED_ULEB, IS_INDEX},
	[FORM_REF_SUP8] = {STORED_8, IS_REF_SUPPLEMENTARY},
	[FORM_STRX1] = {STORED_1, IS_TEXT_INDEX},
	[FORM_STRX2] = {STORED_2, IS_TEXT_INDEX},
	[FORM_STRX3] = {STORED_3, IS_TEXT_INDEX},
	[FORM_STRX4] = {STORED_4, IS_TEXT_INDEX},
	[FORM_ADDRX1] = {STORED_1, IS_ADDRESS_INDEX},
	[FORM_ADDRX2] = {STORED_2, IS_ADDRESS_INDEX},
	[FORM_ADDRX3] = {STORED_3, IS_ADDRESS_INDEX},
	[FORM_ADDRX4] = {STORED_4, IS_ADDRESS_INDEX},
};

static struct form find_form(uint64_t number)
{
	switch (number) {
	case FORM_GNU_ADDR_INDEX:
		return (struct form){STORED_ULEB, IS_ADDRESS_INDEX};
	case FORM_GNU_STR_INDEX:
		return (struct form){STORED_ULEB, IS_TEXT_INDEX};
	case FORM_GNU_REF_ALT:
		return (struct form){STORED_OFFSET, IS_REF_SUPPLEMENTARY};
	case FORM_GNU_STRP_ALT:
		return (struct form){STORED_OFFSET, IS_SUPPLEMENTARY_TEXT};
	default:
		return number < ARRAY_SIZE(forms) ? forms[number] : (struct form){0, 0};
	}
}

uint64_t hg_cursor_uint(struct hg_cursor *cursor, unsigned size)
{
	uint64_t value = 0;
	if (cursor->end - cursor->at < size || cursor->bad) {
		cursor->bad = true;
		return 0;
	}
	memcpy(&value, cursor->data + cursor->at, size);
	cursor->at += size;
	return value;
}

static uint64_t leb(struct hg_cursor *cursor, bool is_signed)
{
	uint64_t value = 0;
	for (unsigned shift = 0; cursor->at < cursor->end && !cursor->bad; shift += 7) {
		const uint8_t byte = cursor->data[cursor->at++];
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (is_signed && (byte & 0x40) && shift + 7 < 64)
			value |= ~0ull << (shift + 7);
		return value;
	}
	cursor->bad = true;
	return 0;
}

uint64_t hg_cursor_uleb(struct hg_cursor *cursor)
{
	return leb(cursor, false);
}

static struct hg_section_bytes take_block(struct hg_cursor *cursor, uint64_t size)
{
	if (cursor->bad || cursor->end - cursor->at < size) {
		cursor->bad = true;
		return (struct hg_section_bytes){0};
	}
	const struct hg_section_bytes block = {cursor->data + cursor->at, size};
	cursor->at += size;
	return block;
}

static const char *take_text(struct hg_cursor *cursor)
{
	const uint8_t *start = cursor->data + cursor->at;
	const uint8_t *end = cursor->bad ? NULL : memchr(start, 0, cursor->end - cursor->at);
	if (!end) {
		cursor->bad = true;
		return NULL;
	}
	cursor->at += (uint64_t)(end - start) + 1;
	return (const char *)start;
}

static uint64_t take_number(struct hg_cursor *cursor, enum stored stored)
{
	static const uint8_t sizes[] = {
		[STORED_1] = 1, [STORED_2] = 2, [STORED_3] = 3, [STORED_4] = 4, [STORED_8] = 8};
	const struct hg_unit *unit = cursor->unit;
	switch (stored) {
	case STORED_ADDRESS:
		return hg_cursor_uint(cursor, unit->address_size);
	case STORED_OFFSET:
		return hg_cursor_uint(cursor, unit->offset_size);
	case STORED_REF_ADDR: // DWARF 2 had it differently
		return hg_cursor_uint(cursor,
				      unit->version < 3 ? unit->address_size : unit->offset_size);
	case STORED_ULEB:
		return leb(cursor, false);
	case STORED_SLEB:
		return leb(cursor, true);
	case STORED_NOWHERE:
		return 0;
	default:
		return hg_cursor_uint(cursor, sizes[stored]);
	}
}

static const char *text_at(struct hg_dwarf *dwarf, uint32_t source, enum hg_dwarf_section which,
			   uint64_t offset)
{
	const struct hg_source *from = &dwarf->sources.data[source];
	return offset < from->texts_end[which] ? (const char *)from->sections[which].data + offset
					       : NULL;
}

static const char *text_by_index(struct hg_cursor *cursor, uint64_t index)
{
	const struct hg_source *source = &cursor->dwarf->sources.data[cursor->priv->source];
	const struct hg_section_bytes *table = &source->sections[HG_DEBUG_STR_OFFSETS];
	const unsigned size = cursor->unit->offset_size;
	uint64_t at;
	if (__builtin_mul_overflow(index, size, &at) ||
	    __builtin_add_overflow(at, cursor->priv->text_offsets_base, &at) ||
	    table->size < size || at > table->size - size)
		return NULL;
	const uint64_t offset =
		size == 8 ? hg_load_u64(table->data + at) : hg_load_u32(table->data + at);
	return text_at(cursor->dwarf, cursor->priv->source, HG_DEBUG_STR, offset);
}

// Tables of addresses stand in the main file, which is linked.
static bool address_by_index(struct hg_cursor *cursor, uint64_t index, uint64_t *ret)
{
	const struct hg_section_bytes *table =
		&cursor->dwarf->sources.data[0].sections[HG_DEBUG_ADDR];
	uint64_t at;
	if (__builtin_mul_overflow(index, 8, &at) ||
	    __builtin_add_overflow(at, cursor->unit->addr_base, &at) || table->size < 8 ||
	    at > table->size - 8)
		return false;
	*ret = hg_load_u64(table->data + at);
	return true;
}

static uint64_t reference(struct hg_cursor *cursor, enum meaning meaning, uint64_t number)
{
	struct hg_dwarf *dwarf = cursor->dwarf;
	uint64_t base = 0, ret;
	if (meaning == IS_SIGNATURE) {
		const uint64_t *type = hg_map_get(&dwarf->signatures, number);
		return type ? *type : 0;
	}
	if (meaning == IS_REF_SUPPLEMENTARY) {
		if (!dwarf->supplementary)
			return 0;
		base = dwarf->sources.data[dwarf->supplementary - 1].base;
	} else {
		base = meaning == IS_REF_UNIT ? cursor->priv->start
					      : dwarf->sources.data[cursor->priv->source].base;
	}
	return __builtin_add_overflow(base, number, &ret) ? 0 : ret;
}

static void set_text(struct hg_form_value *ret, const char *text)
{
	ret->kind = text ? HG_FORM_TEXT : HG_FORM_NOTHING;
	ret->text = text;
}

static void explain(struct hg_cursor *cursor, enum meaning meaning, uint64_t number,
		    struct hg_form_value *ret)
{
	static const uint8_t kinds[] = {
		[IS_NUMBER] = HG_FORM_NUMBER,
		[IS_FLAG] = HG_FORM_FLAG,
		[IS_TRUE] = HG_FORM_FLAG,
		[IS_OFFSET] = HG_FORM_OFFSET,
		[IS_INDEX] = HG_FORM_INDEX,
		[IS_ADDRESS] = HG_FORM_ADDRESS,
		[IS_ADDRESS_INDEX] = HG_FORM_ADDRESS,
	};
	struct hg_dwarf *dwarf = cursor->dwarf;
	const uint32_t source = cursor->priv->source;
	ret->number = number;
	switch (meaning) {
	case IS_TRUE:
		ret->number = 1;
		break;
	case IS_ADDRESS_INDEX:
		if (address_by_index(cursor, number, &ret->number))
			break;
		ret->kind = HG_FORM_NOTHING;
		return;
	case IS_TEXT_OFFSET:
		set_text(ret, text_at(dwarf, source, HG_DEBUG_STR, number));
		return;
	case IS_LINE_TEXT_OFFSET:
		set_text(ret, text_at(dwarf, source, HG_DEBUG_LINE_STR, number));
		return;
	case IS_SUPPLEMENTARY_TEXT:
		set_text(ret, dwarf->supplementary ? text_at(dwarf, dwarf->supplementary - 1,
							     HG_DEBUG_STR, number)
						   : NULL);
		return;
	case IS_TEXT_INDEX:
		set_text(ret, text_by_index(cursor, number));
		return;
	case IS_REF_UNIT:
	case IS_REF_SOURCE:
	case IS_REF_SUPPLEMENTARY:
	case IS_SIGNATURE:
		ret->kind = HG_FORM_REFERENCE;
		ret->number = reference(cursor, meaning, number);
		return;
	default:
		break;
	}
	ret->kind = kinds[meaning];
}

static uint64_t block_size(struct hg_cursor *cursor, enum stored stored)
{
	switch (stored) {
	case STORED_BLOCK1:
		return hg_cursor_uint(cursor, 1);
	case STORED_BLOCK2:
		return hg_cursor_uint(cursor, 2);
	case STORED_BLOCK4:
		return hg_cursor_uint(cursor, 4);
	case STORED_BLOCK:
		return leb(cursor, false);
	default:
		return 16;
	}
}

void hg_form_read(struct hg_cursor *cursor, const struct hg_abbrev_attribute *attribute,
		  struct hg_form_value *ret)
{
	uint64_t number = attribute->form;
	if (number == FORM_INDIRECT)
		number = leb(cursor, false);
	const struct form form = find_form(number);
	if (form.stored == STORED_NONE) {
		cursor->bad = true;
		return;
	}
	if (form.stored == STORED_16 || form.stored >= STORED_BLOCK1) {
		if (form.stored != STORED_NOWHERE) {
			const struct hg_section_bytes block =
				take_block(cursor, block_size(cursor, form.stored));
			if (ret)
				*ret = (struct hg_form_value){.kind = form.meaning == IS_BLOCK
									      ? HG_FORM_BLOCK
									      : HG_FORM_NOTHING,
							      .block = block};
			return;
		}
		number = (uint64_t)attribute->implicit;
	} else if (form.stored == STORED_TEXT) {
		const char *text = take_text(cursor);
		if (ret)
			set_text(ret, text);
		return;
	} else {
		number = take_number(cursor, form.stored);
	}
	if (ret)
		explain(cursor, form.meaning, number, ret);
}
