#include "graph/report/report_name.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "dwarf/program.h"
#include "graph/lang/lang.h"
#include "graph/path.h"

#define MAX_SEGMENTS 20	 // of a way that are written out at its start
#define LAST_SEGMENTS 4	 // at its end, when the middle is left out
#define MAX_ROOT_DEPTH 8 // roots in roots in roots
#define MAX_PERIOD 4	 // nodes that come again and again on a way
#define AHEAD 16	 // nodes between a prefetch and its use

void hg_namer_deinit(struct hg_namer *namer)
{
	hg_vec_deinit(&namer->outs);
	hg_vec_deinit(&namer->nearest);
	namer->outs_of = namer->shared = 0;
}

static const struct hg_root *get_root(const struct hg_namer *namer, uint32_t root)
{
	return root < namer->a->roots.list.count ? &namer->a->roots.list.data[root] : NULL;
}

void hg_namer_root_step(const struct hg_namer *namer, uint32_t id, struct hg_text *out)
{
	const struct hg_root *root = get_root(namer, id);
	const char *name = root ? hg_program_text(namer->a->prog, root->name) : "";
	if (*name)
		hg_text_add(out, name);
	else
		hg_text_printf(out, "(%s)", root ? hg_root_kind_name(root->kind) : "root");
}

// What stands between a root and the one in it: "goroutine 18 main.serve.buf", "thread 4711 worker: main_loop.buf".
static const char *joint(const struct hg_namer *namer, uint32_t id, uint32_t inner)
{
	const struct hg_root *root = get_root(namer, id), *next = get_root(namer, inner);
	if (root && root->kind == HG_ROOT_THREAD)
		return ": ";
	return next && hg_root_kind_is_local(next->kind) ? "." : " ";
}

void hg_namer_root(const struct hg_namer *namer, uint32_t id, struct hg_text *out)
{
	uint32_t above[MAX_ROOT_DEPTH];
	unsigned depth = 0;
	while (id && depth < MAX_ROOT_DEPTH) {
		const struct hg_root *root = get_root(namer, id);
		above[depth++] = id;
		id = root && root->parent < id ? root->parent : 0;
	}
	const struct hg_root *last = depth ? get_root(namer, above[0]) : NULL;
	if (last && last->kind == HG_ROOT_TLS && depth == 2) { // one variable, many threads
		hg_namer_root_step(namer, above[0], out);
		hg_text_add(out, " (");
		hg_namer_root_step(namer, above[1], out);
		hg_text_add(out, ")");
		return;
	}
	while (depth-- > 0) {
		hg_namer_root_step(namer, above[depth], out);
		if (!depth)
			return;
		hg_text_add(out, joint(namer, above[depth], above[depth - 1]));
	}
}

bool hg_namer_where(const struct hg_namer *namer, uint32_t id, const char **file, uint32_t *line)
{
	for (unsigned i = 0; id && i < MAX_ROOT_DEPTH; i++) {
		if (hg_root_line(namer->a, id, file, line) && *line)
			return true;
		const struct hg_root *root = get_root(namer, id);
		if (!root)
			return false;
		if (root->line) {
			*file = hg_program_text(namer->a->prog, root->file);
			*line = root->line;
			return true;
		}
		id = root->parent < id ? root->parent : 0;
	}
	return false;
}

void hg_namer_line(const char *file, uint32_t line, bool full, struct hg_text *out)
{
	if (!line)
		return;
	const char *slash = file && !full ? strrchr(file, '/') : NULL;
	hg_text_printf(out, "%s:%" PRIu32, slash ? slash + 1 : file ? file : "?", line);
}

void hg_namer_line_cells(struct hg_report *report, const char *file, uint32_t line,
			 struct hg_cell *full, struct hg_cell *brief)
{
	struct hg_text text = {0};
	hg_namer_line(file, line, true, &text);
	if (full && text.length)
		full->text = hg_report_words(report, hg_text_str(&text));
	hg_text_cut(&text, 0);
	hg_namer_line(file, line, false, &text);
	if (brief && text.length)
		brief->text = hg_report_words(report, hg_text_str(&text));
	hg_text_deinit(&text);
}

