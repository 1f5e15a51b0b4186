/**
 * Containers of the C++ library made by hand, as libstdc++ and libc++ lay them out: types with the members that count, and memory in
 * which one of each is sound.
 *
 *	OFFSET  SIZE
 *	0       256   the container, in no block
 *	256     64n   blocks of 64 bytes; of the last eight every other one is free
 */
#ifndef HG_SYNTH_CXX_CONTAINERS_H
#define HG_SYNTH_CXX_CONTAINERS_H

#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/image_build.h"
#include "dwarf/program_private.h"
#include "graph/analysis_private.h"
#include "tests/synth/type_maker.h"

#define CXX_BASE 0x10000u
#define CXX_HEAP 256u /* offset of the first block */
#define CXX_BLOCK 64u
#define CXX_BYTES 4096u
#define CXX_BLOCKS ((CXX_BYTES - CXX_HEAP) / CXX_BLOCK)

enum cxx_sample {
	CXX_VECTOR,
	CXX_BITS,
	CXX_STRING,
	CXX_DEQUE,
	CXX_LIST,
	CXX_FORWARD_LIST,
	CXX_MAP,
	CXX_HASH,
	CXX_SHARED,
	CXX_OPTIONAL,
	CXX_VARIANT,
	CXX_VECTOR_1, /* libc++ from here on */
	CXX_BITS_1,
	CXX_STRING_1,
	CXX_DEQUE_1,
	CXX_LIST_1,
	CXX_MAP_1,
	CXX_HASH_1,
	CXX_SAMPLES,
};

struct cxx_synth {
	struct hg_analysis a;
	struct hg_heap heap;
	uint32_t types[CXX_SAMPLES];
	uint32_t number, word, pointer, byte; // int, unsigned long, void *, unsigned char
};

/** A type of C++ with up to three arguments. */
static inline uint32_t cxx_type(struct cxx_synth *s, const char *name, uint64_t size,
				const struct make_member *members, size_t count, uint32_t argument)
{
	struct hg_program *prog = s->a.prog;
	const uint32_t id = make_struct(prog, name, size, members, count);
	struct hg_type *type = &prog->types.types.data[id];
	type->language = HG_LANGUAGE_CXX;
	type->arguments = (uint32_t)prog->types.arguments.count;
	for (int i = 0; argument && i < 3; i++) {
		struct hg_type_argument *place = hg_vec_push(&prog->types.arguments);
		hg_assert(place);
		*place = (struct hg_type_argument){.type = argument};
		type->argument_count++;
	}
	return id;
}

#define CXX_TYPE(s, name, size, argument, ...)                                                     \
	cxx_type(s, name, size, (struct make_member[]){__VA_ARGS__},                               \
		 sizeof((struct make_member[]){__VA_ARGS__}) / sizeof(struct make_member),         \
		 argument)

/** A pointer to a node with two or three links, each such a pointer. */
static inline uint32_t cxx_node(struct cxx_synth *s, const char *const names[3], uint32_t *node)
{
	struct hg_program *prog = s->a.prog;
	const uint32_t pointer = make_type(prog, "node *", HG_TYPE_POINTER, 8, 0, 0);
	*node = CXX_TYPE(s, "node", 24, 0, {pointer, 0, names[0]}, {pointer, 8, names[1]},
			 {pointer, 16, names[2]});
	prog->types.types.data[pointer].elem = *node;
	return pointer;
}

