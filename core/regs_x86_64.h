/**
 * The words of the kernel's user_regs_struct on x86-64, in its order. Private to core/.
 */
#ifndef HG_CORE_REGS_X86_64_H
#define HG_CORE_REGS_X86_64_H

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

#endif
