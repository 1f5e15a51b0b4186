#include "graph/report/report_suspect.h"

#include <stdlib.h>

#include "core/base/map.h"

// The walk goes on while the largest kind of children holds this much of what its parents hold (as MAT's big drop ratio).
#define ENOUGH_TENTHS 7
#define MAX_CYCLE 8 // types that hold each other in turn
#define AHEAD 16    // nodes between a prefetch and its use
#define FAN_OUT 4   // children per parent from which on the parents are a container for a person

typedef HG_VEC(uint32_t) node_list;

struct kind_sum {
	uint64_t key, retained, count;
	uint32_t largest;
};

struct walk {
	const struct hg_analysis *a;
	const struct hg_classes *classes;
	const struct hg_dominator_tree *tree;
	struct hg_suspect *suspect;
	node_list nodes;	       /* the level: its members and what is folded into them */
	node_list next;		       /* children of the level that are not folded */
	HG_VEC(struct kind_sum) kinds; /* of the children */
	struct hg_map kind_of;	       /* key -> index into kinds + 1 */
	size_t last_kind; /* index of the one asked for last: mostly it is the same again */
	uint64_t cycle
		[MAX_CYCLE]; /* keys that belong to the level: its own, and those that lead back to it */
	unsigned cycle_count;
};

// Blocks are told apart by type, roots (frames, locals) by name.
static uint64_t node_key(const struct walk *w, uint32_t node)
{
	if (!hg_node_is_root(w->a, node))
		return w->classes->of[node];
	const struct hg_root *root = &w->a->roots.list.data[node];
	return 1ull << 40 | (uint64_t)root->kind << 32 | root->name;
}

static bool push(node_list *list, uint32_t node)
{
	uint32_t *place = hg_vec_push(list);
	if (place)
		*place = node;
	return place;
}

/** Returns the sum of a kind of children, which begins with `node`; NULL when memory is exhausted. */
static struct kind_sum *find_kind(struct walk *w, uint64_t key, uint32_t node)
{
	if (w->last_kind < w->kinds.count && w->kinds.data[w->last_kind].key == key)
		return &w->kinds.data[w->last_kind];
	uint64_t *index = hg_map_put(&w->kind_of, key);
	if (index && !*index && hg_vec_push(&w->kinds)) {
		*index = w->kinds.count;
		w->kinds.data[*index - 1] = (struct kind_sum){.key = key, .largest = node};
	}
	if (!index || !*index)
		return NULL;
	w->last_kind = *index - 1;
	return &w->kinds.data[w->last_kind];
}

static struct hg_error *tally(struct walk *w, uint32_t node)
{
	struct kind_sum *kind = find_kind(w, node_key(w, node), node);
	if (!kind || !push(&w->next, node))
		return &hg_enomem;
	kind->count++;
	kind->retained += w->a->retained[node];
	if (w->a->retained[node] > w->a->retained[kind->largest])
		kind->largest = node;
	return NULL;
}

static bool is_in_cycle(const struct walk *w, uint32_t node)
{
	const uint64_t key = node_key(w, node);
	for (unsigned i = 0; i < w->cycle_count; i++)
		if (w->cycle[i] == key)
			return true;
	return false;
}

/** Has what expand() will ask about the nodes to come on its way from memory. */
static void fetch_ahead(const struct walk *w, size_t i)
{
	const struct hg_dominator_tree *tree = w->tree;
	if (i + 2 * AHEAD >= w->nodes.count)
		return;
	__builtin_prefetch(&tree->child_at[w->nodes.data[i + 2 * AHEAD]]);
	const uint32_t near = tree->child_at[w->nodes.data[i + AHEAD]];
	if (near < w->a->dom.reached - 1)
		__builtin_prefetch(&tree->child[near]);
}

// Sorts the children of the level: inner parts of containers and objects of the level's own type join it (and their
// children are looked at in turn), the rest is tallied by kind.
static struct hg_error *expand(struct walk *w, struct hg_suspect_step *step)
{
	for (size_t i = 0; i < w->nodes.count; i++) {
		const uint32_t node = w->nodes.data[i];
		fetch_ahead(w, i);
		for (uint32_t c = w->tree->child_at[node]; c < w->tree->child_at[node + 1]; c++) {
			const uint32_t child = w->tree->child[c];
			const bool is_block = !hg_node_is_root(w->a, child);
			const bool inner = is_block && hg_class_is_inner(w->classes, child,
									 w->classes->of[node]);
			const bool same = is_block && !inner && is_in_cycle(w, child);
			if (same || inner) {
				step->objects += same && node_key(w, child) == step->key;
				step->recursive |= same;
				if (!push(&w->nodes, child))
					return &hg_enomem;
				continue;
			}
			struct hg_error *err = tally(w, child);
			if (err)
				return err;
		}
	}
	return NULL;
}

static const struct kind_sum *largest_kind(const struct walk *w)
{
	const struct kind_sum *best = NULL;
	for (size_t i = 0; i < w->kinds.count; i++) {
		const struct kind_sum *kind = &w->kinds.data[i];
		if (!best || kind->retained > best->retained ||
		    (kind->retained == best->retained && kind->largest < best->largest))
			best = kind;
	}
	return best;
}