static inline void cxx_types_stdcxx(struct cxx_synth *s)
{
	const uint32_t n = s->number, w = s->word, p = s->pointer;
	uint32_t node, link;
	s->types[CXX_VECTOR] =
		CXX_TYPE(s, "std::vector<int, std::allocator<int> >", 24, n, {p, 0, "_M_start"},
			 {p, 8, "_M_finish"}, {p, 16, "_M_end_of_storage"});
	const uint32_t bit = CXX_TYPE(s, "bit", 16, 0, {p, 0, "_M_p"}, {n, 8, "_M_offset"});
	s->types[CXX_BITS] =
		CXX_TYPE(s, "std::vector<bool, std::allocator<bool> >", 40, n, {bit, 0, "_M_start"},
			 {bit, 16, "_M_finish"}, {p, 32, "_M_end_of_storage"});
	const uint32_t local = make_type(s->a.prog, "char[16]", HG_TYPE_ARRAY, 16, s->byte, 16);
	s->types[CXX_STRING] =
		CXX_TYPE(s, "std::__cxx11::basic_string<char>", 32, s->byte, {p, 0, "_M_p"},
			 {w, 8, "_M_string_length"}, {local, 16, "_M_local_buf"},
			 {w, 16, "_M_allocated_capacity"});
	const uint32_t place = CXX_TYPE(s, "place", 32, 0, {p, 0, "_M_cur"}, {p, 8, "_M_first"},
					{p, 16, "_M_last"}, {p, 24, "_M_node"});
	s->types[CXX_DEQUE] =
		CXX_TYPE(s, "std::deque<int>", 80, n, {p, 0, "_M_map"}, {w, 8, "_M_map_size"},
			 {place, 16, "_M_start"}, {place, 48, "_M_finish"});
	cxx_node(s, (const char *const[]){"_M_next", "_M_prev", "_M_storage"}, &node);
	s->types[CXX_LIST] = CXX_TYPE(s, "std::__cxx11::list<int>", 32, n, {node, 0, "_M_node"},
				      {w, 24, "_M_size"});
	s->types[CXX_FORWARD_LIST] =
		CXX_TYPE(s, "std::forward_list<int>", 24, n, {node, 0, "_M_head"});
	link = cxx_node(s, (const char *const[]){"_M_parent", "_M_left", "_M_right"}, &node);
	s->types[CXX_MAP] = CXX_TYPE(s, "std::set<int>", 40, n, {node, 8, "_M_header"},
				     {w, 32, "_M_node_count"});
	link = cxx_node(s, (const char *const[]){"_M_nxt", "value", "code"}, &node);
	const uint32_t before = CXX_TYPE(s, "before", 8, 0, {link, 0, "_M_nxt"});
	s->types[CXX_HASH] = CXX_TYPE(s, "std::unordered_set<int>", 56, n, {p, 0, "_M_buckets"},
				      {w, 8, "_M_bucket_count"}, {before, 16, "_M_before_begin"},
				      {w, 24, "_M_element_count"}, {p, 48, "_M_single_bucket"});
	const uint32_t control =
		CXX_TYPE(s, "control", 16, 0, {n, 8, "_M_use_count"}, {n, 12, "_M_weak_count"});
	const uint32_t to = make_type(s->a.prog, "control *", HG_TYPE_POINTER, 8, control, 0);
	s->types[CXX_SHARED] =
		CXX_TYPE(s, "std::shared_ptr<int>", 16, n, {p, 0, "_M_ptr"}, {to, 8, "_M_pi"});
	s->types[CXX_OPTIONAL] = CXX_TYPE(s, "std::optional<int>", 8, n, {n, 0, "_M_value"},
					  {s->byte, 4, "_M_engaged"});
	s->types[CXX_VARIANT] = CXX_TYPE(s, "std::variant<int, int, int>", 8, n, {n, 0, "_M_u"},
					 {s->byte, 4, "_M_index"});
}

