// What would be freed if references went: those of a variable, of a field on the way from one, or to all objects of a type.
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "graph/lang/lang.h"
#include "graph/reach.h"
#include "graph/report/report_why.h"

#define MAX_STEPS (1u << 24) // of the way that are looked at

static const struct hg_column columns[] = {
	{.name = "type", .title = "TYPE", .kind = HG_COLUMN_TEXT},
	{.name = "count", .title = "COUNT", .kind = HG_COLUMN_COUNT},
	{.name = "bytes", .title = "FREED", .kind = HG_COLUMN_BYTES},
};

struct place {
	uint32_t node;
	uint32_t at; // how much of the way has led here
};

struct cut {
	struct hg_why *why;
	struct hg_graph
		graph; // edges that are left; edge_at is the analysis's, cut ones lead to node 0
	HG_VEC(struct place) places;
	struct hg_map seen;
	uint64_t edges; // that are cut
};

static struct hg_error *visit(struct cut *c, uint32_t node, uint32_t at)
{
	uint64_t *seen = hg_map_put(&c->seen, (uint64_t)node << 32 | at);
	if (!seen)
		return &hg_enomem;
	if (*seen || c->places.count >= MAX_STEPS)
		return NULL;
	*seen = 1;
	struct place *place = hg_vec_push(&c->places);
	if (!place)
		return &hg_enomem;
	*place = (struct place){node, at};
	return NULL;
}

/** Does the reference lie in the field: is it that, or a part of it? */
static bool is_in(const char *field, const char *way)
{
	const size_t length = strlen(way);
	return *way && !strncmp(field, way, length) &&
	       (!field[length] || strchr(".[", field[length]));
}

// Follows references on the way, and cuts those in its last field. Two references to one object are one edge: it is cut when
// no other is left.
static struct hg_error *step(struct cut *c, struct place place, const char *way)
{
	const struct hg_analysis *a = c->why->a;
	const char *rest = way + place.at;
	struct hg_text text = {0};
	hg_outs *outs = &c->why->namer.outs;
	struct hg_error *err = hg_namer_outs(&c->why->namer, place.node);
	hg_autofree uint8_t *gone = calloc(outs->count + 1, 1);
	if (!gone)
		return &hg_enomem;
	for (size_t i = 0; !err && i < outs->count; i++) {
		hg_text_cut(&text, 0);
		hg_name_field(a, place.node, outs->data[i].offset, &text);
		const char *field = hg_text_str(&text);
		gone[i] = is_in(field, rest);
		if (!gone[i] && !strncmp(rest, field, text.length))
			err = visit(c, outs->data[i].to, place.at + (uint32_t)text.length);
	}
	hg_text_deinit(&text);
	for (uint32_t e = a->graph.edge_at[place.node];
	     !err && e < a->graph.edge_at[place.node + 1]; e++) {
		bool cut = false, left = false;
		for (size_t i = 0; i < outs->count; i++) {
			cut |= outs->data[i].to == a->graph.edge_to[e] && gone[i];
			left |= outs->data[i].to == a->graph.edge_to[e] && !gone[i];
		}
		if (!cut || left || !c->graph.edge_to[e])
			continue;
		c->graph.edge_to[e] = 0;
		c->edges++;
	}
	return err;
}

// The variable whose name the way begins with; the longest where there are several.
static uint32_t find_root(const struct hg_why *why, const char *way, uint32_t *length)
{
	const struct hg_analysis *a = why->a;
	uint32_t best = 0;
	for (uint32_t i = 1; i < a->roots.list.count; i++) {
		const char *name = hg_program_text(a->prog, a->roots.list.data[i].name);
		const size_t n = strlen(name);
		if (a->roots.list.data[i].parent || !n || strncmp(way, name, n) || n <= *length ||
		    !strchr(".[", way[n]) || !way[n])
			continue;
		best = i;
		*length = (uint32_t)n;
	}
	return best;
}

static struct hg_error *cut_way(struct cut *c, const char *way, struct hg_error *no_name)
{
	uint32_t length = 0;
	const uint32_t root = find_root(c->why, way, &length);
	const size_t edges = c->why->a->graph.edges;
	if (!root)
		return no_name;
	hg_error_destroy(no_name);
	c->graph.edge_to = malloc((edges + 1) * sizeof(*c->graph.edge_to));
	if (!c->graph.edge_to)
		return &hg_enomem;
	memcpy(c->graph.edge_to, c->why->a->graph.edge_to, edges * sizeof(*c->graph.edge_to));
	struct hg_error *err = visit(c, root, length);
	for (size_t i = 0; i < c->places.count && !err; i++)
		err = step(c, c->places.data[i], way);
	if (!err && !c->edges)
		err = hg_error_create(HG_ERROR_NOT_FOUND,
				      "no reference lies in '%s' (see 'heapgraph tree')", way);
	return err;
}

