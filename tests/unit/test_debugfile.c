#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dwarf/program_private.h"

static char folder[] = "/tmp/debugfile.XXXXXX";

__attribute__((format(printf, 1, 2))) static bool run(const char *format, ...)
{
	char command[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command) == 0;
}

static const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

// This very test, stripped, with its debug info in prog.debug; `extra` are more options of objcopy for prog.
static bool make_files(const char *extra)
{
	char self[256];
	const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(length > 0);
	self[length] = '\0';
	return run("objcopy --only-keep-debug %s %s && cd %s && objcopy -g "
		   "--add-gnu-debuglink=prog.debug %s %s prog",
		   self, at("prog.debug"), folder, extra, self);
}

struct found {
	char debug[256];
	char problem[256];
};

static struct found find(void)
{
	struct found ret = {"", ""};
	struct hg_program *prog = NULL;
	struct hg_elf *elf = NULL;
	assert_null(hg_program_create_bare(NULL, NULL, &prog));
	assert_null(hg_elf_open(at("prog"), &elf));
	struct hg_module *module = hg_vec_push(&prog->modules);
	*module = (struct hg_module){.path = elf->path, .elf = elf};
	hg_debugfile_find(prog, module);
	snprintf(ret.debug, sizeof(ret.debug), "%s", module->debug ? module->debug->path : "");
	snprintf(ret.problem, sizeof(ret.problem), "%s", module->problem ? module->problem : "");
	hg_program_destroy(prog);
	hg_elf_destroy(elf);
	return ret;
}

static void finds_debug_files(void **state)
{
	(void)state;
	if (!make_files(""))
		skip();
	assert_string_equal(find().debug, at("prog.debug"));
	assert_true(run("mkdir %s && mv %s %s", at(".debug"), at("prog.debug"), at(".debug")));
	const struct found found = find();
	assert_string_equal(found.debug, at(".debug/prog.debug"));
	assert_string_equal(found.problem, "");
	assert_true(run("rm -r %s", at(".debug")));
	assert_string_equal(find().debug, "");
	assert_non_null(strstr(find().problem, "has no debug info"));
}

static void refuses_another_build(void **state)
{
	(void)state;
	// Without build ids the checksum decides.
	if (!make_files("-R .note.gnu.build-id"))
		skip();
	assert_string_equal(find().debug, at("prog.debug"));
	assert_true(run("echo >>%s", at("prog.debug")));
	const struct found found = find();
	assert_string_equal(found.debug, "");
	assert_non_null(strstr(found.problem, "is of another build"));
	assert_true(run("echo no >%s", at("prog.debug")));
	assert_non_null(strstr(find().problem, "cannot be read"));
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return run("rm -r %s", folder) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_debug_files),
		cmocka_unit_test(refuses_another_build),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
