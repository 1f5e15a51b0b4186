#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dwarf/location.h"
#include "tests/synth/dwarf_sample.h"

static const uint64_t regs[] = {100, 101, 102, 103, 104, 105, 106, 107};

static enum hg_location_status eval(const void *data, size_t size, const uint64_t *known_regs,
				    struct hg_location pieces[HG_MAX_PIECES], unsigned *count)
{
	static const uint8_t cfa[] = {HG_OP_CALL_FRAME_CFA};
	const struct hg_unit unit = {.version = 4, .address_size = 8, .offset_size = 4};
	const struct hg_location_context context = {
		.unit = &unit,
		.bias = 0x10000,
		.cfa = 0x7000,
		.regs = known_regs,
		.reg_count = ARRAY_SIZE(regs),
		.frame_base = {cfa, sizeof(cfa)},
	};
	const struct hg_section_bytes expr = {data, size};
	return hg_location_eval(&context, &expr, pieces, count);
}

#define EVAL(...)                                                                                  \
	eval((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), regs, p, &n)

static void evaluates_addresses(void **state)
{
	(void)state;
	struct hg_location p[HG_MAX_PIECES];
	unsigned n;
	assert_int_equal(EVAL(HG_OP_ADDR, 0x34, 0x12, 0, 0, 0, 0, 0, 0), HG_LOCATION_FOUND);
	assert_int_equal(p[0].addr, 0x11234);
	assert_int_equal(p[0].piece_size, 0);
	assert_int_equal(EVAL(HG_OP_CALL_FRAME_CFA), HG_LOCATION_FOUND);
	assert_int_equal(p[0].addr, 0x7000);
	assert_int_equal(EVAL(HG_OP_FBREG, 0x70), HG_LOCATION_FOUND);
	assert_int_equal(p[0].addr, 0x7000 - 16);
	assert_int_equal(EVAL(HG_OP_CALL_FRAME_CFA, HG_OP_CONSTS, 0x78, HG_OP_PLUS),
			 HG_LOCATION_FOUND);
	assert_int_equal(p[0].addr, 0x7000 - 8);
	assert_int_equal(EVAL(HG_OP_CALL_FRAME_CFA, HG_OP_PLUS_UCONST, 0x80, 1), HG_LOCATION_FOUND);
	assert_int_equal(p[0].addr, 0x7080);
	assert_int_equal(EVAL(HG_OP_BREG0 + 2, 4), HG_LOCATION_FOUND);
	assert_int_equal(p[0].addr, 106);
	assert_int_equal(EVAL(HG_OP_REG0 + 2), HG_LOCATION_FOUND);
	assert_true(p[0].in_register);
	assert_int_equal(p[0].reg, 2);
}

static void evaluates_arithmetic(void **state)
{
	(void)state;
	struct hg_location p[HG_MAX_PIECES];
	unsigned n;
	static const struct {
		uint8_t expr[8];
		size_t size;
		uint64_t value;
	} cases[] = {
		{{HG_OP_LIT0 + 7, HG_OP_LIT0 + 5, HG_OP_MINUS}, 3, 2},
		{{HG_OP_LIT0 + 7, HG_OP_LIT0 + 5, HG_OP_MUL}, 3, 35},
		{{HG_OP_LIT0 + 7, HG_OP_LIT0 + 5, HG_OP_AND}, 3, 5},
		{{HG_OP_LIT0 + 7, HG_OP_LIT0 + 8, HG_OP_OR}, 3, 15},
		{{HG_OP_LIT0 + 1, HG_OP_LIT0 + 5, HG_OP_SHL}, 3, 32},
		{{HG_OP_LIT0 + 1, HG_OP_CONST1U, 200, HG_OP_SHL}, 4, 0},
		{{HG_OP_LIT0 + 8, HG_OP_LIT0 + 2, HG_OP_SHR}, 3, 2},
		{{HG_OP_LIT0 + 8, HG_OP_LIT0 + 2, HG_OP_SWAP, HG_OP_MINUS}, 4, (uint64_t)-6},
		{{HG_OP_LIT0 + 8, HG_OP_DUP, HG_OP_PLUS}, 3, 16},
		{{HG_OP_LIT0 + 8, HG_OP_LIT0 + 1, HG_OP_DROP}, 3, 8},
		{{HG_OP_LIT0 + 8, HG_OP_LIT0 + 1, HG_OP_OVER, HG_OP_PLUS}, 4, 9},
		{{HG_OP_CONST1S, 0xff, HG_OP_NEG}, 3, 1},
		{{HG_OP_CONST2S, 0xfe, 0xff, HG_OP_NOT}, 4, 1},
		{{HG_OP_CONST4U, 1, 2, 3, 4, HG_OP_NOP}, 6, 0x04030201},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(eval(cases[i].expr, cases[i].size, NULL, p, &n),
				 HG_LOCATION_FOUND);
		assert_int_equal(p[0].addr, cases[i].value);
	}
}

