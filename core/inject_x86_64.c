#include "core/inject.h"

#include <elf.h>
#include <linux/audit.h>
#include <sched.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/regs_x86_64.h"

enum {
	RT_SIGRETURN = 15,
	CLONE = 56,
	WAIT4 = 61,
	SEMOP = 65,
	RT_SIGTIMEDWAIT = 128,
	IO_GETEVENTS = 208,
	SEMTIMEDOP = 220,
	EXIT_GROUP = 231,
	EPOLL_WAIT = 232,
	EPOLL_PWAIT = 281,
	EPOLL_PWAIT2 = 441,
};

enum { // the kernel's own, between a system call and the return to the program
	ERESTARTSYS = 512,
	ERESTARTNOINTR = 513,
	ERESTARTNOHAND = 514,
	ERESTART_RESTARTBLOCK = 516,
};
#define EINTR_NUMBER 4

/** The kernel's struct rt_sigframe. */
struct frame {
	uint64_t return_address;
	uint64_t flags, link;
	uint64_t stack_sp;
	uint32_t stack_flags, padding;
	uint64_t stack_size;
	uint64_t r8_to_r15[8];
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
	uint64_t signal_mask;
	uint8_t siginfo[128];
};

enum { UC_FP_XSTATE = 1, UC_SIGCONTEXT_SS = 2, UC_STRICT_RESTORE_SS = 4 };
#define BAD_STACK_FLAGS 0x7fffffffu // rt_sigreturn leaves the alternate stack alone
#define MAGIC1 0x46505853u
#define MAGIC2 0x46505845u

// Places in the frames: the header is core/inject.c's.
enum { FIRST_AT = 64, XSTATE_AT = 1024, SECOND_AT = 6144, XSTATE_ROOM = 4096 };

static uint64_t get(const uint8_t *regs, unsigned word)
{
	return hg_load_u64(regs + word * 8);
}

static void put(uint8_t *regs, unsigned word, uint64_t value)
{
	memcpy(regs + word * 8, &value, sizeof(value));
}

static void find(const uint8_t *code, size_t size, uint64_t addr, struct hg_gadgets *ret)
{
	static const uint8_t call[] = {0x0f, 0x05, 0xc3}; // syscall; ret
	static const uint8_t restore[] = {0x48, 0xc7, 0xc0, 0x0f, 0,
					  0,	0,    0x0f, 0x05}; // mov $15, %rax; syscall
	if (!ret->call) {
		const uint8_t *found = memmem(code, size, call, sizeof(call));
		if (found)
			ret->call = addr + (uint64_t)(found - code);
	}
	if (!ret->restore) {
		const uint8_t *found = memmem(code, size, restore, sizeof(restore));
		if (found)
			ret->restore = addr + (uint64_t)(found - code);
	}
}

/** Where the state ends that a frame can hold: before the matrix registers, which take 8 KiB. */
static size_t plain_size(const struct hg_thread_state *state)
{
	struct hg_xstate_part parts[HG_XSTATE_COMPONENTS];
	hg_xstate_host(parts);
	return parts[17].size && parts[17].offset < state->xstate_size ? parts[17].offset
								       : state->xstate_size;
}

static bool is_plain(const struct hg_thread_state *state)
{
	const uint64_t matrix = (uint64_t)3 << 17;
	return get(state->regs, CS) == 0x33 && state->xstate_size >= 576 &&
	       !(hg_load_u64(state->xstate + 512) & matrix) && plain_size(state) <= XSTATE_ROOM;
}

static bool is_restarted(const uint8_t *regs)
{
	const int64_t result = -(int64_t)get(regs, RAX);
	return (int64_t)get(regs, ORIG_RAX) >= 0 &&
	       (result == ERESTARTSYS || result == ERESTARTNOINTR || result == ERESTARTNOHAND ||
		result == ERESTART_RESTARTBLOCK);
}

static enum hg_standing standing(const uint8_t *regs)
{
	if ((int64_t)get(regs, ORIG_RAX) < 0)
		return HG_STANDS_IN_CODE;
	return is_restarted(regs) ? HG_STANDS_WAITING : HG_STANDS_IN_CALL;
}

static void make_xstate(const struct hg_thread_state *state, uint8_t *ret)
{
	const size_t size = plain_size(state);
	memcpy(ret, state->xstate, size);
	const uint64_t matrix = (uint64_t)3 << 17;
	const uint64_t enabled = hg_load_u64(state->xstate + 464) & ~matrix;
	const uint32_t head[2] = {MAGIC1, (uint32_t)size + 4};
	memset(ret + 464, 0, 48);
	memcpy(ret + 464, head, sizeof(head));
	memcpy(ret + 472, &enabled, sizeof(enabled));
	memcpy(ret + 480, &(uint32_t){(uint32_t)size}, 4);
	memcpy(ret + size, &(uint32_t){MAGIC2}, 4);
}

