#include "dwarf/die_private.h"

#include "core/base/bytes.h"
#include "dwarf/dwarfnum.h"

enum {
	// Go's own attributes; libdwarf does not name all of them.
	AT_GO_KIND = 0x2900,
	AT_GO_KEY = 0x2901,
	AT_GO_ELEM = 0x2902,
	AT_GO_EMBEDDED_FIELD = 0x2903,
	AT_GO_RUNTIME_TYPE = 0x2904,
	AT_GO_CLOSURE_OFFSET = 0x2907,
};

void hg_die_note_damage(struct hg_die_file *file, Dwarf_Error error)
{
	struct hg_dwarf *dwarf = file->dwarf;
	dwarf->damage++;
	if (!error)
		return;
	dwarf->exhausted |= dwarf_errno(error) == DW_DLE_ALLOC_FAIL;
	dwarf_dealloc_error(file->dbg, error);
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
	{DW_AT_signature, REFERENCE, DIE(origin), HG_IS_DECLARATION}, // gcc says no more
	{DW_AT_import, REFERENCE, DIE(origin), 0},
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
	{DW_AT_dwo_name, STRING, UNIT(split_name), 0},
	{DW_AT_GNU_dwo_name, STRING, UNIT(split_name), 0},
	{DW_AT_GNU_dwo_id, NUMBER, UNIT(split_id), 0},
	{DW_AT_GNU_addr_base, NUMBER, UNIT(addr_base), 0},
	{DW_AT_GNU_ranges_base, NUMBER, UNIT(ranges_base), 0},
	{0, 0, 0, 0},
};

static bool read_field(const struct hg_die_source *from, const struct field *field,
		       Dwarf_Attribute attr, Dwarf_Half form, void *object)
{
	void *place = (char *)object + field->offset;
	switch ((enum field_kind)field->kind) {
	case NUMBER:
		return hg_die_form_number(from, attr, form, place);
	case REFERENCE:
		return hg_die_form_reference(from, attr, form, place);
	case STRING:
		return hg_die_form_text(from, attr, form, place);
	case ADDRESS:
		return hg_die_form_is_address(form) && hg_die_form_address(from, attr, form, place);
	case BLOCK:
		return hg_die_form_is_block(form) && hg_die_form_block(from, attr, form, place);
	case FLAG:
		return hg_die_form_flag(attr);
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
	struct hg_die_source from;
	const struct field *fields;
	void *object;	    // struct hg_unit or struct hg_die
	struct hg_die *die; // NULL when it is a unit
	uint64_t high_pc;   // may stand before the low_pc that it counts from
	bool high_pc_is_length;
};

static void read_location(struct decoding *decoding, Dwarf_Attribute attr, Dwarf_Half form)
{
	struct hg_die *die = decoding->die;
	if (hg_die_form_is_block(form)) {
		if (hg_die_form_block(&decoding->from, attr, form, &die->location.expr))
			die->has |= HG_HAS_LOCATION;
		return;
	}
	if (hg_die_form_number(&decoding->from, attr, form, &die->location.offset))
		die->has |=
			HG_HAS_LOCATION_LIST | (form == DW_FORM_loclistx ? HG_LOCATION_INDEXED : 0);
}

static void read_member_offset(struct decoding *decoding, Dwarf_Attribute attr, Dwarf_Half form)
{
	struct hg_die *die = decoding->die;
	if (hg_die_form_number(&decoding->from, attr, form, &die->member_offset)) {
		die->has |= HG_HAS_MEMBER_OFFSET;
		return;
	}
	// Compilers of DWARF 2 wrote an offset as an expression: plus_uconst N.
	struct hg_section_bytes expr;
	if (!hg_die_form_is_block(form) || !hg_die_form_block(&decoding->from, attr, form, &expr) ||
	    !expr.size || expr.data[0] != HG_OP_PLUS_UCONST)
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
		read_location(decoding, attr, form);
		break;
	case DW_AT_data_member_location:
		read_member_offset(decoding, attr, form);
		break;
	case DW_AT_upper_bound:
		if ((die->has & HG_HAS_COUNT) ||
		    !hg_die_form_number(&decoding->from, attr, form, &value))
			break;
		die->count = value + 1; // a bound of -1 makes an empty array
		die->has |= HG_HAS_COUNT;
		break;
	case DW_AT_high_pc:
		decoding->high_pc_is_length = !hg_die_form_is_address(form);
		if (hg_die_form_is_address(form)
			    ? hg_die_form_address(&decoding->from, attr, form, &decoding->high_pc)
			    : hg_die_form_number(&decoding->from, attr, form, &decoding->high_pc))
			die->has |= HG_HAS_HIGH_PC;
		break;
	case DW_AT_bit_size:
		die->has |= HG_IS_BITFIELD;
		break;
	case DW_AT_ranges:
		if (hg_die_form_number(&decoding->from, attr, form, &die->ranges))
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
		hg_die_note_damage(decoding->from.unit->file, error);
		return;
	}
	const struct field *field = find_field(decoding->fields, which);
	if (!field && decoding->die)
		read_special(decoding, which, attr, form);
	if (field && read_field(&decoding->from, field, attr, form, decoding->object) &&
	    decoding->die)
		decoding->die->has |= field->has;
}

