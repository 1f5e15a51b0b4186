/**
 * What the files that know libdwarf (die*.c) share.
 *
 * The debug info of a module can lie in many files. Each has libdwarf to itself, but all entries have one space of
 * offsets: the place in a section, and above it the number of the section. So whoever reads entries need not know.
 */
#ifndef HG_DWARF_DIE_PRIVATE_H
#define HG_DWARF_DIE_PRIVATE_H

#include "dwarf/die.h"

#if __has_include(<libdwarf/libdwarf.h>)
#include <libdwarf/dwarf.h>
#include <libdwarf/libdwarf.h>
#else /* newer releases install into a folder that pkg-config names */
#include <dwarf.h>
#include <libdwarf.h>
#endif

#include "core/base/map.h"
#include "core/base/vec.h"
#include "dwarf/package.h"

#ifdef DW_LIBDWARF_VERSION /* 0.3 and newer renamed what an object reader implements */
typedef Dwarf_Obj_Access_Interface_a hg_access_interface;
#else
typedef Dwarf_Obj_Access_Interface hg_access_interface;
#endif

#define HG_SPACE_SHIFT 40 /* of the number of a section within an offset */
#define HG_MAX_SPACES (1u << 24)

struct hg_die_file { /* a file as libdwarf sees it */
	struct hg_dwarf *dwarf;
	Dwarf_Debug dbg;
	hg_access_interface interface;
	struct hg_elf *elf; /* NULL when made of sections */
	bool owns_elf;
	bool split;	/* its sections are named .debug_*.dwo */
	uint32_t space; /* number of its .debug_info; that of its .debug_types is one more */
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	bool tried
		[HG_DEBUG_SECTIONS]; /* sections[] is filled, or there is nothing to fill it with */
	struct hg_package packages[2]; /* of a package: its indexes of units and of type units */
	uint8_t *rewritten[2];	       /* of a split file: copies of .debug_info and .debug_types */
	struct hg_map
		abbrevs; /* offsets of tables in .debug_abbrev -> 1 where they are sane, 2 where not, 3: linked */
};

struct hg_skeleton { /* what a unit says of the split one that holds its entries */
	uint64_t id;
	uint32_t unit; /* its index among all */
	bool found;
};

struct hg_dwarf {
	HG_VEC(struct hg_die_file *) files; /* [0] is the module's own */
	HG_VEC(struct hg_unit) units;
	HG_VEC(struct hg_skeleton) skeletons; /* sorted by id once all are known */
	struct hg_map signatures;	      /* of a type unit -> offset of its type */
	struct hg_die_file *alt; /* what dwz moved out of several files; NULL when there is none */
	uint64_t damage;
	uint64_t attributes_left;
	bool exhausted; /* of memory: what was not read may be sound */
};

static inline uint64_t hg_die_base(uint32_t space)
{
	return (uint64_t)space << HG_SPACE_SHIFT;
}

static inline uint32_t hg_die_space(const struct hg_unit *unit)
{
	return (uint32_t)(unit->die >> HG_SPACE_SHIFT);
}

/* die.c */

void hg_die_note_damage(struct hg_die_file *file, Dwarf_Error error);

/** Fills in what the top entry of a unit says of it. */
void hg_die_read_top(struct hg_unit *unit, Dwarf_Die handle);

/* die_form.c */

struct hg_die_source { /* the entry whose attribute is read */
	const struct hg_unit *unit;
	Dwarf_Die handle;
};

/** The value of an attribute by its form; false where it has none of that kind. Damage is noted. */
bool hg_die_form_address(const struct hg_die_source *from, Dwarf_Attribute attr, Dwarf_Half form,
			 uint64_t *ret);
bool hg_die_form_number(const struct hg_die_source *from, Dwarf_Attribute attr, Dwarf_Half form,
			uint64_t *ret);
bool hg_die_form_reference(const struct hg_die_source *from, Dwarf_Attribute attr, Dwarf_Half form,
			   uint64_t *ret);
bool hg_die_form_text(const struct hg_die_source *from, Dwarf_Attribute attr, Dwarf_Half form,
		      const char **ret);
bool hg_die_form_block(const struct hg_die_source *from, Dwarf_Attribute attr, Dwarf_Half form,
		       struct hg_section_bytes *ret);
bool hg_die_form_flag(Dwarf_Attribute attr);
bool hg_die_form_is_address(Dwarf_Half form);
bool hg_die_form_is_block(Dwarf_Half form);

/* die_file.c */

/** Opens a file. Takes over the elf when `owned`, even where it fails; else that, or the sections, must outlive it. */
struct hg_error *hg_die_file_open(struct hg_dwarf *dwarf, struct hg_elf *elf, bool owned,
				  bool split, const struct hg_section_bytes *sections,
				  struct hg_die_file **ret);
void hg_die_file_destroy(struct hg_die_file *file);

/** Bytes of a section, decompressed; data NULL where there is none. */
struct hg_section_bytes hg_die_section(struct hg_die_file *file, enum hg_dwarf_section which);

/** The index of a package that knows the unit at an offset of .debug_info or .debug_types; NULL where none does. */
const struct hg_package *hg_die_package(const struct hg_die_file *file, bool types, uint64_t offset,
					uint32_t *row);

/* die_unit.c */

/** Reads the units of a file behind those that are known. */
void hg_die_read_units(struct hg_die_file *file);

/** Enters the type units among those from `first` on by their signatures, and drops those that are known. */
void hg_die_enter_types(struct hg_dwarf *dwarf, size_t first);

/** Follows DW_TAG_imported_unit: which units of the alt file are needed, and in which language. */
void hg_die_read_imports(struct hg_dwarf *dwarf);

/* die_split.c */

/** Opens the file that dwz moved a part of the debug info to. */
struct hg_error *hg_die_open_alt(struct hg_dwarf *dwarf, const struct hg_dwarf_finder *finder);

/** Opens the files of the split units that are known so far, and reads their units. */
struct hg_error *hg_die_open_split(struct hg_dwarf *dwarf, const struct hg_dwarf_finder *finder);

#endif
