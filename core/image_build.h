/**
 * What the readers of core files and live processes share: an image grows piece by piece, then hg_image_finish() sorts
 * and merges the pieces. Private to core/.
 */
#ifndef HG_CORE_IMAGE_BUILD_H
#define HG_CORE_IMAGE_BUILD_H

#include "core/base/strtab.h"
#include "core/elffile.h"
#include "core/image.h"

struct hg_image_region { // memory that ends with the image
	void *ptr;
	uint64_t size;
};

struct hg_image_file {			     // a file that the target has mapped
	const char *path;		     // as the target names it; owned by the image's arena
	const struct hg_mapping *first_page; // NULL where it is not mapped
	struct hg_elf *elf;
	const char *problem; // why elf is NULL, where it was tried
	uint64_t missing;    // bytes that should have come from it
	bool is_exe;
	bool is_code; // a mapping of it is executable
};

typedef HG_VEC(struct hg_segment) hg_segments;

struct hg_image_private {
	HG_VEC(struct hg_image_region) regions;
	hg_segments pieces; // what the dump has
	hg_segments gaps;   // what it leaves out, and what hg_image_fill() found for it
	struct hg_strtab paths;
	HG_VEC(struct hg_image_file) files; // by number of the path; 0 is none
	struct hg_elf *core;
	int exe_fd; // of a live process; -1 none
};

/** Returns an empty image, its sysroot and executable as the options say. */
struct hg_error *hg_image_create(enum hg_image_kind kind, const struct hg_image_options *options,
				 struct hg_image **ret);

/** Sorts, cuts what overlaps and merges neighbours. */
void hg_segments_tidy(hg_segments *segments);

/** Hands memory to the image, which unmaps it in the end; also where this fails. */
struct hg_error *hg_image_own(struct hg_image *image, void *ptr, uint64_t size);

/** Adds to the pieces where something of it is there, else to the gaps. */
struct hg_error *hg_image_add(struct hg_image *image, struct hg_segment piece);

/** Adds a line to image->notes. */
struct hg_error *hg_image_notef(struct hg_image *image, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * Makes the segments from the pieces and gaps: sorted, disjoint, neighbours merged. May be called again when there are
 * more.
 */
struct hg_error *hg_image_finish(struct hg_image *image);

/**
 * Opens the executable and the libraries, and fills from them what the dump leaves out. Wants finished segments and
 * sorted mappings; finishes them anew.
 */
struct hg_error *hg_image_fill(struct hg_image *image, const struct hg_image_options *options);

#endif
