// The answer first: where most of the memory accumulates, in a sentence; then the suspects, the largest types and roots.
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "dwarf/program.h"
#include "graph/lang/lang.h"
#include "graph/report/report.h"
#include "graph/report/report_holding.h"
#include "graph/report/report_name.h"
#include "graph/report/report_suspect.h"
#include "graph/report/report_tables.h"

#define SUSPECTS 5	// shown when -n does not say
#define OTHER_ROWS 10	// of types and roots
#define BATCH 64	// suspects that are found together
#define SPOKEN 3	// suspects that get a sentence
#define SPOKEN_SHARE 50 // thousandths of the live heap that a suspect must hold for one
#define ENOUGH_TENTHS 7 // of what a variable retains, for a container within it to be named

struct analyze {
	struct hg_analysis *a;
	struct hg_report *report;
	struct hg_classes classes;
	struct hg_tops tops;
	struct hg_dominator_tree tree;
	struct hg_namer namer;
};

static const struct hg_column suspect_columns[] = {
	{.name = "label", .title = "SUSPECT", .kind = HG_COLUMN_TEXT},
	{.name = "kind", .title = "KIND", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "type", .title = "TYPE", .kind = HG_COLUMN_TEXT},
	{.name = "line", .title = "LINE", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "where", .title = "WHERE", .kind = HG_COLUMN_TEXT, .text_only = true},
	{.name = "entries", .title = "ENTRIES", .kind = HG_COLUMN_COUNT},
	{.name = "permille", .title = "SHARE", .kind = HG_COLUMN_PERMILLE},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES},
};

enum {
	COLUMN_LABEL,
	COLUMN_KIND,
	COLUMN_TYPE,
	COLUMN_LINE,
	COLUMN_WHERE,
	COLUMN_ENTRIES,
	COLUMN_PERMILLE,
	COLUMN_RETAINED,
};

static const struct hg_top *first_top(const struct analyze *z, const struct hg_suspect *s)
{
	return &z->tops.list.data[z->tops.order[z->tops.groups.data[s->group].first]];
}

static const struct hg_top_group *group_of(const struct analyze *z, const struct hg_suspect *s)
{
	return &z->tops.groups.data[s->group];
}

static const struct hg_suspect_step *point_of(const struct hg_suspect *s)
{
	return s->steps.count ? &s->steps.data[s->point] : NULL;
}

static uint64_t suspect_retained(const struct analyze *z, const struct hg_suspect *s)
{
	const struct hg_suspect_step *point = point_of(s);
	return point ? point->retained : group_of(z, s)->retained;
}

// What the runtime holds for itself stands behind what the program holds when they are close.
static uint64_t rank(const struct analyze *z, uint32_t group)
{
	const struct hg_top_group *g = &z->tops.groups.data[group];
	const uint32_t node = z->tops.list.data[z->tops.order[g->first]].node;
	if (!hg_node_is_root(z->a, node) || node >= z->a->roots.list.count)
		return g->retained;
	const struct hg_root *root = &z->a->roots.list.data[node];
	const char *name = hg_program_text(z->a->prog, root->name);
	const bool internal = root->kind == HG_ROOT_RUNTIME || root->kind == HG_ROOT_DATA ||
			      !strncmp(name, "runtime.", 8) || !strncmp(name, "internal/", 9);
	return internal ? g->retained / 5 * 4 : g->retained;
}

static int compare_groups(const void *left, const void *right, void *arg)
{
	const struct analyze *z = arg;
	const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	const uint64_t rank_a = rank(z, a), rank_b = rank(z, b);
	if (rank_a != rank_b)
		return rank_a < rank_b ? 1 : -1;
	return (a > b) - (a < b);
}

static struct hg_error *rank_groups(struct analyze *z, uint32_t **ret)
{
	const size_t count = z->tops.groups.count;
	uint32_t *order = malloc((count + 1) * sizeof(*order));
	if (!order)
		return &hg_enomem;
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), compare_groups, z);
	*ret = order;
	return NULL;
}

static void add_where(struct analyze *z, uint32_t root, struct hg_text *out)
{
	const char *file = NULL;
	uint32_t line = 0;
	if (!hg_namer_where(&z->namer, root, &file, &line))
		return;
	hg_text_add(out, " (");
	hg_namer_line(file, line, false, out);
	hg_text_add(out, ")");
}

