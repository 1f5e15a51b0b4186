#include "graph/typing.h"

#include <stdlib.h>

#include "core/base/bytes.h"
#include "graph/analysis_private.h"
#include "graph/scan.h"
#include "graph/typing_evidence.h"

#define EXACT UINT32_MAX
#define EDGES_AHEAD 8	    // between a prefetch and its use
#define SMALL_STRUCT 24	    // bytes that must be left for another struct in a block
#define OWN_LOOKED_AT 65536 // bytes of a struct whose pointers into its own block are followed
#define ARRAY_WORDS 16	    // of an array that are looked at, zeros aside
#define ARRAY_HEADER 32	    // bytes that a program may keep before an array of its own
#define ARRAY_GOOD 4	    // pointers for one word that is none
#define UNTYPED_PERCENT 2   // of malloc's bytes, from which on code is read for evidence

struct visit {
	uint64_t addr;
	uint32_t block;
};

struct typing {
	struct hg_analysis *a;
	struct hg_shapes *shapes;
	const uint32_t *words;
	uint32_t *scores; /* per block: how much its type explains; see score() */
	uint64_t *done;	  /* bit per block: its pointers have been followed */
	uint32_t
		built_types; /* ids from here on are made from runtime descriptors, not from debug info */
	HG_VEC(struct visit) stack;	  /* blocks whose pointers are to be followed */
	const struct hg_segment *segment; /* where the last block was read */
	struct hg_evidence *evidence;	  /* of what untyped pointers lead to; NULL at first */
	bool failed;
};

/** Twice the bytes a type explains, so that a pointer to the start wins over one into the middle. */
static uint32_t score(uint64_t bytes, bool from_start)
{
	uint64_t value = 2 * bytes + from_start;
	return value < EXACT ? (uint32_t)value : EXACT - 1;
}

/** As hg_image_view(), which looks for the segment first: mostly it is the same one again. */
static const uint8_t *view(struct typing *t, uint64_t addr, uint64_t size)
{
	const struct hg_segment *last = t->segment;
	if (!last || addr - last->addr >= last->size)
		last = t->segment = hg_image_segment(t->a->prog->image, addr);
	if (!last || addr - last->addr >= last->present ||
	    last->present - (addr - last->addr) < size)
		return NULL;
	return last->bytes + (addr - last->addr);
}

static void fetch_bytes(struct typing *t, uint64_t addr)
{
	const uint8_t *bytes = view(t, addr, 1);
	if (bytes)
		__builtin_prefetch(bytes);
}

static void push(struct typing *t, uint64_t addr, uint32_t block)
{
	struct visit *place = hg_vec_push(&t->stack);
	__builtin_prefetch(&t->a->graph.edge_at[t->a->graph.first_block + block]);
	if (place)
		*place = (struct visit){addr, block};
	else
		t->failed = true;
}

struct candidate {
	uint32_t block;
	uint32_t type;
	uint32_t score;
};

static uint32_t element_of(const struct hg_program *prog, uint32_t type)
{
	const struct hg_type *t = hg_type_get(prog, type);
	return t->kind == HG_TYPE_ARRAY && !t->count ? t->elem : type;
}

/** The heap's own word of the type stands; but it may be an array of it, or one that debug info knows better. */
static bool refines_exact(const struct typing *t, const struct candidate *c)
{
	const struct hg_program *prog = t->a->prog;
	uint32_t old = t->a->blocks.types[c->block];
	uint32_t old_elem = element_of(prog, old), elem = element_of(prog, c->type);
	if (hg_type_strip(prog, elem) == hg_type_strip(prog, old_elem))
		return old == old_elem && c->type != elem;
	const struct hg_type *old_type = hg_type_get(prog, old_elem);
	const struct hg_type *type = hg_type_get(prog, elem);
	return old_elem >= t->built_types && type->size == old_type->size && type->member_count &&
	       (elem < t->built_types || !old_type->member_count);
}

