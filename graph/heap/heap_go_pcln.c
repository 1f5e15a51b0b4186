#include "graph/heap/heap_go_pcln.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"

#define MAX_TABLE (1ull << 31) // bytes of one function table
#define PAGE 4096ull
#define NO_OFFSET 0xffffffffu

/*
 * _func                              pc-value table
 *    0  4  entry - text                 repeat: zigzag varint value step, varint pc step / quantum
 *    4  4  name                         value starts at -1, pc at the entry; a value holds up to
 *    8  4  args                         the pc behind its pair; value step 0 ends (not in the first)
 *   12  4  deferreturn
 *   16  4  pcsp, 20 pcfile, 24 pcln   inlinedCall                      1.18-1.19      since 1.20
 *   28  4  npcdata                       offset of the name                 12             4
 *   32  4  cuOffset                      offset of parentPc                 16             8
 *  [36  4  startLine, since 1.20]
 *   -4  1  funcID, 1 flag, 1 pad, 1 nfuncdata; then npcdata and nfuncdata offsets of 4 bytes
 */

static uint64_t page_rest(uint64_t addr)
{
	return PAGE - addr % PAGE;
}

/** Copies a table that lies in several segments; what is missing stays zero. */
static const uint8_t *table_copy(struct heap_go *go, uint64_t addr, uint64_t size)
{
	uint8_t *copy = calloc(1, size);
	void **place = copy ? hg_vec_push(&go->pcln->copies) : NULL;
	if (!place) {
		free(copy);
		return NULL;
	}
	*place = copy;
	uint64_t missing = 0;
	for (uint64_t at = 0; at < size;) {
		uint64_t some = 0;
		const void *bytes = hg_image_view_some(go->prog->image, addr + at, &some);
		uint64_t step = bytes && some ? some : page_rest(addr + at);
		if (step > size - at)
			step = size - at;
		if (bytes && some)
			memcpy(copy + at, bytes, step);
		else
			missing += step;
		at += step;
	}
	hg_coverage_add(go->coverage, "bytes of function tables that are missing", missing);
	return missing < size ? copy : NULL;
}

static struct go_table table_load(struct heap_go *go, uint64_t addr, uint64_t count, uint64_t width)
{
	if (!addr || !count || count > MAX_TABLE / width || addr + count * width < addr)
		return (struct go_table){0};
	const uint64_t size = hg_image_mapped(go->prog->image, addr, count * width);
	if (size < width)
		return (struct go_table){0};
	const uint8_t *data = hg_image_view(go->prog->image, addr, size);
	if (!data)
		data = table_copy(go, addr, size);
	return (struct go_table){data, data ? size : 0};
}

static void module_load(struct heap_go *go, const struct go_module *module,
			struct go_pcln_module *m)
{
	m->module = module;
	m->ftab = table_load(go, module->ftab, module->ftab_count, 8);
	m->pclntable = table_load(go, module->pclntable, module->pclntable_size, 1);
	m->funcnametab = table_load(go, module->funcnametab, module->funcnametab_size, 1);
	m->cutab = table_load(go, module->cutab, module->cutab_count, 4);
	m->filetab = table_load(go, module->filetab, module->filetab_size, 1);
	m->pctab = table_load(go, module->pctab, module->pctab_size, 1);
	if (module->textsectmap_count > 1)
		m->textsect = table_load(go, module->textsectmap, module->textsectmap_count, 24);
	// The magic number names the format: 0xfffffff1 has startLine and short inlinedCalls (Go 1.20).
	uint64_t magic = 0, quantum = 0;
	hg_image_uint(go->prog->image, module->pclntab, 4, &magic);
	hg_image_uint(go->prog->image, module->pclntab + 6, 1, &quantum);
	m->func_size = magic == 0xfffffff0u ? 40 : 44;
	m->inline_size = magic == 0xfffffff0u ? 20 : 16;
	m->quantum = quantum == 4 ? 4 : 1;
	if (!m->ftab.data || !m->pclntable.data || !m->pctab.data)
		hg_coverage_add(go->coverage, "modules without function tables", 1);
}