const char *hg_namer_state(const struct hg_namer *namer, const struct hg_goroutine *g)
{
	const char *reason = hg_program_text(namer->a->prog, g->wait_reason);
	return *reason ? reason : hg_program_text(namer->a->prog, g->state);
}

void hg_namer_goroutine(const struct hg_namer *namer, const struct hg_goroutine *g, bool line,
			struct hg_text *out)
{
	const struct hg_program *prog = namer->a->prog;
	hg_text_printf(out, " [%s", hg_namer_state(namer, g));
	if (g->created_by)
		hg_text_printf(out, ", created by %s", hg_program_text(prog, g->created_by));
	if (g->line && line) {
		hg_text_add(out, " (");
		hg_namer_line(hg_program_text(prog, g->file), g->line, false, out);
		hg_text_add(out, ")");
	}
	hg_text_add(out, "]");
}

/** What holds an object gives the step its name, not a word that leads there as well. */
static bool put_weak_last(struct hg_namer *namer)
{
	hg_outs weak = {0};
	size_t kept = 0;
	bool enough = true;
	for (size_t i = 0; i < namer->outs.count && enough; i++) {
		const struct hg_out out = namer->outs.data[i];
		struct hg_out *place = NULL;
		if (!(out.flags & HG_EDGES_WEAK))
			namer->outs.data[kept++] = out;
		else if ((place = hg_vec_push(&weak)))
			*place = out;
		else
			enough = false;
	}
	for (size_t i = 0; i < weak.count && enough; i++)
		namer->outs.data[kept + i] = weak.data[i];
	hg_vec_deinit(&weak);
	return enough;
}

struct hg_error *hg_namer_outs(struct hg_namer *namer, uint32_t node)
{
	if (node && namer->outs_of == node)
		return NULL;
	namer->outs.count = 0;
	namer->outs_of = 0;
	struct hg_error *err = hg_analysis_outs(namer->a, node, &namer->outs);
	if (!err && !put_weak_last(namer))
		err = &hg_enomem;
	if (!err)
		namer->outs_of = node;
	return err;
}

bool hg_namer_field(struct hg_namer *namer, uint32_t from, uint32_t to, struct hg_text *out)
{
	struct hg_error *err = hg_namer_outs(namer, from);
	if (err) { // a way without this name is better than none
		hg_error_destroy(err);
		return false;
	}
	for (size_t i = 0; i < namer->outs.count; i++) {
		if (namer->outs.data[i].to != to)
			continue;
		hg_name_field(namer->a, from, namer->outs.data[i].offset, out);
		return true;
	}
	return false;
}

static void add_field(struct hg_namer *namer, uint32_t from, uint32_t to, struct hg_text *out)
{
	if (!hg_namer_field(namer, from, to, out))
		hg_text_add(out, "(...)");
}

struct run {
	uint32_t period; /* nodes that come again */
	uint32_t times;
};

static bool comes_again(const struct hg_namer *namer, const uint32_t *nodes, uint32_t at,
			uint32_t period)
{
	const struct hg_classes *classes = namer->classes;
	const uint32_t class = classes->of[nodes[at]];
	if (!class || classes->of[nodes[at + period]] != class)
		return false;
	// Inner parts of a container are of its class, but no list of their kind.
	return period > 1 || !hg_class_is_inner(classes, nodes[at + 1], class);
}

// Nodes whose classes come again and again: a list, a chain of parents, a tree whose nodes keep their children in slices.
static struct run find_run(const struct hg_namer *namer, const uint32_t *nodes, uint32_t count,
			   uint32_t at)
{
	struct run best = {1, 1};
	for (uint32_t period = 1; period <= MAX_PERIOD; period++) {
		uint32_t length = 0;
		while (at + length + period < count &&
		       comes_again(namer, nodes, at + length, period))
			length++;
		const struct run run = {period, (length + period - 1) / period};
		if (run.times > 1 && run.times * period > best.times * best.period)
			best = run;
	}
	return best;
}

