#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "dwarf/program.h"
#include "graph/report/report_tables.h"
#include "graph/report/report_top.h"

static const struct hg_column columns[] = {
	{.name = "root", .title = "ROOT", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "kind", .title = "KIND", .kind = HG_COLUMN_TEXT},
	{.name = "line", .title = "LINE", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "count", .title = "OBJECTS", .kind = HG_COLUMN_COUNT},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES},
	{.name = "conservative",
	 .title = "CONSERVATIVE",
	 .kind = HG_COLUMN_BYTES,
	 .json_only = true},
	{.name = "where", .title = "WHERE", .kind = HG_COLUMN_TEXT, .text_only = true},
	{.name = "label", .title = "ROOT", .kind = HG_COLUMN_TEXT, .text_only = true},
};

enum {
	COLUMN_ROOT,
	COLUMN_KIND,
	COLUMN_LINE,
	COLUMN_COUNT,
	COLUMN_RETAINED,
	COLUMN_CONSERVATIVE,
	COLUMN_WHERE,
	COLUMN_LABEL,
};

struct sum {
	uint64_t blocks, bytes, doubted;
};

struct sums {
	struct sum *roots;  // by root: what hangs on it and on no root in it
	struct sum *groups; // by group of tops that are blocks
	uint32_t *row_of;   // per root: the root in whose row it is
};

// Each variable of a native thread has a row of its own; what several of them reach is left in their frame's or thread's.
// All others are in the row of the root at the top, as a goroutine's.
static void find_rows(const struct hg_analysis *a, uint32_t *row_of)
{
	const struct hg_root *list = a->roots.list.data;
	for (uint32_t i = 1; i < a->graph.first_block; i++) {
		uint32_t top = i;
		while (list[top].parent && list[top].parent < top)
			top = list[top].parent;
		row_of[i] = list[top].kind == HG_ROOT_THREAD ? i : top;
	}
}

static void sum_extent(const struct hg_analysis *a, const struct hg_tops *tops,
		       const uint32_t *root_of, const struct hg_extent *extent, struct sums *s)
{
	uint32_t node = a->graph.first_block + extent->first;
	for (uint32_t slot = hg_blocks_next_slot(&a->blocks, extent, 0); slot < extent->slots;
	     slot = hg_blocks_next_slot(&a->blocks, extent, slot + 1), node++) {
		if (!hg_node_is_live(a, node))
			continue;
		struct sum *sum = root_of[node] ? &s->roots[s->row_of[root_of[node]]]
						: &s->groups[tops->list.data[tops->of[node]].group];
		const uint64_t size = hg_blocks_slot_size(&a->blocks, extent, slot);
		sum->blocks++;
		sum->bytes += size;
		sum->doubted += hg_node_is_doubted(a, node) ? size : 0;
	}
}

static struct hg_error *sum_rows(const struct hg_analysis *a, const struct hg_tops *tops,
				 struct sums *s)
{
	hg_autofree uint32_t *root_of = NULL;
	hg_autofree uint32_t *group_of = calloc(tops->list.count + 1, sizeof(*group_of));
	s->roots = calloc((size_t)a->graph.first_block + 1, sizeof(*s->roots));
	s->groups = calloc(tops->groups.count + 1, sizeof(*s->groups));
	s->row_of = calloc((size_t)a->graph.first_block + 1, sizeof(*s->row_of));
	struct hg_error *err = hg_nearest_roots(a, &root_of);
	if (err)
		return err;
	if (!s->roots || !s->groups || !s->row_of || !group_of)
		return &hg_enomem;
	find_rows(a, s->row_of);
	for (size_t i = 0; i < a->blocks.extents.count; i++)
		sum_extent(a, tops, root_of, &a->blocks.extents.data[i], s);
	return NULL;
}

static void fill_sum(struct hg_cell *cells, const struct sum *sum)
{
	cells[COLUMN_COUNT].number = sum->blocks;
	cells[COLUMN_RETAINED].number = sum->bytes;
	cells[COLUMN_CONSERVATIVE].number = sum->doubted;
}

static struct hg_error *add_root(const struct hg_analysis *a, struct hg_namer *namer, uint32_t root,
				 const struct sum *sum, const struct hg_filter *filter,
				 struct hg_rows *rows, struct hg_report *report)
{
	struct hg_text name = {0};
	struct hg_cell *cells = NULL;
	bool wanted = sum->blocks;
	if (wanted)
		hg_namer_root(namer, root, &name);
	wanted = wanted && hg_filter_matches(filter, hg_text_str(&name));
	if (wanted)
		cells = hg_rows_add(rows);
	if (cells) {
		cells[COLUMN_ROOT].text = hg_report_words(report, hg_text_str(&name));
		cells[COLUMN_KIND].text = hg_root_kind_name(a->roots.list.data[root].kind);
		cells[COLUMN_LINE].number = root; // until the rows to show are chosen
		fill_sum(cells, sum);
	}
	hg_text_deinit(&name);
	return wanted && !cells ? &hg_enomem : NULL;
}

// What several roots reach hangs under no one of them: a row for each set of owners makes the sum complete.
static struct hg_error *add_shared(struct hg_namer *namer, const struct hg_top_group *group,
				   const struct sum *sum, const struct hg_filter *filter,
				   struct hg_rows *rows, struct hg_report *report)
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
		fill_sum(cells, sum);
	}
	hg_text_deinit(&name);
	return wanted && !cells ? &hg_enomem : NULL;
}

// What hangs on words alone that may not be pointers.
static void add_doubted(const struct hg_cell *cells, struct hg_text *label)
{
	const uint64_t doubted = cells[COLUMN_CONSERVATIVE].number;
	if (!doubted)
		return;
	hg_text_add(label, " [");
	if (doubted < cells[COLUMN_RETAINED].number) {
		hg_human_bytes(label, doubted);
		hg_text_add(label, " ");
	}
	hg_text_add(label, "conservative]");
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
	add_doubted(cells, &label);
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
	struct sums sums = {0};
	struct hg_error *err = sum_rows(a, tops, &sums);
	for (uint32_t i = 1; !err && i < a->graph.first_block; i++)
		err = add_root(a, namer, i, &sums.roots[i], filter, rows, report);
	for (size_t i = 0; !err && i < tops->groups.count; i++) {
		const struct hg_top_group *group = &tops->groups.data[i];
		if (!hg_node_is_root(a, tops->list.data[tops->order[group->first]].node))
			err = add_shared(namer, group, &sums.groups[i], filter, rows, report);
	}
	free(sums.roots);
	free(sums.groups);
	free(sums.row_of);
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
