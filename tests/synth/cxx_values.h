/**
 * Values of the C++ library made by hand: their types, and memory with blocks to put them in.
 */
#ifndef HG_SYNTH_CXX_VALUES_H
#define HG_SYNTH_CXX_VALUES_H

#include <string.h>

#include "dwarf/program_private.h"
#include "graph/analysis_private.h"
#include "tests/synth/type_maker.h"

#define CXX_HEAP 0x10000ull
#define CXX_BLOCK 64 // bytes
#define CXX_BLOCKS 32
#define CXX_BYTES (CXX_BLOCK * CXX_BLOCKS)

enum cxx_kind {
	CXX_VECTOR,
	CXX_DEQUE,
	CXX_LLVM_DEQUE,
	CXX_OPTIONAL,
	CXX_VARIANT,
	CXX_WEAK,
	CXX_VIEW,
	CXX_STRING,
	CXX_LIST,
	CXX_NODE,
	CXX_KINDS,
};

struct cxx_values {
	struct hg_analysis a;
	struct hg_analysis_private priv;
	struct hg_heap heap;
	struct hg_image image;
	struct hg_segment segment;
	uint8_t memory[CXX_BYTES];
	uint32_t item, pointer; // a struct with a pointer to another; a pointer to it
	uint32_t types[CXX_KINDS];
};

static const struct hg_heap_ops cxx_heap = {.name = "made"};

static inline uint32_t cxx_struct(struct cxx_values *v, const char *name, uint64_t size,
				  const struct make_member *members, size_t count)
{
	const uint32_t id = make_struct(v->a.prog, name, size, members, count);
	v->a.prog->types.types.data[id].language = HG_LANGUAGE_CXX;
	return id;
}

static inline uint32_t cxx_pointer(struct cxx_values *v, uint32_t to)
{
	const uint32_t id = make_type(v->a.prog, "pointer", HG_TYPE_POINTER, 8, to, 0);
	v->a.prog->types.types.data[id].language = HG_LANGUAGE_CXX;
	return id;
}

#define CXX_MEMBERS(...)                                                                           \
	(struct make_member[]){__VA_ARGS__},                                                       \
		sizeof((struct make_member[]){__VA_ARGS__}) / sizeof(struct make_member)

static inline void cxx_make_rows(struct cxx_values *v, uint32_t word)
{
	const uint32_t p = v->pointer, map = cxx_pointer(v, p);
	v->types[CXX_VECTOR] = cxx_struct(
		v, "std::_Vector_base<Item, A>", 24,
		CXX_MEMBERS({p, 0, "_M_start"}, {p, 8, "_M_finish"}, {p, 16, "_M_end_of_storage"}));
	const uint32_t place = cxx_struct(v, "std::_Deque_iterator<Item, Item&, Item*>", 32,
					  CXX_MEMBERS({p, 0, "_M_cur"}, {p, 8, "_M_first"},
						      {p, 16, "_M_last"}, {map, 24, "_M_node"}));
	v->types[CXX_DEQUE] =
		cxx_struct(v, "std::_Deque_base<Item, A>", 80,
			   CXX_MEMBERS({map, 0, "_M_map"}, {word, 8, "_M_map_size"},
				       {place, 16, "_M_start"}, {place, 48, "_M_finish"}));
	v->types[CXX_LLVM_DEQUE] =
		cxx_struct(v, "std::__1::__deque_base<Item, A>", 48,
			   CXX_MEMBERS({map, 0, "__first_"}, {map, 8, "__begin_"},
				       {map, 16, "__end_"}, {map, 24, "__end_cap_"},
				       {word, 32, "__start_"}, {word, 40, "__size_"}));
	v->types[CXX_STRING] = cxx_struct(
		v, "std::__1::basic_string<char>", 24,
		CXX_MEMBERS({word, 0, "__cap_"}, {word, 8, "__size_"}, {p, 16, "__data_"}));
}

static inline void cxx_make_choices(struct cxx_values *v, uint32_t word)
{
	struct hg_program *prog = v->a.prog;
	const uint32_t flag = make_type(prog, "bool", HG_TYPE_BOOL, 1, 0, 0);
	v->types[CXX_OPTIONAL] =
		cxx_struct(v, "std::_Optional_payload_base<Item>", 24,
			   CXX_MEMBERS({v->item, 0, "_M_value"}, {flag, 16, "_M_engaged"}));
	v->types[CXX_VARIANT] =
		cxx_struct(v, "std::__detail::__variant::_Variant_storage<false, long, Item>", 24,
			   CXX_MEMBERS({v->item, 0, "_M_u"}, {flag, 16, "_M_index"}));
	const uint32_t arguments[] = {flag, word, v->item};
	struct hg_type *variant = &prog->types.types.data[v->types[CXX_VARIANT]];
	variant->arguments = (uint32_t)prog->types.arguments.count;
	variant->argument_count = ARRAY_SIZE(arguments);
	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
		struct hg_type_argument *place = hg_vec_push(&prog->types.arguments);
		hg_assert(place);
		*place = (struct hg_type_argument){.type = arguments[i], .is_value = !i};
	}
	const uint32_t count = make_type(prog, "int", HG_TYPE_INT, 4, 0, 0);
	const uint32_t control = cxx_pointer(
		v, cxx_struct(v, "Control", 16,
			      CXX_MEMBERS({word, 0, "_vptr"}, {count, 8, "_M_use_count"},
					  {count, 12, "_M_weak_count"})));
	v->types[CXX_WEAK] =
		cxx_struct(v, "std::__weak_ptr<Item, 2>", 16,
			   CXX_MEMBERS({v->pointer, 0, "_M_ptr"}, {control, 8, "_M_pi"}));
	v->types[CXX_VIEW] =
		cxx_struct(v, "std::basic_string_view<char>", 16,
			   CXX_MEMBERS({word, 0, "_M_len"}, {v->pointer, 8, "_M_str"}));
}

