/**
 * Which file lies where: from NT_FILE of a core or the maps of a live process.
 */
#ifndef HG_CORE_MAPPING_H
#define HG_CORE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/vec.h"

enum { HG_PROT_READ = 1, HG_PROT_WRITE = 2, HG_PROT_EXEC = 4 };

struct hg_mapping {
	uint64_t start, end;
	uint64_t file_offset; /* bytes */
	uint8_t prot;	      /* HG_PROT_*; 0 when not known (NT_FILE does not tell) */
	bool deleted;	      /* the file was unlinked */
	bool shared; /* a write goes to the file; false where not known (NT_FILE does not tell) */
	const char *path; /* as the target sees it; "" for anonymous; owned by the image's arena */
};

/** Sorted by start, disjoint. */
typedef HG_VEC(struct hg_mapping) hg_mappings;

/** Reads the text of /proc/PID/maps; lines that make no sense are skipped. Fails only for want of memory. */
struct hg_error *hg_mappings_parse(const char *text, size_t size, struct hg_arena *arena,
				   hg_mappings *ret);

/** Sets path and deleted from a path as the kernel writes it, perhaps with " (deleted)" behind it. */
struct hg_error *hg_mapping_set_path(struct hg_mapping *mapping, const char *path, size_t length,
				     struct hg_arena *arena, const hg_mappings *before);

/** Sorts by start and drops what overlaps. */
void hg_mappings_sort(hg_mappings *mappings);

/** Returns the mapping that contains addr, or NULL. */
const struct hg_mapping *hg_mappings_find(const hg_mappings *mappings, uint64_t addr);

#endif
