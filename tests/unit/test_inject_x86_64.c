// The frames that put a thread back: what the kernel would have written.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <ucontext.h>

#include "core/base/bytes.h"
#include "core/inject.h"

enum { R15, RAX = 10, RDX = 12, ORIG_RAX = 15, RIP = 16, CS = 17, EFLAGS = 18, RSP = 19 };
#define AT ((uint64_t)0x7ffe00006000)

static struct hg_thread_state state;
static uint8_t frames[HG_FRAMES_SIZE];

static void put(uint8_t *at, unsigned word, uint64_t value)
{
	memcpy(at + word * 8, &value, sizeof(value));
}

static void fill(uint64_t rax, uint64_t orig_rax)
{
	memset(&state, 0, sizeof(state));
	for (unsigned i = 0; i < 27; i++)
		put(state.regs, i, 1000 + i);
	put(state.regs, RAX, rax);
	put(state.regs, ORIG_RAX, orig_rax);
	put(state.regs, CS, 0x33);
	state.xstate_size = 576 + 256;
	memset(state.xstate, 7, state.xstate_size);
	put(state.xstate, 464 / 8, 7);
	put(state.xstate, 512 / 8, 7);
	state.signal_mask = 0x1234;
}

static void make(void)
{
	const struct hg_gadgets gadgets = {.call = 0x401000, .restore = 0x402000};
	memset(frames, 0, sizeof(frames));
	hg_inject_x86_64.make_frames(&state, &gadgets, AT, frames);
}

/** Behind the return address lies the ucontext that a handler would get. */
static const ucontext_t *first_context(void)
{
	return (const void *)(frames + 64 + 8);
}

static void test_registers(void **unused)
{
	(void)unused;
	fill(42, UINT64_MAX);
	make();
	const ucontext_t *context = first_context();
	assert_int_equal(hg_load_u64(frames + 64), 0x402000);
	assert_int_equal(context->uc_mcontext.gregs[REG_R15], 1000 + R15);
	assert_int_equal(context->uc_mcontext.gregs[REG_RDX], 1000 + RDX);
	assert_int_equal(context->uc_mcontext.gregs[REG_RAX], 42);
	assert_int_equal(context->uc_mcontext.gregs[REG_RIP], 1000 + RIP);
	assert_int_equal(context->uc_mcontext.gregs[REG_RSP], 1000 + RSP);
	assert_int_equal(context->uc_mcontext.gregs[REG_EFL], 1000 + EFLAGS);
	assert_int_equal(context->uc_mcontext.gregs[REG_CSGSFS] & 0xffff, 0x33);
	uint64_t mask;
	memcpy(&mask, &context->uc_sigmask, sizeof(mask));
	assert_int_equal(mask, 0x1234);
}

static void test_interrupted_call_is_made_again(void **unused)
{
	(void)unused;
	for (int64_t result = -516; result <= -512; result++) {
		fill((uint64_t)result, 35);
		make();
		const greg_t *regs = first_context()->uc_mcontext.gregs;
		const bool again = result != -515;
		assert_int_equal(regs[REG_RAX], again ? 35 : result);
		assert_int_equal(regs[REG_RIP], 1000 + RIP - (again ? 2 : 0));
		fill((uint64_t)result, UINT64_MAX); // a number of the program's own
		make();
		assert_int_equal(regs[REG_RAX], result);
		assert_int_equal(regs[REG_RIP], 1000 + RIP);
	}
}

static void test_vector_registers(void **unused)
{
	(void)unused;
	fill(0, 0);
	make();
	const uint64_t at = (uint64_t)(uintptr_t)first_context()->uc_mcontext.fpregs;
	assert_int_equal(at % 64, 0);
	assert_true(at > AT && at < AT + HG_FRAMES_SIZE);
	const uint8_t *xstate = frames + (at - AT);
	assert_int_equal(xstate[0], 7);
	assert_int_equal(xstate[831], 7);
	assert_int_equal(hg_load_u32(xstate + 464), 0x46505853);
	assert_int_equal(hg_load_u32(xstate + 468), 836);
	assert_int_equal(hg_load_u64(xstate + 472), 7);
	assert_int_equal(hg_load_u32(xstate + 480), 832);
	assert_int_equal(hg_load_u32(xstate + 832), 0x46505845);
}

static void test_state(void **unused)
{
	(void)unused;
	fill(0, 0);
	assert_true(hg_inject_x86_64.is_plain(&state));
	put(state.regs, CS, 0x23); // 32 bits
	assert_false(hg_inject_x86_64.is_plain(&state));
	fill(0, 0);
	put(state.xstate, 512 / 8, (uint64_t)1 << 18); // matrix registers
	assert_false(hg_inject_x86_64.is_plain(&state));
	fill((uint64_t)-512, 35);
	assert_int_equal(hg_inject_x86_64.standing(state.regs), HG_STANDS_WAITING);
	fill(0, 35);
	assert_int_equal(hg_inject_x86_64.standing(state.regs), HG_STANDS_IN_CALL);
	fill((uint64_t)-512, UINT64_MAX);
	assert_int_equal(hg_inject_x86_64.standing(state.regs), HG_STANDS_IN_CODE);
}

static void test_hidden_interrupts(void **unused)
{
	(void)unused;
	enum { R10 = 7, EPOLL_WAIT = 232, READ = 0 };
	fill((uint64_t)-4, EPOLL_WAIT);
	put(state.regs, R10, (uint32_t)-1);
	assert_true(hg_inject_x86_64.hide_interrupt(state.regs));
	assert_int_equal((int64_t)hg_load_u64(state.regs + RAX * 8), -514);
	fill((uint64_t)-4, EPOLL_WAIT); // with a timeout
	assert_false(hg_inject_x86_64.hide_interrupt(state.regs));
	fill(1, EPOLL_WAIT); // has an event
	put(state.regs, R10, (uint32_t)-1);
	assert_false(hg_inject_x86_64.hide_interrupt(state.regs));
	fill((uint64_t)-4, READ);
	assert_false(hg_inject_x86_64.hide_interrupt(state.regs));
}

static void test_gadgets(void **unused)
{
	(void)unused;
	static const uint8_t code[] = {0x0f, 0x05, 0x90, 0x48, 0xc7, 0xc0, 0x0f, 0,
				       0,    0,	   0x0f, 0x05, 0x90, 0x0f, 0x05, 0xc3};
	struct hg_gadgets found = {0};
	hg_inject_x86_64.find(code, sizeof(code), 0x1000, &found);
	assert_int_equal(found.restore, 0x1003);
	assert_int_equal(found.call, 0x100d);
	found = (struct hg_gadgets){0};
	hg_inject_x86_64.find(code, sizeof(code) - 1, 0x1000, &found);
	assert_int_equal(found.call, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_interrupted_call_is_made_again),
		cmocka_unit_test(test_vector_registers),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_hidden_interrupts),
		cmocka_unit_test(test_gadgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
