/**
 * A file in memory.
 */
#ifndef HG_CORE_MAPFILE_H
#define HG_CORE_MAPFILE_H

#include <stdint.h>

#include "core/base/error.h"

/** Maps a regular file read-only; an empty one gives NULL and 0. */
struct hg_error *hg_map_file(const char *path, const uint8_t **map, uint64_t *size);

/** The same of an open file; the path is for messages. The descriptor stays the caller's. */
struct hg_error *hg_map_fd(int fd, const char *path, const uint8_t **map, uint64_t *size);

void hg_unmap_file(const uint8_t *map, uint64_t size);

#endif
