/**
 * Writes an ELF core file: segments whose bytes come in any order, with holes where nothing but zeros comes.
 *
 *   OFFSET  MEANING
 *   0       ELF header
 *   64      program headers: the notes, then the memory by address
 *   ..      section header 0, only where there are 65,535 program headers or more: it holds their count
 *   ..      notes
 *   ..      memory, from a page boundary on
 */
#ifndef HG_CORE_IMAGE_WRITE_H
#define HG_CORE_IMAGE_WRITE_H

#include "core/arch.h"
#include "core/base/error.h"
#include "core/base/vec.h"

struct hg_core_segment {
	uint64_t addr, size;
	uint64_t file_size; /* the first bytes of it are in the file; size, a page or 0 */
	uint8_t prot;	    /* HG_PROT_* */
	uint64_t offset;    /* in the file; hg_core_write_headers() sets it */
};

struct hg_core_writer {
	int fd;		  /* the caller's */
	const char *path; /* for messages; the caller's */
	HG_VEC(struct hg_core_segment) segments;
	uint64_t file_size; /* with holes */
	uint64_t written;   /* without */
	uint64_t notes_at;
};

/** Adds memory behind the last; it becomes one segment with it where it can. */
struct hg_error *hg_core_add_segment(struct hg_core_writer *writer, struct hg_core_segment segment);

/** Writes the headers and the notes when all segments are added, and gives the file its size. */
struct hg_error *hg_core_write_headers(struct hg_core_writer *writer, const struct hg_arch *arch,
				       const void *notes, uint64_t notes_size);

/** Writes a part of the notes again, `at` bytes behind their begin. */
struct hg_error *hg_core_rewrite_notes(const struct hg_core_writer *writer, uint64_t at,
				       const void *data, uint64_t size);

/** Writes memory at addr; what no segment has room for is left out. */
struct hg_error *hg_core_write_memory(struct hg_core_writer *writer, uint64_t addr,
				      const uint8_t *data, uint64_t size);

void hg_core_writer_deinit(struct hg_core_writer *writer);

/** Notes in the making. */
typedef HG_VEC(uint8_t) hg_note_buffer;

/** Adds a note of zeros; *ret_desc gets where its descriptor is, for the caller to fill before the next call. */
struct hg_error *hg_note_add(hg_note_buffer *notes, const char *name, uint32_t type,
			     size_t desc_size, uint8_t **ret_desc);

#endif
