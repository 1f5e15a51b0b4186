/**
 * The memory of the made-up Go program. Part of go_heap.h.
 */
#ifndef HG_SYNTH_GO_MEMORY_H
#define HG_SYNTH_GO_MEMORY_H

// Pages of the heap.
enum {
	GO_PAGE_SMALL,	 // main.T, 64 bytes
	GO_PAGE_STRINGS, // 16 bytes, no pointers
	GO_PAGE_TYPED,	 // 1024 bytes, each with its type in front (Go 1.22)
	GO_PAGE_LARGE,	 // 16 KiB, one object
	GO_PAGE_STACK = 5,
	GO_PAGE_RECORDED, // 128 bytes, with specials
	GO_PAGE_RUNTIME,  // 512 bytes: g, m, p, what they hold
};

static const struct {
	const char *name, *type;
	uint32_t offset; // in the data
} go_variables[] = {
	{"main.root", "*main.T", 0},
	{"main.list", "[]*main.T", 8},
	{"main.any", "interface {}", 32},
	{"main.static", "*main.T", 48}, // to an unnamed object in the data
	{"main.maps", "*main.Maps", 56},
	{"runtime.allgs", "[]*runtime.g", 64},
	{"runtime.allm", "*runtime.m", 88},
	{"runtime.allp", "[]*runtime.p", 96},
	{"runtime.allfin", "*runtime.finblock", 120},
	{"sync.allPools", "[]*sync.Pool", 128},
	{"sync.oldPools", "[]*sync.Pool", 152},
	{"runtime.buildVersion", "string", 512},
	{"runtime.gcphase", "u32", 528},
	{"runtime.modulesSlice", "*[]*runtime.moduledata", 536},
	{"runtime.gcCleanups", "runtime.cleanupQueue", 544},
	{"runtime.waitReasonStrings", "[64]", 552},
	{"runtime.mheap_", "runtime.mheap", 640},
	{"runtime.firstmoduledata", "runtime.moduledata", 1024},
};

static const struct {
	const char *name;
	unsigned from;
	uint64_t value;
} go_constants[] = {
	{"internal/abi.TFlagGCMaskOnDemand", 24, 16},
	{"internal/abi.TFlagDirectIface", 26, 32},
};

static inline uint64_t go_heap_variable(const struct go_heap *h, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(go_variables); i++) {
		if (!strcmp(go_variables[i].name, name))
			return h->parts[GO_PART_DATA].addr + go_variables[i].offset;
	}
	hg_assert(!"a variable of the made-up program");
	return 0;
}

static inline uint64_t go_heap_described(const struct go_heap *h, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(go_described); i++) {
		if (!strcmp(go_described[i].name, name))
			return h->parts[GO_PART_RODATA].addr + (i + 1) * GO_HEAP_DESCRIPTOR;
	}
	hg_assert(!"a described type of the made-up program");
	return 0;
}

// ---- type descriptors ---------------------------------------------------------------------------

/** A runtime name: flags, length, text. */
static inline uint64_t go_heap_name(struct go_heap *h, const char *text)
{
	char bytes[64];
	const int length = snprintf(bytes, sizeof(bytes), "%c%c%s", 1, (char)strlen(text), text);
	return go_heap_bytes(h, GO_PART_RODATA, bytes, (uint64_t)length);
}

static inline void go_heap_fields(struct go_heap *h, uint64_t descriptor, uint64_t count)
{
	static const char *const names[] = {"next", "name", "any", "items"};
	static const char *const types[] = {"*main.T", "string", "interface {}", "[]*main.T"};
	static const uint64_t offsets[] = {0, 8, 24, 40};
	const uint64_t fields = go_heap_take(h, GO_PART_RODATA, count * 24);
	const unsigned shift = h->minor == 18;
	for (uint64_t i = 0; i < count; i++) {
		go_heap_put(h, fields + i * 24, 8, go_heap_name(h, names[i]));
		go_heap_put(h, fields + i * 24 + 8, 8, go_heap_described(h, types[i]));
		go_heap_put(h, fields + i * 24 + 16, 8, offsets[i] << shift);
	}
	go_heap_slice(h, descriptor + 56, fields, count);
}

