/**
 * A cursor over debug info entries (DIEs). The only part of heapgraph that knows libdwarf, and thus to be used by one
 * thread at a time. An entry is decoded into a plain struct with the attributes that heapgraph asks for.
 *
 * All of it is untrusted: references may lead anywhere (hg_die_at() checks), texts end inside their section, counts
 * are as written. Walks over siblings and children only go forward, so they end.
 */
#ifndef HG_DWARF_DIE_H
#define HG_DWARF_DIE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/elffile.h"

struct hg_die_file;
struct hg_package;

enum hg_dwarf_section {
	HG_DEBUG_INFO,
	HG_DEBUG_ABBREV,
	HG_DEBUG_TYPES, /* type units of DWARF 4 */
	HG_DEBUG_STR,
	HG_DEBUG_LINE_STR,
	HG_DEBUG_STR_OFFSETS,
	HG_DEBUG_ADDR,
	HG_DEBUG_RANGES,
	HG_DEBUG_RNGLISTS,
	HG_DEBUG_LOC,
	HG_DEBUG_LOCLISTS,
	HG_DEBUG_LINE,
	HG_DEBUG_SECTIONS, /* how many there are */
};

struct hg_section_bytes {
	const uint8_t *data; /* NULL when the section does not exist */
	uint64_t size;
};

struct hg_unit {      /* a compilation unit, partial unit or type unit */
	uint64_t die; /* offset of its top entry */
	uint64_t end; /* offset behind it */
	uint16_t version;
	uint8_t address_size, offset_size;
	uint64_t language; /* HG_LANG_* */
	uint64_t low_pc;   /* base of its range and location lists */
	uint64_t addr_base, rnglists_base, loclists_base, str_offsets_base; /* 0 when not given */
	uint64_t ranges_base; /* of offsets into .debug_ranges */
	const char *name;     /* Go: import path; C: source file; may be NULL */
	const char *folder;   /* of the compilation, may be NULL */
	uint64_t lines;	      /* offset of its program in .debug_line, UINT64_MAX for none */
	bool linked;	      /* its entries may refer to those of other units */
	bool split;	      /* in another file than the code */
	bool has_skeleton;    /* split, and not a type unit */
	bool idle;	      /* in a file that modules share, and this one does not import it */
	bool partial;	      /* others import it */
	/* private to die*.c */
	struct hg_die_file *file;
	const struct hg_package *package; /* NULL when its sections are its own */
	uint32_t package_row;
	uint64_t split_id;	/* what joins it with its skeleton; signature of a type unit */
	uint64_t type;		/* of a type unit: offset of the type; else 0 */
	const char *split_name; /* of the file with its entries, when they are split off */
};

enum { /* which fields of struct hg_die are there */
       HG_HAS_BYTE_SIZE = 1 << 0,
       HG_HAS_LOW_PC = 1 << 1,
       HG_HAS_HIGH_PC = 1 << 2,
       HG_HAS_RANGES = 1 << 3,
       HG_HAS_COUNT = 1 << 4,
       HG_HAS_CONST = 1 << 5,
       HG_HAS_LOCATION = 1 << 6,      /* an expression, maybe an empty one */
       HG_HAS_LOCATION_LIST = 1 << 7, /* location.offset */
       HG_HAS_CLOSURE_OFFSET = 1 << 8,
       HG_HAS_FRAME_BASE = 1 << 9,
       HG_IS_DECLARATION = 1 << 10,
       HG_IS_EMBEDDED = 1 << 11,
       HG_HAS_CHILDREN = 1 << 12,
       HG_RANGES_INDEXED = 1 << 13,   /* ranges is an index, not an offset */
       HG_LOCATION_INDEXED = 1 << 14, /* location.offset is an index */
       HG_HAS_MEMBER_OFFSET = 1 << 15,
       HG_IS_BITFIELD = 1 << 16,
       HG_IS_EXTERNAL = 1 << 17,
};

