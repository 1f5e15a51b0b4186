#include <elf.h>
#include <string.h>

#include "dwarf/phdr.h"
#include "dwarf/symbol.h"
#include "graph/root_native_private.h"
#include "graph/root_thread.h"

// The writable segments of modules: .data, .bss, .got, what is read-only once relocated. Each word belongs to a variable
// of debug info, else to a symbol, else to the module.

struct globals {
	struct native_rooter *r;
	const struct hg_module *module;
	struct hg_map roots; // address of a variable or symbol -> its root
	native_words loose;
	const struct hg_variable *variable; // that the last word lay in
	const struct hg_symbol *symbol;
};

static uint32_t root_at(struct globals *g, uint64_t key, const struct hg_root *root)
{
	uint64_t *place = hg_map_put(&g->roots, key);
	if (!place) {
		g->r->failed = true;
		return 0;
	}
	if (!*place)
		*place = native_root(g->r, root);
	return (uint32_t)*place;
}

static uint32_t variable_root(struct globals *g, const struct hg_variable *variable)
{
	const char *name = hg_program_text(g->r->prog, variable->name);
	return root_at(g, variable->addr,
		       &(struct hg_root){
			       .kind = strstr(name, "()::") ? HG_ROOT_STATIC : HG_ROOT_GLOBAL,
			       .name = variable->name,
			       .type = variable->type,
			       .file = variable->file,
			       .line = variable->line,
			       .addr = variable->addr,
		       });
}

static uint32_t symbol_root(struct globals *g, const struct hg_symbol *symbol)
{
	return root_at(g, symbol->addr,
		       &(struct hg_root){
			       .kind = HG_ROOT_GLOBAL,
			       .name = hg_root_symbol(g->r->prog, symbol->name),
			       .addr = symbol->addr,
		       });
}

static bool in_variable(const struct hg_variable *variable, uint64_t addr)
{
	return variable && addr - variable->addr < variable->size;
}

static const struct hg_symbol *symbol_at(struct globals *g, uint64_t addr)
{
	if (!g->symbol || addr - g->symbol->addr >= g->symbol->size) {
		g->symbol = hg_symbol_at(g->r->prog, addr);
		if (g->symbol &&
		    (g->symbol->type != STT_OBJECT || addr - g->symbol->addr >= g->symbol->size))
			g->symbol = NULL;
	}
	return g->symbol;
}

static void word_found(void *arg, uint64_t addr, uint64_t value)
{
	struct globals *g = arg;
	struct hg_root_edge edge = {.target = value, .flags = HG_EDGE_CONSERVATIVE};
	const struct hg_symbol *symbol;
	if (!in_variable(g->variable, addr))
		g->variable = hg_variable_at(g->r->prog, addr);
	if (g->variable) {
		edge.root = variable_root(g, g->variable);
		edge.offset = (uint32_t)(addr - g->variable->addr);
		edge.flags = native_flags(g->r, g->variable->type, g->variable->addr, edge.offset);
	} else if ((symbol = symbol_at(g, addr))) {
		edge.root = symbol_root(g, symbol);
		edge.offset = (uint32_t)(addr - symbol->addr);
	} else {
		struct native_word *word = hg_vec_push(&g->loose);
		g->r->failed |= !word;
		if (word)
			*word = (struct native_word){addr, value};
		return;
	}
	native_edge(g->r, &edge);
}

// The dynamic loader allocates from what is left of the last page of its own data.
static uint64_t end_of_page(const struct native_rooter *r, uint64_t end)
{
	const uint64_t page_end = (end + NATIVE_PAGE - 1) & ~(NATIVE_PAGE - 1);
	return page_end > end && hg_image_view(r->prog->image, end, page_end - end) ? page_end
										    : end;
}

// Without program headers: what of its mappings is writable.
static uint64_t scan_segments(struct globals *g)
{
	const struct hg_image *image = g->r->prog->image;
	uint64_t missing = 0;
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct hg_segment *segment = &image->segments[i];
		const uint64_t end = segment->addr + segment->size;
		const uint64_t from =
			segment->addr > g->module->start ? segment->addr : g->module->start;
		const uint64_t to = end < g->module->end ? end : g->module->end;
		if ((segment->prot & HG_PROT_WRITE) && from < to)
			missing += native_scan(g->r, from, to, word_found, g);
	}
	return missing;
}

static uint64_t scan_module(struct globals *g)
{
	hg_phdrs phdrs = {0};
	uint64_t bias, missing = 0;
	struct hg_error *err = hg_phdr_read(g->r->prog, g->module, &phdrs, &bias);
	g->r->failed |= err != NULL;
	hg_error_destroy(err);
	for (size_t i = 0; i < phdrs.count && !err; i++) {
		const struct hg_elf_segment *phdr = &phdrs.data[i];
		const uint64_t start = phdr->vaddr + bias;
		uint64_t end;
		if (phdr->type != PT_LOAD || !(phdr->flags & PF_W) ||
		    __builtin_add_overflow(start, phdr->memsz, &end))
			continue;
		missing += native_scan(g->r, start, end_of_page(g->r, end), word_found, g);
	}
	if (!phdrs.count && !err)
		missing = scan_segments(g);
	hg_vec_deinit(&phdrs);
	return missing;
}

void native_globals(struct native_rooter *r)
{
	uint64_t missing = 0;
	for (size_t i = 0; i < r->prog->modules.count && !r->failed; i++) {
		struct globals g = {.r = r, .module = &r->prog->modules.data[i]};
		missing += scan_module(&g);
		native_section_words(r, g.module, &g.loose);
		if (g.roots.count || g.loose.count)
			native_note_module(r, g.module);
		hg_map_deinit(&g.roots);
		hg_vec_deinit(&g.loose);
	}
	hg_coverage_add(r->coverage, "bytes of data segments that are missing", missing);
}