static inline void go_heap_describe(struct go_heap *h, size_t which)
{
	const struct go_described *d = &go_described[which];
	const uint64_t addr = go_heap_described(h, d->name),
		       mask = go_heap_take(h, GO_PART_RODATA, 16);
	const bool big = !strcmp(d->name, "main.Big"), made = !*d->name;
	const uint32_t type = hg_type_find(h->layout, d->name);
	const uint64_t size = made ? 960 : hg_type_get(h->layout, type)->size;
	// Of eight words of main.T: next, name, any's two, items.
	go_heap_put(h, mask, 8,
		    d->kind == HG_GO_STRUCT	 ? 0x3b
		    : d->kind == HG_GO_INTERFACE ? 3
						 : 1);
	go_heap_put(h, addr, 8, size);
	go_heap_put(h, addr + 8, 8, d->kind == HG_GO_STRUCT && !big ? 48 : big || made ? size : 8);
	go_heap_put(h, addr + 20, 1, (made && h->minor >= 24 ? 16 : 0) | 4);
	go_heap_put(h, addr + 23, 1, d->kind | (made && h->minor < 24 ? 64 : 0));
	go_heap_put(h, addr + 32, 8, big ? h->parts[GO_PART_HEAP].addr : mask);
	go_heap_put(h, addr + 40, 4,
		    go_heap_name(h, made ? "[15]main.T" : d->name) - h->parts[GO_PART_RODATA].addr);
	go_heap_put(h, addr + 48, 8, go_heap_described(h, made ? "main.T" : "*main.T"));
	if (d->kind == HG_GO_STRUCT && !big)
		go_heap_fields(h, addr, 4);
	if (made)
		go_heap_put(h, addr + 64, 8, 15);
}

// ---- functions ----------------------------------------------------------------------------------

static const char *const go_functions[] = {"main.leaf", "main.main", "runtime.goexit", "main.init",
					   "time.goFunc"};
enum { GO_LEAF, GO_MAIN, GO_GOEXIT, GO_INIT, GO_TIMER };

static inline uint64_t go_heap_code(const struct go_heap *h, unsigned function)
{
	return h->parts[GO_PART_TEXT].addr + (uint64_t)function * GO_HEAP_CODE;
}

struct go_heap_tables { // offsets
	uint64_t pctab, pclntable, gofunc;
	uint32_t stack, zero, line; // pc-value tables: of frames of 24 bytes, of 0, of line 10
	uint32_t locals, objects, tree;
};

/** A _func with its tables; returns its offset. Same ones for all. */
static inline uint64_t go_heap_func(struct go_heap *h, const struct go_heap_tables *t,
				    uint32_t number, uint32_t name)
{
	const bool short_func = h->minor < 20;
	const uint32_t nowhere = UINT32_MAX;
	uint32_t words[20] = {
		number * GO_HEAP_CODE, name, 8, 4, t->stack, t->zero, t->line, 3, 0, 1};
	unsigned at = short_func ? 9 : 10;
	const uint8_t tail[4] = {0, number == GO_GOEXIT, 0, 4};
	memcpy(&words[at++], tail, 4);
	words[at++] = 0;			       // unsafe points
	words[at++] = t->zero;			       // stack maps
	words[at++] = number == GO_LEAF ? t->zero : 0; // inlined calls
	words[at++] = t->locals;		       // arguments
	words[at++] = t->locals;
	words[at++] = number == GO_MAIN ? t->objects : nowhere;
	words[at++] = t->tree;
	return go_heap_bytes(h, GO_PART_RODATA, words, at * 4ull) - t->pclntable;
}

static inline void go_heap_gofunc(struct go_heap *h, struct go_heap_tables *t)
{
	const uint32_t locals[] = {1, 2, 3}; // one map of two words
	const uint32_t objects[] = {1,	0, (uint32_t)-24,
				    16, 8, 0}; // {count}, {offset, size, pointers, mask}
	const uint32_t old_call[] = {UINT32_MAX, 0, 3, 0, 2}, call[] = {0, 0, 2, 0};
	t->gofunc = go_heap_take(h, GO_PART_RODATA, 8);
	t->locals =
		(uint32_t)(go_heap_bytes(h, GO_PART_RODATA, locals, sizeof(locals)) - t->gofunc);
	t->objects =
		(uint32_t)(go_heap_bytes(h, GO_PART_RODATA, objects, sizeof(objects)) - t->gofunc);
	const bool old = h->minor < 20;
	t->tree = (uint32_t)(go_heap_bytes(h, GO_PART_RODATA, old ? old_call : call,
					   old ? sizeof(old_call) : sizeof(call)) -
			     t->gofunc);
}

