#include "core/inject.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "core/base/bytes.h"
#include "core/fault.h"
#include "core/mapping.h"
#include "core/proc.h"
#include "core/seccomp.h"

#define STACK_MIN ((uint64_t)96 << 10)
#define STACK_DISTANCE ((uint64_t)64 << 10)
#define CODE_MAX ((uint64_t)256 << 20) // how much code is searched
#define PIECE ((size_t)1 << 20)
#define SECOND_NS ((uint64_t)1000000000)
#define ENTRY_DEADLINE_NS (SECOND_NS / 2)
#define CALL_DEADLINE_NS (60 * SECOND_NS) // copying page tables takes 26 ms a GB

// Linux 5.13 and 6.4.
#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
#define GET_USER_DISPATCH 0x4211

static const char magic[16] = "heapgraph frame";

const struct hg_inject_ops *hg_inject_host(void)
{
#if defined(__x86_64__)
	return &hg_inject_x86_64;
#else
	return NULL;
#endif
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static bool read_target(uint32_t pid, uint64_t addr, void *buf, size_t size)
{
	const struct iovec local = {buf, size}, remote = {(void *)(uintptr_t)addr, size};
	return process_vm_readv((pid_t)pid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

static bool write_target(uint32_t pid, uint64_t addr, const void *buf, size_t size)
{
	const struct iovec local = {(void *)buf, size}, remote = {(void *)(uintptr_t)addr, size};
	return process_vm_writev((pid_t)pid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

static bool has_gadgets(const struct hg_gadgets *gadgets)
{
	return gadgets->call && gadgets->restore;
}

static void search_mapping(struct hg_injection *injection, const struct hg_mapping *mapping,
			   uint8_t *buf, uint64_t *left)
{
	const size_t overlap = 16;
	for (uint64_t addr = mapping->start; addr < mapping->end && *left;
	     addr += PIECE - overlap) {
		const uint64_t rest = mapping->end - addr;
		const size_t size = rest < PIECE ? (size_t)rest : PIECE;
		*left -= *left < size ? *left : size;
		if (!read_target(injection->pid, addr, buf, size))
			return;
		injection->ops->find(buf, size, addr, &injection->gadgets);
		if (has_gadgets(&injection->gadgets) || size < PIECE)
			return;
	}
}

/** Libraries of C lie behind the executable; both have what is sought, the smaller one is searched first. */
static struct hg_error *find_gadgets(struct hg_injection *injection, const hg_mappings *mappings)
{
	hg_autofree uint8_t *buf = malloc(PIECE);
	if (!buf)
		return &hg_enomem;
	uint64_t left = CODE_MAX;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < mappings->count; i++) {
			const struct hg_mapping *mapping = &mappings->data[i];
			const bool is_c = strstr(mapping->path, "/libc.so") ||
					  strstr(mapping->path, "/libc-") ||
					  strstr(mapping->path, "/ld-musl");
			if (!(mapping->prot & HG_PROT_EXEC) || !(mapping->prot & HG_PROT_READ) ||
			    mapping->prot & HG_PROT_WRITE || mapping->path[0] != '/' ||
			    is_c == pass)
				continue;
			search_mapping(injection, mapping, buf, &left);
			if (has_gadgets(&injection->gadgets))
				return NULL;
		}
	}
	return NULL;
}

static const char *find_scratch(struct hg_injection *injection, const hg_mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++) {
		const struct hg_mapping *mapping = &mappings->data[i];
		if (strcmp(mapping->path, "[stack]"))
			continue;
		if (mapping->end - mapping->start < STACK_MIN)
			return "its main stack is too small to lend its end";
		injection->scratch = mapping->start;
		return NULL;
	}
	return "it has no main stack whose end could be lent";
}

struct hg_error *hg_inject_prepare(struct hg_injection *injection, uint32_t pid,
				   const char **ret_reason)
{
	injection->pid = pid;
	injection->ops = hg_inject_host();
	injection->arch = hg_arch_host();
	*ret_reason = NULL;
	struct hg_proc_status status;
	struct hg_error *err = hg_proc_status(pid, &status);
	if (err)
		return err;
	injection->stack_bytes = status.stack_bytes;
	if (!injection->ops) {
		*ret_reason = "this architecture is not supported for it";
		return NULL;
	}
	hg_autofree char *text = NULL;
	size_t size;
	err = hg_proc_read(&text, &size, "/proc/%u/maps", pid);
	if (err)
		return err;
	struct hg_arena arena = {0};
	hg_mappings mappings = {0};
	err = hg_mappings_parse(text, size, &arena, &mappings);
	if (!err)
		*ret_reason = find_scratch(injection, &mappings);
	if (!err && !*ret_reason)
		err = find_gadgets(injection, &mappings);
	if (!err && !*ret_reason && !has_gadgets(&injection->gadgets))
		*ret_reason = "no instructions in its code are fit for it";
	hg_vec_deinit(&mappings);
	hg_arena_deinit(&arena);
	return err;
}

bool hg_inject_is_near(const struct hg_injection *injection, uint64_t sp)
{
	return sp < injection->scratch + STACK_DISTANCE && sp + STACK_DISTANCE > injection->scratch;
}

bool hg_inject_is_ready(struct hg_injection *injection)
{
	const struct hg_gadgets *gadgets = &injection->gadgets;
	struct hg_gadgets again = {0};
	uint8_t code[16];
	if (!read_target(injection->pid, gadgets->call, code, 3))
		return false;
	injection->ops->find(code, 3, gadgets->call, &again);
	if (!read_target(injection->pid, gadgets->restore, code, 9))
		return false;
	injection->ops->find(code, 9, gadgets->restore, &again);
	if (again.call != gadgets->call || again.restore != gadgets->restore)
		return false;
	// A stack that has grown meanwhile ends elsewhere.
	struct hg_proc_status status;
	struct hg_error *err = hg_proc_status(injection->pid, &status);
	hg_error_destroy(err);
	if (err || status.stack_bytes != injection->stack_bytes)
		return false;
	uint8_t scratch[HG_SCRATCH_SIZE];
	if (!read_target(injection->pid, injection->scratch, scratch, sizeof(scratch)))
		return false;
	injection->left = !memcmp(scratch + HG_SCRATCH_AT, magic, sizeof(magic));
	return injection->left ||
	       (!scratch[0] && !memcmp(scratch, scratch + 1, sizeof(scratch) - 1));
}

/** A thread amid a restartable sequence would lose it; amid its own dispatch of system calls it would get a signal. */
static bool is_undisturbed(uint32_t tid, enum hg_standing standing, uint32_t pid)
{
	uint64_t config[4] = {0}; // mode first
	if (!ptrace(GET_USER_DISPATCH, tid, sizeof(config), config) && config[0])
		return false;
	if (standing != HG_STANDS_IN_CODE)
		return true;
	uint64_t rseq[4] = {0}; // its address first
	if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, tid, 24, rseq) < 0)
		return false;
	uint64_t critical = 0;
	return !rseq[0] || (read_target(pid, rseq[0] + 8, &critical, 8) && !critical);
}

