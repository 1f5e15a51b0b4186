#include "graph/scan.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/base/workers.h"
#include "graph/analysis_private.h"
#include "graph/facts.h"
#include "graph/weak.h"

#define TASK_BYTES ((uint64_t)4 << 20)

struct found {
	uint32_t to;   /* block */
	uint32_t word; /* in the source's slot */
};

struct task {
	uint32_t first, end; /* extents */
	HG_VEC(struct found) edges;
	uint64_t missing; /* bytes of blocks that could not be read */
	uint64_t far;	  /* pointers too deep in a block for a 30-bit word number */
	bool failed;	  /* out of memory */
};

struct scan {
	struct hg_analysis *a;
	HG_VEC(struct task) tasks;
	uint32_t *edge_at; /* of the graph: counts first, positions later */
};

struct buffer {
	uint8_t *data;
	uint64_t size;
};

static void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
}

static bool test(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static void set(uint64_t *bits, uint32_t i)
{
	bits[i / 64] |= (uint64_t)1 << (i % 64);
}

/* ---- one block ---- */

static void emit(const struct hg_analysis *a, struct task *task, const struct hg_extent *extent,
		 uint64_t value, uint32_t from, uint64_t word, uint32_t flag)
{
	const uint32_t to = hg_blocks_find_in(&a->blocks, extent, value);
	if (to == HG_NO_BLOCK || to == from || test(a->priv->owned, to))
		return;
	if (word >= HG_WORD_NUMBER) {
		task->far++;
		return;
	}
	if (!hg_vec_reserve(&task->edges, 1)) {
		task->failed = true;
		return;
	}
	const bool interior = !a->heaps.data[extent->heap]->ops->pointer_bits &&
			      !hg_blocks_starts_at(&a->blocks, extent, value);
	task->edges.data[task->edges.count++] =
		(struct found){to, (uint32_t)word | flag | (interior ? HG_WORD_INTERIOR : 0)};
}

/** Every word of a block whose heap knows no pointers may be one; but the garbage collector of another heap does not look
 * there, so words that look like its objects are none. */
static void scan_all_words(const struct hg_analysis *a, struct task *task, uint32_t block,
			   const uint8_t *bytes, uint64_t size)
{
	for (uint64_t at = 0; at < size / 8; at++) {
		uint64_t value = hg_load_u64(bytes + at * 8);
		if (value - a->priv->low >= a->priv->span)
			continue;
		const struct hg_extent *to = hg_blocks_extent_at(&a->blocks, value);
		if (to && !a->heaps.data[to->heap]->ops->pointer_bits)
			emit(a, task, to, value, block, at, 0);
	}
}

/** Of up to 64 words that a collector does not follow: those that lead to starts of blocks which are not its own. */
static void scan_numbers(const struct hg_analysis *a, struct task *task, uint32_t block,
			 const uint8_t *bytes, uint64_t word, uint64_t mask)
{
	while (mask) {
		const uint64_t at = word + (uint64_t)__builtin_ctzll(mask);
		const uint64_t value = hg_load_u64(bytes + at * 8);
		mask &= mask - 1;
		if (value - a->priv->low >= a->priv->span)
			continue;
		const struct hg_extent *to = hg_blocks_extent_at(&a->blocks, value);
		if (to && !a->heaps.data[to->heap]->ops->pointer_bits &&
		    hg_blocks_starts_at(&a->blocks, to, value))
			emit(a, task, to, value, block, at, HG_WORD_NUMBER);
	}
}

static void scan_slot(const struct hg_analysis *a, struct task *task,
		      const struct hg_extent *extent, uint32_t block, uint64_t slot_addr,
		      const uint8_t *bytes, uint64_t size)
{
	const struct hg_heap *heap = a->heaps.data[extent->heap];
	uint64_t words = size / 8;
	bool last = extent->no_pointers;
	if (!heap->ops->pointer_bits) {
		scan_all_words(a, task, block, bytes, size);
		return;
	}
	for (uint64_t word = 0; word < words && (!last || a->priv->has_native); word += 64) {
		const uint64_t all =
			words - word < 64 ? ((uint64_t)1 << (words - word)) - 1 : UINT64_MAX;
		uint64_t bits =
			last ? 0 : heap->ops->pointer_bits(heap, extent, slot_addr, word, &last);
		bits &= all;
		if (a->priv->has_native)
			scan_numbers(a, task, block, bytes, word, all & ~bits);
		while (bits) {
			uint64_t at = word + (uint64_t)__builtin_ctzll(bits);
			bits &= bits - 1;
			uint64_t value = hg_load_u64(bytes + at * 8);
			if (value - a->priv->low >= a->priv->span)
				continue;
			const struct hg_extent *to = hg_blocks_extent_at(&a->blocks, value);
			if (to)
				emit(a, task, to, value, block, at, 0);
		}
	}
}

/** Returns the bytes of a slot: in place, or copied where they lie in several segments; NULL (and counted) if missing. */
static const uint8_t *slot_bytes(const struct hg_analysis *a, struct task *task,
				 const struct hg_extent *extent, uint64_t addr, uint64_t size,
				 const uint8_t *whole, struct buffer *copy)
{
	if (whole)
		return whole + (addr - extent->addr);
	const struct hg_image *image = a->prog->image;
	const uint8_t *bytes = hg_image_view(image, addr, size);
	if (bytes)
		return bytes;
	uint8_t *larger = size > copy->size ? realloc(copy->data, size) : copy->data;
	if (larger) {
		copy->size = size > copy->size ? size : copy->size;
		copy->data = larger;
		if (hg_image_read(image, addr, copy->data, size))
			return copy->data;
	}
	task->missing += size;
	return NULL;
}

static void scan_extent(struct scan *s, struct task *task, const struct hg_extent *extent)
{
	const struct hg_blocks *blocks = &s->a->blocks;
	if ((extent->no_pointers && !s->a->priv->has_native) || !extent->count)
		return;
	const uint8_t *whole = hg_image_view(s->a->prog->image, extent->addr,
					     (uint64_t)extent->slots * extent->stride);
	hg_cleanup(buffer_free) struct buffer copy = {0};
	uint32_t block = extent->first;
	uint32_t base = s->a->graph.first_block;
	for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
	     slot = hg_blocks_next_slot(blocks, extent, slot + 1), block++) {
		uint64_t addr = extent->addr + slot * extent->stride;
		uint64_t size = hg_blocks_slot_size(blocks, extent, slot);
		size_t before = task->edges.count;
		const uint8_t *bytes = slot_bytes(s->a, task, extent, addr, size, whole, &copy);
		if (bytes && !test(s->a->priv->folded, block))
			scan_slot(s->a, task, extent, block, addr, bytes, size);
		s->edge_at[base + block] = (uint32_t)(task->edges.count - before);
	}
}

