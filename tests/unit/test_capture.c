// Live processes: children of this test that count, so that it is seen whether they go on unharmed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "core/capture.h"
#include "core/image.h"
#include "core/proc.h"
#include "tests/unit/core_file.h"

#define PATTERN_SIZE ((size_t)8 << 20)
#define RESERVED_SIZE ((size_t)16 << 30)

struct shared { // between the test and its target
	volatile uint64_t counters[64];
	volatile uint64_t signals, signal_sum;
	volatile uint64_t interrupted, vforks, storm;
	volatile int ready;
	uint8_t *pattern, *reserved, *none, *secret, *mirror;
};

struct target {
	pid_t pid;
	struct shared *shared;
};

static struct shared *shared;

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	// Any thread may get it.
	__atomic_fetch_add(&shared->signal_sum, (uint64_t)info->si_value.sival_int,
			   __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&shared->signals, 1, __ATOMIC_SEQ_CST);
}

static void *count(void *arg)
{
	volatile uint64_t *counter = arg;
	for (;;) {
		++*counter;
		if (counter != &shared->counters[0])
			nanosleep(&(struct timespec){0, 100000}, NULL);
	}
	return NULL;
}

/** Waits for what never comes; a wait that was interrupted is counted. */
static void *wait_without_end(void *arg)
{
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (;;)
		if (epoll_wait(epoll, &event, 1, -1) < 0)
			shared->interrupted++;
	return arg;
}

