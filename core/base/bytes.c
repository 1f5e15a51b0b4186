#include "core/base/bytes.h"

#include <string.h>

struct hg_bytes hg_bytes_init(const void *data, size_t size)
{
	return (struct hg_bytes){.data = data, .size = size};
}

size_t hg_bytes_left(const struct hg_bytes *bytes)
{
	return bytes->bad ? 0 : bytes->size - bytes->at;
}

const void *hg_bytes_take(struct hg_bytes *bytes, size_t size)
{
	if (hg_bytes_left(bytes) < size) {
		bytes->bad = true;
		return NULL;
	}
	const void *ptr = size ? bytes->data + bytes->at : bytes->data; // which may be NULL
	bytes->at += size;
	return ptr;
}

void hg_bytes_skip(struct hg_bytes *bytes, size_t size)
{
	hg_bytes_take(bytes, size);
}

void hg_bytes_align(struct hg_bytes *bytes, size_t alignment)
{
	size_t over = bytes->at & (alignment - 1);
	if (over)
		hg_bytes_skip(bytes, alignment - over);
}

uint64_t hg_bytes_uint(struct hg_bytes *bytes, unsigned size)
{
	uint64_t value = 0;
	const void *ptr = size <= sizeof(value) ? hg_bytes_take(bytes, size) : NULL;
	if (ptr)
		memcpy(&value, ptr, size);
	else
		bytes->bad = true;
	return value;
}

uint8_t hg_bytes_u8(struct hg_bytes *bytes)
{
	return (uint8_t)hg_bytes_uint(bytes, 1);
}

uint16_t hg_bytes_u16(struct hg_bytes *bytes)
{
	return (uint16_t)hg_bytes_uint(bytes, 2);
}

uint32_t hg_bytes_u32(struct hg_bytes *bytes)
{
	return (uint32_t)hg_bytes_uint(bytes, 4);
}

uint64_t hg_bytes_u64(struct hg_bytes *bytes)
{
	return hg_bytes_uint(bytes, 8);
}

uint64_t hg_bytes_uleb(struct hg_bytes *bytes)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte = hg_bytes_u8(bytes);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	bytes->bad = true;
	return 0;
}

int64_t hg_bytes_sleb(struct hg_bytes *bytes)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte = hg_bytes_u8(bytes);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (shift + 7 < 64 && (byte & 0x40))
			value |= ~(uint64_t)0 << (shift + 7);
		return (int64_t)value;
	}
	bytes->bad = true;
	return 0;
}

const char *hg_bytes_cstr(struct hg_bytes *bytes)
{
	size_t left = hg_bytes_left(bytes);
	const char *text = left ? (const char *)bytes->data + bytes->at : NULL;
	const char *end = left ? memchr(text, 0, left) : NULL;
	if (!end) {
		bytes->bad = true;
		return NULL;
	}
	bytes->at += (size_t)(end - text) + 1;
	return text;
}

uint16_t hg_load_u16(const void *ptr)
{
	uint16_t value;
	memcpy(&value, ptr, sizeof(value));
	return value;
}

uint32_t hg_load_u32(const void *ptr)
{
	uint32_t value;
	memcpy(&value, ptr, sizeof(value));
	return value;
}