static void take(struct typing *t, const struct candidate *c, const struct hg_extent *extent,
		 uint64_t slot_addr)
{
	uint32_t *type = &t->a->blocks.types[c->block];
	uint32_t *best = &t->scores[c->block];
	bool done = t->done[c->block / 64] >> (c->block % 64) & 1;
	bool same = *type == c->type;
	if (*best == EXACT) {
		bool refines = !same && refines_exact(t, c);
		if (refines)
			*type = c->type;
		else if (done)
			return;
	} else {
		if (c->score <= *best)
			return;
		*best = c->score;
		*type = c->type;
		if (same && done)
			return;
	}
	t->done[c->block / 64] |= (uint64_t)1 << (c->block % 64);
	if (!extent->no_pointers && hg_shape_has_pointers(t->shapes, *type))
		push(t, slot_addr, c->block);
}

/** The type that a value really is where its block has room for more. */
static uint32_t enlarge(const struct typing *t, uint32_t type, uint64_t room)
{
	struct hg_lang *lang = hg_lang_of(t->a, type);
	return lang && lang->ops->enlarge ? lang->ops->enlarge(lang, type, room) : type;
}

/** A pointer's place: the block it points into. */
struct place {
	const struct hg_extent *extent;
	uint32_t block;
	uint64_t addr, size; /* of the block */
	uint64_t at;	     /* of the pointer, behind the allocator's header */
	uint64_t room;	     /* bytes from there to the block's end */
};

/** block: the one that contains value, where that is known; else HG_NO_BLOCK. */
static bool find_place(const struct hg_blocks *blocks, uint64_t value, uint32_t block,
		       struct place *ret)
{
	const struct hg_extent *extent = hg_blocks_extent_at(blocks, value);
	if (extent && block == HG_NO_BLOCK)
		block = hg_blocks_find_in(blocks, extent, value);
	if (!extent || block == HG_NO_BLOCK)
		return false;
	*ret = (struct place){.extent = extent, .block = block};
	if (extent->irregular) {
		uint32_t slot = hg_blocks_slot_near(blocks, extent, block, value);
		ret->addr = hg_extent_slot_addr(extent, slot);
		ret->size = hg_blocks_slot_size(blocks, extent, slot);
	} else {
		ret->addr = extent->addr + hg_extent_slot_at(extent, value) * extent->stride;
		ret->size = extent->stride;
	}
	uint64_t in_slot = value - ret->addr;
	ret->at = in_slot - extent->header;
	ret->room = ret->size - in_slot;
	return in_slot >= extent->header;
}

/** Where the heap knows which words are pointers, a type without any is not what a block with some holds, and reverse. */
static bool contradicts_mask(const struct typing *t, const struct hg_extent *extent, uint32_t type)
{
	if (!t->a->heaps.data[extent->heap]->ops->pointer_bits)
		return false;
	if (hg_shape_has_pointers(t->shapes, type) != extent->no_pointers)
		return false;
	struct hg_lang *lang = extent->no_pointers ? hg_lang_of(t->a, type) : NULL;
	return !lang || !lang->ops->hides_pointers || !lang->ops->hides_pointers(lang, type);
}

struct tally {
	unsigned good, bad;
};

/** Counts the words in [from, to) of what would be an array of `type`, at every step, that are pointers to something, and that
 * should be and are not. */
static struct tally count_pointers(const struct typing *t, const uint8_t *bytes, uint64_t from,
				   uint64_t to, uint64_t step, uint32_t type)
{
	const uint64_t size = hg_type_get(t->a->prog, type)->size;
	struct tally tally = {0};
	for (uint64_t i = from; i + 8 <= to && tally.good + tally.bad < ARRAY_WORDS; i += step) {
		const uint64_t value = hg_load_u64(bytes + i);
		if (!value || hg_shape_leaf(t->shapes, type, i % size).kind == HG_LEAF_NONE)
			continue;
		const bool there = hg_image_view(t->a->prog->image, value, 1) != NULL;
		tally.good += there;
		tally.bad += !there;
	}
	return tally;
}