struct hg_error *go_pcln_open(struct heap_go *go)
{
	go->pcln = calloc(1, sizeof(*go->pcln));
	if (!go->pcln || !hg_vec_reserve(&go->pcln->modules, go->modules.count))
		return &hg_enomem;
	for (size_t i = 0; i < go->modules.count; i++)
		module_load(go, &go->modules.data[i], hg_vec_push(&go->pcln->modules));
	return NULL;
}

void go_pcln_close(struct heap_go *go)
{
	struct go_pcln *pcln = go->pcln;
	if (!pcln)
		return;
	for (size_t i = 0; i < pcln->copies.count; i++)
		free(pcln->copies.data[i]);
	hg_vec_deinit(&pcln->copies);
	hg_vec_deinit(&pcln->modules);
	hg_vec_deinit(&pcln->inits);
	hg_map_deinit(&pcln->funcs);
	hg_map_deinit(&pcln->pcs);
	hg_map_deinit(&pcln->lines);
	hg_arena_deinit(&pcln->arena);
	free(pcln);
	go->pcln = NULL;
}

/** Address of an offset in the function table; text may lie in several sections (large, externally linked). */
static uint64_t text_addr(const struct go_pcln_module *m, uint32_t offset)
{
	for (uint64_t i = 0; i + 24 <= m->textsect.size; i += 24) {
		const uint8_t *section = m->textsect.data + i;
		const uint64_t start = hg_load_u64(section), end = hg_load_u64(section + 8);
		const bool last = i + 24 == m->textsect.size;
		if (offset >= start && (offset < end || (last && offset == end)))
			return hg_load_u64(section + 16) + (offset - start);
	}
	return m->module->text + offset;
}

/** The reverse of text_addr(). */
static uint64_t text_offset(const struct go_pcln_module *m, uint64_t pc)
{
	for (uint64_t i = 0; i + 24 <= m->textsect.size; i += 24) {
		const uint8_t *section = m->textsect.data + i;
		const uint64_t start = hg_load_u64(section), end = hg_load_u64(section + 8);
		const uint64_t base = hg_load_u64(section + 16);
		if (pc >= base && pc - base < end - start)
			return pc - base + start;
	}
	return pc - m->module->text;
}

bool go_func_entry(const struct go_pcln_module *m, uint64_t index, uint64_t *entry,
		   uint32_t *func_offset)
{
	if (index >= m->ftab.size / 8)
		return false;
	*entry = text_addr(m, hg_load_u32(m->ftab.data + index * 8));
	*func_offset = hg_load_u32(m->ftab.data + index * 8 + 4);
	return true;
}

static const char *table_text(struct go_table table, uint64_t offset)
{
	if (offset >= table.size)
		return NULL;
	const uint64_t left = table.size - offset;
	const char *text = (const char *)table.data + offset;
	return memchr(text, 0, left < HG_MAX_NAME ? left : HG_MAX_NAME) ? text : NULL;
}

const char *go_func_name(const struct go_pcln_module *m, uint32_t func_offset)
{
	if (func_offset + 8ull > m->pclntable.size)
		return NULL;
	return table_text(m->funcnametab, hg_load_u32(m->pclntable.data + func_offset + 4));
}

static const char *intern(struct heap_go *go, const char *text)
{
	return text ? hg_program_text(go->prog, hg_program_string(go->prog, text)) : "";
}

static uint8_t role_of(const char *name)
{
	static const struct {
		const char *name;
		uint8_t role;
	} roles[] = {
		{"runtime.asyncPreempt", GO_FUNC_ASYNC_PREEMPT},
		{"runtime.debugCallV2", GO_FUNC_ASYNC_PREEMPT},
		{"runtime.sigpanic", GO_FUNC_SIGPANIC},
		{"runtime.cgocallback", GO_FUNC_CGOCALLBACK},
		{"reflect.makeFuncStub", GO_FUNC_REFLECT_STUB},
		{"reflect.methodValueCall", GO_FUNC_REFLECT_STUB},
	};
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		if (!strcmp(name, roles[i].name))
			return roles[i].role;
	}
	return GO_FUNC_PLAIN;
}

