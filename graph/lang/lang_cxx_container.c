#include "graph/lang/lang_cxx_container.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PART 64   /* bytes of one part of a way to a member */
#define MAX_NESTING 8 /* structs in structs, of which a member is looked for */
#define MAX_ELEMENT_ARG 4
#define NONE UINT32_MAX /* no argument tells the elements' type */

/* ---- members ---- */

/** Finds a member whose type's name begins so, base classes among them. */
static bool find_type(const struct hg_program *prog, uint32_t type, const char *begin,
		      unsigned depth, uint64_t *offset, uint32_t *ret)
{
	const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, type));
	if (depth > MAX_NESTING || t->kind != HG_TYPE_STRUCT)
		return false;
	for (uint32_t i = 0; i < t->member_count; i++) {
		const struct hg_member *m = &prog->types.members.data[t->members + i];
		uint64_t at = *offset + m->offset;
		bool found = !strncmp(hg_type_name(prog, m->type), begin, strlen(begin));
		*ret = m->type;
		if (found || find_type(prog, m->type, begin, depth + 1, &at, ret)) {
			*offset = at;
			return true;
		}
	}
	return false;
}

/** Goes one part of a way from *type; *offset grows. */
static bool find_part(const struct hg_program *prog, const char *part, uint64_t *offset,
		      uint32_t *type)
{
	uint64_t at = 0;
	uint32_t member = 0;
	bool found = *part == '@' ? find_type(prog, *type, part + 1, 0, &at, &member)
				  : cxx_find_member(prog, *type, part, &at, &member);
	*offset += at;
	*type = member;
	return found;
}

/** libc++ wraps members with an allocator or a comparison beside them, which mostly take no room: the first is meant. */
static void unwrap(const struct hg_program *prog, struct cxx_field *field)
{
	if (!strstr(hg_type_name(prog, hg_type_strip(prog, field->type)), "__compressed_pair<"))
		return;
	uint64_t at = 0;
	uint32_t type = field->type;
	if (find_part(prog, "__value_", &at, &type)) {
		field->at += at;
		field->type = type;
	}
}

/** Follows one way, which ends at `end`. */
static bool find_way(const struct hg_program *prog, uint32_t type, const char *way, const char *end,
		     struct cxx_field *ret)
{
	struct cxx_field field = {.known = true, .type = type};
	while (way < end) {
		char part[MAX_PART];
		size_t length = strcspn(way, ".|");
		if (length >= sizeof(part))
			return false;
		memcpy(part, way, length);
		part[length] = '\0';
		if (!find_part(prog, part, &field.at, &field.type))
			return false;
		unwrap(prog, &field);
		way += length + (way + length < end);
	}
	uint64_t size = hg_type_get(prog, hg_type_strip(prog, field.type))->size;
	field.size = size > UINT32_MAX ? 0 : (uint32_t)size;
	*ret = field;
	return true;
}

/** Finds a member by the ways of a rule; false where it lacks and must not. */
static bool find_field(const struct hg_program *prog, uint32_t type, const char *ways,
		       struct cxx_field *ret)
{
	bool optional = *ways == '?';
	for (const char *way = ways + optional; *way;) {
		const char *end = way + strcspn(way, "|");
		if (find_way(prog, type, way, end, ret))
			return true;
		way = end + (*end == '|');
	}
	*ret = (struct cxx_field){0};
	return optional;
}

bool cxx_get(const struct cxx_reading *r, unsigned field, uint64_t *ret)
{
	const struct cxx_field *f = &r->plan->fields[field];
	bool fits = f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8;
	return f->known && fits && hg_image_uint(r->a->prog->image, r->addr + f->at, f->size, ret);
}

/* ---- what all readers need ---- */

bool cxx_is_storage(const struct cxx_reading *r, uint64_t addr, uint64_t size)
{
	const struct hg_blocks *blocks = &r->a->blocks;
	if (!size)
		return true;
	if (addr + size < addr)
		return false;
	const struct hg_extent *extent = hg_blocks_extent_at(blocks, addr);
	if (!extent)
		return hg_image_mapped(r->a->prog->image, addr, size) == size;
	uint32_t block = hg_blocks_find_in(blocks, extent, addr);
	if (block == HG_NO_BLOCK)
		return false;
	uint32_t slot = hg_blocks_slot_near(blocks, extent, block, addr);
	uint64_t start = hg_extent_slot_addr(extent, slot);
	uint64_t end = start + hg_blocks_slot_size(blocks, extent, slot);
	return addr - start >= extent->header && addr + size <= end;
}