static void evaluates_pieces(void **state)
{
	(void)state;
	struct hg_location p[HG_MAX_PIECES];
	unsigned n;
	// 8 bytes in memory, 8 that are gone, 8 of a constant, 8 in a register
	const uint8_t expr[] = {
		HG_OP_FBREG,	   0,		HG_OP_PIECE, 8,		 HG_OP_PIECE, 8, HG_OP_LIT0,
		HG_OP_STACK_VALUE, HG_OP_PIECE, 8,	     HG_OP_REG0, HG_OP_PIECE, 8};
	assert_int_equal(eval(expr, sizeof(expr), regs, p, &n), HG_LOCATION_FOUND);
	assert_int_equal(n, 2);
	assert_int_equal(p[0].addr, 0x7000);
	assert_int_equal(p[1].piece_at, 24);
	assert_true(p[1].in_register);
	assert_int_equal(eval(expr, sizeof(expr), NULL, p, &n), HG_LOCATION_FOUND);
	assert_int_equal(n, 1);
}

static void knows_what_lies_nowhere(void **state)
{
	(void)state;
	struct hg_location p[HG_MAX_PIECES];
	unsigned n;
	assert_int_equal(eval("", 0, regs, p, &n), HG_LOCATION_NOWHERE);
	assert_int_equal(EVAL(HG_OP_LIT0, HG_OP_STACK_VALUE), HG_LOCATION_NOWHERE);
	assert_int_equal(EVAL(HG_OP_IMPLICIT_VALUE, 2, 1, 1), HG_LOCATION_NOWHERE);
	assert_int_equal(EVAL(HG_OP_ENTRY_VALUE, 1, HG_OP_REG0), HG_LOCATION_NOWHERE);
	assert_int_equal(EVAL(HG_OP_FBREG, 0, HG_OP_DEREF), HG_LOCATION_NOWHERE);
	assert_int_equal(EVAL(HG_OP_BREG0 + 20, 0), HG_LOCATION_NOWHERE);
	assert_int_equal(EVAL(0xff), HG_LOCATION_NOWHERE);
	assert_int_equal(EVAL(HG_OP_PIECE, 8), HG_LOCATION_NOWHERE);
}

static void refuses_damage(void **state)
{
	(void)state;
	struct hg_location p[HG_MAX_PIECES];
	unsigned n;
	assert_int_equal(EVAL(HG_OP_ADDR, 1, 2), HG_LOCATION_BAD);
	assert_int_equal(EVAL(HG_OP_PLUS), HG_LOCATION_BAD);
	assert_int_equal(EVAL(HG_OP_LIT0, HG_OP_OVER), HG_LOCATION_BAD);
	assert_int_equal(EVAL(HG_OP_ADDRX, 0), HG_LOCATION_BAD);
	uint8_t deep[100];
	memset(deep, HG_OP_LIT0, sizeof(deep));
	assert_int_equal(eval(deep, sizeof(deep), regs, p, &n), HG_LOCATION_BAD);
	uint8_t many[3 * (HG_MAX_PIECES + 1)];
	for (size_t i = 0; i < sizeof(many); i += 3)
		memcpy(many + i, (uint8_t[]){HG_OP_REG0, HG_OP_PIECE, 8}, 3);
	assert_int_equal(eval(many, sizeof(many), regs, p, &n), HG_LOCATION_BAD);
}

static bool add_range(void *arg, uint64_t low, uint64_t high, uint64_t die)
{
	(void)die;
	*(uint64_t *)arg += high - low;
	return true;
}

// A list that ends in the middle of an entry, at every byte.
static void refuses_truncated_lists(void **state)
{
	(void)state;
	for (unsigned version = 4; version <= 5; version++) {
		static struct dwarf_writer writer;
		sample_write(&writer, version);
		struct hg_section_bytes sections[HG_DEBUG_SECTIONS];
		dwarf_sections(&writer, sections);
		const unsigned lists = version >= 5 ? HG_DEBUG_LOCLISTS : HG_DEBUG_LOC;
		const unsigned ranges = version >= 5 ? HG_DEBUG_RNGLISTS : HG_DEBUG_RANGES;
		const struct hg_section_bytes whole[] = {sections[lists], sections[ranges]};
		for (uint64_t cut = 0; cut < whole[0].size || cut < whole[1].size; cut++) {
			sections[lists].size = cut < whole[0].size ? cut : whole[0].size;
			sections[ranges].size = cut < whole[1].size ? cut : whole[1].size;
			struct hg_dwarf *dwarf = NULL;
			assert_null(hg_dwarf_open_sections(sections, &dwarf));
			size_t count;
			const struct hg_unit *unit = hg_dwarf_units(dwarf, &count);
			struct hg_section_bytes expr;
			const struct hg_die die = {
				.dwarf = dwarf, .unit = unit, .has = HG_HAS_RANGES};
			uint64_t bytes = 0;
			if (cut < whole[0].size)
				assert_int_equal(
					hg_location_list_find(dwarf, unit, 8, false, 0x500, &expr),
					HG_LOCATION_BAD);
			if (cut < whole[1].size)
				assert_false(hg_location_each_range(&die, add_range, &bytes));
			hg_dwarf_destroy(dwarf);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evaluates_addresses), cmocka_unit_test(evaluates_arithmetic),
		cmocka_unit_test(evaluates_pieces),    cmocka_unit_test(knows_what_lies_nowhere),
		cmocka_unit_test(refuses_damage),      cmocka_unit_test(refuses_truncated_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
