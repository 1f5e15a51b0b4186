/**
 * Writes small debug info, entry by entry; each entry gets an abbreviation of its own.
 *
 *     dwarf_unit(w, 4, HG_LANG_GO);
 *     const uint32_t type = dwarf_die(w, HG_TAG_BASE_TYPE, false);
 *     dwarf_string(w, AT_NAME, "int");
 *     dwarf_udata(w, AT_BYTE_SIZE, 8);
 *     dwarf_unit_end(w);
 */
#ifndef HG_SYNTH_DWARF_WRITER_H
#define HG_SYNTH_DWARF_WRITER_H

#include <stdlib.h>
#include <string.h>

#include "dwarf/die.h"
#include "dwarf/dwarfnum.h"

enum { /* attributes */
       AT_LOCATION = 0x02,
       AT_NAME = 0x03,
       AT_BYTE_SIZE = 0x0b,
       AT_LOW_PC = 0x11,
       AT_HIGH_PC = 0x12,
       AT_LANGUAGE = 0x13,
       AT_CONST_VALUE = 0x1c,
       AT_UPPER_BOUND = 0x2f,
       AT_ABSTRACT_ORIGIN = 0x31,
       AT_COUNT = 0x37,
       AT_DATA_MEMBER_LOCATION = 0x38,
       AT_DECL_LINE = 0x3b,
       AT_DECLARATION = 0x3c,
       AT_ENCODING = 0x3e,
       AT_FRAME_BASE = 0x40,
       AT_SPECIFICATION = 0x47,
       AT_TYPE = 0x49,
       AT_RANGES = 0x55,
       AT_ADDR_BASE = 0x73,
       AT_GO_KIND = 0x2900,
       AT_GO_KEY = 0x2901,
       AT_GO_ELEM = 0x2902,
       AT_GO_EMBEDDED_FIELD = 0x2903,
       AT_GO_RUNTIME_TYPE = 0x2904,
       AT_GO_CLOSURE_OFFSET = 0x2907,
};

struct dwarf_bytes {
	uint8_t data[16384];
	size_t size;
};

struct dwarf_writer {
	struct dwarf_bytes sections[HG_DEBUG_SECTIONS];
	unsigned code;	   /* of the newest abbreviation */
	bool open;	   /* its attributes are not ended yet */
	size_t unit_start; /* of its length field in .debug_info */
};