void cxx_store(const struct cxx_reading *r, uint64_t addr, uint64_t from, uint64_t to)
{
	const struct hg_stored stored = {addr, from, to, r->plan->element};
	if (r->storage)
		r->storage->add(r->storage->arg, &stored);
}

void cxx_fill(struct cxx_reading *r, uint64_t length, uint64_t capacity)
{
	r->c.has |= HG_HAS_LENGTH | HG_HAS_CAPACITY;
	r->c.length = length;
	r->c.capacity = capacity;
	r->c.slack = (capacity - length) * r->plan->element_size;
}

bool cxx_take_steps(struct cxx_reading *r, uint64_t n)
{
	if (r->cxx->steps < n)
		return false;
	r->cxx->steps -= n;
	return true;
}

static bool fill_length(struct cxx_reading *r, uint64_t length)
{
	r->c.has |= HG_HAS_LENGTH;
	r->c.length = length;
	return true;
}

/* ---- owners ---- */

/** Field 0: the pointer. */
static bool read_unique(struct cxx_reading *r)
{
	uint64_t value;
	if (!cxx_get(r, 0, &value))
		return false;
	if (value)
		cxx_store(r, value, 0, 0);
	return fill_length(r, value != 0);
}

/** What make_shared makes lies in the control block. */
static void store_shared(const struct cxx_reading *r, uint64_t control, uint64_t value)
{
	const struct hg_blocks *blocks = &r->a->blocks;
	uint64_t size = r->plan->element_size;
	bool within = hg_blocks_find(blocks, control) != HG_NO_BLOCK &&
		      hg_blocks_find(blocks, control) == hg_blocks_find(blocks, value);
	if (within && size && cxx_is_storage(r, value, size))
		cxx_store(r, value, value, value + size);
	else
		cxx_store(r, value, 0, 0);
}

/** Fields 0: the control block, 1: the pointer; link 0: the count of owners. */
static bool read_counted(struct cxx_reading *r, uint64_t beyond)
{
	uint64_t value, control, owners = 0;
	const struct cxx_field *count = &r->plan->links[0];
	if (!cxx_get(r, 0, &control) || !cxx_get(r, 1, &value))
		return false;
	if (control && (control % 8 || !cxx_is_storage(r, control, 16)))
		return false;
	if (control && count->known) {
		if (!hg_image_uint(r->a->prog->image, control + count->at, count->size, &owners))
			return false;
		owners = count->size == 4 ? (uint32_t)(owners + beyond) : owners + beyond;
	}
	if (owners > INT32_MAX)
		return false;
	if (!control || count->known)
		r->c.has |= HG_HAS_OWNERS;
	r->c.owners = owners;
	if (r->c.kind == HG_CONTAINER_OWNER && strcmp(r->plan->rule->name, "weak_ptr")) {
		if (control && count->known && !owners)
			return false; // it owns what it points to
		if (control)
			cxx_store(r, control, 0, 0);
		if (control && value)
			store_shared(r, control, value);
		return fill_length(r, value != 0);
	}
	return count->known || !control ? fill_length(r, owners != 0) : true;
}

static bool read_shared(struct cxx_reading *r)
{
	return read_counted(r, 0);
}

/** libc++ counts the owners but one. */
static bool read_shared_less_one(struct cxx_reading *r)
{
	return read_counted(r, 1);
}

/* ---- boxes and records ---- */

/** The type that has the arguments: itself, or the base class that it gives them to (gcc leaves out those it has itself). */
static uint32_t with_arguments(const struct hg_program *prog, uint32_t type)
{
	type = hg_type_strip(prog, type);
	for (unsigned i = 0; i < MAX_NESTING; i++) {
		const struct hg_type *t = hg_type_get(prog, type);
		if (t->argument_count || !t->member_count)
			return type;
		const struct hg_member *m = &prog->types.members.data[t->members];
		if (!m->embedded)
			return type;
		type = hg_type_strip(prog, m->type);
	}
	return type;
}

static void set_inside(struct cxx_reading *r, uint32_t type, const struct cxx_field *at)
{
	if (at->known && type) {
		r->c.inside = type;
		r->c.inside_at = at->at;
	}
}

