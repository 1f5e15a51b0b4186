/**
 * How entries are decoded: private to the die*.c files.
 *
 * A module's debug info can lie in several places: .debug_info, .debug_types, the .dwo files of its units, a .dwp file, a
 * supplementary file. Each is a source; all of them stand one behind the other in one space of offsets, so that an
 * offset is enough to name an entry.
 */
#ifndef HG_DWARF_DIE_PRIVATE_H
#define HG_DWARF_DIE_PRIVATE_H

#include "core/base/map.h"
#include "core/base/vec.h"
#include "dwarf/die.h"

struct hg_source {
	struct hg_elf *elf; /* NULL when made of sections */
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	uint64_t texts_end[HG_DEBUG_SECTIONS]; /* of sections of texts: behind the last NUL */
	bool tried
		[HG_DEBUG_SECTIONS]; /* sections[] is filled, or there is nothing to fill it with */
	bool is_split;		     /* the names of its sections end in .dwo */
	uint64_t base;		     /* offset of its first entry in the common space */
	uint32_t skeleton;	     /* index + 1 of the unit of the main file that it belongs to */
};

enum hg_field_kind {
	HG_FIELD_NUMBER,
	HG_FIELD_REFERENCE,
	HG_FIELD_TEXT,
	HG_FIELD_ADDRESS,
	HG_FIELD_BLOCK,
	HG_FIELD_FLAG,
	/* attributes that are more than one field */
	HG_FIELD_LOCATION,
	HG_FIELD_MEMBER_OFFSET,
	HG_FIELD_UPPER_BOUND,
	HG_FIELD_HIGH_PC,
	HG_FIELD_RANGES,
	HG_FIELD_SIBLING,
};

struct hg_field_row { /* how an attribute becomes a field */
	uint16_t attribute;
	uint8_t kind; /* enum hg_field_kind */
	uint16_t offset;
	uint32_t has; /* set in `has` where it could be read */
};

struct hg_abbrev_attribute {
	uint16_t name, form;
	int64_t implicit;
	const struct hg_field_row *field; /* NULL: to be stepped over */
};

struct hg_abbrev {
	uint64_t code;
	uint16_t tag;
	bool has_children;
	uint32_t first, count; /* in attributes */
};

struct hg_abbrevs {
	const uint8_t *data; /* where it stands */
	HG_VEC(struct hg_abbrev) all;
	HG_VEC(struct hg_abbrev_attribute) attributes;
	bool sane;
	bool linked; /* some attribute refers to another unit */
};

struct hg_unit_private { /* beside each struct hg_unit */
	uint32_t source;
	uint32_t abbrevs;
	uint64_t start;	    /* of its header in the common space */
	uint64_t type;	    /* a type unit: offset of the type */
	uint64_t signature; /* of a type unit, or the id of a split unit */
	uint64_t text_offsets_base;
	uint64_t ranges_base;	/* GNU split units */
	const char *split_name; /* of a skeleton: the file with the rest */
	uint8_t kind;		/* HG_UNIT_* */
};

enum {
	HG_UNIT_COMPILE = 1,
	HG_UNIT_TYPE,
	HG_UNIT_PARTIAL,
	HG_UNIT_SKELETON,
	HG_UNIT_SPLIT_COMPILE,
	HG_UNIT_SPLIT_TYPE
};

struct hg_dwarf {
	HG_VEC(struct hg_source) sources; /* [0] is the file itself */
	HG_VEC(struct hg_unit) units;
	HG_VEC(struct hg_unit_private) unit_privates;
	HG_VEC(struct hg_abbrevs) abbrevs;
	HG_VEC(struct hg_elf *) elves; /* that it owns */
	struct hg_map abbrevs_at;      /* address of a table -> index in abbrevs + 1 */
	struct hg_map signatures;      /* of type units -> offset of the type */
	uint32_t supplementary;	       /* its source + 1, 0 for none */
	uint64_t damage;
	uint64_t attributes_left;
	uint64_t parent, parent_end; /* whose children were walked last, and where they end */
};

/* die_form.c */

struct hg_cursor { /* in the entries of a unit */
	struct hg_dwarf *dwarf;
	const struct hg_unit *unit;
	const struct hg_unit_private *priv;
	const uint8_t *data; /* of the source's entries */
	uint64_t at, end;    /* offsets in data */
	bool bad;
};

enum hg_form_kind {
	HG_FORM_NOTHING, /* one that nobody asks for */
	HG_FORM_NUMBER,
	HG_FORM_FLAG,
	HG_FORM_OFFSET, /* into another section */
	HG_FORM_INDEX,	/* into a table of offsets in another section */
	HG_FORM_ADDRESS,
	HG_FORM_BLOCK,
	HG_FORM_TEXT,
	HG_FORM_REFERENCE,
};

struct hg_form_value {
	enum hg_form_kind kind;
	uint64_t
		number; /* NUMBER, FLAG, OFFSET, INDEX, ADDRESS; REFERENCE: 0 where it leads nowhere */
	struct hg_section_bytes block;
	const char *text;
};

/** Steps over the value of an attribute, and reads it when ret is not NULL. */
void hg_form_read(struct hg_cursor *cursor, const struct hg_abbrev_attribute *attribute,
		  struct hg_form_value *ret);
uint64_t hg_cursor_uleb(struct hg_cursor *cursor);
uint64_t hg_cursor_uint(struct hg_cursor *cursor, unsigned size);

/* die_unit.c */

extern const char *const hg_die_section_names[HG_DEBUG_SECTIONS];

/** Fills the sections of a source that entries are made of. */
struct hg_error *hg_source_open(struct hg_dwarf *dwarf, struct hg_source *source);
struct hg_section_bytes hg_source_section(struct hg_dwarf *dwarf, uint32_t source,
					  enum hg_dwarf_section which);

/** Reads the units of the newest source behind those of all others. */
bool hg_source_read_units(struct hg_dwarf *dwarf);
const struct hg_abbrev *hg_abbrev_find(const struct hg_abbrevs *abbrevs, uint64_t code);

/* die.c */
extern const struct hg_field_row hg_die_fields[];

/** Decodes the entry under the cursor into a unit. */
bool hg_die_decode_unit(struct hg_cursor *cursor, struct hg_unit *unit,
			struct hg_unit_private *priv);

#endif
