/**
 * Makes small core files and executables for tests: in memory, on disk, with what is asked for in them.
 */
#ifndef HG_TESTS_CORE_FILE_H
#define HG_TESTS_CORE_FILE_H

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/image_write.h"
#include "core/mapping.h"

#define CORE_PAGE 4096

static inline void core_ok(struct hg_error *err)
{
	if (err)
		fprintf(stderr, "%s\n", err->message);
	hg_assert(!err);
}

/** Creates (or empties) a file in the test's folder and returns it. */
static inline int core_create(const char *path)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	hg_assert(fd >= 0);
	return fd;
}

static inline void core_write_file(const char *path, const void *data, size_t size)
{
	const int fd = core_create(path);
	hg_assert(write(fd, data, size) == (ssize_t)size);
	close(fd);
}

/** Reads a whole file; the caller's to free. */
static inline uint8_t *core_read_file(const char *path, size_t *size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	hg_assert(fd >= 0);
	*size = (size_t)lseek(fd, 0, SEEK_END);
	uint8_t *data = malloc(*size + 1);
	hg_assert(data && pread(fd, data, *size, 0) == (ssize_t)*size);
	close(fd);
	return data;
}

static inline void core_put_u64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

/** Adds a thread whose registers (in the kernel's order) count up from `base`. */
static inline void core_add_thread(hg_note_buffer *notes, uint32_t tid, uint64_t base)
{
	uint8_t *desc;
	core_ok(hg_note_add(notes, "CORE", NT_PRSTATUS, 336, &desc));
	desc[12] = 11;
	memcpy(desc + 32, &tid, sizeof(tid));
	for (unsigned i = 0; i < 27; i++)
		core_put_u64(desc + 112 + i * 8, base + i);
}

static inline void core_add_process(hg_note_buffer *notes, uint32_t pid, const char *name)
{
	uint8_t *desc;
	core_ok(hg_note_add(notes, "CORE", NT_PRPSINFO, 136, &desc));
	memcpy(desc + 24, &pid, sizeof(pid));
	memcpy(desc + 40, name, strlen(name));
}

static inline void core_add_auxv(hg_note_buffer *notes, uint64_t key, uint64_t value)
{
	uint8_t *desc;
	core_ok(hg_note_add(notes, "CORE", NT_AUXV, 32, &desc));
	core_put_u64(desc, key);
	core_put_u64(desc + 8, value);
}

struct core_mapped {
	uint64_t start, end, page;
	const char *path;
};

static inline void core_add_files(hg_note_buffer *notes, const struct core_mapped *files,
				  size_t count)
{
	size_t size = 16;
	for (size_t i = 0; i < count; i++)
		size += 24 + strlen(files[i].path) + 1;
	uint8_t *desc;
	core_ok(hg_note_add(notes, "CORE", NT_FILE, size, &desc));
	core_put_u64(desc, count);
	core_put_u64(desc + 8, CORE_PAGE);
	uint8_t *path = desc + 16 + count * 24;
	for (size_t i = 0; i < count; i++) {
		core_put_u64(desc + 16 + i * 24, files[i].start);
		core_put_u64(desc + 24 + i * 24, files[i].end);
		core_put_u64(desc + 32 + i * 24, files[i].page);
		memcpy(path, files[i].path, strlen(files[i].path));
		path += strlen(files[i].path) + 1;
	}
}

/** Fills memory with words that say where they are, so that a wrong place is seen. */
static inline void core_pattern(uint8_t *data, uint64_t addr, size_t size)
{
	for (size_t i = 0; i + 8 <= size; i += 8)
		core_put_u64(data + i, (addr + i) * 0x9e3779b97f4a7c15u);
}

static inline bool core_is_pattern(const uint8_t *data, uint64_t addr, size_t size)
{
	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t value;
		memcpy(&value, data + i, sizeof(value));
		if (value != (addr + i) * 0x9e3779b97f4a7c15u)
			return false;
	}
	return true;
}

/** Writes a core whose segments hold the pattern. */
static inline void core_write(const char *path, const struct hg_core_segment *segments,
			      size_t count, const hg_note_buffer *notes)
{
	struct hg_core_writer writer = {.fd = core_create(path), .path = path};
	for (size_t i = 0; i < count; i++)
		core_ok(hg_core_add_segment(&writer, segments[i]));
	core_ok(hg_core_write_headers(&writer, &hg_arch_x86_64, notes->data, notes->count));
	for (size_t i = 0; i < count; i++) {
		uint8_t *data = malloc(segments[i].file_size + 1);
		hg_assert(data);
		core_pattern(data, segments[i].addr, segments[i].file_size);
		core_ok(hg_core_write_memory(&writer, segments[i].addr, data,
					     segments[i].file_size));
		free(data);
	}
	close(writer.fd);
	hg_core_writer_deinit(&writer);
}

/*
 * An executable of three pages: headers with a build id note, text, data.
 *   OFFSET SIZE MEANING
 *   0      64   ELF header
 *   64     224  program headers: note, header page, text, data
 *   512    36   note
 *   4096   4096 text: pattern of 0x401000
 *   8192   4096 data: pattern of 0x402000
 */
static inline void core_make_exe(uint8_t exe[3 * CORE_PAGE], uint8_t build)
{
	memset(exe, 0, 3 * CORE_PAGE);
	const Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = 0x401000,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 4,
	};
	const Elf64_Phdr phdrs[4] = {
		{.p_type = PT_NOTE,
		 .p_offset = 512,
		 .p_vaddr = 0x400200,
		 .p_filesz = 36,
		 .p_memsz = 36},
		{.p_type = PT_LOAD,
		 .p_flags = PF_R,
		 .p_vaddr = 0x400000,
		 .p_filesz = CORE_PAGE,
		 .p_memsz = CORE_PAGE},
		{.p_type = PT_LOAD,
		 .p_flags = PF_R | PF_X,
		 .p_offset = CORE_PAGE,
		 .p_vaddr = 0x401000,
		 .p_filesz = CORE_PAGE,
		 .p_memsz = CORE_PAGE},
		{.p_type = PT_LOAD,
		 .p_flags = PF_R | PF_W,
		 .p_offset = 2 * CORE_PAGE,
		 .p_vaddr = 0x402000,
		 .p_filesz = CORE_PAGE,
		 .p_memsz = CORE_PAGE},
	};
	memcpy(exe, &header, sizeof(header));
	memcpy(exe + sizeof(header), phdrs, sizeof(phdrs));
	hg_note_buffer notes = {0};
	uint8_t *desc;
	core_ok(hg_note_add(&notes, "GNU", NT_GNU_BUILD_ID, 20, &desc));
	memset(desc, build, 20);
	memcpy(exe + 512, notes.data, notes.count);
	hg_vec_deinit(&notes);
	core_pattern(exe + CORE_PAGE, 0x401000, CORE_PAGE);
	core_pattern(exe + 2 * CORE_PAGE, 0x402000, CORE_PAGE);
}

#endif
