// What grew between snapshots: by the way from a root, by root and by type; and which objects are the same.
#include <stdlib.h>

#include "core/base/human.h"
#include "graph/report/report_limit.h"
#include "graph/report/report_summary.h"

#define ROWS 20			// of each table, when -n does not say
#define LEAST_BYTES 4096	// that something must grow by to be shown, and
#define LEAST_BYTES_APART 65536 // across a restart: no two runs of a runtime have as many threads
#define LEAST_SHARE 1000	// this part of what was live, when --min does not say
#define SPOKEN 3

static const struct hg_column columns[] = {
	{.name = "label", .title = "WHAT", .kind = HG_COLUMN_TEXT},
	{.name = "type", .title = "TYPE", .kind = HG_COLUMN_TEXT},
	{.name = "grew", .title = "GREW BY", .kind = HG_COLUMN_BYTES},
	{.name = "more", .title = "MORE OBJECTS", .kind = HG_COLUMN_COUNT},
	{.name = "before", .title = "BEFORE", .kind = HG_COLUMN_BYTES, .json_only = true},
	{.name = "now", .title = "NOW", .kind = HG_COLUMN_BYTES},
	{.name = "objects_before",
	 .title = "OBJECTS BEFORE",
	 .kind = HG_COLUMN_COUNT,
	 .json_only = true},
	{.name = "objects", .title = "OBJECTS", .kind = HG_COLUMN_COUNT, .json_only = true},
	{.name = "every_time", .title = "EVERY TIME", .kind = HG_COLUMN_BOOL, .json_only = true},
	{.name = "fingerprint", .title = "FINGERPRINT", .kind = HG_COLUMN_TEXT},
	{.name = "known", .title = "KNOWN", .kind = HG_COLUMN_BOOL, .json_only = true},
};

enum {
	COLUMN_LABEL,
	COLUMN_TYPE,
	COLUMN_GREW,
	COLUMN_MORE,
	COLUMN_BEFORE,
	COLUMN_NOW,
	COLUMN_OBJECTS_BEFORE,
	COLUMN_OBJECTS,
	COLUMN_EVERY_TIME,
	COLUMN_FINGERPRINT,
	COLUMN_KNOWN,
};

static const struct hg_column object_columns[] = {
	{.name = "state", .title = "OBJECTS", .kind = HG_COLUMN_TEXT},
	{.name = "count", .title = "COUNT", .kind = HG_COLUMN_COUNT},
	{.name = "bytes", .title = "BYTES", .kind = HG_COLUMN_BYTES},
};

struct diff {
	const struct hg_report_args *args;
	struct hg_report *report;
	const struct hg_summary *base, *now;
	uint64_t least;
	struct hg_limit limit;
	struct hg_filter filter;
};

static bool grew_every_time(const struct diff *d, enum hg_amount_of kind,
			    const struct hg_amount *now)
{
	uint64_t next = now->bytes;
	for (unsigned i = d->args->base_count; i-- > 0;) {
		const uint64_t bytes = hg_summary_find(d->args->bases[i], kind, now->key).bytes;
		if (bytes >= next)
			return false;
		next = bytes;
	}
	return true;
}

static void exceed(struct diff *d, const char *what, uint64_t bytes)
{
	struct hg_text text = {0};
	hg_text_printf(&text, "%s grew by ", what);
	hg_human_bytes(&text, bytes);
	hg_text_printf(&text, ", more than --fail-over=%s", d->args->fail_over);
	if (!d->report->exceeded)
		d->report->exceeded = hg_report_words(d->report, hg_text_str(&text));
	hg_text_deinit(&text);
}

static struct hg_error *add_row(struct diff *d, enum hg_amount_of kind, const struct hg_amount *now,
				struct hg_rows *rows)
{
	const struct hg_amount base = hg_summary_find(d->base, kind, now->key);
	const uint64_t grew = now->bytes > base.bytes ? now->bytes - base.bytes : 0;
	const char *name = hg_strtab_text(&d->now->words, now->name);
	const bool known = hg_limit_knows(&d->limit, now->key);
	if (kind == HG_AMOUNT_PATH && d->limit.active && grew > d->limit.bytes && !known)
		exceed(d, name, grew);
	if (grew < d->least || !hg_filter_matches(&d->filter, name))
		return NULL;
	struct hg_cell *cells = hg_rows_add(rows);
	if (!cells)
		return &hg_enomem;
	cells[COLUMN_LABEL].text = hg_report_words(d->report, name);
	if (kind == HG_AMOUNT_PATH)
		cells[COLUMN_TYPE].text =
			hg_report_words(d->report, hg_strtab_text(&d->now->words, now->type));
	cells[COLUMN_GREW].number = grew;
	cells[COLUMN_MORE].number = now->objects > base.objects ? now->objects - base.objects : 0;
	cells[COLUMN_BEFORE].number = base.bytes;
	cells[COLUMN_NOW].number = now->bytes;
	cells[COLUMN_OBJECTS_BEFORE].number = base.objects;
	cells[COLUMN_OBJECTS].number = now->objects;
	cells[COLUMN_EVERY_TIME].number = grew_every_time(d, kind, now);
	cells[COLUMN_FINGERPRINT].text = hg_limit_words(d->report, now->key);
	cells[COLUMN_KNOWN].number = known;
	return NULL;
}

