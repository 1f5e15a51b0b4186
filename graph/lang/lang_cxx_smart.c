// What a flag, an index or a function says of the storage beside it: control blocks of shared pointers, optional, variant,
// any, function, and the strings of libc++. And pointers that own nothing.

#include <stdlib.h>
#include <string.h>

#include "graph/lang/lang_cxx.h"

#define MAX_NESTING 8

enum { FLAG, VALUE }; // names of the rules: what decides, what it decides about

static uint64_t size_of(const struct lang_cxx *cxx, uint32_t type)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	return hg_type_get(prog, hg_type_strip(prog, type))->size;
}

/** Of a flag. */
static uint64_t word_size(const struct lang_cxx *cxx, uint32_t type)
{
	return type ? size_of(cxx, type) : 8;
}

static bool read_word(const struct lang_cxx *cxx, uint64_t addr, uint64_t size, uint64_t *ret)
{
	*ret = 0;
	return size && size <= 8 && hg_image_read(cxx->lang.a->prog->image, addr, ret, size);
}

static uint32_t argument_of(const struct lang_cxx *cxx, uint32_t type, unsigned n)
{
	return hg_type_argument(cxx->lang.a->prog, type, n);
}

/** Says that a value of a type lies at `start`. */
static bool put_value(const struct lang_cxx *cxx, struct hg_piece *ret, uint64_t start,
		      uint32_t type)
{
	*ret = (struct hg_piece){.start = start,
				 .end = start + size_of(cxx, type),
				 .type = type,
				 .kind = HG_LEAF_NONE};
	return type && ret->end > start;
}

static bool put_pointer(struct hg_piece *ret, uint64_t start, uint32_t type, uint8_t kind)
{
	*ret = (struct hg_piece){.start = start, .end = start + 8, .type = type, .kind = kind};
	return true;
}

/* ---- a flag, and a value that is there or not ---- */

static bool prepare_flagged(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	if (!cxx_find_members(cxx, choice))
		return false;
	int argument = choice->rule->argument;
	choice->element = argument < 0 ? choice->types[VALUE]
				       : argument_of(cxx, choice->type, (unsigned)argument);
	choice->inlay = choice->element;
	choice->start = choice->at[VALUE];
	choice->end = choice->start + size_of(cxx, choice->element);
	return choice->element;
}

/** Flags are of one byte or, like counts, four or eight; these are signed. */
static bool choose_flagged(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr,
			   uint64_t offset, struct hg_piece *ret)
{
	uint64_t flag, size = word_size(cxx, choice->types[FLAG]);
	(void)offset;
	if (!read_word(cxx, addr + choice->at[FLAG], size, &flag))
		return false;
	uint64_t mask = size == 8 ? UINT64_MAX : ((uint64_t)1 << size * 8) - 1;
	if (flag == (choice->rule->dead & mask))
		return false;
	return put_value(cxx, ret, choice->start, choice->element);
}

/* ---- an index, and one of several values ---- */

static bool prepare_indexed(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	if (!cxx_find_members(cxx, choice))
		return false;
	choice->varies = true;
	choice->start = choice->at[VALUE];
	choice->end = choice->start + size_of(cxx, choice->types[VALUE]);
	return true;
}

static bool choose_indexed(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr,
			   uint64_t offset, struct hg_piece *ret)
{
	uint64_t index, room = size_of(cxx, choice->types[VALUE]);
	(void)offset;
	if (!read_word(cxx, addr + choice->at[FLAG], size_of(cxx, choice->types[FLAG]), &index) ||
	    index >= UINT32_MAX)
		return false;
	uint32_t type =
		argument_of(cxx, choice->type, (unsigned)index + (unsigned)choice->rule->argument);
	return type && size_of(cxx, type) <= room && put_value(cxx, ret, choice->start, type);
}

/* ---- a function that knows the type ---- */

static bool prepare_managed(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	if (!cxx_find_members(cxx, choice) || size_of(cxx, choice->types[FLAG]) != 8)
		return false;
	choice->varies = true;
	choice->start = choice->at[VALUE];
	choice->end = choice->start + size_of(cxx, choice->types[VALUE]);
	return choice->end - choice->start >= 8;
}

