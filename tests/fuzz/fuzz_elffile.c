// Bytes are opened as an ELF file; all sections are read, decompressed where they are, and all symbols.
#include <string.h>

#include "core/elffile.h"

static bool read_symbol(void *arg, const struct hg_elf_symbol *symbol)
{
	*(size_t *)arg += strlen(symbol->name);
	return true;
}

static void read_all(struct hg_elf *elf)
{
	volatile uint8_t sum = 0;
	size_t letters = 0;
	for (size_t i = 0; i < elf->section_count; i++) {
		const uint8_t *data = NULL;
		uint64_t size = 0;
		hg_error_destroy(hg_elf_section_data(elf, &elf->sections[i], &data, &size));
		for (uint64_t at = 0; data && at < size; at += 64)
			sum = (uint8_t)(sum + data[at]);
		hg_elf_find_section(elf, elf->sections[i].name);
	}
	hg_error_destroy(hg_elf_symbols(elf, read_symbol, &letters));
	hg_assert(elf->build_id_size <= HG_BUILD_ID_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hg_elf *elf = NULL;
	hg_error_destroy(hg_elf_open_bytes("input", data, size, &elf));
	if (elf)
		read_all(elf);
	hg_elf_destroy(elf);
	return 0;
}
