/**
 * A bounded cursor over untrusted little-endian bytes. A read past the end returns 0 and sets `bad`, which stays set,
 * so a reader may read a whole structure and ask once.
 */
#ifndef HG_BASE_BYTES_H
#define HG_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hg_bytes {
	const uint8_t *data;
	size_t size;
	size_t at;
	bool bad;
};

struct hg_bytes hg_bytes_init(const void *data, size_t size);
size_t hg_bytes_left(const struct hg_bytes *bytes);

/** Returns the next `size` bytes in place and steps over them; NULL (and bad) when fewer are left. */
const void *hg_bytes_take(struct hg_bytes *bytes, size_t size);
void hg_bytes_skip(struct hg_bytes *bytes, size_t size);
void hg_bytes_align(struct hg_bytes *bytes,
		    size_t alignment); /* a power of two, from the start of data */

uint8_t hg_bytes_u8(struct hg_bytes *bytes);
uint16_t hg_bytes_u16(struct hg_bytes *bytes);
uint32_t hg_bytes_u32(struct hg_bytes *bytes);
uint64_t hg_bytes_u64(struct hg_bytes *bytes);
uint64_t hg_bytes_uint(struct hg_bytes *bytes, unsigned size); /* 1, 2, 4 or 8 bytes */
uint64_t hg_bytes_uleb(struct hg_bytes *bytes);
int64_t hg_bytes_sleb(struct hg_bytes *bytes);

/** Returns the NUL-terminated text here and steps behind its NUL; NULL (and bad) where no NUL follows. */
const char *hg_bytes_cstr(struct hg_bytes *bytes);

/** Loads little-endian words from unaligned memory that is known to be there. */
uint16_t hg_load_u16(const void *ptr);
uint32_t hg_load_u32(const void *ptr);
static inline uint64_t hg_load_u64(const void *ptr)
{
	uint64_t value;
	__builtin_memcpy(&value, ptr, sizeof(value));
	return value; // both targets (x86-64, arm64 Linux) are little-endian, as are the hosts
}

#endif
