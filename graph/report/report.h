/**
 * Reports: questions about an analysis, answered by typed rows and sentences. Private to graph/report/.
 * To add one: report_X.c with a const struct hg_report_ops, its row in report.c.
 */
#ifndef HG_GRAPH_REPORT_REPORT_H
#define HG_GRAPH_REPORT_REPORT_H

#include <regex.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "graph/analysis.h"

#define HG_REPORT_MAX_TABLES 8

struct hg_report_ops {
	const char *name;
	/** Finds wrong words in the arguments (the filter aside). */
	struct hg_error *(*check)(const struct hg_report_args *args);
	struct hg_error *(*make)(struct hg_analysis *a, const struct hg_report_args *args,
				 struct hg_report *report);
};

extern const struct hg_report_ops hg_report_analyze, hg_report_top, hg_report_why, hg_report_leaks,
	hg_report_tree, hg_report_suspects, hg_report_diff, hg_report_what_if;

/** Copies words into the report; NULL (and the report fails in the end) when memory is exhausted. */
const char *hg_report_words(struct hg_report *report, const char *words);
/** Adds the text as a sentence and empties it. */
void hg_report_sentence(struct hg_report *report, struct hg_text *text);
/** Adds a note, unless it is there already. */
void hg_report_note(struct hg_report *report, const char *words);

/** Rows in the making. A zeroed struct with its columns set is empty. */
struct hg_rows {
	const struct hg_column *columns;
	unsigned column_count;
	HG_VEC(struct hg_cell) cells;
};

#define HG_ROWS(columns_)                                                                          \
	((struct hg_rows){.columns = (columns_), .column_count = ARRAY_SIZE(columns_)})

/** Adds a row of zeroed cells and returns it; NULL when memory is exhausted. Valid until the next one. */
struct hg_cell *hg_rows_add(struct hg_rows *rows);
uint32_t hg_rows_count(const struct hg_rows *rows);
struct hg_cell *hg_rows_at(const struct hg_rows *rows, uint32_t row);
void hg_rows_deinit(struct hg_rows *rows);

/** Finds the column of numbers called `name`, for --sort; "retained" where name is NULL. */
struct hg_error *hg_rows_column(const struct hg_rows *rows, const char *name, unsigned *ret);
/** Sorts by a column, largest first; ties by the other columns from left to right, smallest first. */
void hg_rows_sort(struct hg_rows *rows, unsigned column);
/** Drops the rows behind the first `limit`; returns how many. */
uint64_t hg_rows_cut(struct hg_rows *rows, uint64_t limit);

/** Moves rows into the report as its next table; the fields of `like` that rows do not give are copied. */
struct hg_error *hg_report_table(struct hg_report *report, const struct hg_table *like,
				 struct hg_rows *rows);

/** --filter: a compiled expression, or one that matches all. */
struct hg_filter {
	bool active;
	regex_t regex;
};

/** expression NULL: all match. End it with hg_filter_deinit(), also after an error. */
struct hg_error *hg_filter_init(struct hg_filter *filter, const char *expression);
bool hg_filter_matches(const struct hg_filter *filter, const char *words);
void hg_filter_deinit(struct hg_filter *filter);

#endif
