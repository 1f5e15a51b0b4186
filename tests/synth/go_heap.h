/**
 * A Go program of one page of everything, made by hand: types as debug info would give them (go_types.h), memory as a
 * dump would. A goroutine waits in main.leaf; spans of each kind hold a few objects; there are specials, queues, timers,
 * a pool and a map. For tests that damage it.
 *
 *	struct go_heap heap;
 *	go_heap_init(&heap, 22);                   // as Go 1.22 would have it
 *	... heap.parts[GO_PART_HEAP].bytes[0] ...  // damage
 *	struct hg_program *prog = go_heap_program(&heap);
 *	... hg_program_destroy(prog) ...
 *	go_heap_deinit(&heap);
 */
#ifndef HG_SYNTH_GO_HEAP_H
#define HG_SYNTH_GO_HEAP_H

#include <stdlib.h>
#include <string.h>

#include "core/image_build.h"
#include "dwarf/layout.h"
#include "dwarf/program_private.h"
#include "tests/synth/go_types.h"

enum go_part {
	GO_PART_TEXT,
	GO_PART_RODATA,
	GO_PART_DATA,
	GO_PART_META,
	GO_PART_HEAP,
	GO_PART_BITMAP,
	GO_PARTS
};

enum {
	GO_HEAP_PAGE = 8192,
	GO_HEAP_PAGES = 8,
	GO_HEAP_BITMAP = 2 << 20, // the largest: 2 bits a word of an arena
	GO_HEAP_DESCRIPTOR = 128, // bytes from one descriptor to the next
	GO_HEAP_CODE = 64,	  // bytes of a function
	GO_HEAP_DATA_WORDS = 64,  // of what the mask of the data segment covers
};

struct go_heap {
	unsigned minor;
	struct go_heap_part {
		uint64_t addr, size, used;
		uint8_t *bytes;
	} parts[GO_PARTS];
	struct hg_program *layout; /* its types, while the memory is written */
};

// ---- types --------------------------------------------------------------------------------------

static uint32_t go_heap_type(struct hg_program *prog, const char *name);

static inline uint32_t go_heap_add_type(struct hg_program *prog, const char *name, uint8_t kind,
					uint8_t go_kind, uint64_t size)
{
	const struct hg_type type = {.name = hg_program_string(prog, name),
				     .kind = kind,
				     .go_kind = go_kind,
				     .size = size};
	const uint32_t id = hg_type_add(prog, &type);
	hg_assert(id);
	return id;
}

static inline void go_heap_add_member(struct hg_program *prog, uint32_t type, const char *name,
				      uint32_t of, uint64_t offset)
{
	const struct hg_member member = {
		.name = hg_program_string(prog, name), .type = of, .offset = offset};
	hg_assert(hg_type_add_member(prog, type, &member));
}

static inline uint32_t go_heap_slice_type(struct hg_program *prog, const char *name)
{
	char pointer[128];
	snprintf(pointer, sizeof(pointer), "*%s", name + 2);
	const uint32_t array = go_heap_type(prog, pointer), number = go_heap_type(prog, "u64");
	const uint32_t id = go_heap_add_type(prog, name, HG_TYPE_STRUCT, HG_GO_SLICE, 24);
	go_heap_add_member(prog, id, "array", array, 0);
	go_heap_add_member(prog, id, "len", number, 8);
	go_heap_add_member(prog, id, "cap", number, 16);
	return id;
}

/** Returns the type that a row names, made where it is not there yet; pointees are set in the end. */
static uint32_t go_heap_type(struct hg_program *prog, const char *name)
{
	const uint32_t known = hg_type_find(prog, name);
	if (known)
		return known;
	if (name[0] == 'u')
		return go_heap_add_type(prog, name, HG_TYPE_UINT, HG_GO_INT,
					strtoull(name + 1, NULL, 10) / 8);
	if (!strcmp(name, "func"))
		return go_heap_add_type(prog, name, HG_TYPE_FUNC, HG_GO_FUNC, 8);
	if (!strncmp(name, "[]", 2))
		return go_heap_slice_type(prog, name);
	if (name[0] == '[') {
		const uint32_t byte = go_heap_type(prog, "u8");
		const uint64_t count = strtoull(name + 1, NULL, 10);
		const uint32_t id = go_heap_add_type(prog, name, HG_TYPE_ARRAY, HG_GO_ARRAY, count);
		prog->types.types.data[id].elem = byte;
		prog->types.types.data[id].count = count;
		return id;
	}
	hg_assert(name[0] == '*');
	return go_heap_add_type(prog, name, HG_TYPE_POINTER, HG_GO_POINTER, 8);
}

static inline void go_heap_string_type(struct hg_program *prog)
{
	const uint32_t bytes = go_heap_type(prog, "*u8"), number = go_heap_type(prog, "u64");
	const uint32_t id = go_heap_add_type(prog, "string", HG_TYPE_STRUCT, HG_GO_STRING, 16);
	go_heap_add_member(prog, id, "str", bytes, 0);
	go_heap_add_member(prog, id, "len", number, 8);
}