static uint32_t manager_of(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr)
{
	uint64_t code;
	if (!hg_image_u64(cxx->lang.a->prog->image, addr + choice->at[FLAG], &code) || !code)
		return 0;
	return cxx_class_of_code(cxx, code);
}

/** Which classes manage values that lie in the any itself, and which lead to one. */
static bool choose_any(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr,
		       uint64_t offset, struct hg_piece *ret)
{
	static const struct {
		const char *class;
		bool inside;
	} managers[] = {
		{"std::any::_Manager_internal<", true},
		{"std::any::_Manager_external<", false},
		{"std::__1::__any_imp::_SmallHandler<", true},
		{"std::__1::__any_imp::_LargeHandler<", false},
	};
	uint32_t class = manager_of(cxx, choice, addr);
	const char *name = hg_type_name(cxx->lang.a->prog, class);
	uint32_t type = class ? argument_of(cxx, class, 0) : 0;
	(void)offset;
	for (size_t i = 0; type && i < ARRAY_SIZE(managers); i++) {
		if (strncmp(name, managers[i].class, strlen(managers[i].class)))
			continue;
		if (!managers[i].inside)
			return put_pointer(ret, choice->start, type, HG_LEAF_POINTER);
		return size_of(cxx, type) <= choice->end - choice->start &&
		       put_value(cxx, ret, choice->start, type);
	}
	return false;
}

/** Can values of the type be copied as bytes, as far as members tell? What has destructors is mostly of the library. */
static bool is_plain(const struct lang_cxx *cxx, uint32_t type, unsigned depth)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	type = hg_type_strip(prog, type);
	const struct hg_type *t = hg_type_get(prog, type);
	if (depth > MAX_NESTING)
		return false;
	if (t->kind == HG_TYPE_ARRAY)
		return is_plain(cxx, t->elem, depth + 1);
	if (t->kind != HG_TYPE_STRUCT)
		return true;
	if (!strncmp(hg_type_name(prog, type), "std::", 5) && t->size > 1)
		return false;
	for (uint32_t i = 0; i < t->member_count; i++)
		if (!is_plain(cxx, prog->types.members.data[t->members + i].type, depth + 1))
			return false;
	return true;
}

/** std::function of libstdc++ keeps what is small and plain in itself. */
static bool choose_function(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr,
			    uint64_t offset, struct hg_piece *ret)
{
	uint32_t class = manager_of(cxx, choice, addr);
	const char *name = hg_type_name(cxx->lang.a->prog, class);
	unsigned argument = strncmp(name, "std::_Function_handler<", 23) ? 0 : 1;
	uint32_t type = class && !strncmp(name, "std::_Function_", 15)
				? argument_of(cxx, class, argument)
				: 0;
	(void)offset;
	if (!type)
		return false;
	if (size_of(cxx, type) <= choice->end - choice->start && is_plain(cxx, type, 0))
		return put_value(cxx, ret, choice->start, type);
	return put_pointer(ret, choice->start, type, HG_LEAF_POINTER);
}

/** std::function of libc++ leads to a class with virtual functions, maybe in itself. Such a class is named after a lambda,
 * which debug info names in another way than the class's own type information; so it is found by its code. */
static bool choose_callable(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr,
			    uint64_t offset, struct hg_piece *ret)
{
	enum {
		CLONE = 16
	}; // the first function behind the destructors, which every such class has
	const struct hg_image *image = cxx->lang.a->prog->image;
	uint64_t object, table, code;
	(void)offset;
	if (!hg_image_u64(image, addr + choice->at[FLAG], &object) || !object ||
	    !hg_image_u64(image, object, &table) || !hg_image_u64(image, table + CLONE, &code))
		return false;
	uint32_t type = cxx_class_of_code(cxx, code);
	if (!type)
		return false;
	if (object != addr + choice->at[VALUE])
		return put_pointer(ret, choice->at[FLAG], type, HG_LEAF_POINTER);
	return size_of(cxx, type) <= choice->at[FLAG] - choice->at[VALUE] &&
	       put_value(cxx, ret, choice->at[VALUE], type);
}