static bool decode_attributes(struct decoding *decoding)
{
	struct hg_die_file *file = decoding->from.unit->file;
	struct hg_dwarf *dwarf = file->dwarf;
	Dwarf_Attribute *list = NULL;
	Dwarf_Signed count = 0;
	Dwarf_Error error = NULL;
	const int status = dwarf_attrlist(decoding->from.handle, &list, &count, &error);
	if (status == DW_DLV_ERROR)
		hg_die_note_damage(file, error);
	if (status != DW_DLV_OK)
		return status == DW_DLV_NO_ENTRY;
	const bool affordable = dwarf->attributes_left >= (uint64_t)count;
	dwarf->attributes_left -= affordable ? (uint64_t)count : dwarf->attributes_left;
	for (Dwarf_Signed i = 0; i < count; i++) {
		if (affordable)
			decode_attribute(decoding, list[i]);
		dwarf_dealloc_attribute(list[i]);
	}
	dwarf_dealloc(file->dbg, list, DW_DLA_LIST);
	if (!affordable)
		hg_die_note_damage(file, NULL);
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

static bool decode(const struct hg_unit *unit, Dwarf_Die handle, struct hg_die *ret)
{
	*ret = (struct hg_die){.dwarf = unit->file->dwarf, .unit = unit, .handle = handle};
	Dwarf_Off offset = 0;
	Dwarf_Error error = NULL;
	Dwarf_Half has_children = 0;
	if (dwarf_dieoffset(handle, &offset, &error) != DW_DLV_OK ||
	    dwarf_tag(handle, &ret->tag, &error) != DW_DLV_OK) {
		hg_die_note_damage(unit->file, error);
		return false;
	}
	ret->offset = hg_die_base(hg_die_space(unit)) + offset;
	if (dwarf_die_abbrev_children_flag(handle, &has_children) == DW_DLV_OK && has_children)
		ret->has |= HG_HAS_CHILDREN;
	struct decoding decoding = {
		.from = {unit, handle}, .fields = die_fields, .object = ret, .die = ret};
	if (!decode_attributes(&decoding))
		return false;
	finish_high_pc(ret, &decoding);
	return true;
}

void hg_die_read_top(struct hg_unit *unit, Dwarf_Die handle)
{
	struct decoding decoding = {.from = {unit, handle}, .fields = unit_fields, .object = unit};
	decode_attributes(&decoding);
}

static struct hg_error *open_any(struct hg_elf *elf, const struct hg_section_bytes *sections,
				 const struct hg_dwarf_finder *finder, struct hg_dwarf **ret)
{
	hg_cleanup(hg_dwarf_destroyp) struct hg_dwarf *dwarf = calloc(1, sizeof(*dwarf));
	struct hg_die_file *file;
	if (!dwarf)
		return &hg_enomem;
	struct hg_error *err = hg_die_file_open(dwarf, elf, false, false, sections, &file);
	if (err)
		return err;
	if (finder)
		err = hg_die_open_alt(dwarf, finder);
	if (err)
		return err;
	hg_die_read_units(file);
	if (dwarf->alt)
		hg_die_read_units(dwarf->alt);
	hg_die_enter_types(dwarf, 0);
	err = finder ? hg_die_open_split(dwarf, finder) : NULL;
	if (err)
		return err;
	hg_die_read_imports(dwarf);
	*ret = hg_take(dwarf);
	return NULL;
}

struct hg_error *hg_dwarf_open(struct hg_elf *elf, const struct hg_dwarf_finder *finder,
			       struct hg_dwarf **ret)
{
	return open_any(elf, NULL, finder, ret);
}

struct hg_error *hg_dwarf_open_sections(const struct hg_section_bytes *sections,
					struct hg_dwarf **ret)
{
	return open_any(NULL, sections, NULL, ret);
}

void hg_dwarf_destroy(struct hg_dwarf *dwarf)
{
	if (!dwarf)
		return;
	for (size_t i = 0; i < dwarf->files.count; i++)
		hg_die_file_destroy(dwarf->files.data[i]);
	hg_vec_deinit(&dwarf->files);
	hg_vec_deinit(&dwarf->units);
	hg_vec_deinit(&dwarf->skeletons);
	hg_map_deinit(&dwarf->signatures);
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

struct hg_section_bytes hg_unit_section(struct hg_dwarf *dwarf, const struct hg_unit *unit,
					enum hg_dwarf_section which)
{
	struct hg_die_file *file = unit->file;
	const bool of_lines =
		which == HG_DEBUG_LINE || which == HG_DEBUG_LINE_STR || which == HG_DEBUG_STR;
	// The linker must see addresses, so they stay in its file; and lines, but for those of type units.
	if (file->split && (which == HG_DEBUG_ADDR || which == HG_DEBUG_RANGES ||
			    (of_lines && unit->has_skeleton)))
		return hg_die_section(dwarf->files.data[0], which);
	const struct hg_section_bytes section = hg_die_section(file, which);
	return unit->package ? hg_package_part(unit->package, unit->package_row, which, section)
			     : section;
}

bool hg_unit_address(struct hg_dwarf *dwarf, const struct hg_unit *unit, uint64_t index,
		     uint64_t *ret)
{
	const struct hg_section_bytes table = hg_unit_section(dwarf, unit, HG_DEBUG_ADDR);
	uint64_t at;
	if (unit->address_size != 8 || __builtin_mul_overflow(index, 8, &at) ||
	    __builtin_add_overflow(at, unit->addr_base, &at) || table.size < 8 ||
	    at > table.size - 8)
		return false;
	*ret = hg_load_u64(table.data + at);
	return true;
}

uint64_t hg_dwarf_size(const struct hg_dwarf *dwarf)
{
	uint64_t size = 0;
	for (size_t i = 0; i < dwarf->files.count; i++)
		size += dwarf->files.data[i]->sections[HG_DEBUG_INFO].size +
			dwarf->files.data[i]->sections[HG_DEBUG_TYPES].size;
	return size;
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
	struct hg_die_file *file = unit->file;
	const bool is_info = !(hg_die_space(unit) & 1);
	const int status = dwarf_offdie_b(file->dbg, offset - hg_die_base(hg_die_space(unit)),
					  is_info, &handle, &error);
	if (status != DW_DLV_OK) {
		hg_die_note_damage(file, status == DW_DLV_ERROR ? error : NULL);
		return false;
	}
	struct hg_die die;
	const bool ok = decode(unit, handle, &die) && fn(arg, &die);
	dwarf_dealloc_die(handle);
	return ok;
}

void hg_die_children(const struct hg_die *parent, hg_die_fn *fn, void *arg)
{
	struct hg_die_file *file = parent->unit->file;
	struct hg_dwarf *dwarf = file->dwarf;
	const bool is_info = !(hg_die_space(parent->unit) & 1);
	Dwarf_Die handle = NULL;
	Dwarf_Error error = NULL;
	int status = dwarf_child(parent->handle, &handle, &error);
	uint64_t before = parent->offset;
	while (status == DW_DLV_OK) {
		struct hg_die die;
		Dwarf_Die next = NULL;
		const bool readable = decode(parent->unit, handle, &die);
		// A sibling that lies before its entry would make an endless walk.
		const bool forward = die.offset > before;
		before = die.offset;
		if (!forward || !dwarf->attributes_left || (readable && !fn(arg, &die))) {
			dwarf_dealloc_die(handle);
			dwarf->damage += !forward;
			return;
		}
		status = dwarf_siblingof_b(file->dbg, handle, is_info, &next, &error);
		dwarf_dealloc_die(handle);
		handle = next;
	}
	if (status == DW_DLV_ERROR)
		hg_die_note_damage(file, error);
}
