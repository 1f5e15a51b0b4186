#include "dwarf/symbol.h"

#include <elf.h>
#include <string.h>

#include "dwarf/program_private.h"

struct hg_symbols {		      // of one module
	HG_VEC(struct hg_symbol) all; // sorted by address
	uint32_t *by_name;
	bool nomem;
	uint64_t bias;
};

static bool add_symbol(void *arg, const struct hg_elf_symbol *symbol)
{
	struct hg_symbols *symbols = arg;
	if (!symbol->defined || !*symbol->name || symbol->type == STT_SECTION ||
	    symbol->type == STT_FILE || symbol->type == STT_TLS)
		return true;
	struct hg_symbol *place = hg_vec_push(&symbols->all);
	symbols->nomem |= !place;
	if (place)
		*place = (struct hg_symbol){symbol->name, symbol->value + symbols->bias,
					    symbol->size, symbol->type};
	return place;
}

// Of several symbols at an address, the one with a size comes last, where a search from above meets it first.
static int compare_addr(const void *a, const void *b)
{
	const struct hg_symbol *left = a, *right = b;
	if (left->addr != right->addr)
		return left->addr < right->addr ? -1 : 1;
	if (left->size != right->size)
		return left->size < right->size ? -1 : 1;
	return -strcmp(left->name, right->name);
}

static int compare_name(const void *a, const void *b, void *arg)
{
	const struct hg_symbols *symbols = arg;
	const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	const int order = strcmp(symbols->all.data[left].name, symbols->all.data[right].name);
	return order ? order : (left > right) - (left < right);
}

static struct hg_symbols *read_symbols(const struct hg_module *module)
{
	struct hg_symbols *symbols = calloc(1, sizeof(*symbols));
	if (!symbols)
		return NULL;
	symbols->bias = module->bias;
	// A stripped file leaves its .symtab in the debug file.
	struct hg_elf *elf = module->elf;
	if (module->debug && (!elf || !hg_elf_find_section(elf, ".symtab")))
		elf = module->debug;
	if (elf)
		hg_error_destroy(hg_elf_symbols(elf, add_symbol, symbols));
	if (symbols->all.count >= UINT32_MAX)
		symbols->all.count = UINT32_MAX - 1;
	if (symbols->all.count)
		qsort(symbols->all.data, symbols->all.count, sizeof(*symbols->all.data),
		      compare_addr);
	return symbols;
}

static struct hg_symbols *symbols_of(struct hg_program *prog, size_t module)
{
	struct hg_module_index *index = &prog->priv->indexes[module];
	if (!index->symbols)
		index->symbols = read_symbols(&prog->modules.data[module]);
	return index->symbols;
}

void hg_symbol_deinit(struct hg_symbols *symbols)
{
	if (!symbols)
		return;
	hg_vec_deinit(&symbols->all);
	free(symbols->by_name);
	free(symbols);
}

static bool same_section(const struct hg_module *module, uint64_t a, uint64_t b)
{
	const struct hg_elf *elf = module->elf ? module->elf : module->debug;
	for (size_t i = 0; elf && i < elf->section_count; i++) {
		const struct hg_elf_section *section = &elf->sections[i];
		const uint64_t start = section->addr + module->bias;
		if ((section->flags & SHF_ALLOC) && a - start < section->size)
			return b - start < section->size;
	}
	return false;
}

const struct hg_symbol *hg_symbol_at(struct hg_program *prog, uint64_t addr)
{
	const struct hg_module *module = hg_program_module_at(prog, addr);
	const struct hg_symbols *symbols =
		module ? symbols_of(prog, (size_t)(module - prog->modules.data)) : NULL;
	if (!symbols)
		return NULL;
	size_t low = 0, high = symbols->all.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (symbols->all.data[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	// Symbols nest now and then (a label within a function), but not deeply. One without a size ends where the next
	// symbol starts.
	bool ended = false;
	for (unsigned tries = 0; low-- > 0 && tries < 64; tries++) {
		const struct hg_symbol *symbol = &symbols->all.data[low];
		if (symbol->size ? addr - symbol->addr < symbol->size
				 : !ended && same_section(module, symbol->addr, addr))
			return symbol;
		ended = true;
	}
	return NULL;
}

static const struct hg_symbol *find_in(struct hg_symbols *symbols, const char *name)
{
	const size_t count = symbols->all.count;
	if (!symbols->by_name && count) {
		symbols->by_name = calloc(count, sizeof(*symbols->by_name));
		if (!symbols->by_name)
			return NULL;
		for (size_t i = 0; i < count; i++)
			symbols->by_name[i] = (uint32_t)i;
		qsort_r(symbols->by_name, count, sizeof(*symbols->by_name), compare_name, symbols);
	}
	size_t low = 0, high = count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct hg_symbol *symbol = &symbols->all.data[symbols->by_name[middle]];
		if (strcmp(symbol->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	const struct hg_symbol *symbol =
		low < count ? &symbols->all.data[symbols->by_name[low]] : NULL;
	return symbol && !strcmp(symbol->name, name) ? symbol : NULL;
}

const struct hg_symbol *hg_symbol_find_in(struct hg_program *prog, size_t module, const char *name)
{
	struct hg_symbols *symbols = symbols_of(prog, module);
	return symbols ? find_in(symbols, name) : NULL;
}

const struct hg_symbol *hg_symbol_find(struct hg_program *prog, const char *name)
{
	const struct hg_symbol *symbol = NULL;
	for (size_t i = 0; i < prog->modules.count && !symbol; i++)
		symbol = hg_symbol_find_in(prog, i, name);
	return symbol;
}
