/**
 * One ELF file, opened read-only. The headers are checked against the file when it is opened, so that what stands in
 * the tables here lies inside the file. A file that another process cuts short while it is mapped here ends us with
 * SIGBUS, as it does every reader that maps files.
 */
#ifndef HG_CORE_ELFFILE_H
#define HG_CORE_ELFFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

#define HG_BUILD_ID_MAX 64

struct hg_elf_segment { /* a program header */
	uint32_t type, flags;
	uint64_t offset, vaddr, filesz, memsz;
};

struct hg_elf_section {
	const char *name;
	uint32_t type;
	uint64_t flags, addr, offset, size; /* size in the file, maybe compressed */
	uint32_t link, info;
	uint64_t entry_size;
};

struct hg_elf_symbol {
	const char *name;
	uint64_t value, size; /* link-time address */
	uint8_t type, bind;   /* STT_*, STB_* */
	bool defined;
};

struct hg_elf {
	char *path;
	uint16_t type, machine; /* the machine is one that hg_arch_find() knows */
	uint64_t entry;
	const struct hg_elf_segment
		*segments; /* of a truncated file, offsets may lie beyond its end */
	size_t segment_count;
	const struct hg_elf_section
		*sections; /* entry 0 is the null section; none where the table is damaged */
	size_t section_count;
	uint8_t build_id[HG_BUILD_ID_MAX]; /* GNU build id, else none */
	size_t build_id_size;
	const uint8_t *map; /* the whole file, mapped */
	uint64_t map_size;
	struct hg_elf_private *priv;
};

/** Opens an ELF file (64-bit little-endian; else an error that says what it is). */
struct hg_error *hg_elf_open(const char *path, struct hg_elf **ret);

/** The same of a file that is in memory already, for as long as the elf lives. The name is for messages. */
struct hg_error *hg_elf_open_bytes(const char *name, const uint8_t *data, uint64_t size,
				   struct hg_elf **ret);
void hg_elf_destroy(struct hg_elf *elf);
HG_DEFINE_CLEANUP(struct hg_elf, hg_elf_destroy)

/** Returns the section of that name, or NULL. For ".debug_x" also finds ".zdebug_x". */
const struct hg_elf_section *hg_elf_find_section(const struct hg_elf *elf, const char *name);

/**
 * The contents of a section, decompressed when SHF_COMPRESSED (zlib, zstd) or .zdebug; owned by the elf and kept until
 * it is destroyed. NULL data and size 0 for SHT_NOBITS.
 */
struct hg_error *hg_elf_section_data(struct hg_elf *elf, const struct hg_elf_section *section,
				     const uint8_t **data, uint64_t *size);

/** Calls fn for each symbol of .symtab, or of .dynsym where there is none, until it returns false. */
struct hg_error *hg_elf_symbols(struct hg_elf *elf,
				bool (*fn)(void *arg, const struct hg_elf_symbol *sym), void *arg);

#endif
