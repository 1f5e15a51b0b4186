#include "graph/heap/heap_go_root.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "dwarf/symbol.h"

// Package variables, and the static objects behind them: the compiler lays out `var cache = &Cache{}` as a pointer to
// an unnamed object in the data segment. Such an object is shown as the variable that leads to it.

#define MAX_WAY 1024 // bytes of the name of a static object: fields from its variable on

struct word { // of the data segments, and not nil
	uint64_t addr, value;
	uint8_t flags;
	bool done;
};

struct claim { // a static object that a variable leads to
	uint64_t addr, size;
	uint32_t type;
	const struct hg_variable
		*under; // whose part it is; NULL: it stands for the variable itself
	size_t over;	// or of which claim it is a part: its index + 1
	uint32_t root;	// 0 until it has an edge
	uint32_t name;
};

struct globals {
	struct go_rooter *r;
	const struct hg_variable *var; // that the last word lay in
	uint64_t var_end;
	struct hg_map var_roots;     // address of a variable -> its root
	HG_VEC(struct word) loose;   // words that no variable covers
	HG_VEC(struct claim) claims; // a queue
	uint64_t steps; // looks of claims at words: damage may make them overlap without end
};

static bool is_static(const struct heap_go *go, uint64_t addr)
{
	for (size_t i = 0; i < go->modules.count; i++) {
		const struct go_module *m = &go->modules.data[i];
		if ((addr >= m->data && addr < m->edata) || (addr >= m->bss && addr < m->ebss))
			return true;
	}
	return false;
}

/** The root of a variable, made on first use: a variable without pointers into the heap has none. */
static uint32_t variable_root(struct globals *g, const struct hg_variable *var)
{
	uint64_t *place = hg_map_put(&g->var_roots, var->addr);
	if (!place) {
		g->r->failed = true;
		return 0;
	}
	if (!*place) {
		const struct hg_root root = {
			.kind = HG_ROOT_GLOBAL,
			.name = var->name,
			.type = var->type,
			.file = var->file,
			.line = var->line,
			.addr = var->addr,
		};
		*place = go_root_add(g->r, &root);
	}
	return (uint32_t)*place;
}

/** The dynamic type behind an interface value at addr: a pointer's pointee, 0 unknown. */
static uint32_t interface_target(struct heap_go *go, uint32_t type, uint64_t addr)
{
	uint64_t descriptor = 0;
	if (!hg_image_u64(go->prog->image, addr, &descriptor))
		return 0;
	// An itab holds the type behind its interface type; only eface points to it directly.
	if (hg_type_member(go->prog, type, "tab") &&
	    !hg_image_u64(go->prog->image, descriptor + 8, &descriptor))
		return 0;
	const uint32_t id = hg_type_strip(go->prog, go_type_at(go, descriptor));
	const struct hg_type *dynamic = hg_type_get(go->prog, id);
	return dynamic->kind == HG_TYPE_POINTER ? dynamic->elem : id;
}

static const struct hg_member *member_at(const struct hg_program *prog, const struct hg_type *type,
					 uint64_t offset)
{
	for (uint32_t i = 0; i < type->member_count; i++) {
		const struct hg_member *m = &prog->types.members.data[type->members + i];
		const uint64_t size = hg_type_get(prog, m->type)->size;
		if (offset >= m->offset && offset - m->offset < size)
			return m;
	}
	return NULL;
}