/** Fields 0: whether it holds something, 1: what. */
static bool read_optional(struct cxx_reading *r)
{
	uint64_t engaged;
	if (!cxx_get(r, 0, &engaged) || engaged > 1)
		return false;
	if (engaged)
		set_inside(r, r->plan->element, &r->plan->fields[1]);
	return fill_length(r, engaged);
}

/** Fields 0: which of its types it holds, 1: what; one byte or four, all ones for none. */
static bool read_variant(struct cxx_reading *r)
{
	const struct hg_program *prog = r->a->prog;
	uint64_t index;
	if (!cxx_get(r, 0, &index))
		return false;
	unsigned bits = r->plan->fields[0].size * 8;
	bool none = index == (bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX);
	if (!none && index >= hg_type_get(prog, r->plan->type)->argument_count)
		return false;
	if (!none) {
		uint32_t type = hg_type_argument(prog, r->plan->type, (uint32_t)index);
		r->c.element = type;
		r->c.element_size = hg_type_get(prog, hg_type_strip(prog, type))->size;
		set_inside(r, type, &r->plan->fields[1]);
	}
	return fill_length(r, !none);
}

/** Fields 0: what manages its value, 0 for none; 1: a pointer to the value, unless that lies here in its stead. */
static bool read_any(struct cxx_reading *r)
{
	uint64_t manager, value = 0;
	if (!cxx_get(r, 0, &manager))
		return false;
	if (manager && cxx_get(r, 1, &value)) {
		const struct hg_extent *extent = hg_blocks_extent_at(&r->a->blocks, value);
		if (extent && hg_blocks_find_in(&r->a->blocks, extent, value) != HG_NO_BLOCK)
			cxx_store(r, value, 0, 0);
	}
	return fill_length(r, manager != 0);
}

/** Field 0: the elements. */
static bool read_array(struct cxx_reading *r)
{
	const struct hg_type *t =
		hg_type_get(r->a->prog, hg_type_strip(r->a->prog, r->plan->fields[0].type));
	return fill_length(r, t->kind == HG_TYPE_ARRAY ? t->count : 0);
}

static bool read_pair(struct cxx_reading *r)
{
	return fill_length(r, 2);
}

static bool read_tuple(struct cxx_reading *r)
{
	const struct hg_program *prog = r->a->prog;
	uint32_t type = with_arguments(prog, r->plan->type);
	int64_t first; // _Tuple_impl<0, ...>
	uint64_t count = hg_type_get(prog, type)->argument_count;
	return fill_length(r, count - hg_type_argument_value(prog, type, 0, &first));
}

/* ---- the rows: libstdc++, then libc++ ---- */

#define TREE "_M_header._M_parent", "_M_node_count", "_M_header"
#define TREE_LINKS "_M_left", "_M_right", "_M_parent"
#define TREE_1 "__pair1_.__left_|__end_node_.__left_", "__pair3_|__size_", "__pair1_|__end_node_"
#define TREE_LINKS_1 "__left_", "__right_", "__parent_"
#define HASH                                                                                       \
	"_M_before_begin._M_nxt", "_M_element_count", "_M_buckets", "_M_bucket_count",             \
		"?_M_single_bucket"
#define HASH_1                                                                                     \
	"__p1_.__next_|__first_node_.__next_", "__p2_|__size_", "__bucket_list_.__ptr_",           \
		"__bucket_list_.__data_|__bucket_list_.__size_"