static inline void go_heap_functions(struct go_heap *h, uint64_t module)
{
	static const uint8_t pctab[] = {0, 50, GO_HEAP_CODE, 0, 2, GO_HEAP_CODE,
					0, 22, GO_HEAP_CODE, 0};
	static const char file[] = "/made/up.go";
	struct go_heap_tables t = {.stack = 1, .zero = 4, .line = 7};
	const struct {
		uint32_t magic;
		uint8_t zeros[2], quantum, pointer;
	} header = {h->minor < 20 ? 0xfffffff0 : 0xfffffff1, {0}, 1, 8};
	const char *const type = "runtime.moduledata";
	go_heap_set(h, module, type, "pcHeader", go_heap_bytes(h, GO_PART_RODATA, &header, 8));
	t.pctab = go_heap_bytes(h, GO_PART_RODATA, pctab, sizeof(pctab));
	go_heap_set_slice(h, module, type, "pctab", t.pctab, sizeof(pctab));
	go_heap_set_slice(h, module, type, "filetab",
			  go_heap_bytes(h, GO_PART_RODATA, file, sizeof(file)), sizeof(file));
	go_heap_set_slice(h, module, type, "cutab", go_heap_take(h, GO_PART_RODATA, 4), 1);
	char names[128] = {0};
	uint32_t name_at[ARRAY_SIZE(go_functions)], length = 1;
	for (size_t i = 0; i < ARRAY_SIZE(go_functions); i++) {
		name_at[i] = length;
		length += (uint32_t)snprintf(names + length, sizeof(names) - length, "%s",
					     go_functions[i]) +
			  1;
	}
	go_heap_set_slice(h, module, type, "funcnametab",
			  go_heap_bytes(h, GO_PART_RODATA, names, length), length);
	go_heap_gofunc(h, &t);
	go_heap_set(h, module, type, "gofunc", t.gofunc);
	t.pclntable = go_heap_take(h, GO_PART_RODATA, 8);
	uint32_t ftab[2 * ARRAY_SIZE(go_functions) + 2];
	for (uint32_t i = 0; i < ARRAY_SIZE(go_functions); i++) {
		ftab[2 * i] = i * GO_HEAP_CODE;
		ftab[2 * i + 1] = (uint32_t)go_heap_func(h, &t, i, name_at[i]);
	}
	ftab[2 * ARRAY_SIZE(go_functions)] = ARRAY_SIZE(go_functions) * GO_HEAP_CODE;
	ftab[2 * ARRAY_SIZE(go_functions) + 1] = 0;
	const uint64_t end = go_heap_take(h, GO_PART_RODATA, 8);
	go_heap_set_slice(h, module, type, "pclntable", t.pclntable, end - t.pclntable);
	go_heap_set_slice(h, module, type, "ftab",
			  go_heap_bytes(h, GO_PART_RODATA, ftab, sizeof(ftab)),
			  ARRAY_SIZE(ftab) / 2);
	// The initialiser writes main.root: mov %rax, displacement(%rip).
	const uint64_t store = go_heap_code(h, GO_INIT) + 8;
	go_heap_put(h, store, 3, 0x058948);
	go_heap_put(h, store + 3, 4, go_heap_variable(h, "main.root") - (store + 7));
}

static inline void go_heap_module(struct go_heap *h)
{
	const char *const type = "runtime.moduledata";
	const uint64_t module = go_heap_variable(h, "runtime.firstmoduledata");
	const uint64_t text = go_heap_code(h, 0), etext = go_heap_code(h, ARRAY_SIZE(go_functions));
	const struct go_heap_part *rodata = &h->parts[GO_PART_RODATA],
				  *data = &h->parts[GO_PART_DATA];
	const uint64_t all = UINT64_MAX;
	go_heap_set(h, module, type, "text", text);
	go_heap_set(h, module, type, "etext", etext);
	go_heap_set(h, module, type, "minpc", text);
	go_heap_set(h, module, type, "maxpc", etext);
	go_heap_set(h, module, type, "types", rodata->addr);
	go_heap_set(h, module, type, "etypes", rodata->addr + rodata->size);
	go_heap_set(h, module, type, "rodata", rodata->addr);
	go_heap_set(h, module, type, "data", data->addr);
	go_heap_set(h, module, type, "edata", data->addr + GO_HEAP_DATA_WORDS * 8);
	go_heap_set(h, module, type, "bss", data->addr + GO_HEAP_DATA_WORDS * 8);
	go_heap_set(h, module, type, "ebss", data->addr + GO_HEAP_DATA_WORDS * 8 + 64);
	go_heap_set(h, module, type, "gcdatamask.n", GO_HEAP_DATA_WORDS);
	go_heap_set(h, module, type, "gcdatamask.bytedata",
		    go_heap_bytes(h, GO_PART_RODATA, &all, 8));
	const uint64_t array = go_heap_bytes(h, GO_PART_META, &module, 8);
	const uint64_t slice = go_heap_slice(h, go_heap_take(h, GO_PART_META, 24), array, 1);
	go_heap_put(h, go_heap_variable(h, "runtime.modulesSlice"), 8, slice);
	go_heap_functions(h, module);
}

