// One object per report, integers only, keys in a fixed order: docs/json.md is the contract. A row a line, so that two
// reports can be compared by diff.
#include <inttypes.h>

#include "cli/render/render.h"
#include "core/base/human.h"

void hg_render_json_string(FILE *out, const char *words)
{
	fputc('"', out);
	while (*words) {
		uint32_t c;
		const unsigned length = hg_human_utf8(words, &c);
		if (!length)
			fputs("\\ufffd", out);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (int)c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fwrite(words, 1, length, out);
		words += length ? length : 1;
	}
	fputc('"', out);
}

static void put_key(FILE *out, const char *key)
{
	hg_render_json_string(out, key);
	fputc(':', out);
}

static void put_text(FILE *out, const char *key, const char *words)
{
	put_key(out, key);
	if (words)
		hg_render_json_string(out, words);
	else
		fputs("null", out);
}

static void put_list(FILE *out, const char *key, const char *const *lines, uint32_t count)
{
	put_key(out, key);
	fputc('[', out);
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			fputc(',', out);
		hg_render_json_string(out, lines[i]);
	}
	fputc(']', out);
}

static void put_numbers(FILE *out, const struct hg_number *numbers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (i)
			fputc(',', out);
		put_key(out, numbers[i].name);
		fprintf(out, "%" PRIu64, numbers[i].value);
	}
}

static void put_cell(FILE *out, const struct hg_column *column, const struct hg_cell *cell)
{
	put_key(out, column->name);
	if (column->kind == HG_COLUMN_TEXT)
		hg_render_json_string(out, cell->text);
	else if (column->kind == HG_COLUMN_ADDRESS)
		fprintf(out, "\"0x%" PRIx64 "\"", cell->number);
	else if (column->kind == HG_COLUMN_BOOL)
		fputs(cell->number ? "true" : "false", out);
	else
		fprintf(out, "%" PRIu64, cell->number);
}

static bool is_shown(const struct hg_column *column, const struct hg_cell *cell)
{
	if (column->text_only || cell->absent)
		return false;
	return column->kind != HG_COLUMN_TEXT || cell->text;
}

static void put_row(FILE *out, const struct hg_table *table, const struct hg_cell *cells)
{
	const char *comma = "";
	fputc('{', out);
	for (unsigned i = 0; i < table->column_count; i++) {
		if (!is_shown(&table->columns[i], &cells[i]))
			continue;
		fputs(comma, out);
		put_cell(out, &table->columns[i], &cells[i]);
		comma = ",";
	}
	fputc('}', out);
}

static void put_table(FILE *out, const struct hg_table *table)
{
	put_key(out, table->name);
	fputc('[', out);
	for (uint32_t i = 0; i < table->row_count; i++) {
		fputs(i ? ",\n" : "\n", out);
		put_row(out, table, table->cells + (size_t)i * table->column_count);
	}
	fputs(table->row_count ? "\n]" : "]", out);
}

static void put_source(FILE *out, const struct hg_source *source)
{
	put_key(out, "source");
	fputc('{', out);
	put_text(out, "kind", source->kind);
	fputc(',', out);
	put_text(out, "path", source->path);
	fprintf(out, ",\"pid\":%" PRIu32 ",", source->pid);
	put_text(out, "runtime", source->runtime ? source->runtime : "");
	fputc(',', out);
	put_text(out, "build_id", source->build_id ? source->build_id : "");
	fputc('}', out);
}

static void put_coverage(FILE *out, const struct hg_report *report)
{
	put_key(out, "coverage");
	fputc('{', out);
	put_numbers(out, report->coverage, report->coverage_count);
	if (report->coverage_count)
		fputc(',', out);
	put_list(out, "notes", report->notes, report->note_count);
	fputc('}', out);
}

static struct hg_error *render_json(const struct hg_report *report, FILE *out)
{
	fputc('{', out);
	put_text(out, "report", report->name);
	fputs(",\"version\":1,\n", out);
	put_source(out, &report->source);
	fputs(",\n\"totals\":{", out);
	put_numbers(out, report->totals, report->total_count);
	fputs("},\n", out);
	put_coverage(out, report);
	for (uint32_t i = 0; i < report->table_count; i++) {
		fputs(",\n", out);
		put_table(out, &report->tables[i]);
	}
	if (report->table_count)
		fprintf(out, ",\n\"rows_left_out\":%" PRIu64, report->tables[0].rows_left_out);
	fputs(",\n", out);
	put_list(out, "summary", report->sentences, report->sentence_count);
	fputs(",\n", out);
	put_text(out, "trust", report->trust ? report->trust : "");
	fputs("}\n", out);
	return NULL;
}

const struct hg_render_ops hg_render_json = {.name = "json", .report = render_json};
