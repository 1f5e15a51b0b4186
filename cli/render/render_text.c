// Tables for people: numbers first and right-aligned, the most important (the last column) leftmost, then the words; last
// the label, which may be long. Words of the target are escaped.
#include <inttypes.h>
#include <string.h>

#include "cli/render/render.h"
#include "core/base/human.h"

#define MAX_PAD 60     // wider words push the rest of their row to the right
#define MAX_COLUMNS 32 // that a table shows
#define MAX_INDENT 40  // of a tree, in blanks

struct layout {
	unsigned order[MAX_COLUMNS]; /* of the columns shown */
	size_t width[MAX_COLUMNS];   /* by position in order */
	unsigned count;
};

static bool is_number(const struct hg_column *column)
{
	return column->kind == HG_COLUMN_BYTES || column->kind == HG_COLUMN_COUNT ||
	       column->kind == HG_COLUMN_PERMILLE;
}

static bool is_hidden(const struct hg_column *column)
{
	return column->json_only || column->kind == HG_COLUMN_ID || column->kind == HG_COLUMN_BOOL;
}

static size_t display_width(const char *words)
{
	size_t width = 0;
	for (; *words; words++)
		width += ((unsigned char)*words & 0xc0) != 0x80;
	return width;
}

static void format_number(const struct hg_column *column, uint64_t number, struct hg_text *text)
{
	switch (column->kind) {
	case HG_COLUMN_BYTES:
		hg_human_bytes(text, number);
		return;
	case HG_COLUMN_PERMILLE:
		hg_human_permille(text, number);
		return;
	case HG_COLUMN_ADDRESS:
		hg_text_printf(text, "0x%" PRIx64, number);
		return;
	default:
		hg_human_count(text, number);
	}
}

static void format_cell(const struct hg_table *table, const struct hg_cell *cells, unsigned at,
			size_t indent, struct hg_text *text)
{
	const struct hg_column *column = &table->columns[at];
	hg_text_cut(text, 0);
	if (cells[at].absent)
		return;
	if (column->kind == HG_COLUMN_TEXT) {
		hg_text_printf(text, "%*s", (int)indent, "");
		hg_human_escape(text, cells[at].text ? cells[at].text : "");
		return;
	}
	const struct hg_cell *exact = &cells[column->exact_column];
	if (column->exact_column && !exact->absent && !exact->number)
		hg_text_add(text, ">= ");
	format_number(column, cells[at].number, text);
}

static struct layout choose_columns(const struct hg_table *table)
{
	struct layout layout = {0};
	for (unsigned i = table->column_count; i-- > 0 && layout.count < MAX_COLUMNS;)
		if (!is_hidden(&table->columns[i]) && is_number(&table->columns[i]))
			layout.order[layout.count++] = i;
	const unsigned label = (unsigned)table->label_column;
	for (unsigned i = 0; i < table->column_count && layout.count + 1 < MAX_COLUMNS; i++)
		if (!is_hidden(&table->columns[i]) && !is_number(&table->columns[i]) && i != label)
			layout.order[layout.count++] = i;
	if (!is_hidden(&table->columns[label]) && !is_number(&table->columns[label]))
		layout.order[layout.count++] = label;
	return layout;
}

// The depth of each row of a tree, from its id and parent columns; rows are in preorder, ids count from 1 in that order.
static uint32_t *tree_depths(const struct hg_table *table)
{
	int id = -1, parent = -1;
	for (unsigned i = 0; i < table->column_count; i++) {
		if (table->columns[i].kind != HG_COLUMN_ID)
			continue;
		if (id < 0)
			id = (int)i;
		else
			parent = (int)i;
	}
	if (!table->tree || parent < 0)
		return NULL;
	uint32_t *depths = calloc((size_t)table->row_count + 1, sizeof(*depths));
	for (uint32_t i = 0; depths && i < table->row_count; i++) {
		const struct hg_cell *cells = table->cells + (size_t)i * table->column_count;
		const uint64_t above = cells[parent].absent ? 0 : cells[parent].number;
		if (above && above <= i)
			depths[i] = depths[above - 1] + 1;
	}
	return depths;
}

static size_t row_indent(const struct hg_table *table, const uint32_t *depths, uint32_t row,
			 unsigned column)
{
	if (!depths || (int)column != table->label_column)
		return 0;
	const size_t indent = (size_t)depths[row] * 2;
	return indent < MAX_INDENT ? indent : MAX_INDENT;
}