struct go_target go_target_of(struct heap_go *go, uint32_t type, uint64_t addr, uint64_t offset,
			      struct hg_text *path)
{
	const struct go_target none = {0};
	for (unsigned depth = 0; depth < HG_MAX_TYPE_DEPTH; depth++) {
		const uint32_t id = hg_type_strip(go->prog, type);
		const struct hg_type *t = hg_type_get(go->prog, id);
		if (t->kind == HG_TYPE_POINTER)
			return (struct go_target){t->elem, 1};
		if (t->kind == HG_TYPE_ARRAY) {
			const uint64_t size = hg_type_get(go->prog, t->elem)->size;
			if (!size || offset >= t->size)
				return none;
			hg_text_add(path, "[...]");
			type = t->elem;
			addr += offset - offset % size;
			offset %= size;
			continue;
		}
		if (t->kind != HG_TYPE_STRUCT || t->go_kind == HG_GO_STRING)
			return none;
		const struct hg_member *m = member_at(go->prog, t, offset);
		if (!m)
			return none;
		const char *name = hg_program_text(go->prog, m->name);
		if (t->go_kind == HG_GO_SLICE || !strcmp(name, "array")) {
			uint64_t cap = 0;
			if (!hg_image_u64(go->prog->image, addr + 16, &cap))
				return none;
			return (struct go_target){
				hg_type_get(go->prog, hg_type_strip(go->prog, m->type))->elem, cap};
		}
		if (!strcmp(name, "data") &&
		    (hg_type_member(go->prog, id, "tab") || hg_type_member(go->prog, id, "_type")))
			return (struct go_target){interface_target(go, id, addr), 1};
		hg_text_printf(path, ".%s", name);
		type = m->type;
		addr += m->offset;
		offset -= m->offset;
	}
	return none;
}

static void claim_add(struct globals *g, const struct go_target *target, uint64_t addr,
		      const struct claim *from, const char *name)
{
	struct hg_program *prog = g->r->go->prog;
	const uint64_t unit = hg_type_get(prog, target->type)->size;
	if (!target->type || !unit || !target->count || target->count > UINT32_MAX ||
	    target->count > UINT64_MAX / 2 / unit || addr + unit * target->count < addr)
		return;
	uint32_t type = target->type;
	if (target->count > 1) {
		const struct hg_type array = {
			.kind = HG_TYPE_ARRAY,
			.go_kind = HG_GO_ARRAY,
			.elem = type,
			.count = target->count,
			.size = unit * target->count,
		};
		type = hg_type_add(prog, &array);
	}
	struct claim *claim = hg_vec_push(&g->claims);
	if (!claim) {
		g->r->failed = true;
		return;
	}
	*claim = (struct claim){
		.addr = addr,
		.size = unit * target->count,
		.type = type,
		.under = from->under,
		.over = from->over,
		.name = hg_program_string(prog, name),
	};
}

/** The way as a name; without its last steps where it gets too long, as in a list of static objects. */
static const char *way_name(struct hg_text *way, size_t before)
{
	if (way->length > MAX_WAY)
		hg_text_cut(way, before);
	return hg_text_str(way);
}

/** A pointer in a variable that leads to static memory: what lies there is named after the variable. */
static void variable_claims(struct globals *g, const struct word *word)
{
	if (!is_static(g->r->go, word->value) || hg_variable_at(g->r->go->prog, word->value))
		return;
	struct hg_text path = {0};
	hg_text_add(&path, hg_program_text(g->r->go->prog, g->var->name));
	const size_t plain = path.length;
	const struct go_target target = go_target_of(g->r->go, g->var->type, g->var->addr,
						     word->addr - g->var->addr, &path);
	const bool alone = path.length == plain && g->var->size == 8;
	if (target.type)
		claim_add(g, &target, word->value, &(struct claim){.under = alone ? NULL : g->var},
			  way_name(&path, plain));
	hg_text_deinit(&path);
}

static void word_found(struct globals *g, struct word word)
{
	if (!g->var || word.addr < g->var->addr || word.addr >= g->var_end) {
		g->var = hg_variable_at(g->r->go->prog, word.addr);
		g->var_end = g->var ? g->var->addr + (g->var->size ? g->var->size : 8) : 0;
	}
	const bool heap = go_is_block(g->r, word.value);
	if (!g->var && (heap || is_static(g->r->go, word.value))) {
		struct word *place = hg_vec_push(&g->loose);
		if (place)
			*place = word;
		else
			g->r->failed = true;
	} else if (g->var && heap) {
		go_root_edge(g->r, &(struct hg_root_edge){
					   .target = word.value,
					   .root = variable_root(g, g->var),
					   .offset = (uint32_t)(word.addr - g->var->addr),
					   .flags = word.flags,
				   });
	} else if (g->var) {
		variable_claims(g, &word);
	}
}