bool hg_inject_choose(struct hg_injection *injection, uint32_t tid)
{
	struct hg_thread_state *state = &injection->state;
	struct iovec regs = {state->regs, sizeof(state->regs)};
	struct iovec xstate = {state->xstate, sizeof(state->xstate)};
	if (ptrace(PTRACE_GETREGSET, tid, (long)NT_PRSTATUS, &regs) ||
	    regs.iov_len != injection->arch->user_regs_size ||
	    ptrace(PTRACE_GETREGSET, tid, (long)injection->ops->xstate_note, &xstate) ||
	    ptrace(PTRACE_GETSIGMASK, tid, sizeof(state->signal_mask), &state->signal_mask))
		return false;
	state->xstate_size = xstate.iov_len;
	injection->tid = tid;
	injection->standing = injection->ops->standing(state->regs);
	return injection->ops->is_plain(state) &&
	       is_undisturbed(tid, injection->standing, injection->pid);
}

enum event { EVENT_ENDED, EVENT_TIMEOUT, EVENT_CALL, EVENT_BIRTH, EVENT_STOP, EVENT_SIGNAL };

/** The main thread's end is not told before that of the others, and those are ours to be waited for. */
static bool has_ended(uint32_t tid)
{
	struct hg_proc_status status;
	struct hg_error *err = hg_proc_status(tid, &status);
	hg_error_destroy(err);
	return err || status.state == 'Z' || status.state == 'X';
}