/** Reads a _func and keeps it; NULL where it is damaged. */
static struct go_func *func_load(struct heap_go *go, const struct go_pcln_module *m, uint64_t entry,
				 uint64_t end, uint32_t offset)
{
	if (offset + (uint64_t)m->func_size > m->pclntable.size)
		return NULL;
	const uint8_t *at = m->pclntable.data + offset;
	const uint64_t addr = m->module->pclntable + offset;
	uint64_t *place = hg_map_put(&go->pcln->funcs, addr);
	if (!place)
		return NULL;
	struct go_func *func = (struct go_func *)(uintptr_t)*place;
	if (func) // damaged tables may have it twice, for different code
		return func->entry == entry && func->end == end ? func : NULL;
	func = hg_arena_alloc(&go->pcln->arena, sizeof(*func));
	if (!func)
		return NULL;
	*func = (struct go_func){
		.module = m->module,
		.tables = m,
		.addr = addr,
		.entry = entry,
		.end = end,
		.name = intern(go, go_func_name(m, offset)),
		.args = (int32_t)hg_load_u32(at + 8),
		.deferreturn = hg_load_u32(at + 12),
		.pcsp = hg_load_u32(at + 16),
		.pcfile = hg_load_u32(at + 20),
		.pcln = hg_load_u32(at + 24),
		.npcdata = hg_load_u32(at + 28),
		.cu_offset = hg_load_u32(at + 32),
		.func_id = at[m->func_size - 4],
		.flag = at[m->func_size - 3],
		.nfuncdata = at[m->func_size - 1],
	};
	func->role = role_of(func->name);
	*place = (uintptr_t)func;
	return func;
}

static const struct go_func *func_search(struct heap_go *go, uint64_t pc)
{
	for (size_t i = 0; i < go->pcln->modules.count; i++) {
		const struct go_pcln_module *m = &go->pcln->modules.data[i];
		const uint64_t count = m->ftab.size / 8;
		if (pc < m->module->minpc || pc >= m->module->maxpc || count < 2)
			continue;
		const uint64_t offset = text_offset(m, pc);
		uint64_t low = 0, high = count - 1; // the last entry only ends the one before it
		while (high - low > 1) {
			const uint64_t middle = low + (high - low) / 2;
			if (hg_load_u32(m->ftab.data + middle * 8) <= offset)
				low = middle;
			else
				high = middle;
		}
		uint64_t entry = 0, end = 0;
		uint32_t func = 0, next = 0;
		go_func_entry(m, low, &entry, &func);
		go_func_entry(m, high, &end, &next);
		if (pc < entry || pc >= end)
			return NULL;
		return func_load(go, m, entry, end, func);
	}
	return NULL;
}

const struct go_func *go_func_at(struct heap_go *go, uint64_t pc)
{
	const uint64_t *known = hg_map_get(&go->pcln->pcs, pc);
	if (known)
		return (const struct go_func *)(uintptr_t)*known;
	const struct go_func *func = func_search(go, pc);
	uint64_t *place = hg_map_put(&go->pcln->pcs, pc);
	if (place)
		*place = (uintptr_t)func;
	return func;
}

