/**
 * Makes function tables as the Go linker writes them, in memory, for tests: two functions, the second with an inlined call.
 *
 *   0x401000  main.first            main.go:10, from +8 on :12
 *   0x401040  main.init             init.go:20; [+16, +32) is inlined main.leaf, leaf.go:7, called on line 21
 *   0x401080  end
 *
 * Both have frames of 32 bytes from +8 on: two words of locals, of which the maps call the first live in [+8, +16) and the
 * second behind; saved frame pointer; return address. The second word of main.init is a stack object, too.
 */
#ifndef HG_TESTS_MADE_PCLN_H
#define HG_TESTS_MADE_PCLN_H

#include <elf.h>
#include <string.h>

#include "graph/heap/heap_go_pcln.h"

#define MADE_TEXT 0x401000ull
#define MADE_TABLES 0x500000ull
#define MADE_DATA 0x600000ull

struct made_value { /* the value of a pc table up to an offset from the entry */
	int32_t value;
	uint32_t until;
};

struct made_pcln {
	struct heap_go go;
	struct hg_program prog;
	struct hg_image image;
	struct hg_arch arch;
	struct hg_coverage coverage;
	struct hg_segment segments[3];
	struct go_module module;
	uint8_t code[256], data[64], tables[4096];
	uint32_t used; /* of tables */
};

static inline uint32_t made_bytes(struct made_pcln *m, const void *bytes, size_t size)
{
	const uint32_t at = m->used;
	hg_assert(at + size <= sizeof(m->tables));
	memcpy(m->tables + at, bytes, size);
	m->used += (uint32_t)size;
	return at;
}

static inline uint32_t made_u32(struct made_pcln *m, uint32_t value)
{
	return made_bytes(m, &value, 4);
}

static inline void made_align(struct made_pcln *m)
{
	m->used = (m->used + 7) & ~7u;
}

static inline void made_varint(struct made_pcln *m, uint32_t value)
{
	for (; value >= 0x80; value >>= 7)
		made_bytes(m, &(uint8_t){(uint8_t)(value | 0x80)}, 1);
	made_bytes(m, &(uint8_t){(uint8_t)value}, 1);
}

/** Adds a pc-value table; returns where it starts. */
static inline uint32_t made_values(struct made_pcln *m, const struct made_value *values,
				   size_t count)
{
	const uint32_t at = m->used;
	int32_t last = -1;
	uint32_t pc = 0;
	for (size_t i = 0; i < count; i++) {
		const int32_t step = values[i].value - last;
		made_varint(m, step < 0 ? ~((uint32_t)step << 1) : (uint32_t)step << 1);
		made_varint(m, values[i].until - pc);
		last = values[i].value;
		pc = values[i].until;
	}
	made_varint(m, 0);
	return at;
}

struct made_func {
	uint32_t entry, name, pcsp, pcfile, pcln, inlining; /* inlining 0: none */
	uint32_t tree;
	uint32_t stack_map, args, locals, objects; /* 0: none */
	uint8_t flag;
};

static inline uint32_t made_funcdata(uint32_t offset)
{
	return offset ? offset : UINT32_MAX;
}

/** Adds a _func with the stack map and inlining tables; returns its offset from pclntable. */
static inline uint32_t made_func(struct made_pcln *m, bool old, const struct made_func *f)
{
	const uint32_t head[] = {f->entry, f->name, 0, 0, f->pcsp, f->pcfile, f->pcln, 3, 0};
	const uint32_t at = made_bytes(m, head, sizeof(head));
	if (!old)
		made_u32(m, 1); // startLine
	made_bytes(m, (const uint8_t[]){0, f->flag, 0, 4}, 4);
	made_bytes(m, (const uint32_t[]){0, f->stack_map, f->inlining}, 12);
	const uint32_t data[] = {made_funcdata(f->args), made_funcdata(f->locals),
				 made_funcdata(f->objects), made_funcdata(f->tree)};
	made_bytes(m, data, sizeof(data));
	return at;
}

static inline void made_map(struct made_pcln *m)
{
	m->segments[0] = (struct hg_segment){.addr = MADE_TEXT,
					     .size = sizeof(m->code),
					     .present = sizeof(m->code),
					     .bytes = m->code};
	m->segments[1] = (struct hg_segment){.addr = MADE_TABLES,
					     .size = sizeof(m->tables),
					     .present = sizeof(m->tables),
					     .bytes = m->tables};
	m->segments[2] = (struct hg_segment){.addr = MADE_DATA,
					     .size = sizeof(m->data),
					     .present = sizeof(m->data),
					     .bytes = m->data};
	m->arch = (struct hg_arch){.name = "x86-64", .elf_machine = EM_X86_64};
	m->image = (struct hg_image){.segments = m->segments,
				     .segment_count = 3,
				     .arch = &m->arch,
				     .sysroot = "",
				     .comm = ""};
	m->prog.image = &m->image;
	m->go.prog = &m->prog;
	m->go.coverage = &m->coverage;
	m->go.modules.data = &m->module;
	m->go.modules.count = 1;
}

