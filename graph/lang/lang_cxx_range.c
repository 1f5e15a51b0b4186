// Elements in a row. A vector is three pointers: to the first element, behind the last, behind the room for more.
//
// The deque of libstdc++:              and that of libc++:
//    0  8  map: an array of pointers       0  8  map: start of its room
//          to nodes, arrays of elements    8  8  map: first node; all from here on are allocated
//    8  8  its length                     16  8  map: behind the last node
//   16  8  first element                  24  8  map: end of its room
//   24  8  start of its node              32  8  number of elements in front of the first
//   32  8  end of its node                40  8  number of elements
//   40  8  where the map has its node
//   48 32  the same four of the place behind the last element

#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "graph/lang/lang_cxx.h"

#define LLVM_NODE_BYTES 4096
#define LLVM_NODE_LEAST 16 // elements

enum { VECTOR, GNU_DEQUE, LLVM_DEQUE };
enum { VECTOR_WORDS = 3 };
enum { GNU_MAP, GNU_MAP_SIZE, GNU_FROM, GNU_TO = GNU_FROM + 4, GNU_WORDS = GNU_TO + 4 };
enum { CUR, FIRST, LAST, NODE };
enum { LLVM_MAP, LLVM_BEGIN, LLVM_END, LLVM_CAP, LLVM_START, LLVM_SIZE, LLVM_WORDS };

static uint64_t size_of(const struct lang_cxx *cxx, uint32_t type)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	return hg_type_get(prog, hg_type_strip(prog, type))->size;
}

static bool read_words(const struct lang_cxx *cxx, uint64_t addr, uint64_t *words, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!hg_image_u64(cxx->lang.a->prog->image, addr + i * 8ull, &words[i]))
			return false;
	return true;
}

static uint32_t pointee(const struct lang_cxx *cxx, uint32_t type)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, type));
	return t->kind == HG_TYPE_POINTER ? t->elem : 0;
}

/* ---- how they are built ---- */

/** What the choice is for: the element of a vector; for a deque, what its map has, pointers to elements. */
static bool prepare_row(struct lang_cxx *cxx, struct cxx_choice *choice, uint32_t element,
			unsigned words)
{
	choice->element = element;
	choice->start = choice->at[0];
	choice->end = choice->start + words * 8ull;
	choice->whole = true;
	return size_of(cxx, element);
}

static bool prepare_vector(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	return cxx_find_members(cxx, choice) && choice->at[1] == choice->at[0] + 8 &&
	       choice->at[2] == choice->at[0] + 16 &&
	       prepare_row(cxx, choice, pointee(cxx, choice->types[0]), VECTOR_WORDS);
}

static bool prepare_gnu_deque(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	static const char *const parts[] = {"_M_cur", "_M_first", "_M_last", "_M_node"};
	if (!cxx_find_members(cxx, choice) || choice->at[1] != choice->at[0] + GNU_FROM * 8 ||
	    choice->at[2] != choice->at[0] + GNU_TO * 8)
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		uint64_t offset;
		uint32_t type;
		if (!cxx_find_member(prog, choice->types[1], parts[i], &offset, &type) ||
		    offset != i * 8ull)
			return false;
	}
	uint32_t pointer = pointee(cxx, choice->types[0]);
	return size_of(cxx, pointee(cxx, pointer)) && prepare_row(cxx, choice, pointer, GNU_WORDS);
}

static bool prepare_llvm_deque(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	if (!cxx_find_members(cxx, choice) || choice->at[1] != choice->at[0] + LLVM_BEGIN * 8 ||
	    choice->at[2] != choice->at[0] + LLVM_START * 8 ||
	    choice->at[3] != choice->at[0] + LLVM_SIZE * 8)
		return false;
	uint32_t pointer = pointee(cxx, choice->types[1]);
	return size_of(cxx, pointee(cxx, pointer)) && prepare_row(cxx, choice, pointer, LLVM_WORDS);
}

/* ---- is it sound? ---- */

static bool vector_is_sound(const struct lang_cxx *cxx, const uint64_t *w, uint32_t element)
{
	return w[0] <= w[1] && w[1] <= w[2] && (w[1] - w[0]) % size_of(cxx, element) == 0;
}

