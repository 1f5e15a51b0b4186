#include "core/arch.h"

#include <elf.h>

#include "core/base/bytes.h"
#include "core/base/cleanup.h"

// The words of the kernel's user_regs_struct, in its order.
enum {
	R15,
	R14,
	R13,
	R12,
	RBP,
	RBX,
	R11,
	R10,
	R9,
	R8,
	RAX,
	RCX,
	RDX,
	RSI,
	RDI,
	ORIG_RAX,
	RIP,
	CS,
	EFLAGS,
	RSP,
	SS,
	FS_BASE,
	GS_BASE,
	DS,
	ES,
	FS,
	GS,
	USER_REGS,
};

static void read_regs(const uint8_t *user_regs, uint64_t *regs, uint64_t *tls)
{
	// DWARF numbers 0 to 16 (System V ABI for AMD64, figure 3.36); 16 is the return address column, so the pc.
	static const uint8_t dwarf_order[] = {RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP, R8,
					      R9,  R10, R11, R12, R13, R14, R15, RIP};
	for (size_t i = 0; i < ARRAY_SIZE(dwarf_order); i++)
		regs[i] = hg_load_u64(user_regs + dwarf_order[i] * 8);
	*tls = hg_load_u64(user_regs + FS_BASE * 8);
}

const struct hg_arch hg_arch_x86_64 = {
	.name = "x86-64",
	.elf_machine = EM_X86_64,
	.reg_count = 17,
	.pc_reg = 16,
	.sp_reg = 7,
	.fp_reg = 6,
	.callee_saved = 1 << 3 | 1 << 6 | 0xf << 12, // rbx, rbp, r12 to r15
	.prstatus_size = 336,
	.prstatus_regs = 112,
	.pc_offset = RIP * 8,
	.sp_offset = RSP * 8,
	.user_regs_size = USER_REGS * 8,
	.read_regs = read_regs,
};
