/**
 * Decompression of zlib, gzip and zstd data that nobody vouches for.
 */
#ifndef HG_CORE_INFLATE_H
#define HG_CORE_INFLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/log.h"

enum hg_inflate_kind { HG_INFLATE_NONE, HG_INFLATE_ZLIB, HG_INFLATE_GZIP, HG_INFLATE_ZSTD };

/** Tells a gzip or zstd file by its first bytes; HG_INFLATE_NONE for all others. */
enum hg_inflate_kind hg_inflate_detect(const uint8_t *data, uint64_t size);

/** Decompresses a zlib or zstd block into exactly `ret_size` bytes; false where it is damaged or of another size. */
bool hg_inflate_block(enum hg_inflate_kind kind, const uint8_t *data, uint64_t size, uint8_t *ret,
		      uint64_t ret_size);

/** The most that `size` compressed bytes can become; a stated size beyond it is a lie. */
uint64_t hg_inflate_bound(enum hg_inflate_kind kind, uint64_t size);

/**
 * Decompresses a whole gzip or zstd file into an unlinked temporary file in $TMPDIR (else /var/tmp), with holes for
 * runs of zeros. *ret_fd is the caller's to close. Where the input ends too early or is damaged, what comes before is
 * in the file and *damaged is true; an error where that is nothing.
 */
struct hg_error *hg_inflate_file(const char *path, const uint8_t *data, uint64_t size,
				 const struct hg_log *log, int *ret_fd, bool *damaged);

#endif
