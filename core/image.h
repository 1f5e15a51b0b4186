/**
 * The memory of a process at one instant: address -> bytes. Bytes are mapped read-only and viewed in place; a view
 * dies with the image. Everything in an image is untrusted.
 *
 * Reading is safe from several threads at once. A core or executable that another process cuts short while it is
 * mapped here ends us with SIGBUS; replacing a file by a new one (as compilers and installers do) is safe.
 */
#ifndef HG_CORE_IMAGE_H
#define HG_CORE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/capture.h"
#include "core/mapping.h"
#include "core/thread.h"

enum hg_image_kind { HG_IMAGE_CORE, HG_IMAGE_LIVE };

struct hg_segment {
	uint64_t addr;
	uint64_t size;	      /* bytes of address space */
	uint64_t present;     /* bytes that can be read from addr on; the rest is missing */
	const uint8_t *bytes; /* NULL when present is 0 */
	uint8_t prot;	      /* HG_PROT_* */
	bool from_file;	      /* filled from an executable or library, not from the dump */
};

struct hg_auxv {
	uint64_t key, value;
};

struct hg_image_options {
	struct hg_capture_limits limits; /* of a live process */
	const char *exe; /* --exe: read the executable from here; NULL for where the target says */
	const char *sysroot; /* --sysroot: prefix of every file the target names; NULL for none */
	const struct hg_log *log;
};

struct hg_image {
	enum hg_image_kind kind;
	const char *path; /* of the core; NULL when live */
	uint32_t pid;	  /* 0 when not known */
	const char *comm; /* name of the process, "" when not known */
	const struct hg_arch *arch;
	struct hg_segment *
		segments; /* sorted by addr, disjoint; neighbours whose bytes are contiguous are merged */
	size_t segment_count;
	hg_mappings mappings;
	hg_threads threads;
	HG_VEC(struct hg_auxv) auxv;
	const char *
		sysroot; /* where files of the target are looked up: option, or the process's own root; may be "" */
	const char *exe;	/* path of the executable on this machine, or NULL */
	uint64_t missing_bytes; /* that the dump should hold but does not (truncated, unreadable) */
	HG_VEC(const char *) notes; /* one line each for the user: what is missing and why */
	bool inconsistent;	    /* copied without stopping */
	struct hg_arena arena;
	struct hg_image_private *priv; /* mapped files and buffers */
};

/** Opens a core file: plain, .gz or .zst (told by content). Errors name the file and what is wrong with it. */
struct hg_error *hg_image_open_core(const char *path, const struct hg_image_options *options,
				    struct hg_image **ret);

/** Stops a process, copies what is resident and needed, lets it go on. *stopped_us gets the pause in microseconds. */
struct hg_error *hg_image_open_live(uint32_t pid, const struct hg_image_options *options,
				    uint64_t *stopped_us, struct hg_image **ret);

struct hg_hidden;

/** Makes zeros of ranges of the memory that a core has, in this image alone. Sorted and disjoint ranges; nothing may be viewed
 * yet. */
struct hg_error *hg_image_hide(struct hg_image *image, const struct hg_hidden *ranges,
			       size_t count);

void hg_image_destroy(struct hg_image *image);
HG_DEFINE_CLEANUP(struct hg_image, hg_image_destroy)

/** Returns `size` bytes at addr in place, or NULL where any of them is missing or they are not contiguous. */
const void *hg_image_view(const struct hg_image *image, uint64_t addr, uint64_t size);

/** Returns the bytes at addr in place, and in *size how many follow contiguously; NULL where there is none. */
const void *hg_image_view_some(const struct hg_image *image, uint64_t addr, uint64_t *size);

/** Copies `size` bytes, across segments; false (and buf undefined) where any is missing. */
bool hg_image_read(const struct hg_image *image, uint64_t addr, void *buf, uint64_t size);

/** Reads an unsigned integer of 1, 2, 4 or 8 bytes; false where it is missing. */
bool hg_image_uint(const struct hg_image *image, uint64_t addr, unsigned size, uint64_t *ret);
bool hg_image_u64(const struct hg_image *image, uint64_t addr, uint64_t *ret);
bool hg_image_u32(const struct hg_image *image, uint64_t addr, uint32_t *ret);

/** Returns the segment that contains addr (present or not), or NULL. */
const struct hg_segment *hg_image_segment(const struct hg_image *image, uint64_t addr);

/** Returns how many of the `size` bytes at addr lie in segments, present or not, up to the first gap between them. */
uint64_t hg_image_mapped(const struct hg_image *image, uint64_t addr, uint64_t size);

/** Returns the mapping that contains addr, or NULL. */
const struct hg_mapping *hg_image_mapping(const struct hg_image *image, uint64_t addr);

/**
 * Returns the ELF file behind a mapping of the target, or NULL where `path` (as the target names it) could not be used;
 * then *problem (if not NULL) gets one line that says why: not found, of another build than the process, ... The image
 * owns it and opens each file once; sections are read into it by one thread at a time.
 */
struct hg_elf *hg_image_elf(const struct hg_image *image, const char *path, const char **problem);

/** Returns a mapping of the executable: where the auxiliary vector points to, else the first of a file; NULL none. */
const struct hg_mapping *hg_image_exe_mapping(const struct hg_image *image);

/** Returns true and the value where the auxiliary vector has the key (AT_PHDR, AT_ENTRY, ...). */
bool hg_image_auxv(const struct hg_image *image, uint64_t key, uint64_t *ret);

/** Returns the path on this machine of a file that the target names: malloc'd, or NULL when memory is exhausted. */
char *hg_image_host_path(const struct hg_image *image, const char *target_path);

#endif
