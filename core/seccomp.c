#include "core/seccomp.h"

#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>

#include "core/proc.h"

#define FILTERS_MAX 256
#define CODE_MAX 4096 // BPF_MAXINSNS
#define CAP_SYS_ADMIN_BIT 21

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif

struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
	const struct seccomp_data *data;
};

static bool load(struct machine *machine, const struct sock_filter *code)
{
	uint32_t value;
	switch (BPF_MODE(code->code)) {
	case BPF_ABS:
		if (code->k > sizeof(*machine->data) - 4 || code->k % 4 ||
		    BPF_CLASS(code->code) != BPF_LD)
			return false;
		memcpy(&value, (const uint8_t *)machine->data + code->k, 4);
		break;
	case BPF_LEN:
		value = sizeof(*machine->data);
		break;
	case BPF_IMM:
		value = code->k;
		break;
	case BPF_MEM:
		if (code->k >= BPF_MEMWORDS)
			return false;
		value = machine->memory[code->k];
		break;
	default:
		return false;
	}
	*(BPF_CLASS(code->code) == BPF_LD ? &machine->a : &machine->x) = value;
	return true;
}

static bool calculate(struct machine *machine, const struct sock_filter *code)
{
	const uint32_t with = BPF_SRC(code->code) == BPF_X ? machine->x : code->k;
	switch (BPF_OP(code->code)) {
	case BPF_ADD:
		machine->a += with;
		return true;
	case BPF_SUB:
		machine->a -= with;
		return true;
	case BPF_MUL:
		machine->a *= with;
		return true;
	case BPF_DIV:
		if (!with)
			return false;
		machine->a /= with;
		return true;
	case BPF_AND:
		machine->a &= with;
		return true;
	case BPF_OR:
		machine->a |= with;
		return true;
	case BPF_XOR:
		machine->a ^= with;
		return true;
	case BPF_LSH:
		machine->a = with < 32 ? machine->a << with : 0;
		return with < 32;
	case BPF_RSH:
		machine->a = with < 32 ? machine->a >> with : 0;
		return with < 32;
	case BPF_NEG:
		machine->a = -machine->a;
		return true;
	default:
		return false;
	}
}

/** *ret gets how many instructions are left out. */
static bool jump(const struct machine *machine, const struct sock_filter *code, uint32_t *ret)
{
	const uint32_t with = BPF_SRC(code->code) == BPF_X ? machine->x : code->k;
	bool is_true;
	switch (BPF_OP(code->code)) {
	case BPF_JA:
		*ret = code->k;
		return true;
	case BPF_JEQ:
		is_true = machine->a == with;
		break;
	case BPF_JGT:
		is_true = machine->a > with;
		break;
	case BPF_JGE:
		is_true = machine->a >= with;
		break;
	case BPF_JSET:
		is_true = machine->a & with;
		break;
	default:
		return false;
	}
	*ret = is_true ? code->jt : code->jf;
	return true;
}

static bool step(struct machine *machine, const struct sock_filter *code, uint32_t *ret_skip)
{
	*ret_skip = 0;
	switch (BPF_CLASS(code->code)) {
	case BPF_LD:
	case BPF_LDX:
		return BPF_SIZE(code->code) == BPF_W && load(machine, code);
	case BPF_ST:
	case BPF_STX:
		if (code->k >= BPF_MEMWORDS)
			return false;
		machine->memory[code->k] =
			BPF_CLASS(code->code) == BPF_ST ? machine->a : machine->x;
		return true;
	case BPF_ALU:
		return calculate(machine, code);
	case BPF_JMP:
		return jump(machine, code, ret_skip);
	case BPF_MISC:
		if (BPF_MISCOP(code->code) == BPF_TAX)
			machine->x = machine->a;
		else
			machine->a = machine->x;
		return true;
	default:
		return false;
	}
}

uint32_t hg_seccomp_run(const struct sock_filter *code, size_t count,
			const struct seccomp_data *data)
{
	struct machine machine = {.data = data};
	// Jumps go forward only, so this ends.
	for (size_t at = 0; at < count;) {
		if (BPF_CLASS(code[at].code) == BPF_RET)
			return BPF_RVAL(code[at].code) == BPF_A ? machine.a : code[at].k;
		uint32_t skip;
		if (!step(&machine, &code[at], &skip))
			break;
		at += 1 + (size_t)skip;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

bool hg_seccomp_allows(uint32_t tid, const struct seccomp_data *data)
{
	static _Thread_local struct sock_filter code[CODE_MAX];
	for (unsigned long number = 0; number < FILTERS_MAX; number++) {
		const long count = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, number, NULL);
		if (count < 0)
			return errno == ENOENT && number; // behind the last
		if (count > CODE_MAX ||
		    ptrace(PTRACE_SECCOMP_GET_FILTER, tid, number, code) != count)
			return false;
		const uint32_t said = hg_seccomp_run(code, (size_t)count, data);
		const uint32_t action = said & SECCOMP_RET_ACTION_FULL;
		if (action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG)
			return false;
	}
	return false;
}

bool hg_seccomp_can_ask(void)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/self/status");
	hg_error_destroy(err);
	if (err)
		return false;
	const char *capabilities = strstr(text, "\nCapEff:");
	const char *own = strstr(text, "\nSeccomp:");
	return capabilities && own && strtoul(own + 9, NULL, 10) == 0 &&
	       strtoull(capabilities + 8, NULL, 16) >> CAP_SYS_ADMIN_BIT & 1;
}