static void add_root(struct analyze *z, uint32_t root, struct hg_text *out)
{
	hg_namer_root_step(&z->namer, root, out);
	const struct hg_goroutine *g = hg_tops_goroutine(z->a, &z->tops, root);
	if (g)
		hg_namer_goroutine(&z->namer, g, true, out);
	else
		add_where(z, root, out);
}

// What stands behind the top's own name in the chain to a node: ".Cache", " main.handle.buf".
static void add_rest_of_chain(struct analyze *z, uint32_t top, uint32_t node, struct hg_text *out)
{
	struct hg_text chain = {0}, name = {0};
	hg_error_destroy(hg_namer_chain(&z->namer, node, &chain));
	hg_namer_root(&z->namer, top, &name);
	const char *rest = hg_text_str(&chain);
	if (!strncmp(rest, hg_text_str(&name), name.length))
		rest += name.length;
	if (*rest)
		hg_text_printf(out, "%s%s", *rest == ' ' ? "" : " ", rest);
	hg_text_deinit(&chain);
	hg_text_deinit(&name);
}

static void add_retains(struct analyze *z, uint64_t retained, bool plural, struct hg_text *out)
{
	hg_text_add(out, plural ? " retain " : " retains ");
	hg_human_bytes(out, retained);
	hg_text_add(out, ": ");
	hg_human_permille(out, hg_human_share(retained, z->a->totals.live_bytes));
	hg_text_add(out, " of the live heap");
}

// "1,000 linked main.Node", "16 map[string]*main.S"
static void add_things(struct analyze *z, const struct hg_suspect_step *step, struct hg_text *out)
{
	if (hg_node_is_root(z->a, step->node)) {
		hg_human_count(out, step->objects);
		hg_text_add(out, " times ");
		hg_namer_root_step(&z->namer, step->node, out);
		return;
	}
	if (step->objects == 1) {
		hg_namer_thing(&z->namer, step->node, out);
		return;
	}
	hg_human_count(out, step->objects);
	hg_text_printf(out, "%s %s", step->recursive ? " linked" : "",
		       hg_class_name(&z->classes, z->classes.of[step->node]));
}

// The container that a step is, is the storage of, or holds most of its memory in; kind NONE where there is none. Of the last
// kind *path gets what leads to it (NULL: nobody asks).
static struct hg_container container_of(struct analyze *z, const struct hg_suspect_step *step,
					uint32_t *type, struct hg_text *path)
{
	const struct hg_analysis *a = z->a;
	const struct hg_container none = {0};
	if (step->objects != 1)
		return none;
	struct hg_container c = hg_namer_container_of(&z->namer, step->node, type);
	const bool apart = hg_node_is_root(a, step->node) || *type != hg_node_type(a, step->node);
	if (apart && !c.broken && c.has & HG_HAS_LENGTH)
		return c;
	const struct hg_holding holding = hg_holding_of(a, step->node, ENOUGH_TENTHS);
	if (c.kind != HG_CONTAINER_NONE || !holding.type)
		return none;
	*type = holding.type;
	c = hg_value_container(a, holding.type, hg_node_addr(a, step->node) + holding.offset);
	if (c.broken || !(c.has & HG_HAS_LENGTH))
		return none;
	if (path)
		hg_name_field(a, step->node, holding.offset, path);
	return c;
}

// One root with all that it holds.
static void say_root(struct analyze *z, const struct hg_suspect *s, struct hg_text *out)
{
	const struct hg_top *top = first_top(z, s);
	const struct hg_suspect_step *point = point_of(s);
	add_root(z, top->node, out);
	add_rest_of_chain(z, top->node, point->node, out);
	uint32_t type = 0;
	struct hg_text path = {0};
	const struct hg_container c = container_of(z, point, &type, &path);
	if (path.length)
		hg_text_printf(out, " %s", hg_text_str(&path));
	hg_text_deinit(&path);
	if (c.kind != HG_CONTAINER_NONE) {
		hg_text_add(out, ", ");
		hg_namer_container(&z->namer, &c, type, out);
		hg_text_add(out, ",");
	} else if (!hg_node_is_root(z->a, point->node)) {
		hg_text_add(out, ", ");
		add_things(z, point, out);
		hg_text_add(out, ",");
	}
	add_retains(z, point->retained, point->objects > 1, out);
}

