/**
 * Unwinding: from a frame of a native stack to that of its caller, by call frame information, else by the chain of
 * frame pointers.
 *
 *	struct hg_frame frame;
 *	hg_frame_start(prog->image, thread, &frame);
 *	for (unsigned i = 0; i < HG_MAX_FRAMES; i++) {
 *		struct hg_frame caller;
 *		enum hg_frame_status status = hg_frame_unwind(prog, &frame, &caller);
 *		... frame.pc, and frame.cfa where the status is not HG_FRAME_LOST ...
 *		if (status == HG_FRAME_OUTERMOST || status == HG_FRAME_LOST)
 *			break;
 *		frame = caller;
 *	}
 *
 * Stacks are untrusted: whether a caller's frame lies on the stack at all is the walker's to check. Where it does not
 * follow a signal, it lies above its callee's.
 */
#ifndef HG_DWARF_FRAME_H
#define HG_DWARF_FRAME_H

#include "core/thread.h"
#include "dwarf/program.h"

struct hg_frame {
	uint64_t pc, sp;
	uint64_t regs[HG_ARCH_MAX_REGS]; /* DWARF order; pc and sp among them */
	uint64_t known;			 /* bit per register of regs */
	bool interrupted; /* pc is where it goes on, not a return address: innermost, or interrupted by a signal */
	bool signal_frame; /* what the kernel put there to call a signal handler */
	uint64_t cfa;	   /* set by hg_frame_unwind(), 0 when not known */
};

enum hg_frame_status {
	HG_FRAME_CALLER,    /* by call frame information */
	HG_FRAME_GUESSED,   /* by the frame pointer, or by what a call leaves behind */
	HG_FRAME_OUTERMOST, /* there is no caller */
	HG_FRAME_LOST,	    /* nothing tells who called, or what tells is damaged */
};

/** The innermost frame of a thread. */
void hg_frame_start(const struct hg_image *image, const struct hg_thread *thread,
		    struct hg_frame *ret);

/** Finds the caller of a frame, and the frame's CFA. Tables of each module are read on first use, so from one thread. */
enum hg_frame_status hg_frame_unwind(struct hg_program *prog, struct hg_frame *frame,
				     struct hg_frame *caller);

/** Where to look up what belongs to a frame: its function, its variables. */
static inline uint64_t hg_frame_lookup_pc(const struct hg_frame *frame)
{
	return frame->interrupted || !frame->pc ? frame->pc : frame->pc - 1;
}

#endif