static void add_run(struct hg_namer *namer, const uint32_t *nodes, struct run run,
		    struct hg_text *out)
{
	struct hg_text steps = {0};
	for (uint32_t i = 0; i < run.period; i++)
		add_field(namer, nodes[i], nodes[i + 1], &steps);
	const bool shown = run.times > 1 && steps.length; // nodes of a list are no steps
	hg_text_add(out, shown ? "(" : "");
	hg_text_add(out, hg_text_str(&steps));
	hg_text_deinit(&steps);
	if (!shown)
		return;
	hg_text_add(out, " x");
	hg_human_count(out, run.times);
	hg_text_add(out, ")");
}

void hg_namer_path(struct hg_namer *namer, const uint32_t *nodes, uint32_t count,
		   struct hg_text *out)
{
	if (!count)
		return;
	uint32_t at = 0;
	while (at + 1 < count && hg_node_is_root(namer->a, nodes[at + 1]))
		at++;
	if (hg_node_is_root(namer->a, nodes[at]))
		hg_namer_root(namer, nodes[at], out);
	else
		hg_text_printf(out, "(%s)",
			       hg_class_name(namer->classes, namer->classes->of[nodes[at]]));
	unsigned segments = 0;
	while (at + 1 < count) {
		const uint32_t left = count - 1 - at;
		if (segments == MAX_SEGMENTS && left > LAST_SEGMENTS + 1) {
			hg_text_add(out, "(... ");
			hg_human_things(out, left - LAST_SEGMENTS, "step");
			hg_text_add(out, " ...)");
			at = count - 1 - LAST_SEGMENTS;
		}
		const struct run run = find_run(namer, nodes, count, at);
		add_run(namer, nodes + at, run, out);
		at += run.period * run.times;
		segments++;
	}
}

typedef HG_VEC(uint32_t) node_list;

static void reverse(node_list *nodes)
{
	for (size_t i = 0; i < nodes->count / 2; i++) {
		const uint32_t other = nodes->data[nodes->count - 1 - i];
		nodes->data[nodes->count - 1 - i] = nodes->data[i];
		nodes->data[i] = other;
	}
}

/** Finds the way to what several roots reach from the one that is nearest, where no other is as near. */
static struct hg_error *find_nearest(struct hg_namer *namer, uint32_t shared)
{
	const struct hg_graph *graph = &namer->a->graph;
	struct hg_path first = {0}, second = {0};
	namer->shared = 0;
	namer->nearest.count = 0;
	struct hg_error *err = hg_path_shortest(graph, shared, &first);
	if (!err)
		err = hg_path_second(graph, &first, &second);
	const bool nearer = second.length > first.length;
	for (uint32_t i = first.length; !err && nearer && i > 2; i--) {
		uint32_t *place = hg_vec_push(&namer->nearest);
		if (!place)
			err = &hg_enomem;
		else
			*place = first.nodes[i - 2];
	}
	hg_path_deinit(&first);
	hg_path_deinit(&second);
	namer->shared = err ? 0 : shared;
	return err;
}

/** Above what several roots reach: that way, nearest first. It takes a walk through the heap, and is asked for again. */
static struct hg_error *add_nearest(struct hg_namer *namer, node_list *nodes)
{
	const uint32_t shared = nodes->data[nodes->count - 1];
	struct hg_error *err = namer->shared == shared ? NULL : find_nearest(namer, shared);
	for (size_t i = 0; !err && i < namer->nearest.count; i++) {
		uint32_t *place = hg_vec_push(nodes);
		if (!place)
			err = &hg_enomem;
		else
			*place = namer->nearest.data[i];
	}
	return err;
}