/** Where T * may lead to many: does what would be pointers in them look like it? All elements before the one that is pointed to
 * are in use; behind it only the first may be, others may have been left by who had the memory before. */
static bool looks_like_array(const struct typing *t, const struct place *p, uint32_t type,
			     uint64_t size)
{
	const uint64_t before = p->at % size ? 0 : p->at;
	const uint64_t room = p->room + before, step = (before / ARRAY_WORDS + 8) & ~7ull;
	if (!hg_shape_has_pointers(t->shapes, type))
		return true;
	const uint8_t *bytes = hg_image_view(t->a->prog->image, p->addr + p->size - room, room);
	if (!bytes)
		return true;
	const struct tally front = count_pointers(t, bytes, 0, before, step, type);
	const struct tally behind = count_pointers(t, bytes, before, room, 8, type);
	return (!front.bad || before <= ARRAY_HEADER) && behind.good >= ARRAY_GOOD * behind.bad;
}

/** A struct in a block of malloc's that is known to hold another, behind or before it: both are there. */
static bool combine(struct typing *t, const struct place *p, uint32_t type)
{
	uint32_t *known = &t->a->blocks.types[p->block];
	if (!*known || (*known == type && !p->at))
		return false;
	const struct hg_type *old = hg_type_get(t->a->prog, *known);
	if (t->a->heaps.data[p->extent->heap]->ops->pointer_bits || old->kind != HG_TYPE_STRUCT ||
	    hg_type_get(t->a->prog, hg_type_strip(t->a->prog, type))->kind != HG_TYPE_STRUCT ||
	    !hg_shape_has_pointers(t->shapes, type))
		return false;
	const uint32_t both = hg_shape_combined(t->shapes, *known, type, p->at);
	if (!both)
		return false;
	*known = both;
	t->scores[p->block] = EXACT - 1;
	push(t, p->addr, p->block);
	return true;
}

/** Applies a guess to the block that contains `value`; block as for find_place(). */
static void apply(struct typing *t, uint64_t value, uint32_t block, struct hg_guess guess)
{
	struct place p;
	if (!guess.type ||
	    !find_place(&t->a->blocks, value - guess.back, guess.back ? HG_NO_BLOCK : block, &p))
		return;
	bool array = guess.count != 1;
	if (!array && !p.at)
		guess.type = enlarge(t, guess.type, p.room);
	uint64_t size = hg_type_get(t->a->prog, guess.type)->size;
	if (!size || size > p.room ||
	    !hg_shape_aligned(t->a->prog, guess.type, value - guess.back) ||
	    contradicts_mask(t, p.extent, guess.type))
		return;
	uint64_t fit = p.room / size;
	if (guess.sure && fit > 1 && !guess.count && !looks_like_array(t, &p, guess.type, size))
		fit = 1;
	uint64_t count = guess.count && guess.count <= fit ? guess.count : fit;
	uint64_t sure = guess.sure && guess.sure < count ? guess.sure : count;
	struct candidate c = {.block = p.block, .score = score(sure * size, !p.at)};
	if (combine(t, &p, guess.type))
		return;
	if (guess.sure && fit < 2)
		array = false;
	if (array && p.at % size == 0)
		c.type = hg_shape_open_array(t->shapes, guess.type);
	else if (!p.at || p.extent->no_pointers)
		c.type = guess.type;
	else
		c.type = hg_shape_interior(t->shapes, guess.type, p.at);
	if (c.type)
		take(t, &c, p.extent, p.addr);
}

/** A block of which nothing is known yet takes the type that code tells of the field that leads to it. */
static void guess(struct typing *t, uint32_t type, uint64_t offset, uint64_t value, uint32_t block)
{
	struct place p;
	if (!find_place(&t->a->blocks, value, block, &p) || t->a->blocks.types[p.block] ||
	    t->a->heaps.data[p.extent->heap]->ops->pointer_bits)
		return;
	const uint32_t guessed = hg_evidence_guess(t->evidence, type, offset, p.addr, p.size, p.at);
	if (guessed)
		take(t, &(struct candidate){p.block, guessed, 1}, p.extent, p.addr);
}

