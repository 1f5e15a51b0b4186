#include "graph/report/report_trie.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/map.h"
#include "graph/lang/lang.h"
#include "graph/retained.h"

#define MAX_DEPTH 200		   // of steps; what lies deeper joins its parent's step
#define CONTAINER_CLASS (1u << 31) // a type, in place of a class: blocks behind a container
#define MAX_FIELDS (1u << 20)	   // names of fields that are remembered

enum {
	MARK_TARGET = 1,
	MARK_ABOVE = 2, /* a target lies below it */
	MARK_BELOW = 4, /* it lies below a target */
};

struct build {
	struct hg_namer *namer;
	const struct hg_analysis *a;
	uint32_t *child_at, *child; /* as from hg_dominators_children() */
	struct hg_trie *trie;
	unsigned flags;	      /* HG_TRIE_* */
	uint8_t *marks;	      /* per node */
	uint32_t *step_of;    /* per node; 0 none */
	struct hg_map labels; /* kind, via and class -> number */
	struct hg_map steps;  /* parent and label -> step */
	struct hg_map shapes; /* type and size -> number */
	struct hg_map fields; /* shape and offset -> via + 1 */
	struct hg_text text;
};

static void mark_nodes(struct build *b, const uint8_t *targets)
{
	const struct hg_dominators *dom = &b->a->dom;
	for (uint32_t i = dom->reached; i-- > 1;) {
		const uint32_t node = dom->preorder[i];
		if (targets[node])
			b->marks[node] |= MARK_TARGET;
		if (b->marks[node])
			b->marks[dom->idom[node]] |= MARK_ABOVE;
	}
	for (uint32_t i = 1; i < dom->reached; i++) {
		const uint32_t node = dom->preorder[i];
		if (b->marks[dom->idom[node]] & (MARK_TARGET | MARK_BELOW))
			b->marks[node] |= MARK_BELOW;
	}
}

static bool is_wanted(const struct build *b, uint32_t node)
{
	return b->marks[node] & (MARK_TARGET | MARK_ABOVE);
}

// Types from the top to a step, as one number: 64 well-mixed bits stand for the set.
static uint64_t types_with(const struct build *b, uint32_t step, uint32_t class)
{
	const struct hg_trie_step *steps = b->trie->steps.data;
	const uint64_t types = steps[step].types;
	for (; step; step = steps[step].parent)
		if (steps[step].kind == HG_TRIE_BLOCK && steps[step].class == class)
			return types;
	uint64_t mixed = (class + 1) * 0x9e3779b97f4a7c15ull;
	mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93ull;
	return types ^ mixed ^ mixed >> 32;
}

// Finds or adds the step of that kind, via and class below a parent; 0 when memory is exhausted.
static uint32_t get_step(struct build *b, uint32_t parent, enum hg_trie_kind kind, uint32_t via,
			 uint32_t class, uint32_t node)
{
	const uint64_t words = (uint64_t)kind << 62 | (uint64_t)(via & 0x3fffffff) << 32 | class;
	uint64_t *label = hg_map_put(&b->labels, words);
	if (!label)
		return 0;
	if (!*label)
		*label = b->labels.count;
	uint64_t *step = hg_map_put(&b->steps, (uint64_t)parent << 32 | *label);
	if (step && !*step && hg_vec_push(&b->trie->steps)) {
		*step = b->trie->steps.count - 1;
		b->trie->steps.data[*step] = (struct hg_trie_step){
			.parent = parent,
			.depth = b->trie->steps.data[parent].depth + 1,
			.via = via,
			.class = kind == HG_TRIE_BLOCK ? class : 0,
			.node = node,
			.kind = (uint8_t)kind,
			.types = kind == HG_TRIE_BLOCK ? types_with(b, parent, class)
						       : b->trie->steps.data[parent].types,
		};
	}
	return step ? (uint32_t)*step : 0;
}

