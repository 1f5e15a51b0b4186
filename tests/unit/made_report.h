/**
 * A made-up report with a cell of every kind, shared by the tests of all formats.
 */
#ifndef HG_TESTS_MADE_REPORT_H
#define HG_TESTS_MADE_REPORT_H

#include <stdlib.h>

#include "cli/render/render.h"

static const struct hg_column made_columns[] = {
	{.name = "type", .title = "TYPE", .kind = HG_COLUMN_TEXT},
	{.name = "address", .title = "ADDRESS", .kind = HG_COLUMN_ADDRESS, .json_only = true},
	{.name = "count", .title = "COUNT", .kind = HG_COLUMN_COUNT},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES, .exact_column = 4},
	{.name = "exact", .title = "EXACT", .kind = HG_COLUMN_BOOL},
	{.name = "where", .title = "WHERE", .kind = HG_COLUMN_TEXT, .text_only = true},
};

static struct hg_cell made_cells[] = {
	{.text = "main.User"},
	{.number = 0xc000010000},
	{.number = 12345},
	{.number = 1000ull << 20},
	{.number = 0},
	{.text = "a.go"},
	{.text = "bad\033[31m\xffname"},
	{.absent = true},
	{.number = 1},
	{.number = 512},
	{.number = 1},
	{.text = NULL},
};

static const struct hg_column made_tree_columns[] = {
	{.name = "id", .title = "ID", .kind = HG_COLUMN_ID},
	{.name = "parent", .title = "PARENT", .kind = HG_COLUMN_ID},
	{.name = "bytes", .title = "BYTES", .kind = HG_COLUMN_BYTES},
	{.name = "step", .title = "STEP", .kind = HG_COLUMN_TEXT},
};

static struct hg_cell made_tree_cells[] = {
	{.number = 1}, {.absent = true}, {.number = 10}, {.text = "main.root"},
	{.number = 2}, {.number = 1},	 {.number = 8},	 {.text = ".left"},
	{.number = 3}, {.number = 2},	 {.number = 4},	 {.text = ".left"},
	{.number = 4}, {.number = 1},	 {.number = 2},	 {.text = ".right"},
};

static struct hg_table made_tables[] = {
	{.name = "rows",
	 .columns = made_columns,
	 .column_count = ARRAY_SIZE(made_columns),
	 .cells = made_cells,
	 .row_count = 2,
	 .rows_left_out = 1234},
	{.name = "tree",
	 .title = "the tree",
	 .columns = made_tree_columns,
	 .column_count = ARRAY_SIZE(made_tree_columns),
	 .cells = made_tree_cells,
	 .row_count = 4,
	 .tree = true,
	 .label_column = 3},
};

static const char *made_sentences[] = {"main.cache holds it."};
static const char *made_notes[] = {"a\nnote"};

static const struct hg_report made_report = {
	.name = "top",
	.source = {.kind = "core",
		   .path = "dir\\core \"1\"",
		   .pid = 7,
		   .runtime = "go1.26.8",
		   .build_id = "ab"},
	.totals = {{"live_objects", 12346}, {"live_bytes", 18446744073709551615ull}},
	.total_count = 2,
	.coverage = {{"typed_bytes", 5}},
	.coverage_count = 1,
	.notes = made_notes,
	.note_count = 1,
	.sentences = made_sentences,
	.sentence_count = 1,
	.trust = "all of it",
	.tables = made_tables,
	.table_count = 2,
};

static char *made_render(const struct hg_render_ops *ops, const struct hg_report *report)
{
	char *words = NULL;
	size_t size;
	FILE *out = open_memstream(&words, &size);
	ops->report(report, out);
	fclose(out);
	return words;
}

#endif
