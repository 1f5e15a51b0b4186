// Threads: what their stacks, registers and thread-local variables hold. Those of one name that run the same function and
// wait at the same place are one row.
#include <stdlib.h>
#include <string.h>

#include "dwarf/program.h"
#include "graph/report/report_tables.h"
#include "graph/report/report_top.h"

static const struct hg_column columns[] = {
	{.name = "threads", .title = "THREADS", .kind = HG_COLUMN_COUNT},
	{.name = "tid", .title = "TID", .kind = HG_COLUMN_ID},
	{.name = "number", .title = "TID", .kind = HG_COLUMN_TEXT, .text_only = true},
	{.name = "thread", .title = "NAME", .kind = HG_COLUMN_TEXT},
	{.name = "state", .title = "STATE", .kind = HG_COLUMN_TEXT},
	{.name = "stack_bytes", .title = "STACKS", .kind = HG_COLUMN_BYTES},
	{.name = "tls_bytes", .title = "TLS", .kind = HG_COLUMN_BYTES},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES, .exact_column = 8},
	{.name = "exact", .title = "EXACT", .kind = HG_COLUMN_BOOL},
	{.name = "start", .title = "RUNS", .kind = HG_COLUMN_TEXT},
	{.name = "function", .title = "IN", .kind = HG_COLUMN_TEXT},
};

enum {
	COLUMN_THREADS,
	COLUMN_TID,
	COLUMN_NUMBER,
	COLUMN_THREAD,
	COLUMN_STATE,
	COLUMN_STACK_BYTES,
	COLUMN_TLS_BYTES,
	COLUMN_RETAINED,
	COLUMN_EXACT,
	COLUMN_START,
	COLUMN_FUNCTION,
};

struct group {
	const struct hg_thread_info *first;
	uint64_t count, stack_bytes, tls_bytes, retained;
};

struct groups {
	HG_VEC(struct group) list;
	uint32_t *of; /* per node: group of a thread's root + 1 */
};

static uint32_t group_key(struct hg_strtab *keys, const struct hg_thread_info *thread)
{
	struct hg_text key = {0};
	hg_text_printf(&key, "%u %u %u %u", thread->name, thread->state, thread->start,
		       thread->function);
	const uint32_t number = hg_strtab_add(keys, hg_text_str(&key));
	hg_text_deinit(&key);
	return number;
}

static struct hg_error *add_thread(const struct hg_analysis *a, const struct hg_thread_info *thread,
				   uint32_t key, struct groups *groups)
{
	while (groups->list.count < key)
		if (!hg_vec_push(&groups->list))
			return &hg_enomem;
	if (!key)
		return &hg_enomem;
	struct group *group = &groups->list.data[key - 1];
	group->first = group->first ? group->first : thread;
	group->count++;
	group->stack_bytes += thread->stack_bytes;
	group->tls_bytes += thread->tls_bytes;
	if (thread->root && thread->root < a->graph.first_block) {
		groups->of[thread->root] = key;
		if (hg_node_is_live(a, thread->root))
			group->retained += a->retained[thread->root];
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
	for (size_t i = 0; !err && i < a->roots.threads.count; i++) {
		const struct hg_thread_info *thread = &a->roots.threads.data[i];
		err = add_thread(a, thread, group_key(&keys, thread), groups);
	}
	hg_strtab_deinit(&keys);
	return err;
}

// What two threads of a group share is retained by neither, but by the group: only the exact set has it.
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

static const char *words_of(const struct hg_analysis *a, uint32_t string, struct hg_report *report)
{
	return string ? hg_report_words(report, hg_program_text(a->prog, string)) : NULL;
}

static void fill_row(const struct hg_analysis *a, const struct group *group, bool exact,
		     struct hg_cell *cells, struct hg_report *report)
{
	const struct hg_thread_info *thread = group->first;
	char number[16];
	snprintf(number, sizeof(number), "%u", thread->tid);
	cells[COLUMN_THREADS].number = group->count;
	cells[COLUMN_TID].number = thread->tid;
	cells[COLUMN_TID].absent = group->count > 1;
	cells[COLUMN_NUMBER].text = group->count > 1 ? NULL : hg_report_words(report, number);
	cells[COLUMN_THREAD].text = words_of(a, thread->name, report);
	cells[COLUMN_STATE].text = words_of(a, thread->state, report);
	cells[COLUMN_STACK_BYTES].number = group->stack_bytes;
	cells[COLUMN_TLS_BYTES].number = group->tls_bytes;
	cells[COLUMN_RETAINED].number = group->retained;
	cells[COLUMN_EXACT].number = exact || group->count == 1;
	cells[COLUMN_START].text = words_of(a, thread->start, report);
	cells[COLUMN_FUNCTION].text = words_of(a, thread->function, report);
}

static bool is_wanted(const struct hg_analysis *a, const struct hg_thread_info *thread,
		      const struct hg_filter *filter)
{
	return hg_filter_matches(filter, hg_program_text(a->prog, thread->name)) ||
	       hg_filter_matches(filter, hg_program_text(a->prog, thread->start)) ||
	       hg_filter_matches(filter, hg_program_text(a->prog, thread->function));
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
		if (!is_wanted(a, group->first, filter))
			continue;
		struct hg_cell *cells = hg_rows_add(rows);
		if (!cells)
			return &hg_enomem;
		fill_row(a, group, args->exact, cells, report);
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

const struct hg_top_ops hg_top_threads = {
	.by = "thread",
	.columns = columns,
	.column_count = ARRAY_SIZE(columns),
	.make = make_top,
};
