#include <string.h>

#include "graph/lang/lang_cxx.h"

/** Members that count the elements of a container, by how the name of the type that has it begins. */
static const struct {
	const char *type, *count;
} counters[] = {
	{"std::_Rb_tree<", "_M_node_count"},	  {"std::__cxx11::_List_base<", "_M_size"},
	{"std::_Hashtable<", "_M_element_count"}, {"std::__1::__tree<", "__size_"},
	{"std::__1::__list_imp<", "__size_"},	  {"std::__1::__hash_table<", "__size_"},
};

static bool starts(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

/** The container that a struct is or derives from: std::map's is its _Rb_tree. */
static const char *find_counter(const struct hg_program *prog, uint32_t type, unsigned depth,
				uint64_t *offset, uint32_t *ret)
{
	type = hg_type_strip(prog, type);
	const struct hg_type *t = hg_type_get(prog, type);
	const char *name = hg_type_name(prog, type);
	*ret = type;
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		if (starts(name, counters[i].type))
			return counters[i].count;
	const char *count = NULL;
	bool enter = depth <= 3 && t->kind == HG_TYPE_STRUCT && starts(name, "std::");
	for (uint32_t i = 0; enter && i < t->member_count && !count; i++) {
		const struct hg_member *m = &prog->types.members.data[t->members + i];
		uint64_t at = *offset + m->offset;
		count = find_counter(prog, m->type, depth + 1, &at, ret);
		if (count)
			*offset = at;
	}
	return count;
}

static bool vector_entries(const struct hg_program *prog, uint32_t type, uint64_t addr,
			   uint64_t *entries)
{
	uint64_t start, finish, from, to;
	uint32_t pointer, other;
	if (!cxx_find_member(prog, type, "_M_start", &start, &pointer) ||
	    !cxx_find_member(prog, type, "_M_finish", &finish, &other) ||
	    !hg_image_u64(prog->image, addr + start, &from) ||
	    !hg_image_u64(prog->image, addr + finish, &to) || to < from)
		return false;
	const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, pointer));
	uint64_t size = hg_type_get(prog, t->elem)->size;
	*entries = size ? (to - from) / size : 0;
	return size;
}

struct hg_container cxx_container(struct hg_lang *lang, uint32_t type, uint64_t addr, uint64_t size)
{
	const struct hg_program *prog = lang->a->prog;
	uint64_t offset = 0, count_at, entries;
	uint32_t inner, counter;
	const char *count = find_counter(prog, type, 0, &offset, &inner);
	if (count && cxx_find_member(prog, inner, count, &count_at, &counter) &&
	    hg_image_u64(prog->image, addr + offset + count_at, &entries))
		return (struct hg_container){HG_CONTAINER_MAP, entries};
	if (starts(hg_type_name(prog, hg_type_strip(prog, type)), "std::vector<") &&
	    vector_entries(prog, type, addr, &entries))
		return (struct hg_container){HG_CONTAINER_SLICE, entries};
	return c_container(lang, type, addr, size);
}
