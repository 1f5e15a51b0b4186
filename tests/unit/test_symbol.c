#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <link.h>
#include <string.h>

#include "dwarf/program_private.h"

int symbol_probe(int value);
int symbol_probe_data[4] = {1, 2, 3, 4};

int symbol_probe(int value)
{
	return symbol_probe_data[value & 3];
}

static int own_bias(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	*(uint64_t *)arg = info->dlpi_addr;
	return 1; // the first is the program itself
}

// This very test as the module of a program.
static struct hg_program *own_program(struct hg_elf **elf)
{
	struct hg_program *prog = NULL;
	uint64_t bias = 0;
	dl_iterate_phdr(own_bias, &bias);
	assert_null(hg_program_create_bare(NULL, NULL, &prog));
	assert_null(hg_elf_open("/proc/self/exe", elf));
	struct hg_module *module = hg_vec_push(&prog->modules);
	*module = (struct hg_module){
		.path = "self", .elf = *elf, .debug = *elf, .bias = bias, .is_exe = true};
	module->start = bias;
	for (size_t i = 0; i < (*elf)->segment_count; i++) {
		const struct hg_elf_segment *segment = &(*elf)->segments[i];
		if (segment->type == PT_LOAD)
			module->end = bias + segment->vaddr + segment->memsz;
	}
	assert_null(hg_program_index_modules(prog));
	return prog;
}

static void finds_symbols(void **state)
{
	(void)state;
	struct hg_elf *elf = NULL;
	struct hg_program *prog = own_program(&elf);
	const uint64_t code = (uintptr_t)symbol_probe, data = (uintptr_t)symbol_probe_data;
	const struct hg_symbol *symbol = hg_symbol_find(prog, "symbol_probe");
	assert_int_equal(symbol->addr, code);
	assert_int_equal(symbol->type, STT_FUNC);
	assert_ptr_equal(hg_symbol_at(prog, code + 1), symbol);
	symbol = hg_symbol_at(prog, data + 15);
	assert_string_equal(symbol->name, "symbol_probe_data");
	assert_int_equal(symbol->size, 16);
	const struct hg_symbol *behind = hg_symbol_at(prog, data + 16);
	assert_true(!behind || behind->addr > data);
	assert_null(hg_symbol_find(prog, "no_such_symbol"));
	assert_null(hg_symbol_at(prog, 1));
	hg_program_destroy(prog);
	hg_elf_destroy(elf);
}

// What a C compiler of this machine writes, whatever version of DWARF that is.
static void reads_c(void **state)
{
	(void)state;
	struct hg_elf *elf = NULL;
	struct hg_program *prog = own_program(&elf);
	struct hg_module *module = &prog->modules.data[0];
	assert_null(hg_dwarf_open(elf, NULL, &module->dwarf));
	assert_null(hg_type_read(prog, 0));
	assert_null(hg_variable_finish(prog));
	assert_int_equal(prog->bad_dies, 0);
	const struct hg_variable *data = hg_variable_find(prog, "symbol_probe_data");
	assert_int_equal(data->addr, (uintptr_t)symbol_probe_data);
	assert_int_equal(data->size, sizeof(symbol_probe_data));
	assert_int_equal(hg_type_get(prog, data->type)->count, 4);
	const uint32_t id = hg_type_find(prog, "hg_module");
	assert_int_equal(hg_type_get(prog, id)->size, sizeof(struct hg_module));
	assert_int_equal(hg_type_member(prog, id, "bias")->offset,
			 offsetof(struct hg_module, bias));
	hg_locals locals = {0};
	const struct hg_frame_context frame = {.pc = (uintptr_t)symbol_probe, .cfa = 0x1000};
	assert_null(hg_variable_locals(prog, &frame, &locals));
	hg_vec_deinit(&locals);
	assert_int_equal(prog->bad_locations, 0);
	hg_program_destroy(prog);
	hg_elf_destroy(elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_symbols),
		cmocka_unit_test(reads_c),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