/** Follows the pointer at `offset` of a value; block: the one that it leads to, as for find_place(). */
static void follow_pointer(struct typing *t, uint32_t type, struct hg_place place, uint64_t offset,
			   uint64_t value, uint32_t block)
{
	struct hg_leaf leaf = hg_shape_leaf_at(t->shapes, type, place, offset);
	struct hg_lang *lang = leaf.kind == HG_LEAF_NONE ? NULL : hg_lang_of(t->a, type);
	if (lang)
		apply(t, value, block, lang->ops->resolve(lang, &leaf, place.addr, offset, value));
	if (t->evidence)
		guess(t, type, offset, value, block);
}

/** Has what typing asks about the targets of some edges on its way from memory, all at the same time. */
static void fetch_targets(struct typing *t, const uint8_t *bytes, uint32_t edge, uint32_t end)
{
	const struct hg_graph *graph = &t->a->graph;
	const struct hg_blocks *blocks = &t->a->blocks;
	for (; edge < end; edge++) {
		const uint32_t block = graph->edge_to[edge] - graph->first_block;
		__builtin_prefetch(&t->scores[block]);
		__builtin_prefetch(&blocks->types[block]);
		if (!bytes)
			continue;
		const uint64_t value = hg_load_u64(bytes + hg_word_offset(t->words[edge]));
		fetch_bytes(t, value);
		const struct hg_extent *to = hg_blocks_extent_at(blocks, value);
		if (to && to->irregular)
			__builtin_prefetch(
				&blocks->words
					 .data[hg_extent_word(to, hg_extent_slot_at(to, value))]);
	}
}

static void follow_block(struct typing *t, struct visit visit, const struct hg_extent *extent,
			 uint64_t size)
{
	struct hg_analysis *a = t->a;
	const uint64_t addr = visit.addr;
	const uint32_t block = visit.block;
	uint32_t type = a->blocks.types[block];
	uint32_t node = a->graph.first_block + block;
	const uint8_t *bytes = view(t, addr, size);
	const struct hg_place place = {addr + extent->header, size - extent->header};
	const uint32_t start = a->graph.edge_at[node], end = a->graph.edge_at[node + 1];
	fetch_targets(t, bytes, start, end - start < EDGES_AHEAD ? end : start + EDGES_AHEAD);
	for (uint32_t e = start; e < end; e++) {
		if (end - e > EDGES_AHEAD)
			fetch_targets(t, bytes, e + EDGES_AHEAD, e + EDGES_AHEAD + 1);
		uint64_t offset = hg_word_offset(t->words[e]), value;
		if (bytes)
			value = hg_load_u64(bytes + offset);
		else if (!hg_image_u64(a->prog->image, addr + offset, &value))
			continue;
		if (offset >= extent->header &&
		    hg_window_has(&a->priv->windows, block, addr + offset))
			follow_pointer(t, type, place, offset - extent->header, value,
				       a->graph.edge_to[e] - a->graph.first_block);
	}
}

/** What a struct refers to behind its own end was allocated together with it: no edge says so. */
static void follow_own(struct typing *t, struct visit visit, uint64_t size)
{
	struct hg_analysis *a = t->a;
	const uint32_t type = a->blocks.types[visit.block];
	const struct hg_type *held = hg_type_get(a->prog, hg_type_strip(a->prog, type));
	const uint64_t end = held->size;
	if (held->kind != HG_TYPE_STRUCT || end > size || size - end < SMALL_STRUCT ||
	    end > OWN_LOOKED_AT)
		return;
	const struct hg_place place = {visit.addr, size};
	const uint8_t *bytes = view(t, visit.addr, size);
	if (!bytes)
		return;
	for (uint64_t offset = 0; offset + 8 <= end; offset += 8) {
		const uint64_t value = hg_load_u64(bytes + offset);
		if (value - visit.addr < size)
			follow_pointer(t, type, place, offset, value, visit.block);
	}
}

