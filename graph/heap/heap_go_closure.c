#include "graph/heap/heap_go.h"

#include <elf.h>
#include <string.h>

#include "core/base/bytes.h"
#include "graph/heap/heap_go_closure.h"
#include "graph/heap/heap_go_descriptor.h"

// What a closure holds. The compiler makes a struct type {F uintptr; what is captured ...} for each closure that escapes, and
// the code that makes such a closure names both the type and the closure's code:
//
//	lea type(%rip), %rax
//	call runtime.newobject
//	lea code(%rip), %rcx
//	mov %rcx, (%rax)
//
// Nothing else in a program takes the address of code in this way: calls are relative, and the func values of plain functions
// are static data. So one pass over all code finds the types of all closures, on x86-64.

#define MAX_TEXT ((uint64_t)2 << 30) /* calls reach no further */
#define AMBIGUOUS 1		     /* no type lies there */

enum { LEA = 0x8d, LEA_AFTER = 6 /* bytes from the opcode to the next instruction */ };

/** Returns where the next `lea disp32(%rip), %reg64` of the code points to; *at is its opcode. False behind the last. */
static bool next_lea(const struct go_code *code, uint64_t *at, uint64_t *target)
{
	while (*at + LEA_AFTER <= code->size) {
		const uint8_t *found =
			memchr(code->bytes + *at, LEA, code->size - LEA_AFTER + 1 - *at);
		if (!found)
			return false;
		*at = (uint64_t)(found - code->bytes);
		const bool wide = *at && (found[-1] & 0xf8) == 0x48;
		if (wide && (found[1] & 0xc7) == 0x05) {
			*target = code->addr + *at + LEA_AFTER +
				  (uint64_t)(int64_t)(int32_t)hg_load_u32(found + 2);
			return true;
		}
		++*at;
	}
	return false;
}

bool go_closure_pairs(const struct go_code *code, go_closure_fn *fn, void *arg)
{
	struct go_closure_pair pair = {0};
	uint64_t target = 0;
	for (uint64_t at = 1; next_lea(code, &at, &target); at++) {
		if (target >= code->types && target < code->etypes) {
			pair.type = target;
			pair.type_pc = code->addr + at;
		} else if (target >= code->text && target < code->etext && pair.type) {
			pair.code = target;
			pair.code_pc = code->addr + at;
			if (!fn(arg, &pair))
				return false;
			pair.type =
				0; // used up: the next closure may lie on the stack and have none
		}
	}
	return true;
}

static bool is_closure_type(struct heap_go *go, uint64_t addr)
{
	struct go_descriptor d, code;
	struct go_descriptor_field first;
	return go_descriptor_read(go, addr, &d) && go_descriptor_field_count(go, &d) &&
	       go_descriptor_field(go, &d, 0, &first) && !first.offset &&
	       go_descriptor_read(go, first.type, &code) && code.kind == HG_GO_UINTPTR;
}

struct search {
	struct heap_go *go;
	bool failed;
};

static bool pair_found(void *arg, const struct go_closure_pair *pair)
{
	struct search *search = arg;
	struct heap_go *go = search->go;
	const struct go_func *closure = go_func_at(go, pair->code);
	if (!closure || closure->entry != pair->code || !is_closure_type(go, pair->type) ||
	    go_func_at(go, pair->type_pc) != go_func_at(go, pair->code_pc))
		return true;
	uint64_t *place = hg_map_put(&go->closure_types, pair->code);
	search->failed |= !place;
	if (place)
		*place = *place && *place != pair->type ? AMBIGUOUS : pair->type;
	return place;
}

static bool search_module(struct search *search, const struct go_module *m)
{
	uint64_t some = 0;
	if (m->etext - m->text > MAX_TEXT)
		return true;
	for (uint64_t addr = m->text; addr < m->etext; addr += some) {
		const uint8_t *bytes = hg_image_view_some(search->go->prog->image, addr, &some);
		if (!bytes || !some) {
			some = 4096 - addr % 4096;
			continue;
		}
		const struct go_code code = {
			.bytes = bytes,
			.addr = addr,
			.size = some < m->etext - addr ? some : m->etext - addr,
			.text = m->text,
			.etext = m->etext,
			.types = m->types,
			.etypes = m->etypes,
		};
		if (!go_closure_pairs(&code, pair_found, search))
			return false;
	}
	return true;
}

uint32_t go_heap_closure_type(struct hg_heap *heap, uint64_t pc)
{
	struct heap_go *go = (struct heap_go *)heap;
	const struct hg_arch *arch = go->prog->image->arch;
	if (!go->closures_searched && arch && arch->elf_machine == EM_X86_64) {
		struct search search = {.go = go};
		for (size_t i = 0; i < go->modules.count && !search.failed; i++)
			search_module(&search, &go->modules.data[i]);
	}
	go->closures_searched = true;
	const uint64_t *type = hg_map_get(&go->closure_types, pc);
	return type && *type != AMBIGUOUS ? go_type_at(go, *type) : 0;
}
