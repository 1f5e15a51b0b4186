#include "core/elffile.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>

#include "core/arch.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/inflate.h"
#include "core/mapfile.h"
#include "core/note.h"

struct contents { // of a decompressed section
	uint8_t *data;
	uint64_t size;
};

struct hg_elf_private {
	struct hg_arena arena;
	struct contents *contents; // one a section
	bool owns_map;
};

static struct hg_error *damaged(const struct hg_elf *elf, const char *what)
{
	return hg_error_create(HG_ERROR_FORMAT, "'%s': damaged %s", elf->path, what);
}

/** Returns `size` bytes of the file at offset, or NULL where they are not all inside it. */
static const uint8_t *file_bytes(const struct hg_elf *elf, uint64_t offset, uint64_t size)
{
	if (offset > elf->map_size || size > elf->map_size - offset)
		return NULL;
	return elf->map + offset;
}

static struct hg_error *check_ident(const struct hg_elf *elf)
{
	const char *path = elf->path;
	const uint8_t *ident = elf->map;
	if (!elf->map_size)
		return hg_error_create(HG_ERROR_FORMAT, "'%s' is empty", path);
	if (elf->map_size < SELFMAG || memcmp(ident, ELFMAG, SELFMAG))
		return hg_error_create(HG_ERROR_FORMAT, "'%s' is not an ELF file", path);
	if (elf->map_size < sizeof(Elf64_Ehdr))
		return hg_error_create(HG_ERROR_FORMAT, "'%s' is cut short in its ELF header",
				       path);
	if (ident[EI_DATA] == ELFDATA2MSB)
		return hg_error_create(HG_ERROR_UNSUPPORTED,
				       "'%s' is big-endian, only x86-64 and arm64 are supported",
				       path);
	// Type and machine stand at the same place in 32-bit files.
	const uint16_t machine = hg_load_u16(ident + offsetof(Elf64_Ehdr, e_machine));
	if (!hg_arch_find(machine))
		return hg_error_create(HG_ERROR_UNSUPPORTED,
				       "'%s' is for %s, only x86-64 and arm64 are supported", path,
				       hg_arch_machine_name(machine));
	if (ident[EI_CLASS] != ELFCLASS64)
		return hg_error_create(HG_ERROR_UNSUPPORTED,
				       "'%s': 32-bit ELF files are not supported", path);
	return NULL;
}

/** The section header at index 0 holds counts that do not fit into the ELF header. */
static const Elf64_Shdr *first_section(const struct hg_elf *elf, const Elf64_Ehdr *ehdr,
				       Elf64_Shdr *ret)
{
	const uint8_t *ptr = ehdr->e_shoff ? file_bytes(elf, ehdr->e_shoff, sizeof(*ret)) : NULL;
	return ptr ? memcpy(ret, ptr, sizeof(*ret)) : NULL;
}

static uint64_t segment_count(const struct hg_elf *elf, const Elf64_Ehdr *ehdr)
{
	if (ehdr->e_phnum != PN_XNUM)
		return ehdr->e_phnum;
	Elf64_Shdr zero;
	if (first_section(elf, ehdr, &zero))
		return zero.sh_info;
	// The kernel writes that section header at the very end, so a core that is cut short lost it; but what its first
	// program header describes begins right behind the table.
	Elf64_Phdr first;
	const uint8_t *ptr = file_bytes(elf, ehdr->e_phoff, sizeof(first));
	if (!ptr)
		return 0;
	memcpy(&first, ptr, sizeof(first));
	return first.p_offset > ehdr->e_phoff ? (first.p_offset - ehdr->e_phoff) / sizeof(first)
					      : 0;
}

