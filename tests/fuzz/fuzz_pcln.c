// Bytes become a Go module: 16 numbers of two bytes say where its function tables lie in what follows, which is their memory
// and the code, too. Every pc of it is asked for its function, calls, maps and line.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "tests/unit/made_pcln.h"

enum { HEAD = 32, MAX_BYTES = 16384, STEP = 3 };

static struct go_module module_of(const uint8_t *head)
{
	uint64_t at[16];
	for (unsigned i = 0; i < 16; i++)
		at[i] = hg_load_u16(head + i * 2);
	return (struct go_module){
		.pclntab = MADE_TABLES + at[0],
		.funcnametab = MADE_TABLES + at[1],
		.funcnametab_size = at[2],
		.cutab = MADE_TABLES + at[3],
		.cutab_count = at[4],
		.filetab = MADE_TABLES + at[5],
		.filetab_size = at[6],
		.pctab = MADE_TABLES + at[7],
		.pctab_size = at[8],
		.pclntable = MADE_TABLES + at[9],
		.pclntable_size = at[10],
		.ftab = MADE_TABLES + at[11],
		.ftab_count = at[12],
		.gofunc = MADE_TABLES + at[13],
		.textsectmap = MADE_TABLES + at[14],
		.textsectmap_count = at[15],
		.minpc = MADE_TEXT,
		.maxpc = MADE_TEXT + 0x2000,
		.text = MADE_TEXT,
		.etext = MADE_TEXT + 0x2000,
	};
}

static void ask(struct heap_go *go, uint64_t pc)
{
	const struct go_func *func = go_func_at(go, pc);
	struct go_call calls[GO_MAX_INLINE];
	const size_t count = go_calls(go, pc, calls);
	hg_assert(count <= GO_MAX_INLINE && !count == !func);
	for (size_t i = 0; i < count; i++)
		hg_assert(strlen(calls[i].function) < UINT32_MAX &&
			  strlen(calls[i].file) < UINT32_MAX);
	if (!func)
		return;
	hg_assert(func->entry <= pc && pc < func->end);
	int32_t value = 0;
	for (unsigned i = 0; i < 4; i++) {
		go_pcdata(go, func, i, pc, &value);
		go_funcdata(go, func, i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size <= HEAD || size > HEAD + MAX_BYTES)
		return 0;
	struct made_pcln *m = calloc(1, sizeof(*m));
	hg_assert(m);
	m->module = module_of(data);
	made_map(m);
	m->segments[0].bytes = m->segments[1].bytes = data + HEAD;
	m->segments[0].size = m->segments[0].present = size - HEAD;
	m->segments[1].size = m->segments[1].present = size - HEAD;
	if (!go_pcln_open(&m->go)) {
		for (uint64_t pc = 0; pc < 0x100; pc += STEP)
			ask(&m->go, MADE_TEXT + pc);
		const struct hg_variable variable = {
			.name = hg_program_string(&m->prog, "main.cache"),
			.addr = MADE_DATA,
			.size = 8,
		};
		const char *file;
		uint32_t line;
		go_variable_line(&m->go, &variable, &file, &line);
	}
	made_deinit(m);
	free(m);
	return 0;
}