static bool varint(struct go_table table, uint64_t *at, uint32_t *ret)
{
	uint32_t value = 0;
	for (unsigned shift = 0; shift < 35 && *at < table.size; shift += 7) {
		const uint8_t byte = table.data[(*at)++];
		value |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

bool go_pcvalue_decode(struct go_table pctab, uint32_t offset, uint64_t entry, uint64_t end,
		       uint32_t quantum, uint64_t pc, int32_t *ret)
{
	uint64_t at = offset, reached = entry;
	uint32_t value = UINT32_MAX;
	for (bool first = true; reached < end; first = false) {
		uint32_t step = 0, pcs = 0;
		if (!varint(pctab, &at, &step) || (!step && !first) || !varint(pctab, &at, &pcs))
			return false;
		value += step & 1 ? ~(step >> 1) : step >> 1;
		if (!pcs)
			return false;
		reached += (uint64_t)pcs * quantum;
		if (pc < reached) {
			*ret = (int32_t)value;
			return true;
		}
	}
	return false;
}

bool go_pcvalue(struct heap_go *go, const struct go_func *func, uint32_t table, uint64_t pc,
		int32_t *ret)
{
	(void)go;
	if (!table || pc < func->entry || pc >= func->end)
		return false;
	return go_pcvalue_decode(func->tables->pctab, table, func->entry, func->end,
				 func->tables->quantum, pc, ret);
}

/** Number `index` of the 4-byte offsets behind a _func. */
static bool func_offset_at(const struct go_func *func, uint64_t index, uint32_t *ret)
{
	const struct go_pcln_module *m = func->tables;
	const uint64_t at = func->addr - m->module->pclntable + m->func_size + index * 4;
	if (at + 4 > m->pclntable.size)
		return false;
	*ret = hg_load_u32(m->pclntable.data + at);
	return true;
}

bool go_pcdata(struct heap_go *go, const struct go_func *func, unsigned index, uint64_t pc,
	       int32_t *ret)
{
	uint32_t table = 0;
	if (index >= func->npcdata || !func_offset_at(func, index, &table))
		return false;
	return go_pcvalue(go, func, table, pc, ret);
}

uint64_t go_funcdata(struct heap_go *go, const struct go_func *func, unsigned index)
{
	(void)go;
	uint32_t offset = NO_OFFSET;
	if (index >= func->nfuncdata ||
	    !func_offset_at(func, (uint64_t)func->npcdata + index, &offset) || offset == NO_OFFSET)
		return 0;
	return func->module->gofunc + offset;
}

static void call_place(struct heap_go *go, const struct go_func *func, uint64_t pc,
		       struct go_call *call)
{
	int32_t file = -1, line = 0;
	call->file = "";
	call->line = 0;
	if (go_pcvalue(go, func, func->pcln, pc, &line) && line > 0)
		call->line = (uint32_t)line;
	if (!go_pcvalue(go, func, func->pcfile, pc, &file) || file < 0)
		return;
	const struct go_pcln_module *m = func->tables;
	const uint64_t at = ((uint64_t)func->cu_offset + (uint64_t)file) * 4;
	if (at + 4 > m->cutab.size)
		return;
	const uint32_t name = hg_load_u32(m->cutab.data + at);
	if (name != NO_OFFSET)
		call->file = intern(go, table_text(m->filetab, name));
}

size_t go_calls(struct heap_go *go, uint64_t pc, struct go_call calls[GO_MAX_INLINE])
{
	const struct go_func *func = go_func_at(go, pc);
	if (!func)
		return 0;
	const struct go_pcln_module *m = func->tables;
	const uint64_t tree = go_funcdata(go, func, GO_FUNCDATA_INLINE);
	const bool old = m->inline_size == 20;
	size_t count = 0;
	int32_t index = -1;
	while (count < GO_MAX_INLINE - 1 && tree &&
	       go_pcdata(go, func, GO_PCDATA_INLINE, pc, &index) && index >= 0) {
		const uint8_t *entry = hg_image_view(
			go->prog->image, tree + (uint64_t)index * m->inline_size, m->inline_size);
		if (!entry)
			break;
		struct go_call *call = &calls[count++];
		call_place(go, func, pc, call);
		call->function =
			intern(go, table_text(m->funcnametab, hg_load_u32(entry + (old ? 12 : 4))));
		pc = func->entry + hg_load_u32(entry + (old ? 16 : 8));
	}
	calls[count].function = func->name;
	call_place(go, func, pc, &calls[count]);
	return count + 1;
}

bool go_line(struct heap_go *go, uint64_t pc, const char **function, const char **file,
	     uint32_t *line)
{
	struct go_call calls[GO_MAX_INLINE];
	if (!go_calls(go, pc, calls))
		return false;
	*function = calls[0].function;
	*file = calls[0].file;
	*line = calls[0].line;
	return true;
}