static inline void cxx_types_libcxx(struct cxx_synth *s)
{
	const uint32_t n = s->number, w = s->word, p = s->pointer;
	uint32_t node, link;
	s->types[CXX_VECTOR_1] =
		CXX_TYPE(s, "std::__1::vector<int, std::__1::allocator<int> >", 24, n,
			 {p, 0, "__begin_"}, {p, 8, "__end_"}, {p, 16, "__end_cap_"});
	s->types[CXX_BITS_1] =
		CXX_TYPE(s, "std::__1::vector<bool, std::__1::allocator<bool> >", 24, n,
			 {p, 0, "__begin_"}, {w, 8, "__size_"}, {w, 16, "__cap_alloc_"});
	const uint32_t data = make_type(s->a.prog, "char[23]", HG_TYPE_ARRAY, 23, s->byte, 23);
	const uint32_t small =
		CXX_TYPE(s, "short", 24, 0, {s->byte, 0, "__size_"}, {data, 1, "__data_"});
	const uint32_t large =
		CXX_TYPE(s, "long", 24, 0, {w, 0, "__cap_"}, {w, 8, "__size_"}, {p, 16, "__data_"});
	s->types[CXX_STRING_1] = CXX_TYPE(s, "std::__1::basic_string<char>", 24, s->byte,
					  {large, 0, "__l"}, {small, 0, "__s"});
	const uint32_t map = CXX_TYPE(s, "map", 32, 0, {p, 0, "__first_"}, {p, 8, "__begin_"},
				      {p, 16, "__end_"}, {p, 24, "__end_cap_"});
	s->types[CXX_DEQUE_1] = CXX_TYPE(s, "std::__1::deque<int>", 48, n, {map, 0, "__map_"},
					 {w, 32, "__start_"}, {w, 40, "__size_"});
	cxx_node(s, (const char *const[]){"__prev_", "__next_", "__value_"}, &node);
	s->types[CXX_LIST_1] = CXX_TYPE(s, "std::__1::list<int>", 32, n, {node, 0, "__end_"},
					{w, 24, "__size_alloc_"});
	link = cxx_node(s, (const char *const[]){"__left_", "__right_", "__parent_"}, &node);
	const uint32_t end = CXX_TYPE(s, "end", 8, 0, {link, 0, "__left_"});
	s->types[CXX_MAP_1] = CXX_TYPE(s, "std::__1::set<int>", 24, n, {link, 0, "__begin_node_"},
				       {end, 8, "__pair1_"}, {w, 16, "__pair3_"});
	link = cxx_node(s, (const char *const[]){"__next_", "__hash_", "__value_"}, &node);
	const uint32_t first = CXX_TYPE(s, "first", 8, 0, {link, 0, "__next_"});
	const uint32_t list = CXX_TYPE(s, "buckets", 16, 0, {p, 0, "__ptr_"}, {w, 8, "__data_"});
	s->types[CXX_HASH_1] =
		CXX_TYPE(s, "std::__1::unordered_set<int>", 32, n, {list, 0, "__bucket_list_"},
			 {first, 16, "__p1_"}, {w, 24, "__p2_"});
}

static inline void cxx_put(uint8_t *memory, unsigned offset, uint64_t value)
{
	memcpy(memory + offset, &value, 8);
}

/** The address of block i. */
static inline uint64_t cxx_at(unsigned i)
{
	return CXX_BASE + CXX_HEAP + i * CXX_BLOCK;
}

/** Three nodes, in blocks 0 to 2: links next and previous at those offsets, from a head at `head`. */
static inline void cxx_put_list(uint8_t *m, unsigned head, unsigned next, unsigned previous)
{
	const uint64_t ring[] = {CXX_BASE + head, cxx_at(0), cxx_at(1), cxx_at(2)};
	for (unsigned i = 0; i < 4; i++) {
		cxx_put(m, (unsigned)(ring[i] - CXX_BASE) + next, ring[(i + 1) % 4]);
		cxx_put(m, (unsigned)(ring[i] - CXX_BASE) + previous, ring[(i + 3) % 4]);
	}
}

