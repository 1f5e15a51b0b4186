// Call frame information written by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/base/cleanup.h"
#include "dwarf/cfi.h"
#include "dwarf/location.h"

#define BASE 0x1000u

struct section { // in the making, at BASE
	uint8_t data[1024];
	size_t size;
	size_t entry; // where the last begins
};

static void put(struct section *s, const void *bytes, size_t size)
{
	assert_true(s->size + size <= sizeof(s->data));
	memcpy(s->data + s->size, bytes, size);
	s->size += size;
}

static void put_u32(struct section *s, uint32_t value)
{
	put(s, &value, 4);
}

static void put_u64(struct section *s, uint64_t value)
{
	put(s, &value, 8);
}

static void begin(struct section *s)
{
	s->entry = s->size;
	put_u32(s, 0);
}

static void end(struct section *s)
{
	while (s->size % 8)
		put(s, "", 1);
	const uint32_t length = (uint32_t)(s->size - s->entry - 4);
	memcpy(s->data + s->entry, &length, 4);
}

#define PUT(s, ...) put(s, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

// rsp is CFA - 8 at first, and the return address there; factors 1 and -8.
static void eh_cie(struct section *s, const char *augmentation)
{
	begin(s);
	put_u32(s, 0);
	PUT(s, 1);
	put(s, augmentation, strlen(augmentation) + 1);
	PUT(s, 1, 0x78, 16);
	if (!strcmp(augmentation, "zPLR"))
		PUT(s, 7, 0x9b, 1, 2, 3, 4, 0x1b,
		    0x1b); // personality, LSDA, addresses: pcrel sdata4
	else
		PUT(s, 1, 0x1b);
	PUT(s, 0x0c, 7, 8, 0x90, 1);
	end(s);
}

static void eh_fde(struct section *s, uint32_t pc, uint32_t size, const void *code, size_t length)
{
	begin(s);
	put_u32(s, (uint32_t)s->size);
	put_u32(s, pc - (BASE + (uint32_t)s->size));
	put_u32(s, size);
	PUT(s, 0);
	put(s, code, length);
	end(s);
}