struct hg_error *hg_namer_chain(struct hg_namer *namer, uint32_t node, struct hg_text *out)
{
	node_list nodes = {0};
	struct hg_error *err = NULL;
	while (node && !err) {
		uint32_t *place = hg_vec_push(&nodes);
		if (place)
			*place = node;
		else
			err = &hg_enomem;
		node = hg_node_is_live(namer->a, node) ? namer->a->dom.idom[node] : 0;
	}
	if (!err && nodes.count && !hg_node_is_root(namer->a, nodes.data[nodes.count - 1]) &&
	    hg_node_is_live(namer->a, nodes.data[nodes.count - 1]))
		err = add_nearest(namer, &nodes);
	reverse(&nodes);
	if (!err)
		hg_namer_path(namer, nodes.data, (uint32_t)nodes.count, out);
	hg_vec_deinit(&nodes);
	return err;
}

// What the elements of a container are called.
static const struct {
	const char *one, *many;
} nouns[] = {
	[HG_CONTAINER_MAP] = {"entry", "entries"},
	[HG_CONTAINER_SLICE] = {"element", "elements"},
	[HG_CONTAINER_CHAN] = {"element", "elements"},
	[HG_CONTAINER_STRING] = {"byte", "bytes"},
	[HG_CONTAINER_SYNC_MAP] = {"entry", "entries"},
	[HG_CONTAINER_SEQUENCE] = {"element", "elements"},
	[HG_CONTAINER_SET] = {"element", "elements"},
	[HG_CONTAINER_TEXT] = {"character", "characters"},
	[HG_CONTAINER_KINDS] = {NULL, NULL},
};

static void add_count(const struct hg_container *c, uint64_t count, struct hg_text *out)
{
	hg_human_count(out, count);
	hg_text_printf(out, " %s", count == 1 ? nouns[c->kind].one : nouns[c->kind].many);
}

void hg_namer_amount(const struct hg_container *c, struct hg_text *out)
{
	const bool nouned = c->kind < HG_CONTAINER_KINDS && nouns[c->kind].one;
	if (c->has & HG_HAS_OWNERS) {
		hg_human_things(out, c->owners, "owner");
		return;
	}
	if (!nouned || c->kind == HG_CONTAINER_STRING)
		return;
	if (c->has & HG_HAS_LENGTH)
		add_count(c, c->length, out);
	const bool room = c->has & HG_HAS_CAPACITY && c->kind != HG_CONTAINER_CHAN &&
			  c->kind != HG_CONTAINER_MAP && c->kind != HG_CONTAINER_SET && c->slack;
	if (room || c->kind == HG_CONTAINER_SLICE) {
		hg_text_add(out, c->has & HG_HAS_LENGTH ? ", room for " : "room for ");
		hg_human_count(out, c->capacity);
	}
}

void hg_namer_holding(const struct hg_container *c, struct hg_text *out)
{
	if (c->kind >= HG_CONTAINER_KINDS || !nouns[c->kind].one || !c->has)
		return;
	const bool slice = c->kind == HG_CONTAINER_SLICE;
	hg_text_add(out, slice				? " with room for "
			 : c->kind == HG_CONTAINER_CHAN ? " with "
							: " of ");
	add_count(c, c->has & HG_HAS_LENGTH ? c->length : c->capacity, out);
}

static const char *article(const char *noun)
{
	return *noun && strchr("aeiouAEIOU", *noun) ? "an" : "a";
}

void hg_namer_thing(const struct hg_namer *namer, uint32_t node, struct hg_text *out)
{
	const char *type = hg_class_name(namer->classes, namer->classes->of[node]);
	if (!strncmp(type, "unknown", 7)) {
		hg_text_add(out, "an object of unknown type (");
		hg_human_bytes(out, hg_node_size(namer->a, node));
		hg_text_add(out, ")");
		return;
	}
	hg_text_printf(out, "%s %s", article(type), type);
	const struct hg_container c = hg_node_container(namer->a, node);
	hg_namer_holding(&c, out);
}

// Elements of its own, unlike a pointer's or an optional's.
static bool is_collection(const struct hg_container *c)
{
	return c->kind == HG_CONTAINER_MAP || c->kind == HG_CONTAINER_SET ||
	       c->kind == HG_CONTAINER_SEQUENCE || c->kind == HG_CONTAINER_TEXT;
}