/** The pointer is a part of it, since its type says nothing either. */
static bool prepare_callable(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	if (!cxx_find_members(cxx, choice) || choice->at[FLAG] <= choice->at[VALUE])
		return false;
	choice->varies = true;
	choice->start = choice->at[VALUE];
	choice->end = choice->at[FLAG] + 8;
	return true;
}

/* ---- strings of libc++: short ones lie where long ones have a pointer ---- */

static bool prepare_string(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	if (!cxx_find_members(cxx, choice) || choice->at[VALUE] != choice->at[FLAG] + 16)
		return false; // built for the other layout
	const struct hg_program *prog = cxx->lang.a->prog;
	choice->element = hg_type_get(prog, hg_type_strip(prog, choice->types[VALUE]))->elem;
	choice->start = choice->at[FLAG];
	choice->end = choice->at[VALUE] + 8;
	choice->whole = true;
	return true;
}

static bool choose_string(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr,
			  uint64_t offset, struct hg_piece *ret)
{
	uint64_t first;
	(void)offset;
	if (!read_word(cxx, addr + choice->at[FLAG], 1, &first) || !(first & 1))
		return false;
	return put_pointer(ret, choice->at[VALUE], choice->element, HG_LEAF_POINTER);
}

/* ---- pointers that own nothing ---- */

static bool prepare_view(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	if (!cxx_find_members(cxx, choice))
		return false;
	const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, choice->types[0]));
	choice->element = t->kind == HG_TYPE_POINTER ? t->elem : 0;
	choice->start = choice->at[0];
	choice->end = choice->start + 8;
	choice->whole = true;
	return t->kind == HG_TYPE_POINTER;
}

static bool choose_view(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr,
			uint64_t offset, struct hg_piece *ret)
{
	(void)cxx, (void)addr, (void)offset;
	return put_pointer(ret, choice->start, choice->element, HG_LEAF_WEAK);
}

enum { OBJECT, CONTROL, OWNERS }; // of a weak pointer

static bool prepare_weak(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	const struct cxx_rule *rule = choice->rule;
	uint32_t *types = choice->types;
	for (unsigned i = OBJECT; i <= CONTROL; i++) {
		if (!cxx_find_member(prog, choice->type, rule->names[i], &choice->at[i], &types[i]))
			return false;
		types[i] = hg_type_get(prog, hg_type_strip(prog, types[i]))->elem;
	}
	if (!cxx_find_either(prog, types[CONTROL], rule->names[OWNERS], &choice->at[OWNERS],
			     &types[OWNERS]))
		return false;
	choice->start = choice->at[OBJECT];
	choice->end = choice->at[CONTROL] + 8;
	choice->whole = true;
	return choice->at[CONTROL] == choice->at[OBJECT] + 8;
}

/** Once the last owner is gone, the weak pointers are all that the control block is kept for. */
static bool choose_weak(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr,
			uint64_t offset, struct hg_piece *ret)
{
	uint64_t control, owners, size = word_size(cxx, choice->types[OWNERS]);
	if (!hg_image_u64(cxx->lang.a->prog->image, addr + choice->at[CONTROL], &control) ||
	    !read_word(cxx, control + choice->at[OWNERS], size, &owners))
		return false;
	uint64_t mask = size == 8 ? UINT64_MAX : ((uint64_t)1 << size * 8) - 1;
	bool expired = owners == (choice->rule->dead & mask);
	if (offset >= choice->at[CONTROL])
		return put_pointer(ret, choice->at[CONTROL], choice->types[CONTROL],
				   expired ? HG_LEAF_POINTER : HG_LEAF_WEAK);
	return !expired &&
	       put_pointer(ret, choice->at[OBJECT], choice->types[OBJECT], HG_LEAF_WEAK);
}

#define FLAGGED .prepare = prepare_flagged, .choose = choose_flagged
#define INDEXED .prepare = prepare_indexed, .choose = choose_indexed
#define VIEW .prepare = prepare_view, .choose = choose_view
#define WEAK .prepare = prepare_weak, .choose = choose_weak
#define NEVER UINT64_MAX // libc++ counts owners from zero