static enum event next_event(const struct hg_injection *injection, uint64_t deadline_ns,
			     int *ret_signal)
{
	for (unsigned round = 0;; round++) {
		int status;
		const pid_t pid = waitpid((pid_t)injection->tid, &status, __WALL | WNOHANG);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0 || (pid > 0 && !WIFSTOPPED(status)))
			return EVENT_ENDED;
		if (pid > 0) {
			*ret_signal = WSTOPSIG(status);
			const int event = status >> 16;
			if (event == PTRACE_EVENT_STOP)
				return EVENT_STOP;
			if (event)
				return EVENT_BIRTH;
			return WSTOPSIG(status) == (SIGTRAP | 0x80) ? EVENT_CALL : EVENT_SIGNAL;
		}
		if (now_ns() > deadline_ns)
			return EVENT_TIMEOUT;
		if (round % 64 == 63 && has_ended(injection->tid))
			return EVENT_ENDED;
		if (round > 200) // most waits are over sooner than a sleep begins
			nanosleep(&(struct timespec){0, round > 400 ? 500000 : 20000}, NULL);
	}
}

static struct hg_error *gone(const struct hg_injection *injection)
{
	return hg_error_create(HG_ERROR_NOT_FOUND, "process %u ended while it was read",
			       injection->pid);
}

static struct hg_error *lost(const struct hg_injection *injection, const char *what)
{
	return hg_error_create(HG_ERROR_OTHER, "thread %u of process %u %s", injection->tid,
			       injection->pid, what);
}

static struct hg_error *set_regs(const struct hg_injection *injection, const uint8_t *regs)
{
	struct iovec iov = {(void *)regs, injection->arch->user_regs_size};
	if (ptrace(PTRACE_SETREGSET, injection->tid, (long)NT_PRSTATUS, &iov))
		return errno == ESRCH ? gone(injection)
				      : hg_error_errno(errno, "cannot set registers");
	return NULL;
}

static struct hg_error *set_mask(const struct hg_injection *injection, uint64_t mask)
{
	if (ptrace(PTRACE_SETSIGMASK, injection->tid, sizeof(mask), &mask))
		return errno == ESRCH ? gone(injection)
				      : hg_error_errno(errno, "cannot set a signal mask");
	return NULL;
}

static uint64_t frames_at(const struct hg_injection *injection)
{
	return injection->scratch + HG_SCRATCH_AT;
}

/** Every state on the way heals itself: first the registers, then the mask. */
static struct hg_error *set_up(struct hg_injection *injection, const uint8_t *regs)
{
	memset(injection->frames, 0, sizeof(injection->frames));
	memcpy(injection->frames, magic, sizeof(magic));
	injection->ops->make_frames(&injection->state, &injection->gadgets, frames_at(injection),
				    injection->frames);
	hg_fault(injection->phase, "chosen");
	if (!write_target(injection->pid, frames_at(injection), injection->frames,
			  sizeof(injection->frames)))
		return hg_error_errno(errno, "cannot write to the stack of process %u",
				      injection->pid);
	hg_fault(injection->phase, "frames");
	struct hg_error *err = set_regs(injection, regs);
	hg_fault(injection->phase, "registers");
	// Not SIGSYS: a program that dispatches its own system calls would die of it.
	if (!err)
		err = set_mask(injection, ~((uint64_t)1 << (SIGSYS - 1)));
	hg_fault(injection->phase, "mask");
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			     PTRACE_O_TRACEVFORK;
	if (!err && ptrace(PTRACE_SETOPTIONS, injection->tid, NULL, options))
		err = hg_error_errno(errno, "cannot trace process %u", injection->pid);
	hg_fault(injection->phase, "options");
	return err;
}

