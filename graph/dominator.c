/*
 * Semi-NCA on numbers of a depth-first search:
 *
 *  1. The search numbers the nodes and, on its way, already takes the smallest predecessor of each node among those with
 *     smaller numbers (they are its ancestors). Only edges against the numbering are kept, in one list a node: no
 *     reverse graph is needed.
 *  2. From the last number down: the semidominator of each node, by path compression in the forest of those done.
 *  3. From the first number up: idom(v) is the nearest common ancestor of parent(v) and sdom(v) (Georgiadis 2005).
 *
 * Leaves with one predecessor, often half of a heap, take no part: the search writes down their predecessor and goes on.
 */
#include "graph/dominator.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/vec.h"

#define NO_LINK UINT32_MAX
#define EDGES_AHEAD 4	/* the same among the edges of a node in the search */
#define AHEAD 16	/* nodes between a prefetch and its use */
#define WALK_PER_NODE 4 /* steps of the third pass on average, before it prepares jumps */

struct forest_node {
	uint32_t ancestor; // during the search: the next edge to follow; in the third pass: jump
	uint32_t label;	   // during the search: its last link; in the third pass: depth
};

/** An edge against the numbering, in the list of its target. */
struct link {
	uint32_t source;
	uint32_t next;
};

struct work {
	const struct hg_graph *graph;
	uint32_t *number; // per node: its number or HG_UNREACHED; of such leaves: the predecessor
	uint64_t *leaves; // per node, a bit: no edges out, one edge in
	uint32_t room;	  // nodes that are no such leaves
	uint32_t count;	  // numbers given
	uint32_t found;	  // such leaves reached
	uint32_t *vertex; // per number: its node; this and all below are indexed by number
	uint32_t *parent; // in the tree of the search; in the third pass it becomes idom
	uint32_t *semi;	  // number of the semidominator, as far as known
	struct forest_node *forest;
	HG_VEC(struct link) links;
};

static void work_deinit(struct work *work)
{
	free(work->number);
	free(work->leaves);
	free(work->vertex);
	free(work->parent);
	free(work->semi);
	free(work->forest);
	hg_vec_deinit(&work->links);
}

static bool is_leaf(const struct work *work, uint32_t node)
{
	return work->leaves[node / 64] >> node % 64 & 1;
}

/** Sets a leaf's bit in work->leaves, and `room`. */
static bool find_leaves(struct work *work)
{
	const struct hg_graph *graph = work->graph;
	const size_t words = ((size_t)graph->nodes + 63) / 64;
	hg_autofree uint64_t *once = calloc(words, sizeof(*once));
	hg_autofree uint64_t *twice = calloc(words, sizeof(*twice));
	if (!once || !twice)
		return false;
	for (uint32_t edge = 0; edge < graph->edges; edge++) {
		const uint32_t to = graph->edge_to[edge];
		const uint64_t bit = (uint64_t)1 << to % 64;
		twice[to / 64] |= once[to / 64] & bit;
		once[to / 64] |= bit;
	}
	twice[0] |= 1; // the search starts at node 0, edges or none
	uint32_t leaves = 0;
	for (uint32_t node = 0; node < graph->nodes; node++) {
		const uint64_t bit = (uint64_t)1 << node % 64;
		const bool leaf = graph->edge_at[node] == graph->edge_at[node + 1] &&
				  (once[node / 64] & ~twice[node / 64] & bit);
		if (leaf)
			leaves++;
		else
			once[node / 64] &= ~bit;
	}
	work->room = graph->nodes - leaves;
	work->leaves = hg_take(once);
	return true;
}

static bool work_init(struct work *work, const struct hg_graph *graph)
{
	*work = (struct work){.graph = graph};
	if (!find_leaves(work))
		return false;
	work->number = malloc((size_t)graph->nodes * sizeof(*work->number));
	work->vertex = malloc((size_t)work->room * sizeof(*work->vertex));
	work->parent = malloc((size_t)work->room * sizeof(*work->parent));
	work->semi = malloc((size_t)work->room * sizeof(*work->semi));
	work->forest = malloc((size_t)work->room * sizeof(*work->forest));
	return work->number && work->vertex && work->parent && work->semi && work->forest;
}

/** ---- First pass: the search ---- */

/** Has what the search will ask about a node on its way from memory. */
static void fetch(const struct work *work, uint32_t node)
{
	__builtin_prefetch(&work->number[node]);
	if (!is_leaf(work, node))
		__builtin_prefetch(&work->graph->edge_at[node]);
}