struct hg_die {
	struct hg_dwarf *dwarf;
	const struct hg_unit *unit;
	void *handle;	  /* private to die.c */
	uint64_t offset;  /* in .debug_info, or a place of that kind in another file or section */
	uint16_t tag;	  /* HG_TAG_* or another */
	uint32_t has;	  /* HG_HAS_* and HG_IS_* */
	const char *name; /* in a section, or NULL */
	uint64_t type;	  /* offsets of other entries, 0 for none */
	uint64_t
		origin; /* DW_AT_abstract_origin, DW_AT_specification, DW_AT_signature or DW_AT_import */
	uint64_t go_key, go_elem;
	uint64_t go_runtime_type;
	uint64_t go_kind;
	uint64_t encoding; /* HG_ATE_* */
	uint64_t byte_size;
	uint64_t member_offset;
	uint64_t count;		  /* of a subrange: DW_AT_count, or upper bound + 1 */
	uint64_t low_pc, high_pc; /* link-time addresses; high_pc is the first address behind */
	uint64_t ranges;
	uint64_t file,
		line; /* declaration; file is an index into the files of the unit's line program */
	int64_t const_value;
	uint64_t closure_offset;
	struct hg_section_bytes frame_base; /* an expression */
	struct {
		struct hg_section_bytes expr;
		uint64_t offset;
	} location;
};

struct hg_dwarf_companion { /* another file with a part of the debug info */
	enum {
		HG_DWARF_PACKAGE, /* of all split units (.dwp) */
		HG_DWARF_SPLIT,	  /* of one (.dwo) */
		HG_DWARF_ALT,	  /* of what several modules share (dwz) */
	} kind;
	const char *folder; /* that the name counts from; may be NULL */
	const char *name;   /* as the debug info has it; NULL for a package */
	const uint8_t *id;  /* build id of an ALT */
	size_t id_size;
};

struct hg_dwarf_finder {
	void *arg;
	/**
	 * Opens the n-th file that may be the one, counting from 0; *ret, which the caller takes over, is NULL where
	 * that does not exist. False behind the last.
	 */
	bool (*open)(void *arg, const struct hg_dwarf_companion *wanted, unsigned n,
		     struct hg_elf **ret);
	/** Is told of each file that was not found, or was there, but of another build. Not of packages. */
	void (*missing)(void *arg, const struct hg_dwarf_companion *wanted, bool other_build);
};

/** Opens the debug info of an ELF file, which must outlive it. No debug info is an error (UNSUPPORTED). */
struct hg_error *hg_dwarf_open(struct hg_elf *elf, const struct hg_dwarf_finder *finder,
			       struct hg_dwarf **ret);

/** The same from sections in memory (HG_DEBUG_SECTIONS of them), which must outlive it. */
struct hg_error *hg_dwarf_open_sections(const struct hg_section_bytes *sections,
					struct hg_dwarf **ret);
void hg_dwarf_destroy(struct hg_dwarf *dwarf);
HG_DEFINE_CLEANUP(struct hg_dwarf, hg_dwarf_destroy)

/** All units in the order of the file. */
const struct hg_unit *hg_dwarf_units(const struct hg_dwarf *dwarf, size_t *count);

/** Returns the unit that contains an offset of .debug_info, or NULL. */
const struct hg_unit *hg_dwarf_unit_at(const struct hg_dwarf *dwarf, uint64_t offset);

/**
 * Bytes of a section, decompressed, as far as they belong to a unit; data NULL where there are none. HG_DEBUG_STR is that
 * of its line program.
 */
struct hg_section_bytes hg_unit_section(struct hg_dwarf *dwarf, const struct hg_unit *unit,
					enum hg_dwarf_section which);

/** The link-time address that a unit gives as an index into .debug_addr. */
bool hg_unit_address(struct hg_dwarf *dwarf, const struct hg_unit *unit, uint64_t index,
		     uint64_t *ret);

/** Bytes of all entries. */
uint64_t hg_dwarf_size(const struct hg_dwarf *dwarf);

/** Did memory run out while entries were read? Then not all that counts as damage is. */
bool hg_dwarf_exhausted(const struct hg_dwarf *dwarf);
/** Entries that could not be read so far. */
uint64_t hg_dwarf_damage(const struct hg_dwarf *dwarf);

typedef bool hg_die_fn(void *arg, const struct hg_die *die);

/** Calls fn with the entry at an offset of .debug_info; false when there is none (or fn said so). */
bool hg_die_at(struct hg_dwarf *dwarf, uint64_t offset, hg_die_fn *fn, void *arg);

/** Calls fn for each child of an entry until it returns false. The entry fn gets, and its handle, die with the call. */
void hg_die_children(const struct hg_die *parent, hg_die_fn *fn, void *arg);

#endif
