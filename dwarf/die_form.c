// Values of attributes by their forms. What libdwarf gives as it is; what lies in another file than the entry (tables of
// a split unit, texts and entries that dwz moved away, type units) is found here.

#include "dwarf/die_private.h"

#include "core/base/bytes.h"

bool hg_die_form_is_address(Dwarf_Half form)
{
	return form == DW_FORM_addr || (form >= DW_FORM_addrx1 && form <= DW_FORM_addrx4) ||
	       form == DW_FORM_addrx || form == DW_FORM_GNU_addr_index;
}

bool hg_die_form_is_block(Dwarf_Half form)
{
	return form == DW_FORM_block1 || form == DW_FORM_block2 || form == DW_FORM_block4 ||
	       form == DW_FORM_block || form == DW_FORM_exprloc;
}

// A size, count or offset can also be an expression or a reference to a variable (C arrays of variable length).
static bool is_number_form(Dwarf_Half form)
{
	return !hg_die_form_is_block(form) && form != DW_FORM_string && form != DW_FORM_strp &&
	       form != DW_FORM_ref4 && form != DW_FORM_ref_addr && !hg_die_form_is_address(form) &&
	       form != DW_FORM_data16;
}

static bool is_text_index_form(Dwarf_Half form)
{
	return form == DW_FORM_strx || form == DW_FORM_GNU_str_index ||
	       (form >= DW_FORM_strx1 && form <= DW_FORM_strx4);
}

// The number that an attribute is in the file, whatever libdwarf makes of it.
static bool read_raw(const struct hg_die_source *from, Dwarf_Attribute attr, Dwarf_Half form,
		     uint64_t *ret)
{
	Dwarf_Off at = 0;
	Dwarf_Error error = NULL;
	if (dwarf_attr_offset(from->handle, attr, &at, &error) != DW_DLV_OK) {
		hg_die_note_damage(from->unit->file, error);
		return false;
	}
	const bool types = hg_die_space(from->unit) & 1;
	const struct hg_section_bytes section =
		from->unit->file->sections[types ? HG_DEBUG_TYPES : HG_DEBUG_INFO];
	struct hg_bytes bytes = hg_bytes_init(section.data, section.size);
	hg_bytes_skip(&bytes, at);
	switch (form) {
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		*ret = hg_bytes_u8(&bytes);
		break;
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		*ret = hg_bytes_u16(&bytes);
		break;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		*ret = hg_bytes_u16(&bytes);
		*ret |= (uint64_t)hg_bytes_u8(&bytes) << 16;
		break;
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
	case DW_FORM_ref_sup4:
		*ret = hg_bytes_u32(&bytes);
		break;
	case DW_FORM_ref_sup8:
	case DW_FORM_ref_sig8:
		*ret = hg_bytes_u64(&bytes);
		break;
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
	case DW_FORM_strp_sup:
		*ret = hg_bytes_uint(&bytes, from->unit->offset_size);
		break;
	default: // indexes
		*ret = hg_bytes_uleb(&bytes);
	}
	if (bytes.bad)
		hg_die_note_damage(from->unit->file, NULL);
	return !bytes.bad;
}

bool hg_die_form_address(const struct hg_die_source *from, Dwarf_Attribute attr, Dwarf_Half form,
			 uint64_t *ret)
{
	if (from->unit->file->split && form != DW_FORM_addr) {
		uint64_t index;
		return read_raw(from, attr, form, &index) &&
		       hg_unit_address(from->unit->file->dwarf, from->unit, index, ret);
	}
	Dwarf_Addr value = 0;
	Dwarf_Error error = NULL;
	const int status = dwarf_formaddr(attr, &value, &error);
	if (status == DW_DLV_ERROR)
		hg_die_note_damage(from->unit->file, error);
	*ret = value;
	return status == DW_DLV_OK;
}

bool hg_die_form_number(const struct hg_die_source *from, Dwarf_Attribute attr, Dwarf_Half form,
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
		hg_die_note_damage(from->unit->file, error);
	return status == DW_DLV_OK;
}

static bool read_signature(const struct hg_die_source *from, Dwarf_Attribute attr, uint64_t *ret)
{
	struct hg_dwarf *dwarf = from->unit->file->dwarf;
	uint64_t signature;
	if (!read_raw(from, attr, DW_FORM_ref_sig8, &signature))
		return false;
	const uint64_t *type = hg_map_get(&dwarf->signatures, signature);
	if (type)
		*ret = *type;
	else
		hg_die_note_damage(from->unit->file, NULL);
	return type;
}

