// Unwinding, of children of this test that know who called whom.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/limits.h"
#include "dwarf/frame.h"

#define MAX_DEPTH 64

struct shared { // between the test and its target
	volatile int ready;
	int depth;
	void *pcs[MAX_DEPTH]; // as the target's own unwinder sees them
};

static struct shared *shared;

static __attribute__((noinline)) void stand_still(void)
{
	shared->depth = backtrace(shared->pcs, MAX_DEPTH);
	shared->ready = 1;
	while (shared->ready)
		pause();
}

static __attribute__((noinline)) int recurse(int n)
{
	char room[64];
	memset(room, n, sizeof(room));
	__asm__ volatile("" ::"r"(room) : "memory");
	if (n)
		return recurse(n - 1) + room[n];
	stand_still();
	return room[0];
}

static int compare(const void *a, const void *b)
{
	return recurse(3) + *(const char *)a - *(const char *)b;
}

// Through code of libc, which is compiled without frame pointers.
static void through_qsort(void)
{
	char letters[] = "ba";
	qsort(letters, 2, 1, compare);
}

static void on_signal(int number)
{
	recurse(number % 4);
}

static void by_signal(void)
{
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
}

static void on_another_stack(void)
{
	static char room[65536];
	const stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)};
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
}

static void *in_thread_main(void *arg)
{
	recurse(*(int *)arg);
	return NULL;
}

static void in_thread(void)
{
	pthread_t thread;
	int depth = 5;
	pthread_create(&thread, NULL, in_thread_main, &depth);
	pthread_join(thread, NULL);
}

static pid_t start(void (*fn)(void))
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_true(shared != MAP_FAILED);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn();
		_exit(1);
	}
	for (int i = 0; i < 1000 && !shared->ready; i++)
		nanosleep(&(struct timespec){0, 10000000}, NULL);
	assert_true(shared->ready);
	nanosleep(&(struct timespec){0, 20000000}, NULL);
	return pid;
}

static struct hg_program *open_child(pid_t pid)
{
	const struct hg_image_options options = {0};
	struct hg_image *image = NULL;
	struct hg_program *prog = NULL;
	uint64_t stopped_us;
	struct hg_error *err = hg_image_open_live((uint32_t)pid, &options, &stopped_us, &image);
	if (err)
		fail_msg("%s", err->message);
	err = hg_program_create(image, NULL, &prog);
	if (err)
		fail_msg("%s", err->message);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return prog;
}

static size_t unwind(struct hg_program *prog, const struct hg_thread *thread, uint64_t *pcs,
		     size_t limit, enum hg_frame_status *last)
{
	struct hg_frame frame;
	size_t depth = 0;
	hg_frame_start(prog->image, thread, &frame);
	while (depth < limit) {
		struct hg_frame caller;
		pcs[depth++] = frame.pc;
		*last = hg_frame_unwind(prog, &frame, &caller);
		if (*last == HG_FRAME_OUTERMOST || *last == HG_FRAME_LOST)
			break;
		assert_true(frame.cfa == caller.sp || frame.signal_frame);
		frame = caller;
	}
	return depth;
}

// The callers of stand_still() are what we find, too; below it we stand elsewhere than the target then did.
static bool same_callers(const uint64_t *pcs, size_t depth)
{
	// The first may be that of an interceptor of backtrace().
	const size_t skip = 2, wanted = (size_t)shared->depth;
	for (size_t at = 0; at + wanted - skip <= depth; at++) {
		size_t i = skip;
		while (i < wanted && pcs[at + i - skip] == (uint64_t)(uintptr_t)shared->pcs[i])
			i++;
		if (i == wanted)
			return true;
	}
	return false;
}

static void check(void (*fn)(void), bool to_the_end)
{
	struct hg_program *prog = open_child(start(fn));
	bool found = false;
	for (size_t i = 0; i < prog->image->threads.count; i++) {
		uint64_t pcs[256];
		enum hg_frame_status last;
		const size_t depth = unwind(prog, &prog->image->threads.data[i], pcs, 256, &last);
		if (!same_callers(pcs, depth))
			continue;
		found = true;
		if (to_the_end)
			assert_int_equal(last, HG_FRAME_OUTERMOST);
	}
	assert_true(shared->depth > 4);
	assert_true(found);
	assert_int_equal(prog->bad_frames, 0);
	hg_program_destroy(prog);
	munmap(shared, sizeof(*shared));
}

static void plain(void)
{
	recurse(7);
}

static void test_calls(void **state)
{
	(void)state;
	check(plain, true);
}

static void test_library(void **state)
{
	(void)state;
	check(through_qsort, true);
}

static void test_signal(void **state)
{
	(void)state;
	check(by_signal, true);
}

static void test_signal_stack(void **state)
{
	(void)state;
	check(on_another_stack, true);
}

static void test_thread(void **state)
{
	(void)state;
	check(in_thread, true);
}

// The file is gone: its tables are in memory still.
static void test_no_file(void **state)
{
	(void)state;
	struct hg_program *prog = open_child(start(plain));
	for (size_t i = 0; i < prog->modules.count; i++) {
		struct hg_module *module = &prog->modules.data[i];
		if (module->is_exe)
			continue;
		if (module->debug != module->elf)
			hg_elf_destroy(module->debug);
		module->elf = module->debug = NULL;
	}
	uint64_t pcs[256];
	enum hg_frame_status last;
	const size_t depth = unwind(prog, &prog->image->threads.data[0], pcs, 256, &last);
	assert_true(same_callers(pcs, depth));
	hg_program_destroy(prog);
	munmap(shared, sizeof(*shared));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),  cmocka_unit_test(test_library),
		cmocka_unit_test(test_signal), cmocka_unit_test(test_signal_stack),
		cmocka_unit_test(test_thread), cmocka_unit_test(test_no_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