static bool is_node(const struct lang_cxx *cxx, const uint64_t *place)
{
	uint64_t first;
	return place[FIRST] <= place[CUR] && place[CUR] <= place[LAST] &&
	       hg_image_u64(cxx->lang.a->prog->image, place[NODE], &first) && first == place[FIRST];
}

static bool gnu_is_sound(const struct lang_cxx *cxx, const uint64_t *w)
{
	const uint64_t *from = w + GNU_FROM, *to = w + GNU_TO;
	return w[GNU_MAP] <= from[NODE] && from[NODE] <= to[NODE] &&
	       (to[NODE] - w[GNU_MAP]) / 8 < w[GNU_MAP_SIZE] && is_node(cxx, from) &&
	       is_node(cxx, to) && (from[NODE] != to[NODE] || from[CUR] <= to[CUR]);
}

static uint64_t llvm_node_elements(const struct lang_cxx *cxx, uint32_t element)
{
	uint64_t size = size_of(cxx, element);
	return size < LLVM_NODE_BYTES / LLVM_NODE_LEAST ? LLVM_NODE_BYTES / size : LLVM_NODE_LEAST;
}

static bool llvm_is_sound(const struct lang_cxx *cxx, const uint64_t *w, uint32_t element)
{
	uint64_t per_node = llvm_node_elements(cxx, element), end;
	if (w[LLVM_MAP] > w[LLVM_BEGIN] || w[LLVM_BEGIN] > w[LLVM_END] ||
	    w[LLVM_END] > w[LLVM_CAP] || (w[LLVM_END] - w[LLVM_BEGIN]) % 8 ||
	    __builtin_add_overflow(w[LLVM_START], w[LLVM_SIZE], &end))
		return false;
	return end / per_node <= (w[LLVM_END] - w[LLVM_BEGIN]) / 8;
}

static bool choose_range(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr,
			 uint64_t offset, struct hg_piece *ret)
{
	const uint8_t form = choice->rule->form;
	const unsigned count = (unsigned)((choice->end - choice->start) / 8);
	uint64_t words[GNU_WORDS];
	(void)offset;
	if (count > GNU_WORDS || !read_words(cxx, addr + choice->start, words, count) || !words[0])
		return false;
	bool sound = form == VECTOR	 ? vector_is_sound(cxx, words, choice->element)
		     : form == GNU_DEQUE ? gnu_is_sound(cxx, words)
					 : llvm_is_sound(cxx, words, pointee(cxx, choice->element));
	if (!sound)
		return cxx_is_damaged(cxx, addr,
				      "vectors and deques whose bounds contradict each other");
	*ret = (struct hg_piece){.start = choice->start,
				 .end = choice->end,
				 .type = choice->element,
				 .kind = HG_LEAF_RANGE,
				 .form = form};
	return true;
}

/* ---- what their pointers lead to ---- */

/** Words outside of the window count for nothing, where elements have any that do. */
static void open_window(struct lang_cxx *cxx, uint32_t element, uint64_t at, uint64_t from,
			uint64_t to)
{
	struct hg_analysis *a = cxx->lang.a;
	if (hg_shape_has_pointers(&a->priv->shapes, element) &&
	    !hg_window_open(&a->priv->windows, &a->blocks, at, from, to))
		cxx_is_damaged(cxx, at, "vectors and deques that reach beyond their blocks");
}

/** As many elements as fit, of which so many are in use. */
static struct hg_guess array_of(uint32_t element, uint64_t count)
{
	return (struct hg_guess){.type = element, .sure = count ? count : 1};
}

static struct hg_guess resolve_vector(struct lang_cxx *cxx, uint32_t element, const uint64_t *w)
{
	open_window(cxx, element, w[0], w[0], w[1]);
	return array_of(element, (w[1] - w[0]) / size_of(cxx, element));
}

static struct hg_guess resolve_gnu(struct lang_cxx *cxx, uint32_t pointer, uint32_t element,
				   const uint64_t *w, unsigned word)
{
	const uint64_t *from = w + GNU_FROM, *to = w + GNU_TO;
	if (word == GNU_FROM + FIRST || word == GNU_TO + FIRST)
		return array_of(element, (from[LAST] - from[FIRST]) / size_of(cxx, element));
	if (word != GNU_MAP)
		return (struct hg_guess){0};
	if (from[NODE] == to[NODE]) {
		open_window(cxx, element, from[FIRST], from[CUR], to[CUR]);
	} else {
		open_window(cxx, element, from[FIRST], from[CUR], from[LAST]);
		open_window(cxx, element, to[FIRST], to[FIRST], to[CUR]);
	}
	open_window(cxx, pointer, w[GNU_MAP], from[NODE], to[NODE] + 8);
	return array_of(pointer, (to[NODE] - from[NODE]) / 8 + 1);
}