static void scan_task(void *arg, unsigned worker, size_t number)
{
	(void)worker;
	struct scan *s = arg;
	struct task *task = &s->tasks.data[number];
	for (uint32_t i = task->first; i < task->end && !task->failed; i++)
		scan_extent(s, task, &s->a->blocks.extents.data[i]);
}

/* ---- roots ---- */

static int by_root(const void *x, const void *y)
{
	const struct hg_root_edge *a = x, *b = y;
	if (a->root != b->root)
		return a->root < b->root ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return a->target < b->target ? -1 : a->target > b->target;
}

/** Sorts the root edges, drops those to no block or to another's own block, counts conservative ones. */
static void prepare_root_edges(struct scan *s)
{
	struct hg_roots *roots = &s->a->roots;
	size_t kept = 0;
	if (roots->edges.count)
		qsort(roots->edges.data, roots->edges.count, sizeof(*roots->edges.data), by_root);
	for (size_t i = 0; i < roots->edges.count; i++) {
		const struct hg_root_edge *edge = &roots->edges.data[i];
		uint32_t to = hg_blocks_find(&s->a->blocks, edge->target);
		if (to == HG_NO_BLOCK || edge->root >= roots->list.count || !edge->root)
			continue;
		if (test(s->a->priv->owned, to) && !(edge->flags & HG_EDGE_OWNER))
			continue;
		s->a->coverage.conservative_edges += edge->flags & HG_EDGE_CONSERVATIVE;
		roots->edges.data[kept++] = *edge;
	}
	roots->edges.count = kept;
}

static void mark_special_blocks(struct scan *s)
{
	const struct hg_roots *roots = &s->a->roots;
	for (size_t i = 0; i < roots->folded.count; i++) {
		uint32_t block = hg_blocks_find(&s->a->blocks, roots->folded.data[i]);
		if (block != HG_NO_BLOCK)
			set(s->a->priv->folded, block);
	}
	for (size_t i = 0; i < roots->edges.count; i++) {
		const struct hg_root_edge *edge = &roots->edges.data[i];
		uint32_t block = edge->flags & HG_EDGE_OWNER
					 ? hg_blocks_find(&s->a->blocks, edge->target)
					 : HG_NO_BLOCK;
		if (block != HG_NO_BLOCK)
			set(s->a->priv->owned, block);
	}
}

