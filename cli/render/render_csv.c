// The main table as RFC 4180 has it: a line of names, then a line a row, each ended by CR LF. What is absent is empty.
#include <inttypes.h>
#include <string.h>

#include "cli/render/render.h"

static void put_field(FILE *out, const char *words)
{
	if (!words[strcspn(words, ",\"\r\n")]) {
		fputs(words, out);
		return;
	}
	fputc('"', out);
	for (; *words; words++)
		fprintf(out, *words == '"' ? "\"\"" : "%c", *words);
	fputc('"', out);
}

static void put_cell(FILE *out, const struct hg_column *column, const struct hg_cell *cell)
{
	if (cell->absent)
		return;
	if (column->kind == HG_COLUMN_TEXT)
		put_field(out, cell->text ? cell->text : "");
	else if (column->kind == HG_COLUMN_ADDRESS)
		fprintf(out, "0x%" PRIx64, cell->number);
	else if (column->kind == HG_COLUMN_BOOL)
		fputs(cell->number ? "true" : "false", out);
	else
		fprintf(out, "%" PRIu64, cell->number);
}

static void put_line(FILE *out, const struct hg_table *table, const struct hg_cell *cells)
{
	const char *comma = "";
	for (unsigned i = 0; i < table->column_count; i++) {
		if (table->columns[i].text_only)
			continue;
		fputs(comma, out);
		comma = ",";
		if (cells)
			put_cell(out, &table->columns[i], &cells[i]);
		else
			put_field(out, table->columns[i].name);
	}
	fputs("\r\n", out);
}

static struct hg_error *render_csv(const struct hg_report *report, FILE *out)
{
	if (!report->table_count)
		return NULL;
	const struct hg_table *table = &report->tables[0];
	put_line(out, table, NULL);
	for (uint32_t i = 0; i < table->row_count; i++)
		put_line(out, table, table->cells + (size_t)i * table->column_count);
	return NULL;
}

const struct hg_render_ops hg_render_csv = {.name = "csv", .report = render_csv};
