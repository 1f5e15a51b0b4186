#include "dwarf/abbrev.h"

#include "core/base/bytes.h"

#define MAX_ATTRIBUTES 256 // of one entry

enum {
	FORM_REF_ADDR = 0x10,
	FORM_REF_SUP4 = 0x1c,
	FORM_REF_SIG8 = 0x20,
	FORM_IMPLICIT_CONST = 0x21,
	FORM_REF_SUP8 = 0x24,
	FORM_GNU_REF_ALT = 0x1f20,
};

static bool is_link(uint64_t form)
{
	return form == FORM_REF_ADDR || form == FORM_REF_SIG8 || form == FORM_REF_SUP4 ||
	       form == FORM_REF_SUP8 || form == FORM_GNU_REF_ALT;
}

bool hg_abbrev_check(const struct hg_section_bytes *section, uint64_t offset, uint64_t *left,
		     bool *linked)
{
	if (offset >= section->size)
		return false;
	struct hg_bytes bytes = hg_bytes_init(section->data + offset, section->size - offset);
	while (hg_bytes_uleb(&bytes) && !bytes.bad) {
		hg_bytes_uleb(&bytes); // tag
		hg_bytes_u8(&bytes);   // has children
		for (unsigned i = 0;; i++) {
			const uint64_t attribute = hg_bytes_uleb(&bytes);
			const uint64_t form = hg_bytes_uleb(&bytes);
			if (!attribute && !form)
				break;
			*linked |= is_link(form);
			if (form == FORM_IMPLICIT_CONST)
				hg_bytes_sleb(&bytes);
			if (i >= MAX_ATTRIBUTES || bytes.bad || !*left)
				return false;
			--*left;
		}
	}
	return !bytes.bad;
}
