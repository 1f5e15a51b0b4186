// Nodes that lead to each other: lists, trees, hash tables. Their links are declared to lead to a base class of nodes, but
// lead to nodes. A link owns what leads back to where it came from; a link that leads back, or around, owns nothing.

#include <stdlib.h>
#include <string.h>

#include "graph/lang/lang_cxx.h"

enum { OWNS, OWNS_TOO, BACK, AROUND }; // names of the rules; "" where there is none
#define NONE UINT64_MAX

static bool prepare_links(struct lang_cxx *cxx, struct cxx_choice *choice, uint32_t node)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	const char *const *names = choice->rule->names;
	uint64_t in_node;
	uint32_t type;
	choice->element = node;
	choice->start = UINT64_MAX;
	for (unsigned i = 0; i < CXX_NAMES; i++) {
		choice->at[i] = NONE;
		if (!names[i] || !*names[i])
			continue;
		if (!cxx_find_member(prog, choice->type, names[i], &choice->at[i],
				     &choice->types[i]))
			return false;
		if (choice->at[i] < choice->start)
			choice->start = choice->at[i];
		if (choice->at[i] + 8 > choice->end)
			choice->end = choice->at[i] + 8;
	}
	// What leads back leads to where a node would start whose link this one is.
	if (!cxx_find_member(prog, node, names[OWNS], &in_node, &type) ||
	    choice->at[OWNS] < in_node)
		return false;
	choice->base = choice->at[OWNS] - in_node;
	return true;
}

static bool prepare_node(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	if (!prepare_links(cxx, choice, choice->type))
		return false;
	choice->back = choice->at[BACK];
	return true;
}

static bool prepare_header(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	uint32_t node = cxx_node_of(cxx->lang.a->prog, choice->type);
	const struct cxx_choice *known = node ? cxx_choice_of(cxx, node) : NULL;
	choice->back = known ? known->back : NONE;
	return known && prepare_links(cxx, choice, node);
}

static bool choose_link(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr,
			uint64_t offset, struct hg_piece *ret)
{
	const struct hg_image *image = cxx->lang.a->prog->image;
	uint64_t value, back;
	unsigned i = 0;
	while (i < CXX_NAMES && choice->at[i] != offset)
		i++;
	if (i == CXX_NAMES || !hg_image_u64(image, addr + offset, &value) || !value)
		return false;
	*ret = (struct hg_piece){.start = offset,
				 .end = offset + 8,
				 .type = choice->element,
				 .kind = i <= OWNS_TOO ? HG_LEAF_POINTER : HG_LEAF_WEAK};
	if (i > OWNS_TOO || choice->back == NONE)
		return true;
	if (hg_image_u64(image, value + choice->back, &back) && back == addr + choice->base)
		return true;
	return cxx_is_damaged(cxx, addr + offset, "links of containers that do not lead back");
}

#define NODE .prepare = prepare_node, .choose = choose_link
#define HEADER .prepare = prepare_header, .choose = choose_link

const struct cxx_rule cxx_link_rules[] = {
	{"std::_Rb_tree_node<", {"_M_left", "_M_right", "_M_parent"}, NODE},
	{"std::_List_node<", {"_M_next", "", "_M_prev"}, NODE},
	{"std::_Fwd_list_node<", {"_M_next"}, NODE},
	{"std::__detail::_Hash_node<", {"_M_nxt"}, NODE},
	{"std::__1::__tree_node<", {"__left_", "__right_", "__parent_"}, NODE},
	{"std::__1::__list_node<", {"__next_", "", "__prev_"}, NODE},
	{"std::__1::__forward_list_node<", {"__next_"}, NODE},
	{"std::__1::__hash_node<", {"__next_"}, NODE},
	{"std::_Rb_tree<", {"_M_parent", "", "_M_left", "_M_right"}, HEADER},
	{"std::__cxx11::_List_base<", {"_M_next", "", "_M_prev"}, HEADER},
	{"std::_Fwd_list_base<", {"_M_next"}, HEADER},
	{"std::_Hashtable<", {"_M_nxt"}, HEADER},
	{"std::__1::__tree<", {"__left_", "", "__begin_node_"}, HEADER},
	{"std::__1::__list_imp<", {"__next_", "", "__prev_"}, HEADER},
	{"std::__1::__forward_list_base<", {"__next_"}, HEADER},
	{"std::__1::__hash_table<", {"__next_"}, HEADER},
	{0},
};
