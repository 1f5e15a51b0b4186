/**
 * Debug info as Go writes it, in small: one of each shape that the readers know.
 */
#ifndef HG_SYNTH_DWARF_SAMPLE_H
#define HG_SYNTH_DWARF_SAMPLE_H

#include "tests/synth/dwarf_writer.h"

static inline uint32_t sample_base(struct dwarf_writer *w, const char *name, unsigned encoding,
				   unsigned size, unsigned kind, uint64_t descriptor)
{
	const uint32_t offset = dwarf_die(w, HG_TAG_BASE_TYPE, false);
	dwarf_string(w, AT_NAME, name);
	dwarf_udata(w, AT_ENCODING, encoding);
	dwarf_udata(w, AT_BYTE_SIZE, size);
	dwarf_udata(w, AT_GO_KIND, kind);
	dwarf_addr(w, AT_GO_RUNTIME_TYPE, descriptor);
	return offset;
}

static inline uint32_t sample_struct(struct dwarf_writer *w, const char *name, unsigned size,
				     uint64_t descriptor)
{
	const uint32_t offset = dwarf_die(w, HG_TAG_STRUCTURE_TYPE, true);
	dwarf_string(w, AT_NAME, name);
	dwarf_udata(w, AT_BYTE_SIZE, size);
	dwarf_udata(w, AT_GO_KIND, 25);
	dwarf_addr(w, AT_GO_RUNTIME_TYPE, descriptor);
	return offset;
}

/** Returns where the reference to the type stands. */
static inline size_t sample_member(struct dwarf_writer *w, const char *name, unsigned at,
				   uint32_t type)
{
	dwarf_die(w, HG_TAG_MEMBER, false);
	dwarf_string(w, AT_NAME, name);
	dwarf_udata(w, AT_DATA_MEMBER_LOCATION, at);
	return dwarf_ref(w, AT_TYPE, type);
}

static inline uint32_t sample_named(struct dwarf_writer *w, unsigned tag, const char *name,
				    uint32_t type)
{
	const uint32_t offset = dwarf_die(w, tag, false);
	dwarf_string(w, AT_NAME, name);
	if (type)
		dwarf_ref(w, AT_TYPE, type);
	return offset;
}

// main.T {ID int; Next *main.T; main.E (embedded)}, main.E {value uint8}, and a typedef of each name.
static inline uint32_t sample_main_types(struct dwarf_writer *w, uint32_t integer, uint32_t byte)
{
	const uint32_t inner = sample_struct(w, "main.E", 1, 0x300);
	sample_member(w, "value", 0, byte);
	dwarf_end(w);
	const uint32_t outer_typedef = dwarf_die(w, HG_TAG_TYPEDEF, false);
	dwarf_string(w, AT_NAME, "main.T");
	const size_t forward = dwarf_ref(w, AT_TYPE, 0);
	const uint32_t pointer = sample_named(w, HG_TAG_POINTER_TYPE, "*main.T", outer_typedef);
	const uint32_t outer = sample_struct(w, "main.T", 24, 0x200);
	dwarf_patch(w, forward, outer);
	sample_member(w, "ID", 0, integer);
	sample_member(w, "Next", 8, pointer);
	sample_member(w, "E", 16, inner);
	dwarf_flag(w, AT_GO_EMBEDDED_FIELD);
	dwarf_end(w);
	return outer_typedef;
}

static inline void sample_odd_types(struct dwarf_writer *w, uint32_t integer, uint32_t type)
{
	const uint32_t loop = dwarf_die(w, HG_TAG_TYPEDEF, false);
	dwarf_string(w, AT_NAME, "main.Loop");
	const size_t forward = dwarf_ref(w, AT_TYPE, 0);
	dwarf_patch(w, forward, sample_named(w, HG_TAG_TYPEDEF, "main.Loop2", loop));
	sample_named(w, HG_TAG_POINTER_TYPE, "unsafe.Pointer", 0);
	dwarf_die(w, HG_TAG_ARRAY_TYPE, true);
	dwarf_string(w, AT_NAME, "[3]main.T");
	dwarf_ref(w, AT_TYPE, type);
	dwarf_udata(w, AT_BYTE_SIZE, 72);
	dwarf_die(w, HG_TAG_SUBRANGE_TYPE, false);
	dwarf_udata(w, AT_COUNT, 3);
	dwarf_end(w);
	dwarf_die(w, HG_TAG_ARRAY_TYPE, true); // as C does: no size, bounds, two dimensions
	dwarf_string(w, AT_NAME, "grid");
	dwarf_ref(w, AT_TYPE, integer);
	dwarf_die(w, HG_TAG_SUBRANGE_TYPE, false);
	dwarf_udata(w, AT_UPPER_BOUND, 1);
	dwarf_die(w, HG_TAG_SUBRANGE_TYPE, false);
	dwarf_udata(w, AT_UPPER_BOUND, 4);
	dwarf_end(w);
	sample_named(w, HG_TAG_TYPEDEF, "map[int]main.T", integer);
	dwarf_udata(w, AT_GO_KIND, 21);
	dwarf_ref(w, AT_GO_KEY, integer);
	dwarf_ref(w, AT_GO_ELEM, type);
	sample_named(w, HG_TAG_TYPEDEF, "main.Nowhere", 0x7ffffff0);
}