static void say_rows(struct diff *d, struct hg_rows *rows)
{
	struct hg_text text = {0};
	for (uint32_t i = 0; i < hg_rows_count(rows) && i < SPOKEN; i++) {
		const struct hg_cell *cells = hg_rows_at(rows, i);
		hg_text_printf(&text, "%s: +", cells[COLUMN_LABEL].text);
		hg_human_bytes(&text, cells[COLUMN_GREW].number);
		if (cells[COLUMN_MORE].number) {
			hg_text_add(&text, ", +");
			hg_human_things(&text, cells[COLUMN_MORE].number, "object");
		}
		hg_text_printf(&text, " (%s)", cells[COLUMN_TYPE].text);
		hg_text_add(&text, d->args->base_count > 1 && cells[COLUMN_EVERY_TIME].number
					   ? ", every time."
					   : ".");
		hg_report_sentence(d->report, &text);
	}
	hg_text_deinit(&text);
}

static struct hg_error *add_table(struct diff *d, enum hg_amount_of kind, const char *name,
				  const char *title)
{
	hg_cleanup(hg_rows_deinit) struct hg_rows rows = HG_ROWS(columns);
	const struct hg_amounts *amounts = &d->now->amounts[kind];
	struct hg_error *err = NULL;
	for (size_t i = 0; i < amounts->list.count && !err; i++)
		err = add_row(d, kind, &amounts->list.data[i], &rows);
	if (err)
		return err;
	hg_rows_sort(&rows, COLUMN_GREW);
	if (kind == HG_AMOUNT_PATH)
		say_rows(d, &rows);
	const struct hg_table like = {
		.name = name,
		.title = title,
		.rows_left_out = hg_rows_cut(&rows, d->args->limit ? d->args->limit : ROWS)};
	return hg_report_table(d->report, &like, &rows);
}

static bool is_same(const struct hg_known_object *a, const struct hg_known_object *b)
{
	return a->addr == b->addr && a->size == b->size && a->type == b->type;
}

/** By address, type and size, which is only sense within one process. */
static struct hg_error *add_objects(struct diff *d)
{
	static const char *const states[] = {"survived", "new", "gone"};
	uint64_t counts[3] = {0}, bytes[3] = {0};
	size_t i = 0, k = 0;
	while (i < d->base->objects.count || k < d->now->objects.count) {
		const struct hg_known_object *was =
			i < d->base->objects.count ? &d->base->objects.data[i] : NULL;
		const struct hg_known_object *is =
			k < d->now->objects.count ? &d->now->objects.data[k] : NULL;
		const bool same = was && is && is_same(was, is);
		const unsigned state = same ? 0 : is && (!was || is->addr < was->addr) ? 1 : 2;
		counts[state]++;
		bytes[state] += state == 2 ? was->size : is->size;
		i += state != 1;
		k += state != 2;
	}
	hg_cleanup(hg_rows_deinit) struct hg_rows rows = HG_ROWS(object_columns);
	for (unsigned state = 0; state < 3; state++) {
		struct hg_cell *cells = hg_rows_add(&rows);
		if (!cells)
			return &hg_enomem;
		cells[0].text = states[state];
		cells[1].number = counts[state];
		cells[2].number = bytes[state];
	}
	const struct hg_table like = {.name = "objects", .title = "objects"};
	return hg_report_table(d->report, &like, &rows);
}

static void say_whole(struct diff *d)
{
	struct hg_text text = {0};
	const uint64_t was = d->base->live_bytes, is = d->now->live_bytes;
	hg_text_add(&text, is > was   ? "The live heap grew by "
			   : is < was ? "The live heap fell by "
				      : "The live heap did not grow: it is ");
	hg_human_bytes(&text, is > was ? is - was : is < was ? was - is : is);
	if (is != was) {
		hg_text_add(&text, ", from ");
		hg_human_bytes(&text, was);
		hg_text_add(&text, " to ");
		hg_human_bytes(&text, is);
	}
	hg_text_add(&text, d->base->process == d->now->process
				   ? "."
				   : "; another process: only ways are matched.");
	hg_report_sentence(d->report, &text);
	hg_text_deinit(&text);
	if (d->limit.active && is > was && is - was > d->limit.bytes && !d->limit.known.count)
		exceed(d, "the live heap", is - was);
}

static struct hg_error *compare(struct diff *d)
{
	const uint64_t share = d->base->live_bytes / LEAST_SHARE;
	const uint64_t least =
		d->base->process == d->now->process ? LEAST_BYTES : LEAST_BYTES_APART;
	d->least = share > least ? share : least;
	if (d->args->min_bytes)
		d->least = d->args->min_bytes;
	say_whole(d);
	struct hg_error *err =
		add_table(d, HG_AMOUNT_PATH, "rows", "what grew, by its way from a root");
	if (!err)
		err = add_table(d, HG_AMOUNT_ROOT, "roots", "roots that retain more");
	if (!err)
		err = add_table(d, HG_AMOUNT_TYPE, "types", "types that grew");
	return err || d->base->process != d->now->process ? err : add_objects(d);
}

static struct hg_error *check_diff(const struct hg_report_args *args)
{
	return hg_limit_check(args);
}

static struct hg_error *make_diff(struct hg_analysis *a, const struct hg_report_args *args,
				  struct hg_report *report)
{
	if (!args->base_count)
		return hg_error_create(HG_ERROR_USAGE, "nothing to compare with");
	struct hg_summary *now = NULL;
	struct hg_error *err = hg_summary_create(a, &now);
	struct diff d = {.args = args, .report = report, .base = args->bases[0], .now = now};
	if (!err)
		err = hg_limit_init(&d.limit, args, d.base->live_bytes);
	if (!err)
		err = hg_filter_init(&d.filter, args->filter);
	if (!err)
		err = compare(&d);
	hg_filter_deinit(&d.filter);
	hg_limit_deinit(&d.limit);
	hg_summary_destroy(now);
	return err;
}

const struct hg_report_ops hg_report_diff = {
	.name = "diff", .check = check_diff, .make = make_diff};