static const struct cxx_container_rule rules[] = {
	{"vector<bool",
	 HG_CONTAINER_SEQUENCE,
	 0,
	 cxx_read_bits,
	 {"_M_start._M_p", "_M_start._M_offset", "_M_finish._M_p", "_M_finish._M_offset",
	  "_M_end_of_storage"},
	 {0}},
	{"vector<bool",
	 HG_CONTAINER_SEQUENCE,
	 0,
	 cxx_read_bits_counted,
	 {"__begin_", "__size_", "__cap_alloc_|__cap_"},
	 {0}},
	{"vector<",
	 HG_CONTAINER_SEQUENCE,
	 0,
	 cxx_read_vector,
	 {"_M_start", "_M_finish", "_M_end_of_storage"},
	 {0}},
	{"vector<",
	 HG_CONTAINER_SEQUENCE,
	 0,
	 cxx_read_vector,
	 {"__begin_", "__end_", "__end_cap_|__cap_"},
	 {0}},
	{"basic_string<",
	 HG_CONTAINER_TEXT,
	 0,
	 cxx_read_string,
	 {"_M_p", "_M_string_length", "_M_allocated_capacity", "_M_local_buf"},
	 {0}},
	{"basic_string<",
	 HG_CONTAINER_TEXT,
	 0,
	 cxx_read_string_packed,
	 {"__l.__data_", "__l.__size_", "__l.__cap_", "__s.__data_", "__s.__size_"},
	 {0}},
	{"deque<",
	 HG_CONTAINER_SEQUENCE,
	 0,
	 cxx_read_deque,
	 {"_M_start._M_cur", "_M_start._M_first", "_M_start._M_last", "_M_start._M_node",
	  "_M_finish._M_cur", "_M_finish._M_first", "_M_finish._M_last", "_M_finish._M_node",
	  "_M_map", "_M_map_size"},
	 {0}},
	{"deque<",
	 HG_CONTAINER_SEQUENCE,
	 0,
	 cxx_read_deque_counted,
	 {"__map_.__begin_", "__map_.__end_", "__map_.__first_", "__map_.__end_cap_|__map_.__cap_",
	  "__start_", "__size_"},
	 {0}},
	{"list<",
	 HG_CONTAINER_SEQUENCE,
	 0,
	 cxx_read_list,
	 {"_M_node", "_M_size"},
	 {"_M_next", "_M_prev"}},
	{"list<",
	 HG_CONTAINER_SEQUENCE,
	 0,
	 cxx_read_list,
	 {"__end_", "__size_alloc_|__size_"},
	 {"__next_", "__prev_"}},
	{"forward_list<",
	 HG_CONTAINER_SEQUENCE,
	 0,
	 cxx_read_forward_list,
	 {"_M_head._M_next"},
	 {"_M_next"}},
	{"forward_list<",
	 HG_CONTAINER_SEQUENCE,
	 0,
	 cxx_read_forward_list,
	 {"__before_begin_.__next_"},
	 {"__next_"}},
	{"map<", HG_CONTAINER_MAP, 3, cxx_read_tree, {TREE}, {TREE_LINKS}},
	{"map<", HG_CONTAINER_MAP, 3, cxx_read_tree, {TREE_1}, {TREE_LINKS_1}},
	{"multimap<", HG_CONTAINER_MAP, 3, cxx_read_tree, {TREE}, {TREE_LINKS}},
	{"multimap<", HG_CONTAINER_MAP, 3, cxx_read_tree, {TREE_1}, {TREE_LINKS_1}},
	{"set<", HG_CONTAINER_SET, 0, cxx_read_tree, {TREE}, {TREE_LINKS}},
	{"set<", HG_CONTAINER_SET, 0, cxx_read_tree, {TREE_1}, {TREE_LINKS_1}},
	{"multiset<", HG_CONTAINER_SET, 0, cxx_read_tree, {TREE}, {TREE_LINKS}},
	{"multiset<", HG_CONTAINER_SET, 0, cxx_read_tree, {TREE_1}, {TREE_LINKS_1}},
	{"unordered_map<", HG_CONTAINER_MAP, 4, cxx_read_hash, {HASH}, {"_M_nxt"}},
	{"unordered_map<", HG_CONTAINER_MAP, 4, cxx_read_hash, {HASH_1}, {"__next_"}},
	{"unordered_multimap<", HG_CONTAINER_MAP, 4, cxx_read_hash, {HASH}, {"_M_nxt"}},
	{"unordered_multimap<", HG_CONTAINER_MAP, 4, cxx_read_hash, {HASH_1}, {"__next_"}},
	{"unordered_set<", HG_CONTAINER_SET, 0, cxx_read_hash, {HASH}, {"_M_nxt"}},
	{"unordered_set<", HG_CONTAINER_SET, 0, cxx_read_hash, {HASH_1}, {"__next_"}},
	{"unordered_multiset<", HG_CONTAINER_SET, 0, cxx_read_hash, {HASH}, {"_M_nxt"}},
	{"unordered_multiset<", HG_CONTAINER_SET, 0, cxx_read_hash, {HASH_1}, {"__next_"}},
	{"unique_ptr<",
	 HG_CONTAINER_OWNER,
	 0,
	 read_unique,
	 {"_M_t.@std::_Head_base<0._M_head_impl"},
	 {0}},
	{"unique_ptr<", HG_CONTAINER_OWNER, 0, read_unique, {"__ptr_"}, {0}},
	{"shared_ptr<", HG_CONTAINER_OWNER, 0, read_shared, {"_M_pi", "_M_ptr"}, {"?_M_use_count"}},
	{"shared_ptr<",
	 HG_CONTAINER_OWNER,
	 0,
	 read_shared_less_one,
	 {"__cntrl_", "__ptr_"},
	 {"?__shared_owners_"}},
	{"weak_ptr<", HG_CONTAINER_OWNER, 0, read_shared, {"_M_pi", "_M_ptr"}, {"?_M_use_count"}},
	{"weak_ptr<",
	 HG_CONTAINER_OWNER,
	 0,
	 read_shared_less_one,
	 {"__cntrl_", "__ptr_"},
	 {"?__shared_owners_"}},
	{"optional<", HG_CONTAINER_BOX, 0, read_optional, {"_M_engaged", "?_M_value"}, {0}},
	{"optional<", HG_CONTAINER_BOX, 0, read_optional, {"__engaged_", "?__val_"}, {0}},
	{"variant<", HG_CONTAINER_BOX, NONE, read_variant, {"_M_index", "?_M_u"}, {0}},
	{"variant<",
	 HG_CONTAINER_BOX,
	 NONE,
	 read_variant,
	 {"__impl.__index|__impl_.__index", "?__impl.__data|__impl_.__data"},
	 {0}},
	{"any", HG_CONTAINER_BOX, NONE, read_any, {"_M_manager", "?_M_storage._M_ptr"}, {0}},
	{"any", HG_CONTAINER_BOX, NONE, read_any, {"__h|__h_", "?__s.__ptr|__s_.__ptr"}, {0}},
	{"function<",
	 HG_CONTAINER_BOX,
	 NONE,
	 read_any,
	 {"_M_manager", "?_M_functor._M_object"},
	 {0}},
	{"function<", HG_CONTAINER_BOX, NONE, read_any, {"__f_.__f_", "?__f_.__f_"}, {0}},
	{"array<", HG_CONTAINER_SEQUENCE, 0, read_array, {"_M_elems|__elems_"}, {0}},
	{"pair<", HG_CONTAINER_RECORD, NONE, read_pair, {"first", "second"}, {0}},
	{"tuple<", HG_CONTAINER_RECORD, NONE, read_tuple, {0}, {0}},
	{"span<",
	 HG_CONTAINER_SEQUENCE,
	 0,
	 cxx_read_view,
	 {"_M_ptr|__data_|__data", "?_M_extent_value|__size_|__size"},
	 {0}},
	{"basic_string_view<",
	 HG_CONTAINER_TEXT,
	 0,
	 cxx_read_view,
	 {"_M_str|__data_|__data", "_M_len|__size_|__size"},
	 {0}},
};