// A step above (or this one) that is of the same type: the object is part of a list or tree, and joins it there.
static uint32_t find_recursion(const struct build *b, uint32_t step, uint32_t class)
{
	const struct hg_trie_step *steps = b->trie->steps.data;
	const uint32_t deepest = steps[step].depth >= MAX_DEPTH ? step : 0;
	const uint64_t types = steps[step].types;
	for (; step; step = steps[step].parent)
		if (steps[step].kind == HG_TRIE_BLOCK && steps[step].class == class)
			return b->flags & HG_TRIE_ADDITIVE && steps[step].types != types ? deepest
											 : step;
	return deepest;
}

static bool place_block(struct build *b, uint32_t node, uint32_t parent_step, uint32_t via,
			bool indirect)
{
	const struct hg_classes *classes = b->namer->classes;
	const uint32_t class = classes->of[node];
	uint32_t step = parent_step;
	const struct hg_trie_step *above = &b->trie->steps.data[step];
	if ((above->kind == HG_TRIE_BLOCK || above->container) &&
	    hg_class_is_inner(classes, node, above->class)) {
		b->step_of[node] = step;
		return true;
	}
	step = find_recursion(b, parent_step, class);
	if (step)
		b->trie->steps.data[step].recursive = true;
	else
		step = get_step(b, parent_step, HG_TRIE_BLOCK, via, class, node);
	if (!step)
		return false;
	b->trie->steps.data[step].objects++;
	// How many buckets lead to the nodes of a container is not to be seen.
	b->trie->steps.data[step].indirect |= indirect && !hg_node_is_inner(b->a, node);
	b->step_of[node] = step;
	return true;
}

static bool place_inner_root(struct build *b, uint32_t node, uint32_t parent_step)
{
	hg_text_cut(&b->text, 0);
	hg_namer_root_step(b->namer, node, &b->text);
	const uint32_t via = hg_strtab_add(&b->trie->words, hg_text_str(&b->text));
	const uint32_t kind = b->a->roots.list.data[node].kind;
	const uint32_t step = get_step(b, parent_step, HG_TRIE_ROOT, via, kind, node);
	if (step)
		b->trie->steps.data[step].objects++;
	b->step_of[node] = step;
	return step;
}

// Below node 0: roots by their group, and under a heading what several roots share.
static bool place_top(struct build *b, uint32_t node)
{
	const struct hg_tops *tops = b->namer->tops;
	const uint32_t group = tops->list.data[tops->of[node]].group;
	const bool is_root = hg_node_is_root(b->a, node);
	const uint32_t step =
		get_step(b, 0, is_root ? HG_TRIE_ROOT : HG_TRIE_SHARED, 0, group, node);
	if (!step)
		return false;
	b->trie->steps.data[step].objects++;
	b->step_of[node] = step;
	return is_root || place_block(b, node, step, 0, false);
}

// Names of fields are remembered by type, size and offset: naming a million of them anew takes seconds.
static uint32_t name_via(struct build *b, uint32_t from, uint64_t offset)
{
	uint64_t *known = NULL;
	if (!hg_node_is_root(b->a, from) && offset < 1ull << 32 && b->fields.count < MAX_FIELDS &&
	    !hg_fields_vary(b->a, from)) {
		const uint64_t size = hg_node_size(b->a, from);
		const uint64_t type = hg_node_type(b->a, from);
		uint64_t *shape = hg_map_put(&b->shapes, type << 32 | (size & 0xffffffff));
		if (shape && !*shape)
			*shape = b->shapes.count;
		known = shape ? hg_map_put(&b->fields, *shape << 32 | offset) : NULL;
	}
	if (known && *known)
		return (uint32_t)*known - 1;
	hg_text_cut(&b->text, 0);
	hg_name_field(b->a, from, offset, &b->text);
	const uint32_t via = hg_strtab_add(&b->trie->words, hg_text_str(&b->text));
	if (known)
		*known = (uint64_t)via + 1;
	return via;
}

static bool is_child(const struct build *b, uint32_t parent, uint32_t node)
{
	return b->a->dom.idom[node] == parent && node != parent && is_wanted(b, node) &&
	       !b->step_of[node];
}