// Many roots of one kind, which only goroutines can be.
static void say_roots(struct analyze *z, const struct hg_suspect *s, struct hg_text *out)
{
	const struct hg_top_group *group = group_of(z, s);
	const struct hg_goroutine *g = hg_tops_goroutine(z->a, &z->tops, first_top(z, s)->node);
	hg_human_things(out, group->count, g ? "goroutine" : "root");
	if (g)
		hg_namer_goroutine(&z->namer, g, true, out);
	add_retains(z, group->retained, true, out);
}

// Where the point is: below the nearest root if one is, else below the shared object, unless it is that itself.
static void add_shared_chain(struct analyze *z, const struct hg_suspect *s, struct hg_text *out)
{
	struct hg_text chain = {0};
	hg_error_destroy(hg_namer_chain(&z->namer, point_of(s)->node, &chain));
	if (s->point || *hg_text_str(&chain) != '(')
		hg_text_printf(out, "%s, ", hg_text_str(&chain));
	hg_text_deinit(&chain);
}

static void say_shared(struct analyze *z, const struct hg_suspect *s, struct hg_text *out)
{
	const struct hg_suspect_step *point = point_of(s);
	const struct hg_top_group *group = group_of(z, s);
	if (point)
		add_shared_chain(z, s, out);
	if (point)
		add_things(z, point, out);
	else
		hg_human_things(out, group->blocks, "object");
	const bool plural = point ? point->objects > 1 : group->blocks > 1;
	const struct hg_top *top = first_top(z, s);
	hg_text_add(out, ", shared by ");
	hg_namer_owners(&z->namer, top, out);
	hg_text_add(out, ",");
	add_retains(z, suspect_retained(z, s), plural, out);
	hg_text_add(out, top->owner_count == 2 && !top->more ? "; neither alone holds it"
							     : "; none alone holds it");
}

// Whether the suspect speaks of a group of roots as a whole.
static bool is_crowd(const struct analyze *z, const struct hg_suspect *s)
{
	return group_of(z, s)->count > 1 && hg_node_is_root(z->a, first_top(z, s)->node);
}

static void say_suspect(struct analyze *z, const struct hg_suspect *s, struct hg_text *out)
{
	if (!hg_node_is_root(z->a, first_top(z, s)->node))
		say_shared(z, s, out);
	else if (is_crowd(z, s))
		say_roots(z, s, out);
	else
		say_root(z, s, out);
	hg_text_add(out, ".");
	hg_report_sentence(z->report, out);
}

// What the memory below the point is, and on which way it hangs.
static void say_details(struct analyze *z, const struct hg_suspect *s, struct hg_text *out)
{
	if (!s->steps.count)
		return;
	const struct hg_suspect_step *last = &s->steps.data[s->steps.count - 1];
	if (last->retained < suspect_retained(z, s) / 2 ||
	    (s->steps.count - 1 == s->point && !is_crowd(z, s)) ||
	    hg_node_is_root(z->a, last->node))
		return;
	hg_text_add(out, "Mostly ");
	add_things(z, last, out);
	hg_text_add(out, " (");
	hg_human_bytes(out, last->retained);
	hg_text_add(out, ") at ");
	struct hg_error *err = hg_namer_chain(&z->namer, last->node, out);
	hg_error_destroy(err); // the sentence ends early
	hg_text_add(out, ".");
	hg_report_sentence(z->report, out);
}

static void fill_label(struct analyze *z, const struct hg_suspect *s, struct hg_cell *cells)
{
	const struct hg_top *top = first_top(z, s);
	const struct hg_suspect_step *point = point_of(s);
	const struct hg_goroutine *g = hg_tops_goroutine(z->a, &z->tops, top->node);
	struct hg_text text = {0};
	if (!hg_node_is_root(z->a, top->node)) {
		hg_text_add(&text, "shared by ");
		hg_namer_owners(&z->namer, top, &text);
		cells[COLUMN_KIND].text = "shared";
	} else if (is_crowd(z, s)) {
		hg_human_things(&text, group_of(z, s)->count, g ? "goroutine" : "root");
		if (g)
			hg_namer_goroutine(&z->namer, g, true, &text);
		cells[COLUMN_KIND].text = "goroutines";
	} else {
		uint32_t type;
		hg_error_destroy(hg_namer_chain(&z->namer, point->node, &text));
		container_of(z, point, &type, &text);
		cells[COLUMN_KIND].text = hg_root_kind_name(z->a->roots.list.data[top->node].kind);
	}
	cells[COLUMN_LABEL].text = hg_report_words(z->report, hg_text_str(&text));
	hg_text_deinit(&text);
}

