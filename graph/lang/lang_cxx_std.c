#include <stdlib.h>
#include <string.h>

#include "graph/lang/lang_cxx.h"

#define MAX_LINKS 3
#define MAX_NESTING 8

/** Nodes: a struct whose links are declared to lead to a base class but lead to more nodes like it. */
static const struct node_rule {
	const char *type; /* how its name begins */
	const char *links[MAX_LINKS];
} nodes[] = {
	{"std::_Rb_tree_node<", {"_M_parent", "_M_left", "_M_right"}},
	{"std::_List_node<", {"_M_next", "_M_prev"}},
	{"std::_Fwd_list_node<", {"_M_next"}},
	{"std::__detail::_Hash_node<", {"_M_nxt"}},
	{"std::__1::__tree_node<", {"__left_", "__right_", "__parent_"}},
	{"std::__1::__list_node<", {"__prev_", "__next_"}},
	{"std::__1::__forward_list_node<", {"__next_"}},
	{"std::__1::__hash_node<", {"__next_"}},
};

/** Containers: where their links are, and what the nodes are called: prefix, an argument of the container, suffix. */
static const struct container_rule {
	const char *type;
	const char *links[MAX_LINKS];
	const char *node;
	unsigned argument;
	const char *suffixes[2];
	const char *count; /* member that counts the elements; NULL none */
} containers[] = {
	{"std::_Rb_tree<",
	 {"_M_parent", "_M_left", "_M_right"},
	 "std::_Rb_tree_node<",
	 1,
	 {">", " >"},
	 "_M_node_count"},
	{"std::__cxx11::_List_base<",
	 {"_M_next", "_M_prev"},
	 "std::_List_node<",
	 0,
	 {">", " >"},
	 "_M_size"},
	{"std::_Fwd_list_base<", {"_M_next"}, "std::_Fwd_list_node<", 0, {">", " >"}, NULL},
	{"std::_Hashtable<",
	 {"_M_nxt"},
	 "std::__detail::_Hash_node<",
	 1,
	 {", true>", ", false>"},
	 "_M_element_count"},
	{"std::__1::__tree<",
	 {"__begin_node_", "__left_"},
	 "std::__1::__tree_node<",
	 0,
	 {", void *>", ", void*>"},
	 "__size_"},
	{"std::__1::__list_imp<",
	 {"__prev_", "__next_"},
	 "std::__1::__list_node<",
	 0,
	 {", void *>", ", void*>"},
	 "__size_"},
	{"std::__1::__forward_list_base<",
	 {"__next_"},
	 "std::__1::__forward_list_node<",
	 0,
	 {", void *>", ", void*>"},
	 NULL},
	{"std::__1::__hash_table<",
	 {"__next_"},
	 "std::__1::__hash_node<",
	 0,
	 {", void *>", ", void*>"},
	 "__size_"},
};

/** Raw memory for a T: "__gnu_cxx::__aligned_membuf<T>". */
static const char *const buffers[] = {"__gnu_cxx::__aligned_membuf<",
				      "__gnu_cxx::__aligned_buffer<",
				      "std::__detail::_Hash_node_value_base<"};

static bool starts(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

/** "prefix...>" and nothing behind: not a type inside of it. */
static bool is_instance(const char *name, const char *prefix)
{
	if (!starts(name, prefix))
		return false;
	const char *end = name + strlen(prefix);
	for (int depth = 1; *end && depth; end++)
		depth += *end == '<' ? 1 : *end == '>' ? -1 : 0;
	return !*end;
}

static bool find_member(const struct hg_program *prog, uint32_t type, const char *name,
			unsigned depth, uint64_t *offset, uint32_t *member_type)
{
	const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, type));
	if (depth > MAX_NESTING || (t->kind != HG_TYPE_STRUCT && t->kind != HG_TYPE_UNION))
		return false;
	for (uint32_t i = 0; i < t->member_count; i++) {
		const struct hg_member *m = &prog->types.members.data[t->members + i];
		if (!strcmp(hg_program_text(prog, m->name), name)) {
			*offset += m->offset;
			*member_type = m->type;
			return true;
		}
	}
	for (uint32_t i = 0; i < t->member_count; i++) {
		const struct hg_member *m = &prog->types.members.data[t->members + i];
		uint64_t inner = *offset + m->offset;
		if (find_member(prog, m->type, name, depth + 1, &inner, member_type)) {
			*offset = inner;
			return true;
		}
	}
	return false;
}

bool cxx_find_member(const struct hg_program *prog, uint32_t type, const char *name,
		     uint64_t *offset, uint32_t *member_type)
{
	*offset = 0;
	return find_member(prog, type, name, 0, offset, member_type);
}

static unsigned link_pieces(const struct hg_program *prog, uint32_t type,
			    const char *const links[MAX_LINKS], uint32_t target,
			    struct hg_piece *pieces)
{
	unsigned count = 0;
	for (unsigned i = 0; i < MAX_LINKS && links[i] && target; i++) {
		uint64_t offset;
		uint32_t member_type;
		if (cxx_find_member(prog, type, links[i], &offset, &member_type))
			pieces[count++] = (struct hg_piece){.start = offset,
							    .end = offset + 8,
							    .type = target,
							    .kind = HG_LEAF_POINTER};
	}
	return count;
}