#define FDE(s, pc, size, ...)                                                                      \
	eh_fde(s, pc, size, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static struct hg_cfi *open_section(const struct section *s, bool is_eh)
{
	const struct hg_cfi_section section = {
		.bytes = {s->data, s->size}, .addr = BASE, .is_eh = is_eh};
	struct hg_cfi *cfi = NULL;
	assert_null(hg_cfi_create(&section, 1, &cfi));
	return cfi;
}

static void test_prologue(void **state)
{
	(void)state;
	struct section s = {0};
	eh_cie(&s, "zR");
	// push rbp; mov rbp, rsp; ...; pop rbp; ret; and the rest as after the push
	FDE(&s, 0x5000, 0x40, 0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x0a, 0x02, 0x10, 0x0c, 7, 8,
	    0xc6, 0x41, 0x0b);
	hg_cleanup(hg_cfi_destroyp) struct hg_cfi *cfi = open_section(&s, true);
	assert_int_equal(hg_cfi_count(cfi), 1);
	assert_int_equal(hg_cfi_damage(cfi), 0);
	static const struct {
		uint64_t pc;
		unsigned reg;
		int64_t offset;
		enum hg_cfi_kind rbp;
	} rows[] = {
		{0x5000, 7, 8, HG_CFI_UNSPECIFIED}, {0x5001, 7, 16, HG_CFI_OFFSET},
		{0x5003, 7, 16, HG_CFI_OFFSET},	    {0x5004, 6, 16, HG_CFI_OFFSET},
		{0x5013, 6, 16, HG_CFI_OFFSET},	    {0x5014, 7, 8, HG_CFI_UNSPECIFIED},
		{0x5015, 6, 16, HG_CFI_OFFSET},	    {0x503f, 6, 16, HG_CFI_OFFSET},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hg_cfi_row row;
		assert_true(hg_cfi_find(cfi, rows[i].pc, &row));
		assert_int_equal(row.cfa.kind, HG_CFI_OFFSET);
		assert_int_equal(row.cfa_reg, rows[i].reg);
		assert_int_equal(row.cfa.value, rows[i].offset);
		assert_int_equal(row.regs[6].kind, rows[i].rbp);
		assert_int_equal(row.regs[16].value, -8);
		assert_int_equal(row.return_reg, 16);
		assert_false(row.signal_frame);
	}
	struct hg_cfi_row row;
	assert_false(hg_cfi_find(cfi, 0x4fff, &row));
	assert_false(hg_cfi_find(cfi, 0x5040, &row));
}

static void test_rules(void **state)
{
	(void)state;
	struct section s = {0};
	eh_cie(&s, "zR");
	FDE(&s, 0x5000, 16, 0x05, 3, 3,	      // offset_extended rbx, -24
	    0x07, 12,			      // undefined r12
	    0x08, 13,			      // same_value r13
	    0x09, 14, 3,		      // register r14 in rbx
	    0x14, 15, 2,		      // val_offset r15, -16
	    0x10, 6, 2, 0x77, 8,	      // expression rbp: breg7 8
	    0x16, 0, 1, 0x35,		      // val_expression rax: lit5
	    0x2f, 1, 1,			      // negative_offset_extended rdx, +8
	    0x11, 2, 0x7e,		      // offset_extended_sf rcx, +16
	    0x15, 8, 0x01,		      // val_offset_sf r8, -8
	    0x2e, 16,			      // args_size
	    0x05, 40, 1,		      // a register that is not kept
	    0x0f, 3, 0x77, 0xa0, 0x01, 0x41); // def_cfa_expression: breg7 160
	hg_cleanup(hg_cfi_destroyp) struct hg_cfi *cfi = open_section(&s, true);
	struct hg_cfi_row row;
	assert_true(hg_cfi_find(cfi, 0x5000, &row));
	static const struct {
		unsigned reg;
		enum hg_cfi_kind kind;
		int64_t value;
	} rules[] = {
		{3, HG_CFI_OFFSET, -24},    {12, HG_CFI_UNDEFINED, 0},	  {13, HG_CFI_SAME, 0},
		{14, HG_CFI_REGISTER, 3},   {15, HG_CFI_VAL_OFFSET, -16}, {6, HG_CFI_EXPR, 0},
		{0, HG_CFI_VAL_EXPR, 0},    {1, HG_CFI_OFFSET, 8},	  {2, HG_CFI_OFFSET, 16},
		{8, HG_CFI_VAL_OFFSET, -8}, {9, HG_CFI_UNSPECIFIED, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		assert_int_equal(row.regs[rules[i].reg].kind, rules[i].kind);
		assert_int_equal(row.regs[rules[i].reg].value, rules[i].value);
	}
	assert_int_equal(row.cfa.kind, HG_CFI_VAL_EXPR);
	uint64_t regs[HG_ARCH_MAX_REGS] = {[7] = 1000}, value;
	const struct hg_location_context context = {.regs = regs, .reg_count = 17};
	assert_true(hg_location_value(&context, &row.cfa.expr, &value));
	assert_int_equal(value, 1160);
}

// What linkers write for procedure linkage tables: the CFA is 8 more in the second half of each entry of 16 bytes.
static void test_linkage_table(void **state)
{
	(void)state;
	struct section s = {0};
	eh_cie(&s, "zR");
	FDE(&s, 0x5000, 64, 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22);
	hg_cleanup(hg_cfi_destroyp) struct hg_cfi *cfi = open_section(&s, true);
	struct hg_cfi_row row;
	assert_true(hg_cfi_find(cfi, 0x5016, &row));
	uint64_t regs[HG_ARCH_MAX_REGS] = {[7] = 1000, [16] = 0x5016}, value;
	const struct hg_location_context context = {.regs = regs, .reg_count = 17};
	assert_true(hg_location_value(&context, &row.cfa.expr, &value));
	assert_int_equal(value, 1008);
	regs[16] = 0x501b;
	assert_true(hg_location_value(&context, &row.cfa.expr, &value));
	assert_int_equal(value, 1016);
}

static void test_augmentations(void **state)
{
	(void)state;
	struct section s = {0};
	eh_cie(&s, "zPLR");
	begin(&s);
	put_u32(&s, (uint32_t)s.size);
	put_u32(&s, 0x5000 - (BASE + (uint32_t)s.size));
	put_u32(&s, 16);
	PUT(&s, 4, 1, 2, 3, 4, 0x0e, 32);
	end(&s);
	hg_cleanup(hg_cfi_destroyp) struct hg_cfi *cfi = open_section(&s, true);
	struct hg_cfi_row row;
	assert_int_equal(hg_cfi_damage(cfi), 0);
	assert_true(hg_cfi_find(cfi, 0x5008, &row));
	assert_int_equal(row.cfa.value, 32);
}

static void test_signal_frame(void **state)
{
	(void)state;
	struct section s = {0};
	begin(&s);
	put_u32(&s, 0);
	PUT(&s, 1, 'z', 'R', 'S', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8);
	end(&s);
	FDE(&s, 0x5000, 16, 0x10, 16, 3, 0x77, 0xa8, 0x01);
	hg_cleanup(hg_cfi_destroyp) struct hg_cfi *cfi = open_section(&s, true);
	struct hg_cfi_row row;
	assert_true(hg_cfi_find(cfi, 0x5001, &row));
	assert_true(row.signal_frame);
	assert_int_equal(row.regs[16].kind, HG_CFI_EXPR);
}

static void test_debug_frame(void **state)
{
	(void)state;
	struct section s = {0};
	begin(&s);
	put_u32(&s, UINT32_MAX);
	PUT(&s, 4, 0, 8, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1);
	end(&s);
	begin(&s);
	put_u32(&s, 0);
	put_u64(&s, 0x7000);
	put_u64(&s, 0x10);
	PUT(&s, 0x02, 4, 0x0e, 24);
	end(&s);
	hg_cleanup(hg_cfi_destroyp) struct hg_cfi *cfi = open_section(&s, false);
	struct hg_cfi_row row;
	assert_true(hg_cfi_find(cfi, 0x7003, &row));
	assert_int_equal(row.cfa.value, 8);
	assert_true(hg_cfi_find(cfi, 0x7004, &row));
	assert_int_equal(row.cfa.value, 24);
}

// Every prefix, and every byte set to others: nothing may be believed, nothing may break.
static void test_damage(void **state)
{
	(void)state;
	struct section s = {0};
	eh_cie(&s, "zPLR");
	eh_cie(&s, "zR");
	FDE(&s, 0x5000, 64, 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22);
	FDE(&s, 0x5040, 64, 0x41, 0x0a, 0x0b, 0x0b, 0x0b); // more states recalled than kept
	struct hg_cfi_row row;
	for (size_t size = 0; size < s.size; size++) {
		struct section cut = {.size = size};
		memcpy(cut.data, s.data, size);
		struct hg_cfi *cfi = open_section(&cut, true);
		hg_cfi_find(cfi, 0x5000, &row);
		hg_cfi_destroy(cfi);
	}
	for (size_t i = 0; i < s.size; i++) {
		static const uint8_t values[] = {0, 1, 0x0a, 0x7f, 0x80, 0xff};
		for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
			struct section other = s;
			other.data[i] = values[j];
			struct hg_cfi *cfi = open_section(&other, true);
			hg_cfi_find(cfi, 0x5000, &row);
			hg_cfi_find(cfi, 0x5041, &row);
			hg_cfi_destroy(cfi);
		}
	}
	struct hg_cfi *cfi = open_section(&s, true);
	assert_true(hg_cfi_find(cfi, 0x5040, &row));
	assert_false(hg_cfi_find(cfi, 0x5041, &row));
	hg_cfi_destroy(cfi);
}

// Loops of expressions end.
static void test_expressions(void **state)
{
	(void)state;
	static const uint8_t loop[] = {0x30, 0x2f, 0xfc, 0xff}, zero[] = {0x35, 0x30, 0x1b},
			     jump[] = {0x31, 0x28, 0x01, 0x00, 0x06, 0x37}, nothing[] = {0x96},
			     outside[] = {0x2f, 0x10, 0x00};
	const struct hg_location_context context = {0};
	uint64_t value;
	const struct hg_section_bytes loop_bytes = {loop, sizeof(loop)},
				      zero_bytes = {zero, sizeof(zero)},
				      jump_bytes = {jump, sizeof(jump)},
				      nothing_bytes = {nothing, sizeof(nothing)},
				      outside_bytes = {outside, sizeof(outside)};
	assert_false(hg_location_value(&context, &loop_bytes, &value));
	assert_false(hg_location_value(&context, &zero_bytes, &value));
	assert_false(hg_location_value(&context, &nothing_bytes, &value));
	assert_false(hg_location_value(&context, &outside_bytes, &value));
	assert_true(hg_location_value(&context, &jump_bytes, &value));
	assert_int_equal(value, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prologue),      cmocka_unit_test(test_rules),
		cmocka_unit_test(test_linkage_table), cmocka_unit_test(test_augmentations),
		cmocka_unit_test(test_signal_frame),  cmocka_unit_test(test_debug_frame),
		cmocka_unit_test(test_damage),	      cmocka_unit_test(test_expressions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