static struct hg_error *read_segments(struct hg_elf *elf, const Elf64_Ehdr *ehdr)
{
	uint64_t count = segment_count(elf, ehdr);
	if (!count)
		return NULL;
	if (ehdr->e_phentsize != sizeof(Elf64_Phdr) || ehdr->e_phoff > elf->map_size)
		return damaged(elf, "program headers");
	const uint64_t room = (elf->map_size - ehdr->e_phoff) / sizeof(Elf64_Phdr);
	if (count > room)
		count = room;
	if (count > HG_MAX_SEGMENTS)
		return hg_error_create(HG_ERROR_LIMIT, "'%s': %lu program headers", elf->path,
				       count);
	struct hg_elf_segment *segments =
		hg_arena_alloc(&elf->priv->arena, count * sizeof(*segments));
	if (!segments)
		return &hg_enomem;
	const uint8_t *ptr = elf->map + ehdr->e_phoff;
	for (uint64_t i = 0; i < count; i++, ptr += sizeof(Elf64_Phdr)) {
		Elf64_Phdr phdr;
		memcpy(&phdr, ptr, sizeof(phdr));
		segments[i] = (struct hg_elf_segment){
			.type = phdr.p_type,
			.flags = phdr.p_flags,
			.offset = phdr.p_offset,
			.vaddr = phdr.p_vaddr,
			.filesz = phdr.p_filesz,
			.memsz = phdr.p_memsz,
		};
	}
	elf->segments = segments;
	elf->segment_count = count;
	return NULL;
}

static const char *section_name(const struct hg_elf *elf, const Elf64_Shdr *names, uint32_t offset)
{
	const uint8_t *text =
		offset < names->sh_size ? file_bytes(elf, names->sh_offset, names->sh_size) : NULL;
	return text && memchr(text + offset, 0, names->sh_size - offset)
		       ? (const char *)text + offset
		       : "";
}

/** A section table that makes no sense is left out: the end of the file, where it stands, may be missing. */
static struct hg_error *read_sections(struct hg_elf *elf, const Elf64_Ehdr *ehdr)
{
	Elf64_Shdr zero;
	if (ehdr->e_shentsize != sizeof(Elf64_Shdr) || !first_section(elf, ehdr, &zero))
		return NULL;
	const uint64_t count = ehdr->e_shnum ? ehdr->e_shnum : zero.sh_size;
	const uint64_t names_index =
		ehdr->e_shstrndx == SHN_XINDEX ? zero.sh_link : ehdr->e_shstrndx;
	if (count > (elf->map_size - ehdr->e_shoff) / sizeof(Elf64_Shdr) || names_index >= count)
		return NULL;
	struct hg_elf_section *sections =
		hg_arena_alloc(&elf->priv->arena, count * sizeof(*sections));
	elf->priv->contents =
		hg_arena_alloc(&elf->priv->arena, count * sizeof(*elf->priv->contents));
	if (!sections || !elf->priv->contents)
		return &hg_enomem;
	Elf64_Shdr names;
	const uint8_t *table = elf->map + ehdr->e_shoff;
	memcpy(&names, table + names_index * sizeof(names), sizeof(names));
	for (uint64_t i = 0; i < count; i++) {
		Elf64_Shdr shdr;
		memcpy(&shdr, table + i * sizeof(shdr), sizeof(shdr));
		sections[i] = (struct hg_elf_section){
			.name = section_name(elf, &names, shdr.sh_name),
			.type = shdr.sh_type,
			.flags = shdr.sh_flags,
			.addr = shdr.sh_addr,
			.offset = shdr.sh_offset,
			.size = shdr.sh_size,
			.link = shdr.sh_link,
			.info = shdr.sh_info,
			.entry_size = shdr.sh_entsize,
		};
	}
	elf->sections = sections;
	elf->section_count = count;
	return NULL;
}

static bool take_build_id(struct hg_elf *elf, uint64_t offset, uint64_t size)
{
	const uint8_t *data = file_bytes(elf, offset, size);
	struct hg_note note;
	if (!data || !hg_note_find(data, size, "GNU", NT_GNU_BUILD_ID, &note))
		return false;
	if (!note.desc_size || note.desc_size > HG_BUILD_ID_MAX)
		return false;
	memcpy(elf->build_id, note.desc, note.desc_size);
	elf->build_id_size = note.desc_size;
	return true;
}

static void read_build_id(struct hg_elf *elf)
{
	if (elf->type == ET_CORE)
		return;
	// Sections first: in a separate debug file the program headers describe the stripped file.
	for (size_t i = 0; i < elf->section_count; i++) {
		const struct hg_elf_section *section = &elf->sections[i];
		if (section->type == SHT_NOTE && take_build_id(elf, section->offset, section->size))
			return;
	}
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct hg_elf_segment *segment = &elf->segments[i];
		if (segment->type == PT_NOTE &&
		    take_build_id(elf, segment->offset, segment->filesz))
			return;
	}
}