static uint64_t mask_word(const uint8_t *mask, uint64_t bits, uint64_t first)
{
	if (!mask) // lost: every word may be a pointer
		return UINT64_MAX;
	if (first >= bits)
		return 0;
	uint64_t word = 0;
	const uint64_t left = bits - first;
	memcpy(&word, mask + first / 8, left >= 64 ? 8 : (left + 7) / 8);
	return left >= 64 ? word : word & ((1ull << left) - 1);
}

/** The words of one stretch of contiguous bytes; `first` is the number of its first word in the area. */
static void scan_stretch(struct globals *g, uint64_t area, uint64_t first, const uint8_t *bytes,
			 uint64_t count, const uint8_t *mask, uint64_t bits)
{
	for (uint64_t base = first & ~63ull; base < first + count; base += 64) {
		uint64_t set = mask_word(mask, bits, base);
		for (; set; set &= set - 1) {
			const uint64_t i = base + (uint64_t)__builtin_ctzll(set);
			if (i < first || i >= first + count)
				continue;
			const uint64_t value = hg_load_u64(bytes + (i - first) * 8);
			if (value)
				word_found(g,
					   (struct word){.addr = area + i * 8,
							 .value = value,
							 .flags = mask ? 0 : HG_EDGE_CONSERVATIVE});
		}
	}
}

static void scan_area(struct globals *g, uint64_t start, uint64_t end, uint64_t mask_addr,
		      uint64_t bits)
{
	struct heap_go *go = g->r->go;
	if (end <= start)
		return;
	const uint64_t words = (end - start) / 8;
	if (bits > words)
		bits = words;
	const uint8_t *mask =
		mask_addr ? hg_image_view(go->prog->image, mask_addr, (bits + 7) / 8) : NULL;
	if (!mask)
		hg_coverage_add(go->coverage, "data segments without their pointer mask", 1);
	const uint64_t scanned = mask ? bits : words;
	uint64_t missing = 0;
	for (uint64_t i = 0; i < scanned;) {
		uint64_t some = 0;
		const uint8_t *bytes = hg_image_view_some(go->prog->image, start + i * 8, &some);
		uint64_t count = bytes ? some / 8 : 0;
		if (!count) { // a hole: on to the next page
			count = 512 - (start / 8 + i) % 512;
			missing += count * 8;
		} else {
			if (count > scanned - i)
				count = scanned - i;
			scan_stretch(g, start, i, bytes, count, mask, bits);
		}
		i += count;
	}
	go->coverage->missing_bytes += missing;
	hg_coverage_add(go->coverage, "bytes of data segments that are missing", missing);
}

static int by_addr(const void *a, const void *b)
{
	const uint64_t left = ((const struct word *)a)->addr,
		       right = ((const struct word *)b)->addr;
	return left < right ? -1 : left > right;
}

