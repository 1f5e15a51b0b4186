/**
 * The architecture table: one row per architecture, found by ELF machine.
 */
#ifndef HG_CORE_ARCH_H
#define HG_CORE_ARCH_H

#include <stddef.h>
#include <stdint.h>

#define HG_ARCH_MAX_REGS 34

struct hg_arch {
	const char *name;	     /* "x86-64", "arm64" */
	uint16_t elf_machine;	     /* EM_X86_64, EM_AARCH64 */
	unsigned reg_count;	     /* registers in DWARF numbering, the pc among them */
	unsigned pc_reg, sp_reg;     /* DWARF numbers */
	unsigned fp_reg;	     /* the frame pointer, where code keeps one */
	uint64_t callee_saved;	     /* bit per register: a call leaves it as it was */
	size_t prstatus_size;	     /* NT_PRSTATUS descriptor */
	size_t prstatus_regs;	     /* offset of pr_reg in it */
	size_t pc_offset, sp_offset; /* in the kernel's user_regs_struct */
	size_t user_regs_size;	     /* what PTRACE_GETREGSET NT_PRSTATUS gives */
	size_t syscall_offset; /* in it: the system call a thread is in, negative for none; 0: it does not tell */
	/** Spreads the kernel's user_regs_struct to DWARF order; *tls gets the thread pointer (fs_base, tpidr). */
	void (*read_regs)(const uint8_t *user_regs, uint64_t *regs, uint64_t *tls);
	/** The name of a system call in which threads wait; NULL for others. May be NULL. */
	const char *(*syscall_name)(int64_t number);
};

/** Returns the row of an ELF machine, or NULL where it is not supported. */
const struct hg_arch *hg_arch_find(uint16_t elf_machine);
/** The architecture this program runs on; NULL where that one is not supported. */
const struct hg_arch *hg_arch_host(void);
/** The rows: arch_x86_64.c, arch_aarch64.c. */
extern const struct hg_arch hg_arch_x86_64, hg_arch_aarch64;

/** The name of any ELF machine for an error message ("arm", "riscv"); "another machine" where it is rare. */
const char *hg_arch_machine_name(uint16_t elf_machine);

#endif