struct storing {
	struct build *b;
	uint32_t parent;
	uint64_t offset; // of the container that was placed last
	bool failed;
};

// A block behind a container in the parent: all of them are one step, or the parent's own where it is the container.
static void place_stored(void *arg, uint32_t type, uint64_t offset, uint32_t node)
{
	struct storing *s = arg;
	struct build *b = s->b;
	const struct hg_analysis *a = b->a;
	const uint32_t above = b->step_of[s->parent], class = b->namer->classes->of[node];
	if (!is_child(b, s->parent, node))
		return;
	if (hg_node_is_root(a, s->parent) &&
	    type == hg_type_strip(a->prog, hg_node_type(a, s->parent))) {
		b->trie->steps.data[above].container = type;
		b->step_of[node] = above;
		return;
	}
	uint32_t step = find_recursion(b, above, class);
	b->trie->steps.data[step].recursive |= step != 0;
	if (!step)
		step = get_step(b, above, HG_TRIE_BLOCK, name_via(b, s->parent, offset),
				CONTAINER_CLASS | type, node);
	s->failed |= !step;
	if (!step)
		return;
	struct hg_trie_step *t = &b->trie->steps.data[step];
	t->container = t->class & CONTAINER_CLASS ? type : t->container;
	t->class = class;
	t->objects += s->offset != offset;
	s->offset = offset;
	b->step_of[node] = step;
}

static struct hg_error *place_children(struct build *b, uint32_t parent)
{
	const uint32_t *child = b->child;
	const uint32_t start = b->child_at[parent], end = b->child_at[parent + 1];
	uint32_t left = 0;
	for (uint32_t c = start; c < end; c++) {
		const uint32_t node = child[c];
		if (!is_wanted(b, node))
			continue;
		bool placed = true;
		if (!parent)
			placed = place_top(b, node);
		else if (hg_node_is_root(b->a, node))
			placed = place_inner_root(b, node, b->step_of[parent]);
		else
			left++;
		if (!placed)
			return &hg_enomem;
	}
	if (!left)
		return NULL;
	struct storing storing = {.b = b, .parent = parent, .offset = UINT64_MAX};
	hg_node_stored(b->a, parent, place_stored, &storing);
	if (storing.failed)
		return &hg_enomem;
	struct hg_error *err = hg_namer_outs(b->namer, parent);
	if (err)
		return err;
	for (size_t i = 0; i < b->namer->outs.count; i++) {
		const struct hg_out *out = &b->namer->outs.data[i];
		if (!is_child(b, parent, out->to))
			continue;
		const uint32_t via = name_via(b, parent, out->offset);
		if (!place_block(b, out->to, b->step_of[parent], via, false))
			return &hg_enomem;
	}
	for (uint32_t c = start; c < end; c++)
		if (is_child(b, parent, child[c]) &&
		    !place_block(b, child[c], b->step_of[parent], 0, true))
			return &hg_enomem;
	return NULL;
}

/** Makes a target with none above it a first step, where what is above is left out. */
static bool place_uppermost(struct build *b, uint32_t node)
{
	if (!(b->marks[node] & MARK_TARGET) || b->marks[node] & MARK_BELOW)
		return true;
	if (hg_node_is_root(b->a, node))
		return place_inner_root(b, node, 0);
	return place_block(b, node, 0, 0, false);
}

static struct hg_error *place_all(struct build *b)
{
	for (uint32_t i = 0; i < b->a->dom.reached; i++) {
		const uint32_t node = b->a->dom.preorder[i];
		if ((b->flags & HG_TRIE_BELOW) && !place_uppermost(b, node))
			return &hg_enomem;
		if (!(b->marks[node] & MARK_ABOVE) ||
		    ((node || (b->flags & HG_TRIE_BELOW)) && !b->step_of[node]))
			continue;
		struct hg_error *err = place_children(b, node);
		if (err)
			return err;
	}
	return NULL;
}

