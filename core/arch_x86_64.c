#include "core/arch.h"

#include <elf.h>

#include "core/base/bytes.h"
#include "core/base/cleanup.h"
#include "core/regs_x86_64.h"

static void read_regs(const uint8_t *user_regs, uint64_t *regs, uint64_t *tls)
{
	// DWARF numbers 0 to 16 (System V ABI for AMD64, figure 3.36); 16 is the return address column, so the pc.
	static const uint8_t dwarf_order[] = {RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP, R8,
					      R9,  R10, R11, R12, R13, R14, R15, RIP};
	for (size_t i = 0; i < ARRAY_SIZE(dwarf_order); i++)
		regs[i] = hg_load_u64(user_regs + dwarf_order[i] * 8);
	*tls = hg_load_u64(user_regs + FS_BASE * 8);
}

static const char *syscall_name(int64_t number)
{
	static const struct {
		int64_t number;
		const char *name;
	} names[] = {
		{0, "read"},
		{1, "write"},
		{7, "poll"},
		{17, "pread64"},
		{18, "pwrite64"},
		{19, "readv"},
		{20, "writev"},
		{23, "select"},
		{34, "pause"},
		{35, "nanosleep"},
		{42, "connect"},
		{43, "accept"},
		{44, "sendto"},
		{45, "recvfrom"},
		{46, "sendmsg"},
		{47, "recvmsg"},
		{61, "wait4"},
		{65, "semop"},
		{70, "msgrcv"},
		{72, "fcntl"},
		{73, "flock"},
		{74, "fsync"},
		{75, "fdatasync"},
		{128, "sigtimedwait"},
		{130, "sigsuspend"},
		{202, "futex"},
		{208, "io_getevents"},
		{220, "semtimedop"},
		{230, "clock_nanosleep"},
		{232, "epoll_wait"},
		{247, "waitid"},
		{270, "pselect"},
		{271, "ppoll"},
		{281, "epoll_pwait"},
		{288, "accept4"},
		{299, "recvmmsg"},
		{426, "io_uring_enter"},
		{441, "epoll_pwait2"},
		{449, "futex_waitv"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].number == number)
			return names[i].name;
	return NULL;
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
	.syscall_offset = ORIG_RAX * 8,
	.syscall_name = syscall_name,
	.read_regs = read_regs,
};