static uint32_t visit(struct work *work, uint32_t node, uint32_t parent)
{
	const uint32_t start = work->graph->edge_at[node], end = work->graph->edge_at[node + 1];
	const uint32_t number = work->count++;
	work->number[node] = number;
	work->vertex[number] = node;
	work->parent[number] = parent;
	work->semi[number] = parent;
	work->forest[number] = (struct forest_node){start, NO_LINK};
	for (uint32_t edge = start; edge < end && edge - start < EDGES_AHEAD; edge++)
		fetch(work, work->graph->edge_to[edge]);
	return number;
}

static bool add_link(struct work *work, uint32_t from, uint32_t to)
{
	if (!hg_vec_reserve(&work->links, 1))
		return false;
	const uint32_t link = (uint32_t)work->links.count++;
	work->links.data[link] = (struct link){from, work->forest[to].label};
	work->forest[to].label = link;
	return true;
}

/**
 * Follows the edges of `from` to the first node that is new, whose number is returned; `from` itself when there is none;
 * HG_UNREACHED when memory is exhausted.
 */
static uint32_t advance(struct work *work, uint32_t from)
{
	const uint32_t *edge_to = work->graph->edge_to;
	const uint32_t node = work->vertex[from];
	const uint32_t end = work->graph->edge_at[node + 1];
	for (uint32_t edge = work->forest[from].ancestor; edge < end; edge++) {
		const uint32_t target = edge_to[edge];
		if (end - edge > EDGES_AHEAD)
			fetch(work, edge_to[edge + EDGES_AHEAD]);
		if (is_leaf(work, target)) {
			work->number[target] = node;
			work->found++;
			continue;
		}
		const uint32_t number = work->number[target];
		if (number == HG_UNREACHED) {
			work->forest[from].ancestor = edge + 1;
			return visit(work, target, from);
		}
		if (number > from) {
			if (work->semi[number] > from)
				work->semi[number] = from;
		} else if (number != from && number && !add_link(work, from, number)) {
			return HG_UNREACHED;
		}
	}
	return from;
}

static bool search(struct work *work)
{
	memset(work->number, 0xff, (size_t)work->graph->nodes * sizeof(*work->number));
	uint32_t at = visit(work, 0, 0);
	for (;;) {
		const uint32_t next = advance(work, at);
		if (next == HG_UNREACHED)
			return false;
		if (next != at)
			at = next;
		else if (at)
			at = work->parent[at];
		else
			return true;
	}
}

/** ---- Second pass: semidominators ---- */

/**
 * Returns the smallest semidominator on the path from a done node (number above `done`) up to where the done ones end,
 * and makes the path short. It goes up turning the pointers round, and down again turning them to the top: no stack.
 */
static uint32_t smallest_above(struct forest_node *forest, uint32_t node, uint32_t done)
{
	if (forest[node].ancestor <= done)
		return forest[node].label;
	uint32_t below = node, top = forest[node].ancestor;
	while (forest[top].ancestor > done) {
		const uint32_t above = forest[top].ancestor;
		forest[top].ancestor = below;
		below = top;
		top = above;
	}
	const uint32_t ancestor = forest[top].ancestor;
	uint32_t smallest = forest[top].label;
	while (below != node) {
		const uint32_t next = forest[below].ancestor;
		if (forest[below].label < smallest)
			smallest = forest[below].label;
		forest[below] = (struct forest_node){ancestor, smallest};
		below = next;
	}
	if (forest[node].label < smallest)
		smallest = forest[node].label;
	forest[node] = (struct forest_node){ancestor, smallest};
	return smallest;
}

static void find_semidominators(struct work *work)
{
	struct forest_node *forest = work->forest;
	const struct link *links = work->links.data;
	for (uint32_t node = work->count - 1; node > 0; node--) {
		if (node > 2 * AHEAD) {
			const uint32_t far = forest[node - 2 * AHEAD].label;
			if (far != NO_LINK)
				__builtin_prefetch(&links[far]);
			const uint32_t near = forest[node - AHEAD].label;
			if (near != NO_LINK)
				__builtin_prefetch(&forest[links[near].source]);
		}
		uint32_t smallest = work->semi[node];
		for (uint32_t link = forest[node].label; link != NO_LINK && smallest;
		     link = links[link].next) {
			const uint32_t semi = smallest_above(forest, links[link].source, node);
			if (semi < smallest)
				smallest = semi;
		}
		work->semi[node] = smallest;
		forest[node] = (struct forest_node){work->parent[node], smallest};
	}
}

