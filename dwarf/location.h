/**
 * Where a variable lies: DWARF expressions, location lists and range lists. All bytes are untrusted.
 */
#ifndef HG_DWARF_LOCATION_H
#define HG_DWARF_LOCATION_H

#include "core/image.h"
#include "dwarf/die.h"

struct hg_location { /* a piece of a variable */
	uint64_t piece_at;
	uint64_t piece_size; /* 0: all of the variable */
	bool in_register;
	unsigned reg;
	uint64_t addr; /* link-time address + bias, or on the stack */
};

enum hg_location_status {
	HG_LOCATION_FOUND,
	HG_LOCATION_NOWHERE, /* optimized out, a computed value, or registers that are not known */
	HG_LOCATION_BAD,
};

#define HG_MAX_PIECES 32

struct hg_location_context {
	struct hg_dwarf *dwarf; /* for operands by index into .debug_addr; NULL for none */
	const struct hg_unit *unit;
	uint64_t bias;
	uint64_t cfa;
	const uint64_t *regs; /* DWARF order, NULL when not known */
	unsigned reg_count;
	uint64_t unknown_regs; /* bit per register: those among them that are not known after all */
	const struct hg_image *image;	    /* for expressions that read memory; NULL for none */
	const uint64_t *initial;	    /* a value on the stack at the start; NULL for none */
	struct hg_section_bytes frame_base; /* expression of the function, for DW_OP_fbreg */
};

/** Evaluates an expression; fills up to HG_MAX_PIECES pieces that lie in memory or in a register. */
enum hg_location_status hg_location_eval(const struct hg_location_context *context,
					 const struct hg_section_bytes *expr,
					 struct hg_location pieces[HG_MAX_PIECES], unsigned *count);

/** True and the link-time address where an expression is just an address (a global). */
bool hg_location_static(struct hg_dwarf *dwarf, const struct hg_unit *unit,
			const struct hg_section_bytes *expr, uint64_t *ret);

/** True and the value that an expression of call frame information computes, an address or not. */
bool hg_location_value(const struct hg_location_context *context,
		       const struct hg_section_bytes *expr, uint64_t *ret);

/** True and the offset in its module's thread-local storage where an expression is such a place. */
bool hg_location_tls(struct hg_dwarf *dwarf, const struct hg_unit *unit,
		     const struct hg_section_bytes *expr, uint64_t *ret);

/** Finds the expression for a link-time pc in the location list at `offset`; FOUND, NOWHERE or BAD. */
enum hg_location_status hg_location_list_find(struct hg_dwarf *dwarf, const struct hg_unit *unit,
					      uint64_t offset, bool indexed, uint64_t pc,
					      struct hg_section_bytes *ret);

/** Calls fn for each range of link-time addresses of the location list at `offset` with the expression that holds there,
 * until it says false. False where the list is damaged. */
bool hg_location_each(struct hg_dwarf *dwarf, const struct hg_unit *unit, uint64_t offset,
		      bool indexed,
		      bool (*fn)(void *arg, uint64_t low, uint64_t high,
				 const struct hg_section_bytes *expr),
		      void *arg);

/** Calls fn for each range of link-time addresses of an entry (low_pc and high_pc, or ranges), until it says false.
 * False where the list of ranges is damaged. */
bool hg_location_each_range(const struct hg_die *die,
			    bool (*fn)(void *arg, uint64_t low, uint64_t high, uint64_t die),
			    void *arg);

#endif