static struct hg_error *get_result(const struct hg_injection *injection, int64_t *ret)
{
	uint8_t regs[HG_ARCH_MAX_REGS * 8];
	struct iovec iov = {regs, sizeof(regs)};
	if (ptrace(PTRACE_GETREGSET, injection->tid, (long)NT_PRSTATUS, &iov))
		return gone(injection);
	*ret = injection->ops->result(regs);
	return NULL;
}

/** Before the target goes on: if memory runs short, the copy goes first. */
static void take_child(struct hg_injection *injection)
{
	unsigned long child = 0;
	if (ptrace(PTRACE_GETEVENTMSG, injection->tid, NULL, &child))
		return;
	injection->child = (uint32_t)child;
	hg_fault(injection->phase, "birth");
	struct hg_error *err = hg_proc_write(injection->child, "oom_score_adj", "1000");
	hg_error_destroy(err); // an ordinary user may raise it; where not, the watch has to do
	hg_fault(injection->phase, "score");
}

static struct hg_error *caught_itself(struct hg_injection *injection)
{
	siginfo_t info;
	if (!ptrace(PTRACE_GETSIGINFO, injection->tid, NULL, &info) && info.si_code <= 0)
		injection->signal = SIGSYS; // sent by somebody
	return hg_error_create(HG_ERROR_UNSUPPORTED, "process %u catches its own system calls",
			       injection->pid);
}

/** Lets the thread make its call; it stands behind it then, and has not run code of the program. */
static struct hg_error *make_call(struct hg_injection *injection, const uint8_t *regs, int64_t *ret)
{
	unsigned calls = 0, repeats = 0;
	int pass_on = 0;
	uint64_t deadline = now_ns() + ENTRY_DEADLINE_NS;
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, injection->tid, NULL, (long)pass_on))
			return gone(injection);
		hg_fault(injection->phase, calls ? "inside" : "running");
		pass_on = 0;
		int signal;
		switch (next_event(injection, deadline, &signal)) {
		case EVENT_ENDED:
			return gone(injection);
		case EVENT_TIMEOUT:
			return lost(injection, "does not run");
		case EVENT_BIRTH:
			take_child(injection);
			continue;
		case EVENT_STOP:
			continue;
		case EVENT_SIGNAL: // SIGSTOP cannot be blocked; SIGSYS: the call is not possible
			if (signal == SIGSYS)
				return caught_itself(injection);
			pass_on = signal;
			continue;
		case EVENT_CALL:
			hg_fault(injection->phase, calls ? "made" : "entry");
			deadline = now_ns() + CALL_DEADLINE_NS;
			if (!calls++)
				continue;
			break;
		}
		struct hg_error *err = get_result(injection, ret);
		const bool again = *ret <= -512 && *ret >= -516;
		if (err || !again || ++repeats > 100)
			return err;
		err = set_regs(injection, regs);
		if (err)
			return err;
		calls = 0;
	}
}

/**
 * Only where the kernel looks after signals does it begin the interrupted call again: the thread is led there before it
 * gets its registers back.
 */
static struct hg_error *lead_to_stop(struct hg_injection *injection)
{
	if (ptrace(PTRACE_INTERRUPT, injection->tid, NULL, NULL))
		return gone(injection);
	int pass_on = 0;
	for (;;) {
		if (ptrace(PTRACE_CONT, injection->tid, NULL, (long)pass_on))
			return gone(injection);
		hg_fault(injection->phase, "leaving");
		switch (next_event(injection, now_ns() + ENTRY_DEADLINE_NS, &pass_on)) {
		case EVENT_ENDED:
			return gone(injection);
		case EVENT_TIMEOUT:
			return lost(injection, "does not stop");
		case EVENT_STOP:
			return NULL;
		case EVENT_SIGNAL:
			continue;
		case EVENT_BIRTH:
		case EVENT_CALL:
			pass_on = 0;
			continue;
		}
	}
}

