#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "dwarf/program.h"
#include "graph/lang/lang.h"
#include "graph/report/report_private.h"
#include "graph/report/report_why.h"

#define MAX_ROWS 300 // when -n does not say
#define MIN_SHARE 5  // thousandths of all that a step must hold to be shown when -n does not say

static const struct hg_column columns[] = {
	{.name = "id", .title = "ID", .kind = HG_COLUMN_ID},
	{.name = "parent", .title = "PARENT", .kind = HG_COLUMN_ID},
	{.name = "label", .title = "LABEL", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "via", .title = "VIA", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "type", .title = "TYPE", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "count", .title = "COUNT", .kind = HG_COLUMN_COUNT},
	{.name = "shallow", .title = "SHALLOW", .kind = HG_COLUMN_BYTES},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES},
	{.name = "self", .title = "SELF", .kind = HG_COLUMN_BYTES, .json_only = true},
	{.name = "objects", .title = "OBJECTS", .kind = HG_COLUMN_COUNT, .json_only = true},
	{.name = "recursive", .title = "RECURSIVE", .kind = HG_COLUMN_BOOL},
	{.name = "path", .title = "PATH", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "line", .title = "LINE", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "kind", .title = "KIND", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "step", .title = "STEP", .kind = HG_COLUMN_TEXT, .text_only = true},
	{.name = "length", .title = "LENGTH", .kind = HG_COLUMN_COUNT, .json_only = true},
	{.name = "capacity", .title = "CAPACITY", .kind = HG_COLUMN_COUNT, .json_only = true},
	{.name = "element", .title = "ELEMENT", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "owners", .title = "OWNERS", .kind = HG_COLUMN_COUNT, .json_only = true},
};

enum {
	COLUMN_ID,
	COLUMN_PARENT,
	COLUMN_LABEL,
	COLUMN_VIA,
	COLUMN_TYPE,
	COLUMN_COUNT,
	COLUMN_SHALLOW,
	COLUMN_RETAINED,
	COLUMN_SELF,
	COLUMN_OBJECTS,
	COLUMN_RECURSIVE,
	COLUMN_PATH,
	COLUMN_LINE,
	COLUMN_KIND,
	COLUMN_STEP,
	COLUMN_LENGTH,
	COLUMN_CAPACITY,
	COLUMN_ELEMENT,
	COLUMN_OWNERS,
};

struct show {
	struct hg_why *why;
	struct hg_rows rows;
	unsigned sort;	    /* column */
	uint32_t *child_at; /* per step: where its children begin in child */
	uint32_t *child;    /* sorted */
	uint8_t *wanted;    /* per step: --filter lets it through */
	uint64_t smallest;  /* steps that retain less are not shown by themselves */
	uint64_t most_rows;
	struct hg_filter filter;
};

static const struct hg_trie_step *get_step(const struct show *s, uint32_t step)
{
	return &s->why->trie.steps.data[step];
}

static uint64_t sort_value(const struct show *s, uint32_t step)
{
	const struct hg_trie_step *t = get_step(s, step);
	switch (s->sort) {
	case COLUMN_COUNT:
		return t->count;
	case COLUMN_SHALLOW:
		return t->shallow;
	case COLUMN_SELF:
		return t->self;
	case COLUMN_OBJECTS:
		return t->objects;
	default:
		return t->retained;
	}
}

static int compare_steps(const void *left, const void *right, void *arg)
{
	const struct show *s = arg;
	const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	const uint64_t value_a = sort_value(s, a), value_b = sort_value(s, b);
	if (value_a != value_b)
		return value_a < value_b ? 1 : -1;
	return (a > b) - (a < b);
}

static struct hg_error *sort_children(struct show *s)
{
	const uint32_t count = (uint32_t)s->why->trie.steps.count;
	s->child_at = calloc((size_t)count + 1, sizeof(*s->child_at));
	s->child = calloc(count, sizeof(*s->child));
	hg_autofree uint32_t *next = calloc((size_t)count + 1, sizeof(*next));
	if (!s->child_at || !s->child || !next)
		return &hg_enomem;
	for (uint32_t i = 1; i < count; i++)
		s->child_at[get_step(s, i)->parent + 1]++;
	for (uint32_t i = 0; i < count; i++)
		s->child_at[i + 1] += s->child_at[i];
	memcpy(next, s->child_at, count * sizeof(*next));
	for (uint32_t i = 1; i < count; i++)
		s->child[next[get_step(s, i)->parent]++] = i;
	for (uint32_t i = 0; i < count; i++)
		if (s->child_at[i + 1] - s->child_at[i] > 1)
			qsort_r(s->child + s->child_at[i], s->child_at[i + 1] - s->child_at[i],
				sizeof(*s->child), compare_steps, s);
	return NULL;
}

