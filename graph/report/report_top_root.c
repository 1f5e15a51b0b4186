#include <string.h>

#include "dwarf/program.h"
#include "graph/report/report_tables.h"
#include "graph/report/report_top.h"

static const struct hg_column columns[] = {
	{.name = "root", .title = "ROOT", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "kind", .title = "KIND", .kind = HG_COLUMN_TEXT},
	{.name = "line", .title = "LINE", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "count", .title = "OBJECTS", .kind = HG_COLUMN_COUNT},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES},
	{.name = "where", .title = "WHERE", .kind = HG_COLUMN_TEXT, .text_only = true},
	{.name = "label", .title = "ROOT", .kind = HG_COLUMN_TEXT, .text_only = true},
};

enum {
	COLUMN_ROOT,
	COLUMN_KIND,
	COLUMN_LINE,
	COLUMN_COUNT,
	COLUMN_RETAINED,
	COLUMN_WHERE,
	COLUMN_LABEL,
};

static struct hg_error *add_root(const struct hg_analysis *a, struct hg_namer *namer,
				 const struct hg_top *top, const struct hg_filter *filter,
				 struct hg_rows *rows, struct hg_report *report)
{
	struct hg_text name = {0};
	hg_namer_root(namer, top->node, &name);
	struct hg_cell *cells = NULL;
	const bool wanted = top->blocks && hg_filter_matches(filter, hg_text_str(&name));
	if (wanted)
		cells = hg_rows_add(rows);
	if (cells) {
		cells[COLUMN_ROOT].text = hg_report_words(report, hg_text_str(&name));
		cells[COLUMN_KIND].text = hg_root_kind_name(a->roots.list.data[top->node].kind);
		cells[COLUMN_LINE].number = top->node; // until the rows to show are chosen
		cells[COLUMN_COUNT].number = top->blocks;
		cells[COLUMN_RETAINED].number = a->retained[top->node];
	}
	hg_text_deinit(&name);
	return wanted && !cells ? &hg_enomem : NULL;
}

// What several roots reach hangs under no one of them: a row for each set of owners makes the sum complete.
static struct hg_error *add_shared(struct hg_namer *namer, const struct hg_top_group *group,
				   const struct hg_filter *filter, struct hg_rows *rows,
				   struct hg_report *report)
{
	const struct hg_top *top = &namer->tops->list.data[namer->tops->order[group->first]];
	struct hg_text name = {0};
	hg_text_add(&name, "(shared by ");
	hg_namer_owners(namer, top, &name);
	hg_text_add(&name, ")");
	struct hg_cell *cells = NULL;
	const bool wanted = hg_filter_matches(filter, hg_text_str(&name));
	if (wanted)
		cells = hg_rows_add(rows);
	if (cells) {
		cells[COLUMN_ROOT].text = hg_report_words(report, hg_text_str(&name));
		cells[COLUMN_KIND].text = "shared";
		cells[COLUMN_COUNT].number = group->blocks;
		cells[COLUMN_RETAINED].number = group->retained;
	}
	hg_text_deinit(&name);
	return wanted && !cells ? &hg_enomem : NULL;
}

// Only for the rows that are shown: the first line of a unit reads its line table.
static void fill_rest(struct hg_namer *namer, struct hg_cell *cells, struct hg_report *report)
{
	const uint32_t root = (uint32_t)cells[COLUMN_LINE].number;
	const struct hg_goroutine *g = hg_tops_goroutine(namer->a, namer->tops, root);
	const char *file = NULL;
	uint32_t line = 0;
	struct hg_text label = {0};
	hg_text_add(&label, cells[COLUMN_ROOT].text);
	if (g)
		hg_namer_goroutine(namer, g, false, &label);
	cells[COLUMN_LABEL].text = hg_report_words(report, hg_text_str(&label));
	hg_text_deinit(&label);
	cells[COLUMN_LINE].number = 0;
	if (root && hg_namer_where(namer, root, &file, &line))
		hg_namer_line_cells(report, file, line, &cells[COLUMN_LINE], &cells[COLUMN_WHERE]);
}

static struct hg_error *add_rows(const struct hg_analysis *a, struct hg_namer *namer,
				 const struct hg_filter *filter, struct hg_rows *rows,
				 struct hg_report *report)
{
	const struct hg_tops *tops = namer->tops;
	struct hg_error *err = NULL;
	for (size_t i = 0; !err && i < tops->list.count; i++)
		if (hg_node_is_root(a, tops->list.data[i].node))
			err = add_root(a, namer, &tops->list.data[i], filter, rows, report);
	for (size_t i = 0; !err && i < tops->groups.count; i++) {
		const struct hg_top_group *group = &tops->groups.data[i];
		if (!hg_node_is_root(a, tops->list.data[tops->order[group->first]].node))
			err = add_shared(namer, group, filter, rows, report);
	}
	return err;
}

struct hg_error *hg_table_roots(const struct hg_analysis *a, struct hg_namer *namer,
				const struct hg_report_args *args, const char *name,
				const char *title, struct hg_report *report)
{
	struct hg_filter filter;
	struct hg_rows rows = HG_ROWS(columns);
	struct hg_table like = {.name = name, .title = title, .label_column = COLUMN_LABEL};
	unsigned column = 0;
	struct hg_error *err = hg_filter_init(&filter, args->filter);
	if (!err)
		err = hg_rows_column(&rows, args->sort, &column);
	if (!err)
		err = add_rows(a, namer, &filter, &rows, report);
	if (!err) {
		hg_rows_sort(&rows, column);
		like.rows_left_out = hg_rows_cut(&rows, args->limit);
		for (uint32_t i = 0; i < hg_rows_count(&rows); i++)
			fill_rest(namer, hg_rows_at(&rows, i), report);
		err = hg_report_table(report, &like, &rows);
	}
	hg_filter_deinit(&filter);
	hg_rows_deinit(&rows);
	return err;
}

static struct hg_error *make_top(struct hg_analysis *a, const struct hg_report_args *args,
				 struct hg_report *report)
{
	struct hg_tops tops;
	struct hg_error *err = hg_tops_init(a, &tops);
	struct hg_namer namer = {.a = a, .tops = &tops};
	if (!err)
		err = hg_table_roots(a, &namer, args, "rows", NULL, report);
	hg_namer_deinit(&namer);
	hg_tops_deinit(&tops);
	return err;
}

const struct hg_top_ops hg_top_roots = {
	.by = "root",
	.columns = columns,
	.column_count = ARRAY_SIZE(columns),
	.make = make_top,
};