/** The window of a node: of the elements [from, to) of the deque those in node number i. */
static void llvm_window(struct lang_cxx *cxx, uint32_t element, const uint64_t *w, uint64_t i)
{
	uint64_t size = size_of(cxx, element), per_node = llvm_node_elements(cxx, element), node;
	uint64_t from = w[LLVM_START], to = from + w[LLVM_SIZE], first = i * per_node;
	if (!hg_image_u64(cxx->lang.a->prog->image, w[LLVM_BEGIN] + i * 8, &node))
		return;
	from = from < first ? 0 : from - first < per_node ? from - first : per_node;
	to = to < first ? 0 : to - first < per_node ? to - first : per_node;
	open_window(cxx, element, node, node + (from < to ? from : to) * size, node + to * size);
}

/** Nodes that are not full are the first, the last, and up to two spare ones beyond each. */
static struct hg_guess resolve_llvm(struct lang_cxx *cxx, uint32_t pointer, uint32_t element,
				    const uint64_t *w, unsigned word)
{
	uint64_t nodes = (w[LLVM_END] - w[LLVM_BEGIN]) / 8;
	if (word != LLVM_MAP)
		return (struct hg_guess){0};
	for (uint64_t i = 0; i < nodes && i < 3; i++)
		llvm_window(cxx, element, w, i);
	for (uint64_t i = nodes > 6 ? nodes - 3 : 3; i < nodes; i++)
		llvm_window(cxx, element, w, i);
	open_window(cxx, pointer, w[LLVM_MAP], w[LLVM_BEGIN], w[LLVM_END]);
	return array_of(pointer, nodes);
}

struct hg_guess cxx_resolve_range(struct lang_cxx *cxx, const struct hg_leaf *leaf, uint64_t base,
				  uint64_t offset)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	const unsigned word = (unsigned)((offset - leaf->offset) / 8);
	const unsigned count = leaf->form == VECTOR	 ? VECTOR_WORDS
			       : leaf->form == GNU_DEQUE ? GNU_WORDS
							 : LLVM_WORDS;
	uint32_t element = hg_type_get(prog, hg_type_strip(prog, leaf->type))->elem;
	uint64_t words[GNU_WORDS];
	if (!base || !read_words(cxx, base + leaf->offset, words, count))
		return (struct hg_guess){0};
	if (leaf->form == VECTOR)
		return word ? (struct hg_guess){0} : resolve_vector(cxx, leaf->type, words);
	return leaf->form == GNU_DEQUE ? resolve_gnu(cxx, leaf->type, element, words, word)
				       : resolve_llvm(cxx, leaf->type, element, words, word);
}

const struct cxx_rule cxx_range_rules[] = {
	{"std::_Vector_base<",
	 {"_M_start", "_M_finish", "_M_end_of_storage"},
	 .prepare = prepare_vector,
	 .choose = choose_range,
	 .form = VECTOR},
	{"std::__1::vector<",
	 {"__begin_", "__end_", "__end_cap_|__cap_"},
	 .prepare = prepare_vector,
	 .choose = choose_range,
	 .form = VECTOR},
	{"std::_Deque_base<",
	 {"_M_map", "_M_start", "_M_finish"},
	 .prepare = prepare_gnu_deque,
	 .choose = choose_range,
	 .form = GNU_DEQUE},
	{"std::__1::__deque_base<",
	 {"__first_", "__begin_", "__start_", "__size_"},
	 .prepare = prepare_llvm_deque,
	 .choose = choose_range,
	 .form = LLVM_DEQUE},
	{"std::__1::deque<", // since LLVM 15
	 {"__first_", "__begin_", "__start_", "__size_"},
	 .prepare = prepare_llvm_deque,
	 .choose = choose_range,
	 .form = LLVM_DEQUE},
	{0},
};
