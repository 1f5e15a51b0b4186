#include "graph/heap/heap_go.h"

#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"
#include "graph/heap/heap_go_layout.h"

#define MAX_SECTION ((uint64_t)1 << 32)

#define WANT(field, type_name, field_path)                                                         \
	{                                                                                          \
		.ret = &(field), .type = type_name, .path = field_path                             \
	}
#define WANT_OPTIONAL(field, type_name, field_path)                                                \
	{                                                                                          \
		.ret = &(field), .type = type_name, .path = field_path, .optional = true           \
	}
#define WANT_UNWRAPPED(field, type_name, field_path)                                               \
	{                                                                                          \
		.ret = &(field), .type = type_name, .path = field_path, .unwrap = true             \
	}

static struct hg_error *resolve_layouts(struct heap_go *go, struct go_layouts *l)
{
	const struct hg_want wants[] = {
		WANT(l->span.size, "runtime.mspan", ""),
		WANT(l->span.start, "runtime.mspan", "startAddr"),
		WANT(l->span.npages, "runtime.mspan", "npages"),
		WANT_UNWRAPPED(l->span.state, "runtime.mspan", "state"),
		WANT(l->span.span_class, "runtime.mspan", "spanclass"),
		WANT(l->span.elem_size, "runtime.mspan", "elemsize"),
		WANT(l->span.nelems, "runtime.mspan", "nelems"),
		WANT(l->span.free_index, "runtime.mspan", "freeindex"),
		WANT(l->span.alloc_bits, "runtime.mspan", "allocBits"),
		WANT(l->span.mark_bits, "runtime.mspan", "gcmarkBits"),
		WANT(l->span.sweepgen, "runtime.mspan", "sweepgen"),
		WANT(l->span.specials, "runtime.mspan", "specials"),
		WANT_OPTIONAL(l->span.large_type, "runtime.mspan", "largeType"),
		WANT_OPTIONAL(l->span.is_user_arena, "runtime.mspan", "isUserArenaChunk"),
		WANT(l->mheap.sweepgen, "runtime.mheap", "sweepgen"),
		WANT(l->mheap.allspans, "runtime.mheap", "allspans"),
		WANT(l->mheap.arenas, "runtime.mheap", "arenas"),
		WANT_OPTIONAL(l->arena.bitmap, "runtime.heapArena",
			      "bitmap|heapArenaPtrScalar.bitmap"),
		WANT_OPTIONAL(l->arena.no_more_ptrs, "runtime.heapArena",
			      "noMorePtrs|heapArenaPtrScalar.noMorePtrs"),
		WANT_OPTIONAL(l->inline_marks, "runtime.spanInlineMarkBits", ""),
	};
	return hg_layout_resolve(go->prog, wants, ARRAY_SIZE(wants));
}

static struct hg_error *resolve_module_layout(struct heap_go *go, struct go_layouts *l)
{
	struct go_module_layout *m = &l->module;
	const struct hg_want wants[] = {
		WANT(m->size, "runtime.moduledata", ""),
		WANT(m->pc_header, "runtime.moduledata", "pcHeader"),
		WANT(m->funcnametab, "runtime.moduledata", "funcnametab"),
		WANT(m->cutab, "runtime.moduledata", "cutab"),
		WANT(m->filetab, "runtime.moduledata", "filetab"),
		WANT(m->pctab, "runtime.moduledata", "pctab"),
		WANT(m->pclntable, "runtime.moduledata", "pclntable"),
		WANT(m->ftab, "runtime.moduledata", "ftab"),
		WANT(m->minpc, "runtime.moduledata", "minpc"),
		WANT(m->maxpc, "runtime.moduledata", "maxpc"),
		WANT(m->text, "runtime.moduledata", "text"),
		WANT(m->etext, "runtime.moduledata", "etext"),
		WANT(m->data, "runtime.moduledata", "data"),
		WANT(m->edata, "runtime.moduledata", "edata"),
		WANT(m->bss, "runtime.moduledata", "bss"),
		WANT(m->ebss, "runtime.moduledata", "ebss"),
		WANT(m->noptrdata, "runtime.moduledata", "noptrdata"),
		WANT(m->enoptrdata, "runtime.moduledata", "enoptrdata"),
		WANT(m->noptrbss, "runtime.moduledata", "noptrbss"),
		WANT(m->enoptrbss, "runtime.moduledata", "enoptrbss"),
		WANT(m->types, "runtime.moduledata", "types"),
		WANT(m->etypes, "runtime.moduledata", "etypes"),
		WANT(m->rodata, "runtime.moduledata", "rodata"),
		WANT(m->gofunc, "runtime.moduledata", "gofunc"),
		WANT(m->textsectmap, "runtime.moduledata", "textsectmap"),
		WANT(m->gcdatamask, "runtime.moduledata", "gcdatamask.bytedata"),
		WANT(m->gcdatamask_n, "runtime.moduledata", "gcdatamask.n"),
		WANT(m->gcbssmask, "runtime.moduledata", "gcbssmask.bytedata"),
		WANT(m->gcbssmask_n, "runtime.moduledata", "gcbssmask.n"),
		WANT(m->next, "runtime.moduledata", "next"),
	};
	return hg_layout_resolve(go->prog, wants, ARRAY_SIZE(wants));
}

