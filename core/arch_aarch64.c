#include "core/arch.h"

#include <elf.h>

#include "core/base/bytes.h"

// user_pt_regs: x0 to x30, sp, pc, pstate. DWARF numbers x0 to x30 are 0 to 30, sp is 31, and 32 is the pc.
static void read_regs(const uint8_t *user_regs, uint64_t *regs, uint64_t *tls)
{
	for (unsigned i = 0; i <= 32; i++)
		regs[i] = hg_load_u64(user_regs + i * 8);
	*tls = 0; // tpidr_el0 comes in a note of its own, NT_ARM_TLS
}

const struct hg_arch hg_arch_aarch64 = {
	.name = "arm64",
	.elf_machine = EM_AARCH64,
	.reg_count = 33,
	.pc_reg = 32,
	.sp_reg = 31,
	.fp_reg = 29,
	.callee_saved = 0x7ff << 19, // x19 to x29
	.prstatus_size = 392,
	.prstatus_regs = 112,
	.pc_offset = 32 * 8,
	.sp_offset = 31 * 8,
	.user_regs_size = 34 * 8,
	.read_regs = read_regs,
};
