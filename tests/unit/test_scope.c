#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/synth/dwarf_program.h"
#include "tests/synth/dwarf_sample.h"

#define BIAS 0x10000u

static struct hg_program *sample(unsigned version)
{
	static struct dwarf_writer writer;
	struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
	sample_write(&writer, version);
	dwarf_sections(&writer, sections);
	return program_of_sections(sections, BIAS);
}

static hg_locals ask(struct hg_program *prog, uint64_t pc, const uint64_t *regs)
{
	hg_locals locals = {0};
	const struct hg_frame_context frame = {.pc = BIAS + pc, .cfa = 0x7000, .regs = regs};
	assert_null(hg_variable_locals(prog, &frame, &locals));
	return locals;
}

static void finds_parameters(void **state)
{
	(void)state;
	for (unsigned version = 4; version <= 5; version++) {
		struct hg_program *prog = sample(version);
		hg_locals locals = ask(prog, 0x401, NULL);
		assert_int_equal(locals.count, 1);
		assert_string_equal(hg_program_text(prog, locals.data[0].name), "x");
		assert_string_equal(hg_program_text(prog, locals.data[0].function), "main.f");
		assert_string_equal(hg_type_name(prog, locals.data[0].type), "int");
		assert_true(locals.data[0].parameter);
		assert_int_equal(locals.data[0].addr, 0x7000);
		assert_int_equal(locals.data[0].piece_size, 8);
		assert_int_equal(locals.data[0].line, 5);
		hg_vec_deinit(&locals);
		// Once more, from what is kept.
		locals = ask(prog, 0x401, NULL);
		assert_int_equal(locals.count, 1);
		hg_vec_deinit(&locals);
		locals = ask(prog, 0x480, NULL);
		assert_int_equal(locals.count, 0);
		assert_int_equal(prog->bad_locations, 0);
		hg_program_destroy(prog);
	}
}

static void finds_pieces_by_location_list(void **state)
{
	(void)state;
	for (unsigned version = 4; version <= 5; version++) {
		struct hg_program *prog = sample(version);
		const uint64_t regs[HG_ARCH_MAX_REGS] = {0};
		hg_locals locals = ask(prog, 0x410, regs);
		assert_int_equal(locals.count, 3);
		const struct hg_local *memory = &locals.data[1], *reg = &locals.data[2];
		assert_string_equal(hg_program_text(prog, memory->name), "s");
		assert_false(memory->in_register);
		assert_int_equal(memory->addr, 0x7008);
		assert_int_equal(memory->piece_at, 0);
		assert_int_equal(memory->piece_size, 8);
		assert_true(reg->in_register);
		assert_int_equal(reg->reg, 3);
		assert_int_equal(reg->piece_at, 8);
		hg_vec_deinit(&locals);
		// Outer frames have no registers.
		locals = ask(prog, 0x41f, NULL);
		assert_int_equal(locals.count, 2);
		hg_vec_deinit(&locals);
		locals = ask(prog, 0x420, NULL);
		assert_int_equal(locals.count, 1);
		hg_vec_deinit(&locals);
		hg_program_destroy(prog);
	}
}

static void finds_variables_of_inlined_functions(void **state)
{
	(void)state;
	static const struct {
		uint64_t pc;
		size_t count;
	} cases[] = {{0x42f, 1}, {0x430, 2}, {0x43f, 2}, {0x440, 1}, {0x450, 2}, {0x458, 1}};
	for (unsigned version = 4; version <= 5; version++) {
		struct hg_program *prog = sample(version);
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			hg_locals locals = ask(prog, cases[i].pc, NULL);
			assert_int_equal(locals.count, cases[i].count);
			const struct hg_local *last = &locals.data[locals.count - 1];
			if (locals.count == 2) {
				assert_string_equal(hg_program_text(prog, last->name), "y");
				assert_string_equal(hg_program_text(prog, last->function),
						    "main.g");
				assert_int_equal(last->addr, 0x7000 - 16);
				assert_int_equal(last->line, 7);
			}
			hg_vec_deinit(&locals);
		}
		hg_program_destroy(prog);
	}
}

static void finds_captured_variables(void **state)
{
	(void)state;
	struct hg_program *prog = sample(4);
	hg_captureds captureds = {0};
	assert_null(hg_variable_captured(prog, BIAS + 0x404, &captureds));
	assert_int_equal(captureds.count, 0); // not an entry
	assert_null(hg_variable_captured(prog, BIAS + 0x400, &captureds));
	assert_int_equal(captureds.count, 1);
	assert_string_equal(hg_program_text(prog, captureds.data[0].name), "&n");
	assert_int_equal(captureds.data[0].offset, 8);
	hg_vec_deinit(&captureds);
	hg_program_destroy(prog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_parameters),
		cmocka_unit_test(finds_pieces_by_location_list),
		cmocka_unit_test(finds_variables_of_inlined_functions),
		cmocka_unit_test(finds_captured_variables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