// ---- spans --------------------------------------------------------------------------------------

struct go_heap_span {
	uint8_t page, pages, state, class;
	uint32_t size, used; // bytes of a slot; slots that are taken
};

static inline uint64_t go_heap_span(struct go_heap *h, const struct go_heap_span *s)
{
	const uint64_t span = go_heap_new(h, GO_PART_META, "runtime.mspan");
	const uint64_t bits = go_heap_take(h, GO_PART_META, 64),
		       marks = go_heap_take(h, GO_PART_META, 64);
	const char *const type = "runtime.mspan";
	go_heap_set(h, span, type, "startAddr", go_heap_page(h, s->page));
	go_heap_set(h, span, type, "npages", s->pages);
	go_heap_set(h, span, type, "nelems", s->size ? s->pages * GO_HEAP_PAGE / s->size : 0);
	go_heap_set(h, span, type, "freeindex", s->used / 2);
	go_heap_set(h, span, type, "allocBits", bits);
	go_heap_set(h, span, type, "gcmarkBits", marks);
	go_heap_set(h, span, type, "sweepgen",
		    s->page == GO_PAGE_STRINGS ? 4 : 6); // the strings are not swept yet
	go_heap_set(h, span, type, "state.s", s->state);
	go_heap_set(h, span, type, "spanclass", s->class);
	go_heap_set(h, span, type, "elemsize", s->size);
	go_heap_put(h, bits, 8, (1ull << s->used) - 1);
	go_heap_put(h, marks, 8, (1ull << s->used) - 2);
	return span;
}

/** The pointers of a span of main.T: in it, at its end, or in the arena's bitmap. */
static inline void go_heap_pointers(struct go_heap *h, unsigned page, unsigned words)
{
	const uint64_t mask = 0x3b;
	uint64_t inside = go_heap_page(h, page + 1) - GO_HEAP_PAGE / 64;
	if (h->minor >= 25)
		inside -= 128;
	const uint64_t word = (uint64_t)page * GO_HEAP_PAGE / 8,
		       bitmap = h->parts[GO_PART_BITMAP].addr;
	for (unsigned i = 0; i < words; i++) {
		const uint64_t set = mask >> (i % 8) & 1, at = word + i;
		uint8_t *byte;
		if (h->minor >= 22)
			*(byte = go_heap_at(h, inside + i / 8, 1)) |= (uint8_t)(set << (i % 8));
		else if (h->minor >= 20)
			*(byte = go_heap_at(h, bitmap + at / 8, 1)) |= (uint8_t)(set << (at % 8));
		else
			*(byte = go_heap_at(h, bitmap + at / 4, 1)) |=
				(uint8_t)((0x10 | set) << (at % 4));
	}
}

static inline uint64_t go_heap_specials(struct go_heap *h)
{
	static const char *const types[] = {"runtime.specialfinalizer", "runtime.specialWeakHandle",
					    "runtime.specialCleanup"};
	const uint8_t kinds[] = {1, 2, 6};
	uint64_t next = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		if (!hg_type_find(h->layout, types[i]))
			continue;
		const uint64_t special = go_heap_new(h, GO_PART_META, types[i]);
		go_heap_set(h, special, "runtime.special", "next", next);
		go_heap_set(h, special, "runtime.special", "offset", i * 128);
		go_heap_set(h, special, "runtime.special", "kind", kinds[i]);
		go_heap_set(h, special, types[i], "fn|cleanup.fn|handle",
			    go_heap_page(h, GO_PAGE_SMALL) + i * 64);
		go_heap_set(h, special, types[i], "ot", go_heap_described(h, "*main.T"));
		go_heap_set(h, special, types[i], "cleanup.arg",
			    go_heap_page(h, GO_PAGE_SMALL) + 64);
		next = special;
	}
	return next;
}