static inline bool go_heap_row_counts(const struct go_field_row *row, unsigned minor)
{
	return minor >= row->from && (!row->to || minor <= row->to);
}

/** Adds the struct whose rows start at `first`; returns how many rows it has. */
static inline size_t go_heap_struct(struct hg_program *prog, size_t first, unsigned minor)
{
	enum { MAX_FIELDS = 64 };
	const char *owner = go_field_rows[first].owner;
	uint32_t types[MAX_FIELDS];
	size_t count = 0;
	for (; first + count < ARRAY_SIZE(go_field_rows) &&
	       !strcmp(go_field_rows[first + count].owner, owner);
	     count++)
		types[count] = go_heap_row_counts(&go_field_rows[first + count], minor)
				       ? go_heap_type(prog, go_field_rows[first + count].type)
				       : 0;
	uint32_t id = 0;
	uint64_t size = 0;
	for (size_t i = 0; i < count; i++) {
		if (!types[i])
			continue;
		if (!id)
			id = go_heap_add_type(prog, owner, HG_TYPE_STRUCT, HG_GO_STRUCT, 0);
		const uint64_t bytes = hg_type_get(prog, types[i])->size,
			       align = bytes < 8 ? bytes : 8;
		size = (size + align - 1) / align * align;
		go_heap_add_member(prog, id, go_field_rows[first + i].name, types[i], size);
		size += bytes;
	}
	if (id)
		prog->types.types.data[id].size = (size + 7) / 8 * 8;
	return count;
}

/** Types that the runtime describes itself: their descriptors lie at multiples of GO_HEAP_DESCRIPTOR, from 1 on. */
static const struct go_described {
	const char *name;
	uint8_t kind;
} go_described[] = {
	{"main.T", HG_GO_STRUCT},   {"*main.T", HG_GO_POINTER}, {"string", HG_GO_STRING},
	{"[]*main.T", HG_GO_SLICE}, {"main.Big", HG_GO_STRUCT}, {"interface {}", HG_GO_INTERFACE},
	{"", HG_GO_ARRAY}, // of reflect: debug info does not know it
};

static inline void go_heap_types(struct hg_program *prog, unsigned minor)
{
	go_heap_string_type(prog);
	for (size_t i = 0; i < ARRAY_SIZE(go_field_rows);)
		i += go_heap_struct(prog, i, minor);
	for (uint32_t id = 1; id < prog->types.types.count; id++) {
		struct hg_type *type = &prog->types.types.data[id];
		const char *name = hg_program_text(prog, type->name);
		if (type->kind == HG_TYPE_POINTER && name[1])
			type->elem = hg_type_find(prog, name + 1);
		else if (type->go_kind == HG_GO_SLICE)
			type->go_elem = hg_type_find(prog, name + 2);
	}
	for (size_t i = 0; i < ARRAY_SIZE(go_described); i++) {
		const uint32_t id = hg_type_find(prog, go_described[i].name);
		uint64_t *place =
			hg_map_put(&prog->types.by_descriptor, (i + 1) * GO_HEAP_DESCRIPTOR);
		hg_assert(place);
		*place = id;
	}
}

// ---- memory -------------------------------------------------------------------------------------

static inline uint8_t *go_heap_at(struct go_heap *h, uint64_t addr, uint64_t size)
{
	for (unsigned i = 0; i < GO_PARTS; i++) {
		struct go_heap_part *part = &h->parts[i];
		if (addr >= part->addr && addr - part->addr + size <= part->size)
			return part->bytes + (addr - part->addr);
	}
	hg_assert(!"an address of the made-up program");
	return NULL;
}

static inline void go_heap_put(struct go_heap *h, uint64_t addr, unsigned size, uint64_t value)
{
	memcpy(go_heap_at(h, addr, size), &value, size);
}

/** Takes room from a part. */
static inline uint64_t go_heap_take(struct go_heap *h, enum go_part number, uint64_t size)
{
	struct go_heap_part *part = &h->parts[number];
	const uint64_t addr = part->addr + part->used;
	part->used += (size + 7) / 8 * 8;
	hg_assert(part->used <= part->size);
	return addr;
}

static inline uint64_t go_heap_bytes(struct go_heap *h, enum go_part part, const void *bytes,
				     uint64_t size)
{
	const uint64_t addr = go_heap_take(h, part, size);
	memcpy(go_heap_at(h, addr, size), bytes, size);
	return addr;
}

/** Sets a field ("stack.lo") of a structure at addr; one that this release does not have is left out. */
static inline void go_heap_set(struct go_heap *h, uint64_t addr, const char *type, const char *path,
			       uint64_t value)
{
	struct hg_field field = {0};
	const struct hg_want want = {&field, type, path, true, false};
	hg_assert(!hg_layout_resolve(h->layout, &want, 1));
	if (field.present)
		go_heap_put(h, addr + field.offset, field.size < 8 ? field.size : 8, value);
}

