#include "dwarf/phdr.h"

#include <elf.h>
#include <string.h>

#define MAX_PHDRS 512
#define PAGE 4096ull

struct hg_error *hg_phdr_read_memory(const struct hg_image *image, uint64_t addr, hg_phdrs *ret,
				     uint64_t *bias)
{
	Elf64_Ehdr header;
	if (!hg_image_read(image, addr, &header, sizeof(header)) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_phentsize != sizeof(Elf64_Phdr) ||
	    header.e_phnum > MAX_PHDRS)
		return NULL;
	bool first = true;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr phdr;
		if (!hg_image_read(image, addr + header.e_phoff + i * sizeof(phdr), &phdr,
				   sizeof(phdr)))
			break;
		struct hg_elf_segment *place = hg_vec_push(ret);
		if (!place)
			return &hg_enomem;
		*place = (struct hg_elf_segment){phdr.p_type,  phdr.p_flags,  phdr.p_offset,
						 phdr.p_vaddr, phdr.p_filesz, phdr.p_memsz};
		if (phdr.p_type == PT_LOAD && first) {
			*bias = addr - (phdr.p_vaddr & ~(PAGE - 1));
			first = false;
		}
	}
	return NULL;
}

struct hg_error *hg_phdr_read(const struct hg_program *prog, const struct hg_module *module,
			      hg_phdrs *ret, uint64_t *bias)
{
	*bias = module->bias;
	if (!module->elf)
		return hg_phdr_read_memory(prog->image, module->start, ret, bias);
	for (size_t i = 0; i < module->elf->segment_count; i++) {
		struct hg_elf_segment *place = hg_vec_push(ret);
		if (!place)
			return &hg_enomem;
		*place = module->elf->segments[i];
	}
	return NULL;
}

const struct hg_elf_segment *hg_phdr_find(const hg_phdrs *phdrs, uint32_t type)
{
	for (size_t i = 0; i < phdrs->count; i++)
		if (phdrs->data[i].type == type)
			return &phdrs->data[i];
	return NULL;
}