static void measure(const struct hg_table *table, const uint32_t *depths, struct layout *layout)
{
	struct hg_text text = {0};
	for (unsigned c = 0; c < layout->count; c++) {
		const unsigned at = layout->order[c];
		layout->width[c] = display_width(table->columns[at].title);
		for (uint32_t r = 0; r < table->row_count; r++) {
			format_cell(table, table->cells + (size_t)r * table->column_count, at,
				    row_indent(table, depths, r, at), &text);
			const size_t width = display_width(hg_text_str(&text));
			if (width > layout->width[c] &&
			    (width <= MAX_PAD || is_number(&table->columns[at])))
				layout->width[c] = width;
		}
	}
	hg_text_deinit(&text);
}

static void add_padded(struct hg_text *line, const char *words, size_t width, bool right)
{
	const size_t wide = display_width(words);
	const int pad = wide < width ? (int)(width - wide) : 0;
	hg_text_add(line, line->length ? "  " : "");
	hg_text_printf(line, "%*s%s%*s", right ? pad : 0, "", words, right ? 0 : pad, "");
}

static void put_line(FILE *out, struct hg_text *line)
{
	size_t length = line->length;
	while (length && line->data[length - 1] == ' ')
		length--;
	fwrite(hg_text_str(line), 1, length, out);
	fputc('\n', out);
	hg_text_cut(line, 0);
}

static void put_rows(FILE *out, const struct hg_table *table, const struct layout *layout,
		     const uint32_t *depths)
{
	struct hg_text line = {0}, cell = {0};
	for (unsigned c = 0; c < layout->count; c++) {
		const struct hg_column *column = &table->columns[layout->order[c]];
		add_padded(&line, column->title, layout->width[c], is_number(column));
	}
	put_line(out, &line);
	for (uint32_t r = 0; r < table->row_count; r++) {
		for (unsigned c = 0; c < layout->count; c++) {
			const unsigned at = layout->order[c];
			format_cell(table, table->cells + (size_t)r * table->column_count, at,
				    row_indent(table, depths, r, at), &cell);
			add_padded(&line, hg_text_str(&cell), layout->width[c],
				   is_number(&table->columns[at]));
		}
		put_line(out, &line);
	}
	hg_text_deinit(&line);
	hg_text_deinit(&cell);
}

static void put_left_out(FILE *out, const struct hg_table *table)
{
	if (!table->rows_left_out)
		return;
	struct hg_text words = {0};
	hg_human_count(&words, table->rows_left_out);
	fprintf(out, "... and %s more (-n shows them)\n", hg_text_str(&words));
	hg_text_deinit(&words);
}

static void put_table(FILE *out, const struct hg_table *table, bool first)
{
	if (table->json_only || !table->row_count)
		return;
	if (!first)
		fputc('\n', out);
	if (table->title)
		fprintf(out, "%s\n", table->title);
	struct layout layout = choose_columns(table);
	uint32_t *depths = tree_depths(table);
	measure(table, depths, &layout);
	put_rows(out, table, &layout, depths);
	free(depths);
	put_left_out(out, table);
}

static void put_words(FILE *out, const char *prefix, const char *words)
{
	struct hg_text safe = {0};
	hg_human_escape(&safe, words);
	fprintf(out, "%s%s\n", prefix, hg_text_str(&safe));
	hg_text_deinit(&safe);
}

static struct hg_error *render_text(const struct hg_report *report, FILE *out)
{
	bool empty = true;
	for (uint32_t i = 0; i < report->sentence_count; i++, empty = false)
		put_words(out, "", report->sentences[i]);
	for (uint32_t i = 0; i < report->table_count; i++) {
		put_table(out, &report->tables[i], empty);
		empty = empty && (report->tables[i].json_only || !report->tables[i].row_count);
	}
	if (report->trust && *report->trust) {
		fputs(empty ? "" : "\n", out);
		put_words(out, "trust: ", report->trust);
	}
	for (uint32_t i = 0; i < report->note_count; i++)
		put_words(out, "note: ", report->notes[i]);
	return NULL;
}

const struct hg_render_ops hg_render_text = {.name = "text", .report = render_text};
