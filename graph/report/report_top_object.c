#include <stdlib.h>
#include <string.h>

#include "graph/report/report_tables.h"
#include "graph/report/report_top.h"

static const struct hg_column columns[] = {
	{.name = "address", .title = "ADDRESS", .kind = HG_COLUMN_ADDRESS},
	{.name = "type", .title = "TYPE", .kind = HG_COLUMN_TEXT},
	{.name = "shallow", .title = "SHALLOW", .kind = HG_COLUMN_BYTES},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES},
	{.name = "holder", .title = "HELD BY", .kind = HG_COLUMN_TEXT},
};

enum { COLUMN_ADDRESS, COLUMN_TYPE, COLUMN_SHALLOW, COLUMN_RETAINED, COLUMN_HOLDER };

struct pick {
	uint64_t value;
	uint32_t node;
};

// The best so far, as a heap with the worst on top: of 14 million objects only a handful is ever looked at twice.
struct picks {
	HG_VEC(struct pick) heap;
	uint64_t limit;
	uint64_t left_out;
};

static bool is_worse(struct pick a, struct pick b)
{
	return a.value != b.value ? a.value < b.value : a.node > b.node;
}

static void sift_up(struct pick *heap, size_t at)
{
	while (at && is_worse(heap[at], heap[(at - 1) / 2])) {
		const struct pick swap = heap[at];
		heap[at] = heap[(at - 1) / 2];
		heap[(at - 1) / 2] = swap;
		at = (at - 1) / 2;
	}
}

static void sift_down(struct pick *heap, size_t count)
{
	for (size_t at = 0;;) {
		size_t child = 2 * at + 1;
		if (child >= count)
			return;
		if (child + 1 < count && is_worse(heap[child + 1], heap[child]))
			child++;
		if (!is_worse(heap[child], heap[at]))
			return;
		const struct pick swap = heap[at];
		heap[at] = heap[child];
		heap[child] = swap;
		at = child;
	}
}

static struct hg_error *offer(struct picks *picks, struct pick pick)
{
	if (picks->heap.count < picks->limit) {
		struct pick *place = hg_vec_push(&picks->heap);
		if (!place)
			return &hg_enomem;
		*place = pick;
		sift_up(picks->heap.data, picks->heap.count - 1);
		return NULL;
	}
	picks->left_out++;
	if (is_worse(pick, picks->heap.data[0]))
		return NULL;
	picks->heap.data[0] = pick;
	sift_down(picks->heap.data, picks->heap.count);
	return NULL;
}

static int compare_picks(const void *left, const void *right)
{
	const struct pick *a = left, *b = right;
	return is_worse(*a, *b) ? 1 : -1;
}

static bool *matching_classes(const struct hg_classes *classes, const struct hg_filter *filter)
{
	bool *matches = calloc(classes->count, sizeof(*matches));
	for (uint32_t i = 1; matches && i < classes->count; i++)
		matches[i] = hg_filter_matches(filter, hg_class_name(classes, i));
	return matches;
}

// Inner parts of containers are no objects to a person: their bytes count with the container.
static bool is_part(const struct hg_analysis *a, const struct hg_classes *classes, uint32_t node)
{
	return hg_class_is_inner(classes, node, classes->of[a->dom.idom[node]]);
}

static struct hg_error *choose(const struct hg_analysis *a, const struct hg_classes *classes,
			       const struct hg_filter *filter, bool by_shallow, struct picks *picks)
{
	hg_autofree bool *matches = matching_classes(classes, filter);
	if (!matches)
		return &hg_enomem;
	for (uint32_t node = a->graph.first_block; node < a->graph.nodes; node++) {
		if (!hg_node_is_live(a, node) || !matches[classes->of[node]] ||
		    is_part(a, classes, node))
			continue;
		const struct pick pick = {by_shallow ? hg_node_size(a, node) : a->retained[node],
					  node};
		struct hg_error *err = offer(picks, pick);
		if (err)
			return err;
	}
	if (picks->heap.count)
		qsort(picks->heap.data, picks->heap.count, sizeof(struct pick), compare_picks);
	return NULL;
}

static struct hg_error *add_rows(const struct hg_analysis *a, const struct hg_namer *namer,
				 const struct picks *picks, struct hg_rows *rows,
				 struct hg_report *report)
{
	hg_autofree uint32_t *root_of = NULL;
	struct hg_error *err = hg_nearest_roots(a, &root_of);
	if (err)
		return err;
	struct hg_text holder = {0};
	for (size_t i = 0; i < picks->heap.count; i++) {
		const uint32_t node = picks->heap.data[i].node;
		struct hg_cell *cells = hg_rows_add(rows);
		if (!cells)
			break;
		hg_text_cut(&holder, 0);
		hg_namer_holder(namer, node, root_of, &holder);
		cells[COLUMN_ADDRESS].number = hg_node_addr(a, node);
		cells[COLUMN_TYPE].text = hg_report_words(
			report, hg_class_name(namer->classes, namer->classes->of[node]));
		cells[COLUMN_SHALLOW].number = hg_node_size(a, node);
		cells[COLUMN_RETAINED].number = a->retained[node];
		cells[COLUMN_HOLDER].text = hg_report_words(report, hg_text_str(&holder));
	}
	hg_text_deinit(&holder);
	return hg_rows_count(rows) == picks->heap.count ? NULL : &hg_enomem;
}

static struct hg_error *make(const struct hg_analysis *a, const struct hg_report_args *args,
			     struct hg_namer *namer, const struct hg_filter *filter,
			     struct hg_report *report)
{
	struct hg_rows rows = HG_ROWS(columns);
	struct picks picks = {.limit = args->limit};
	unsigned column = 0;
	struct hg_error *err = hg_rows_column(&rows, args->sort, &column);
	if (!err)
		err = choose(a, namer->classes, filter, column == COLUMN_SHALLOW, &picks);
	if (!err)
		err = add_rows(a, namer, &picks, &rows, report);
	const struct hg_table like = {
		.name = "rows", .rows_left_out = picks.left_out, .label_column = COLUMN_HOLDER};
	if (!err)
		err = hg_report_table(report, &like, &rows);
	hg_rows_deinit(&rows);
	hg_vec_deinit(&picks.heap);
	return err;
}

static struct hg_error *make_top(struct hg_analysis *a, const struct hg_report_args *args,
				 struct hg_report *report)
{
	struct hg_classes classes = {0};
	struct hg_tops tops = {0};
	struct hg_filter filter;
	struct hg_error *err = hg_filter_init(&filter, args->filter);
	if (!err)
		err = hg_classes_init(a, &classes);
	if (!err)
		err = hg_tops_init(a, &tops);
	struct hg_namer namer = {.a = a, .classes = &classes, .tops = &tops};
	if (!err)
		err = make(a, args, &namer, &filter, report);
	hg_namer_deinit(&namer);
	hg_tops_deinit(&tops);
	hg_classes_deinit(&classes);
	hg_filter_deinit(&filter);
	return err;
}

const struct hg_top_ops hg_top_objects = {
	.by = "object",
	.columns = columns,
	.column_count = ARRAY_SIZE(columns),
	.make = make_top,
};
