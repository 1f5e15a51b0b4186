#include "core/image_write.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/mapping.h"

#define PAGE ((uint64_t)4096)

static struct hg_error *write_at(const struct hg_core_writer *writer, const void *data,
				 uint64_t size, uint64_t offset)
{
	const uint8_t *from = data;
	while (size) {
		const ssize_t put = pwrite(writer->fd, from, size, (off_t)offset);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return hg_error_errno(put ? errno : EIO, "cannot write '%s'", writer->path);
		from += put;
		offset += (uint64_t)put;
		size -= (uint64_t)put;
	}
	return NULL;
}

static bool can_join(const struct hg_core_segment *last, const struct hg_core_segment *next)
{
	if (last->addr + last->size != next->addr || last->prot != next->prot)
		return false;
	return (last->file_size == last->size && next->file_size == next->size) ||
	       (!last->file_size && !next->file_size);
}

struct hg_error *hg_core_add_segment(struct hg_core_writer *writer, struct hg_core_segment segment)
{
	if (!segment.size)
		return NULL;
	struct hg_core_segment *last =
		writer->segments.count ? &writer->segments.data[writer->segments.count - 1] : NULL;
	if (last && can_join(last, &segment)) {
		last->size += segment.size;
		last->file_size += segment.file_size;
		return NULL;
	}
	struct hg_core_segment *slot = hg_vec_push(&writer->segments);
	if (!slot)
		return &hg_enomem;
	*slot = segment;
	return NULL;
}

static uint32_t flags_of(uint8_t prot)
{
	return (uint32_t)((prot & HG_PROT_READ ? PF_R : 0) | (prot & HG_PROT_WRITE ? PF_W : 0) |
			  (prot & HG_PROT_EXEC ? PF_X : 0));
}

static void fill_headers(struct hg_core_writer *writer, Elf64_Phdr *phdrs, uint64_t notes_at,
			 uint64_t notes_size)
{
	phdrs[0] = (Elf64_Phdr){
		.p_type = PT_NOTE,
		.p_offset = notes_at,
		.p_filesz = notes_size,
		.p_align = 4,
	};
	uint64_t offset = (notes_at + notes_size + PAGE - 1) & ~(PAGE - 1);
	for (size_t i = 0; i < writer->segments.count; i++) {
		struct hg_core_segment *segment = &writer->segments.data[i];
		segment->offset = offset;
		phdrs[i + 1] = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = flags_of(segment->prot),
			.p_offset = offset,
			.p_vaddr = segment->addr,
			.p_filesz = segment->file_size,
			.p_memsz = segment->size,
			.p_align = PAGE,
		};
		offset += segment->file_size;
	}
	writer->file_size = offset;
}

static Elf64_Ehdr elf_header(const struct hg_arch *arch, uint64_t phdr_count, bool many)
{
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = arch->elf_machine,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = many ? PN_XNUM : (uint16_t)phdr_count,
	};
	if (many) {
		header.e_shoff = sizeof(Elf64_Ehdr) + phdr_count * sizeof(Elf64_Phdr);
		header.e_shentsize = sizeof(Elf64_Shdr);
		header.e_shnum = 1;
	}
	return header;
}

struct hg_error *hg_core_write_headers(struct hg_core_writer *writer, const struct hg_arch *arch,
				       const void *notes, uint64_t notes_size)
{
	const uint64_t count = writer->segments.count + 1;
	const bool many = count >= PN_XNUM;
	const Elf64_Ehdr header = elf_header(arch, count, many);
	const Elf64_Shdr extra = {.sh_size = 1, .sh_info = (uint32_t)count};
	const uint64_t table_end = sizeof(header) + count * sizeof(Elf64_Phdr);
	const uint64_t notes_at = table_end + (many ? sizeof(extra) : 0);
	hg_autofree Elf64_Phdr *phdrs = calloc(count, sizeof(*phdrs));
	if (!phdrs)
		return &hg_enomem;
	fill_headers(writer, phdrs, notes_at, notes_size);
	struct hg_error *err = write_at(writer, &header, sizeof(header), 0);
	if (!err)
		err = write_at(writer, phdrs, count * sizeof(*phdrs), sizeof(header));
	if (!err && many)
		err = write_at(writer, &extra, sizeof(extra), table_end);
	if (!err)
		err = write_at(writer, notes, notes_size, notes_at);
	if (!err && ftruncate(writer->fd, (off_t)writer->file_size))
		err = hg_error_errno(errno, "cannot write '%s'", writer->path);
	writer->written = notes_at + notes_size;
	writer->notes_at = notes_at;
	return err;
}

struct hg_error *hg_core_rewrite_notes(const struct hg_core_writer *writer, uint64_t at,
				       const void *data, uint64_t size)
{
	return write_at(writer, data, size, writer->notes_at + at);
}

static bool is_zero(const uint8_t *data, uint64_t size)
{
	// Compared with itself, shifted by one: all bytes equal the first, which is 0.
	return !*data && !memcmp(data, data + 1, size - 1);
}

/** Writes the pages that are not zero, neighbours in one. */
static struct hg_error *write_pages(struct hg_core_writer *writer, const uint8_t *data,
				    uint64_t size, uint64_t offset)
{
	uint64_t begin = 0; // of the run that is not written yet
	for (uint64_t at = 0; at < size;) {
		const uint64_t page = size - at < PAGE ? size - at : PAGE;
		if (!is_zero(data + at, page)) {
			at += page;
			continue;
		}
		struct hg_error *err = write_at(writer, data + begin, at - begin, offset + begin);
		if (err)
			return err;
		writer->written += at - begin;
		at += page;
		begin = at;
	}
	writer->written += size - begin;
	return write_at(writer, data + begin, size - begin, offset + begin);
}

static size_t first_behind(const struct hg_core_writer *writer, uint64_t addr)
{
	size_t low = 0, high = writer->segments.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct hg_core_segment *segment = &writer->segments.data[middle];
		if (segment->addr + segment->size <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct hg_error *hg_core_write_memory(struct hg_core_writer *writer, uint64_t addr,
				      const uint8_t *data, uint64_t size)
{
	const uint64_t end = addr + size;
	for (size_t i = first_behind(writer, addr); i < writer->segments.count; i++) {
		const struct hg_core_segment *segment = &writer->segments.data[i];
		const uint64_t from = addr > segment->addr ? addr : segment->addr;
		uint64_t to = segment->addr + segment->file_size;
		if (to > end)
			to = end;
		if (segment->addr >= end)
			break;
		if (from >= to)
			continue;
		struct hg_error *err = write_pages(writer, data + (from - addr), to - from,
						   segment->offset + (from - segment->addr));
		if (err)
			return err;
	}
	return NULL;
}

void hg_core_writer_deinit(struct hg_core_writer *writer)
{
	hg_vec_deinit(&writer->segments);
}

struct hg_error *hg_note_add(hg_note_buffer *notes, const char *name, uint32_t type,
			     size_t desc_size, uint8_t **ret_desc)
{
	const size_t name_size = strlen(name) + 1;
	const size_t name_room = (name_size + 3) & ~(size_t)3;
	const size_t size = 12 + name_room + ((desc_size + 3) & ~(size_t)3);
	if (!hg_vec_reserve(notes, size))
		return &hg_enomem;
	uint8_t *at = notes->data + notes->count;
	memset(at, 0, size);
	const uint32_t head[3] = {(uint32_t)name_size, (uint32_t)desc_size, type};
	memcpy(at, head, sizeof(head));
	memcpy(at + 12, name, name_size);
	notes->count += size;
	*ret_desc = at + 12 + name_room;
	return NULL;
}
