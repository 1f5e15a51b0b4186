#include <stdlib.h>
#include <string.h>

#include "dwarf/program.h"
#include "graph/report/report_tables.h"
#include "graph/report/report_top.h"

static const struct hg_column columns[] = {
	{.name = "goroutines", .title = "GOROUTINES", .kind = HG_COLUMN_COUNT},
	{.name = "state", .title = "STATE", .kind = HG_COLUMN_TEXT},
	{.name = "created_by", .title = "CREATED BY", .kind = HG_COLUMN_TEXT},
	{.name = "stack_bytes", .title = "STACKS", .kind = HG_COLUMN_BYTES},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES, .exact_column = 5},
	{.name = "exact", .title = "EXACT", .kind = HG_COLUMN_BOOL},
	{.name = "start", .title = "RUNS", .kind = HG_COLUMN_TEXT},
	{.name = "line", .title = "LINE", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "where", .title = "WHERE", .kind = HG_COLUMN_TEXT, .text_only = true},
};

enum {
	COLUMN_GOROUTINES,
	COLUMN_STATE,
	COLUMN_CREATED_BY,
	COLUMN_STACK_BYTES,
	COLUMN_RETAINED,
	COLUMN_EXACT,
	COLUMN_START,
	COLUMN_LINE,
	COLUMN_WHERE,
};

struct group {
	const struct hg_goroutine *g; /* one of them */
	uint64_t count, stack_bytes, retained;
};

struct groups {
	HG_VEC(struct group) list;
	uint32_t *of; /* per node: group of a goroutine's root + 1 */
};

static uint64_t group_key(struct hg_strtab *keys, const struct hg_goroutine *g)
{
	struct hg_text key = {0};
	hg_text_printf(&key, "%u %u %u %u %u %u", g->created_by, g->file, g->line, g->state,
		       g->wait_reason, g->start);
	const uint32_t number = hg_strtab_add(keys, hg_text_str(&key));
	hg_text_deinit(&key);
	return number;
}

static struct hg_error *add_goroutine(const struct hg_analysis *a, const struct hg_goroutine *g,
				      uint64_t key, struct groups *groups)
{
	while (groups->list.count < key)
		if (!hg_vec_push(&groups->list))
			return &hg_enomem;
	if (!key)
		return &hg_enomem;
	struct group *group = &groups->list.data[key - 1];
	group->g = group->g ? group->g : g;
	group->count++;
	group->stack_bytes += g->stack_bytes;
	if (g->root < a->graph.first_block) {
		groups->of[g->root] = (uint32_t)key;
		if (hg_node_is_live(a, g->root))
			group->retained += a->retained[g->root];
	}
	return NULL;
}

static struct hg_error *find_groups(const struct hg_analysis *a, struct groups *groups)
{
	groups->of = calloc(a->graph.nodes, sizeof(*groups->of));
	if (!groups->of)
		return &hg_enomem;
	struct hg_strtab keys = {0};
	struct hg_error *err = NULL;
	for (size_t i = 0; !err && i < a->roots.goroutines.count; i++) {
		const struct hg_goroutine *g = &a->roots.goroutines.data[i];
		err = add_goroutine(a, g, group_key(&keys, g), groups);
	}
	hg_strtab_deinit(&keys);
	return err;
}

static void fill_row(const struct hg_analysis *a, const struct group *group, struct hg_cell *cells,
		     struct hg_report *report)
{
	const struct hg_goroutine *g = group->g;
	const struct hg_namer namer = {.a = a};
	cells[COLUMN_GOROUTINES].number = group->count;
	cells[COLUMN_STATE].text = hg_report_words(report, hg_namer_state(&namer, g));
	cells[COLUMN_CREATED_BY].text =
		hg_report_words(report, hg_program_text(a->prog, g->created_by));
	cells[COLUMN_STACK_BYTES].number = group->stack_bytes;
	cells[COLUMN_RETAINED].number = group->retained;
	cells[COLUMN_EXACT].number = group->count == 1;
	cells[COLUMN_START].text = hg_report_words(report, hg_program_text(a->prog, g->start));
	hg_namer_line_cells(report, hg_program_text(a->prog, g->file), g->line, &cells[COLUMN_LINE],
			    &cells[COLUMN_WHERE]);
}

// What two goroutines of a group share is retained by neither, but by the group: only the exact set has it.
static struct hg_error *make_exact(const struct hg_analysis *a, struct groups *groups)
{
	hg_autofree uint64_t *sizes = NULL;
	struct hg_error *err = hg_node_sizes(a, &sizes);
	for (uint32_t i = 0; !err && i < groups->list.count; i++)
		if (groups->list.data[i].count > 1)
			err = hg_exact_retained(a, groups->of, i + 1, sizes,
						&groups->list.data[i].retained);
	return err;
}

static struct hg_error *add_rows(const struct hg_analysis *a, const struct hg_report_args *args,
				 struct groups *groups, const struct hg_filter *filter,
				 struct hg_rows *rows, struct hg_report *report)
{
	struct hg_error *err = find_groups(a, groups);
	if (!err && args->exact)
		err = make_exact(a, groups);
	for (size_t i = 0; !err && i < groups->list.count; i++) {
		const struct group *group = &groups->list.data[i];
		const char *creator = hg_program_text(a->prog, group->g->created_by);
		const char *start = hg_program_text(a->prog, group->g->start);
		if (!hg_filter_matches(filter, creator) && !hg_filter_matches(filter, start))
			continue;
		struct hg_cell *cells = hg_rows_add(rows);
		if (!cells)
			return &hg_enomem;
		fill_row(a, group, cells, report);
		cells[COLUMN_EXACT].number |= args->exact;
	}
	return err;
}

static struct hg_error *make_top(struct hg_analysis *a, const struct hg_report_args *args,
				 struct hg_report *report)
{
	struct groups groups = {0};
	struct hg_rows rows = HG_ROWS(columns);
	struct hg_table like = {.name = "rows"};
	struct hg_filter filter;
	unsigned column = 0;
	struct hg_error *err = hg_filter_init(&filter, args->filter);
	if (!err)
		err = hg_rows_column(&rows, args->sort, &column);
	if (!err)
		err = add_rows(a, args, &groups, &filter, &rows, report);
	if (!err) {
		hg_rows_sort(&rows, column);
		like.rows_left_out = hg_rows_cut(&rows, args->limit);
		err = hg_report_table(report, &like, &rows);
	}
	hg_rows_deinit(&rows);
	hg_vec_deinit(&groups.list);
	free(groups.of);
	hg_filter_deinit(&filter);
	return err;
}

const struct hg_top_ops hg_top_goroutines = {
	.by = "goroutine",
	.columns = columns,
	.column_count = ARRAY_SIZE(columns),
	.make = make_top,
};