/** First the mask, then the registers. */
static struct hg_error *put_back(struct hg_injection *injection)
{
	hg_fault(injection->phase, "stopped");
	struct hg_error *err = set_mask(injection, injection->state.signal_mask);
	hg_fault(injection->phase, "unmasked");
	if (!err)
		err = set_regs(injection, injection->state.regs);
	hg_fault(injection->phase, "restored");
	static const uint8_t zeros[HG_SCRATCH_SIZE];
	const uint64_t at = injection->left ? injection->scratch : frames_at(injection);
	if (!err &&
	    !write_target(injection->pid, at, zeros, injection->scratch + sizeof(zeros) - at))
		err = hg_error_errno(errno, "cannot write to the stack of process %u",
				     injection->pid);
	hg_fault(injection->phase, "wiped");
	return err;
}

struct hg_error *hg_inject_call(struct hg_injection *injection, uint64_t number,
				const uint64_t arguments[4], int64_t *ret)
{
	uint8_t regs[sizeof(injection->state.regs)];
	memcpy(regs, injection->state.regs, sizeof(regs));
	injection->ops->set_call(regs, &injection->gadgets, frames_at(injection), number,
				 arguments);
	injection->child = 0;
	*ret = 0;
	struct hg_error *err = set_up(injection, regs);
	if (err)
		return err;
	struct hg_error *failed = make_call(injection, regs, ret);
	if (failed && failed->code != HG_ERROR_UNSUPPORTED)
		return failed; // it is under way, and left to itself
	err = lead_to_stop(injection);
	if (!err)
		err = put_back(injection);
	if (!failed)
		return err;
	hg_error_destroy(err);
	return failed;
}

static bool passes(const struct hg_injection *injection, uint64_t number, uint64_t behind,
		   const uint64_t arguments[4])
{
	const struct seccomp_data data = {
		.nr = (int)number,
		.arch = injection->ops->audit_number,
		.instruction_pointer = behind,
		.args = {arguments[0], arguments[1], arguments[2], arguments[3]},
	};
	return hg_seccomp_allows(injection->tid, &data);
}

bool hg_inject_is_allowed(const struct hg_injection *injection, uint64_t number,
			  const uint64_t arguments[4])
{
	const struct hg_inject_ops *ops = injection->ops;
	const uint64_t behind_call = injection->gadgets.call + ops->call_length;
	const uint64_t behind_restore = injection->gadgets.restore + ops->restore_length;
	const uint64_t end[4] = {HG_ORPHAN_STATUS};
	return passes(injection, number, behind_call, arguments) &&
	       passes(injection, ops->return_number, behind_restore, arguments) &&
	       passes(injection, ops->exit_number, behind_call, end);
}

bool hg_inject_may_clone(const struct hg_injection *injection)
{
	uint64_t arguments[4];
	injection->ops->clone_arguments(frames_at(injection), arguments);
	return hg_inject_is_allowed(injection, injection->ops->clone_number, arguments);
}

struct hg_error *hg_inject_clone(struct hg_injection *injection, int64_t *ret)
{
	uint64_t arguments[4];
	injection->ops->clone_arguments(frames_at(injection), arguments);
	return hg_inject_call(injection, injection->ops->clone_number, arguments, ret);
}

uint64_t hg_inject_stack(uint32_t tid, uint8_t *regs)
{
	struct iovec iov = {regs, HG_ARCH_MAX_REGS * 8};
	if (ptrace(PTRACE_GETREGSET, tid, (long)NT_PRSTATUS, &iov))
		return 0;
	return hg_load_u64(regs + hg_arch_host()->sp_offset);
}

void hg_inject_hide_interrupt(uint32_t tid)
{
	const struct hg_inject_ops *ops = hg_inject_host();
	uint8_t regs[HG_ARCH_MAX_REGS * 8];
	struct iovec iov = {regs, sizeof(regs)};
	if (!ops || ptrace(PTRACE_GETREGSET, tid, (long)NT_PRSTATUS, &iov) ||
	    !ops->hide_interrupt(regs))
		return;
	ptrace(PTRACE_SETREGSET, tid, (long)NT_PRSTATUS, &iov);
}