static inline void go_heap_spans(struct go_heap *h)
{
	static const struct go_heap_span spans[] = {
		{GO_PAGE_SMALL, 1, 1, 5 << 1, 64, 20},
		{GO_PAGE_STRINGS, 1, 1, 2 << 1 | 1, 16, 40},
		{GO_PAGE_TYPED, 1, 1, 32 << 1, 1024, 5},
		{GO_PAGE_LARGE, 2, 1, 0, 2 * GO_HEAP_PAGE, 1},
		{GO_PAGE_STACK, 1, 2, 0, 0, 0},
		{GO_PAGE_RECORDED, 1, 1, 9 << 1, 128, 10},
		{GO_PAGE_RUNTIME, 1, 1, 25 << 1, 512, 12},
		{0, 1, 0, 0, 0, 0}, // the last one is free
	};
	uint64_t addrs[ARRAY_SIZE(spans)];
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
		addrs[i] = go_heap_span(h, &spans[i]);
		if (spans[i].page == GO_PAGE_LARGE)
			go_heap_set(h, addrs[i], "runtime.mspan", "largeType",
				    go_heap_described(h, "main.T"));
		if (spans[i].page == GO_PAGE_RECORDED)
			go_heap_set(h, addrs[i], "runtime.mspan", "specials", go_heap_specials(h));
	}
	const uint64_t heap = go_heap_variable(h, "runtime.mheap_");
	const uint64_t array = go_heap_bytes(h, GO_PART_META, addrs, sizeof(addrs));
	go_heap_set_slice(h, heap, "runtime.mheap", "allspans", array, ARRAY_SIZE(addrs));
	go_heap_set(h, heap, "runtime.mheap", "sweepgen", 6);
	// The table of arenas starts at the lowest canonical address; only the entry of our arena is there.
	const uint64_t number = (h->parts[GO_PART_HEAP].addr - 0xffff800000000000) >> 26;
	const uint64_t arena = go_heap_bytes(h, GO_PART_META, &h->parts[GO_PART_BITMAP].addr, 8);
	go_heap_set(h, heap, "runtime.mheap", "arenas", arena - number * 8);
	go_heap_pointers(h, GO_PAGE_SMALL, 20 * 8);
	go_heap_pointers(h, GO_PAGE_RECORDED, 10 * 16);
	go_heap_pointers(h, GO_PAGE_RUNTIME, 12 * 64);
}

// ---- objects ------------------------------------------------------------------------------------

static inline void go_heap_object(struct go_heap *h, uint64_t addr, unsigned i)
{
	const uint64_t small = go_heap_page(h, GO_PAGE_SMALL);
	go_heap_set(h, addr, "main.T", "next", small + (i + 1) % 20 * 64);
	go_heap_set(h, addr, "main.T", "name.str", go_heap_page(h, GO_PAGE_STRINGS) + i * 16ull);
	go_heap_set(h, addr, "main.T", "name.len", 10);
	go_heap_put(h, addr + 24, 8, go_heap_described(h, i % 2 ? "*main.T" : "string"));
	go_heap_put(h, addr + 32, 8, small + (i + 5) % 20 * 64);
	if (i % 4 == 0)
		go_heap_slice(h, addr + 40, go_heap_page(h, GO_PAGE_RECORDED) + i * 32ull, 4);
}

