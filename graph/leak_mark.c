#include "graph/leak_mark.h"

#include <stdlib.h>

#include "graph/analysis_private.h"
#include "graph/scan.h"

// Nearly all blocks get both marks: they are given in one walk. What a step leaves out, because the pointer leads into the middle
// of a block, waits in `left_out`; two short walks then give the marks that remain, one each.

enum { BOTH = HG_MARK_START | HG_MARK_FIRM };

typedef HG_VEC(uint32_t) node_list;

struct marking {
	struct hg_analysis *a;
	const uint32_t *words;
	uint8_t *marks;
	node_list stack, left_out;
	bool failed;
};

static void push(struct marking *m, node_list *list, uint32_t node)
{
	uint32_t *place = hg_vec_push(list);
	if (place)
		*place = node;
	m->failed |= !place;
}

static void mark(struct marking *m, uint32_t node, uint8_t marks)
{
	if ((m->marks[node] & marks) == marks)
		return;
	m->marks[node] |= marks;
	push(m, &m->stack, node);
}

bool hg_leak_is_stale(const struct hg_roots *roots, const struct hg_root_edge *edge)
{
	const unsigned kind = roots->list.data[edge->root].kind;
	return edge->flags & HG_EDGE_CONSERVATIVE &&
	       (hg_root_kind_is_local(kind) || kind == HG_ROOT_WORDS);
}

/** Does an address lead to the start of a block, or stand for one? */
static bool is_start(const struct marking *m, uint64_t addr)
{
	const struct hg_analysis *a = m->a;
	const struct hg_extent *extent = hg_blocks_extent_at(&a->blocks, addr);
	if (!extent)
		return false;
	if (a->heaps.data[extent->heap]->ops->pointer_bits ||
	    hg_blocks_starts_at(&a->blocks, extent, addr))
		return true;
	const uint32_t block = hg_blocks_find_in(&a->blocks, extent, addr);
	if (block == HG_NO_BLOCK)
		return false;
	struct hg_inside inside = {.addr = hg_blocks_addr(&a->blocks, block),
				   .size = hg_blocks_size(&a->blocks, block),
				   .type = a->blocks.types[block]};
	inside.offset = addr - inside.addr;
	return hg_langs_refer_to_start(a, &inside);
}

static bool is_start_edge(const struct marking *m, uint32_t node, uint32_t edge)
{
	if (!(m->words[edge] & HG_WORD_INTERIOR))
		return true;
	const struct hg_analysis *a = m->a;
	uint64_t value;
	return hg_image_u64(a->prog->image, hg_node_addr(a, node) + hg_word_offset(m->words[edge]),
			    &value) &&
	       is_start(m, value);
}

static void mark_roots(struct marking *m, uint8_t marks)
{
	const struct hg_analysis *a = m->a;
	for (size_t i = 0; i < a->roots.edges.count && !m->failed; i++) {
		const struct hg_root_edge *edge = &a->roots.edges.data[i];
		const uint32_t node =
			a->graph.first_block + hg_blocks_find(&a->blocks, edge->target);
		if ((marks & HG_MARK_FIRM) && hg_leak_is_stale(&a->roots, edge))
			continue;
		if ((m->marks[node] & marks) == marks)
			continue;
		if (!(marks & HG_MARK_START) || is_start(m, edge->target))
			mark(m, node, marks);
		else
			push(m, &m->left_out, node);
	}
}

/** Follows what is on the stack. */
static void follow(struct marking *m, uint8_t marks)
{
	const struct hg_graph *graph = &m->a->graph;
	while (m->stack.count && !m->failed) {
		const uint32_t node = m->stack.data[--m->stack.count];
		for (uint32_t e = graph->edge_at[node]; e < graph->edge_at[node + 1]; e++) {
			const uint32_t to = graph->edge_to[e];
			if ((m->marks[to] & marks) == marks)
				continue;
			if (!(marks & HG_MARK_START) || is_start_edge(m, node, e))
				mark(m, to, marks);
			else
				push(m, &m->left_out, to);
		}
	}
}

struct hg_error *hg_leak_mark(struct hg_analysis *a, const uint32_t *words)
{
	bool native = false;
	for (size_t i = 0; i < a->heaps.count; i++)
		native |= !a->heaps.data[i]->ops->pointer_bits;
	if (!native)
		return NULL;
	struct marking m = {.a = a, .words = words};
	m.marks = a->priv->marks = calloc((size_t)a->graph.nodes + 1, 1);
	m.failed = !m.marks;
	if (!m.failed)
		mark_roots(&m, BOTH);
	follow(&m, BOTH);
	for (size_t i = 0; i < m.left_out.count && !m.failed; i++)
		mark(&m, m.left_out.data[i], HG_MARK_FIRM);
	follow(&m, HG_MARK_FIRM);
	if (!m.failed)
		mark_roots(&m, HG_MARK_START);
	follow(&m, HG_MARK_START);
	hg_vec_deinit(&m.stack);
	hg_vec_deinit(&m.left_out);
	return m.failed ? &hg_enomem : NULL;
}