bool hg_die_form_reference(const struct hg_die_source *from, Dwarf_Attribute attr, Dwarf_Half form,
			   uint64_t *ret)
{
	const struct hg_unit *unit = from->unit;
	const struct hg_die_file *alt = unit->file->dwarf->alt;
	Dwarf_Off value = 0;
	Dwarf_Error error = NULL;
	if (form == DW_FORM_ref_sig8)
		return read_signature(from, attr, ret);
	if (form == DW_FORM_GNU_ref_alt || form == DW_FORM_ref_sup4 || form == DW_FORM_ref_sup8) {
		uint64_t at;
		// Where the file is missing, that is said once, and not of each reference.
		if (!alt || !read_raw(from, attr, form, &at) || at >> HG_SPACE_SHIFT)
			return false;
		*ret = hg_die_base(alt->space) + at;
		return true;
	}
	const int status = dwarf_global_formref(attr, &value, &error);
	if (status == DW_DLV_ERROR)
		hg_die_note_damage(unit->file, error);
	if (status != DW_DLV_OK || value >> HG_SPACE_SHIFT)
		return false;
	const uint32_t space = form == DW_FORM_ref_addr ? unit->file->space : hg_die_space(unit);
	*ret = hg_die_base(space) + value;
	return true;
}

static const char *text_at(struct hg_die_file *file, uint64_t offset)
{
	const struct hg_section_bytes texts = hg_die_section(file, HG_DEBUG_STR);
	struct hg_bytes bytes = hg_bytes_init(texts.data, texts.size);
	hg_bytes_skip(&bytes, offset);
	const char *text = hg_bytes_cstr(&bytes);
	if (!text)
		hg_die_note_damage(file, NULL);
	return text;
}

static const char *text_by_index(const struct hg_die_source *from, uint64_t index)
{
	const struct hg_unit *unit = from->unit;
	const struct hg_section_bytes table =
		hg_unit_section(unit->file->dwarf, unit, HG_DEBUG_STR_OFFSETS);
	struct hg_bytes bytes = hg_bytes_init(table.data, table.size);
	uint64_t at;
	if (__builtin_mul_overflow(index, unit->offset_size, &at) ||
	    __builtin_add_overflow(at, unit->str_offsets_base, &at))
		at = UINT64_MAX;
	hg_bytes_skip(&bytes, at);
	const uint64_t offset = hg_bytes_uint(&bytes, unit->offset_size);
	return text_at(unit->file, bytes.bad ? UINT64_MAX : offset);
}

bool hg_die_form_text(const struct hg_die_source *from, Dwarf_Attribute attr, Dwarf_Half form,
		      const char **ret)
{
	struct hg_die_file *file = from->unit->file;
	const bool moved = form == DW_FORM_GNU_strp_alt || form == DW_FORM_strp_sup;
	if (moved || (file->split && is_text_index_form(form))) {
		struct hg_die_file *alt = file->dwarf->alt;
		uint64_t value;
		if ((moved && !alt) || !read_raw(from, attr, form, &value))
			return false;
		const char *text = moved ? text_at(alt, value) : text_by_index(from, value);
		*ret = text ? text : *ret;
		return text;
	}
	char *text = NULL;
	Dwarf_Error error = NULL;
	const int status = dwarf_formstring(attr, &text, &error);
	if (status == DW_DLV_ERROR)
		hg_die_note_damage(file, error);
	else
		*ret = text;
	return status == DW_DLV_OK;
}

bool hg_die_form_flag(Dwarf_Attribute attr)
{
	Dwarf_Bool value = 0;
	Dwarf_Error error = NULL;
	return dwarf_formflag(attr, &value, &error) == DW_DLV_OK && value;
}

bool hg_die_form_block(const struct hg_die_source *from, Dwarf_Attribute attr, Dwarf_Half form,
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
			dwarf_dealloc(from->unit->file->dbg, block, DW_DLA_BLOCK);
		}
	}
	if (status == DW_DLV_ERROR)
		hg_die_note_damage(from->unit->file, error);
	return status == DW_DLV_OK;
}