static void fetch_edges(const struct typing *t, uint32_t block)
{
	const struct hg_graph *graph = &t->a->graph;
	const uint32_t edge = graph->edge_at[graph->first_block + block];
	__builtin_prefetch(&graph->edge_to[edge]);
	__builtin_prefetch(&t->words[edge]);
}

static void drain(struct typing *t)
{
	while (t->stack.count && !t->failed) {
		const struct visit visit = t->stack.data[--t->stack.count];
		if (t->stack.count)
			fetch_edges(t, t->stack.data[t->stack.count - 1].block);
		const struct hg_blocks *blocks = &t->a->blocks;
		const struct hg_extent *extent = hg_blocks_extent_at(blocks, visit.addr);
		if (!extent)
			continue;
		const uint64_t size = hg_blocks_slot_size(
			blocks, extent, (uint32_t)hg_extent_slot_at(extent, visit.addr));
		follow_block(t, visit, extent, size);
		if (extent->irregular)
			follow_own(t, visit, size);
	}
}

static void follow_root_edge(struct typing *t, const struct hg_root_edge *edge)
{
	const struct hg_root *root = &t->a->roots.list.data[edge->root];
	if (edge->type)
		apply(t, edge->target, HG_NO_BLOCK,
		      (struct hg_guess){.type = edge->type, .count = 1});
	else if (root->type)
		follow_pointer(t, root->type, (struct hg_place){root->addr, UINT64_MAX},
			       edge->offset, edge->target, HG_NO_BLOCK);
}

/** Follows the edges that are certain, or those that are not: what the first tell is kept. */
static void follow_roots(struct typing *t, uint8_t conservative)
{
	const struct hg_roots *roots = &t->a->roots;
	for (size_t i = 0; i < roots->edges.count && !t->failed; i++) {
		if ((roots->edges.data[i].flags & HG_EDGE_CONSERVATIVE) != conservative)
			continue;
		follow_root_edge(t, &roots->edges.data[i]);
		drain(t);
	}
}

/** Objects that only untyped pointers reach still know their own type; theirs is followed last. */
static void follow_exact(struct typing *t)
{
	const struct hg_blocks *blocks = &t->a->blocks;
	for (size_t i = 0; i < blocks->extents.count && !t->failed; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		uint32_t block = extent->first;
		if (extent->no_pointers || extent->irregular) // see take_exact()
			continue;
		for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
		     slot = hg_blocks_next_slot(blocks, extent, slot + 1), block++) {
			if (t->scores[block] != EXACT || t->done[block / 64] >> (block % 64) & 1)
				continue;
			t->done[block / 64] |= (uint64_t)1 << (block % 64);
			push(t, hg_extent_slot_addr(extent, slot), block);
			drain(t);
		}
	}
}

/** What the heap says of an object is the type of its elements: where several fit, it is an array of them (size classes
 * round up by less than that). */
static void take_exact(struct typing *t)
{
	const struct hg_blocks *blocks = &t->a->blocks;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		uint64_t room = extent->stride - extent->header;
		bool typed = !extent->no_pointers && !extent->irregular;
		for (uint32_t k = 0; k < extent->count && typed; k++) {
			uint32_t *type = &blocks->types[extent->first + k];
			if (!*type)
				continue;
			t->scores[extent->first + k] = EXACT;
			uint64_t size = hg_type_get(t->a->prog, *type)->size;
			uint32_t array = size && room / size >= 2
						 ? hg_shape_open_array(t->shapes, *type)
						 : 0;
			*type = array ? array : *type;
		}
	}
}