/** ---- Third pass: nearest common ancestors ---- */

/** Enters a node whose idom is known: its depth and a jump to an ancestor, so that log(depth) jumps lead anywhere. */
static void add_jump(struct forest_node *jumps, uint32_t node, uint32_t idom)
{
	const struct forest_node above = jumps[idom], far = jumps[above.ancestor];
	const bool as_far = above.label - far.label == far.label - jumps[far.ancestor].label;
	jumps[node] = (struct forest_node){as_far ? far.ancestor : idom, above.label + 1};
}

/** Turns parent[] into idom[] from `first` on. Jumps (Myers 1983) keep it at log(depth) steps a node. */
static void find_idoms_jumping(struct work *work, uint32_t first)
{
	uint32_t *idom = work->parent;
	struct forest_node *jumps = work->forest;
	jumps[0] = (struct forest_node){0, 0};
	for (uint32_t node = 1; node < first; node++)
		add_jump(jumps, node, idom[node]);
	for (uint32_t node = first; node < work->count; node++) {
		const uint32_t semi = work->semi[node];
		uint32_t at = idom[node];
		while (at > semi)
			at = jumps[at].ancestor > semi ? jumps[at].ancestor : idom[at];
		idom[node] = at;
		add_jump(jumps, node, at);
	}
}

/** Turns parent[] into idom[]. Walks are short in all graphs but few (a long list whose payloads others hold, too). */
static void find_idoms(struct work *work)
{
	uint32_t *idom = work->parent;
	uint64_t steps_left = (uint64_t)work->count * WALK_PER_NODE;
	for (uint32_t node = 1; node < work->count; node++) {
		const uint32_t semi = work->semi[node];
		uint32_t at = idom[node];
		while (at > semi && steps_left) {
			at = idom[at];
			steps_left--;
		}
		if (at > semi) {
			find_idoms_jumping(work, node);
			return;
		}
		idom[node] = at;
	}
}

/** ---- The result ---- */

/** Turns numbers back into nodes; the leaves' idoms are in place already. */
static struct hg_error *finish(struct work *work, struct hg_dominators *dom)
{
	uint32_t *idom = work->number, *vertex = work->vertex;
	for (uint32_t number = 0; number < work->count; number++)
		idom[vertex[number]] = vertex[work->parent[number]];
	free(hg_take(work->parent));
	dom->reached = work->count + work->found;
	uint32_t *preorder = realloc(vertex, (size_t)dom->reached * sizeof(*preorder));
	if (!preorder)
		return &hg_enomem;
	work->vertex = NULL;
	uint32_t at = work->count;
	for (uint32_t node = 0; at < dom->reached; node++) {
		if (is_leaf(work, node) && idom[node] != HG_UNREACHED)
			preorder[at++] = node;
	}
	dom->idom = hg_take(work->number);
	dom->preorder = preorder;
	return NULL;
}

struct hg_error *hg_dominators_init(struct hg_dominators *dom, const struct hg_graph *graph)
{
	*dom = (struct hg_dominators){0};
	hg_cleanup(work_deinit) struct work work;
	if (!work_init(&work, graph) || !search(&work))
		return &hg_enomem;
	find_semidominators(&work);
	hg_vec_deinit(&work.links);
	find_idoms(&work);
	free(hg_take(work.forest));
	free(hg_take(work.semi));
	return finish(&work, dom);
}

void hg_dominators_deinit(struct hg_dominators *dom)
{
	free(dom->idom);
	free(dom->preorder);
	*dom = (struct hg_dominators){0};
}

struct hg_error *hg_dominators_children(const struct hg_dominators *dom, uint32_t nodes,
					uint32_t **child_at, uint32_t **child)
{
	hg_autofree uint32_t *at = calloc((size_t)nodes + 2, sizeof(*at));
	hg_autofree uint32_t *to = malloc((size_t)dom->reached * sizeof(*to));
	if (!at || !to)
		return &hg_enomem;
	// Counted two places up, so that placing leaves each position where it belongs.
	for (uint32_t node = 1; node < nodes; node++) {
		if (dom->idom[node] != HG_UNREACHED)
			at[dom->idom[node] + 2]++;
	}
	for (uint32_t node = 0; node < nodes; node++)
		at[node + 2] += at[node + 1];
	for (uint32_t node = 1; node < nodes; node++) {
		if (dom->idom[node] != HG_UNREACHED)
			to[at[dom->idom[node] + 1]++] = node;
	}
	*child_at = hg_take(at);
	*child = hg_take(to);
	return NULL;
}
