/**
 * One system call in a thread of another process, so that the process is safe whatever becomes of us: the thread gets a
 * stack on which a signal frame lies, as the kernel would have written it, with everything the thread had in its
 * registers. If nobody intervenes, it makes the call, returns into the program's own rt_sigreturn, and goes on as if
 * nothing had been. No code is written; the stack is the unused end of the main thread's.
 *
 * A thread that is born of the call (clone) gets another frame: all it can do is end.
 *
 * Private to core/.
 */
#ifndef HG_CORE_INJECT_H
#define HG_CORE_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arch.h"
#include "core/base/error.h"
#include "core/xstate.h"

#define HG_SCRATCH_SIZE 32768 /* what must be unused at the end of the main thread's stack */
#define HG_SCRATCH_AT                                                                              \
	24576 /* where the frames begin in it; below, a handler may run once if we are killed */
#define HG_FRAMES_SIZE 8192
#define HG_ORPHAN_STATUS 104 /* the exit status of a child whose snapshot was killed */

struct hg_gadgets {	  // instructions of the program's own; addr 0 where it has none
	uint64_t call;	  // a system call, then return
	uint64_t restore; // the system call rt_sigreturn
};

struct hg_thread_state {
	uint8_t regs[HG_ARCH_MAX_REGS * 8]; // the kernel's user_regs_struct
	uint8_t xstate[HG_XSTATE_MAX];	    // as ptrace gives it
	size_t xstate_size;
	uint64_t signal_mask;
};

enum hg_standing {
	HG_STANDS_IN_CODE,
	HG_STANDS_IN_CALL,
	HG_STANDS_WAITING, // in a call that the kernel begins again by itself
};

/** What depends on the architecture; a row for each, in inject_X.c. */
struct hg_inject_ops {
	int xstate_note; // what PTRACE_GETREGSET calls the extended state
	uint64_t clone_number, wait_number, return_number, exit_number;
	uint32_t audit_number;		      // what seccomp calls the architecture
	unsigned call_length, restore_length; // of the instructions, up to behind the system call

	/** Looks for what is still missing in code of the program; `addr` is where it lies. */
	void (*find)(const uint8_t *code, size_t size, uint64_t addr, struct hg_gadgets *ret);
	/** Tells whether a thread's state can be put into a frame: 64 bits, no matrix registers. */
	bool (*is_plain)(const struct hg_thread_state *state);
	enum hg_standing (*standing)(const uint8_t *regs);
	/** Writes both frames; `at` is the address of frames[0] in the target. */
	void (*make_frames)(const struct hg_thread_state *state, const struct hg_gadgets *gadgets,
			    uint64_t at, uint8_t *frames);
	/** Sets the registers to a system call that returns into the first frame. */
	void (*set_call)(uint8_t *regs, const struct hg_gadgets *gadgets, uint64_t at,
			 uint64_t number, const uint64_t arguments[4]);
	/** The arguments of clone for a child that ends up in the second frame. */
	void (*clone_arguments)(uint64_t at, uint64_t arguments[4]);
	int64_t (*result)(const uint8_t *regs);
	/** Makes a wait without end begin again that our stop has interrupted; false where it is none. */
	bool (*hide_interrupt)(uint8_t *regs);
};

/** The row of this machine; NULL where there is none yet. */
const struct hg_inject_ops *hg_inject_host(void);

extern const struct hg_inject_ops hg_inject_x86_64;

struct hg_injection {
	const struct hg_inject_ops *ops;
	const struct hg_arch *arch;
	uint32_t pid, tid;
	struct hg_gadgets gadgets;
	uint64_t scratch, stack_bytes;
	bool left;	   // a killed snapshot has left something there
	const char *phase; // for hg_fault()
	struct hg_thread_state state;
	enum hg_standing standing;
	uint32_t child; // born of the call; 0 none
	int signal;	// came meanwhile, to be passed on when the thread is let go
	uint8_t frames[HG_FRAMES_SIZE];
};

/**
 * Finds what an injection needs, before anything is stopped. *ret_reason gets why it is not possible (static), NULL
 * where it is.
 */
struct hg_error *hg_inject_prepare(struct hg_injection *injection, uint32_t pid,
				   const char **ret_reason);

/**
 * Tells whether what was found is still there and the end of the stack is unused, while all who use it stand. What a
 * killed snapshot has left there (injection->left) is unused as well, once no thread has its stack there.
 */
bool hg_inject_is_ready(struct hg_injection *injection);

/** Tells whether a stack pointer is too near to the frames. */
bool hg_inject_is_near(const struct hg_injection *injection, uint64_t sp);

/** Reads the state of a thread that stands; false where it must not be disturbed. */
bool hg_inject_choose(struct hg_injection *injection, uint32_t tid);

/**
 * Tells whether a call, the way back from it, and the end of a child would pass the seccomp filters of the chosen thread,
 * even if we were killed amid them.
 */
bool hg_inject_is_allowed(const struct hg_injection *injection, uint64_t number,
			  const uint64_t arguments[4]);

/**
 * Makes the call in the chosen thread and puts everything back. On error the thread may still be under way: the end of
 * the calling thread lets it go, and it heals itself.
 */
struct hg_error *hg_inject_call(struct hg_injection *injection, uint64_t number,
				const uint64_t arguments[4], int64_t *ret);

/** The same for hg_inject_clone(). */
bool hg_inject_may_clone(const struct hg_injection *injection);

/** Makes a child that stands before its first instruction; it is injection->child, *ret its number in the target. */
struct hg_error *hg_inject_clone(struct hg_injection *injection, int64_t *ret);

/** Returns the stack pointer of a thread that stands, 0 where it cannot be read; `regs` is room for its registers. */
uint64_t hg_inject_stack(uint32_t tid, uint8_t *regs);

/** Makes a wait without end begin again that the stop of this thread has interrupted. */
void hg_inject_hide_interrupt(uint32_t tid);

#endif
