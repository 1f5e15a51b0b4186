#include "dwarf/abbrev.h"
#include "dwarf/die.h"

#if __has_include(<libdwarf/libdwarf.h>)
#include <libdwarf/dwarf.h>
#include <libdwarf/libdwarf.h>
#else // newer releases install into a folder that pkg-config names
#include <dwarf.h>
#include <libdwarf.h>
#endif

#include "core/base/bytes.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "dwarf/dwarfnum.h"

#ifdef DW_LIBDWARF_VERSION // 0.3 and newer renamed what an object reader implements
typedef Dwarf_Obj_Access_Interface_a access_interface;
typedef Dwarf_Obj_Access_Methods_a access_methods;
typedef Dwarf_Obj_Access_Section_a access_section;
#else
typedef Dwarf_Obj_Access_Interface access_interface;
typedef Dwarf_Obj_Access_Methods access_methods;
typedef Dwarf_Obj_Access_Section access_section;
#endif

enum {
	// Go's own attributes; libdwarf does not name all of them.
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

static const char *const section_names[HG_DEBUG_SECTIONS] = {
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
};

struct hg_dwarf {
	Dwarf_Debug dbg;
	access_interface interface;
	struct hg_elf *elf; // NULL when made of sections
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	bool tried[HG_DEBUG_SECTIONS]; // sections[] is filled, or there is nothing to fill it with
	HG_VEC(struct hg_unit) units;
	struct hg_map
		abbrevs; // offsets of tables in .debug_abbrev -> 1 where they are sane, 2 where not, 3: linked
	uint64_t damage;
	bool exhausted; // of memory: what was not read may be sound
	uint64_t attributes_left;
};

// Our own readers of lists need no libdwarf, so it sees only what entries are made of.
static bool libdwarf_reads(unsigned which)
{
	return which <= HG_DEBUG_ADDR;
}

// Section 0 is the empty one of every ELF file; the others follow in the order of enum hg_dwarf_section.
static bool has_section(const struct hg_dwarf *dwarf, uint64_t index)
{
	return index && index <= HG_DEBUG_SECTIONS && libdwarf_reads((unsigned)index - 1) &&
	       dwarf->sections[index - 1].data;
}

static int section_info(void *object, uint64_t index, access_section *ret)
{
	const struct hg_dwarf *dwarf = object;
	const bool there = has_section(dwarf, index);
	const char *name = there ? section_names[index - 1] : "";
	const uint64_t size = there ? dwarf->sections[index - 1].size : 0;
#ifdef DW_LIBDWARF_VERSION
	*ret = (access_section){.as_name = name, .as_size = size, .as_type = 1};
#else
	*ret = (access_section){.name = name, .size = size, .type = 1};
#endif
	return index <= HG_DEBUG_SECTIONS ? DW_DLV_OK : DW_DLV_NO_ENTRY;
}

static int section_bytes(void *object, uint64_t index, Dwarf_Small **ret)
{
	const struct hg_dwarf *dwarf = object;
	if (!has_section(dwarf, index))
		return DW_DLV_NO_ENTRY;
	*ret = (Dwarf_Small *)(uintptr_t)dwarf->sections[index - 1].data;
	return DW_DLV_OK;
}

// The type of an index grew from 16 to 64 bits between releases, so there are two of each, and the compiler picks.
static int section_info_16(void *object, Dwarf_Half index, access_section *ret, int *error)
{
	(void)error;
	return section_info(object, index, ret);
}

static int section_info_64(void *object, Dwarf_Unsigned index, access_section *ret, int *error)
{
	(void)error;
	return section_info(object, index, ret);
}

static int section_bytes_16(void *object, Dwarf_Half index, Dwarf_Small **ret, int *error)
{
	(void)error;
	return section_bytes(object, index, ret);
}

static int section_bytes_64(void *object, Dwarf_Unsigned index, Dwarf_Small **ret, int *error)
{
	(void)error;
	return section_bytes(object, index, ret);
}

#define BY_INDEX(member, fn)                                                                       \
	_Generic((((access_methods *)NULL)->member), __typeof__(&fn##_16)                          \
		 : fn##_16, default                                                                \
		 : fn##_64)

#ifdef DW_LIBDWARF_VERSION
static Dwarf_Small get_byte_order(void *object)
{
	(void)object;
	return DW_END_little;
}

static Dwarf_Unsigned get_filesize(void *object)
{
	const struct hg_dwarf *dwarf = object;
	Dwarf_Unsigned size = 4096;
	for (unsigned i = 0; i < HG_DEBUG_SECTIONS; i++)
		size += dwarf->sections[i].size;
	return size;
}
#else
static Dwarf_Endianness get_byte_order(void *object)
{
	(void)object;
	return DW_OBJECT_LSB;
}
#endif

static Dwarf_Small get_length_size(void *object)
{
	(void)object;
	return 4; // a 64-bit unit says so by its own length field
}

static Dwarf_Small get_pointer_size(void *object)
{
	(void)object;
	return 8;
}

static Dwarf_Unsigned get_section_count(void *object)
{
	(void)object;
	return HG_DEBUG_SECTIONS + 1;
}

static const access_methods methods = {
#ifdef DW_LIBDWARF_VERSION
	.om_get_section_info = BY_INDEX(om_get_section_info, section_info),
	.om_get_byte_order = get_byte_order,
	.om_get_length_size = get_length_size,
	.om_get_pointer_size = get_pointer_size,
	.om_get_filesize = get_filesize,
	.om_get_section_count = get_section_count,
	.om_load_section = BY_INDEX(om_load_section, section_bytes),
#else
	.get_section_info = BY_INDEX(get_section_info, section_info),
	.get_byte_order = get_byte_order,
	.get_length_size = get_length_size,
	.get_pointer_size = get_pointer_size,
	.get_section_count = get_section_count,
	.load_section = BY_INDEX(load_section, section_bytes),
#endif
};

static int open_libdwarf(struct hg_dwarf *dwarf, Dwarf_Error *error)
{
#ifdef DW_LIBDWARF_VERSION
	dwarf->interface = (access_interface){.ai_object = dwarf, .ai_methods = &methods};
	return dwarf_object_init_b(&dwarf->interface, NULL, NULL, DW_GROUPNUMBER_ANY, &dwarf->dbg,
				   error);
#else
	dwarf->interface = (access_interface){.object = dwarf, .methods = &methods};
	return dwarf_object_init(&dwarf->interface, NULL, NULL, &dwarf->dbg, error);
#endif
}

static void close_libdwarf(struct hg_dwarf *dwarf)
{
#ifdef DW_LIBDWARF_VERSION
	dwarf_object_finish(dwarf->dbg);
#else
	Dwarf_Error error = NULL;
	dwarf_object_finish(dwarf->dbg, &error);
#endif
}

static void note_damage(struct hg_dwarf *dwarf, Dwarf_Error error)
{
	dwarf->damage++;
	if (!error)
		return;
	dwarf->exhausted |= dwarf_errno(error) == DW_DLE_ALLOC_FAIL;
	dwarf_dealloc_error(dwarf->dbg, error);
}

static bool is_address_form(Dwarf_Half form)
{
	return form == DW_FORM_addr || (form >= DW_FORM_addrx1 && form <= DW_FORM_addrx4) ||
	       form == DW_FORM_addrx || form == DW_FORM_GNU_addr_index;
}

static bool is_block_form(Dwarf_Half form)
{
	return form == DW_FORM_block1 || form == DW_FORM_block2 || form == DW_FORM_block4 ||
	       form == DW_FORM_block || form == DW_FORM_exprloc;
}

// A size, count or offset can also be an expression or a reference to a variable (C arrays of variable length).
static bool is_number_form(Dwarf_Half form)
{
	return !is_block_form(form) && form != DW_FORM_string && form != DW_FORM_strp &&
	       form != DW_FORM_ref4 && form != DW_FORM_ref_addr && !is_address_form(form) &&
	       form != DW_FORM_data16;
}

static bool read_address(struct hg_dwarf *dwarf, Dwarf_Attribute attr, uint64_t *ret)
{
	Dwarf_Addr value = 0;
	Dwarf_Error error = NULL;
	const int status = dwarf_formaddr(attr, &value, &error);
	if (status == DW_DLV_ERROR)
		note_damage(dwarf, error);
	*ret = value;
	return status == DW_DLV_OK;
}

static bool read_number(struct hg_dwarf *dwarf, Dwarf_Attribute attr, Dwarf_Half form,
			uint64_t *ret)
{
	Dwarf_Error error = NULL;
	int status;
	if (!is_number_form(form))
		return false;
	if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
		Dwarf_Signed value = 0;
		status = dwarf_formsdata(attr, &value, &error);
		*ret = (uint64_t)value;
	} else if (form == DW_FORM_sec_offset) {
		Dwarf_Off value = 0;
		status = dwarf_global_formref(attr, &value, &error);
		*ret = value;
	} else {
		Dwarf_Unsigned value = 0;
		status = dwarf_formudata(attr, &value, &error);
		*ret = value;
	}
	if (status == DW_DLV_ERROR)
		note_damage(dwarf, error);
	return status == DW_DLV_OK;
}

static bool read_reference(struct hg_dwarf *dwarf, Dwarf_Attribute attr, Dwarf_Half form,
			   uint64_t *ret)
{
	// Type units and supplementary files are other places than .debug_info.
	if (form == DW_FORM_ref_sig8 || form == DW_FORM_GNU_ref_alt || form == DW_FORM_ref_sup4 ||
	    form == DW_FORM_ref_sup8)
		return false;
	Dwarf_Off value = 0;
	Dwarf_Error error = NULL;
	const int status = dwarf_global_formref(attr, &value, &error);
	if (status == DW_DLV_ERROR)
		note_damage(dwarf, error);
	else
		*ret = value;
	return status == DW_DLV_OK;
}

static bool read_string(struct hg_dwarf *dwarf, Dwarf_Attribute attr, Dwarf_Half form,
			const char **ret)
{
	char *text = NULL;
	Dwarf_Error error = NULL;
	if (form == DW_FORM_GNU_strp_alt || form == DW_FORM_strp_sup)
		return false;
	const int status = dwarf_formstring(attr, &text, &error);
	if (status == DW_DLV_ERROR)
		note_damage(dwarf, error);
	else
		*ret = text;
	return status == DW_DLV_OK;
}

static bool read_flag(Dwarf_Attribute attr)
{
	Dwarf_Bool value = 0;
	Dwarf_Error error = NULL;
	return dwarf_formflag(attr, &value, &error) == DW_DLV_OK && value;
}

static bool read_block(struct hg_dwarf *dwarf, Dwarf_Attribute attr, Dwarf_Half form,
		       struct hg_section_bytes *ret)
{
	Dwarf_Error error = NULL;
	int status;
	if (form == DW_FORM_exprloc) {
		Dwarf_Unsigned size = 0;
		Dwarf_Ptr data = NULL;
		status = dwarf_formexprloc(attr, &size, &data, &error);
		*ret = (struct hg_section_bytes){data, size};
	} else {
		Dwarf_Block *block = NULL;
		status = dwarf_formblock(attr, &block, &error);
		if (status == DW_DLV_OK) {
			*ret = (struct hg_section_bytes){block->bl_data, block->bl_len};
			dwarf_dealloc(dwarf->dbg, block, DW_DLA_BLOCK);
		}
	}
	if (status == DW_DLV_ERROR)
		note_damage(dwarf, error);
	return status == DW_DLV_OK;
}

// How an attribute becomes a field. The frequent ones stand first.
enum field_kind { NUMBER, REFERENCE, STRING, ADDRESS, BLOCK, FLAG };

struct field {
	Dwarf_Half attribute;
	uint8_t kind; // enum field_kind
	uint16_t offset;
	uint32_t has; // set in `has` where it could be read
};

#define DIE(member) offsetof(struct hg_die, member)
static const struct field die_fields[] = {
	{DW_AT_name, STRING, DIE(name), 0},
	{DW_AT_type, REFERENCE, DIE(type), 0},
	{DW_AT_byte_size, NUMBER, DIE(byte_size), HG_HAS_BYTE_SIZE},
	{AT_GO_KIND, NUMBER, DIE(go_kind), 0},
	{AT_GO_RUNTIME_TYPE, ADDRESS, DIE(go_runtime_type), 0},
	{DW_AT_const_value, NUMBER, DIE(const_value), HG_HAS_CONST},
	{DW_AT_low_pc, ADDRESS, DIE(low_pc), HG_HAS_LOW_PC},
	{DW_AT_decl_line, NUMBER, DIE(line), 0},
	{DW_AT_decl_file, NUMBER, DIE(file), 0},
	{DW_AT_abstract_origin, REFERENCE, DIE(origin), 0},
	{DW_AT_specification, REFERENCE, DIE(origin), 0},
	{DW_AT_frame_base, BLOCK, DIE(frame_base), HG_HAS_FRAME_BASE},
	{DW_AT_encoding, NUMBER, DIE(encoding), 0},
	{DW_AT_count, NUMBER, DIE(count), HG_HAS_COUNT},
	{DW_AT_declaration, FLAG, 0, HG_IS_DECLARATION},
	{DW_AT_external, FLAG, 0, HG_IS_EXTERNAL},
	{DW_AT_signature, REFERENCE, DIE(origin), 0},
	{AT_GO_KEY, REFERENCE, DIE(go_key), 0},
	{AT_GO_ELEM, REFERENCE, DIE(go_elem), 0},
	{AT_GO_EMBEDDED_FIELD, FLAG, 0, HG_IS_EMBEDDED},
	{AT_GO_CLOSURE_OFFSET, NUMBER, DIE(closure_offset), HG_HAS_CLOSURE_OFFSET},
	{0, 0, 0, 0},
};

#define UNIT(member) offsetof(struct hg_unit, member)
static const struct field unit_fields[] = {
	{DW_AT_name, STRING, UNIT(name), 0},
	{DW_AT_language, NUMBER, UNIT(language), 0},
	{DW_AT_low_pc, ADDRESS, UNIT(low_pc), 0},
	{DW_AT_comp_dir, STRING, UNIT(folder), 0},
	{DW_AT_stmt_list, NUMBER, UNIT(lines), 0},
	{DW_AT_addr_base, NUMBER, UNIT(addr_base), 0},
	{DW_AT_rnglists_base, NUMBER, UNIT(rnglists_base), 0},
	{DW_AT_loclists_base, NUMBER, UNIT(loclists_base), 0},
	{0, 0, 0, 0},
};

static bool read_field(struct hg_dwarf *dwarf, const struct field *field, Dwarf_Attribute attr,
		       Dwarf_Half form, void *object)
{
	void *place = (char *)object + field->offset;
	switch ((enum field_kind)field->kind) {
	case NUMBER:
		return read_number(dwarf, attr, form, place);
	case REFERENCE:
		return read_reference(dwarf, attr, form, place);
	case STRING:
		return read_string(dwarf, attr, form, place);
	case ADDRESS:
		return is_address_form(form) && read_address(dwarf, attr, place);
	case BLOCK:
		return is_block_form(form) && read_block(dwarf, attr, form, place);
	case FLAG:
		return read_flag(attr);
	}
	return false;
}

static const struct field *find_field(const struct field *fields, Dwarf_Half attribute)
{
	while (fields->attribute && fields->attribute != attribute)
		fields++;
	return fields->attribute ? fields : NULL;
}

struct decoding {
	struct hg_dwarf *dwarf;
	const struct field *fields;
	void *object;	    // struct hg_unit or struct hg_die
	struct hg_die *die; // NULL when it is a unit
	uint64_t high_pc;   // may stand before the low_pc that it counts from
	bool high_pc_is_length;
};

static void read_location(struct hg_die *die, Dwarf_Attribute attr, Dwarf_Half form)
{
	if (is_block_form(form)) {
		if (read_block(die->dwarf, attr, form, &die->location.expr))
			die->has |= HG_HAS_LOCATION;
		return;
	}
	if (read_number(die->dwarf, attr, form, &die->location.offset))
		die->has |=
			HG_HAS_LOCATION_LIST | (form == DW_FORM_loclistx ? HG_LOCATION_INDEXED : 0);
}

static void read_member_offset(struct hg_die *die, Dwarf_Attribute attr, Dwarf_Half form)
{
	if (read_number(die->dwarf, attr, form, &die->member_offset)) {
		die->has |= HG_HAS_MEMBER_OFFSET;
		return;
	}
	// Compilers of DWARF 2 wrote an offset as an expression: plus_uconst N.
	struct hg_section_bytes expr;
	if (!is_block_form(form) || !read_block(die->dwarf, attr, form, &expr) || !expr.size ||
	    expr.data[0] != HG_OP_PLUS_UCONST)
		return;
	struct hg_bytes bytes = hg_bytes_init(expr.data + 1, expr.size - 1);
	die->member_offset = hg_bytes_uleb(&bytes);
	die->has |= HG_HAS_MEMBER_OFFSET;
}

// Attributes that are more than one field. What they are not true of is checked when all are read.
static void read_special(struct decoding *decoding, Dwarf_Half which, Dwarf_Attribute attr,
			 Dwarf_Half form)
{
	struct hg_die *die = decoding->die;
	uint64_t value = 0;
	switch (which) {
	case DW_AT_location:
		read_location(die, attr, form);
		break;
	case DW_AT_data_member_location:
		read_member_offset(die, attr, form);
		break;
	case DW_AT_upper_bound:
		if ((die->has & HG_HAS_COUNT) || !read_number(die->dwarf, attr, form, &value))
			break;
		die->count = value + 1; // a bound of -1 makes an empty array
		die->has |= HG_HAS_COUNT;
		break;
	case DW_AT_high_pc:
		decoding->high_pc_is_length = !is_address_form(form);
		if (is_address_form(form) ? read_address(die->dwarf, attr, &decoding->high_pc)
					  : read_number(die->dwarf, attr, form, &decoding->high_pc))
			die->has |= HG_HAS_HIGH_PC;
		break;
	case DW_AT_bit_size:
		die->has |= HG_IS_BITFIELD;
		break;
	case DW_AT_ranges:
		if (read_number(die->dwarf, attr, form, &die->ranges))
			die->has |=
				HG_HAS_RANGES | (form == DW_FORM_rnglistx ? HG_RANGES_INDEXED : 0);
		break;
	}
}

static void decode_attribute(struct decoding *decoding, Dwarf_Attribute attr)
{
	Dwarf_Half which = 0, form = 0;
	Dwarf_Error error = NULL;
	if (dwarf_whatattr(attr, &which, &error) != DW_DLV_OK ||
	    dwarf_whatform(attr, &form, &error) != DW_DLV_OK) {
		note_damage(decoding->dwarf, error);
		return;
	}
	const struct field *field = find_field(decoding->fields, which);
	if (!field && decoding->die)
		read_special(decoding, which, attr, form);
	if (field && read_field(decoding->dwarf, field, attr, form, decoding->object) &&
	    decoding->die)
		decoding->die->has |= field->has;
}

static bool decode_attributes(struct decoding *decoding, Dwarf_Die handle)
{
	struct hg_dwarf *dwarf = decoding->dwarf;
	Dwarf_Attribute *list = NULL;
	Dwarf_Signed count = 0;
	Dwarf_Error error = NULL;
	const int status = dwarf_attrlist(handle, &list, &count, &error);
	if (status == DW_DLV_ERROR)
		note_damage(dwarf, error);
	if (status != DW_DLV_OK)
		return status == DW_DLV_NO_ENTRY;
	const bool affordable = dwarf->attributes_left >= (uint64_t)count;
	dwarf->attributes_left -= affordable ? (uint64_t)count : dwarf->attributes_left;
	for (Dwarf_Signed i = 0; i < count; i++) {
		if (affordable)
			decode_attribute(decoding, list[i]);
		dwarf_dealloc_attribute(list[i]);
	}
	dwarf_dealloc(dwarf->dbg, list, DW_DLA_LIST);
	if (!affordable)
		note_damage(dwarf, NULL);
	return affordable;
}

static void finish_high_pc(struct hg_die *die, const struct decoding *decoding)
{
	if (!(die->has & HG_HAS_HIGH_PC))
		return;
	die->high_pc = decoding->high_pc + (decoding->high_pc_is_length ? die->low_pc : 0);
	if (!(die->has & HG_HAS_LOW_PC) || die->high_pc < die->low_pc)
		die->has &= ~(uint32_t)(HG_HAS_LOW_PC | HG_HAS_HIGH_PC);
}

static bool decode(struct hg_dwarf *dwarf, const struct hg_unit *unit, Dwarf_Die handle,
		   struct hg_die *ret)
{
	*ret = (struct hg_die){.dwarf = dwarf, .unit = unit, .handle = handle};
	Dwarf_Off offset = 0;
	Dwarf_Error error = NULL;
	Dwarf_Half has_children = 0;
	if (dwarf_dieoffset(handle, &offset, &error) != DW_DLV_OK ||
	    dwarf_tag(handle, &ret->tag, &error) != DW_DLV_OK) {
		note_damage(dwarf, error);
		return false;
	}
	ret->offset = offset;
	if (dwarf_die_abbrev_children_flag(handle, &has_children) == DW_DLV_OK && has_children)
		ret->has |= HG_HAS_CHILDREN;
	struct decoding decoding = {
		.dwarf = dwarf, .fields = die_fields, .object = ret, .die = ret};
	if (!decode_attributes(&decoding, handle))
		return false;
	finish_high_pc(ret, &decoding);
	return true;
}

static bool abbrevs_are_sane(struct hg_dwarf *dwarf, uint64_t offset, bool *linked)
{
	uint64_t *known = hg_map_put(&dwarf->abbrevs, offset);
	if (!known)
		return false;
	if (!*known)
		*known = !hg_abbrev_check(&dwarf->sections[HG_DEBUG_ABBREV], offset,
					  &dwarf->attributes_left, linked)
				 ? 2
			 : *linked ? 3
				   : 1;
	*linked = *known == 3;
	return *known != 2;
}

static void read_unit(struct hg_dwarf *dwarf, const struct hg_unit *header)
{
	Dwarf_Die handle = NULL;
	Dwarf_Error error = NULL;
	Dwarf_Off offset = 0;
	const int status = dwarf_siblingof_b(dwarf->dbg, NULL, true, &handle, &error);
	if (status != DW_DLV_OK) {
		note_damage(dwarf, status == DW_DLV_ERROR ? error : NULL);
		return;
	}
	struct hg_unit *unit = NULL;
	if (dwarf_dieoffset(handle, &offset, &error) == DW_DLV_OK)
		unit = hg_vec_push(&dwarf->units);
	if (unit) {
		*unit = *header;
		unit->die = offset;
		struct decoding decoding = {.dwarf = dwarf, .fields = unit_fields, .object = unit};
		decode_attributes(&decoding, handle);
	} else {
		note_damage(dwarf, error);
		dwarf->exhausted |= !error;
	}
	dwarf_dealloc_die(handle);
}

static void read_units(struct hg_dwarf *dwarf)
{
	uint64_t at = 0;
	for (;;) {
		Dwarf_Unsigned header_length, abbrev_offset, type_offset, next = 0;
		Dwarf_Half version, address_size, length_size, extension_size, unit_type;
		Dwarf_Sig8 signature;
		Dwarf_Error error = NULL;
		const int status = dwarf_next_cu_header_d(dwarf->dbg, true, &header_length,
							  &version, &abbrev_offset, &address_size,
							  &length_size, &extension_size, &signature,
							  &type_offset, &next, &unit_type, &error);
		if (status == DW_DLV_ERROR)
			note_damage(dwarf, error);
		if (status != DW_DLV_OK || next <= at)
			return;
		struct hg_unit unit = {.version = version,
				       .end = next,
				       .lines = UINT64_MAX,
				       .address_size = (uint8_t)address_size,
				       .offset_size = (uint8_t)length_size};
		if (abbrevs_are_sane(dwarf, abbrev_offset, &unit.linked))
			read_unit(dwarf, &unit);
		else
			note_damage(dwarf, NULL);
		at = next;
	}
}

static struct hg_error *load(struct hg_dwarf *dwarf, enum hg_dwarf_section which)
{
	if (dwarf->tried[which])
		return NULL;
	dwarf->tried[which] = true;
	const struct hg_elf_section *section =
		hg_elf_find_section(dwarf->elf, section_names[which]);
	if (!section)
		return NULL;
	struct hg_section_bytes *bytes = &dwarf->sections[which];
	return hg_elf_section_data(dwarf->elf, section, &bytes->data, &bytes->size);
}

static struct hg_error *start(struct hg_dwarf *dwarf)
{
	if (!dwarf->sections[HG_DEBUG_INFO].data || !dwarf->sections[HG_DEBUG_ABBREV].data)
		return hg_error_create(HG_ERROR_UNSUPPORTED, "no debug info");
	dwarf->attributes_left =
		dwarf->sections[HG_DEBUG_INFO].size * ATTRIBUTES_PER_BYTE + ATTRIBUTES_ALWAYS;
	Dwarf_Error error = NULL;
	const int status = open_libdwarf(dwarf, &error);
	if (status == DW_DLV_OK) {
		read_units(dwarf);
		return NULL;
	}
	dwarf->dbg = NULL;
	if (status != DW_DLV_ERROR)
		return hg_error_create(HG_ERROR_FORMAT, "empty debug info");
	struct hg_error *ret =
		hg_error_create(HG_ERROR_FORMAT, "damaged debug info: %s", dwarf_errmsg(error));
	dwarf_dealloc_error(NULL, error); // of no handle, as there is none
	return ret;
}

static struct hg_error *open_any(struct hg_elf *elf, const struct hg_section_bytes *sections,
				 struct hg_dwarf **ret)
{
	hg_cleanup(hg_dwarf_destroyp) struct hg_dwarf *dwarf = calloc(1, sizeof(*dwarf));
	if (!dwarf)
		return &hg_enomem;
	dwarf->elf = elf;
	for (unsigned i = 0; i < HG_DEBUG_SECTIONS; i++) {
		dwarf->tried[i] = !elf;
		if (!elf)
			dwarf->sections[i] = sections[i];
		struct hg_error *err = libdwarf_reads(i) ? load(dwarf, i) : NULL;
		if (err)
			return hg_error_context(err, "'%s'", section_names[i]);
	}
	struct hg_error *err = start(dwarf);
	if (!err)
		*ret = hg_take(dwarf);
	return err;
}

struct hg_error *hg_dwarf_open(struct hg_elf *elf, struct hg_dwarf **ret)
{
	return open_any(elf, NULL, ret);
}

struct hg_error *hg_dwarf_open_sections(const struct hg_section_bytes *sections,
					struct hg_dwarf **ret)
{
	return open_any(NULL, sections, ret);
}

void hg_dwarf_destroy(struct hg_dwarf *dwarf)
{
	if (!dwarf)
		return;
	if (dwarf->dbg)
		close_libdwarf(dwarf);
	hg_vec_deinit(&dwarf->units);
	hg_map_deinit(&dwarf->abbrevs);
	free(dwarf);
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
	struct hg_error *err = load(dwarf, which);
	if (err) {
		note_damage(dwarf, NULL);
		hg_error_destroy(err);
	}
	return dwarf->sections[which];
}

bool hg_dwarf_exhausted(const struct hg_dwarf *dwarf)
{
	return dwarf->exhausted;
}

uint64_t hg_dwarf_damage(const struct hg_dwarf *dwarf)
{
	return dwarf->damage;
}

bool hg_die_at(struct hg_dwarf *dwarf, uint64_t offset, hg_die_fn *fn, void *arg)
{
	const struct hg_unit *unit = hg_dwarf_unit_at(dwarf, offset);
	if (!unit)
		return false;
	Dwarf_Die handle = NULL;
	Dwarf_Error error = NULL;
	const int status = dwarf_offdie_b(dwarf->dbg, offset, true, &handle, &error);
	if (status != DW_DLV_OK) {
		note_damage(dwarf, status == DW_DLV_ERROR ? error : NULL);
		return false;
	}
	struct hg_die die;
	const bool ok = decode(dwarf, unit, handle, &die) && fn(arg, &die);
	dwarf_dealloc_die(handle);
	return ok;
}

void hg_die_children(const struct hg_die *parent, hg_die_fn *fn, void *arg)
{
	struct hg_dwarf *dwarf = parent->dwarf;
	Dwarf_Die handle = NULL;
	Dwarf_Error error = NULL;
	int status = dwarf_child(parent->handle, &handle, &error);
	uint64_t before = parent->offset;
	while (status == DW_DLV_OK) {
		struct hg_die die;
		Dwarf_Die next = NULL;
		const bool readable = decode(dwarf, parent->unit, handle, &die);
		// A sibling that lies before its entry would make an endless walk.
		const bool forward = die.offset > before;
		before = die.offset;
		if (!forward || !dwarf->attributes_left || (readable && !fn(arg, &die))) {
			dwarf_dealloc_die(handle);
			dwarf->damage += !forward;
			return;
		}
		status = dwarf_siblingof_b(dwarf->dbg, handle, true, &next, &error);
		dwarf_dealloc_die(handle);
		handle = next;
	}
	if (status == DW_DLV_ERROR)
		note_damage(dwarf, error);
}