bool go_global_addr(struct heap_go *go, const char *name, uint64_t *ret)
{
	const struct hg_variable *var = hg_variable_find(go->prog, name);
	if (var)
		*ret = var->addr;
	return var;
}

bool go_global_u64(struct heap_go *go, const char *name, uint64_t *ret)
{
	const struct hg_variable *var = hg_variable_find(go->prog, name);
	if (!var)
		return false;
	uint64_t size = var->size && var->size < 8 ? var->size : 8;
	return hg_image_uint(go->prog->image, var->addr, (unsigned)size, ret);
}

static void read_version(struct heap_go *go)
{
	uint64_t addr, text, length;
	snprintf(go->version, sizeof(go->version), "go");
	if (!go_global_addr(go, "runtime.buildVersion", &addr) ||
	    !hg_image_u64(go->prog->image, addr, &text) ||
	    !hg_image_u64(go->prog->image, addr + 8, &length) || !length ||
	    length >= sizeof(go->version))
		return;
	char words[sizeof(go->version)] = {0};
	if (!hg_image_read(go->prog->image, text, words, length))
		return;
	for (char *p = words; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	snprintf(go->version, sizeof(go->version), "%s", words);
	const char *minor = strstr(words, "go1.");
	go->minor = minor ? (unsigned)strtoul(minor + 4, NULL, 10) : 0;
}

static void read_slice(struct heap_go *go, uint64_t at, uint64_t *array, uint64_t *count)
{
	if (!hg_image_u64(go->prog->image, at, array) ||
	    !hg_image_u64(go->prog->image, at + 8, count))
		*array = *count = 0;
}

static uint64_t module_field(struct heap_go *go, const struct hg_field *field, uint64_t addr)
{
	uint64_t value;
	return hg_field_read(go->prog, field, addr, &value) ? value : 0;
}

/** The end of a section: no further than memory is mapped from its start on, so that walks over it come to their end. Where
 * nothing is (the dump left the file out) it may still be believed. */
static uint64_t section_end(struct heap_go *go, const struct hg_field *field, uint64_t addr,
			    uint64_t start)
{
	const uint64_t end = module_field(go, field, addr);
	if (end <= start)
		return start;
	const uint64_t mapped = hg_image_mapped(go->prog->image, start, end - start);
	if (mapped)
		return start + mapped;
	return end - start <= MAX_SECTION ? end : start;
}

static struct go_module read_module(struct heap_go *go, uint64_t addr)
{
	const struct go_module_layout *l = &go->layouts->module;
	struct go_module m = {.addr = addr};
	read_slice(go, addr + l->pclntable.offset, &m.pclntable, &m.pclntable_size);
	read_slice(go, addr + l->funcnametab.offset, &m.funcnametab, &m.funcnametab_size);
	read_slice(go, addr + l->cutab.offset, &m.cutab, &m.cutab_count);
	read_slice(go, addr + l->filetab.offset, &m.filetab, &m.filetab_size);
	read_slice(go, addr + l->pctab.offset, &m.pctab, &m.pctab_size);
	read_slice(go, addr + l->ftab.offset, &m.ftab, &m.ftab_count);
	read_slice(go, addr + l->textsectmap.offset, &m.textsectmap, &m.textsectmap_count);
	m.pclntab = module_field(go, &l->pc_header, addr);
	m.minpc = module_field(go, &l->minpc, addr);
	m.maxpc = module_field(go, &l->maxpc, addr);
	m.text = module_field(go, &l->text, addr);
	m.etext = section_end(go, &l->etext, addr, m.text);
	m.data = module_field(go, &l->data, addr);
	m.edata = section_end(go, &l->edata, addr, m.data);
	m.bss = module_field(go, &l->bss, addr);
	m.ebss = section_end(go, &l->ebss, addr, m.bss);
	m.noptrdata = module_field(go, &l->noptrdata, addr);
	m.enoptrdata = section_end(go, &l->enoptrdata, addr, m.noptrdata);
	m.noptrbss = module_field(go, &l->noptrbss, addr);
	m.enoptrbss = section_end(go, &l->enoptrbss, addr, m.noptrbss);
	m.types = module_field(go, &l->types, addr);
	m.etypes = section_end(go, &l->etypes, addr, m.types);
	m.rodata = module_field(go, &l->rodata, addr);
	m.gofunc = module_field(go, &l->gofunc, addr);
	m.gcdatamask = module_field(go, &l->gcdatamask, addr);
	m.gcdatamask_bits = module_field(go, &l->gcdatamask_n, addr);
	m.gcbssmask = module_field(go, &l->gcbssmask, addr);
	m.gcbssmask_bits = module_field(go, &l->gcbssmask_n, addr);
	const struct hg_module *elf = hg_program_module_at(go->prog, m.text);
	m.module = elf ? (uint16_t)(elf - go->prog->modules.data) : 0;
	return m;
}

static struct hg_error *add_module(struct heap_go *go, uint64_t addr)
{
	struct go_module m = read_module(go, addr);
	if (!m.text || m.text >= m.etext || m.types >= m.etypes) {
		hg_coverage_add(go->coverage, "Go modules with damaged tables", 1);
		return NULL;
	}
	struct go_module *place = hg_vec_push(&go->modules);
	if (!place)
		return &hg_enomem;
	*place = m;
	return NULL;
}

static struct hg_error *read_modules(struct heap_go *go)
{
	uint64_t slice = 0, array = 0, count = 0;
	if (go_global_u64(go, "runtime.modulesSlice", &slice) && slice)
		read_slice(go, slice, &array, &count);
	if (count > HG_MAX_MODULES)
		count = 0;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t addr;
		if (!hg_image_u64(go->prog->image, array + 8 * i, &addr))
			continue;
		struct hg_error *err = add_module(go, addr);
		if (err)
			return err;
	}
	uint64_t first;
	if (!go->modules.count && go_global_addr(go, "runtime.firstmoduledata", &first)) {
		struct hg_error *err = add_module(go, first);
		if (err)
			return err;
	}
	if (!go->modules.count)
		return hg_error_create(HG_ERROR_FORMAT,
				       "the Go runtime's module table cannot be read");
	return NULL;
}

