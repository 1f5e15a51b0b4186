#include "graph/report/report_owner.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/map.h"

#define AHEAD 16 /* nodes between a prefetch and its use */

static struct hg_error *find_tops(const struct hg_analysis *a, struct hg_tops *tops)
{
	tops->of = malloc((size_t)a->graph.nodes * sizeof(*tops->of));
	if (!tops->of)
		return &hg_enomem;
	memset(tops->of, 0xff, (size_t)a->graph.nodes * sizeof(*tops->of));
	// In preorder, so that a node's dominator has its top already.
	for (uint32_t i = 1; i < a->dom.reached; i++) {
		const uint32_t node = a->dom.preorder[i];
		if (i + 2 * AHEAD < a->dom.reached) {
			__builtin_prefetch(&a->dom.idom[a->dom.preorder[i + 2 * AHEAD]]);
			const uint32_t near = a->dom.preorder[i + AHEAD];
			__builtin_prefetch(&tops->of[near]);
			__builtin_prefetch(&tops->of[a->dom.idom[near]]);
		}
		if (a->dom.idom[node]) {
			tops->of[node] = tops->of[a->dom.idom[node]];
		} else {
			struct hg_top *top = hg_vec_push(&tops->list);
			if (!top)
				return &hg_enomem;
			top->node = node;
			tops->of[node] = (uint32_t)(tops->list.count - 1);
		}
		if (!hg_node_is_root(a, node))
			tops->list.data[tops->of[node]].blocks++;
	}
	return NULL;
}

struct pair {
	uint32_t from, to; /* tops; to is shared */
};
typedef HG_VEC(struct pair) pairs;

// Edges that lead from one top's subtree to another top, which only a shared block can be.
static struct hg_error *find_pairs(const struct hg_analysis *a, const struct hg_tops *tops,
				   pairs *ret)
{
	const struct hg_graph *graph = &a->graph;
	for (uint32_t from = 1; from < graph->nodes; from++) {
		if (tops->of[from] == HG_NO_TOP)
			continue;
		for (uint32_t e = graph->edge_at[from]; e < graph->edge_at[from + 1]; e++) {
			const uint32_t to = graph->edge_to[e];
			const struct pair pair = {tops->of[from], tops->of[to]};
			if (hg_node_is_root(a, to) || a->dom.idom[to] || pair.from == pair.to)
				continue;
			const struct pair *last = ret->count ? &ret->data[ret->count - 1] : NULL;
			if (last && last->from == pair.from && last->to == pair.to)
				continue;
			struct pair *place = hg_vec_push(ret);
			if (!place)
				return &hg_enomem;
			*place = pair;
		}
	}
	return NULL;
}

