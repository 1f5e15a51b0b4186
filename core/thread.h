/**
 * The threads of a process at the instant of the image.
 */
#ifndef HG_CORE_THREAD_H
#define HG_CORE_THREAD_H

#include <stdbool.h>

#include "core/arch.h"
#include "core/base/vec.h"

struct hg_thread {
	uint32_t tid;  /* as in the core: innermost PID namespace when we wrote it */
	char name[16]; /* comm; empty when unknown */
	uint64_t regs[HG_ARCH_MAX_REGS]; /* DWARF order of the image's architecture */
	uint64_t pc, sp;
	uint64_t tls;	 /* fs_base on x86-64, tpidr_el0 on arm64 */
	int signal;	 /* the signal it stopped for; 0 none */
	int64_t syscall; /* number of the system call it is in; -1 none, or not known */
};

/** First is the main or the faulting thread. */
typedef HG_VEC(struct hg_thread) hg_threads;

/** Fills a thread from the descriptor of an NT_PRSTATUS note; false where it is too small. */
bool hg_thread_read(const struct hg_arch *arch, const uint8_t *prstatus, size_t size,
		    struct hg_thread *ret);

/** Sets regs, pc, sp, tls and syscall from the kernel's user_regs_struct of that architecture. */
void hg_thread_set_regs(struct hg_thread *thread, const struct hg_arch *arch,
			const uint8_t *user_regs);

#endif