static inline void go_heap_objects(struct go_heap *h)
{
	for (unsigned i = 0; i < 20; i++)
		go_heap_object(h, go_heap_page(h, GO_PAGE_SMALL) + i * 64ull, i);
	for (unsigned i = 0; i < 5; i++) {
		static const char *const types[] = {"main.T", "", "main.T", "[]*main.T", "string"};
		const uint64_t addr = go_heap_page(h, GO_PAGE_TYPED) + i * 1024ull;
		go_heap_put(h, addr, 8, go_heap_described(h, types[i]));
		go_heap_object(h, addr + 8, i);
	}
	for (unsigned i = 0; i < 4; i++)
		go_heap_object(h, go_heap_page(h, GO_PAGE_LARGE) + i * 64ull, i + 6);
	const uint64_t data = h->parts[GO_PART_DATA].addr;
	go_heap_put(h, go_heap_variable(h, "main.root"), 8, go_heap_page(h, GO_PAGE_SMALL));
	go_heap_slice(h, go_heap_variable(h, "main.list"), go_heap_page(h, GO_PAGE_RECORDED), 8);
	go_heap_put(h, go_heap_variable(h, "main.any"), 8, go_heap_described(h, "main.T"));
	go_heap_put(h, go_heap_variable(h, "main.any") + 8, 8, go_heap_page(h, GO_PAGE_LARGE));
	go_heap_put(h, go_heap_variable(h, "main.static"), 8, data + 192);
	go_heap_object(h, data + 192, 3); // unnamed
	for (unsigned i = 0; i < 5; i++)  // and words that no variable leads to
		go_heap_put(h, data + 256 + i * 8, 8, go_heap_page(h, GO_PAGE_TYPED) + i * 1024);
}

/** A map of this release: a bucket, or one group where the directory would be. */
static inline void go_heap_map(struct go_heap *h, uint64_t page)
{
	const uint64_t maps = page + 4 * 512, map = maps + 64, part = maps + 128,
		       table = maps + 192, chan = maps + 256;
	const char *const hash = "hash<string,*main.T>", *const swiss = "map<string,*main.T>";
	go_heap_put(h, go_heap_variable(h, "main.maps"), 8, maps);
	go_heap_set(h, maps, "main.Maps", "old|map", map);
	go_heap_set(h, maps, "main.Maps", "chan", chan);
	go_heap_set(h, maps, "main.Maps", "fn", page + 5 * 512);
	go_heap_put(h, page + 5 * 512, 8, go_heap_code(h, GO_LEAF));
	go_heap_set(h, map, hash, "count", 3);
	go_heap_set(h, map, hash, "buckets", part);
	go_heap_set(h, map, swiss, "used", 3);
	go_heap_set(h, map, swiss, "dirPtr", part);
	go_heap_set(h, map, swiss, "dirLen", 1);
	go_heap_put(h, part, 8, h->minor >= 24 ? table : 7);
	go_heap_set(h, table, "table<string,*main.T>", "groups.data",
		    go_heap_page(h, GO_PAGE_TYPED));
	go_heap_put(h, chan, 8, 2);
	go_heap_put(h, chan + 8, 8, go_heap_page(h, GO_PAGE_RECORDED) + 256);
}

static inline void go_heap_goroutines(struct go_heap *h, uint64_t page)
{
	const uint64_t g = page, m = page + 512, stack = go_heap_page(h, GO_PAGE_STACK),
		       sp = stack + 4096;
	const uint64_t other = page + 9 * 512, record = page + 10 * 512;
	const uint64_t gs[] = {g, other};
	for (unsigned i = 0; i < 2; i++) {
		go_heap_set(h, gs[i], "runtime.g", "stack.lo", stack + i * 6144);
		go_heap_set(h, gs[i], "runtime.g", "stack.hi", stack + 6144 + i * 2048);
		go_heap_set(h, gs[i], "runtime.g", "sched.sp", sp + i * 3072);
		go_heap_set(h, gs[i], "runtime.g", "sched.pc", go_heap_code(h, GO_LEAF) + 8);
		go_heap_set(h, gs[i], "runtime.g", "atomicstatus", i ? 2 : 4); // running, waiting
		go_heap_set(h, gs[i], "runtime.g", "goid", i + 1);
		go_heap_set(h, gs[i], "runtime.g", "m", m);
		go_heap_set(h, gs[i], "runtime.g", "waitreason", 1);
		go_heap_set(h, gs[i], "runtime.g", "startpc", go_heap_code(h, GO_MAIN));
		go_heap_set(h, gs[i], "runtime.g", "gopc", go_heap_code(h, GO_INIT) + 4);
	}
	go_heap_set(h, g, "runtime.g", "_defer", record);
	go_heap_set(h, g, "runtime.g", "waiting", record + 64);
	go_heap_set(h, record, "runtime._defer", "heap", 1);
	go_heap_set(h, record, "runtime._defer", "fn", page + 5 * 512);
	go_heap_set(h, record + 64, "runtime.sudog", "g", g);
	// Frames of leaf, main and goexit: 24 bytes, a return address.
	for (unsigned i = 0; i < 3; i++) {
		const uint64_t frame = sp + i * 32;
		go_heap_put(h, frame, 8, go_heap_page(h, GO_PAGE_SMALL) + i * 64);
		go_heap_put(h, frame + 8, 8, sp + 32);
		go_heap_put(h, frame + 24, 8, go_heap_code(h, i + 1) + 4);
	}
	memcpy(go_heap_at(h, sp + 3072, 96), go_heap_at(h, sp, 96), 96);
	go_heap_set(h, m, "runtime.m", "curg", other);
	go_heap_set(h, m, "runtime.m", "procid", 100);
	go_heap_put(h, go_heap_variable(h, "runtime.allm"), 8, m);
	const uint64_t array = go_heap_bytes(h, GO_PART_META, gs, sizeof(gs));
	go_heap_slice(h, go_heap_variable(h, "runtime.allgs"), array, 2);
	go_heap_put(h, go_heap_variable(h, "runtime.waitReasonStrings") + 16, 8,
		    h->parts[GO_PART_DATA].addr + 912);
	go_heap_put(h, go_heap_variable(h, "runtime.waitReasonStrings") + 24, 8, 4);
	memcpy(go_heap_at(h, h->parts[GO_PART_DATA].addr + 912, 4), "wait", 4);
}

