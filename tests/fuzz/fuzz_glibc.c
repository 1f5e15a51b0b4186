// Words of a malloc heap made by hand are overwritten: one byte says which release, then 8 bytes each: part, kind of damage,
// offset, value. Whatever is found must lie in the memory there is, and no two blocks may overlap.
#include "tests/synth/glibc_heap.h"

#define MAX_DAMAGE 64

static void damage(struct glibc_synth *s, const uint8_t *data)
{
	const unsigned part = data[0] % SYNTH_PARTS;
	const uint64_t addr = synth_addr[part] + hg_load_u16(data + 2) % (SYNTH_BYTES / 8) * 8;
	const uint32_t number = (uint32_t)hg_load_u64(data);
	uint64_t before, value = hg_load_u64(data) >> 32;
	memcpy(&before, s->bytes[part] + (addr - synth_addr[part]), 8);
	switch (data[1] % 5) {
	case 0: // small: a size
		break;
	case 1: // the same with other low bits
		value = before ^ (value & 0xffff);
		break;
	case 2: // into a part
		value = synth_addr[value % SYNTH_PARTS] + (value >> 8) % SYNTH_BYTES;
		break;
	case 3:
		value |= (uint64_t)number << 32;
		break;
	default: // cut the part short there
		s->segments[part].present = addr - synth_addr[part];
		return;
	}
	synth_put(s, addr, value);
}

static void check(const struct hg_blocks *blocks)
{
	uint64_t end = 0;
	for (uint32_t i = 0; i < blocks->count; i++) {
		const uint64_t addr = hg_blocks_addr(blocks, i), size = hg_blocks_size(blocks, i);
		hg_assert(addr >= end && size);
		end = addr + size;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 1 + 8 * MAX_DAMAGE)
		return 0;
	struct glibc_synth s;
	struct glibc_found found;
	glibc_synth_init(&s, &glibc_releases[data[0] % ARRAY_SIZE(glibc_releases)]);
	for (size_t i = 1; i + 8 <= size; i += 8)
		damage(&s, data + i);
	hg_error_destroy(glibc_synth_walk(&s, &found));
	check(&found.blocks);
	glibc_found_deinit(&found);
	glibc_synth_deinit(&s);
	return 0;
}