// A type that stands higher up already: objects of a few types hold each other in turn. The way down is cut back to there,
// and all of these types belong to that level from now on.
static struct hg_suspect_step *find_recursion(struct walk *w, uint64_t key)
{
	struct hg_suspect_step *steps = w->suspect->steps.data;
	for (size_t i = 0; i < w->suspect->steps.count; i++) {
		if (steps[i].key != key)
			continue;
		w->cycle_count = 0;
		for (size_t k = i; k < w->suspect->steps.count && w->cycle_count < MAX_CYCLE; k++)
			w->cycle[w->cycle_count++] = steps[k].key;
		w->suspect->steps.count = i + 1;
		return &steps[i];
	}
	return NULL;
}

static struct hg_suspect_step *add_step(struct walk *w, const struct kind_sum *kind)
{
	struct hg_suspect_step *step = find_recursion(w, kind->key);
	if (step) {
		step->objects += kind->count;
		step->recursive = true;
		return step;
	}
	w->cycle[0] = kind->key;
	w->cycle_count = 1;
	step = hg_vec_push(&w->suspect->steps);
	if (step)
		*step = (struct hg_suspect_step){
			.key = kind->key,
			.node = kind->largest,
			.objects = kind->count,
			.retained = kind->retained,
		};
	return step;
}

// Makes the tallied children of one kind the new level.
static struct hg_suspect_step *descend(struct walk *w, const struct kind_sum *kind)
{
	struct hg_suspect_step *step = add_step(w, kind);
	w->nodes.count = 0;
	for (size_t i = 0; step && i < w->next.count; i++)
		if (node_key(w, w->next.data[i]) == step->key && !push(&w->nodes, w->next.data[i]))
			return NULL;
	w->next.count = 0;
	w->kinds.count = 0;
	hg_map_deinit(&w->kind_of);
	w->kind_of = (struct hg_map){0};
	return step;
}

static uint64_t level_retained(const struct walk *w)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < w->nodes.count; i++)
		sum += w->a->retained[w->nodes.data[i]];
	return sum;
}

static struct hg_error *walk_down(struct walk *w, uint64_t retained)
{
	for (;;) {
		const struct kind_sum *kind = largest_kind(w);
		if (!kind || kind->retained / ENOUGH_TENTHS < retained / 10 || !kind->retained)
			return NULL;
		struct hg_suspect_step *step = descend(w, kind);
		if (!step)
			return &hg_enomem;
		retained = level_retained(w);
		struct hg_error *err = expand(w, step);
		if (err)
			return err;
	}
}

// The step from which the memory fans out: a map and its thousand entries, not the one struct around the map.
static uint32_t find_point(const struct hg_suspect *suspect)
{
	uint32_t best = 0;
	uint64_t most = FAN_OUT - 1;
	const struct hg_suspect_step *steps = suspect->steps.data;
	for (uint32_t i = 0; i < suspect->steps.count; i++) {
		const uint64_t parents = i ? steps[i - 1].objects : 1;
		const uint64_t fan_out = steps[i].objects / (parents ? parents : 1);
		if (fan_out <= most)
			continue;
		most = fan_out;
		best = i && !steps[i].recursive ? i - 1 : i;
	}
	if (most < FAN_OUT && suspect->steps.count)
		best = (uint32_t)suspect->steps.count - 1;
	return best;
}

static struct hg_error *start(struct walk *w, const struct hg_tops *tops, uint32_t group)
{
	const struct hg_top_group *g = &tops->groups.data[group];
	const struct hg_top *first = &tops->list.data[tops->order[g->first]];
	if (!hg_node_is_root(w->a, first->node)) {
		for (uint32_t i = 0; i < g->count; i++) {
			struct hg_error *err =
				tally(w, tops->list.data[tops->order[g->first + i]].node);
			if (err)
				return err;
		}
		return NULL;
	}
	for (uint32_t i = 0; i < g->count; i++)
		if (!push(&w->nodes, tops->list.data[tops->order[g->first + i]].node))
			return &hg_enomem;
	const struct kind_sum all = {.key = 1ull << 41,
				     .retained = g->retained,
				     .count = g->count,
				     .largest = tops->list.data[g->largest].node};
	struct hg_suspect_step *step = add_step(w, &all);
	return step ? expand(w, step) : &hg_enomem;
}

struct hg_error *hg_suspect_init(const struct hg_analysis *a, const struct hg_classes *classes,
				 const struct hg_tops *tops, const struct hg_dominator_tree *tree,
				 uint32_t group, struct hg_suspect *ret)
{
	*ret = (struct hg_suspect){.group = group};
	struct walk w = {.a = a, .classes = classes, .tree = tree, .suspect = ret};
	struct hg_error *err = start(&w, tops, group);
	if (!err)
		err = walk_down(&w, tops->groups.data[group].retained);
	ret->point = find_point(ret);
	hg_vec_deinit(&w.nodes);
	hg_vec_deinit(&w.next);
	hg_vec_deinit(&w.kinds);
	hg_map_deinit(&w.kind_of);
	return err;
}

void hg_suspect_deinit(struct hg_suspect *suspect)
{
	hg_vec_deinit(&suspect->steps);
}
