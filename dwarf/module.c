#include "dwarf/module.h"

#include <elf.h>
#include <string.h>

#include "core/base/limits.h"
#include "dwarf/program_private.h"

#define PAGE 4096ull

// Where a mapping of a file would put link-time address 0, by the loadable segment it shows; false where it shows none.
static bool bias_of(const struct hg_elf *elf, const struct hg_mapping *mapping, uint64_t *ret)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct hg_elf_segment *segment = &elf->segments[i];
		const uint64_t first_page = segment->offset & ~(PAGE - 1);
		if (segment->type != PT_LOAD || !segment->filesz ||
		    mapping->file_offset < first_page ||
		    mapping->file_offset - first_page >=
			    segment->filesz + (segment->offset - first_page))
			continue;
		*ret = mapping->start - mapping->file_offset + segment->offset - segment->vaddr;
		return true;
	}
	return false;
}

// A page of the file can lie in two segments, so any segment may be the one that a mapping shows.
static bool fits_bias(const struct hg_elf *elf, const struct hg_mapping *mapping, uint64_t bias)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct hg_elf_segment *segment = &elf->segments[i];
		const uint64_t at = bias + segment->vaddr;
		if (segment->type == PT_LOAD && mapping->end > at &&
		    mapping->start < at + segment->memsz &&
		    mapping->start - mapping->file_offset == at - segment->offset)
			return true;
	}
	return false;
}

static bool exe_bias(const struct hg_image *image, const struct hg_elf *elf, uint64_t *ret)
{
	if (elf->type == ET_EXEC) {
		*ret = 0;
		return true;
	}
	uint64_t addr;
	if (hg_image_auxv(image, AT_PHDR, &addr)) {
		for (size_t i = 0; i < elf->segment_count; i++) {
			if (elf->segments[i].type != PT_PHDR)
				continue;
			*ret = addr - elf->segments[i].vaddr;
			return true;
		}
	}
	if (!hg_image_auxv(image, AT_ENTRY, &addr) || !elf->entry)
		return false;
	*ret = addr - elf->entry;
	return true;
}

// From the first to the last byte of its segments in memory, which .bss belongs to.
static void extend_over_segments(struct hg_module *module)
{
	for (size_t i = 0; i < module->elf->segment_count; i++) {
		const struct hg_elf_segment *segment = &module->elf->segments[i];
		const uint64_t start = module->bias + segment->vaddr;
		if (segment->type != PT_LOAD || start + segment->memsz < start)
			continue;
		if (start < module->start)
			module->start = start;
		if (start + segment->memsz > module->end)
			module->end = start + segment->memsz;
	}
}

static struct hg_error *add_module(struct hg_program *prog, const struct hg_mapping *mapping,
				   bool is_exe)
{
	const char *problem = NULL;
	struct hg_elf *elf = hg_image_elf(prog->image, mapping->path, &problem);
	uint64_t bias = mapping->start - mapping->file_offset;
	// Files that are mapped for their contents are no modules.
	if (!elf && !is_exe && !(mapping->prot & HG_PROT_EXEC))
		return NULL;
	if (elf && !(is_exe && exe_bias(prog->image, elf, &bias)) && !bias_of(elf, mapping, &bias))
		return NULL;
	if (prog->modules.count >= HG_MAX_MODULES)
		return hg_error_create(HG_ERROR_LIMIT, "more than %u modules", HG_MAX_MODULES);
	struct hg_module *module = hg_vec_push(&prog->modules);
	if (!module)
		return &hg_enomem;
	*module = (struct hg_module){
		.path = mapping->path,
		.elf = elf,
		.bias = bias,
		.start = mapping->start,
		.end = mapping->end,
		.is_exe = is_exe,
		.problem = problem,
	};
	if (elf)
		extend_over_segments(module);
	return NULL;
}

// True where the mapping belongs to a module that is known already, which it then extends.
static bool belongs(struct hg_program *prog, const struct hg_mapping *mapping)
{
	for (size_t i = prog->modules.count; i-- > 0;) {
		struct hg_module *module = &prog->modules.data[i];
		if (strcmp(module->path, mapping->path))
			continue;
		// A file can be loaded twice, and be read by mmap besides.
		if (module->elf && !fits_bias(module->elf, mapping, module->bias) &&
		    !mapping->file_offset)
			continue;
		if (!module->elf && mapping->end > module->end)
			module->end = mapping->end;
		return true;
	}
	return false;
}

struct hg_error *hg_module_find_all(struct hg_program *prog)
{
	const struct hg_image *image = prog->image;
	const struct hg_mapping *exe = image ? hg_image_exe_mapping(image) : NULL;
	if (!exe)
		return NULL;
	struct hg_error *err = NULL;
	// The first mapping of the executable may not be the one where its program headers lie.
	for (size_t i = 0; i < image->mappings.count && !prog->modules.count && !err; i++)
		if (!strcmp(image->mappings.data[i].path, exe->path))
			err = add_module(prog, &image->mappings.data[i], true);
	for (size_t i = 0; i < image->mappings.count && !err; i++) {
		const struct hg_mapping *mapping = &image->mappings.data[i];
		if (*mapping->path == '/' && !belongs(prog, mapping))
			err = add_module(prog, mapping, false);
	}
	for (size_t i = 0; i < prog->modules.count && !err; i++) {
		struct hg_module *module = &prog->modules.data[i];
		hg_debugfile_find(prog, module);
		// What is wrong with a file itself, the image has noted.
		if (module->problem && module->is_exe && module->elf)
			hg_program_note(prog, "%s", module->problem);
	}
	return err;
}

void hg_module_deinit(struct hg_module *module)
{
	hg_dwarf_destroy(module->dwarf);
	if (module->debug != module->elf)
		hg_elf_destroy(module->debug); // elf itself belongs to the image
}