static size_t loose_at(const struct globals *g, uint64_t addr)
{
	size_t low = 0, high = g->loose.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (g->loose.data[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t claim_root(struct globals *g, size_t index)
{
	struct claim *claim = &g->claims.data[index];
	if (!claim->root) {
		const bool part = claim->under || claim->over;
		uint32_t parent = 0;
		if (claim->under)
			parent = variable_root(g, claim->under);
		else if (claim->over) // which stands for its variable itself: one level at most
			parent = claim_root(g, claim->over - 1);
		const struct hg_root root = {
			.parent = parent,
			.kind = part ? HG_ROOT_DATA : HG_ROOT_GLOBAL,
			.name = claim->name,
			.type = claim->type,
			.addr = claim->addr,
		};
		claim->root = go_root_add(g->r, &root);
	}
	return claim->root;
}

/** Gives the loose words of a static object to its claim; pointers on to further static objects become claims. */
static void claim_words(struct globals *g, size_t index)
{
	struct hg_program *prog = g->r->go->prog;
	const struct claim claim = g->claims.data[index];
	for (size_t i = loose_at(g, claim.addr); i < g->loose.count; i++) {
		struct word *word = &g->loose.data[i];
		if (word->addr - claim.addr >= claim.size)
			break;
		if (++g->steps > 64 * (uint64_t)g->loose.count) {
			hg_coverage_add(g->r->go->coverage, "static objects that overlap", 1);
			break;
		}
		if (word->done)
			continue;
		word->done = true;
		const uint64_t offset = word->addr - claim.addr;
		if (go_is_block(g->r, word->value)) {
			go_root_edge(g->r, &(struct hg_root_edge){
						   .target = word->value,
						   .root = claim_root(g, index),
						   .offset = (uint32_t)offset,
						   .flags = word->flags,
					   });
			continue;
		}
		if (hg_variable_at(prog, word->value))
			continue;
		struct hg_text path = {0};
		hg_text_add(&path, hg_program_text(prog, claim.name));
		const size_t before = path.length;
		const struct go_target target =
			go_target_of(g->r->go, claim.type, claim.addr, offset, &path);
		const bool part = claim.under || claim.over;
		claim_add(g, &target, word->value,
			  part ? &claim : &(struct claim){.over = index + 1},
			  way_name(&path, before));
		hg_text_deinit(&path);
	}
}

/** The type of what the compiler made under a name of its own; 0 unknown. */
static uint32_t symbol_type(const struct heap_go *go, const char *name)
{
	static const struct {
		const char *part, *type;
	} made[] = {
		{"..typeAssert.", "internal/abi.TypeAssert"}, // Go 1.22
		{"..interfaceSwitch.", "internal/abi.InterfaceSwitch"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		if (strstr(name, made[i].part))
			return hg_type_find(go->prog, made[i].type);
	return 0;
}

/** What is left: words with a symbol, or with nothing. */
static void loose_roots(struct globals *g)
{
	struct heap_go *go = g->r->go;
	const struct hg_symbol *symbol = NULL;
	struct hg_root root = {.kind = HG_ROOT_DATA};
	uint32_t id = 0, unnamed = 0;
	for (size_t i = 0; i < g->loose.count; i++) {
		const struct word *word = &g->loose.data[i];
		if (word->done || !go_is_block(g->r, word->value))
			continue;
		const struct hg_symbol *here = hg_symbol_at(go->prog, word->addr);
		if (here && here->size && word->addr - here->addr >= here->size)
			here = NULL;
		if (here && (!symbol || here->addr != symbol->addr)) {
			root.name = hg_program_string(go->prog, here->name);
			root.addr = here->addr;
			root.type = symbol_type(go, here->name);
			id = go_root_add(g->r, &root);
			symbol = here;
		} else if (!here && !unnamed) {
			unnamed = go_root(g->r, 0, HG_ROOT_DATA, "unnamed data");
		}
		go_root_edge(g->r, &(struct hg_root_edge){
					   .target = word->value,
					   .root = here ? id : unnamed,
					   .offset = here ? (uint32_t)(word->addr - here->addr) : 0,
					   .flags = word->flags,
				   });
	}
}

void go_global_roots(struct go_rooter *r)
{
	struct globals g = {.r = r};
	for (size_t i = 0; i < r->go->modules.count; i++) {
		const struct go_module *m = &r->go->modules.data[i];
		scan_area(&g, m->data, m->edata, m->gcdatamask, m->gcdatamask_bits);
		scan_area(&g, m->bss, m->ebss, m->gcbssmask, m->gcbssmask_bits);
	}
	if (g.loose.count)
		qsort(g.loose.data, g.loose.count, sizeof(*g.loose.data), by_addr);
	for (size_t i = 0; i < g.claims.count; i++) // grows while it is walked
		claim_words(&g, i);
	loose_roots(&g);
	hg_vec_deinit(&g.loose);
	hg_vec_deinit(&g.claims);
	hg_map_deinit(&g.var_roots);
}