/** A root in block 0 with a child on either side; links at 0, 8, 16 are those of `order`: left, right, parent. */
static inline void cxx_put_tree(uint8_t *m, uint64_t head, const unsigned order[3])
{
	for (unsigned i = 0; i < 3; i++) {
		const unsigned at = CXX_HEAP + i * CXX_BLOCK;
		cxx_put(m, at + order[0], i ? 0 : cxx_at(1));
		cxx_put(m, at + order[1], i ? 0 : cxx_at(2));
		cxx_put(m, at + order[2], i ? cxx_at(0) : head);
	}
}

/** Three nodes in blocks 0 to 2, one behind the other by the link at 0. */
static inline void cxx_put_chain(uint8_t *m, unsigned first)
{
	cxx_put(m, first, cxx_at(0));
	cxx_put(m, CXX_HEAP, cxx_at(1));
	cxx_put(m, CXX_HEAP + CXX_BLOCK, cxx_at(2));
	cxx_put(m, CXX_HEAP + 2 * CXX_BLOCK, 0);
}

/** Twenty numbers from the fifth place of the first node on; pointers to both nodes stand in block 0. */
static inline void cxx_put_deque(uint8_t *m)
{
	cxx_put(m, CXX_HEAP + 8, cxx_at(1));
	cxx_put(m, CXX_HEAP + 16, cxx_at(2));
	const uint64_t v[] = {
		cxx_at(0),	8,	   cxx_at(1) + 20, cxx_at(1),	  cxx_at(2), cxx_at(0) + 8,
		cxx_at(2) + 36, cxx_at(2), cxx_at(3),	   cxx_at(0) + 16};
	for (unsigned i = 0; i < ARRAY_SIZE(v); i++)
		cxx_put(m, i * 8, v[i]);
}

static inline void cxx_put_words(uint8_t *m, const uint64_t *words, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		cxx_put(m, i * 8, words[i]);
}

#define CXX_PUT(m, ...)                                                                            \
	cxx_put_words(m, (const uint64_t[]){__VA_ARGS__},                                          \
		      sizeof((const uint64_t[]){__VA_ARGS__}) / 8)

/** Fills memory with a sound container: of three elements, but for what cannot have so many. */
static inline void cxx_fill_memory(uint8_t *m, enum cxx_sample sample)
{
	memset(m, 0, CXX_BYTES);
	switch (sample) {
	case CXX_VECTOR:
	case CXX_VECTOR_1:
		CXX_PUT(m, cxx_at(0), cxx_at(0) + 12, cxx_at(0) + 40);
		break;
	case CXX_BITS:
		CXX_PUT(m, cxx_at(0), 0, cxx_at(0), 3, cxx_at(0) + 16);
		break;
	case CXX_BITS_1:
		CXX_PUT(m, cxx_at(0), 3, 2);
		break;
	case CXX_STRING:
		CXX_PUT(m, cxx_at(0), 3, 30);
		break;
	case CXX_STRING_1:
		CXX_PUT(m, 33, 3, cxx_at(0));
		break;
	case CXX_DEQUE:
		cxx_put_deque(m);
		break;
	case CXX_DEQUE_1: // its nodes are larger than any block here
		CXX_PUT(m, cxx_at(0), cxx_at(0), cxx_at(0), cxx_at(0) + 32, 0, 0);
		break;
	case CXX_LIST:
		cxx_put_list(m, 0, 0, 8);
		cxx_put(m, 24, 3);
		break;
	case CXX_LIST_1:
		cxx_put_list(m, 0, 8, 0);
		cxx_put(m, 24, 3);
		break;
	case CXX_FORWARD_LIST:
		cxx_put_chain(m, 0);
		break;
	case CXX_MAP:
		CXX_PUT(m, 0, cxx_at(0), cxx_at(1), cxx_at(2), 3);
		cxx_put_tree(m, CXX_BASE + 8, (const unsigned[]){8, 16, 0});
		break;
	case CXX_MAP_1:
		CXX_PUT(m, cxx_at(1), cxx_at(0), 3);
		cxx_put_tree(m, CXX_BASE + 8, (const unsigned[]){0, 8, 16});
		break;
	case CXX_HASH:
		CXX_PUT(m, cxx_at(3), 7, 0, 3);
		cxx_put_chain(m, 16);
		cxx_put(m, CXX_HEAP + 3 * CXX_BLOCK, CXX_BASE + 16);
		break;
	case CXX_HASH_1:
		CXX_PUT(m, cxx_at(3), 7, 0, 3);
		cxx_put_chain(m, 16);
		cxx_put(m, CXX_HEAP + 3 * CXX_BLOCK, CXX_BASE + 16);
		break;
	case CXX_SHARED:
		CXX_PUT(m, cxx_at(1), cxx_at(0));
		cxx_put(m, CXX_HEAP + 8, 3 | (uint64_t)1 << 32);
		break;
	case CXX_OPTIONAL:
	case CXX_VARIANT:
		CXX_PUT(m, 5 | (uint64_t)1 << 32);
		break;
	case CXX_SAMPLES:
		break;
	}
}

