#include "graph/leak.h"

#include <stdlib.h>
#include <string.h>

#include "graph/analysis_private.h"
#include "graph/leak_mark.h"

static const char *const class_names[HG_LEAK_CLASSES] = {"reachable", "stale", "possible",
							 "definite", "indirect"};

const char *hg_leak_class_name(enum hg_leak_class class)
{
	return (unsigned)class < HG_LEAK_CLASSES ? class_names[class] : "unknown";
}

typedef HG_VEC(uint32_t) node_list;

static bool push(node_list *list, uint32_t node)
{
	uint32_t *place = hg_vec_push(list);
	if (place)
		*place = node;
	return place;
}

/* ---- lost blocks and their leaders ---- */

/** The lost blocks as a graph of their own. */
struct lost {
	const struct hg_analysis *a;
	uint32_t count;
	uint32_t *block;  /* number among the lost -> block */
	uint32_t *number; /* block -> number among the lost + 1 */
	uint32_t *edge_at;
	node_list edge_to;
	uint32_t *component; /* number -> component */
	uint32_t components;
	bool *led; /* component: another one leads to it */
};

static void lost_deinit(struct lost *l)
{
	free(l->block);
	free(l->number);
	free(l->edge_at);
	hg_vec_deinit(&l->edge_to);
	free(l->component);
	free(l->led);
}

static bool is_lost(const struct hg_analysis *a, uint32_t block)
{
	if (a->dom.idom[a->graph.first_block + block] != HG_UNREACHED)
		return false;
	const struct hg_extent *extent = hg_blocks_extent(&a->blocks, block);
	return !a->heaps.data[extent->heap]->ops->pointer_bits;
}

static struct hg_error *number_lost(struct lost *l)
{
	const struct hg_analysis *a = l->a;
	l->number = calloc((size_t)a->blocks.count + 1, sizeof(*l->number));
	if (!l->number)
		return &hg_enomem;
	for (uint32_t b = 0; b < a->blocks.count; b++)
		if (is_lost(a, b))
			l->number[b] = ++l->count;
	l->block = malloc(((size_t)l->count + 1) * sizeof(*l->block));
	l->edge_at = calloc((size_t)l->count + 2, sizeof(*l->edge_at));
	l->component = malloc(((size_t)l->count + 1) * sizeof(*l->component));
	l->led = calloc((size_t)l->count + 1, sizeof(*l->led));
	if (!l->block || !l->edge_at || !l->component || !l->led)
		return &hg_enomem;
	for (uint32_t b = 0; b < a->blocks.count; b++)
		if (l->number[b])
			l->block[l->number[b] - 1] = b;
	return NULL;
}

static struct hg_error *read_edges(struct lost *l)
{
	const struct hg_analysis *a = l->a;
	hg_outs outs = {0};
	struct hg_error *err = NULL;
	for (uint32_t i = 0; i < l->count && !err; i++) {
		outs.count = 0;
		err = hg_analysis_outs(a, a->graph.first_block + l->block[i], &outs);
		for (size_t k = 0; k < outs.count && !err; k++) {
			uint32_t to = l->number[hg_node_block(a, outs.data[k].to)];
			if (to && !push(&l->edge_to, to - 1))
				err = &hg_enomem;
		}
		l->edge_at[i + 1] = (uint32_t)l->edge_to.count;
	}
	hg_vec_deinit(&outs);
	return err;
}

/** Strongly connected components (Tarjan 1972), without recursion. */
struct tarjan {
	uint32_t *index, *low, *next; /* per number; index 0: not seen */
	node_list path, stack;
	uint8_t *on_stack;
	uint32_t seen;
};

static bool enter(struct lost *l, struct tarjan *t, uint32_t node)
{
	if (!push(&t->path, node) || !push(&t->stack, node))
		return false;
	t->index[node] = t->low[node] = ++t->seen;
	t->next[node] = l->edge_at[node];
	t->on_stack[node] = 1;
	return true;
}

static void close_component(struct lost *l, struct tarjan *t, uint32_t node)
{
	uint32_t member;
	do {
		member = t->stack.data[--t->stack.count];
		t->on_stack[member] = 0;
		l->component[member] = l->components;
	} while (member != node);
	l->components++;
}

/** Takes one step along the path: into an unseen block, or back. */
static bool step(struct lost *l, struct tarjan *t)
{
	uint32_t node = t->path.data[t->path.count - 1];
	if (t->next[node] < l->edge_at[node + 1]) {
		uint32_t to = l->edge_to.data[t->next[node]++];
		if (!t->index[to])
			return enter(l, t, to);
		if (t->on_stack[to] && t->index[to] < t->low[node])
			t->low[node] = t->index[to];
		return true;
	}
	t->path.count--;
	if (t->low[node] == t->index[node])
		close_component(l, t, node);
	if (t->path.count) {
		uint32_t parent = t->path.data[t->path.count - 1];
		if (t->low[node] < t->low[parent])
			t->low[parent] = t->low[node];
	}
	return true;
}

