// Call frame information, and the expressions in it.
//
// Input:  0  1  bit 0: .debug_frame, else .eh_frame
//         1  1  the pc is 4096 and this
//         2  n  the section, at address 4096; it is the memory that expressions read, too

#include "dwarf/cfi.h"
#include "dwarf/location.h"

#define BASE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t evaluate(const struct hg_image *image, const struct hg_cfi_rule *rule)
{
	static const uint64_t regs[HG_ARCH_MAX_REGS] = {BASE, BASE + 8, 3, 4, 5, 6, 7, BASE + 16};
	const uint64_t cfa = BASE;
	const struct hg_location_context context = {
		.regs = regs,
		.reg_count = HG_ARCH_MAX_REGS,
		.unknown_regs = 1 << 5,
		.image = image,
		.initial = &cfa,
	};
	uint64_t ret = 0;
	if (rule->kind == HG_CFI_EXPR || rule->kind == HG_CFI_VAL_EXPR)
		hg_location_value(&context, &rule->expr, &ret);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	struct hg_segment segment = {
		.addr = BASE, .size = size - 2, .present = size - 2, .bytes = data + 2};
	const struct hg_image image = {
		.segments = &segment, .segment_count = 1, .arch = &hg_arch_x86_64};
	const struct hg_cfi_section section = {
		.bytes = {data + 2, size - 2}, .addr = BASE, .is_eh = !(data[0] & 1)};
	struct hg_cfi *cfi = NULL;
	struct hg_error *err = hg_cfi_create(&section, 1, &cfi);
	if (err) {
		hg_error_destroy(err);
		return 0;
	}
	struct hg_cfi_row row;
	if (hg_cfi_find(cfi, BASE + data[1], &row)) {
		evaluate(&image, &row.cfa);
		for (unsigned i = 0; i < HG_ARCH_MAX_REGS; i++)
			evaluate(&image, &row.regs[i]);
	}
	hg_cfi_destroy(cfi);
	return 0;
}
