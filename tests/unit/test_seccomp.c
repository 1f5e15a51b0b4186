#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/syscall.h>

#include "core/base/cleanup.h"
#include "core/seccomp.h"

static const struct seccomp_data data = {
	.nr = SYS_clone, .arch = 0xc000003e, .args = {0x400, 0x7ffe00007800}};

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)

/** As container runtimes have it: clone, but for flags that make namespaces. */
static void test_container(void **state)
{
	(void)state;
	const struct sock_filter code[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xc000003e, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | 1),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4),
		LOAD(args[0]),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x7e020000),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_ERRNO | 38),
	};
	assert_int_equal(hg_seccomp_run(code, ARRAY_SIZE(code), &data), SECCOMP_RET_ALLOW);
	struct seccomp_data other = data;
	other.args[0] = 0x20000000;
	assert_int_equal(hg_seccomp_run(code, ARRAY_SIZE(code), &other), SECCOMP_RET_ERRNO | 38);
	other = data;
	other.nr = SYS_ptrace;
	assert_int_equal(hg_seccomp_run(code, ARRAY_SIZE(code), &other), SECCOMP_RET_ERRNO | 38);
	other.arch = 3;
	assert_int_equal(hg_seccomp_run(code, ARRAY_SIZE(code), &other), SECCOMP_RET_KILL_PROCESS);
}

static uint32_t calculate(uint16_t operation, uint32_t a, uint32_t x)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, x),
		BPF_STMT(BPF_LD | BPF_W | BPF_IMM, a),
		BPF_STMT(BPF_ALU | operation | BPF_X, 0),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 3),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	return hg_seccomp_run(code, ARRAY_SIZE(code), &data);
}

static void test_calculation(void **state)
{
	(void)state;
	assert_int_equal(calculate(BPF_ADD, 7, 3), 10);
	assert_int_equal(calculate(BPF_SUB, 7, 3), 4);
	assert_int_equal(calculate(BPF_MUL, 7, 3), 21);
	assert_int_equal(calculate(BPF_DIV, 7, 3), 2);
	assert_int_equal(calculate(BPF_OR, 6, 3), 7);
	assert_int_equal(calculate(BPF_XOR, 6, 3), 5);
	assert_int_equal(calculate(BPF_LSH, 7, 3), 56);
	assert_int_equal(calculate(BPF_RSH, 7, 1), 3);
	assert_int_equal(calculate(BPF_NEG, 7, 0), (uint32_t)-7);
	assert_int_equal(calculate(BPF_DIV, 7, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(calculate(BPF_LSH, 7, 32), SECCOMP_RET_KILL_PROCESS);
}

/** What makes no sense allows nothing. */
static void test_damaged(void **state)
{
	(void)state;
	struct sock_filter code[2] = {LOAD(nr), RETURN(SECCOMP_RET_ALLOW)};
	assert_int_equal(hg_seccomp_run(code, 0, &data), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(hg_seccomp_run(code, 1, &data), SECCOMP_RET_KILL_PROCESS);
	code[0].k = 64;
	assert_int_equal(hg_seccomp_run(code, 2, &data), SECCOMP_RET_KILL_PROCESS);
	code[0].k = 2;
	assert_int_equal(hg_seccomp_run(code, 2, &data), SECCOMP_RET_KILL_PROCESS);
	code[0] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX);
	assert_int_equal(hg_seccomp_run(code, 2, &data), SECCOMP_RET_KILL_PROCESS);
	code[0] = (struct sock_filter)BPF_STMT(BPF_STX, BPF_MEMWORDS);
	assert_int_equal(hg_seccomp_run(code, 2, &data), SECCOMP_RET_KILL_PROCESS);
	for (unsigned number = 0; number < 65536; number++) {
		code[0] = (struct sock_filter){.code = (uint16_t)number, .k = 5};
		hg_seccomp_run(code, 2, &data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_calculation),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