/* ---- plans: what is known of a type ---- */

/** The name in namespace std and in those that libraries hide their versions in: "std::__1::", "std::__cxx11::". */
static const char *name_in_std(const char *name)
{
	if (strncmp(name, "std::", 5))
		return NULL;
	name += 5;
	if (name[0] == '_' && name[1] == '_') {
		size_t length = strcspn(name, ":<");
		if (!strncmp(name + length, "::", 2))
			name += length + 2;
	}
	return name;
}

/** Is `name` an instance of the template (or the class) that begins so, and not a type inside of one? */
static bool is_instance(const char *name, const char *begin)
{
	size_t length = strlen(begin);
	if (strncmp(name, begin, length))
		return false;
	const char *open = strchr(begin, '<');
	if (!open)
		return !name[length];
	int depth = 0;
	for (name += open - begin; *name; name++) {
		depth += *name == '<' ? 1 : *name == '>' ? -1 : 0;
		if (!depth)
			return !name[1];
	}
	return false;
}

/** The type of the elements: the first argument, or that of the allocator, which is the argument that the rule names. */
static uint32_t argument_element(const struct hg_program *prog,
				 const struct cxx_container_rule *rule, uint32_t type)
{
	if (rule->value == NONE)
		return 0;
	uint32_t argument = hg_type_argument(prog, type, rule->value);
	if (!rule->value)
		return argument;
	return hg_type_argument(prog, with_arguments(prog, argument), 0);
}

static bool find_links(const struct hg_program *prog, struct cxx_plan *plan)
{
	uint32_t type = hg_type_strip(prog, plan->fields[0].type);
	const struct hg_type *t = hg_type_get(prog, type);
	if (t->kind == HG_TYPE_POINTER)
		type = t->elem;
	for (unsigned i = 0; i < CXX_LINKS && plan->rule->links[i]; i++)
		if (!find_field(prog, type, plan->rule->links[i], &plan->links[i]))
			return false;
	return true;
}

