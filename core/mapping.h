/**
 * Which file lies where: from NT_FILE of a core or the maps of a live process.
 */
#ifndef HG_CORE_MAPPING_H
#define HG_CORE_MAPPING_H

#include <stdbool.h>
#include "core/base/vec.h"

enum { HG_PROT_READ = 1, HG_PROT_WRITE = 2, HG_PROT_EXEC = 4 };

struct hg_mapping {
	uint64_t start, end;
	uint64_t file_offset; /* bytes */
	uint8_t prot;	      /* HG_PROT_*; 0 when not known (NT_FILE does not tell) */
	bool deleted;	      /* the file was unlinked */
	const char *path; /* as the target sees it; "" for anonymous; owned by the image's arena */
};

/** Sorted by start, disjoint. */
typedef HG_VEC(struct hg_mapping) hg_mappings;

#endif
