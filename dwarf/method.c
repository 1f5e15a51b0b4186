// The code of a member function has an entry of its own, outside of its class, that refers to its declaration within
// the class (DW_AT_specification), maybe by way of the entry that its inlined copies share (DW_AT_abstract_origin).
// Entries do not tell what they stand in, so the class is searched for among those that start before the declaration.

#include "dwarf/method.h"

#include "dwarf/program_private.h"

#define MAX_STEPS 4	// from the code to the declaration
#define MAX_ENTRIES 512 // types that are looked at
#define MAX_CHILDREN 4096

static bool copy_origin(void *arg, const struct hg_die *die)
{
	*(uint64_t *)arg = die->origin;
	return true;
}

static uint64_t declaration_of(struct hg_dwarf *dwarf, uint64_t die)
{
	for (unsigned i = 0; i < MAX_STEPS; i++) {
		uint64_t origin = 0;
		if (!hg_die_at(dwarf, die, copy_origin, &origin) || !origin)
			return i ? die : 0;
		die = origin;
	}
	return 0;
}

struct search {
	uint64_t offset;
	unsigned seen;
	bool found;
};

static bool is_it(void *arg, const struct hg_die *die)
{
	struct search *search = arg;
	search->found = die->offset == search->offset;
	return die->offset < search->offset && search->seen++ < MAX_CHILDREN;
}

static bool look_within(void *arg, const struct hg_die *die)
{
	hg_die_children(die, is_it, arg);
	return true;
}

static size_t entries_before(const struct hg_module_index *index, uint64_t offset)
{
	size_t low = 0, high = index->entries.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (index->entries.data[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t hg_method_class(struct hg_program *prog, uint64_t pc)
{
	uint32_t module;
	uint64_t die;
	if (!hg_scope_entry(prog, pc, &module, &die))
		return 0;
	struct hg_dwarf *dwarf = prog->modules.data[module].dwarf;
	const struct hg_module_index *index = &prog->priv->indexes[module];
	struct search search = {.offset = declaration_of(dwarf, die)};
	uint32_t class = 0;
	size_t at = entries_before(index, search.offset);
	for (unsigned i = 0; i < MAX_ENTRIES && at-- > 0 && search.offset && !class; i++) {
		const struct hg_type_entry *entry = &index->entries.data[at];
		const uint8_t kind = hg_type_get(prog, entry->id)->kind;
		search.seen = 0;
		if (kind != HG_TYPE_STRUCT && kind != HG_TYPE_UNION)
			continue;
		hg_die_at(dwarf, entry->offset, look_within, &search);
		class = search.found ? entry->id : 0;
	}
	hg_program_count_damage(prog, module);
	return class;
}