static bool go_probe(struct hg_program *prog)
{
	if (hg_variable_find(prog, "runtime.mheap_"))
		return true;
	for (size_t i = 0; i < prog->modules.count; i++) {
		const struct hg_module *module = &prog->modules.data[i];
		if (module->elf && hg_elf_find_section(module->elf, ".gopclntab"))
			return true;
	}
	return false;
}

static struct hg_error *no_debug_info(const struct hg_program *prog)
{
	const struct hg_module *exe = prog->modules.count ? &prog->modules.data[0] : NULL;
	if (exe && exe->problem)
		return hg_error_create(HG_ERROR_UNSUPPORTED, "%s", exe->problem);
	return hg_error_create(HG_ERROR_UNSUPPORTED,
			       "'%s' is a Go program without debug info (built with -s or -w): "
			       "types and the runtime's layout cannot be known",
			       exe && exe->path ? exe->path : "?");
}

/** What no field, type or constant tells: from the version alone. */
static void go_traits(struct heap_go *go)
{
	go->shifted_offsets = go->minor == 18;
}

static void go_close(struct hg_heap *heap);

static inline void go_closep(struct heap_go **go)
{
	if (*go)
		go_close(&(*go)->heap);
}

static struct hg_error *go_open(struct hg_program *prog, struct hg_coverage *coverage,
				struct hg_heap **ret)
{
	hg_cleanup(go_closep) struct heap_go *go = calloc(1, sizeof(*go));
	if (!go)
		return &hg_enomem;
	go->heap.ops = &hg_heap_go;
	go->prog = prog;
	go->coverage = coverage;
	go->layouts = calloc(1, sizeof(*go->layouts));
	if (!go->layouts)
		return &hg_enomem;
	if (!go_global_addr(go, "runtime.mheap_", &go->mheap))
		return no_debug_info(prog);
	read_version(go);
	go_traits(go);
	struct hg_error *err = resolve_layouts(go, go->layouts);
	if (!err)
		err = resolve_module_layout(go, go->layouts);
	if (!err)
		err = read_modules(go);
	if (err)
		return hg_error_context(err, "%s heap", go->version);
	go_types_open(go);
	err = go_pcln_open(go);
	if (!err)
		err = go_masks_open(go);
	if (!err)
		err = go_spans_open(go);
	if (err)
		return hg_error_context(err, "%s heap", go->version);
	*ret = &hg_take(go)->heap;
	return NULL;
}

