#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dwarf/assign.h"
#include "tests/synth/assign_program.h"

struct told {
	const struct hg_program *prog;
	unsigned count;
	struct hg_assignment last;
};

static bool tell(void *arg, const struct hg_assignment *assignment)
{
	struct told *told = arg;
	told->count++;
	told->last = *assignment;
	return true;
}

static void expect(const struct assign_function *f, unsigned count, const char *from,
		   uint64_t offset, const char *to)
{
	static struct dwarf_writer writer;
	struct hg_program *prog = assign_program(&writer, f);
	struct told told = {.prog = prog};
	assert_int_equal(prog->bad_dies, 0);
	assert_null(hg_assignments(prog, tell, &told));
	assert_int_equal(told.count, count);
	if (count) {
		assert_string_equal(hg_type_name(prog, told.last.from), from);
		assert_true(told.last.offset == offset);
		assert_string_equal(hg_type_name(prog, told.last.to), to);
	}
	hg_program_destroy(prog);
}

// holder in rax, target in rcx, opaque in r9
static const uint8_t in_rax[] = {HG_OP_REG0}, in_rcx[] = {HG_OP_REG0 + 2},
		     in_r9[] = {HG_OP_REG0 + 9};

static struct assign_function in_registers(const uint8_t *code, size_t size)
{
	return (struct assign_function){
		.version = 5,
		.code = code,
		.size = size,
		.variables = {{in_rax, 1, 0}, {in_rcx, 1, 0}, {in_r9, 1, 0}}};
}

static void a_store_says_what_a_field_leads_to(void **state)
{
	(void)state;
	const uint8_t code[] = {0x90, 0x48, 0x89, 0x48, 0x10, 0xc3}; // mov %rcx, 16(%rax)
	struct assign_function f = in_registers(code, sizeof(code));
	expect(&f, 1, "holder", 16, "target");
	f.version = 4;
	expect(&f, 1, "holder", 16, "target");
	f.size = 4; // the instruction is cut
	expect(&f, 0, NULL, 0, NULL);
	f.pretended = sizeof(code); // code that is not there is not read
	expect(&f, 0, NULL, 0, NULL);
}

static void offsets_and_registers_are_read_in_all_forms(void **state)
{
	(void)state;
	const uint8_t far[] = {0x48, 0x89, 0x88, 0x08, 0x01, 0x00, 0x00, 0xc3}; // 264(%rax)
	const uint8_t below[] = {0x48, 0x89, 0x48, 0xf8, 0xc3};			// -8(%rax)
	const uint8_t high[] = {0x4d, 0x89, 0x4c, 0x24, 0x08, 0xc3};		// %r9, 8(%r12)
	const uint8_t to_opaque[] = {0x4c, 0x89, 0x48, 0x08, 0xc3};		// %r9, 8(%rax)
	const uint8_t in_r12[] = {HG_OP_REG0 + 12};
	struct assign_function f = in_registers(far, sizeof(far));
	expect(&f, 1, "holder", 264, "target");
	f = in_registers(below, sizeof(below));
	expect(&f, 0, NULL, 0, NULL);
	f = in_registers(to_opaque, sizeof(to_opaque));
	expect(&f, 0, NULL, 0, NULL);
	f = in_registers(high, sizeof(high));
	f.variables[ASSIGN_HOLDER].expr = in_r12;
	f.variables[ASSIGN_TARGET].expr = in_r9;
	f.variables[ASSIGN_OPAQUE].expr = in_rcx;
	expect(&f, 1, "holder", 8, "target");
}

static void a_load_counts_where_the_variable_begins(void **state)
{
	(void)state;
	const uint8_t code[] = {0x48, 0x8b, 0x48, 0x08, 0xc3}; // mov 8(%rax), %rcx
	uint8_t list[64] = {
		0}; // begin, end, size of the expression, the expression; the unit starts at 0
	const uint64_t begin = ASSIGN_CODE + 4, end = ASSIGN_CODE + 5;
	memcpy(list, &begin, 8);
	memcpy(list + 8, &end, 8);
	list[16] = 1;
	list[18] = in_rcx[0];
	struct assign_function f = in_registers(code, sizeof(code));
	f.version = 4;
	f.lists = (struct hg_section_bytes){list, sizeof(list)};
	f.variables[ASSIGN_TARGET] = (struct assign_variable){0};
	expect(&f, 1, "holder", 8, "target");
	list[0]--; // it begins within the instruction
	expect(&f, 0, NULL, 0, NULL);
}

static void variables_in_one_register_are_one(void **state)
{
	(void)state;
	const uint8_t code[] = {0x90, 0xc3};
	struct assign_function f = in_registers(code, sizeof(code));
	f.variables[ASSIGN_OPAQUE].expr = in_rcx;
	expect(&f, 1, "opaque", HG_ASSIGNMENT_CAST, "target");
}

static void slots_of_the_stack_are_followed(void **state)
{
	(void)state;
	const uint8_t code[] = {
		0x48, 0x8b, 0x45, 0xf8, // mov -8(%rbp), %rax
		0x48, 0x8b, 0x40, 0x08, // mov 8(%rax), %rax
		0x48, 0x89, 0x45, 0xf0, // mov %rax, -16(%rbp)
		0xc3,
	};
	const uint8_t cfa[] = {HG_OP_CALL_FRAME_CFA};
	const uint8_t at_8[] = {HG_OP_FBREG, 0x68}, at_16[] = {HG_OP_FBREG, 0x60};
	struct assign_function f = in_registers(code, sizeof(code));
	f.frame_base = cfa;
	f.frame_base_size = 1;
	f.variables[ASSIGN_HOLDER] = (struct assign_variable){at_8, 2, 0};
	f.variables[ASSIGN_TARGET] = (struct assign_variable){at_16, 2, 0};
	expect(&f, 1, "holder", 8, "target");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_says_what_a_field_leads_to),
		cmocka_unit_test(offsets_and_registers_are_read_in_all_forms),
		cmocka_unit_test(a_load_counts_where_the_variable_begins),
		cmocka_unit_test(variables_in_one_register_are_one),
		cmocka_unit_test(slots_of_the_stack_are_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