/** A parent of vfork sleeps so that nothing can interrupt it. */
static void *sleep_deeply(void *arg)
{
	for (;;) {
		const pid_t pid = vfork();
		if (!pid) {
			nanosleep(&(struct timespec){0, 300000000}, NULL);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		shared->vforks++;
	}
	return arg;
}

static void *end_at_once(void *arg)
{
	return arg;
}

static void *make_threads(void *arg)
{
	for (;;) {
		pthread_t thread;
		if (!pthread_create(&thread, NULL, end_at_once, NULL))
			pthread_join(thread, NULL);
		shared->storm++;
	}
	return arg;
}

static uint8_t *map(size_t size, int prot)
{
	uint8_t *ptr = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	hg_assert(ptr != MAP_FAILED);
	return ptr;
}

_Noreturn static void run_target(unsigned threads, void *(*other)(void *))
{
	prctl(PR_SET_PDEATHSIG, SIGKILL); // a failed test leaves nothing behind
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigaction(SIGRTMIN, &action, NULL);
	shared->pattern = map(PATTERN_SIZE, PROT_READ | PROT_WRITE);
	core_pattern(shared->pattern, (uintptr_t)shared->pattern, PATTERN_SIZE);
	memset(shared->pattern + 4096, 0, 4096);
	shared->reserved = map(RESERVED_SIZE, PROT_READ | PROT_WRITE);
	shared->reserved[RESERVED_SIZE / 2] = 42;
	shared->none = map(65536, PROT_NONE);
	shared->secret = map(65536, PROT_READ | PROT_WRITE);
	shared->secret[0] = 42;
	madvise(shared->secret, 65536, MADV_DONTDUMP);
	for (unsigned i = 0; i < threads; i++) {
		pthread_t thread;
		hg_assert(!pthread_create(&thread, NULL, count, (void *)&shared->counters[i]));
	}
	pthread_t thread;
	hg_assert(!other || !pthread_create(&thread, NULL, other, NULL));
	shared->ready = 1;
	for (;;)
		pause();
}

static struct target start_with(unsigned threads, void *(*other)(void *))
{
	struct target target;
	target.shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	hg_assert(target.shared != MAP_FAILED);
	shared = target.shared;
	target.pid = fork();
	if (!target.pid)
		run_target(threads, other);
	while (!target.shared->ready)
		sleep_ms(1);
	return target;
}

static struct target start_target(unsigned threads)
{
	return start_with(threads, NULL);
}

static void end_target(struct target *target)
{
	kill(target->pid, SIGKILL);
	waitpid(target->pid, NULL, 0);
	munmap(target->shared, sizeof(*target->shared));
}

/** Tells whether all threads count on. */
static bool goes_on(const struct target *target, unsigned threads)
{
	uint64_t before[64];
	memcpy(before, (const void *)target->shared->counters, sizeof(before));
	for (unsigned round = 0; round < 500; round++) {
		unsigned moved = 0;
		for (unsigned i = 0; i < threads; i++)
			moved += target->shared->counters[i] > before[i];
		if (moved == threads)
			return true;
		sleep_ms(10);
	}
	return false;
}

static char state_of(pid_t pid)
{
	struct hg_proc_status status;
	core_ok(hg_proc_status((uint32_t)pid, &status));
	return status.state;
}

static uint64_t capture(pid_t pid, bool direct)
{
	unlink("live.core");
	const struct hg_capture_options options = {.output = "live.core", .direct = direct};
	struct hg_capture_result result;
	core_ok(hg_capture((uint32_t)pid, &options, &result));
	assert_string_equal(result.path, "live.core");
	free(result.path);
	assert_int_equal(result.missing_bytes, 0);
	return result.stopped_us;
}

static void expect_denied(uint32_t pid, const char *says)
{
	struct hg_image *image = NULL;
	uint64_t stopped_us;
	hg_cleanup(hg_error_destroyp) struct hg_error *err =
		hg_image_open_live(pid, NULL, &stopped_us, &image);
	assert_non_null(err);
	if (!strstr(err->message, says))
		fail_msg("'%s' does not say '%s'", err->message, says);
}

static void check_memory(const struct hg_image *image, const struct target *target)
{
	const struct shared *known = target->shared;
	const uint64_t pattern = (uintptr_t)known->pattern;
	const uint8_t *view = hg_image_view(image, pattern, PATTERN_SIZE);
	assert_non_null(view);
	assert_true(core_is_pattern(view, pattern, 4096));
	assert_true(core_is_pattern(view + 8192, pattern + 8192, PATTERN_SIZE - 8192));
	assert_true(!view[4096] && !memcmp(view + 4096, view + 4097, 4095));
	const uint8_t *reserved = hg_image_view(image, (uintptr_t)known->reserved, RESERVED_SIZE);
	assert_non_null(reserved);
	assert_int_equal(reserved[RESERVED_SIZE / 2], 42);
	assert_int_equal(reserved[0], 0);
	assert_null(hg_image_view(image, (uintptr_t)known->none, 1));
	assert_null(hg_image_view(image, (uintptr_t)known->secret, 1));
	assert_int_equal(image->missing_bytes, 0);
	// A function of the program: text that no dump holds.
	assert_non_null(hg_image_view(image, (uintptr_t)run_target, 16));
	assert_memory_equal(hg_image_view(image, (uintptr_t)run_target, 16),
			    (const void *)(uintptr_t)run_target, 16);
	assert_non_null(image->exe);
}

static void check_core(const struct target *target)
{
	struct stat status;
	assert_int_equal(stat("live.core", &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_true((uint64_t)status.st_size > RESERVED_SIZE);
	assert_true((uint64_t)status.st_blocks * 512 < (64 << 20));
	struct hg_image *image;
	core_ok(hg_image_open_core("live.core", NULL, &image));
	assert_int_equal(image->threads.count, 4);
	assert_int_equal(image->threads.data[0].tid, target->pid);
	check_memory(image, target);
	hg_image_destroy(image);
}

static void test_memory(void **state)
{
	(void)state;
	struct target target = start_target(3);
	struct hg_image *image;
	uint64_t stopped_us;
	core_ok(hg_image_open_live((uint32_t)target.pid, NULL, &stopped_us, &image));
	assert_true(stopped_us > 0);
	assert_int_equal(image->pid, target.pid);
	assert_int_equal(image->threads.count, 4);
	assert_int_equal(image->threads.data[0].tid, target.pid);
	check_memory(image, &target);
	hg_image_destroy(image);
	for (int direct = 0; direct < 2; direct++) {
		capture(target.pid, direct);
		check_core(&target);
	}
	assert_true(goes_on(&target, 3));
	end_target(&target);
}

static void test_many_threads(void **state)
{
	(void)state;
	struct target target = start_target(50);
	struct hg_image *image;
	uint64_t stopped_us;
	for (unsigned round = 0; round < 5; round++) {
		core_ok(hg_image_open_live((uint32_t)target.pid, NULL, &stopped_us, &image));
		assert_int_equal(image->threads.count, 51);
		for (size_t i = 0; i < image->threads.count; i++) {
			const struct hg_thread *thread = &image->threads.data[i];
			assert_true(hg_image_view(image, thread->sp, 8) != NULL);
			assert_true(hg_image_view(image, thread->pc, 1) != NULL);
		}
		hg_image_destroy(image);
		assert_true(goes_on(&target, 50));
	}
	end_target(&target);
}

static void *send_signals(void *arg)
{
	const struct target *target = arg;
	for (int i = 1; i <= 5000; i++) {
		while (sigqueue(target->pid, SIGRTMIN, (union sigval){.sival_int = i}))
			sleep_ms(1);
		if (i % 10 == 0)
			sleep_ms(1);
	}
	return NULL;
}

static void test_no_signal_is_lost(void **state)
{
	(void)state;
	struct target target = start_target(4);
	pthread_t sender;
	assert_int_equal(pthread_create(&sender, NULL, send_signals, &target), 0);
	for (unsigned round = 0; round < 20; round++)
		capture(target.pid, false);
	pthread_join(sender, NULL);
	for (unsigned i = 0; i < 500 && target.shared->signals < 5000; i++)
		sleep_ms(10);
	assert_int_equal(target.shared->signals, 5000);
	assert_int_equal(target.shared->signal_sum, 5000 * 5001 / 2);
	assert_true(goes_on(&target, 4));
	end_target(&target);
}

static void test_stopped_stays_stopped(void **state)
{
	(void)state;
	struct target target = start_target(3);
	kill(target.pid, SIGSTOP);
	while (state_of(target.pid) != 'T')
		sleep_ms(1);
	sleep_ms(20);
	for (unsigned round = 0; round < 3; round++) {
		capture(target.pid, false);
		// Let go, it stops again when it is its turn to run, which takes a while on a busy machine.
		for (unsigned i = 0; i < 500 && state_of(target.pid) != 'T'; i++)
			sleep_ms(10);
		sleep_ms(20);
		assert_int_equal(state_of(target.pid), 'T');
	}
	kill(target.pid, SIGCONT);
	assert_true(goes_on(&target, 3));
	end_target(&target);
}

static void test_endless_wait_goes_on(void **state)
{
	(void)state;
	struct target target = start_with(2, wait_without_end);
	sleep_ms(50);
	for (unsigned round = 0; round < 20; round++)
		capture(target.pid, false);
	assert_true(goes_on(&target, 2));
	assert_int_equal(target.shared->interrupted, 0);
	end_target(&target);
}

static void test_deep_sleep(void **state)
{
	(void)state;
	struct target target = start_with(2, sleep_deeply);
	sleep_ms(50);
	for (unsigned round = 0; round < 5; round++) {
		assert_true(capture(target.pid, false) < 1000000);
		assert_true(goes_on(&target, 2));
		sleep_ms(70);
	}
	const uint64_t before = target.shared->vforks;
	for (unsigned i = 0; i < 300 && target.shared->vforks < before + 2; i++)
		sleep_ms(10);
	assert_true(target.shared->vforks >= before + 2);
	end_target(&target);
}

static void test_thread_storm(void **state)
{
	(void)state;
	struct target target = start_with(2, make_threads);
	for (unsigned round = 0; round < 20; round++) {
		const uint64_t before = target.shared->storm;
		capture(target.pid, false);
		assert_true(goes_on(&target, 2));
		for (unsigned i = 0; i < 300 && target.shared->storm == before; i++)
			sleep_ms(10);
		assert_true(target.shared->storm > before);
	}
	end_target(&target);
}

static void test_killed_tool(void **state)
{
	(void)state;
	struct target target = start_target(8);
	for (unsigned round = 0; round < 40; round++) {
		const pid_t tool = fork();
		if (!tool) {
			for (;;) {
				struct hg_image *image;
				uint64_t stopped_us;
				core_ok(hg_image_open_live((uint32_t)target.pid, NULL, &stopped_us,
							   &image));
				hg_image_destroy(image);
			}
		}
		nanosleep(&(struct timespec){0, 3000000 + 1370000 * (long)round}, NULL);
		kill(tool, SIGKILL);
		waitpid(tool, NULL, 0);
		assert_true(goes_on(&target, 8));
	}
	capture(target.pid, false);
	assert_true(goes_on(&target, 8));
	end_target(&target);
}

static void test_killed_target(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		struct target target = start_target(8);
		const pid_t killer = fork();
		if (!killer) {
			nanosleep(&(struct timespec){0, 500000 + 300000 * (long)round}, NULL);
			kill(target.pid, SIGKILL);
			_exit(0);
		}
		struct hg_error *err = NULL;
		while (!err) {
			struct hg_image *image;
			uint64_t stopped_us;
			err = hg_image_open_live((uint32_t)target.pid, NULL, &stopped_us, &image);
			if (!err)
				hg_image_destroy(image);
		}
		if (!strstr(err->message, "ended") && !strstr(err->message, "no process"))
			fail_msg("%s", err->message);
		hg_error_destroy(err);
		waitpid(killer, NULL, 0);
		end_target(&target);
	}
}

static void test_denials(void **state)
{
	(void)state;
	expect_denied(0x3fffffff, "no process 1073741823");
	expect_denied((uint32_t)getpid(), "is this one");
	struct hg_proc_status kernel;
	core_ok(hg_proc_status(2, &kernel));
	if (!strcmp(kernel.name, "kthreadd")) // not in a PID namespace
		expect_denied(2, "is a thread of the kernel");
	const pid_t zombie = fork();
	if (!zombie)
		_exit(0);
	while (state_of(zombie) != 'Z')
		sleep_ms(1);
	expect_denied((uint32_t)zombie, "zombie");
	waitpid(zombie, NULL, 0);
	struct target target = start_target(1);
	hg_tids tids = {0};
	core_ok(hg_proc_threads((uint32_t)target.pid, &tids));
	assert_int_equal(tids.count, 2);
	expect_denied(tids.data[1], "is a thread of process");
	hg_vec_deinit(&tids);
	assert_int_equal(ptrace(PTRACE_SEIZE, target.pid, NULL, NULL), 0);
	expect_denied((uint32_t)target.pid, "already traced by 'test_capture'");
	// Not stopped, it cannot be detached; it ends with the test's interrupt.
	end_target(&target);
}

static void test_other_user(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	struct target target = start_target(1);
	const pid_t tool = fork();
	if (!tool) {
		hg_assert(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534));
		expect_denied((uint32_t)target.pid, "it belongs to user 0, we are user 65534");
		_exit(0);
	}
	int status;
	waitpid(tool, &status, 0);
	assert_int_equal(status, 0);
	end_target(&target);
}

static void test_output(void **state)
{
	(void)state;
	struct target target = start_target(1);
	capture(target.pid, false);
	struct hg_capture_result result;
	struct hg_error *err = hg_capture(
		(uint32_t)target.pid, &(struct hg_capture_options){.output = "live.core"}, &result);
	assert_non_null(err);
	assert_true(strstr(err->message, "exists already") != NULL);
	hg_error_destroy(err);
	err = hg_capture((uint32_t)target.pid, &(struct hg_capture_options){.output = "no/x.core"},
			 &result);
	assert_non_null(err);
	hg_error_destroy(err);
	// A full disk: nothing is left behind.
	struct rlimit limit, small = {1 << 20, RLIM_INFINITY};
	getrlimit(RLIMIT_FSIZE, &limit);
	signal(SIGXFSZ, SIG_IGN);
	small.rlim_max = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	unlink("live.core");
	err = hg_capture((uint32_t)target.pid, &(struct hg_capture_options){.output = "live.core"},
			 &result);
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_non_null(err);
	assert_true(strstr(err->message, "File too large") != NULL);
	hg_error_destroy(err);
	assert_int_equal(access("live.core", F_OK), -1);
	assert_true(goes_on(&target, 1));
	end_target(&target);
}

static int enter_folder(void **state)
{
	char folder[] = "/tmp/test_capture.XXXXXX";
	if (!mkdtemp(folder) || chdir(folder))
		return -1;
	*state = strdup(folder);
	return 0;
}

static int leave_folder(void **state)
{
	unlink("live.core");
	const int failed = rmdir(*state);
	free(*state);
	return failed;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_no_signal_is_lost),
		cmocka_unit_test(test_stopped_stays_stopped),
		cmocka_unit_test(test_endless_wait_goes_on),
		cmocka_unit_test(test_deep_sleep),
		cmocka_unit_test(test_thread_storm),
		cmocka_unit_test(test_killed_tool),
		cmocka_unit_test(test_killed_target),
		cmocka_unit_test(test_denials),
		cmocka_unit_test(test_other_user),
		cmocka_unit_test(test_output),
	};
	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
