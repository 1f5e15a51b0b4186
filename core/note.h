/**
 * ELF notes: the records of a core that tell of threads, mapped files and the auxiliary vector, and build ids.
 *
 *   OFFSET SIZE MEANING
 *   0      4    size of the name, its NUL counted
 *   4      4    size of the descriptor
 *   8      4    type
 *   12     ..   name, then descriptor, each filled up to a multiple of 4
 */
#ifndef HG_CORE_NOTE_H
#define HG_CORE_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

struct hg_image;

#define HG_NOTE_NAME "heapgraph" // notes that our snapshots alone have
#define HG_NOTE_THREAD_NAME 1	 // of the thread whose NT_PRSTATUS stands before it
#define HG_NOTE_RECORD 2	 // how the snapshot was taken: see core/record.h

struct hg_note {
	const char *name; /* name_size bytes, the NUL among them if there is one */
	size_t name_size;
	uint32_t type;
	const uint8_t *desc;
	size_t desc_size;
};

/** Reads the next note; false at the end and where the rest is damaged or cut (bytes->bad tells). */
bool hg_note_next(struct hg_bytes *bytes, struct hg_note *ret);
bool hg_note_is(const struct hg_note *note, const char *name, uint32_t type);

/** Finds the first note of that name and type; false where there is none. */
bool hg_note_find(const void *data, uint64_t size, const char *name, uint32_t type,
		  struct hg_note *ret);

/**
 * Reads the notes of a core into an image that knows its architecture: pid, comm, threads, mappings (as they come,
 * not yet sorted), auxv. Notes that make no sense are skipped. Fails only for want of memory.
 */
struct hg_error *hg_note_read_core(struct hg_image *image, const void *data, uint64_t size);

/** Reads an auxiliary vector into image->auxv. */
struct hg_error *hg_note_read_auxv(struct hg_image *image, const uint8_t *data, uint64_t size);

#endif