static void go_close(struct hg_heap *heap)
{
	struct heap_go *go = (struct heap_go *)heap;
	go_pcln_close(go);
	go_masks_close(go);
	hg_vec_deinit(&go->modules);
	hg_vec_deinit(&go->spans);
	hg_vec_deinit(&go->reads);
	hg_map_deinit(&go->type_of_descriptor);
	hg_map_deinit(&go->closure_types);
	free(go->layouts);
	free(go);
}

static struct hg_error *go_walk(struct hg_heap *heap, uint16_t index, struct hg_blocks *blocks)
{
	return go_spans_walk((struct heap_go *)heap, index, blocks);
}

static void go_totals(const struct hg_heap *heap, struct hg_heap_totals *ret)
{
	*ret = ((const struct heap_go *)heap)->totals;
}

/** Globals of Go are scanned by the collector's own masks, and goroutine stacks lie in spans. */
static bool go_covers(const struct hg_heap *heap, uint64_t addr)
{
	const struct heap_go *go = (const struct heap_go *)heap;
	for (size_t i = 0; i < go->modules.count; i++) {
		const struct go_module *m = &go->modules.data[i];
		if ((addr >= m->noptrdata && addr < m->enoptrdata) ||
		    (addr >= m->data && addr < m->edata) || (addr >= m->bss && addr < m->ebss) ||
		    (addr >= m->noptrbss && addr < m->enoptrbss))
			return true;
	}
	return go_span_at(go, addr);
}

static const char *go_version(const struct hg_heap *heap)
{
	return ((const struct heap_go *)heap)->version;
}

static bool go_heap_line(struct hg_heap *heap, uint64_t pc, const char **function,
			 const char **file, uint32_t *line)
{
	return go_line((struct heap_go *)heap, pc, function, file, line);
}

static bool go_heap_variable_line(struct hg_heap *heap, const struct hg_variable *variable,
				  const char **file, uint32_t *line)
{
	return go_variable_line((struct heap_go *)heap, variable, file, line);
}

const struct hg_heap_ops hg_heap_go = {
	.name = "go",
	.runtime = "Go",
	.probe = go_probe,
	.open = go_open,
	.walk = go_walk,
	.types = go_spans_types,
	.roots = go_roots,
	.pointer_bits = go_pointer_bits,
	.totals = go_totals,
	.covers = go_covers,
	.version = go_version,
	.line = go_heap_line,
	.variable_line = go_heap_variable_line,
	.type_at = go_heap_type_at,
	.closure_type = go_heap_closure_type,
	.reads = go_heap_reads,
	.close = go_close,
};
