// The kernel, gdb and we write cores of one process that does nothing: they hold the same memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "core/capture.h"
#include "core/image.h"
#include "core/proc.h"
#include "tests/unit/core_file.h"

#define PATTERN_SIZE ((size_t)4 << 20)
#define THREADS 5

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

_Noreturn static void run_target(int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
	uint8_t *ptr = mmap(NULL, PATTERN_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	hg_assert(ptr != MAP_FAILED);
	core_pattern(ptr, (uintptr_t)ptr, PATTERN_SIZE / 2);
	for (unsigned i = 1; i < THREADS; i++) {
		pthread_t thread;
		hg_assert(!pthread_create(&thread, NULL, wait_for_ever, NULL));
	}
	hg_assert(write(ready, &ptr, sizeof(ptr)) == sizeof(ptr));
	for (;;)
		pause();
}

static pid_t start_target(uint64_t *pattern)
{
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	const pid_t pid = fork();
	if (!pid)
		run_target(ready[1]);
	assert_int_equal(read(ready[0], pattern, sizeof(*pattern)), sizeof(*pattern));
	close(ready[0]);
	close(ready[1]);
	sleep_ms(50); // until all its threads wait
	return pid;
}

/** Runs a program with its output in the file "said"; returns its exit code, 127 where there is no such program. */
static int run(const char *const *argv)
{
	const pid_t pid = fork();
	if (!pid) {
		const int fd = core_create("said");
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	int status;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static struct hg_image *open_core(const char *path)
{
	struct hg_image *image;
	core_ok(hg_image_open_core(path, NULL, &image));
	return image;
}

static uint64_t different_words(const uint8_t *left, const uint8_t *right, uint64_t size)
{
	if (!memcmp(left, right, size))
		return 0;
	uint64_t count = 0;
	for (uint64_t i = 0; i + 8 <= size; i += 8)
		count += memcmp(left + i, right + i, 8) != 0;
	return count;
}

/** Compares what both images have; returns how many bytes that was. */
static uint64_t compare(const struct hg_image *left, const struct hg_image *right)
{
	uint64_t same = 0, differ = 0;
	for (size_t i = 0; i < left->segment_count; i++) {
		const struct hg_segment *segment = &left->segments[i];
		for (uint64_t at = 0; at < segment->present;) {
			uint64_t size;
			const uint8_t *other = hg_image_view_some(right, segment->addr + at, &size);
			if (!other) {
				at += 4096;
				continue;
			}
			if (size > segment->present - at)
				size = segment->present - at;
			const uint64_t words = different_words(segment->bytes + at, other, size);
			differ += words;
			same += size - words * 8;
			at += size;
		}
	}
	// The kernel notes the processor in the memory of each thread (rseq), also while it does nothing.
	assert_true(differ <= 4 * THREADS);
	return same;
}

static void compare_cores(const struct hg_image *ours, const char *other_path, uint64_t pattern)
{
	struct hg_image *other = open_core(other_path);
	assert_int_equal(other->missing_bytes, 0);
	assert_int_equal(other->pid, ours->pid);
	assert_memory_equal(other->comm, ours->comm, strlen(ours->comm)); // gdb takes 16 letters
	assert_int_equal(other->threads.count, THREADS);
	assert_int_equal(other->auxv.count, ours->auxv.count);
	assert_int_equal(other->mappings.count, ours->mappings.count);
	assert_true(compare(ours, other) > PATTERN_SIZE);
	for (size_t i = 0; i < THREADS; i++) {
		const struct hg_thread *thread = &ours->threads.data[i];
		bool found = false;
		for (size_t j = 0; j < THREADS; j++)
			found |= other->threads.data[j].tid == thread->tid &&
				 other->threads.data[j].sp == thread->sp &&
				 other->threads.data[j].tls == thread->tls;
		assert_true(found);
	}
	const uint8_t *view = hg_image_view(other, pattern, PATTERN_SIZE);
	assert_true(view && core_is_pattern(view, pattern, PATTERN_SIZE / 2));
	hg_image_destroy(other);
	unlink(other_path);
}

static void compare_with_gdb(const struct hg_image *ours, pid_t pid, uint64_t pattern)
{
#ifdef __SANITIZE_ADDRESS__
	print_message("skip: gcore of a program with shadow memory\n");
	(void)ours, (void)pid, (void)pattern;
#else
	char number[16], path[32];
	snprintf(number, sizeof(number), "%d", pid);
	snprintf(path, sizeof(path), "gdb.%d", pid);
	const int code = run((const char *const[]){"gcore", "-o", "gdb", number, NULL});
	if (code == 127) {
		print_message("skip: no gcore here\n");
		return;
	}
	assert_int_equal(code, 0);
	compare_cores(ours, path, pattern);
#endif
}

static void compare_with_kernel(const struct hg_image *ours, pid_t pid, uint64_t pattern)
{
	kill(pid, SIGABRT);
	int status;
	waitpid(pid, &status, 0);
	hg_autofree char *where = NULL;
	size_t size;
	core_ok(hg_proc_read(&where, &size, "/proc/sys/kernel/core_pattern"));
	char path[32];
	snprintf(path, sizeof(path), "core.%d", pid);
	if (access(path, F_OK))
		snprintf(path, sizeof(path), "core");
	if (!WCOREDUMP(status) || strcmp(where, "core\n") || access(path, F_OK))
		print_message("skip: the kernel writes cores elsewhere: %s", where);
	else
		compare_cores(ours, path, pattern);
}

static void test_same_memory(void **state)
{
	(void)state;
	uint64_t pattern;
	const pid_t pid = start_target(&pattern);
	struct hg_capture_result result;
	unlink("own");
	core_ok(hg_capture((uint32_t)pid, &(struct hg_capture_options){.output = "own"}, &result));
	free(result.path);
	struct hg_image *ours = open_core("own"), *live;
	uint64_t stopped_us;
	core_ok(hg_image_open_live((uint32_t)pid, NULL, &stopped_us, &live));
	assert_int_equal(live->threads.count, THREADS);
	assert_true(compare(ours, live) > PATTERN_SIZE);
	assert_true(compare(live, ours) > PATTERN_SIZE);
	hg_image_destroy(live);
	compare_with_gdb(ours, pid, pattern);
	compare_with_kernel(ours, pid, pattern);
	hg_image_destroy(ours);
	unlink("own");
}

static void test_gdb_reads_ours(void **state)
{
	(void)state;
	uint64_t pattern;
	const pid_t pid = start_target(&pattern);
	struct hg_capture_result result;
	unlink("own");
	core_ok(hg_capture((uint32_t)pid, &(struct hg_capture_options){.output = "own"}, &result));
	free(result.path);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	char exe[4096]; // gdb's own /proc/self/exe is gdb
	const ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	assert_true(length > 0);
	exe[length] = 0;
	const int code =
		run((const char *const[]){"gdb", "-nx", "-batch", "-ex", "info threads", "-ex",
					  "thread 2", "-ex", "bt", exe, "own", NULL});
	if (code == 127)
		skip();
	size_t size;
	char *said = (char *)core_read_file("said", &size);
	said[size] = 0;
	if (strstr(said, "warning: Unexpected") || strstr(said, "not a core") ||
	    strstr(said, "Cannot access memory"))
		fail_msg("%s", said);
	unsigned threads = 0;
	for (const char *at = said; (at = strstr(at, "[New LWP ")); at++)
		threads++;
	assert_int_equal(threads, THREADS);
	free(said);
	unlink("own");
}

static int enter_folder(void **state)
{
	char folder[] = "/tmp/test_core_writers.XXXXXX";
	if (!mkdtemp(folder) || chdir(folder))
		return -1;
	*state = strdup(folder);
	return 0;
}

static int leave_folder(void **state)
{
	unlink("said");
	unlink("own");
	const int failed = rmdir(*state);
	free(*state);
	return failed;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_memory),
		cmocka_unit_test(test_gdb_reads_ours),
	};
	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