static inline void go_heap_timers(struct go_heap *h, uint64_t page)
{
	const uint64_t p = page + 2 * 512, timer = page + 3 * 512, heap = page + 6 * 512;
	go_heap_put(h, heap, 8, timer);
	go_heap_put(h, timer, 8, page + 5 * 512 + 64); // its function: a closure
	go_heap_put(h, page + 5 * 512 + 64, 8, go_heap_code(h, GO_TIMER));
	go_heap_put(h, timer + 16, 8, page + 5 * 512);
	go_heap_set_slice(h, p, "runtime.p", "timers.heap|timers", heap, 1);
	go_heap_slice(h, go_heap_variable(h, "runtime.allp"), go_heap_bytes(h, GO_PART_META, &p, 8),
		      1);
	const uint64_t pool = page + 7 * 512;
	go_heap_slice(h, go_heap_variable(h, "sync.allPools"),
		      go_heap_bytes(h, GO_PART_META, &pool, 8), 1);
}

static inline void go_heap_queues(struct go_heap *h)
{
	const uint64_t block = go_heap_new(h, GO_PART_META, "runtime.finblock");
	go_heap_set(h, block, "runtime.finblock", "cnt", 2);
	go_heap_put(h, block + 16, 8, go_heap_page(h, GO_PAGE_SMALL) + 640);
	go_heap_put(h, go_heap_variable(h, "runtime.allfin"), 8, block);
	if (h->minor < 25)
		return;
	const uint64_t cleanups = go_heap_new(h, GO_PART_META, "runtime.cleanupBlock");
	go_heap_set(h, cleanups, "runtime.cleanupBlock", "n", 2);
	go_heap_put(h, cleanups + 16, 8, go_heap_page(h, GO_PAGE_SMALL) + 704);
	go_heap_put(h, go_heap_variable(h, "runtime.gcCleanups"), 8, cleanups);
}

static inline void go_heap_write(struct go_heap *h)
{
	char version[16];
	const int length = snprintf(version, sizeof(version), "go1.%u.1", h->minor);
	h->parts[GO_PART_META].used = 64;
	h->parts[GO_PART_RODATA].used = (ARRAY_SIZE(go_described) + 1) * GO_HEAP_DESCRIPTOR;
	const uint64_t at = go_heap_variable(h, "runtime.buildVersion");
	go_heap_put(h, at, 8, go_heap_bytes(h, GO_PART_RODATA, version, (uint64_t)length));
	go_heap_put(h, at + 8, 8, (uint64_t)length);
	for (size_t i = 0; i < ARRAY_SIZE(go_described); i++)
		go_heap_describe(h, i);
	go_heap_module(h);
	go_heap_spans(h);
	go_heap_objects(h);
	const uint64_t page = go_heap_page(h, GO_PAGE_RUNTIME);
	go_heap_map(h, page);
	go_heap_goroutines(h, page);
	go_heap_timers(h, page);
	go_heap_queues(h);
	go_heap_put(h, h->parts[GO_PART_META].addr + 8, 8, page + 9 * 512); // g of the thread
}

#endif
