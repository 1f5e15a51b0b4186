// Roots of native code, of children of this test that keep pointers in one kind of place each. What they point to are
// slots of a mapping, which stand for blocks of a heap.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "graph/lang/shape.h"
#include "graph/root_native.h"

#define SLOT 64u
#define SLOTS 64u

enum { // who holds which slot
	BY_GLOBAL = 1,
	BY_MEMBER,
	BY_NUMBER,
	BY_STATIC,
	BY_TLS,
	BY_THREAD_TLS,
	BY_SPECIFIC,
	BY_LOCAL,
	BY_REGISTER,
	BY_WORD,
	BY_THREAD_LOCAL,
	BY_MAPPING,
	BY_NOBODY,
};

// Where memory is checked, variables have no location that debug info could tell.
#define HOLDER __attribute__((noinline, no_sanitize("address")))

struct node {
	long number;
	char *text;
};

char *the_global;
struct node the_node;
uintptr_t the_number;
_Thread_local char *the_tls;

static volatile int *ready; // between the test and its target
static char *heap;

static char *slot(unsigned i)
{
	return heap + (size_t)i * SLOT;
}

static __attribute__((noinline)) char **function_static(void)
{
	static char *kept;
	return &kept;
}

static __attribute__((noinline)) void stand_still(void)
{
	++*ready;
	while (*ready)
		pause();
}

static HOLDER int hold_word(void)
{
	// Written as no variable is: the compiler knows nothing of it.
	char room[64];
	const uint64_t word = (uint64_t)(uintptr_t)slot(BY_WORD);
	memcpy(room + 8, &word, 8);
	__asm__ volatile("" ::"r"(room) : "memory");
	stand_still();
	return room[9];
}

static HOLDER int hold_register(char *in_register)
{
	const int sum = hold_word();
	return *in_register + sum;
}

static HOLDER int hold_local(void)
{
	char *volatile local = slot(BY_LOCAL);
	return hold_register(slot(BY_REGISTER)) + *local;
}

static HOLDER void *thread_main(void *arg)
{
	char *volatile in_thread = slot(BY_THREAD_LOCAL);
	the_tls = slot(BY_THREAD_TLS);
	pthread_setspecific(*(pthread_key_t *)arg, slot(BY_SPECIFIC));
	stand_still();
	return in_thread;
}

static void be_target(void)
{
	pthread_t thread;
	pthread_key_t key;
	the_global = slot(BY_GLOBAL) + 8; // inside counts, too
	the_node.text = slot(BY_MEMBER);
	the_number = (uintptr_t)slot(BY_NUMBER);
	*function_static() = slot(BY_STATIC);
	the_tls = slot(BY_TLS);
	char **pool = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pool[1000] = slot(BY_MAPPING);
	pthread_key_create(&key, NULL);
	pthread_create(&thread, NULL, thread_main, &key);
	_exit(hold_local());
}

struct found {
	struct hg_program *prog;
	struct hg_blocks blocks;
	struct hg_coverage coverage;
	struct hg_roots roots;
};

static pid_t start(void)
{
	ready = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	heap = mmap(NULL, SLOTS * SLOT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(ready != MAP_FAILED && heap != MAP_FAILED);
	memset(heap, 1, SLOTS * SLOT);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_target();
	}
	for (int i = 0; i < 1000 && *ready < 2; i++)
		nanosleep(&(struct timespec){0, 10000000}, NULL);
	assert_int_equal(*ready, 2);
	nanosleep(&(struct timespec){0, 20000000}, NULL);
	return pid;
}