static void count_root_edges(struct scan *s)
{
	const struct hg_roots *roots = &s->a->roots;
	for (size_t i = 1; i < roots->list.count; i++)
		s->edge_at[roots->list.data[i].parent]++;
	for (size_t i = 0; i < roots->edges.count; i++)
		if (!(roots->edges.data[i].flags & HG_EDGES_WEAK))
			s->edge_at[roots->edges.data[i].root]++;
}

/** Children of a root stand before its pointers; edge_at holds positions that move as edges are put. */
static void put_root_edges(struct scan *s, uint32_t *edge_to, uint32_t *next)
{
	const struct hg_roots *roots = &s->a->roots;
	for (size_t i = 1; i < roots->list.count; i++)
		edge_to[next[roots->list.data[i].parent]++] = (uint32_t)i;
	for (size_t i = 0; i < roots->edges.count; i++) {
		const struct hg_root_edge *edge = &roots->edges.data[i];
		if (edge->flags & HG_EDGES_WEAK)
			continue;
		edge_to[next[edge->root]++] =
			s->a->graph.first_block + hg_blocks_find(&s->a->blocks, edge->target);
	}
}

/* ---- all of it ---- */

static struct hg_error *cut_tasks(struct scan *s)
{
	const struct hg_blocks *blocks = &s->a->blocks;
	uint64_t bytes = TASK_BYTES;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		if (bytes >= TASK_BYTES) {
			struct task *task = hg_vec_push(&s->tasks);
			if (!task)
				return &hg_enomem;
			task->first = (uint32_t)i;
			bytes = 0;
		}
		s->tasks.data[s->tasks.count - 1].end = (uint32_t)i + 1;
		bytes += blocks->extents.data[i].no_pointers && !s->a->priv->has_native
				 ? 64
				 : blocks->extents.data[i].size;
	}
	return NULL;
}

/** Turns counts into positions; an error where there are more edges than 32 bits count. */
static struct hg_error *sum_counts(uint32_t *edge_at, uint32_t nodes)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i <= nodes; i++) {
		uint32_t count = edge_at[i];
		edge_at[i] = (uint32_t)at;
		at += i < nodes ? count : 0;
		if (at > HG_MAX_EDGES)
			return hg_error_create(HG_ERROR_LIMIT,
					       "the heap has more than %u references",
					       HG_MAX_EDGES);
	}
	return NULL;
}

static struct hg_error *check_tasks(struct scan *s)
{
	uint64_t missing = 0, far = 0;
	for (size_t i = 0; i < s->tasks.count; i++) {
		if (s->tasks.data[i].failed)
			return &hg_enomem;
		missing += s->tasks.data[i].missing;
		far += s->tasks.data[i].far;
	}
	hg_coverage_add(&s->a->coverage, "bytes of objects with pointers that could not be read",
			missing);
	hg_coverage_add(&s->a->coverage, "pointers beyond the first 8 GiB of one object", far);
	return NULL;
}

static struct hg_error *assemble(struct scan *s, uint32_t **words_ret)
{
	uint32_t nodes = s->a->graph.nodes, base = s->a->graph.first_block;
	struct hg_error *err = sum_counts(s->edge_at, nodes);
	if (err)
		return err;
	size_t edges = s->edge_at[nodes];
	hg_autofree uint32_t *edge_to = malloc((edges + 1) * sizeof(*edge_to));
	hg_autofree uint32_t *words = calloc(edges + 1, sizeof(*words));
	hg_autofree uint32_t *next = malloc(((size_t)base + 1) * sizeof(*next));
	if (!edge_to || !words || !next)
		return &hg_enomem;
	memcpy(next, s->edge_at, (size_t)base * sizeof(*next));
	put_root_edges(s, edge_to, next);
	size_t at = s->edge_at[base];
	for (size_t t = 0; t < s->tasks.count; t++) {
		struct task *task = &s->tasks.data[t];
		for (size_t i = 0; i < task->edges.count; i++, at++) {
			edge_to[at] = base + task->edges.data[i].to;
			words[at] = task->edges.data[i].word;
		}
		hg_vec_deinit(&task->edges);
	}
	hg_assert(at == edges);
	*words_ret = hg_take(words);
	return hg_graph_init(&s->a->graph, nodes, base, hg_take(s->edge_at), hg_take(edge_to));
}

