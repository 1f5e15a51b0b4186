#include <elf.h>
#include <stdlib.h>

#include "graph/root_native_private.h"

// Words of a module's data that neither debug info nor a symbol names: ".bss+0x120 of server". Some words in a row are a
// table and have one root; every other word has its own, since nothing tells which belong together.

#define TABLE_WORDS 8

static const struct hg_elf_section *section_at(const struct hg_module *module, uint64_t addr)
{
	for (size_t i = 0; module->elf && i < module->elf->section_count; i++) {
		const struct hg_elf_section *section = &module->elf->sections[i];
		if ((section->flags & SHF_ALLOC) && !(section->flags & SHF_TLS) &&
		    addr - (section->addr + module->bias) < section->size)
			return section;
	}
	return NULL;
}

static uint32_t add_root(struct native_rooter *r, const struct hg_module *module, uint64_t addr,
			 const struct hg_elf_section *section)
{
	char name[600];
	const bool known = module->debug || hg_program_is_runtime_library(module);
	if (section)
		snprintf(name, sizeof(name), "%.64s+0x%llx of %.500s", section->name,
			 (unsigned long long)(addr - section->addr - module->bias),
			 native_module_name(module));
	else
		snprintf(name, sizeof(name), "data of %.500s", native_module_name(module));
	return native_root(r, &(struct hg_root){
				      .kind = section && !known ? HG_ROOT_GLOBAL : HG_ROOT_DATA,
				      .name = hg_program_string(r->prog, name),
				      .addr = section ? addr : 0,
			      });
}

static int by_addr(const void *left, const void *right)
{
	const struct native_word *a = left, *b = right;
	return (a->addr > b->addr) - (a->addr < b->addr);
}

void native_section_words(struct native_rooter *r, const struct hg_module *module,
			  native_words *words)
{
	uint32_t outside = 0; // root of what lies in no section
	if (words->count)
		qsort(words->data, words->count, sizeof(*words->data), by_addr);
	for (size_t i = 0, end; i < words->count && !r->failed; i = end) {
		const uint64_t start = words->data[i].addr;
		const struct hg_elf_section *section = section_at(module, start);
		for (end = i + 1; end < words->count &&
				  words->data[end].addr - start == (end - i) * sizeof(uint64_t);
		     end++)
			;
		end = !section || end - i >= TABLE_WORDS ? end : i + 1;
		const uint32_t root =
			!section && outside ? outside : add_root(r, module, start, section);
		outside = section ? outside : root;
		for (size_t k = i; k < end; k++)
			native_edge(r, &(struct hg_root_edge){
					       .target = words->data[k].value,
					       .root = root,
					       .offset = (uint32_t)(words->data[k].addr - start),
					       .flags = HG_EDGE_CONSERVATIVE,
				       });
	}
}