static inline void made_functions(struct made_pcln *m, bool old, const uint32_t *names)
{
	const uint32_t sp = made_values(m, (struct made_value[]){{0, 8}, {24, 64}}, 2);
	const uint32_t file = made_values(m, (struct made_value[]){{0, 64}}, 1);
	const uint32_t line = made_values(m, (struct made_value[]){{10, 8}, {12, 64}}, 2);
	const uint32_t init_file =
		made_values(m, (struct made_value[]){{1, 16}, {2, 32}, {1, 64}}, 3);
	const uint32_t init_line =
		made_values(m, (struct made_value[]){{20, 8}, {21, 16}, {7, 32}, {20, 64}}, 4);
	const uint32_t inlining =
		made_values(m, (struct made_value[]){{-1, 16}, {0, 32}, {-1, 64}}, 3);
	const uint32_t maps = made_values(m, (struct made_value[]){{-1, 8}, {0, 16}, {1, 64}}, 3);
	const uint32_t mask = made_bytes(m, &(uint8_t){1}, 1);
	made_align(m);
	const uint32_t locals = made_bytes(m, (const uint32_t[]){2, 2, 0x0201}, 12);
	made_align(m);
	const uint32_t objects = made_bytes(m, (const uint32_t[]){1, 0, -8u, 8, 8, mask}, 24);
	uint32_t tree = m->used;
	if (old)
		made_bytes(m, (const uint32_t[]){0xffff, 0, 7, names[2], 8}, 20);
	else
		made_bytes(m, (const uint32_t[]){0, names[2], 8, 5}, 16);
	const struct made_func first = {
		.name = names[0],
		.pcsp = sp,
		.pcfile = file,
		.pcln = line,
		.stack_map = maps,
		.locals = locals,
	};
	const struct made_func second = {
		.entry = 0x40,
		.name = names[1],
		.pcsp = sp,
		.pcfile = init_file,
		.pcln = init_line,
		.inlining = inlining,
		.tree = tree,
		.stack_map = maps,
		.locals = locals,
		.objects = objects,
		.flag = GO_FUNC_TOPFRAME,
	};
	const uint32_t a = made_func(m, old, &first), b = made_func(m, old, &second);
	made_align(m);
	m->module.ftab = MADE_TABLES + m->used;
	m->module.ftab_count = 3;
	made_bytes(m, (const uint32_t[]){0, a, 0x40, b, 0x80, 0}, 24);
}

/** Lays the module out; old: as Go 1.18 and 1.19 do. The caller changes m->module at will and opens m->go. */
static inline void made_init(struct made_pcln *m, bool old)
{
	memset(m, 0, sizeof(*m));
	made_u32(m, old ? 0xfffffff0u : 0xfffffff1u);
	made_bytes(m, (const uint8_t[]){0, 0, 1, 8}, 4);
	const uint32_t names[] = {
		made_bytes(m, "main.first", 11),
		made_bytes(m, "main.init", 10),
		made_bytes(m, "main.leaf", 10),
	};
	const uint32_t files[] = {
		made_bytes(m, "main.go", 8),
		made_bytes(m, "init.go", 8),
		made_bytes(m, "leaf.go", 8),
	};
	made_align(m);
	const uint32_t units = made_bytes(m, files, sizeof(files));
	made_functions(m, old, names);
	m->module = (struct go_module){
		.addr = MADE_TABLES, // all offsets count from here
		.pclntab = MADE_TABLES,
		.pclntable = MADE_TABLES,
		.funcnametab = MADE_TABLES,
		.filetab = MADE_TABLES,
		.pctab = MADE_TABLES,
		.gofunc = MADE_TABLES,
		.cutab = MADE_TABLES + units,
		.cutab_count = 3,
		.ftab = m->module.ftab,
		.ftab_count = 3,
		.pclntable_size = m->used,
		.funcnametab_size = m->used,
		.filetab_size = m->used,
		.pctab_size = m->used,
		.rodata = MADE_TABLES,
		.minpc = MADE_TEXT,
		.maxpc = MADE_TEXT + 0x80,
		.text = MADE_TEXT,
		.etext = MADE_TEXT + 0x80,
	};
	made_map(m);
}

static inline void made_deinit(struct made_pcln *m)
{
	go_pcln_close(&m->go);
	hg_strtab_deinit(&m->prog.strings);
	hg_coverage_deinit(&m->coverage);
	hg_vec_deinit(&m->prog.globals);
}

#endif