static struct hg_error *read_headers(struct hg_elf *elf)
{
	struct hg_error *err = check_ident(elf);
	if (err)
		return err;
	Elf64_Ehdr ehdr;
	memcpy(&ehdr, elf->map, sizeof(ehdr));
	elf->type = ehdr.e_type;
	elf->machine = ehdr.e_machine;
	elf->entry = ehdr.e_entry;
	err = read_segments(elf, &ehdr);
	if (!err)
		err = read_sections(elf, &ehdr);
	if (!err)
		read_build_id(elf);
	return err;
}

struct hg_error *hg_elf_open_bytes(const char *name, const uint8_t *data, uint64_t size,
				   struct hg_elf **ret)
{
	hg_cleanup(hg_elf_destroyp) struct hg_elf *elf = calloc(1, sizeof(*elf));
	if (!elf)
		return &hg_enomem;
	elf->path = strdup(name);
	elf->priv = calloc(1, sizeof(*elf->priv));
	if (!elf->path || !elf->priv)
		return &hg_enomem;
	elf->map = data;
	elf->map_size = size;
	struct hg_error *err = read_headers(elf);
	if (err)
		return err;
	*ret = hg_take(elf);
	return NULL;
}

struct hg_error *hg_elf_open(const char *path, struct hg_elf **ret)
{
	const uint8_t *map;
	uint64_t size;
	struct hg_error *err = hg_map_file(path, &map, &size);
	if (err)
		return err;
	err = hg_elf_open_bytes(path, map, size, ret);
	if (err)
		hg_unmap_file(map, size);
	else
		(*ret)->priv->owns_map = true;
	return err;
}

void hg_elf_destroy(struct hg_elf *elf)
{
	if (!elf)
		return;
	for (size_t i = 0; i < elf->section_count; i++)
		if (elf->priv->contents[i].data)
			munmap(elf->priv->contents[i].data, elf->priv->contents[i].size);
	if (elf->priv) {
		if (elf->priv->owns_map)
			hg_unmap_file(elf->map, elf->map_size);
		hg_arena_deinit(&elf->priv->arena);
	}
	free(elf->priv);
	free(elf->path);
	free(elf);
}

static const struct hg_elf_section *section_named(const struct hg_elf *elf, const char *name)
{
	for (size_t i = 0; i < elf->section_count; i++)
		if (!strcmp(elf->sections[i].name, name))
			return &elf->sections[i];
	return NULL;
}

const struct hg_elf_section *hg_elf_find_section(const struct hg_elf *elf, const char *name)
{
	const struct hg_elf_section *section = section_named(elf, name);
	if (section || strncmp(name, ".debug_", 7))
		return section;
	char other[64];
	snprintf(other, sizeof(other), ".z%s", name + 1);
	return section_named(elf, other);
}

struct packed { // what a compressed section says of itself
	enum hg_inflate_kind kind;
	uint64_t size;	     // once decompressed
	const uint8_t *data; // the compressed bytes
	uint64_t data_size;
};

/*
 * SHF_COMPRESSED:               .zdebug_*:
 *   OFFSET SIZE MEANING           OFFSET SIZE MEANING
 *   0      4    1 zlib, 2 zstd    0      4    "ZLIB"
 *   8      8    size              4      8    size, big-endian
 *   24     ..   data              12     ..   data
 */
static bool read_packed(const struct hg_elf_section *section, const uint8_t *data,
			struct packed *ret)
{
	if (section->flags & SHF_COMPRESSED) {
		if (section->size < sizeof(Elf64_Chdr))
			return false;
		const uint32_t type = hg_load_u32(data);
		*ret = (struct packed){
			.kind = type == 1   ? HG_INFLATE_ZLIB
				: type == 2 ? HG_INFLATE_ZSTD
					    : HG_INFLATE_NONE,
			.size = hg_load_u64(data + 8),
			.data = data + sizeof(Elf64_Chdr),
			.data_size = section->size - sizeof(Elf64_Chdr),
		};
		return ret->kind != HG_INFLATE_NONE;
	}
	if (section->size < 12 || memcmp(data, "ZLIB", 4))
		return false;
	*ret = (struct packed){
		.kind = HG_INFLATE_ZLIB,
		.size = __builtin_bswap64(hg_load_u64(data + 4)),
		.data = data + 12,
		.data_size = section->size - 12,
	};
	return true;
}