static uint32_t node_of(const struct hg_program *prog, const struct container_rule *rule,
			const char *name)
{
	hg_autofree char *argument = cxx_argument(name, rule->argument);
	uint32_t type = 0;
	for (unsigned i = 0; argument && i < ARRAY_SIZE(rule->suffixes) && !type; i++) {
		hg_autofree char *node = NULL;
		if (asprintf(&node, "%s%s%s", rule->node, argument, rule->suffixes[i]) >= 0)
			type = hg_type_find(prog, node);
	}
	return type;
}

static const struct node_rule *find_node(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		if (is_instance(name, nodes[i].type))
			return &nodes[i];
	return NULL;
}

static const struct container_rule *find_container(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(containers); i++)
		if (is_instance(name, containers[i].type))
			return &containers[i];
	return NULL;
}

/** A buffer of raw bytes holds one value of its argument. */
static unsigned buffer_piece(const struct hg_program *prog, const char *name,
			     struct hg_piece *pieces)
{
	hg_autofree char *argument = cxx_argument(name, 0);
	uint32_t type = argument ? hg_type_find(prog, argument) : 0;
	uint64_t size = hg_type_get(prog, type)->size;
	if (!type || !size)
		return 0;
	pieces[0] = (struct hg_piece){.start = 0, .end = size, .type = type, .kind = HG_LEAF_NONE};
	return 1;
}

/** The pointers of a weak_ptr keep a control block but own nothing. */
static unsigned weak_pieces(const struct hg_program *prog, uint32_t type, struct hg_piece *pieces)
{
	static const char *const names[] = {"_M_ptr", "_M_pi", "__ptr_", "__cntrl_"};
	unsigned count = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(names) && count < HG_MAX_SPECIAL; i++) {
		uint64_t offset;
		uint32_t member;
		if (!cxx_find_member(prog, type, names[i], &offset, &member))
			continue;
		const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, member));
		pieces[count++] = (struct hg_piece){
			.start = offset, .end = offset + 8, .type = t->elem, .kind = HG_LEAF_WEAK};
	}
	return count;
}

unsigned cxx_special(struct hg_lang *lang, uint32_t type, struct hg_piece *pieces, bool *whole)
{
	const struct hg_program *prog = lang->a->prog;
	const char *name = hg_type_name(prog, type);
	*whole = false;
	const struct node_rule *node = find_node(name);
	if (node)
		return link_pieces(prog, type, node->links, type, pieces);
	const struct container_rule *container = find_container(name);
	if (container)
		return link_pieces(prog, type, container->links, node_of(prog, container, name),
				   pieces);
	for (size_t i = 0; i < ARRAY_SIZE(buffers); i++)
		if (is_instance(name, buffers[i]))
			return buffer_piece(prog, name, pieces);
	if (starts(name, "std::__weak_ptr<") || starts(name, "std::__1::weak_ptr<")) {
		*whole = true;
		return weak_pieces(prog, type, pieces);
	}
	return 0;
}

/** Links of nodes are declared to lead to a base class, which tells nothing of the node. */
bool cxx_is_node_base(const struct hg_program *prog, uint32_t type)
{
	const char *name = hg_type_name(prog, hg_type_strip(prog, type));
	return starts(name, "std::") && strstr(name, "_node_base");
}

bool cxx_is_inner(struct hg_lang *lang, uint32_t type)
{
	const struct hg_program *prog = lang->a->prog;
	const struct hg_type *t = hg_type_get(prog, type);
	if (t->kind == HG_TYPE_ARRAY && !t->count)
		type = t->elem;
	type = hg_type_strip(prog, type);
	t = hg_type_get(prog, type);
	if (t->kind == HG_TYPE_POINTER) // the buckets of a hash table
		return cxx_is_node_base(prog, t->elem);
	return find_node(hg_type_name(prog, type));
}

/** The container that a struct is or derives from: std::map's is its _Rb_tree. */
static const struct container_rule *inner_rule(const struct hg_program *prog, uint32_t type,
					       unsigned depth, uint64_t *offset, uint32_t *ret)
{
	type = hg_type_strip(prog, type);
	const struct hg_type *t = hg_type_get(prog, type);
	const struct container_rule *rule = find_container(hg_type_name(prog, type));
	*ret = type;
	if (rule || depth > 3 || t->kind != HG_TYPE_STRUCT ||
	    !starts(hg_type_name(prog, type), "std::"))
		return rule;
	for (uint32_t i = 0; i < t->member_count && !rule; i++) {
		const struct hg_member *m = &prog->types.members.data[t->members + i];
		uint64_t at = *offset + m->offset;
		rule = inner_rule(prog, m->type, depth + 1, &at, ret);
		if (rule)
			*offset = at;
	}
	return rule;
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
	const struct container_rule *rule = inner_rule(prog, type, 0, &offset, &inner);
	if (rule && rule->count && cxx_find_member(prog, inner, rule->count, &count_at, &counter) &&
	    hg_image_u64(prog->image, addr + offset + count_at, &entries))
		return (struct hg_container){HG_CONTAINER_MAP, entries};
	if (starts(hg_type_name(prog, hg_type_strip(prog, type)), "std::vector<") &&
	    vector_entries(prog, type, addr, &entries))
		return (struct hg_container){HG_CONTAINER_SLICE, entries};
	return c_container(lang, type, addr, size);
}
