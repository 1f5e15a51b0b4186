#include "dwarf/variable.h"

#include <string.h>

#include "dwarf/program_private.h"

static int compare_addr(const void *a, const void *b)
{
	const struct hg_variable *left = a, *right = b;
	if (left->addr != right->addr)
		return left->addr < right->addr ? -1 : 1;
	// Empty ones share the address of what follows them.
	if (left->size != right->size)
		return left->size < right->size ? -1 : 1;
	return (left->name > right->name) - (left->name < right->name);
}

static int compare_tls(const void *a, const void *b)
{
	const struct hg_tls_variable *left = a, *right = b;
	if (left->module != right->module)
		return left->module < right->module ? -1 : 1;
	if (left->offset != right->offset)
		return left->offset < right->offset ? -1 : 1;
	return (left->name > right->name) - (left->name < right->name);
}

// A static variable of an inline function or a template stands in each unit that has it.
static void drop_duplicates(struct hg_program *prog)
{
	size_t kept = 0;
	for (size_t i = 0; i < prog->globals.count; i++) {
		const struct hg_variable *global = &prog->globals.data[i];
		const struct hg_variable *last = kept ? &prog->globals.data[kept - 1] : NULL;
		if (last && last->addr == global->addr && last->size == global->size &&
		    last->name == global->name)
			continue;
		prog->globals.data[kept++] = *global;
	}
	prog->globals.count = kept;
	kept = 0;
	for (size_t i = 0; i < prog->tls.count; i++) {
		const struct hg_tls_variable *tls = &prog->tls.data[i];
		const struct hg_tls_variable *last = kept ? &prog->tls.data[kept - 1] : NULL;
		if (!last || last->module != tls->module || last->offset != tls->offset ||
		    last->name != tls->name)
			prog->tls.data[kept++] = *tls;
	}
	prog->tls.count = kept;
}

struct hg_error *hg_variable_finish(struct hg_program *prog)
{
	if (prog->globals.count)
		qsort(prog->globals.data, prog->globals.count, sizeof(*prog->globals.data),
		      compare_addr);
	if (prog->tls.count)
		qsort(prog->tls.data, prog->tls.count, sizeof(*prog->tls.data), compare_tls);
	drop_duplicates(prog);
	hg_map_deinit(&prog->globals_by_name);
	prog->globals_by_name = (struct hg_map){0};
	for (size_t i = 0; i < prog->globals.count; i++) {
		const struct hg_variable *global = &prog->globals.data[i];
		if (!global->name)
			continue;
		uint64_t *entry = hg_map_put(&prog->globals_by_name, global->name);
		if (!entry)
			return &hg_enomem;
		// Several modules may have a variable of that name: the first module is the executable.
		if (!*entry || global->module < prog->globals.data[*entry - 1].module)
			*entry = i + 1;
	}
	return NULL;
}

const struct hg_variable *hg_variable_at(const struct hg_program *prog, uint64_t addr)
{
	size_t low = 0, high = prog->globals.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (prog->globals.data[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	// Variables do not overlap, but several may start at the same address.
	for (unsigned tries = 0; low-- > 0 && tries < 64; tries++) {
		const struct hg_variable *global = &prog->globals.data[low];
		if (addr - global->addr < global->size)
			return global;
	}
	return NULL;
}

const struct hg_variable *hg_variable_find(const struct hg_program *prog, const char *name)
{
	const uint32_t number = hg_strtab_find(&prog->strings, name);
	const uint64_t *entry = number ? hg_map_get(&prog->globals_by_name, number) : NULL;
	return entry ? &prog->globals.data[*entry - 1] : NULL;
}

const struct hg_variable *hg_variable_all(const struct hg_program *prog, size_t *count)
{
	*count = prog->globals.count;
	return prog->globals.data;
}

const struct hg_tls_variable *hg_variable_tls(const struct hg_program *prog, size_t *count)
{
	*count = prog->tls.count;
	return prog->tls.data;
}

bool hg_constant(const struct hg_program *prog, const char *name, int64_t *ret)
{
	const uint32_t number = hg_strtab_find(&prog->strings, name);
	const uint64_t *value = number ? hg_map_get(&prog->constants, number) : NULL;
	if (value)
		*ret = (int64_t)*value;
	return value;
}