// runtime.mspan {startAddr uintptr; state runtime.box {s atomic.Uint8 {noCopy; value uint8}}}
static inline void sample_runtime_types(struct dwarf_writer *w, uint32_t word, uint32_t byte)
{
	const uint32_t empty = sample_struct(w, "atomic.noCopy", 0, 0);
	dwarf_end(w);
	const uint32_t atomic = sample_struct(w, "atomic.Uint8", 1, 0);
	sample_member(w, "noCopy", 0, empty);
	sample_member(w, "value", 0, byte);
	dwarf_end(w);
	const uint32_t box = sample_struct(w, "runtime.box", 1, 0);
	sample_member(w, "s", 0, atomic);
	dwarf_end(w);
	sample_struct(w, "runtime.mspan", 100, 0x400);
	sample_member(w, "startAddr", 24, word);
	sample_member(w, "state", 99, box);
	dwarf_end(w);
}

static inline void sample_globals(struct dwarf_writer *w, uint32_t integer, uint32_t type)
{
	sample_named(w, HG_TAG_VARIABLE, "main.cache", type);
	dwarf_location_addr(w, 0x1000);
	sample_named(w, HG_TAG_VARIABLE, "main.count", integer);
	dwarf_location_addr(w, 0x2000);
	sample_named(w, HG_TAG_VARIABLE, "main.gone", integer);
	dwarf_block(w, AT_LOCATION, "", 0);
	sample_named(w, HG_TAG_CONSTANT, "main.Answer", integer);
	dwarf_sdata(w, AT_CONST_VALUE, 42);
	sample_named(w, HG_TAG_CONSTANT, "main.Negative", integer);
	dwarf_sdata(w, AT_CONST_VALUE, -7);
}

// One entry: in [0x410, 0x420) the variable is 8 bytes at CFA + 8 and 8 bytes of register 3. Returns the list's offset.
static inline size_t sample_location_list(struct dwarf_writer *w, unsigned version)
{
	const uint8_t expr[] = {HG_OP_FBREG, 8, HG_OP_PIECE, 8, HG_OP_REG0 + 3, HG_OP_PIECE, 8};
	struct dwarf_bytes *list = &w->sections[version >= 5 ? HG_DEBUG_LOCLISTS : HG_DEBUG_LOC];
	put_u64(list, 0); // so that the list does not lie at offset 0
	const size_t offset = list->size;
	if (version >= 5) {
		put_u8(list, HG_LLE_BASE_ADDRESSX);
		put_uleb(list, 1);
		put_u8(list, HG_LLE_OFFSET_PAIR);
		put_uleb(list, 0x10);
		put_uleb(list, 0x20);
		put_uleb(list, sizeof(expr));
	} else {
		put_u64(list, UINT64_MAX);
		put_u64(list, 0x400);
		put_u64(list, 0x10);
		put_u64(list, 0x20);
		put_u16(list, sizeof(expr));
	}
	put(list, expr, sizeof(expr));
	if (version >= 5) {
		put_u8(list, HG_LLE_END_OF_LIST);
	} else {
		put_u64(list, 0);
		put_u64(list, 0);
	}
	return offset;
}

