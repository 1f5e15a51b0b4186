#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "dwarf/program.h"
#include "dwarf/symbol.h"

int module_probe[3] = {7, 8, 9};

struct expected {
	struct hg_program *prog;
	unsigned seen;
};

static int compare_bias(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	struct expected *expected = arg;
	for (size_t i = 0; i < expected->prog->modules.count; i++) {
		const struct hg_module *module = &expected->prog->modules.data[i];
		// /lib and /usr/lib can be the same folder.
		const bool is_this = i ? !strcmp(basename(module->path), basename(info->dlpi_name))
				       : !*info->dlpi_name;
		if (!is_this)
			continue;
		assert_int_equal(module->bias, info->dlpi_addr);
		expected->seen++;
	}
	return 0;
}

// A child has everything where we have it.
static void finds_modules_of_a_process(void **state)
{
	(void)state;
	const pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		pause();
		_exit(0);
	}
	struct hg_image *image = NULL;
	struct hg_program *prog = NULL;
	uint64_t stopped;
	struct hg_error *err = hg_image_open_live((uint32_t)child, NULL, &stopped, &image);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (err) { // no ptrace here
		hg_error_destroy(err);
		skip();
	}
	assert_null(hg_program_create(image, NULL, &prog));
	assert_true(prog->modules.count > 1);
	assert_true(prog->modules.data[0].is_exe);
	assert_int_equal(prog->bad_dies, 0);
	struct expected expected = {.prog = prog};
	dl_iterate_phdr(compare_bias, &expected);
	assert_true(expected.seen > 2);
	assert_int_equal(hg_variable_find(prog, "module_probe")->addr, (uintptr_t)module_probe);
	assert_int_equal(hg_symbol_find(prog, "module_probe")->addr, (uintptr_t)module_probe);
	const struct hg_module *module = hg_program_module_at(prog, (uintptr_t)module_probe);
	assert_ptr_equal(module, &prog->modules.data[0]);
	module = hg_program_module_at(prog, (uintptr_t)strlen);
	assert_non_null(module);
	assert_false(module->is_exe);
	assert_null(hg_program_module_at(prog, 1));
	uint64_t value;
	assert_true(hg_image_uint(prog->image, (uintptr_t)&module_probe[2], 4, &value));
	assert_int_equal(value, 9);
	hg_program_destroy(prog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_modules_of_a_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