struct hg_container hg_namer_container_of(struct hg_namer *namer, uint32_t node, uint32_t *type)
{
	const struct hg_analysis *a = namer->a;
	struct hg_container c = hg_node_container(a, node);
	*type = hg_node_type(a, node);
	if ((c.kind != HG_CONTAINER_NONE && c.kind != HG_CONTAINER_SLICE) ||
	    hg_node_is_root(a, node) || !hg_node_is_live(a, node))
		return c;
	struct hg_error *err = hg_namer_outs(namer, a->dom.idom[node]);
	hg_error_destroy(err); // without the name of what holds it
	for (size_t i = 0; !err && i < namer->outs.count; i++) {
		uint32_t holder = 0;
		if (namer->outs.data[i].to != node)
			continue;
		const struct hg_container held = hg_edge_container(
			a, a->dom.idom[node], namer->outs.data[i].offset, &holder);
		if (!is_collection(&held) || held.broken)
			break;
		*type = holder;
		return held;
	}
	return c;
}

void hg_namer_container(const struct hg_namer *namer, const struct hg_container *c, uint32_t type,
			struct hg_text *out)
{
	struct hg_text name = {0};
	if (hg_name_of_type(namer->a, type, &name))
		hg_text_printf(out, "%s %s", article(hg_text_str(&name)), hg_text_str(&name));
	hg_namer_holding(c, out);
	hg_text_deinit(&name);
}

// One owner, or all those of its group: "main.cache", "goroutines created by main.serve".
static void add_owner(const struct hg_namer *namer, uint32_t root, bool several,
		      struct hg_text *out)
{
	const struct hg_goroutine *g = hg_tops_goroutine(namer->a, namer->tops, root);
	if (!several || !g) {
		hg_namer_root(namer, root, out);
		return;
	}
	hg_text_add(out, "goroutines");
	if (g->created_by)
		hg_text_printf(out, " created by %s",
			       hg_program_text(namer->a->prog, g->created_by));
}

void hg_namer_owners(const struct hg_namer *namer, const struct hg_top *top, struct hg_text *out)
{
	if (!top->owner_count)
		hg_text_add(out, "several roots");
	for (unsigned i = 0; i < top->owner_count; i++) {
		const bool last = i + 1 == top->owner_count && !top->more;
		if (i)
			hg_text_add(out, last ? " and " : ", ");
		add_owner(namer, top->owner[i], top->several >> i & 1, out);
	}
	if (top->more)
		hg_text_add(out, " and others");
}

void hg_namer_holder(const struct hg_namer *namer, uint32_t node, const uint32_t *root_of,
		     struct hg_text *out)
{
	const uint32_t top = namer->tops->of[node];
	if (root_of[node]) {
		hg_namer_root(namer, root_of[node], out);
	} else if (top != HG_NO_TOP) {
		hg_text_add(out, "shared by ");
		hg_namer_owners(namer, &namer->tops->list.data[top], out);
	}
}

struct hg_error *hg_nearest_roots(const struct hg_analysis *a, uint32_t **ret)
{
	uint32_t *root_of = calloc(a->graph.nodes, sizeof(*root_of));
	if (!root_of)
		return &hg_enomem;
	for (uint32_t i = 1; i < a->dom.reached; i++) {
		const uint32_t node = a->dom.preorder[i];
		if (i + 2 * AHEAD < a->dom.reached) {
			__builtin_prefetch(&a->dom.idom[a->dom.preorder[i + 2 * AHEAD]]);
			const uint32_t near = a->dom.preorder[i + AHEAD];
			__builtin_prefetch(&root_of[near], 1);
			__builtin_prefetch(&root_of[a->dom.idom[near]]);
		}
		root_of[node] = hg_node_is_root(a, node) ? node : root_of[a->dom.idom[node]];
	}
	*ret = root_of;
	return NULL;
}