static void fill_where(struct analyze *z, const struct hg_suspect *s, struct hg_cell *cells)
{
	const struct hg_top *top = first_top(z, s);
	const char *file = NULL;
	uint32_t line = 0;
	if (hg_node_is_root(z->a, top->node) && hg_namer_where(&z->namer, top->node, &file, &line))
		hg_namer_line_cells(z->report, file, line, &cells[COLUMN_LINE],
				    &cells[COLUMN_WHERE]);
}

// What the point is, and how much of it there is.
static void fill_thing(struct analyze *z, const struct hg_suspect_step *point,
		       struct hg_cell *cells)
{
	uint32_t type = 0;
	struct hg_text text = {0};
	struct hg_container c = container_of(z, point, &type, NULL);
	if (c.kind != HG_CONTAINER_NONE)
		hg_name_of_type(z->a, type, &text);
	else if (hg_node_is_root(z->a, point->node))
		return;
	else
		hg_text_add(&text, hg_class_name(&z->classes, z->classes.of[point->node]));
	cells[COLUMN_TYPE].text = hg_report_words(z->report, hg_text_str(&text));
	hg_text_deinit(&text);
	if (c.kind == HG_CONTAINER_NONE)
		c = hg_node_container(z->a, point->node);
	if (point->objects > 1)
		cells[COLUMN_ENTRIES] = (struct hg_cell){.number = point->objects};
	else if (c.kind != HG_CONTAINER_NONE && !c.broken)
		cells[COLUMN_ENTRIES] =
			(struct hg_cell){.number = c.has & HG_HAS_LENGTH ? c.length : c.capacity};
}

static struct hg_error *add_suspect(struct analyze *z, const struct hg_suspect *s,
				    struct hg_rows *rows)
{
	struct hg_cell *cells = hg_rows_add(rows);
	if (!cells)
		return &hg_enomem;
	const struct hg_suspect_step *point = point_of(s);
	fill_label(z, s, cells);
	fill_where(z, s, cells);
	cells[COLUMN_ENTRIES].absent = true;
	if (point && !is_crowd(z, s))
		fill_thing(z, point, cells);
	const uint64_t retained =
		is_crowd(z, s) ? group_of(z, s)->retained : suspect_retained(z, s);
	cells[COLUMN_RETAINED].number = retained;
	cells[COLUMN_PERMILLE].number = hg_human_share(retained, z->a->totals.live_bytes);
	return NULL;
}

static void drop_tree(struct analyze *z)
{
	free(z->tree.child_at);
	free(z->tree.child);
	z->tree.child_at = z->tree.child = NULL;
}

/** Finds the next suspects. The tree is needed for that alone: eight bytes an object, before names and tables need memory of
 * their own. */
static struct hg_error *find_suspects(struct analyze *z, const uint32_t *groups, size_t count,
				      struct hg_suspect *ret)
{
	struct hg_error *err = hg_dominators_children(&z->a->dom, z->a->graph.nodes,
						      &z->tree.child_at, &z->tree.child);
	for (size_t i = 0; !err && i < count; i++)
		err = hg_suspect_init(z->a, &z->classes, &z->tops, &z->tree, groups[i], &ret[i]);
	drop_tree(z);
	return err;
}

static struct hg_error *tell_suspect(struct analyze *z, const struct hg_suspect *s,
				     const struct hg_filter *filter, struct hg_rows *rows)
{
	const uint32_t row = hg_rows_count(rows);
	struct hg_error *err = add_suspect(z, s, rows);
	if (err)
		return err;
	if (!hg_filter_matches(filter, hg_rows_at(rows, row)->text)) {
		hg_rows_cut(rows, row);
	} else if (row < SPOKEN &&
		   (!row || hg_rows_at(rows, row)[COLUMN_PERMILLE].number >= SPOKEN_SHARE)) {
		struct hg_text text = {0};
		say_suspect(z, s, &text);
		say_details(z, s, &text);
		hg_text_deinit(&text);
	}
	return NULL;
}

