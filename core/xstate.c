#include "core/xstate.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/cleanup.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define ENABLED 464
#define IN_USE 512
#define LEGACY_SIZE 576

static const struct {
	unsigned component;
	uint32_t offset, size;
} standard[] = {
	{2, 576, 256},	 // AVX
	{3, 960, 64},	 // MPX bounds
	{4, 1024, 64},	 // MPX status
	{5, 1088, 64},	 // AVX-512 masks
	{6, 1152, 512},	 // upper halves of zmm0 to zmm15
	{7, 1664, 1024}, // zmm16 to zmm31
	{9, 2688, 8},	 // protection keys
};
#define KNOWN ((uint64_t)0x2ff)

void hg_xstate_host(struct hg_xstate_part *ret)
{
	memset(ret, 0, HG_XSTATE_COMPONENTS * sizeof(*ret));
#if defined(__x86_64__)
	for (unsigned i = 2; i < HG_XSTATE_COMPONENTS; i++) {
		unsigned size, offset, flags, unused;
		if (!__get_cpuid_count(13, i, &size, &offset, &flags, &unused))
			return;
		if (size && !(flags & 1)) // bit 0: only the kernel sees it
			ret[i] = (struct hg_xstate_part){offset, size};
	}
#endif
}

/** The layout goes by what is switched on, in gdb as here. */
static size_t standard_size(uint64_t enabled)
{
	size_t size = LEGACY_SIZE;
	for (size_t i = 0; i < ARRAY_SIZE(standard); i++)
		if (enabled >> standard[i].component & 1)
			size = standard[i].offset + standard[i].size;
	return enabled >> 5 & 7 && size < 2688 ? 2688 : size;
}

void hg_xstate_standardize(uint8_t *xstate, size_t *size, const struct hg_xstate_part *parts)
{
	if (*size < LEGACY_SIZE || *size > HG_XSTATE_MAX)
		return;
	uint64_t enabled = hg_load_u64(xstate + ENABLED);
	uint64_t in_use = hg_load_u64(xstate + IN_USE);
	if (in_use & ~KNOWN)
		return;
	uint8_t result[2696] = {0};
	memcpy(result, xstate, LEGACY_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(standard); i++) {
		const uint64_t bit = (uint64_t)1 << standard[i].component;
		const struct hg_xstate_part *part = &parts[standard[i].component];
		if (!(enabled & bit))
			continue;
		if (part->size != standard[i].size || part->offset > *size ||
		    part->size > *size - part->offset)
			return;
		memcpy(result + standard[i].offset, xstate + part->offset, part->size);
	}
	enabled &= KNOWN;
	memcpy(result + ENABLED, &enabled, sizeof(enabled));
	*size = standard_size(enabled);
	memcpy(xstate, result, *size);
}
