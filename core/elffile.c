#include "core/elffile.h"

#include <gelf.h>
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
	Elf *elf; // libelf checks what it reads against the file; it copies nothing of a file in memory
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

/** Reads program headers that lie inside the file; gelf_getphdr() gives none where one of them does not. */
static bool read_phdrs(const struct hg_elf *elf, const GElf_Ehdr *ehdr, size_t count,
		       Elf64_Phdr *ret)
{
	const Elf_Data from = {.d_buf = (void *)(elf->map + ehdr->e_phoff),
			       .d_type = ELF_T_PHDR,
			       .d_size = count * sizeof(*ret),
			       .d_version = EV_CURRENT};
	Elf_Data to = from;
	to.d_buf = ret;
	return elf64_xlatetom(&to, &from, ELFDATA2LSB);
}

/** The kernel writes the section header that holds a count above 65,534 at the very end, so a core that is cut short lost
 * it; but what its first program header describes begins right behind the table. */
static uint64_t segment_count(const struct hg_elf *elf, const GElf_Ehdr *ehdr)
{
	const uint64_t room = (elf->map_size - ehdr->e_phoff) / sizeof(Elf64_Phdr);
	Elf64_Phdr first;
	GElf_Shdr zero;
	size_t count = 0;
	if (elf_getphdrnum(elf->priv->elf, &count))
		return 0;
	if (ehdr->e_phnum == PN_XNUM && !gelf_getshdr(elf_getscn(elf->priv->elf, 0), &zero)) {
		if (!room || !read_phdrs(elf, ehdr, 1, &first) || first.p_offset <= ehdr->e_phoff)
			return 0;
		count = (first.p_offset - ehdr->e_phoff) / sizeof(Elf64_Phdr);
	}
	return count < room ? count : room;
}

static struct hg_error *read_segments(struct hg_elf *elf, const GElf_Ehdr *ehdr)
{
	if (!ehdr->e_phnum)
		return NULL;
	if (ehdr->e_phentsize != sizeof(Elf64_Phdr) || ehdr->e_phoff > elf->map_size)
		return damaged(elf, "program headers");
	const uint64_t count = segment_count(elf, ehdr);
	if (count > HG_MAX_SEGMENTS)
		return hg_error_create(HG_ERROR_LIMIT, "'%s': %lu program headers", elf->path,
				       count);
	struct hg_elf_segment *segments =
		hg_arena_alloc(&elf->priv->arena, count * sizeof(*segments));
	hg_autofree Elf64_Phdr *phdrs = malloc((count + 1) * sizeof(*phdrs));
	if (!segments || !phdrs)
		return &hg_enomem;
	if (count && !read_phdrs(elf, ehdr, count, phdrs))
		return damaged(elf, "program headers");
	for (uint64_t i = 0; i < count; i++)
		segments[i] = (struct hg_elf_segment){
			.type = phdrs[i].p_type,
			.flags = phdrs[i].p_flags,
			.offset = phdrs[i].p_offset,
			.vaddr = phdrs[i].p_vaddr,
			.filesz = phdrs[i].p_filesz,
			.memsz = phdrs[i].p_memsz,
		};
	elf->segments = segments;
	elf->segment_count = count;
	return NULL;
}

static bool read_section(const struct hg_elf *elf, size_t index, size_t names,
			 struct hg_elf_section *ret)
{
	Elf_Scn *scn = elf_getscn(elf->priv->elf, index);
	GElf_Shdr shdr;
	if (!scn || !gelf_getshdr(scn, &shdr))
		return false;
	const char *name = elf_strptr(elf->priv->elf, names, shdr.sh_name);
	*ret = (struct hg_elf_section){
		.name = name ? name : "",
		.type = shdr.sh_type,
		.flags = shdr.sh_flags,
		.addr = shdr.sh_addr,
		.offset = shdr.sh_offset,
		.size = shdr.sh_size,
		.link = shdr.sh_link,
		.info = shdr.sh_info,
		.entry_size = shdr.sh_entsize,
	};
	return true;
}

/** A section table that makes no sense is left out: the end of the file, where it stands, may be missing. */
static struct hg_error *read_sections(struct hg_elf *elf)
{
	size_t count, names;
	if (elf_getshdrnum(elf->priv->elf, &count) || elf_getshdrstrndx(elf->priv->elf, &names) ||
	    names >= count)
		return NULL;
	struct hg_elf_section *sections =
		hg_arena_alloc(&elf->priv->arena, count * sizeof(*sections));
	elf->priv->contents =
		hg_arena_alloc(&elf->priv->arena, count * sizeof(*elf->priv->contents));
	if (!sections || !elf->priv->contents)
		return &hg_enomem;
	for (size_t i = 0; i < count; i++)
		if (!read_section(elf, i, names, &sections[i]))
			return NULL;
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
	GElf_Ehdr ehdr;
	elf_version(EV_CURRENT);
	// Not written to: libelf opens a file in memory for reading.
	elf->priv->elf = elf_memory((char *)elf->map, elf->map_size);
	if (!elf->priv->elf || !gelf_getehdr(elf->priv->elf, &ehdr))
		return hg_error_create(HG_ERROR_FORMAT, "'%s': %s", elf->path, elf_errmsg(-1));
	elf->type = ehdr.e_type;
	elf->machine = ehdr.e_machine;
	elf->entry = ehdr.e_entry;
	err = read_segments(elf, &ehdr);
	if (!err)
		err = read_sections(elf);
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
		elf_end(elf->priv->elf);
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

static size_t symbol_section(const struct hg_elf *elf)
{
	size_t dynamic = 0;
	for (size_t i = 0; i < elf->section_count; i++) {
		if (elf->sections[i].type == SHT_SYMTAB)
			return i;
		if (elf->sections[i].type == SHT_DYNSYM && !dynamic)
			dynamic = i;
	}
	return dynamic;
}

struct hg_error *hg_elf_symbols(struct hg_elf *elf,
				bool (*fn)(void *arg, const struct hg_elf_symbol *sym), void *arg)
{
	const size_t section = symbol_section(elf);
	if (!section)
		return NULL;
	Elf_Data *data = elf_getdata(elf_getscn(elf->priv->elf, section), NULL);
	const uint32_t names = elf->sections[section].link;
	if (!data || names >= elf->section_count)
		return damaged(elf, "symbol table");
	GElf_Sym raw;
	for (int i = 1; gelf_getsym(data, i, &raw); i++) {
		const char *name = elf_strptr(elf->priv->elf, names, raw.st_name);
		const struct hg_elf_symbol symbol = {
			.name = name ? name : "",
			.value = raw.st_value,
			.size = raw.st_size,
			.type = GELF_ST_TYPE(raw.st_info),
			.bind = GELF_ST_BIND(raw.st_info),
			.defined = raw.st_shndx != SHN_UNDEF,
		};
		if (!fn(arg, &symbol))
			break;
	}
	return NULL;
}