static void add_amount(const struct hg_container *c, struct hg_text *out)
{
	const size_t length = out->length;
	hg_text_add(out, ", ");
	const size_t start = out->length;
	hg_namer_amount(c, out);
	if (out->length == start)
		hg_text_cut(out, length);
}

static void add_size(const struct hg_trie_step *t, const struct hg_container *c,
		     struct hg_text *out)
{
	if (t->objects > 1 && t->kind == HG_TRIE_BLOCK) {
		hg_text_add(out, " x");
		hg_human_count(out, t->objects);
		hg_text_add(out, t->recursive ? ", linked" : "");
		return;
	}
	add_amount(c, out);
}

// The line for people: ".Cache  map[string]*main.UserData, 1,000 entries"
static void add_step_words(const struct show *s, uint32_t step, const struct hg_container *c,
			   const char *line, struct hg_text *out)
{
	const struct hg_trie_step *t = get_step(s, step);
	if (t->kind == HG_TRIE_BLOCK) {
		const char *via = hg_why_via(s->why, t);
		hg_text_printf(out, "%s%s", via, *via ? "  " : "");
	}
	hg_why_label(s->why, step, out);
	if (line)
		hg_text_printf(out, " (%s)", line);
	add_size(t, c, out);
}

static void fill_where(const struct show *s, const struct hg_trie_step *t, struct hg_cell *full,
		       struct hg_cell *brief)
{
	const char *file = NULL;
	uint32_t line = 0;
	if (t->kind == HG_TRIE_ROOT && hg_namer_where(&s->why->namer, t->node, &file, &line))
		hg_namer_line_cells(s->why->report, file, line, full, brief);
}

static const char *take_words(const struct show *s, struct hg_text *text)
{
	const char *words = hg_report_words(s->why->report, hg_text_str(text));
	hg_text_cut(text, 0);
	return words;
}

static struct hg_cell *add_row(struct show *s, uint32_t parent_row)
{
	const uint32_t id = hg_rows_count(&s->rows) + 1;
	struct hg_cell *cells = hg_rows_add(&s->rows);
	if (!cells)
		return NULL;
	cells[COLUMN_ID].number = id;
	cells[COLUMN_PARENT] = (struct hg_cell){.number = parent_row, .absent = !parent_row};
	cells[COLUMN_LENGTH].absent = cells[COLUMN_CAPACITY].absent = true;
	cells[COLUMN_OWNERS].absent = true;
	return cells;
}

// Of a root the type of its value; nothing for goroutines, frames and headings.
static void add_type(const struct show *s, const struct hg_trie_step *t, struct hg_text *out)
{
	if (t->kind == HG_TRIE_BLOCK &&
	    !(t->container && hg_name_of_type(s->why->a, t->container, out)))
		hg_text_add(out, hg_class_name(&s->why->classes, t->class));
	else if (t->kind == HG_TRIE_ROOT && t->objects == 1)
		hg_name_type(s->why->a, t->node, out);
}

// Of a step that is one object or variable.
static struct hg_container container_of(const struct show *s, const struct hg_trie_step *t)
{
	uint32_t type;
	if (t->objects > 1 || t->kind == HG_TRIE_SHARED)
		return (struct hg_container){0};
	struct hg_container c = hg_namer_container_of(&s->why->namer, t->node, &type);
	return c.broken ? (struct hg_container){0} : c;
}

static void fill_container(struct hg_report *report, const struct hg_analysis *a,
			   const struct hg_container *c, struct hg_cell *cells)
{
	struct hg_text name = {0};
	cells[COLUMN_LENGTH] =
		(struct hg_cell){.number = c->length, .absent = !(c->has & HG_HAS_LENGTH)};
	cells[COLUMN_CAPACITY] =
		(struct hg_cell){.number = c->capacity, .absent = !(c->has & HG_HAS_CAPACITY)};
	cells[COLUMN_OWNERS] =
		(struct hg_cell){.number = c->owners, .absent = !(c->has & HG_HAS_OWNERS)};
	if (c->element && hg_name_of_type(a, c->element, &name))
		cells[COLUMN_ELEMENT].text = hg_report_words(report, hg_text_str(&name));
	hg_text_deinit(&name);
}

