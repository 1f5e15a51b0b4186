#include <stdlib.h>
#include <string.h>

#include "graph/lang/lang_cxx.h"

#define MAX_NESTING 8

/** Nodes of containers. */
static const char *const nodes[] = {
	"std::_Rb_tree_node<",
	"std::_List_node<",
	"std::_Fwd_list_node<",
	"std::__detail::_Hash_node<",
	"std::__1::__tree_node<",
	"std::__1::__list_node<",
	"std::__1::__forward_list_node<",
	"std::__1::__hash_node<",
};

/** Containers: what their nodes are called: prefix, an argument of the container, suffix. */
static const struct container_rule {
	const char *type;
	const char *node;
	unsigned argument;
	const char *suffixes[2];
	const char *count; /* member that counts the elements; NULL none */
} containers[] = {
	{"std::_Rb_tree<", "std::_Rb_tree_node<", 1, {">", " >"}, "_M_node_count"},
	{"std::__cxx11::_List_base<", "std::_List_node<", 0, {">", " >"}, "_M_size"},
	{"std::_Fwd_list_base<", "std::_Fwd_list_node<", 0, {">", " >"}, NULL},
	{"std::_Hashtable<",
	 "std::__detail::_Hash_node<",
	 1,
	 {", true>", ", false>"},
	 "_M_element_count"},
	{"std::__1::__tree<", "std::__1::__tree_node<", 0, {", void *>", ", void*>"}, "__size_"},
	{"std::__1::__list_imp<",
	 "std::__1::__list_node<",
	 0,
	 {", void *>", ", void*>"},
	 "__size_"},
	{"std::__1::__forward_list_base<",
	 "std::__1::__forward_list_node<",
	 0,
	 {", void *>", ", void*>"},
	 NULL},
	{"std::__1::__hash_table<",
	 "std::__1::__hash_node<",
	 0,
	 {", void *>", ", void*>"},
	 "__size_"},
};

/** Raw memory for a T: "__gnu_cxx::__aligned_membuf<T>". */
static const char *const buffers[] = {"__gnu_cxx::__aligned_membuf<",
				      "__gnu_cxx::__aligned_buffer<"};

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

static bool is_node(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		if (is_instance(name, nodes[i]))
			return true;
	return false;
}

static const struct container_rule *find_container(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(containers); i++)
		if (is_instance(name, containers[i].type))
			return &containers[i];
	return NULL;
}

uint32_t cxx_node_of(const struct hg_program *prog, uint32_t container)
{
	const char *name = hg_type_name(prog, container);
	const struct container_rule *rule = find_container(name);
	hg_autofree char *argument = rule ? cxx_argument(name, rule->argument) : NULL;
	uint32_t type = 0;
	for (unsigned i = 0; argument && i < ARRAY_SIZE(rule->suffixes) && !type; i++) {
		hg_autofree char *node = NULL;
		if (asprintf(&node, "%s%s%s", rule->node, argument, rule->suffixes[i]) >= 0)
			type = hg_type_find(prog, node);
	}
	return type;
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

unsigned cxx_special(struct hg_lang *lang, uint32_t type, struct hg_piece *pieces, bool *whole)
{
	const struct hg_program *prog = lang->a->prog;
	const char *name = hg_type_name(prog, type);
	const struct cxx_choice *choice = cxx_choice_of((struct lang_cxx *)lang, type);
	*whole = choice && choice->whole;
	if (choice) {
		bool varies = choice->varies ||
			      (choice->inlay && hg_shape_varies(lang->shapes, choice->inlay));
		pieces[0] = (struct hg_piece){.start = choice->start,
					      .end = choice->end,
					      .type = type,
					      .kind = HG_LEAF_CHOICE,
					      .form = varies,
					      .inner = choice->start};
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(buffers); i++)
		if (is_instance(name, buffers[i]))
			return buffer_piece(prog, name, pieces);
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
	return is_node(hg_type_name(prog, type));
}
