#include "core/inflate.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum hg_inflate_kind hg_inflate_detect(const uint8_t *data, uint64_t size)
{
	if (size >= 2 && data[0] == 0x1f && data[1] == 0x8b)
		return HG_INFLATE_GZIP;
	if (size >= 4 && !memcmp(data, "\x28\xb5\x2f\xfd", 4))
		return HG_INFLATE_ZSTD;
	return HG_INFLATE_NONE;
}

uint64_t hg_inflate_bound(enum hg_inflate_kind kind, uint64_t size)
{
	// Deflate reaches 1032 : 1. A zstd block of 128 KiB may stand in 4 bytes.
	uint64_t bound;
	if (__builtin_mul_overflow(size, kind == HG_INFLATE_ZSTD ? 32768 : 1032, &bound) ||
	    __builtin_add_overflow(bound, 4096, &bound))
		return UINT64_MAX;
	return bound;
}

static unsigned chunk_of(uint64_t left)
{
	return left < (1u << 30) ? (unsigned)left : 1u << 30; // zlib counts in unsigned int
}

static bool inflate_zlib(const uint8_t *data, uint64_t size, uint8_t *out, uint64_t out_size)
{
	z_stream stream = {0};
	if (inflateInit(&stream) != Z_OK)
		return false;
	const uint8_t *const out_end = out + out_size;
	stream.next_in = (Bytef *)data;
	stream.next_out = out;
	int status = Z_OK;
	while (status == Z_OK) {
		stream.avail_in = chunk_of((uint64_t)(data + size - stream.next_in));
		stream.avail_out = chunk_of((uint64_t)(out_end - stream.next_out));
		status = inflate(&stream, Z_NO_FLUSH); // no progress is Z_BUF_ERROR
	}
	const bool complete = status == Z_STREAM_END && stream.next_out == out_end;
	inflateEnd(&stream);
	return complete;
}

bool hg_inflate_block(enum hg_inflate_kind kind, const uint8_t *data, uint64_t size, uint8_t *ret,
		      uint64_t ret_size)
{
	if (kind == HG_INFLATE_ZSTD)
		return ZSTD_decompress(ret, ret_size, data, size) == ret_size;
	return kind == HG_INFLATE_ZLIB && inflate_zlib(data, size, ret, ret_size);
}
