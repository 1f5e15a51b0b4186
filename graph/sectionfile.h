/**
 * A file of named sections, each with a checksum: the outside of a graph file (docs/graph-file.md). Nothing here knows
 * what the sections hold.
 *
 *	OFFSET SIZE MEANING                       table entry, 64 bytes:
 *	0      8    "heapgrph"                      0  16  name, filled up with NUL
 *	8      4    version, 1                      16  8  offset in the file, a multiple of 64
 *	12     4    number of sections              24  8  size in the file
 *	16     8    size of the file                32  8  size once decompressed
 *	24     8    XXH3 of the first 24 bytes      40  8  XXH3 of the bytes in the file
 *	            and of the table                48  4  0 as it is, 1 zlib
 *	32     ..   table                           52 12  0
 *
 * All numbers are little-endian.
 */
#ifndef HG_GRAPH_SECTIONFILE_H
#define HG_GRAPH_SECTIONFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define HG_SECTIONS_MAX 64
#define HG_SECTION_NAME 16

/** A file in the making. Zero it, set fd and path (for messages; the caller's); the file is written from its start. */
struct hg_section_writer {
	int fd;
	const char *path;
	bool compress; /* the sections that come from now on */
	uint32_t count;
	uint64_t at; /* the end of what is written */
	struct hg_section_entry {
		char name[HG_SECTION_NAME];
		uint64_t offset, stored, size, sum;
		uint32_t packing;
	} entries[HG_SECTIONS_MAX];
};

/** Writes a section; its name is new and shorter than HG_SECTION_NAME. */
struct hg_error *hg_section_write(struct hg_section_writer *writer, const char *name,
				  const void *data, uint64_t size);
/** Writes the table; the file is complete. */
struct hg_error *hg_section_finish(struct hg_section_writer *writer);

struct hg_section_file; /* opened */

/** Is this the beginning of such a file, whole or not? */
bool hg_section_file_detect(const uint8_t *data, uint64_t size);

/** Opens a file; its table is checked against the file. HG_ERROR_FORMAT says what is wrong. */
struct hg_error *hg_section_file_open(const char *path, struct hg_section_file **ret);
/** The same of a file that is in memory already, at a multiple of 8 and for as long as it is open. */
struct hg_error *hg_section_file_open_bytes(const char *name, const uint8_t *data, uint64_t size,
					    struct hg_section_file **ret);
void hg_section_file_close(struct hg_section_file *file);
HG_DEFINE_CLEANUP(struct hg_section_file, hg_section_file_close)

/**
 * Returns a section's bytes, at a multiple of 8, checked against its sum on first use and decompressed; owned by the file.
 * A section that is not there is empty: NULL and 0.
 */
struct hg_error *hg_section_get(struct hg_section_file *file, const char *name, const void **ret,
				uint64_t *size);

#endif