// A step of targets retains what its own objects do. The steps above all targets keep the sum.
static struct hg_error *sum_whole(struct build *b)
{
	struct hg_trie *trie = b->trie;
	const uint32_t count = (uint32_t)trie->steps.count;
	hg_autofree uint64_t *retained = calloc(count, sizeof(*retained));
	if (!retained)
		return &hg_enomem;
	for (uint32_t node = 0; node < b->a->graph.nodes; node++)
		if (!(b->marks[node] & MARK_TARGET))
			b->step_of[node] = 0;
	struct hg_error *err = hg_retained_by_class(&b->a->dom, b->a->graph.nodes, b->step_of,
						    count, b->a->retained, retained);
	for (uint32_t i = 1; !err && i < count; i++)
		if (retained[i])
			trie->steps.data[i].retained = retained[i];
	return err;
}

// Roots and inner parts of containers are no objects of their own.
static bool counts(const struct build *b, uint32_t node)
{
	const struct hg_classes *classes = b->namer->classes;
	return !hg_node_is_root(b->a, node) &&
	       !hg_class_is_inner(classes, node, classes->of[b->a->dom.idom[node]]);
}

static void sum_node(const struct build *b, uint32_t node, uint64_t size)
{
	if (!(b->marks[node] & MARK_TARGET) || !b->step_of[node])
		return;
	struct hg_trie_step *step = &b->trie->steps.data[b->step_of[node]];
	step->count += counts(b, node);
	step->shallow += size;
	step->self = step->shallow;
	if (b->flags & HG_TRIE_ADDITIVE)
		step->retained = step->self;
	else if (!(b->marks[node] & MARK_BELOW))
		step->retained += b->a->retained[node];
}

static struct hg_error *sum(struct build *b)
{
	const struct hg_blocks *blocks = &b->a->blocks;
	struct hg_trie_step *steps = b->trie->steps.data;
	for (uint32_t node = 1; node < b->a->graph.first_block; node++)
		sum_node(b, node, 0);
	for (size_t i = 0; i < blocks->extents.count; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		uint32_t node = b->a->graph.first_block + extent->first;
		for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
		     slot = hg_blocks_next_slot(blocks, extent, slot + 1), node++)
			sum_node(b, node, hg_blocks_slot_size(blocks, extent, slot));
	}
	for (size_t i = b->trie->steps.count; i-- > 1;) {
		struct hg_trie_step *above = &steps[steps[i].parent];
		above->count += steps[i].count;
		above->shallow += steps[i].shallow;
		above->retained += steps[i].retained;
	}
	return b->flags & HG_TRIE_WHOLE && !(b->flags & HG_TRIE_ADDITIVE) ? sum_whole(b) : NULL;
}

static struct hg_error *build(struct build *b, const uint8_t *targets)
{
	*b->trie = (struct hg_trie){0};
	b->marks = calloc(b->a->graph.nodes, 1);
	b->step_of = calloc(b->a->graph.nodes, sizeof(*b->step_of));
	struct hg_error *err = b->marks && b->step_of && hg_vec_push(&b->trie->steps)
				       ? hg_dominators_children(&b->a->dom, b->a->graph.nodes,
								&b->child_at, &b->child)
				       : &hg_enomem;
	if (!err) {
		mark_nodes(b, targets);
		err = place_all(b);
	}
	free(b->child_at); // eight bytes an object, which sums want for themselves
	free(b->child);
	if (!err)
		err = sum(b);
	free(b->marks);
	free(b->step_of);
	hg_map_deinit(&b->labels);
	hg_map_deinit(&b->steps);
	hg_map_deinit(&b->shapes);
	hg_map_deinit(&b->fields);
	hg_text_deinit(&b->text);
	return err;
}

struct hg_error *hg_trie_init(struct hg_namer *namer, const uint8_t *targets, unsigned flags,
			      struct hg_trie *trie)
{
	struct build b = {.namer = namer, .a = namer->a, .trie = trie, .flags = flags};
	return build(&b, targets);
}

void hg_trie_deinit(struct hg_trie *trie)
{
	hg_vec_deinit(&trie->steps);
	hg_strtab_deinit(&trie->words);
}
