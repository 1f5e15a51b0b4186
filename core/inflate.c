#include "core/inflate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/limits.h"

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

#define PAGE ((uint64_t)4096)
#define CHUNK ((size_t)1 << 20)

struct unpacking {
	const char *path;
	const struct hg_log *log;
	const uint8_t *data; // the input
	uint64_t size, at;
	int fd;
	uint8_t *chunk; // CHUNK bytes of output, `filled` of them good
	size_t filled;
	uint64_t written; // before the chunk
};

static bool is_zero(const uint8_t *page, size_t size)
{
	return !*page && !memcmp(page, page + 1, size - 1);
}

/** Writes the pages of the chunk that are not zero. */
static struct hg_error *flush(struct unpacking *unpacking)
{
	for (size_t at = 0; at < unpacking->filled; at += PAGE) {
		const uint8_t *page = unpacking->chunk + at;
		const size_t size = unpacking->filled - at < PAGE ? unpacking->filled - at : PAGE;
		if (is_zero(page, size))
			continue;
		const ssize_t put =
			pwrite(unpacking->fd, page, size, (off_t)(unpacking->written + at));
		if (put != (ssize_t)size)
			return hg_error_errno(
				put < 0 ? errno : ENOSPC,
				"cannot decompress '%s' into a temporary file (TMPDIR names "
				"another folder)",
				unpacking->path);
	}
	unpacking->written += unpacking->filled;
	unpacking->filled = 0;
	if (unpacking->written > HG_MAX_CORE_BYTES)
		return hg_error_create(HG_ERROR_LIMIT, "'%s' decompresses to more than %llu GiB",
				       unpacking->path, HG_MAX_CORE_BYTES >> 30);
	hg_log_progress(unpacking->log, "decompressing", unpacking->at, unpacking->size);
	return NULL;
}

static struct hg_error *unpack_gzip(struct unpacking *unpacking, bool *damaged)
{
	z_stream stream = {0};
	if (inflateInit2(&stream, 15 + 16) != Z_OK)
		return &hg_enomem;
	struct hg_error *err = NULL;
	int status = Z_OK;
	while (!err && (status == Z_OK || status == Z_STREAM_END)) {
		const uint64_t left = unpacking->size - unpacking->at;
		stream.next_in = (Bytef *)unpacking->data + unpacking->at;
		if (status ==
		    Z_STREAM_END) { // another member follows, or filling that means nothing
			if (hg_inflate_detect(stream.next_in, left) != HG_INFLATE_GZIP)
				break;
			inflateReset(&stream);
		}
		stream.avail_in = chunk_of(left);
		stream.next_out = unpacking->chunk + unpacking->filled;
		stream.avail_out = (unsigned)(CHUNK - unpacking->filled);
		status = inflate(&stream, Z_NO_FLUSH); // Z_BUF_ERROR at the end of the input
		unpacking->at = (uint64_t)(stream.next_in - unpacking->data);
		unpacking->filled = CHUNK - stream.avail_out;
		if (unpacking->filled == CHUNK)
			err = flush(unpacking);
	}
	*damaged = status != Z_STREAM_END;
	inflateEnd(&stream);
	return err;
}

static struct hg_error *unpack_zstd(struct unpacking *unpacking, bool *damaged)
{
	ZSTD_DCtx *stream = ZSTD_createDCtx();
	if (!stream)
		return &hg_enomem;
	ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 31); // as zstd --long=31 makes them
	ZSTD_inBuffer in = {unpacking->data, unpacking->size, 0};
	struct hg_error *err = NULL;
	size_t status = 1;
	while (!err) {
		ZSTD_outBuffer out = {unpacking->chunk, CHUNK, unpacking->filled};
		const size_t before = in.pos;
		status = ZSTD_decompressStream(stream, &out, &in);
		const bool moved = in.pos > before || out.pos > unpacking->filled;
		unpacking->at = in.pos;
		unpacking->filled = out.pos;
		if (ZSTD_isError(status) || !moved || (!status && in.pos == in.size))
			break;
		if (unpacking->filled == CHUNK)
			err = flush(unpacking);
	}
	*damaged = status != 0;
	ZSTD_freeDCtx(stream);
	return err;
}

static int open_temporary(void)
{
	const char *folder = getenv("TMPDIR");
	if (!folder || !*folder)
		folder = "/var/tmp";
	const int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	char path[4096];
	const int length = snprintf(path, sizeof(path), "%s/heapgraph-XXXXXX", folder);
	if (length < 0 || (size_t)length >= sizeof(path))
		return -1;
	const int named = mkostemp(path, O_CLOEXEC);
	if (named >= 0)
		unlink(path);
	return named;
}

static struct hg_error *unpack(struct unpacking *unpacking, bool *damaged)
{
	const bool gzip = hg_inflate_detect(unpacking->data, unpacking->size) == HG_INFLATE_GZIP;
	struct hg_error *err =
		gzip ? unpack_gzip(unpacking, damaged) : unpack_zstd(unpacking, damaged);
	if (!err)
		err = flush(unpacking);
	if (!err && !unpacking->written)
		err = hg_error_create(HG_ERROR_FORMAT, "'%s' is no %s file, or a damaged one",
				      unpacking->path, gzip ? "gzip" : "zstd");
	if (!err && ftruncate(unpacking->fd, (off_t)unpacking->written))
		err = hg_error_errno(errno, "cannot decompress '%s'", unpacking->path);
	return err;
}

struct hg_error *hg_inflate_file(const char *path, const uint8_t *data, uint64_t size,
				 const struct hg_log *log, int *ret_fd, bool *damaged)
{
	hg_autofree uint8_t *chunk = malloc(CHUNK);
	if (!chunk)
		return &hg_enomem;
	struct unpacking unpacking = {
		.path = path,
		.log = log,
		.data = data,
		.size = size,
		.fd = open_temporary(),
		.chunk = chunk,
	};
	if (unpacking.fd < 0)
		return hg_error_errno(errno, "cannot create a temporary file to decompress '%s'",
				      path);
	struct hg_error *err = unpack(&unpacking, damaged);
	if (err)
		close(unpacking.fd);
	else
		*ret_fd = unpacking.fd;
	return err;
}
