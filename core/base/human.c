#include "core/base/human.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/base/cleanup.h"

void hg_human_count(struct hg_text *text, uint64_t count)
{
	char digits[32];
	const int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			hg_text_addn(text, ",", 1);
		hg_text_addn(text, &digits[i], 1);
	}
}

void hg_human_bytes(struct hg_text *text, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	if (bytes < 1024) {
		hg_text_printf(text, "%" PRIu64 " B", bytes);
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(units); i++) {
		const uint64_t unit = 1024ull << (10 * i);
		const uint64_t tenths = bytes / unit * 10 + (bytes % unit * 10 + unit / 2) / unit;
		if (tenths >= 10240 && i + 1 < ARRAY_SIZE(units))
			continue;
		hg_text_printf(text, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
			       units[i]);
		return;
	}
}

void hg_human_permille(struct hg_text *text, uint64_t permille)
{
	hg_text_printf(text, "%" PRIu64 ".%" PRIu64 " %%", permille / 10, permille % 10);
}

void hg_human_time(struct hg_text *text, uint64_t us)
{
	if (us < 1000)
		hg_text_printf(text, "%" PRIu64 " us", us);
	else if (us < 1000000)
		hg_text_printf(text, "%" PRIu64 " ms", (us + 500) / 1000);
	else
		hg_text_printf(text, "%" PRIu64 ".%" PRIu64 " s", us / 1000000,
			       us % 1000000 / 100000);
}

uint64_t hg_human_share(uint64_t part, uint64_t whole)
{
	if (!whole || !part)
		return 0;
	if (part >= whole)
		return 1000;
	const uint64_t share = (uint64_t)(((unsigned __int128)part * 1000 + whole / 2) / whole);
	if (share == 1000)
		return 999;
	return share ? share : 1;
}

void hg_human_things(struct hg_text *text, uint64_t count, const char *noun)
{
	hg_human_count(text, count);
	hg_text_printf(text, " %s%s", noun, count == 1 ? "" : "s");
}

unsigned hg_human_utf8(const char *bytes, uint32_t *character)
{
	const unsigned char *b = (const unsigned char *)bytes;
	if (b[0] < 0x80) {
		*character = b[0];
		return b[0] ? 1 : 0;
	}
	const unsigned length = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	if (b[0] < 0xc2 || b[0] > 0xf4)
		return 0;
	uint32_t value = b[0] & (0x7fu >> length);
	for (unsigned i = 1; i < length; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (b[i] & 0x3fu);
	}
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	*character = value;
	return length;
}

static bool is_safe(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	// Marks and overrides of writing direction, line and paragraph separators, the byte order mark.
	return !(c >= 0x200e && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2066 && c <= 0x2069) && c != 0xfeff;
}

void hg_human_escape(struct hg_text *text, const char *words)
{
	while (*words) {
		uint32_t c;
		const unsigned length = hg_human_utf8(words, &c);
		if (length && is_safe(c)) {
			hg_text_addn(text, words, length);
			words += length;
			continue;
		}
		for (unsigned i = 0; i < (length ? length : 1); i++)
			hg_text_printf(text, "\\x%02x", (unsigned char)*words++);
	}
}