static struct hg_error *run(struct scan *s, uint32_t **words)
{
	struct hg_analysis *a = s->a;
	size_t nodes = a->roots.list.count + (size_t)a->blocks.count;
	if (nodes >= HG_MAX_NODES)
		return hg_error_create(HG_ERROR_LIMIT, "the heap has more than %u objects",
				       HG_MAX_NODES);
	a->graph.nodes = (uint32_t)nodes;
	a->graph.first_block = (uint32_t)a->roots.list.count;
	s->edge_at = calloc(nodes + 1, sizeof(*s->edge_at));
	s->a->priv->folded = calloc((size_t)a->blocks.count / 64 + 1, 8);
	s->a->priv->owned = calloc((size_t)a->blocks.count / 64 + 1, 8);
	if (!s->edge_at || !s->a->priv->folded || !s->a->priv->owned)
		return &hg_enomem;
	if (a->blocks.extents.count) {
		const struct hg_extent *last = &a->blocks.extents.data[a->blocks.extents.count - 1];
		s->a->priv->low = a->blocks.extents.data[0].addr;
		s->a->priv->span = last->addr + last->size - s->a->priv->low;
	}
	bool collected = false, native = false;
	for (size_t i = 0; i < a->heaps.count; i++) {
		collected |= a->heaps.data[i]->ops->pointer_bits != NULL;
		native |= !a->heaps.data[i]->ops->pointer_bits;
	}
	a->priv->has_native = collected && native;
	mark_special_blocks(s);
	prepare_root_edges(s);
	count_root_edges(s);
	struct hg_error *err = cut_tasks(s);
	if (err)
		return err;
	hg_workers_run(s->tasks.count, scan_task, s);
	err = check_tasks(s);
	return err ? err : assemble(s, words);
}

struct hg_error *hg_scan(struct hg_analysis *a, uint32_t **words)
{
	struct scan s = {.a = a};
	if (!a->roots.list.count && !hg_vec_push(&a->roots.list))
		return &hg_enomem;
	struct hg_error *err = run(&s, words);
	for (size_t i = 0; i < s.tasks.count; i++)
		hg_vec_deinit(&s.tasks.data[i].edges);
	hg_vec_deinit(&s.tasks);
	free(s.edge_at);
	return err;
}

/* ---- the same edges again, with their places ---- */

static size_t first_root_edge(const struct hg_roots *roots, uint32_t root)
{
	size_t low = 0, high = roots->edges.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (roots->edges.data[mid].root < root)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct hg_error *root_outs(const struct hg_analysis *a, uint32_t node, hg_outs *ret)
{
	for (uint32_t e = a->graph.edge_at[node]; e < a->graph.edge_at[node + 1]; e++) {
		uint32_t to = a->graph.edge_to[e];
		struct hg_out *out = hg_node_is_root(a, to) ? hg_vec_push(ret) : NULL;
		if (out)
			out->to = to;
		else if (hg_node_is_root(a, to))
			return &hg_enomem;
	}
	const struct hg_roots *roots = &a->roots;
	for (size_t i = first_root_edge(roots, node);
	     i < roots->edges.count && roots->edges.data[i].root == node; i++) {
		const struct hg_root_edge *edge = &roots->edges.data[i];
		struct hg_out *out = hg_vec_push(ret);
		if (!out)
			return &hg_enomem;
		*out = (struct hg_out){a->graph.first_block +
					       hg_blocks_find(&a->blocks, edge->target),
				       edge->offset, edge->flags};
	}
	return NULL;
}

struct hg_error *hg_analysis_outs(const struct hg_analysis *a, uint32_t node, hg_outs *ret)
{
	if (hg_node_is_root(a, node))
		return root_outs(a, node, ret);
	if (a->facts && a->facts->loaded)
		return hg_outs_get(a, hg_node_block(a, node), ret);
	uint32_t block = hg_node_block(a, node);
	const struct hg_extent *extent = hg_blocks_extent(&a->blocks, block);
	uint64_t addr = hg_blocks_addr(&a->blocks, block);
	if ((extent->no_pointers && !a->priv->has_native) || test(a->priv->folded, block))
		return NULL;
	struct task task = {0};
	hg_cleanup(buffer_free) struct buffer copy = {0};
	uint64_t size = hg_blocks_size(&a->blocks, block);
	const uint8_t *bytes = slot_bytes(a, &task, extent, addr, size, NULL, &copy);
	if (bytes)
		scan_slot(a, &task, extent, block, addr, bytes, size);
	const struct hg_place place = {addr, size};
	bool enough = hg_vec_reserve(ret, task.edges.count);
	for (size_t i = 0; enough && i < task.edges.count; i++) {
		const struct found *edge = &task.edges.data[i];
		const enum hg_weak_rank rank = hg_weak_rank(a, extent, block, place, edge->word);
		if (rank == HG_RANK_NONE)
			continue;
		ret->data[ret->count++] =
			(struct hg_out){.to = a->graph.first_block + edge->to,
					.offset = hg_word_offset(edge->word),
					.flags = rank == HG_RANK_STRONG ? 0 : HG_EDGE_CONSERVATIVE};
	}
	hg_vec_deinit(&task.edges);
	return enough && !task.failed ? NULL : &hg_enomem;
}