// [0x430, 0x440) and [0x450, 0x458)
static inline size_t sample_range_list(struct dwarf_writer *w, unsigned version)
{
	struct dwarf_bytes *list = &w->sections[version >= 5 ? HG_DEBUG_RNGLISTS : HG_DEBUG_RANGES];
	if (version >= 5) {
		put_u8(list, HG_RLE_BASE_ADDRESS);
		put_u64(list, 0x400);
		put_u8(list, HG_RLE_OFFSET_PAIR);
		put_uleb(list, 0x30);
		put_uleb(list, 0x40);
		put_u8(list, HG_RLE_START_LENGTH);
		put_u64(list, 0x450);
		put_uleb(list, 8);
		put_u8(list, HG_RLE_END_OF_LIST);
		return 0;
	}
	const uint64_t words[] = {UINT64_MAX, 0x400, 0x30, 0x40, 0x50, 0x58, 0, 0};
	put(list, words, sizeof(words));
	return 0;
}

// main.f at [0x400, 0x480): parameter x, variable s, captured &n; main.g(y) inlined into it in two ranges.
static inline void sample_function(struct dwarf_writer *w, unsigned version, uint32_t integer)
{
	const uint8_t cfa[] = {HG_OP_CALL_FRAME_CFA}, below[] = {HG_OP_FBREG, 0x70}; // -16
	const uint32_t abstract = dwarf_die(w, HG_TAG_SUBPROGRAM, true);
	dwarf_string(w, AT_NAME, "main.g");
	const uint32_t y = sample_named(w, HG_TAG_FORMAL_PARAMETER, "y", integer);
	dwarf_udata(w, AT_DECL_LINE, 7);
	dwarf_end(w);
	dwarf_die(w, HG_TAG_SUBPROGRAM, true);
	dwarf_string(w, AT_NAME, "main.f");
	dwarf_addr(w, AT_LOW_PC, 0x400);
	if (version >= 5)
		dwarf_udata(w, AT_HIGH_PC, 0x80);
	else
		dwarf_addr(w, AT_HIGH_PC, 0x480);
	dwarf_block(w, AT_FRAME_BASE, cfa, sizeof(cfa));
	sample_named(w, HG_TAG_FORMAL_PARAMETER, "x", integer);
	dwarf_udata(w, AT_DECL_LINE, 5);
	dwarf_block(w, AT_LOCATION, cfa, sizeof(cfa));
	dwarf_die(w, HG_TAG_LEXICAL_BLOCK, true);
	sample_named(w, HG_TAG_VARIABLE, "s", integer);
	dwarf_section_offset(w, AT_LOCATION, sample_location_list(w, version));
	dwarf_end(w);
	sample_named(w, HG_TAG_VARIABLE, "&n", integer);
	dwarf_udata(w, AT_GO_CLOSURE_OFFSET, 8);
	dwarf_die(w, HG_TAG_INLINED_SUBROUTINE, true);
	dwarf_ref(w, AT_ABSTRACT_ORIGIN, abstract);
	dwarf_section_offset(w, AT_RANGES, sample_range_list(w, version));
	dwarf_die(w, HG_TAG_FORMAL_PARAMETER, false);
	dwarf_ref(w, AT_ABSTRACT_ORIGIN, y);
	dwarf_block(w, AT_LOCATION, below, sizeof(below));
	dwarf_end(w);
	dwarf_end(w);
}

/** Writes a unit of all that. */
static inline void sample_write(struct dwarf_writer *w, unsigned version)
{
	memset(w, 0, sizeof(*w));
	dwarf_unit(w, version, HG_LANG_GO);
	dwarf_string(w, AT_NAME, "runtime");
	dwarf_addr(w, AT_LOW_PC, 0);
	if (version >= 5) {
		dwarf_section_offset(w, AT_ADDR_BASE, 8);
		put_u64(&w->sections[HG_DEBUG_ADDR], 0x0008000500000014); // its header
		put_u64(&w->sections[HG_DEBUG_ADDR], 0);
		put_u64(&w->sections[HG_DEBUG_ADDR], 0x400);
	}
	const uint32_t integer = sample_base(w, "int", HG_ATE_SIGNED, 8, 2, 0x100);
	const uint32_t byte = sample_base(w, "uint8", 7, 1, 8, 0x140);
	const uint32_t word = sample_base(w, "uintptr", 7, 8, 12, 0x50000000);
	const uint32_t type = sample_main_types(w, integer, byte);
	sample_odd_types(w, integer, type);
	sample_runtime_types(w, word, byte);
	sample_globals(w, integer, type);
	sample_function(w, version, integer);
	dwarf_unit_end(w);
}

#endif