static inline void put(struct dwarf_bytes *bytes, const void *data, size_t size)
{
	hg_assert(size <= sizeof(bytes->data) - bytes->size);
	memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

static inline void put_u8(struct dwarf_bytes *bytes, unsigned value)
{
	put(bytes, &(uint8_t){(uint8_t)value}, 1);
}

static inline void put_u16(struct dwarf_bytes *bytes, unsigned value)
{
	put(bytes, &(uint16_t){(uint16_t)value}, 2);
}

static inline void put_u32(struct dwarf_bytes *bytes, uint32_t value)
{
	put(bytes, &value, 4);
}

static inline void put_u64(struct dwarf_bytes *bytes, uint64_t value)
{
	put(bytes, &value, 8);
}

static inline void put_uleb(struct dwarf_bytes *bytes, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		put_u8(bytes, (value & 0x7f) | 0x80);
	put_u8(bytes, (unsigned)value);
}

static inline void put_sleb(struct dwarf_bytes *bytes, int64_t value)
{
	for (; value < -64 || value > 63; value >>= 7)
		put_u8(bytes, (value & 0x7f) | 0x80);
	put_u8(bytes, value & 0x7f);
}

static inline void dwarf_close_abbrev(struct dwarf_writer *w)
{
	if (w->open)
		put_u16(&w->sections[HG_DEBUG_ABBREV], 0);
	w->open = false;
}

/** Starts an entry; returns its offset. */
static inline uint32_t dwarf_die(struct dwarf_writer *w, unsigned tag, bool has_children)
{
	const uint32_t offset = (uint32_t)w->sections[HG_DEBUG_INFO].size;
	dwarf_close_abbrev(w);
	put_uleb(&w->sections[HG_DEBUG_INFO], ++w->code);
	put_uleb(&w->sections[HG_DEBUG_ABBREV], w->code);
	put_uleb(&w->sections[HG_DEBUG_ABBREV], tag);
	put_u8(&w->sections[HG_DEBUG_ABBREV], has_children);
	w->open = true;
	return offset;
}

/** Ends the children of an entry. */
static inline void dwarf_end(struct dwarf_writer *w)
{
	dwarf_close_abbrev(w);
	put_u8(&w->sections[HG_DEBUG_INFO], 0);
}

static inline struct dwarf_bytes *dwarf_attribute(struct dwarf_writer *w, unsigned at,
						  unsigned form)
{
	put_uleb(&w->sections[HG_DEBUG_ABBREV], at);
	put_uleb(&w->sections[HG_DEBUG_ABBREV], form);
	return &w->sections[HG_DEBUG_INFO];
}

static inline void dwarf_string(struct dwarf_writer *w, unsigned at, const char *text)
{
	put(dwarf_attribute(w, at, 0x08), text, strlen(text) + 1);
}

static inline void dwarf_udata(struct dwarf_writer *w, unsigned at, uint64_t value)
{
	put_uleb(dwarf_attribute(w, at, 0x0f), value);
}

static inline void dwarf_sdata(struct dwarf_writer *w, unsigned at, int64_t value)
{
	put_sleb(dwarf_attribute(w, at, 0x0d), value);
}

static inline void dwarf_addr(struct dwarf_writer *w, unsigned at, uint64_t value)
{
	put_u64(dwarf_attribute(w, at, 0x01), value);
}

static inline void dwarf_flag(struct dwarf_writer *w, unsigned at)
{
	put_u8(dwarf_attribute(w, at, 0x0c), 1);
}

static inline void dwarf_section_offset(struct dwarf_writer *w, unsigned at, size_t value)
{
	put_u32(dwarf_attribute(w, at, 0x17), (uint32_t)value);
}

static inline void dwarf_block(struct dwarf_writer *w, unsigned at, const void *data, size_t size)
{
	struct dwarf_bytes *info = dwarf_attribute(w, at, 0x0a);
	put_u8(info, (unsigned)size);
	put(info, data, size);
}

static inline void dwarf_location_addr(struct dwarf_writer *w, uint64_t addr)
{
	uint8_t expr[9] = {HG_OP_ADDR};
	memcpy(expr + 1, &addr, 8);
	dwarf_block(w, AT_LOCATION, expr, sizeof(expr));
}

/** A reference to another entry; returns where it stands, for dwarf_patch() when that entry is not written yet. */
static inline size_t dwarf_ref(struct dwarf_writer *w, unsigned at, uint32_t offset)
{
	struct dwarf_bytes *info = dwarf_attribute(w, at, 0x10);
	put_u32(info, offset);
	return info->size - 4;
}

static inline void dwarf_patch(struct dwarf_writer *w, size_t where, uint32_t offset)
{
	memcpy(w->sections[HG_DEBUG_INFO].data + where, &offset, 4);
}

/** Starts a unit, whose top entry is open for more attributes. */
static inline void dwarf_unit(struct dwarf_writer *w, unsigned version, unsigned language)
{
	struct dwarf_bytes *info = &w->sections[HG_DEBUG_INFO];
	w->unit_start = info->size;
	w->code = 0;
	put_u32(info, 0);
	put_u16(info, version);
	if (version >= 5) {
		put_u8(info, 1); // DW_UT_compile
		put_u8(info, 8);
	}
	put_u32(info, (uint32_t)w->sections[HG_DEBUG_ABBREV].size);
	if (version < 5)
		put_u8(info, 8);
	dwarf_die(w, 0x11, true);
	dwarf_udata(w, AT_LANGUAGE, language);
}

static inline void dwarf_unit_end(struct dwarf_writer *w)
{
	struct dwarf_bytes *info = &w->sections[HG_DEBUG_INFO];
	dwarf_end(w);
	put_u8(&w->sections[HG_DEBUG_ABBREV], 0);
	const uint32_t length = (uint32_t)(info->size - w->unit_start - 4);
	memcpy(info->data + w->unit_start, &length, 4);
}

static inline void dwarf_sections(const struct dwarf_writer *w,
				  struct hg_section_bytes ret[HG_DEBUG_SECTIONS])
{
	for (unsigned i = 0; i < HG_DEBUG_SECTIONS; i++)
		ret[i] = (struct hg_section_bytes){w->sections[i].size ? w->sections[i].data : NULL,
						   w->sections[i].size};
}

#endif