/** Is it worth reading all code for? The bytes of heaps that know no pointers, and of their untyped blocks. */
static bool is_much_untyped(const struct hg_analysis *a)
{
	uint64_t all = 0, untyped = 0;
	for (size_t i = 0; i < a->blocks.extents.count; i++) {
		const struct hg_extent *extent = &a->blocks.extents.data[i];
		uint32_t block = extent->first;
		if (a->heaps.data[extent->heap]->ops->pointer_bits)
			continue;
		for (uint32_t slot = hg_blocks_next_slot(&a->blocks, extent, 0);
		     slot < extent->slots;
		     slot = hg_blocks_next_slot(&a->blocks, extent, slot + 1), block++) {
			const uint64_t size = hg_blocks_slot_size(&a->blocks, extent, slot);
			all += size;
			untyped += a->blocks.types[block] ? 0 : size;
		}
	}
	return untyped > all / 100 * UNTYPED_PERCENT;
}

/** Bit per block: it has no type. Handed to the analysis as those that get theirs by a guess. */
static uint64_t *mark_untyped(const struct hg_blocks *blocks)
{
	uint64_t *marks = calloc((size_t)blocks->count / 64 + 1, 8);
	for (uint32_t i = 0; marks && i < blocks->count; i++)
		marks[i / 64] |= (uint64_t)!blocks->types[i] << (i % 64);
	return marks;
}

/** All that is typed is followed once more, with what code tells of untyped pointers. */
static void follow_typed(struct typing *t)
{
	const struct hg_blocks *blocks = &t->a->blocks;
	for (size_t i = 0; i < blocks->extents.count && !t->failed; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		uint32_t block = extent->first;
		if (t->a->heaps.data[extent->heap]->ops->pointer_bits)
			continue;
		for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0);
		     slot < extent->slots && !t->failed;
		     slot = hg_blocks_next_slot(blocks, extent, slot + 1), block++) {
			if (!blocks->types[block])
				continue;
			push(t, hg_extent_slot_addr(extent, slot), block);
			drain(t);
		}
	}
}

static struct hg_error *follow_evidence(struct typing *t)
{
	struct hg_evidence evidence;
	if (!is_much_untyped(t->a))
		return NULL;
	t->a->priv->guessed = mark_untyped(&t->a->blocks);
	if (!t->a->priv->guessed)
		return &hg_enomem;
	struct hg_error *err = hg_evidence_init(&evidence, t->a, t->shapes);
	t->evidence = &evidence;
	if (!err) {
		follow_roots(t, 0);
		follow_roots(t, HG_EDGE_CONSERVATIVE);
		follow_typed(t);
	}
	t->evidence = NULL;
	hg_evidence_deinit(&evidence);
	for (uint32_t i = 0; i < t->a->blocks.count; i++)
		t->a->priv->guessed[i / 64] &= ~((uint64_t)!t->a->blocks.types[i] << (i % 64));
	return err;
}

static struct hg_error *run(struct typing *t)
{
	struct hg_analysis *a = t->a;
	uint32_t count = a->blocks.count;
	t->scores = calloc((size_t)count + 1, sizeof(*t->scores));
	t->done = calloc((size_t)count / 64 + 1, 8);
	if (!t->scores || !t->done)
		return &hg_enomem;
	take_exact(t);
	follow_roots(t, 0);
	follow_roots(t, HG_EDGE_CONSERVATIVE);
	follow_exact(t);
	struct hg_error *err = t->failed ? NULL : follow_evidence(t);
	if (err)
		return err;
	return t->failed ? &hg_enomem : NULL;
}

struct hg_error *hg_typing(struct hg_analysis *a, const uint32_t *words)
{
	struct typing t = {.a = a,
			   .shapes = &a->priv->shapes,
			   .words = words,
			   .built_types = a->debug_types ? a->debug_types : UINT32_MAX};
	struct hg_error *err = run(&t);
	free(t.scores);
	free(t.done);
	hg_vec_deinit(&t.stack);
	return err;
}