static struct hg_error *mark_targets(struct hg_why *why, const char *word)
{
	uint32_t node;
	struct hg_why_match match;
	if (hg_why_is_address(word)) {
		struct hg_error *err = hg_why_node_at(why, strtoull(word, NULL, 16), &node);
		if (!err)
			why->targets[node] = 1;
		return err;
	}
	struct hg_error *err = hg_why_match(why, word, &match);
	if (err)
		return err;
	if (match.root)
		why->targets[match.root] = 1;
	for (node = why->a->graph.first_block; !match.root && node < why->a->graph.nodes; node++)
		why->targets[node] = why->classes.of[node] == match.class;
	return NULL;
}

static void say(struct cut *c, const char *word, uint64_t objects, uint64_t bytes)
{
	struct hg_text text = {0};
	hg_text_printf(&text, "Without %s ", word);
	hg_human_things(&text, objects, "object");
	hg_text_add(&text, " would be freed: ");
	hg_human_bytes(&text, bytes);
	hg_text_add(&text, ", ");
	hg_human_permille(&text, hg_human_share(bytes, c->why->a->retained[0]));
	hg_text_add(&text, " of all that is live.");
	hg_report_sentence(c->why->report, &text);
	hg_text_deinit(&text);
}

static struct hg_error *show(struct cut *c, const uint8_t *reached, const char *word)
{
	struct hg_why *why = c->why;
	const struct hg_analysis *a = why->a;
	uint64_t objects = 0, bytes = 0;
	hg_cleanup(hg_rows_deinit) struct hg_rows rows = HG_ROWS(columns);
	hg_autofree struct hg_class *sums = calloc(why->classes.count, sizeof(*sums));
	if (!sums)
		return &hg_enomem;
	for (uint32_t node = a->graph.first_block; node < a->graph.nodes; node++) {
		if (!hg_node_is_live(a, node) || reached[node])
			continue;
		sums[why->classes.of[node]].count++;
		sums[why->classes.of[node]].shallow += hg_node_size(a, node);
		objects++;
		bytes += hg_node_size(a, node);
	}
	say(c, word, objects, bytes);
	for (uint32_t i = 1; i < why->classes.count; i++) {
		struct hg_cell *cells = sums[i].count ? hg_rows_add(&rows) : NULL;
		if (sums[i].count && !cells)
			return &hg_enomem;
		if (!cells)
			continue;
		cells[0].text = hg_report_words(why->report, hg_class_name(&why->classes, i));
		cells[1].number = sums[i].count;
		cells[2].number = sums[i].shallow;
	}
	hg_rows_sort(&rows, 2);
	const struct hg_table like = {.name = "rows",
				      .title = "what would be freed",
				      .rows_left_out = hg_rows_cut(&rows, why->limit)};
	return hg_report_table(why->report, &like, &rows);
}

static struct hg_error *run(struct cut *c, const char *word)
{
	const struct hg_analysis *a = c->why->a;
	hg_autofree uint8_t *reached = calloc(a->graph.nodes, 1);
	if (!reached)
		return &hg_enomem;
	c->graph = a->graph;
	c->graph.edge_to = NULL;
	struct hg_error *err = mark_targets(c->why, word);
	if (!err) {
		err = hg_reach_without(&a->graph, c->why->targets, reached);
	} else if (err->code == HG_ERROR_NOT_FOUND && !hg_why_is_address(word)) {
		err = cut_way(c, word, err);
		if (!err)
			err = hg_reach(&c->graph, reached, NULL);
	}
	free(c->graph.edge_to);
	hg_vec_deinit(&c->places);
	hg_map_deinit(&c->seen);
	return err ? err : show(c, reached, word);
}

static struct hg_error *check_what_if(const struct hg_report_args *args)
{
	if (!args->target || !*args->target)
		return hg_error_create(HG_ERROR_USAGE,
				       "--cut says what is to go: a variable, field or type");
	return hg_why_check_address(args->target);
}

static struct hg_error *make_what_if(struct hg_analysis *a, const struct hg_report_args *args,
				     struct hg_report *report)
{
	struct hg_why why;
	struct cut c = {.why = &why};
	struct hg_error *err = hg_why_init(a, args, report, &why);
	if (!err)
		err = run(&c, args->target);
	hg_why_deinit(&why);
	return err;
}

const struct hg_report_ops hg_report_what_if = {
	.name = "what-if", .check = check_what_if, .make = make_what_if};