static inline void cxx_make_list(struct cxx_values *v, uint32_t word)
{
	const uint32_t p = v->pointer;
	v->types[CXX_NODE] = cxx_struct(
		v, "std::_List_node<Item>", 32,
		CXX_MEMBERS({p, 0, "_M_next"}, {p, 8, "_M_prev"}, {v->item, 16, "_M_storage"}));
	v->types[CXX_LIST] = cxx_struct(
		v, "std::__cxx11::_List_base<Item, A>", 24,
		CXX_MEMBERS({p, 0, "_M_next"}, {p, 8, "_M_prev"}, {word, 16, "_M_size"}));
}

static inline void cxx_values_open(struct cxx_values *v)
{
	struct hg_error *err = hg_program_create_bare(NULL, NULL, &v->a.prog);
	hg_assert(!err);
	v->segment = (struct hg_segment){
		.addr = CXX_HEAP, .size = CXX_BYTES, .present = CXX_BYTES, .bytes = v->memory};
	v->image = (struct hg_image){.segments = &v->segment, .segment_count = 1};
	v->a.prog->image = &v->image;
	v->a.priv = &v->priv;
	const struct hg_extent extent = {
		.addr = CXX_HEAP, .size = CXX_BYTES, .stride = CXX_BLOCK, .slots = CXX_BLOCKS};
	const uint64_t all = UINT64_MAX;
	uint64_t dropped;
	err = hg_blocks_add(&v->a.blocks, &extent, &all, NULL);
	hg_assert(!err);
	err = hg_blocks_finish(&v->a.blocks, &dropped);
	hg_assert(!err);
	v->heap.ops = &cxx_heap;
	struct hg_heap **heap = hg_vec_push(&v->a.heaps);
	hg_assert(heap);
	*heap = &v->heap;
	err = hg_langs_open(&v->a);
	hg_assert(!err);
	const uint32_t word = make_type(v->a.prog, "long", HG_TYPE_INT, 8, 0, 0);
	v->pointer = cxx_pointer(v, 0);
	v->item = cxx_struct(v, "Item", 16,
			     CXX_MEMBERS({word, 0, "number"}, {v->pointer, 8, "next"}));
	v->a.prog->types.types.data[v->pointer].elem = v->item;
	cxx_make_rows(v, word);
	cxx_make_choices(v, word);
	cxx_make_list(v, word);
}

static inline void cxx_values_close(struct cxx_values *v)
{
	hg_langs_close(&v->a);
	hg_windows_deinit(&v->priv.windows);
	hg_blocks_deinit(&v->a.blocks);
	hg_vec_deinit(&v->a.heaps);
	hg_coverage_deinit(&v->a.coverage);
	v->a.prog->image = NULL;
	hg_program_destroy(v->a.prog);
}

static inline uint64_t cxx_block(unsigned number)
{
	return CXX_HEAP + (uint64_t)number * CXX_BLOCK;
}

static inline void cxx_put(struct cxx_values *v, uint64_t addr, uint64_t value)
{
	memcpy(v->memory + (addr - CXX_HEAP), &value, 8);
}

/** The leaf of a word of a value that lies at the start of a block. */
static inline struct hg_leaf cxx_leaf(struct cxx_values *v, enum cxx_kind kind, unsigned block,
				      uint64_t offset)
{
	const struct hg_place place = {cxx_block(block), (CXX_BLOCKS - block) * CXX_BLOCK};
	return hg_shape_leaf_at(&v->priv.shapes, v->types[kind], place, offset);
}

static inline struct hg_guess cxx_follow(struct cxx_values *v, enum cxx_kind kind, unsigned block,
					 uint64_t offset)
{
	const struct hg_leaf leaf = cxx_leaf(v, kind, block, offset);
	struct hg_lang *lang = hg_lang_of(&v->a, v->types[kind]);
	uint64_t value;
	memcpy(&value, v->memory + (cxx_block(block) + offset - CXX_HEAP), 8);
	return leaf.kind == HG_LEAF_NONE
		       ? (struct hg_guess){0}
		       : lang->ops->resolve(lang, &leaf, cxx_block(block), offset, value);
}

#endif