static void check_error(struct hg_error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static bool owns(void *arg, uint32_t type, uint64_t addr, uint64_t offset)
{
	(void)addr;
	return hg_shape_leaf(arg, type, offset).kind != HG_LEAF_NONE;
}

static void find(struct found *f, bool (*skip)(void *arg, uint64_t addr))
{
	*f = (struct found){0};
	const pid_t pid = start();
	const struct hg_image_options options = {0};
	struct hg_image *image = NULL;
	uint64_t stopped_us;
	check_error(hg_image_open_live((uint32_t)pid, &options, &stopped_us, &image));
	check_error(hg_program_create(image, NULL, &f->prog));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	const struct hg_extent extent = {
		.addr = (uintptr_t)heap, .size = SLOTS * SLOT, .stride = SLOT, .slots = SLOTS};
	const uint64_t all = UINT64_MAX;
	check_error(hg_blocks_add(&f->blocks, &extent, &all, NULL));
	check_error(hg_blocks_finish(&f->blocks, NULL));
	struct hg_shapes shapes = {.prog = f->prog};
	const struct hg_native_options native = {
		.heaps = 1, .skip = skip, .owns = owns, .arg = &shapes};
	check_error(hg_roots_native(f->prog, &f->blocks, &native, &f->coverage, &f->roots));
	hg_shapes_deinit(&shapes);
}

static void drop(struct found *f)
{
	hg_roots_deinit(&f->roots);
	hg_coverage_deinit(&f->coverage);
	hg_blocks_deinit(&f->blocks);
	hg_program_destroy(f->prog);
	munmap((void *)ready, 4096);
	munmap(heap, SLOTS * SLOT);
}

static bool starts_with(const struct found *f, uint32_t name, const char *words)
{
	return !strncmp(hg_program_text(f->prog, name), words, strlen(words));
}

// The edge to a slot from a root whose name starts so, below a parent whose name does; NULL where there is none.
static const struct hg_root_edge *edge(const struct found *f, unsigned target, unsigned kind,
				       const char *name, const char *parent)
{
	for (size_t i = 0; i < f->roots.edges.count; i++) {
		const struct hg_root_edge *e = &f->roots.edges.data[i];
		const struct hg_root *root = &f->roots.list.data[e->root];
		const struct hg_root *above = &f->roots.list.data[root->parent];
		if ((e->target - (uintptr_t)heap) / SLOT == target && root->kind == kind &&
		    starts_with(f, root->name, name) &&
		    (!parent ? !root->parent : starts_with(f, above->name, parent)))
			return e;
	}
	return NULL;
}

static void test_places(void **state)
{
	(void)state;
	struct found f;
	find(&f, NULL);
	const struct hg_root_edge *e = edge(&f, BY_GLOBAL, HG_ROOT_GLOBAL, "the_global", NULL);
	assert_non_null(e);
	assert_int_equal(e->flags, 0);
	e = edge(&f, BY_MEMBER, HG_ROOT_GLOBAL, "the_node", NULL);
	assert_non_null(e);
	assert_int_equal(e->flags, 0);
	assert_int_equal(e->offset, 8);
	e = edge(&f, BY_NUMBER, HG_ROOT_GLOBAL, "the_number", NULL);
	assert_non_null(e);
	assert_int_equal(e->flags, HG_EDGE_CONSERVATIVE);
	assert_non_null(edge(&f, BY_STATIC, HG_ROOT_STATIC, "function_static()::kept", NULL));
	assert_non_null(edge(&f, BY_LOCAL, HG_ROOT_STACK, "local", "hold_local"));
	assert_non_null(edge(&f, BY_REGISTER, HG_ROOT_STACK, "in_register", "hold_register"));
	// The array itself has a location in some builds.
	assert_true(edge(&f, BY_WORD, HG_ROOT_WORDS, "", "hold_word") ||
		    edge(&f, BY_WORD, HG_ROOT_STACK, "", "hold_word"));
	assert_non_null(edge(&f, BY_THREAD_LOCAL, HG_ROOT_STACK, "in_thread", "thread_main"));
	assert_non_null(edge(&f, BY_TLS, HG_ROOT_TLS, "the_tls", "thread"));
	assert_non_null(edge(&f, BY_THREAD_TLS, HG_ROOT_TLS, "the_tls", "thread"));
	assert_non_null(edge(&f, BY_SPECIFIC, HG_ROOT_TLS, "TLS words", "thread"));
	assert_non_null(edge(&f, BY_MAPPING, HG_ROOT_DATA, "anonymous memory", NULL));
	for (size_t i = 0; i < f.roots.edges.count; i++)
		assert_int_not_equal((f.roots.edges.data[i].target - (uintptr_t)heap) / SLOT,
				     BY_NOBODY);
	drop(&f);
}

static bool skip_all(void *arg, uint64_t addr)
{
	(void)arg;
	(void)addr;
	return true;
}

static void test_skips(void **state)
{
	(void)state;
	struct found f;
	find(&f, skip_all);
	// Registers are in no memory.
	for (size_t i = 0; i < f.roots.edges.count; i++)
		assert_int_equal(f.roots.list.data[f.roots.edges.data[i].root].kind,
				 HG_ROOT_REGISTER);
	drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_skips),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
