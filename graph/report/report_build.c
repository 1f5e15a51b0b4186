#include "graph/report/report.h"

#include <stdlib.h>
#include <string.h>

#include "graph/report/report_private.h"

const char *hg_report_words(struct hg_report *report, const char *words)
{
	const char *copy = hg_arena_strndup(&report->priv->arena, words, strlen(words));
	report->priv->failed |= !copy;
	return copy;
}

void hg_report_sentence(struct hg_report *report, struct hg_text *text)
{
	const char **place = hg_vec_push(&report->priv->sentences);
	report->priv->failed |= !place || text->failed;
	if (place)
		*place = hg_report_words(report, hg_text_str(text));
	hg_text_cut(text, 0);
}

void hg_report_note(struct hg_report *report, const char *words)
{
	for (size_t i = 0; i < report->priv->notes.count; i++)
		if (!strcmp(report->priv->notes.data[i], words))
			return;
	const char *copy = hg_report_words(report, words);
	const char **place = copy ? hg_vec_push(&report->priv->notes) : NULL;
	report->priv->failed |= !place;
	if (place)
		*place = copy;
}

struct hg_cell *hg_rows_add(struct hg_rows *rows)
{
	if (!hg_vec_reserve(&rows->cells, rows->column_count))
		return NULL;
	struct hg_cell *cells = &rows->cells.data[rows->cells.count];
	memset(cells, 0, rows->column_count * sizeof(*cells));
	rows->cells.count += rows->column_count;
	return cells;
}

uint32_t hg_rows_count(const struct hg_rows *rows)
{
	return (uint32_t)(rows->cells.count / rows->column_count);
}

struct hg_cell *hg_rows_at(const struct hg_rows *rows, uint32_t row)
{
	return &rows->cells.data[(size_t)row * rows->column_count];
}

void hg_rows_deinit(struct hg_rows *rows)
{
	hg_vec_deinit(&rows->cells);
}

static bool is_sortable(const struct hg_column *column)
{
	return column->kind == HG_COLUMN_BYTES || column->kind == HG_COLUMN_COUNT ||
	       column->kind == HG_COLUMN_PERMILLE;
}

struct hg_error *hg_rows_column(const struct hg_rows *rows, const char *name, unsigned *ret)
{
	const char *wanted = name ? name : "retained";
	struct hg_text choices = {0};
	bool found = false;
	for (unsigned i = 0; i < rows->column_count && !found; i++) {
		if (!is_sortable(&rows->columns[i]))
			continue;
		found = !strcmp(rows->columns[i].name, wanted);
		*ret = i;
		hg_text_printf(&choices, "%s%s", choices.length ? ", " : "", rows->columns[i].name);
	}
	struct hg_error *err = NULL;
	if (!found)
		err = hg_error_create(HG_ERROR_USAGE, "cannot sort by '%s': %s", wanted,
				      hg_text_str(&choices));
	hg_text_deinit(&choices);
	return err;
}

struct sort_key {
	const struct hg_rows *rows;
	unsigned column;
};

static int compare_cells(const struct hg_column *column, const struct hg_cell *a,
			 const struct hg_cell *b)
{
	if (column->kind == HG_COLUMN_TEXT)
		return strcmp(a->text ? a->text : "", b->text ? b->text : "");
	return (a->number > b->number) - (a->number < b->number);
}

static int compare_rows(const void *left, const void *right, void *arg)
{
	const struct sort_key *key = arg;
	const struct hg_cell *a = left, *b = right;
	if (a[key->column].number != b[key->column].number)
		return a[key->column].number < b[key->column].number ? 1 : -1;
	for (unsigned i = 0; i < key->rows->column_count; i++) {
		const int order = compare_cells(&key->rows->columns[i], &a[i], &b[i]);
		if (order)
			return order;
	}
	return 0;
}

void hg_rows_sort(struct hg_rows *rows, unsigned column)
{
	struct sort_key key = {rows, column};
	if (rows->cells.count)
		qsort_r(rows->cells.data, hg_rows_count(rows),
			rows->column_count * sizeof(struct hg_cell), compare_rows, &key);
}

uint64_t hg_rows_cut(struct hg_rows *rows, uint64_t limit)
{
	const uint64_t count = hg_rows_count(rows);
	if (count <= limit)
		return 0;
	rows->cells.count = limit * rows->column_count;
	return count - limit;
}

struct hg_error *hg_report_table(struct hg_report *report, const struct hg_table *like,
				 struct hg_rows *rows)
{
	hg_assert(report->table_count < HG_REPORT_MAX_TABLES);
	struct hg_cell *cells =
		hg_arena_alloc(&report->priv->arena, rows->cells.count * sizeof(*cells) + 1);
	if (!cells)
		return &hg_enomem;
	if (rows->cells.count)
		memcpy(cells, rows->cells.data, rows->cells.count * sizeof(*cells));
	struct hg_table *table = &report->priv->tables[report->table_count++];
	*table = *like;
	table->columns = rows->columns;
	table->column_count = rows->column_count;
	table->cells = cells;
	table->row_count = hg_rows_count(rows);
	hg_rows_deinit(rows);
	return NULL;
}

struct hg_error *hg_filter_init(struct hg_filter *filter, const char *expression)
{
	*filter = (struct hg_filter){0};
	if (!expression)
		return NULL;
	const int problem = regcomp(&filter->regex, expression, REG_EXTENDED | REG_NOSUB);
	if (!problem) {
		filter->active = true;
		return NULL;
	}
	char words[128];
	regerror(problem, &filter->regex, words, sizeof(words));
	return hg_error_create(HG_ERROR_USAGE, "bad filter '%s': %s", expression, words);
}

bool hg_filter_matches(const struct hg_filter *filter, const char *words)
{
	return !filter->active || !regexec(&filter->regex, words ? words : "", 0, NULL, 0);
}

void hg_filter_deinit(struct hg_filter *filter)
{
	if (filter->active)
		regfree(&filter->regex);
	filter->active = false;
}