static struct hg_error *find_components(struct lost *l)
{
	struct tarjan t = {
		.index = calloc((size_t)l->count + 1, sizeof(uint32_t)),
		.low = calloc((size_t)l->count + 1, sizeof(uint32_t)),
		.next = calloc((size_t)l->count + 1, sizeof(uint32_t)),
		.on_stack = calloc((size_t)l->count + 1, 1),
	};
	bool enough = t.index && t.low && t.next && t.on_stack;
	for (uint32_t i = 0; i < l->count && enough; i++) {
		if (!t.index[i])
			enough = enter(l, &t, i);
		while (enough && t.path.count)
			enough = step(l, &t);
	}
	free(t.index);
	free(t.low);
	free(t.next);
	free(t.on_stack);
	hg_vec_deinit(&t.path);
	hg_vec_deinit(&t.stack);
	return enough ? NULL : &hg_enomem;
}

static void find_led(struct lost *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		for (uint32_t e = l->edge_at[i]; e < l->edge_at[i + 1]; e++)
			if (l->component[l->edge_to.data[e]] != l->component[i])
				l->led[l->component[l->edge_to.data[e]]] = true;
}

/** All that a leader leads to and no leader before it did is lost with it. */
static struct hg_error *follow_leader(const struct lost *l, struct hg_leaks *leaks, uint32_t leader)
{
	const uint32_t first = l->block[leader];
	node_list stack = {0};
	leaks->class[first] = HG_LEAK_DEFINITE;
	leaks->leader[first] = first;
	bool enough = push(&stack, leader);
	while (enough && stack.count) {
		uint32_t node = stack.data[--stack.count];
		leaks->retained[first] += hg_blocks_size(&l->a->blocks, l->block[node]);
		for (uint32_t e = l->edge_at[node]; e < l->edge_at[node + 1] && enough; e++) {
			uint32_t block = l->block[l->edge_to.data[e]];
			if (leaks->leader[block] != HG_NO_BLOCK)
				continue;
			leaks->class[block] = HG_LEAK_INDIRECT;
			leaks->leader[block] = first;
			enough = push(&stack, l->edge_to.data[e]);
		}
	}
	hg_vec_deinit(&stack);
	return enough ? NULL : &hg_enomem;
}

static struct hg_error *class_lost(struct lost *l, struct hg_leaks *leaks)
{
	struct hg_error *err = number_lost(l);
	if (!err)
		err = read_edges(l);
	if (!err)
		err = find_components(l);
	if (err)
		return err;
	find_led(l);
	// In rising order of address: a cycle's lowest block stands for it, the others follow.
	for (uint32_t i = 0; i < l->count && !err; i++)
		if (!l->led[l->component[i]] && leaks->leader[l->block[i]] == HG_NO_BLOCK)
			err = follow_leader(l, leaks, i);
	return err;
}

struct hg_error *hg_leaks_init(const struct hg_analysis *a, struct hg_leaks *leaks)
{
	*leaks = (struct hg_leaks){0};
	if (!a->priv->marks)
		return hg_error_create(HG_ERROR_USAGE,
				       "the analysis was made for another report than 'leaks'");
	*leaks = (struct hg_leaks){
		.class = calloc((size_t)a->blocks.count + 1, 1),
		.leader = malloc(((size_t)a->blocks.count + 1) * sizeof(*leaks->leader)),
		.retained = calloc((size_t)a->blocks.count + 1, sizeof(*leaks->retained)),
	};
	if (!leaks->class || !leaks->leader || !leaks->retained)
		return &hg_enomem;
	memset(leaks->leader, 0xff, ((size_t)a->blocks.count + 1) * sizeof(*leaks->leader));
	const uint8_t *marks = a->priv->marks + a->graph.first_block;
	for (uint32_t b = 0; b < a->blocks.count; b++)
		if (!(marks[b] & HG_MARK_START))
			leaks->class[b] = HG_LEAK_POSSIBLE;
		else if (!(marks[b] & HG_MARK_FIRM))
			leaks->class[b] = HG_LEAK_STALE;
	hg_cleanup(lost_deinit) struct lost l = {.a = a};
	return class_lost(&l, leaks);
}

void hg_leaks_deinit(struct hg_leaks *leaks)
{
	free(leaks->class);
	free(leaks->leader);
	free(leaks->retained);
	*leaks = (struct hg_leaks){0};
}
