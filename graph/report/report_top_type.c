#include <stdlib.h>
#include <string.h>

#include "graph/report/report_tables.h"
#include "graph/report/report_top.h"
#include "graph/retained.h"

static const struct hg_column columns[] = {
	{.name = "type", .title = "TYPE", .kind = HG_COLUMN_TEXT},
	{.name = "count", .title = "COUNT", .kind = HG_COLUMN_COUNT},
	{.name = "shallow", .title = "SHALLOW", .kind = HG_COLUMN_BYTES},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES, .exact_column = 4},
	{.name = "exact", .title = "EXACT", .kind = HG_COLUMN_BOOL},
};

enum { COLUMN_TYPE, COLUMN_COUNT, COLUMN_SHALLOW, COLUMN_RETAINED, COLUMN_EXACT };

struct hg_error *hg_node_sizes(const struct hg_analysis *a, uint64_t **ret)
{
	uint64_t *sizes = calloc(a->graph.nodes, sizeof(*sizes));
	if (!sizes)
		return &hg_enomem;
	for (size_t i = 0; i < a->blocks.extents.count; i++) {
		const struct hg_extent *extent = &a->blocks.extents.data[i];
		uint32_t node = a->graph.first_block + extent->first;
		for (uint32_t slot = hg_blocks_next_slot(&a->blocks, extent, 0);
		     slot < extent->slots;
		     slot = hg_blocks_next_slot(&a->blocks, extent, slot + 1), node++)
			sizes[node] = hg_blocks_slot_size(&a->blocks, extent, slot);
	}
	*ret = sizes;
	return NULL;
}

struct hg_error *hg_exact_retained(const struct hg_analysis *a, const uint32_t *class_of,
				   uint32_t class, const uint64_t *sizes, uint64_t *ret)
{
	hg_autofree uint8_t *in_set = calloc(a->graph.nodes, 1);
	if (!in_set)
		return &hg_enomem;
	for (uint32_t node = 0; node < a->graph.nodes; node++)
		in_set[node] = class_of[node] == class && hg_node_is_live(a, node);
	uint64_t nodes;
	return hg_retained_of_set(&a->graph, &a->dom, in_set, sizes, ret, &nodes);
}

static struct hg_error *add_rows(const struct hg_analysis *a, const struct hg_classes *classes,
				 const struct hg_filter *filter, struct hg_rows *rows)
{
	hg_autofree uint64_t *retained = calloc(classes->count, sizeof(*retained));
	if (!retained)
		return &hg_enomem;
	struct hg_error *err = hg_retained_by_class(&a->dom, a->graph.nodes, classes->of,
						    classes->count, a->retained, retained);
	for (uint32_t i = 1; !err && i < classes->count; i++) {
		const struct hg_class *class = &classes->list[i];
		const char *name = hg_class_name(classes, i);
		if (!class->count || !hg_filter_matches(filter, name))
			continue;
		struct hg_cell *cells = hg_rows_add(rows);
		if (!cells)
			return &hg_enomem;
		cells[COLUMN_TYPE].text = name;
		cells[COLUMN_COUNT].number = class->count;
		cells[COLUMN_SHALLOW].number = class->shallow;
		cells[COLUMN_RETAINED].number = retained[i];
		// One object's subtree is exact, and so is a type that refers to nothing.
		cells[COLUMN_EXACT].number = class->count == 1 || !class->has_edges;
	}
	return err;
}

static struct hg_error *make_exact(const struct hg_analysis *a, const struct hg_classes *classes,
				   struct hg_rows *rows)
{
	hg_autofree uint64_t *sizes = NULL;
	struct hg_error *err = hg_node_sizes(a, &sizes);
	for (uint32_t i = 0; !err && i < hg_rows_count(rows); i++) {
		struct hg_cell *cells = hg_rows_at(rows, i);
		if (cells[COLUMN_EXACT].number)
			continue;
		const uint32_t class = hg_strtab_find(&classes->names, cells[COLUMN_TYPE].text);
		err = hg_exact_retained(a, classes->of, class, sizes,
					&cells[COLUMN_RETAINED].number);
		cells[COLUMN_EXACT].number = 1;
	}
	return err;
}

static struct hg_error *finish(const struct hg_analysis *a, const struct hg_classes *classes,
			       const struct hg_report_args *args, struct hg_rows *rows,
			       struct hg_table *like, struct hg_report *report)
{
	unsigned column;
	struct hg_error *err = hg_rows_column(rows, args->sort, &column);
	if (err)
		return err;
	hg_rows_sort(rows, column);
	like->rows_left_out = hg_rows_cut(rows, args->limit);
	if (args->exact) {
		err = make_exact(a, classes, rows);
		if (err)
			return err;
		hg_rows_sort(rows, column);
	}
	for (uint32_t i = 0; i < hg_rows_count(rows); i++) {
		struct hg_cell *cells = hg_rows_at(rows, i);
		cells[COLUMN_TYPE].text = hg_report_words(report, cells[COLUMN_TYPE].text);
	}
	return hg_report_table(report, like, rows);
}

struct hg_error *hg_table_types(const struct hg_analysis *a, const struct hg_classes *classes,
				const struct hg_report_args *args, const char *name,
				const char *title, struct hg_report *report)
{
	struct hg_filter filter;
	struct hg_rows rows = HG_ROWS(columns);
	struct hg_table like = {.name = name, .title = title};
	struct hg_error *err = hg_filter_init(&filter, args->filter);
	if (!err)
		err = add_rows(a, classes, &filter, &rows);
	if (!err)
		err = finish(a, classes, args, &rows, &like, report);
	hg_filter_deinit(&filter);
	hg_rows_deinit(&rows);
	return err;
}

static struct hg_error *make_top(struct hg_analysis *a, const struct hg_report_args *args,
				 struct hg_report *report)
{
	struct hg_classes classes;
	struct hg_error *err = hg_classes_init(a, &classes);
	if (!err)
		err = hg_table_types(a, &classes, args, "rows", NULL, report);
	hg_classes_deinit(&classes);
	return err;
}

const struct hg_top_ops hg_top_types = {
	.by = "type",
	.columns = columns,
	.column_count = ARRAY_SIZE(columns),
	.make = make_top,
};
