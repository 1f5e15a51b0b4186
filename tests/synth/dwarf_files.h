/**
 * Debug info in several files that are one after the other in a seed of tests/fuzz/corpus/split:
 *
 *     0  4  bytes of the module's ELF file
 *     4  4  bytes of the next file, which holds whatever the module asks for
 *     8  n  the files; the rest is a third one
 */
#ifndef HG_SYNTH_DWARF_FILES_H
#define HG_SYNTH_DWARF_FILES_H

#include <string.h>

#include "core/base/bytes.h"
#include "tests/synth/dwarf_program.h"

#define DWARF_FILES 3
#define DWARF_MAX_OPENED 16 /* a seed can ask for as many files as it has names */

struct dwarf_files {
	uint8_t *data[DWARF_FILES];
	size_t size[DWARF_FILES];
	unsigned count;	 /* of files that can be found */
	unsigned opened; /* by the finder */
	unsigned missing, other_builds;
	struct hg_elf *elf;
	struct hg_dwarf *dwarf; /* NULL when it cannot be opened */
};

static inline bool dwarf_files_find(void *arg, const struct hg_dwarf_companion *wanted, unsigned n,
				    struct hg_elf **ret)
{
	struct dwarf_files *files = arg;
	(void)wanted;
	*ret = NULL;
	if (n + 1 >= files->count || files->opened++ > DWARF_MAX_OPENED)
		return false;
	hg_error_destroy(hg_elf_open_bytes("part", files->data[n + 1], files->size[n + 1], ret));
	return true;
}

static inline void dwarf_files_miss(void *arg, const struct hg_dwarf_companion *wanted,
				    bool other_build)
{
	struct dwarf_files *files = arg;
	(void)wanted;
	files->missing += !other_build;
	files->other_builds += other_build;
}

/** Splits a seed, of which `count` files can be found, and opens it. */
static inline void dwarf_files_open(struct dwarf_files *files, const uint8_t *data, size_t size,
				    unsigned count)
{
	struct hg_bytes bytes = hg_bytes_init(data, size);
	*files = (struct dwarf_files){.count = count};
	files->size[0] = hg_bytes_u32(&bytes);
	files->size[1] = hg_bytes_u32(&bytes);
	files->size[2] = size;
	for (unsigned i = 0; i < DWARF_FILES; i++) {
		const size_t left = hg_bytes_left(&bytes);
		files->size[i] = files->size[i] < left ? files->size[i] : left;
		/* Each in an allocation of its own, so that a read past its end is seen. */
		files->data[i] = malloc(files->size[i] + !files->size[i]);
		hg_assert(files->data[i]);
		if (files->size[i])
			memcpy(files->data[i], hg_bytes_take(&bytes, files->size[i]),
			       files->size[i]);
	}
	const struct hg_dwarf_finder finder = {files, dwarf_files_find, dwarf_files_miss};
	hg_error_destroy(hg_elf_open_bytes("main", files->data[0], files->size[0], &files->elf));
	if (files->elf)
		hg_error_destroy(hg_dwarf_open(files->elf, &finder, &files->dwarf));
}

/** Call it when the program that took over the debug info is gone. */
static inline void dwarf_files_deinit(struct dwarf_files *files)
{
	hg_elf_destroy(files->elf);
	for (unsigned i = 0; i < DWARF_FILES; i++)
		free(files->data[i]);
}

#endif