/** Tells of groups, in their order, until there are enough rows; *done: of how many. */
static struct hg_error *tell_groups(struct analyze *z, const uint32_t *groups, size_t count,
				    const struct hg_filter *filter, uint64_t limit,
				    struct hg_rows *rows, size_t *done)
{
	struct hg_suspect batch[BATCH] = {0};
	struct hg_error *err = NULL;
	for (*done = 0; !err && *done < count && hg_rows_count(rows) < limit;) {
		size_t now = count - *done < BATCH ? count - *done : BATCH;
		if (!filter->active && limit - hg_rows_count(rows) < now)
			now = (size_t)(limit - hg_rows_count(rows));
		err = find_suspects(z, groups + *done, now, batch);
		for (size_t i = 0; i < now; i++) {
			if (!err && hg_rows_count(rows) < limit) {
				err = tell_suspect(z, &batch[i], filter, rows);
				(*done)++;
			}
			hg_suspect_deinit(&batch[i]);
			batch[i] = (struct hg_suspect){0};
		}
	}
	return err;
}

static struct hg_error *add_suspects(struct analyze *z, const struct hg_filter *filter,
				     const char *sort, uint64_t limit)
{
	hg_autofree uint32_t *order = NULL;
	hg_cleanup(hg_rows_deinit) struct hg_rows rows = HG_ROWS(suspect_columns);
	size_t count = 0, done = 0;
	struct hg_error *err = rank_groups(z, &order);
	while (!err && count < z->tops.groups.count && z->tops.groups.data[order[count]].retained)
		count++;
	if (!err)
		err = tell_groups(z, order, count, filter, limit, &rows, &done);
	unsigned column = 0;
	if (!err && sort)
		err = hg_rows_column(&rows, sort, &column);
	if (!err && sort)
		hg_rows_sort(&rows, column);
	const struct hg_table like = {.name = "rows",
				      .title = "suspects",
				      .rows_left_out = filter->active ? 0 : count - done};
	return err ? err : hg_report_table(z->report, &like, &rows);
}

static struct hg_error *fill(struct analyze *z, const struct hg_report_args *args)
{
	struct hg_filter filter;
	struct hg_error *err = hg_filter_init(&filter, args->filter);
	if (!err)
		err = add_suspects(z, &filter, args->sort, args->limit ? args->limit : SUSPECTS);
	hg_filter_deinit(&filter);
	if (err)
		return err;
	if (!z->a->totals.live_bytes) {
		struct hg_text text = {0};
		hg_text_add(&text, "The heap holds nothing that a root reaches.");
		hg_report_sentence(z->report, &text);
		hg_text_deinit(&text);
	}
	const struct hg_report_args rest = {.limit = args->limit ? args->limit : OTHER_ROWS};
	err = hg_table_types(z->a, &z->classes, &rest, "types", "largest types", z->report);
	if (!err)
		err = hg_table_roots(z->a, &z->namer, &rest, "roots", "largest roots", z->report);
	return err;
}

static struct hg_error *check_analyze(const struct hg_report_args *args)
{
	const struct hg_rows rows = HG_ROWS(suspect_columns);
	unsigned column;
	return hg_rows_column(&rows, args->sort, &column);
}

static struct hg_error *make_analyze(struct hg_analysis *a, const struct hg_report_args *args,
				     struct hg_report *report)
{
	struct analyze z = {.a = a, .report = report};
	struct hg_error *err = hg_classes_init(a, &z.classes);
	if (!err)
		err = hg_tops_init(a, &z.tops);
	z.namer = (struct hg_namer){.a = a, .classes = &z.classes, .tops = &z.tops};
	if (!err)
		err = fill(&z, args);
	hg_namer_deinit(&z.namer);
	hg_tops_deinit(&z.tops);
	hg_classes_deinit(&z.classes);
	return err;
}

const struct hg_report_ops hg_report_analyze = {
	.name = "analyze", .check = check_analyze, .make = make_analyze};