const struct cxx_rule cxx_smart_rules[] = {
	{"std::_Sp_counted_ptr<", {"_M_use_count", "_M_ptr"}, FLAGGED, .argument = -1},
	{"std::_Sp_counted_deleter<", {"_M_use_count", "_M_impl"}, FLAGGED, .argument = -1},
	{"std::_Sp_counted_ptr_inplace<", {"_M_use_count", "_M_impl"}, FLAGGED, .argument = -1},
	{"std::__1::__shared_ptr_pointer<",
	 {"__shared_owners_|@8", "__data_"},
	 FLAGGED,
	 .argument = -1,
	 .dead = NEVER},
	{"std::__1::__shared_ptr_emplace<",
	 {"__shared_owners_|@8", "__storage_"},
	 FLAGGED,
	 .argument = 0,
	 .dead = NEVER},
	{"std::_Optional_payload_base<", {"_M_engaged", "_M_value"}, FLAGGED, .argument = -1},
	{"std::__1::__optional_destruct_base<", {"__engaged_", "__val_"}, FLAGGED, .argument = -1},
	{"std::__detail::__variant::_Variant_storage<",
	 {"_M_index", "_M_u"},
	 INDEXED,
	 .argument = 1},
	{"std::__1::__variant_detail::__base<", {"__index", "__data"}, INDEXED, .argument = 1},
	{"std::any",
	 {"_M_manager", "_M_storage"},
	 .prepare = prepare_managed,
	 .choose = choose_any},
	{"std::__1::any", {"__h", "__s"}, .prepare = prepare_managed, .choose = choose_any},
	{"std::_Function_base",
	 {"_M_manager", "_M_functor"},
	 .prepare = prepare_managed,
	 .choose = choose_function},
	{"std::__1::__function::__value_func<",
	 {"__f_", "__buf_"},
	 .prepare = prepare_callable,
	 .choose = choose_callable},
	{"std::__1::basic_string<",
	 {"__cap_", "__data_"},
	 .prepare = prepare_string,
	 .choose = choose_string},
	{"std::__weak_ptr<", {"_M_ptr", "_M_pi", "_M_use_count"}, WEAK},
	{"std::__1::weak_ptr<", {"__ptr_", "__cntrl_", "__shared_owners_|@8"}, WEAK, .dead = NEVER},
	{"std::basic_string_view<", {"_M_str"}, VIEW},
	{"std::__1::basic_string_view<", {"__data|__data_"}, VIEW},
	{"std::span<", {"_M_ptr"}, VIEW},
	{"std::__1::span<", {"__data|__data_"}, VIEW},
	{"std::reference_wrapper<", {"_M_data"}, VIEW},
	{"std::__1::reference_wrapper<", {"__f_"}, VIEW},
	{"std::initializer_list<", {"_M_array|__begin_"}, VIEW},
	{"__gnu_cxx::__normal_iterator<", {"_M_current"}, VIEW},
	{"std::_List_iterator<", {"_M_node"}, VIEW},
	{"std::_List_const_iterator<", {"_M_node"}, VIEW},
	{"std::_Fwd_list_iterator<", {"_M_node"}, VIEW},
	{"std::_Fwd_list_const_iterator<", {"_M_node"}, VIEW},
	{"std::_Rb_tree_iterator<", {"_M_node"}, VIEW},
	{"std::_Rb_tree_const_iterator<", {"_M_node"}, VIEW},
	{"std::__detail::_Node_iterator_base<", {"_M_cur"}, VIEW},
	{"std::__1::__wrap_iter<", {"__i|__i_"}, VIEW},
	{"std::__1::__list_iterator<", {"__ptr_"}, VIEW},
	{"std::__1::__list_const_iterator<", {"__ptr_"}, VIEW},
	{"std::__1::__forward_list_iterator<", {"__ptr_"}, VIEW},
	{"std::__1::__forward_list_const_iterator<", {"__ptr_"}, VIEW},
	{"std::__1::__tree_iterator<", {"__ptr_"}, VIEW},
	{"std::__1::__tree_const_iterator<", {"__ptr_"}, VIEW},
	{"std::__1::__hash_iterator<", {"__node_"}, VIEW},
	{"std::__1::__hash_const_iterator<", {"__node_"}, VIEW},
	{0},
};