static inline struct hg_error *cxx_open_blocks(struct cxx_synth *s)
{
	const uint64_t bits = 0x0fffffffffffffffu & ~(uint64_t)0x0aa0000000000000u;
	const struct hg_extent extent = {.addr = CXX_BASE + CXX_HEAP,
					 .size = CXX_BLOCKS * CXX_BLOCK,
					 .stride = CXX_BLOCK,
					 .slots = CXX_BLOCKS};
	struct hg_error *err = hg_blocks_add(&s->a.blocks, &extent, &bits, NULL);
	return err ? err : hg_blocks_finish(&s->a.blocks, NULL);
}

/** memory: CXX_BYTES that outlive s. */
static inline struct hg_error *cxx_synth_init(struct cxx_synth *s, const uint8_t *memory)
{
	static const struct hg_heap_ops ops = {.name = "made"};
	*s = (struct cxx_synth){.heap = {.ops = &ops}};
	const struct hg_image_options options = {0};
	hg_cleanup(hg_image_destroyp) struct hg_image *image = NULL;
	struct hg_error *err = hg_image_create(HG_IMAGE_CORE, &options, &image);
	if (err)
		return err;
	const struct hg_segment segment = {.addr = CXX_BASE,
					   .size = CXX_BYTES,
					   .present = CXX_BYTES,
					   .bytes = memory,
					   .prot = HG_PROT_READ | HG_PROT_WRITE};
	err = hg_image_add(image, segment);
	if (!err)
		err = hg_image_finish(image);
	if (!err)
		err = hg_program_create_bare(hg_take(image), NULL, &s->a.prog);
	if (err)
		return err;
	s->number = make_type(s->a.prog, "int", HG_TYPE_INT, 4, 0, 0);
	s->word = make_type(s->a.prog, "unsigned long", HG_TYPE_UINT, 8, 0, 0);
	s->byte = make_type(s->a.prog, "unsigned char", HG_TYPE_UINT, 1, 0, 0);
	s->pointer = make_type(s->a.prog, "void *", HG_TYPE_POINTER, 8, 0, 0);
	cxx_types_stdcxx(s);
	cxx_types_libcxx(s);
	s->a.priv = calloc(1, sizeof(*s->a.priv));
	struct hg_heap **place = s->a.priv ? hg_vec_push(&s->a.heaps) : NULL;
	if (!place)
		return &hg_enomem;
	*place = &s->heap;
	err = cxx_open_blocks(s);
	return err ? err : hg_langs_open(&s->a);
}

static inline void cxx_synth_deinit(struct cxx_synth *s)
{
	if (s->a.priv)
		hg_langs_close(&s->a);
	free(s->a.priv);
	hg_vec_deinit(&s->a.heaps);
	hg_blocks_deinit(&s->a.blocks);
	hg_program_destroy(s->a.prog);
}

#endif