/** What the thread would have had after the kernel's own repetition of the call. */
static struct frame make_first(const struct hg_thread_state *state)
{
	const uint8_t *regs = state->regs;
	struct frame frame = {
		.flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
		.stack_flags = BAD_STACK_FLAGS,
		.rdi = get(regs, RDI),
		.rsi = get(regs, RSI),
		.rbp = get(regs, RBP),
		.rbx = get(regs, RBX),
		.rdx = get(regs, RDX),
		.rax = get(regs, RAX),
		.rcx = get(regs, RCX),
		.rsp = get(regs, RSP),
		.rip = get(regs, RIP),
		.eflags = get(regs, EFLAGS),
		.cs = (uint16_t)get(regs, CS),
		.ss = (uint16_t)get(regs, SS),
		.signal_mask = state->signal_mask,
	};
	static const uint8_t order[] = {R8, R9, R10, R11, R12, R13, R14, R15};
	for (unsigned i = 0; i < 8; i++)
		frame.r8_to_r15[i] = get(regs, order[i]);
	if (is_restarted(regs)) {
		frame.rip -= 2;
		frame.rax = get(regs, ORIG_RAX);
	}
	return frame;
}

static void make_frames(const struct hg_thread_state *state, const struct hg_gadgets *gadgets,
			uint64_t at, uint8_t *frames)
{
	struct frame first = make_first(state);
	first.return_address = gadgets->restore;
	first.fpstate = at + XSTATE_AT;
	memcpy(frames + FIRST_AT, &first, sizeof(first));
	make_xstate(state, frames + XSTATE_AT);
	const struct frame second = {
		.return_address = gadgets->restore,
		.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
		.stack_flags = BAD_STACK_FLAGS,
		.rax = EXIT_GROUP,
		.rdi = HG_ORPHAN_STATUS,
		.rsp = at + SECOND_AT,
		.rip = gadgets->call,
		.eflags = 0x202,
		.cs = first.cs,
		.ss = first.ss,
		.signal_mask = UINT64_MAX,
	};
	memcpy(frames + SECOND_AT, &second, sizeof(second));
}

static void set_call(uint8_t *regs, const struct hg_gadgets *gadgets, uint64_t at, uint64_t number,
		     const uint64_t arguments[4])
{
	put(regs, RAX, number);
	put(regs, ORIG_RAX, UINT64_MAX); // the call that was interrupted is not repeated now
	put(regs, RDI, arguments[0]);
	put(regs, RSI, arguments[1]);
	put(regs, RDX, arguments[2]);
	put(regs, R10, arguments[3]);
	put(regs, R8, 0);
	put(regs, R9, 0);
	put(regs, RSP, at + FIRST_AT);
	put(regs, RIP, gadgets->call);
	const uint64_t trap_and_direction = 0x500;
	put(regs, EFLAGS, get(regs, EFLAGS) & ~trap_and_direction);
}

static void clone_arguments(uint64_t at, uint64_t arguments[4])
{
	// No signal when it ends. The table of files is shared, so that a file the program closes is closed.
	arguments[0] = CLONE_FILES;
	arguments[1] = at + SECOND_AT;
	arguments[2] = arguments[3] = 0;
}

static int64_t result(const uint8_t *regs)
{
	return (int64_t)get(regs, RAX);
}

/** Tells whether the call waits without a timeout and would come back with EINTR though no handler ran. */
static bool waits_without_end(const uint8_t *regs)
{
	switch (get(regs, ORIG_RAX)) {
	case EPOLL_WAIT:
	case EPOLL_PWAIT:
		return (int32_t)get(regs, R10) == -1;
	case EPOLL_PWAIT2:
	case SEMTIMEDOP:
		return !get(regs, R10);
	case IO_GETEVENTS:
		return !get(regs, R8);
	case RT_SIGTIMEDWAIT:
		return !get(regs, RDX);
	case SEMOP:
		return true;
	default:
		return false;
	}
}

static bool hide_interrupt(uint8_t *regs)
{
	if ((int64_t)get(regs, RAX) != -EINTR_NUMBER || !waits_without_end(regs))
		return false;
	// Begun again, unless a handler runs first: then it is EINTR again.
	put(regs, RAX, (uint64_t)-ERESTARTNOHAND);
	return true;
}

const struct hg_inject_ops hg_inject_x86_64 = {
	.xstate_note = NT_X86_XSTATE,
	.clone_number = CLONE,
	.wait_number = WAIT4,
	.return_number = RT_SIGRETURN,
	.exit_number = EXIT_GROUP,
	.audit_number = AUDIT_ARCH_X86_64,
	.call_length = 2,
	.restore_length = 9,
	.find = find,
	.is_plain = is_plain,
	.standing = standing,
	.make_frames = make_frames,
	.set_call = set_call,
	.clone_arguments = clone_arguments,
	.result = result,
	.hide_interrupt = hide_interrupt,
};