static struct hg_error *unpack(const struct hg_elf *elf, const struct hg_elf_section *section,
			       const uint8_t *data, struct contents *ret)
{
	struct packed packed;
	if (!read_packed(section, data, &packed))
		return hg_error_create(HG_ERROR_FORMAT,
				       "'%s': section %s is compressed in an unknown way",
				       elf->path, section->name);
	if (packed.size > HG_MAX_DECOMPRESSED ||
	    packed.size > hg_inflate_bound(packed.kind, packed.data_size))
		return hg_error_create(HG_ERROR_LIMIT, "'%s': section %s says it has %lu bytes",
				       elf->path, section->name, packed.size);
	if (!packed.size)
		return NULL;
	uint8_t *unpacked = mmap(NULL, packed.size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (unpacked == MAP_FAILED)
		return &hg_enomem;
	*ret = (struct contents){unpacked, packed.size};
	if (hg_inflate_block(packed.kind, packed.data, packed.data_size, unpacked, packed.size))
		return NULL;
	munmap(unpacked, packed.size);
	*ret = (struct contents){0};
	return hg_error_create(HG_ERROR_FORMAT, "'%s': section %s does not decompress", elf->path,
			       section->name);
}

static bool is_packed(const struct hg_elf_section *section)
{
	return section->flags & SHF_COMPRESSED || !strncmp(section->name, ".zdebug_", 8);
}

struct hg_error *hg_elf_section_data(struct hg_elf *elf, const struct hg_elf_section *section,
				     const uint8_t **ret_data, uint64_t *ret_size)
{
	*ret_data = NULL;
	*ret_size = 0;
	if (section->type == SHT_NOBITS || !section->size)
		return NULL;
	const uint8_t *data = file_bytes(elf, section->offset, section->size);
	if (!data)
		return hg_error_create(HG_ERROR_FORMAT,
				       "'%s': section %s lies beyond the end of the file",
				       elf->path, section->name);
	if (!is_packed(section)) {
		*ret_data = data;
		*ret_size = section->size;
		return NULL;
	}
	struct contents *contents = &elf->priv->contents[section - elf->sections];
	if (!contents->data) {
		struct hg_error *err = unpack(elf, section, data, contents);
		if (err)
			return err;
	}
	*ret_data = contents->data;
	*ret_size = contents->size;
	return NULL;
}

static const struct hg_elf_section *symbol_section(const struct hg_elf *elf)
{
	const struct hg_elf_section *dynamic = NULL;
	for (size_t i = 0; i < elf->section_count; i++) {
		const struct hg_elf_section *section = &elf->sections[i];
		if (section->type == SHT_SYMTAB)
			return section;
		if (section->type == SHT_DYNSYM && !dynamic)
			dynamic = section;
	}
	return dynamic;
}

struct hg_error *hg_elf_symbols(struct hg_elf *elf,
				bool (*fn)(void *arg, const struct hg_elf_symbol *sym), void *arg)
{
	const struct hg_elf_section *section = symbol_section(elf);
	if (!section)
		return NULL;
	if (section->link >= elf->section_count)
		return damaged(elf, "symbol table");
	const uint8_t *symbols, *names;
	uint64_t size, names_size;
	struct hg_error *err = hg_elf_section_data(elf, section, &symbols, &size);
	if (!err)
		err = hg_elf_section_data(elf, &elf->sections[section->link], &names, &names_size);
	if (err)
		return err;
	const uint8_t *last = names ? memrchr(names, 0, names_size) : NULL;
	const uint64_t limit = last ? (uint64_t)(last - names) + 1 : 0;
	for (uint64_t at = sizeof(Elf64_Sym); at + sizeof(Elf64_Sym) <= size;
	     at += sizeof(Elf64_Sym)) {
		Elf64_Sym raw;
		memcpy(&raw, symbols + at, sizeof(raw));
		const struct hg_elf_symbol symbol = {
			.name = raw.st_name < limit ? (const char *)names + raw.st_name : "",
			.value = raw.st_value,
			.size = raw.st_size,
			.type = ELF64_ST_TYPE(raw.st_info),
			.bind = ELF64_ST_BIND(raw.st_info),
			.defined = raw.st_shndx != SHN_UNDEF,
		};
		if (!fn(arg, &symbol))
			break;
	}
	return NULL;
}
