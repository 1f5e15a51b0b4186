/**
 * Call frame information: what tables of `.eh_frame` and `.debug_frame` say of a function's frame at a pc. Of one ELF
 * file; addresses are link-time addresses. All bytes are untrusted. For unwinding see dwarf/frame.h.
 */
#ifndef HG_DWARF_CFI_H
#define HG_DWARF_CFI_H

#include "core/arch.h"
#include "core/base/bytes.h"
#include "dwarf/die.h"

struct hg_cfi_section {
	struct hg_section_bytes bytes; /* must outlive the table */
	uint64_t addr;		       /* of its first byte */
	bool is_eh;		       /* .eh_frame, else .debug_frame */
};

enum hg_cfi_kind {
	HG_CFI_UNSPECIFIED, /* as the calling convention has it */
	HG_CFI_UNDEFINED,
	HG_CFI_SAME,
	HG_CFI_OFFSET,	   /* at CFA + value */
	HG_CFI_VAL_OFFSET, /* is CFA + value */
	HG_CFI_REGISTER,   /* in register `value` */
	HG_CFI_EXPR,	   /* at what the expression gives */
	HG_CFI_VAL_EXPR,   /* is what the expression gives */
};

struct hg_cfi_rule {
	enum hg_cfi_kind kind;
	int64_t value;
	struct hg_section_bytes expr;
};

/** Where the caller's registers are. */
struct hg_cfi_row {
	struct hg_cfi_rule cfa; /* OFFSET: from register cfa_reg; or VAL_EXPR */
	unsigned cfa_reg;
	struct hg_cfi_rule regs[HG_ARCH_MAX_REGS]; /* DWARF order */
	unsigned return_reg;			   /* the column of the return address */
	bool signal_frame;			   /* the caller was interrupted, it did not call */
};

struct hg_cfi; /* which function has its rules where, sorted by pc */

/** Indexes sections; those without data are left out. Damaged entries are left out and counted. */
struct hg_error *hg_cfi_create(const struct hg_cfi_section *sections, size_t count,
			       struct hg_cfi **ret);
void hg_cfi_destroy(struct hg_cfi *cfi);
HG_DEFINE_CLEANUP(struct hg_cfi, hg_cfi_destroy)

/** Functions that have rules, and entries that could not be read. */
size_t hg_cfi_count(const struct hg_cfi *cfi);
uint64_t hg_cfi_damage(const struct hg_cfi *cfi);

/** Fills the row that holds at a pc; false where there is none, or it is damaged. */
bool hg_cfi_find(const struct hg_cfi *cfi, uint64_t pc, struct hg_cfi_row *ret);

/** Reads a pointer as tables for unwinding encode it (DW_EH_PE_*). `addr` is that of bytes->data, `data_base` what
 * data-relative ones count from; false for an encoding that cannot be followed, and where bytes end. */
bool hg_cfi_pointer(struct hg_bytes *bytes, uint8_t encoding, uint64_t addr, uint64_t data_base,
		    uint64_t *ret);

#endif