static const char *root_kind(const struct show *s, const struct hg_trie_step *t)
{
	return hg_root_kind_name(s->why->a->roots.list.data[t->node].kind);
}

static struct hg_error *add_step(struct show *s, uint32_t step, uint32_t parent_row)
{
	const struct hg_trie_step *t = get_step(s, step);
	struct hg_cell *cells = add_row(s, parent_row);
	if (!cells)
		return &hg_enomem;
	struct hg_text text = {0};
	struct hg_cell line = {0};
	fill_where(s, t, &cells[COLUMN_LINE], &line);
	hg_why_label(s->why, step, &text);
	cells[COLUMN_LABEL].text = take_words(s, &text);
	hg_text_add(&text, t->kind == HG_TRIE_BLOCK ? hg_why_via(s->why, t) : "");
	cells[COLUMN_VIA].text = take_words(s, &text);
	add_type(s, t, &text);
	cells[COLUMN_TYPE].text = take_words(s, &text);
	if (t->kind != HG_TRIE_BLOCK)
		cells[COLUMN_KIND].text = t->kind == HG_TRIE_SHARED ? "shared" : root_kind(s, t);
	cells[COLUMN_COUNT].number = t->count;
	cells[COLUMN_SHALLOW].number = t->shallow;
	cells[COLUMN_RETAINED].number = t->retained;
	cells[COLUMN_SELF].number = t->self;
	cells[COLUMN_OBJECTS].number = t->objects;
	cells[COLUMN_RECURSIVE].number = t->recursive;
	hg_why_path(s->why, step, &text);
	cells[COLUMN_PATH].text = take_words(s, &text);
	const struct hg_container c = container_of(s, t);
	fill_container(s->why->report, s->why->a, &c, cells);
	add_step_words(s, step, &c, line.text, &text);
	cells[COLUMN_STEP].text = take_words(s, &text);
	hg_text_deinit(&text);
	return NULL;
}

static struct hg_error *add_rest(struct show *s, const struct hg_trie_step *sum, uint64_t steps,
				 uint32_t parent_row)
{
	struct hg_cell *cells = add_row(s, parent_row);
	if (!cells)
		return &hg_enomem;
	struct hg_text text = {0};
	hg_text_add(&text, "... and ");
	hg_human_count(&text, steps);
	hg_text_add(&text, " more");
	cells[COLUMN_LABEL].text = take_words(s, &text);
	cells[COLUMN_STEP].text = cells[COLUMN_LABEL].text;
	cells[COLUMN_COUNT].number = sum->count;
	cells[COLUMN_SHALLOW].number = sum->shallow;
	cells[COLUMN_RETAINED].number = sum->retained;
	cells[COLUMN_SELF].absent = cells[COLUMN_OBJECTS].absent = true;
	cells[COLUMN_VIA].text = cells[COLUMN_TYPE].text = "";
	cells[COLUMN_RECURSIVE].absent = true;
	hg_text_deinit(&text);
	return NULL;
}

// Recursion is as deep as the trie, which is bounded (report_trie.c).
static struct hg_error *add_children(struct show *s, uint32_t step, uint32_t parent_row)
{
	struct hg_trie_step rest = {0};
	uint64_t shown = 0, steps = 0;
	if (s->why->depth && get_step(s, step)->depth >= s->why->depth)
		return NULL;
	for (uint32_t c = s->child_at[step]; c < s->child_at[step + 1]; c++) {
		const uint32_t child = s->child[c];
		if (!s->wanted[child])
			continue;
		const struct hg_trie_step *t = get_step(s, child);
		if (shown >= s->why->limit || hg_rows_count(&s->rows) >= s->most_rows ||
		    (shown && t->retained < s->smallest)) {
			steps++;
			rest.count += t->count;
			rest.shallow += t->shallow;
			rest.retained += t->retained;
			continue;
		}
		shown++;
		struct hg_error *err = add_step(s, child, parent_row);
		if (!err)
			err = add_children(s, child, hg_rows_count(&s->rows));
		if (err)
			return err;
	}
	return steps ? add_rest(s, &rest, steps, parent_row) : NULL;
}