static int compare_pairs(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

const struct hg_goroutine *hg_tops_goroutine(const struct hg_analysis *a,
					     const struct hg_tops *tops, uint32_t root)
{
	const uint32_t at = root < a->graph.first_block ? tops->goroutine_of[root] : 0;
	return at ? &a->roots.goroutines.data[at - 1] : NULL;
}

// Roots with the same key are of one kind. 64 well-mixed bits stand for it: two in a billion billion meet.
static uint64_t root_key(const struct hg_analysis *a, const struct hg_tops *tops, uint32_t root)
{
	const struct hg_goroutine *g = hg_tops_goroutine(a, tops, root);
	if (!g)
		return mix(1, root);
	uint64_t key = mix(2, g->created_by);
	key = mix(key, (uint64_t)g->file << 32 | g->line);
	return mix(key, (uint64_t)g->state << 32 | g->wait_reason);
}

static struct hg_error *find_kinds(const struct hg_analysis *a, struct hg_tops *tops)
{
	struct hg_map known = {0};
	tops->kind_of = calloc((size_t)a->graph.first_block + 1, sizeof(uint32_t));
	bool failed = !tops->kind_of;
	for (uint32_t root = 1; !failed && root < a->graph.first_block; root++) {
		uint64_t *kind = hg_map_put(&known, root_key(a, tops, root));
		failed = !kind;
		if (kind && !*kind)
			*kind = known.count;
		tops->kind_of[root] = kind ? (uint32_t)*kind : 0;
	}
	hg_map_deinit(&known);
	return failed ? &hg_enomem : NULL;
}

// Adds a root, or several of its kind, to the owners; says whether that was news.
static bool add_owner(const struct hg_tops *tops, struct hg_top *top, uint32_t root, bool several)
{
	for (unsigned i = 0; i < top->owner_count; i++) {
		if (tops->kind_of[top->owner[i]] != tops->kind_of[root])
			continue;
		const bool news = !(top->several >> i & 1) && (several || top->owner[i] != root);
		top->several |= (uint8_t)(news << i);
		return news;
	}
	if (top->owner_count == HG_OWNERS) {
		const bool news = !top->more;
		top->more = true;
		return news;
	}
	top->several |= (uint8_t)(several << top->owner_count);
	top->owner[top->owner_count++] = root;
	return true;
}

static bool pass_owners(const struct hg_analysis *a, const struct hg_tops *tops,
			const struct hg_top *from, struct hg_top *to)
{
	if (hg_node_is_root(a, from->node))
		return add_owner(tops, to, from->node, false);
	bool news = false;
	for (unsigned i = 0; i < from->owner_count; i++)
		news |= add_owner(tops, to, from->owner[i], from->several >> i & 1);
	if (from->more && !to->more && to->owner_count == HG_OWNERS)
		news = to->more = true;
	return news;
}

struct spread {
	uint32_t *queue; /* ring of tops whose owners are to be passed on */
	uint8_t *queued;
	uint32_t head, count, size;
};

static void enqueue(struct spread *s, uint32_t top)
{
	if (s->queued[top])
		return;
	s->queued[top] = 1;
	s->queue[(s->head + s->count++) % s->size] = top;
}

static uint32_t dequeue(struct spread *s)
{
	const uint32_t top = s->queue[s->head];
	s->head = (s->head + 1) % s->size;
	s->count--;
	s->queued[top] = 0;
	return top;
}

static size_t first_pair(const pairs *list, uint32_t from)
{
	size_t low = 0, high = list->count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (list->data[middle].from < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// From the roots outward, breadth first, so that the nearest owners are the ones remembered. A top is passed on again
// only when its owners have grown, which is at most seven times.
static void spread_owners(const struct hg_analysis *a, struct hg_tops *tops, const pairs *list,
			  struct spread *s)
{
	for (uint32_t i = 0; i < tops->list.count; i++)
		if (hg_node_is_root(a, tops->list.data[i].node))
			enqueue(s, i);
	while (s->count) {
		const uint32_t from = dequeue(s);
		for (size_t i = first_pair(list, from);
		     i < list->count && list->data[i].from == from; i++) {
			const uint32_t to = list->data[i].to;
			if (pass_owners(a, tops, &tops->list.data[from], &tops->list.data[to]))
				enqueue(s, to);
		}
	}
}

static void sort_owners(struct hg_top *top)
{
	for (unsigned i = 1; i < top->owner_count; i++) {
		for (unsigned k = i; k && top->owner[k - 1] > top->owner[k]; k--) {
			const uint32_t owner = top->owner[k];
			top->owner[k] = top->owner[k - 1];
			top->owner[k - 1] = owner;
			const unsigned pair = top->several >> (k - 1) & 3;
			const unsigned swapped = (pair >> 1 | pair << 1) & 3;
			top->several =
				(uint8_t)((top->several & ~(3u << (k - 1))) | swapped << (k - 1));
		}
	}
}

static struct hg_error *find_owners(const struct hg_analysis *a, struct hg_tops *tops)
{
	pairs list = {0};
	struct spread s = {.size = (uint32_t)tops->list.count + 1};
	s.queue = malloc(s.size * sizeof(*s.queue));
	s.queued = calloc(s.size, 1);
	struct hg_error *err = s.queue && s.queued ? find_pairs(a, tops, &list) : &hg_enomem;
	if (!err) {
		if (list.count)
			qsort(list.data, list.count, sizeof(*list.data), compare_pairs);
		spread_owners(a, tops, &list, &s);
		for (size_t i = 0; i < tops->list.count; i++)
			sort_owners(&tops->list.data[i]);
	}
	hg_vec_deinit(&list);
	free(s.queue);
	free(s.queued);
	return err;
}

static uint64_t top_key(const struct hg_analysis *a, const struct hg_tops *tops,
			const struct hg_top *top)
{
	if (hg_node_is_root(a, top->node))
		return mix(1, tops->kind_of[top->node]);
	uint64_t key = mix(2, (uint64_t)top->several << 1 | top->more);
	for (unsigned i = 0; i < top->owner_count; i++)
		key = mix(key, tops->kind_of[top->owner[i]]);
	return key;
}

static struct hg_error *find_groups(const struct hg_analysis *a, struct hg_tops *tops)
{
	struct hg_map known = {0};
	struct hg_error *err = NULL;
	for (uint32_t i = 0; i < tops->list.count && !err; i++) {
		struct hg_top *top = &tops->list.data[i];
		uint64_t *group = hg_map_put(&known, top_key(a, tops, top));
		if (group && !*group && hg_vec_push(&tops->groups)) {
			*group = tops->groups.count;
			tops->groups.data[*group - 1].largest = i;
		}
		if (!group || !*group) {
			err = &hg_enomem;
			break;
		}
		top->group = (uint32_t)*group - 1;
		struct hg_top_group *g = &tops->groups.data[top->group];
		g->count++;
		g->retained += a->retained[top->node];
		g->blocks += top->blocks;
		if (a->retained[top->node] > a->retained[tops->list.data[g->largest].node])
			g->largest = i;
	}
	hg_map_deinit(&known);
	return err;
}

static struct hg_error *order_tops(struct hg_tops *tops)
{
	tops->order = malloc((tops->list.count + 1) * sizeof(*tops->order));
	if (!tops->order)
		return &hg_enomem;
	uint32_t at = 0;
	for (size_t i = 0; i < tops->groups.count; i++) {
		tops->groups.data[i].first = at;
		at += tops->groups.data[i].count;
		tops->groups.data[i].count = 0;
	}
	for (uint32_t i = 0; i < tops->list.count; i++) {
		struct hg_top_group *group = &tops->groups.data[tops->list.data[i].group];
		tops->order[group->first + group->count++] = i;
	}
	return NULL;
}

static struct hg_error *find_goroutines(const struct hg_analysis *a, struct hg_tops *tops)
{
	tops->goroutine_of = calloc((size_t)a->graph.first_block + 1, sizeof(uint32_t));
	if (!tops->goroutine_of)
		return &hg_enomem;
	for (size_t i = 0; i < a->roots.goroutines.count; i++) {
		const uint32_t root = a->roots.goroutines.data[i].root;
		if (root < a->graph.first_block)
			tops->goroutine_of[root] = (uint32_t)i + 1;
	}
	return NULL;
}

struct hg_error *hg_tops_init(const struct hg_analysis *a, struct hg_tops *tops)
{
	*tops = (struct hg_tops){0};
	struct hg_error *err = find_goroutines(a, tops);
	if (!err)
		err = find_kinds(a, tops);
	if (!err)
		err = find_tops(a, tops);
	if (!err)
		err = find_owners(a, tops);
	if (!err)
		err = find_groups(a, tops);
	return err ? err : order_tops(tops);
}

void hg_tops_deinit(struct hg_tops *tops)
{
	free(tops->of);
	free(tops->order);
	free(tops->goroutine_of);
	free(tops->kind_of);
	hg_vec_deinit(&tops->list);
	hg_vec_deinit(&tops->groups);
}