static bool make_plan(const struct hg_program *prog, const struct cxx_container_rule *rule,
		      uint32_t type, struct cxx_plan *ret)
{
	*ret = (struct cxx_plan){.rule = rule, .type = type};
	for (unsigned i = 0; i < CXX_FIELDS && rule->fields[i]; i++)
		if (!find_field(prog, type, rule->fields[i], &ret->fields[i]))
			return false;
	if (!find_links(prog, ret))
		return false;
	ret->element = argument_element(prog, rule, type);
	ret->element_size = hg_type_get(prog, hg_type_strip(prog, ret->element))->size;
	return true;
}

static struct cxx_plan *new_plan(struct lang_cxx *cxx, uint32_t type)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	const struct hg_type *t = hg_type_get(prog, type);
	const char *name = name_in_std(hg_type_name(prog, type));
	if (!name || t->kind != HG_TYPE_STRUCT || t->incomplete)
		return NULL;
	struct cxx_plan plan;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!is_instance(name, rules[i].name) || !make_plan(prog, &rules[i], type, &plan))
			continue;
		struct cxx_plan *place = hg_arena_alloc(&cxx->arena, sizeof(*place));
		if (place)
			*place = plan;
		return place;
	}
	return NULL;
}

/** The plan of a type, made once; NULL where it is no container. */
static const struct cxx_plan *plan_of(struct lang_cxx *cxx, uint32_t type)
{
	uint64_t *known = hg_map_put(&cxx->plans, type);
	if (!known)
		return NULL;
	if (*known)
		return *known == 1 ? NULL : (const struct cxx_plan *)(uintptr_t)*known;
	struct cxx_plan *plan = new_plan(cxx, type);
	*known = plan ? (uint64_t)(uintptr_t)plan : 1;
	return plan;
}

static const char *word_of(const struct cxx_plan *plan)
{
	static const char *const words[] = {
		"any",
		"array",
		"deque",
		"forward_list",
		"function",
		"list",
		"map",
		"multimap",
		"multiset",
		"optional",
		"pair",
		"set",
		"shared_ptr",
		"span",
		"tuple",
		"vector",
		"variant",
		"weak_ptr",
		"unordered_multiset",
		"unordered_multimap",
		"unordered_map",
		"unordered_set",
		"unique_ptr",
	};
	const char *name = plan->rule->name;
	size_t length = strcspn(name, "<");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == length && !strncmp(words[i], name, length))
			return words[i];
	return strchr(name, 'v') ? "string_view" : "string";
}

/* ---- what the language offers ---- */

enum hg_container_kind cxx_value_kind(struct hg_lang *lang, uint32_t type, bool *enter)
{
	const struct cxx_plan *plan =
		plan_of((struct lang_cxx *)lang, hg_type_strip(lang->a->prog, type));
	*enter = !plan || plan->rule->kind == HG_CONTAINER_RECORD || plan->rule->read == read_array;
	return plan ? plan->rule->kind : HG_CONTAINER_NONE;
}

struct hg_container cxx_container(struct hg_lang *lang, uint32_t type, uint64_t addr, uint64_t size,
				  const struct hg_storage *storage)
{
	struct lang_cxx *cxx = (struct lang_cxx *)lang;
	uint32_t plain = hg_type_strip(lang->a->prog, type);
	const struct cxx_plan *plan = plan_of(cxx, plain);
	if (!plan)
		return c_container(lang, type, addr, size, storage);
	if (!storage && cxx->last.type == plain && cxx->last.addr == addr && cxx->last.size == size)
		return cxx->last.c;
	struct cxx_reading r = {
		.cxx = cxx,
		.a = lang->a,
		.plan = plan,
		.addr = addr,
		.c = {.kind = plan->rule->kind,
		      .word = word_of(plan),
		      .element = plan->element,
		      .element_size = plan->element_size},
	};
	if (hg_type_get(lang->a->prog, plain)->size > size || !plan->rule->read(&r))
		r.c = (struct hg_container){.kind = r.c.kind, .word = r.c.word, .broken = true};
	const struct hg_container c = r.c;
	cxx->last = (typeof(cxx->last)){plain, addr, size, c};
	if (!storage || c.broken)
		return c;
	r.storage = storage;
	r.c.has = 0;
	plan->rule->read(&r);
	return c;
}