// A step that matches brings along the steps above and below it.
static struct hg_error *apply_filter(struct show *s)
{
	const size_t count = s->why->trie.steps.count;
	s->wanted = calloc(count, 1);
	if (!s->wanted)
		return &hg_enomem;
	struct hg_text label = {0};
	for (uint32_t i = 1; i < count; i++) {
		hg_text_cut(&label, 0);
		if (s->filter.active)
			hg_why_label(s->why, i, &label);
		s->wanted[i] = s->wanted[get_step(s, i)->parent] ||
			       hg_filter_matches(&s->filter, hg_text_str(&label));
	}
	for (size_t i = count; i-- > 1;)
		s->wanted[get_step(s, (uint32_t)i)->parent] |= s->wanted[i];
	hg_text_deinit(&label);
	return NULL;
}

static struct hg_error *show(struct show *s)
{
	struct hg_error *err = hg_rows_column(&s->rows, s->why->args->sort, &s->sort);
	if (!err)
		err = apply_filter(s);
	if (!err)
		err = sort_children(s);
	return err ? err : add_children(s, 0, 0);
}

struct hg_error *hg_why_variable(struct hg_why *why, const struct hg_variable *variable,
				 const struct hg_container *c)
{
	hg_cleanup(hg_rows_deinit) struct hg_rows rows = HG_ROWS(columns);
	struct hg_cell *cells = hg_rows_add(&rows);
	if (!cells)
		return &hg_enomem;
	const char *name = hg_program_text(why->a->prog, variable->name);
	struct hg_text text = {0};
	struct hg_cell line = {0};
	cells[COLUMN_ID].number = 1;
	cells[COLUMN_PARENT].absent = true;
	hg_namer_line_cells(why->report, hg_program_text(why->a->prog, variable->file),
			    variable->line, &cells[COLUMN_LINE], &line);
	cells[COLUMN_LABEL].text = cells[COLUMN_PATH].text = hg_report_words(why->report, name);
	cells[COLUMN_VIA].text = "";
	cells[COLUMN_OBJECTS].number = 1;
	hg_name_of_type(why->a, variable->type, &text);
	cells[COLUMN_TYPE].text = hg_report_words(why->report, hg_text_str(&text));
	hg_text_cut(&text, 0);
	fill_container(why->report, why->a, c, cells);
	hg_text_printf(&text, line.text ? "%s (%s)" : "%s", name, line.text);
	add_amount(c, &text);
	cells[COLUMN_STEP].text = hg_report_words(why->report, hg_text_str(&text));
	hg_text_deinit(&text);
	const struct hg_table like = {.name = "rows", .tree = true, .label_column = COLUMN_STEP};
	return hg_report_table(why->report, &like, &rows);
}

struct hg_error *hg_why_check_sort(const char *sort)
{
	const struct hg_rows rows = HG_ROWS(columns);
	unsigned column;
	return hg_rows_column(&rows, sort, &column);
}

/** The same columns; but people see of each step what it is itself, and not what is below it. */
static const struct hg_column *tree_columns(struct hg_report *report)
{
	struct hg_column *ret = hg_arena_alloc(&report->priv->arena, sizeof(columns));
	if (!ret)
		return NULL;
	memcpy(ret, columns, sizeof(columns));
	ret[COLUMN_COUNT].json_only = ret[COLUMN_SHALLOW].json_only = true;
	ret[COLUMN_SELF].json_only = ret[COLUMN_OBJECTS].json_only = false;
	return ret;
}

struct hg_error *hg_why_rows(struct hg_why *why, const char *title)
{
	struct show s = {.why = why, .rows = HG_ROWS(columns), .most_rows = MAX_ROWS};
	if (why->of_tree)
		s.rows.columns = tree_columns(why->report);
	if (!s.rows.columns)
		return &hg_enomem;
	uint64_t all = 0;
	for (uint32_t i = 1; i < why->trie.steps.count; i++)
		if (!why->trie.steps.data[i].parent)
			all += why->trie.steps.data[i].retained;
	s.smallest = all / 1000 * MIN_SHARE;
	if (why->smallest)
		s.smallest = why->smallest;
	if (why->args->limit) {
		s.smallest = why->smallest;
		s.most_rows = UINT32_MAX;
	}
	struct hg_error *err = hg_filter_init(&s.filter, why->args->filter);
	if (!err)
		err = show(&s);
	const struct hg_table like = {.name = "rows",
				      .title = title,
				      .rows_left_out = 0,
				      .tree = true,
				      .label_column = COLUMN_STEP};
	if (!err)
		err = hg_report_table(why->report, &like, &s.rows);
	hg_filter_deinit(&s.filter);
	hg_rows_deinit(&s.rows);
	free(s.child_at);
	free(s.child);
	free(s.wanted);
	return err;
}