static inline uint64_t go_heap_new(struct go_heap *h, enum go_part part, const char *type)
{
	return go_heap_take(h, part, hg_type_get(h->layout, hg_type_find(h->layout, type))->size);
}

static inline uint64_t go_heap_slice(struct go_heap *h, uint64_t addr, uint64_t array,
				     uint64_t count)
{
	go_heap_put(h, addr, 8, array);
	go_heap_put(h, addr + 8, 8, count);
	go_heap_put(h, addr + 16, 8, count);
	return addr;
}

static inline void go_heap_set_slice(struct go_heap *h, uint64_t addr, const char *type,
				     const char *path, uint64_t array, uint64_t count)
{
	struct hg_field field = {0};
	const struct hg_want want = {&field, type, path, true, false};
	hg_assert(!hg_layout_resolve(h->layout, &want, 1));
	if (field.present)
		go_heap_slice(h, addr + field.offset, array, count);
}

static inline uint64_t go_heap_page(const struct go_heap *h, unsigned page)
{
	return h->parts[GO_PART_HEAP].addr + (uint64_t)page * GO_HEAP_PAGE;
}

#include "tests/synth/go_memory.h"

// ---- the program --------------------------------------------------------------------------------

static inline void go_heap_init(struct go_heap *h, unsigned minor)
{
	static const struct go_heap_part parts[GO_PARTS] = {
		[GO_PART_TEXT] = {.addr = 0x401000, .size = 512},
		[GO_PART_RODATA] = {.addr = 0x480000, .size = 4096},
		[GO_PART_DATA] = {.addr = 0x500000, .size = 4096},
		[GO_PART_META] = {.addr = 0x7f0000000000, .size = 8192},
		[GO_PART_HEAP] = {.addr = 0xc000000000, .size = GO_HEAP_PAGES * GO_HEAP_PAGE},
		[GO_PART_BITMAP] = {.addr = 0x7f1000000000, .size = GO_HEAP_BITMAP},
	};
	*h = (struct go_heap){.minor = minor};
	memcpy(h->parts, parts, sizeof(parts));
	for (unsigned i = 0; i < GO_PARTS; i++)
		hg_assert((h->parts[i].bytes = calloc(1, h->parts[i].size)));
	hg_assert(!hg_program_create_bare(NULL, NULL, &h->layout));
	go_heap_types(h->layout, minor);
	go_heap_write(h);
	hg_program_destroy(h->layout);
	h->layout = NULL;
}

static inline void go_heap_deinit(struct go_heap *h)
{
	for (unsigned i = 0; i < GO_PARTS; i++)
		free(h->parts[i].bytes);
}

static inline struct hg_image *go_heap_image(const struct go_heap *h)
{
	struct hg_image *image = NULL;
	hg_assert(!hg_image_create(HG_IMAGE_CORE, NULL, &image));
	image->arch = &hg_arch_x86_64;
	for (unsigned i = 0; i < GO_PARTS; i++) {
		const struct go_heap_part *part = &h->parts[i];
		hg_assert(!hg_image_add(image,
					(struct hg_segment){.addr = part->addr,
							    .size = part->size,
							    .present = part->size,
							    .bytes = part->bytes,
							    .prot = HG_PROT_READ | HG_PROT_WRITE}));
	}
	hg_assert(!hg_image_finish(image));
	struct hg_thread *thread = hg_vec_push(&image->threads);
	hg_assert(thread);
	thread->tid = 100;
	thread->sp = thread->regs[7] = go_heap_page(h, GO_PAGE_STACK) + 4096;
	thread->pc = thread->regs[16] = h->parts[GO_PART_TEXT].addr + 8;
	thread->tls = h->parts[GO_PART_META].addr + 16;
	return image;
}

/** A program on the memory as it is now. It views the memory of h. */
static inline struct hg_program *go_heap_program(const struct go_heap *h)
{
	struct hg_program *prog = NULL;
	hg_assert(!hg_program_create_bare(go_heap_image(h), NULL, &prog));
	go_heap_types(prog, h->minor);
	for (size_t i = 0; i < ARRAY_SIZE(go_variables); i++) {
		const char *name = go_variables[i].type;
		if (name[0] == 'r' && !hg_type_find(prog, name))
			continue; // of a later release
		struct hg_variable *variable = hg_vec_push(&prog->globals);
		hg_assert(variable);
		*variable = (struct hg_variable){
			.name = hg_program_string(prog, go_variables[i].name),
			.type = go_heap_type(prog, name),
			.addr = h->parts[GO_PART_DATA].addr + go_variables[i].offset,
		};
		variable->size = hg_type_get(prog, variable->type)->size;
	}
	hg_assert(!hg_variable_finish(prog));
	for (size_t i = 0; i < ARRAY_SIZE(go_constants); i++) {
		if (h->minor < go_constants[i].from)
			continue;
		uint64_t *value =
			hg_map_put(&prog->constants, hg_program_string(prog, go_constants[i].name));
		hg_assert(value);
		*value = go_constants[i].value;
	}
	return prog;
}

#endif
