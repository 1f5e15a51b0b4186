// Leak suspects: where much memory accumulates, why that is one, and a fingerprint by which to know it again.
#include <stdlib.h>

#include "core/base/human.h"
#include "graph/report/report_limit.h"
#include "graph/report/report_why.h"

#define LEAST_SHARE                                                                                \
	20 // a suspect holds at least one 20th of the live heap, when --min does not say
#define ENOUGH_TENTHS 7 // of what a step retains: a child that holds as much is where to look on
#define FAN_OUT 4 // objects per object above it from which on the one above is their container
#define SPOKEN 3  // suspects that get sentences

static const struct hg_column columns[] = {
	{.name = "label", .title = "SUSPECT", .kind = HG_COLUMN_TEXT},
	{.name = "reason", .title = "REASON", .kind = HG_COLUMN_TEXT},
	{.name = "type", .title = "TYPE", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "objects", .title = "OBJECTS", .kind = HG_COLUMN_COUNT},
	{.name = "accumulates", .title = "MOSTLY", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "point", .title = "POINT", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "point_objects", .title = "COUNT", .kind = HG_COLUMN_COUNT, .json_only = true},
	{.name = "permille", .title = "SHARE", .kind = HG_COLUMN_PERMILLE},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES},
	{.name = "own", .title = "OWN", .kind = HG_COLUMN_BYTES, .json_only = true},
	{.name = "fingerprint", .title = "FINGERPRINT", .kind = HG_COLUMN_TEXT},
	{.name = "known", .title = "KNOWN", .kind = HG_COLUMN_BOOL},
};

enum {
	COLUMN_LABEL,
	COLUMN_REASON,
	COLUMN_TYPE,
	COLUMN_OBJECTS,
	COLUMN_ACCUMULATES,
	COLUMN_POINT,
	COLUMN_POINT_OBJECTS,
	COLUMN_PERMILLE,
	COLUMN_RETAINED,
	COLUMN_OWN,
	COLUMN_FINGERPRINT,
	COLUMN_KNOWN,
};

struct found {
	uint32_t step; /* the suspect */
	uint32_t end;  /* where its memory is in the end */
	uint64_t own;  /* without suspects below it */
	bool fans_out; /* the end has several large branches */
	uint64_t rank;
};

struct search {
	struct hg_why *why;
	uint64_t least;
	uint64_t *of_large; /* per step: what its children retain that are large */
	uint64_t *largest;  /* per step: the most that a child retains */
	uint32_t *suspect;  /* per step: 1 + index into list of the one that it is; 0 */
	HG_VEC(struct found) list;
	struct hg_limit limit;
};

static const struct hg_trie_step *get_step(const struct search *s, uint32_t step)
{
	return &s->why->trie.steps.data[step];
}

static bool is_enough(uint64_t part, uint64_t whole)
{
	return part / ENOUGH_TENTHS >= whole / 10 && part;
}

/** Memory ends at a step that is large, when no single child holds most of it, and what it holds beside large ones is much. */
static bool is_end(const struct search *s, uint32_t step)
{
	const struct hg_trie_step *t = get_step(s, step);
	if (t->retained < s->least || t->kind == HG_TRIE_SHARED ||
	    is_enough(s->largest[step], t->retained))
		return false;
	return !s->of_large[step] || t->retained - s->of_large[step] >= s->least;
}

// From the end up as long as it is most of what is above: the step from which the memory fans out.
static uint32_t find_point(const struct search *s, uint32_t end)
{
	uint32_t best = end;
	uint64_t most = FAN_OUT - 1;
	for (uint32_t step = end;;) {
		const struct hg_trie_step *t = get_step(s, step);
		const struct hg_trie_step *above = get_step(s, t->parent);
		const bool top = !t->parent || above->kind == HG_TRIE_SHARED;
		const uint64_t parents = top || !above->objects ? 1 : above->objects;
		if (t->objects / parents > most) {
			most = t->objects / parents;
			best = top || t->recursive ? step : t->parent;
		}
		if (top || !is_enough(t->retained, above->retained))
			return best;
		step = t->parent;
	}
}

static struct hg_error *add_found(struct search *s, uint32_t end)
{
	const uint32_t step = find_point(s, end);
	if (s->suspect[step])
		return NULL;
	struct found *found = hg_vec_push(&s->list);
	if (!found)
		return &hg_enomem;
	*found = (struct found){.step = step,
				.end = end,
				.own = get_step(s, step)->retained,
				.fans_out = s->of_large[end],
				.rank = get_step(s, step)->retained};
	s->suspect[step] = (uint32_t)s->list.count;
	return NULL;
}

// What a suspect below holds is that one's.
static void split_own(struct search *s)
{
	for (size_t i = 0; i < s->list.count; i++) {
		const struct found *found = &s->list.data[i];
		uint32_t above = get_step(s, found->step)->parent;
		while (above && !s->suspect[above])
			above = get_step(s, above)->parent;
		if (above)
			s->list.data[s->suspect[above] - 1].own -=
				get_step(s, found->step)->retained;
	}
}

static int compare_found(const void *left, const void *right)
{
	const struct found *a = left, *b = right;
	if (a->rank != b->rank)
		return a->rank < b->rank ? 1 : -1;
	return (a->step > b->step) - (a->step < b->step);
}

static struct hg_error *search(struct search *s)
{
	const size_t count = s->why->trie.steps.count;
	s->of_large = calloc(count, sizeof(*s->of_large));
	s->largest = calloc(count, sizeof(*s->largest));
	s->suspect = calloc(count, sizeof(*s->suspect));
	if (!s->of_large || !s->largest || !s->suspect)
		return &hg_enomem;
	for (uint32_t i = 1; i < count; i++) {
		const struct hg_trie_step *t = get_step(s, i);
		if (t->retained >= s->least)
			s->of_large[t->parent] += t->retained;
		if (t->retained > s->largest[t->parent])
			s->largest[t->parent] = t->retained;
	}
	struct hg_error *err = NULL;
	for (uint32_t i = 1; i < count && !err; i++)
		if (is_end(s, i))
			err = add_found(s, i);
	split_own(s);
	if (s->list.count)
		qsort(s->list.data, s->list.count, sizeof(*s->list.data), compare_found);
	return err;
}

static const char *reason(const struct search *s, const struct found *found)
{
	const struct hg_trie_step *t = get_step(s, found->step);
	if (found->fans_out)
		return "big drop";
	if (t->objects > 1)
		return "crowd";
	for (uint32_t step = found->step; step; step = get_step(s, step)->parent)
		if (get_step(s, step)->kind == HG_TRIE_SHARED)
			return "shared object";
	return "single owner";
}

// "main.a.b", or "main.a.b (shared by main.a and main.c)".
static void add_way(const struct search *s, uint32_t step, struct hg_text *out)
{
	uint32_t top = step;
	while (get_step(s, top)->parent)
		top = get_step(s, top)->parent;
	hg_why_path(s->why, step, out);
	if (top == step && get_step(s, top)->kind == HG_TRIE_ROOT &&
	    get_step(s, top)->objects > 1) {
		hg_text_cut(out, 0);
		hg_why_label(s->why, top, out);
	}
	if (get_step(s, top)->kind == HG_TRIE_SHARED) {
		hg_text_add(out, " ");
		hg_why_label(s->why, top, out);
	}
}

static void add_things(const struct search *s, uint32_t step, struct hg_text *out)
{
	const struct hg_trie_step *t = get_step(s, step);
	if (t->objects > 1) {
		hg_human_count(out, t->objects);
		hg_text_add(out, t->recursive ? " linked " : " ");
	}
	hg_why_label(s->why, step, out);
}

static void say(const struct search *s, const struct found *found, const char *why_so)
{
	const struct hg_trie_step *t = get_step(s, found->step);
	const uint64_t live = s->why->a->retained[0];
	struct hg_text text = {0};
	add_way(s, found->step, &text);
	if (t->kind == HG_TRIE_BLOCK) {
		hg_text_add(&text, ", ");
		add_things(s, found->step, &text);
		hg_text_add(&text, ",");
	}
	hg_text_add(&text, " retains ");
	hg_human_bytes(&text, t->retained);
	hg_text_add(&text, ": ");
	hg_human_permille(&text, hg_human_share(t->retained, live));
	hg_text_printf(&text, " of the live heap (%s).", why_so);
	if (found->fans_out) {
		hg_text_add(&text, " Below it that falls apart into several large branches.");
	} else if (found->end != found->step) {
		hg_text_add(&text, " It accumulates as ");
		add_things(s, found->end, &text);
		hg_text_add(&text, " (");
		hg_human_bytes(&text, get_step(s, found->end)->retained);
		hg_text_add(&text, ").");
	}
	hg_report_sentence(s->why->report, &text);
	hg_text_deinit(&text);
}

static const char *take(const struct search *s, struct hg_text *text)
{
	const char *words = hg_report_words(s->why->report, hg_text_str(text));
	hg_text_cut(text, 0);
	return words;
}

static void fill(const struct search *s, const struct found *found, uint64_t key,
		 struct hg_cell *cells)
{
	const struct hg_trie_step *t = get_step(s, found->step), *end = get_step(s, found->end);
	struct hg_text text = {0};
	add_way(s, found->step, &text);
	cells[COLUMN_LABEL].text = take(s, &text);
	cells[COLUMN_REASON].text = reason(s, found);
	if (t->kind == HG_TRIE_BLOCK)
		hg_why_label(s->why, found->step, &text);
	cells[COLUMN_TYPE].text = take(s, &text);
	cells[COLUMN_OBJECTS].number = t->objects;
	hg_why_label(s->why, found->end, &text);
	cells[COLUMN_ACCUMULATES].text = take(s, &text);
	add_way(s, found->end, &text);
	cells[COLUMN_POINT].text = take(s, &text);
	cells[COLUMN_POINT_OBJECTS].number = end->objects;
	cells[COLUMN_PERMILLE].number = hg_human_share(t->retained, s->why->a->retained[0]);
	cells[COLUMN_RETAINED].number = t->retained;
	cells[COLUMN_OWN].number = found->own;
	cells[COLUMN_FINGERPRINT].text = hg_limit_words(s->why->report, key);
	cells[COLUMN_KNOWN].number = hg_limit_knows(&s->limit, key);
	hg_text_deinit(&text);
}

static void exceed(const struct search *s, const struct hg_cell *cells)
{
	struct hg_text text = {0};
	hg_text_printf(&text, "%s holds ", cells[COLUMN_LABEL].text);
	hg_human_bytes(&text, cells[COLUMN_OWN].number);
	hg_text_printf(&text, ", more than --fail-over=%s (fingerprint %s)",
		       s->why->args->fail_over, cells[COLUMN_FINGERPRINT].text);
	s->why->report->exceeded = take(s, &text);
	hg_text_deinit(&text);
}

static struct hg_error *add_rows(struct search *s, const uint64_t *keys)
{
	hg_cleanup(hg_rows_deinit) struct hg_rows rows = HG_ROWS(columns);
	struct hg_filter filter;
	struct hg_error *err = hg_filter_init(&filter, s->why->args->filter);
	for (size_t i = 0; i < s->list.count && !err; i++) {
		const struct found *found = &s->list.data[i];
		struct hg_cell *cells = hg_rows_add(&rows);
		if (!cells) {
			err = &hg_enomem;
			break;
		}
		fill(s, found, keys[found->step], cells);
		if (s->limit.active && found->own > s->limit.bytes && !cells[COLUMN_KNOWN].number &&
		    !s->why->report->exceeded)
			exceed(s, cells);
		if (!hg_filter_matches(&filter, cells[COLUMN_LABEL].text))
			hg_rows_cut(&rows, hg_rows_count(&rows) - 1);
		else if (hg_rows_count(&rows) <= SPOKEN)
			say(s, found, cells[COLUMN_REASON].text);
	}
	hg_filter_deinit(&filter);
	const struct hg_table like = {.name = "rows",
				      .title = "suspects",
				      .rows_left_out = hg_rows_cut(&rows, s->why->limit)};
	return err ? err : hg_report_table(s->why->report, &like, &rows);
}

static void say_none(struct search *s)
{
	struct hg_text text = {0};
	hg_text_add(&text, "No suspects: nothing accumulates ");
	hg_human_bytes(&text, s->least);
	hg_text_add(&text, " or more in one place.");
	hg_report_sentence(s->why->report, &text);
	hg_text_deinit(&text);
}

static struct hg_error *run(struct search *s, const struct hg_report_args *args)
{
	struct hg_why *why = s->why;
	const uint64_t live = why->a->retained[0];
	why->targets[0] = 1;
	hg_why_widen(why);
	why->targets[0] = 0;
	struct hg_error *err = hg_limit_init(&s->limit, args, live);
	if (!err)
		err = hg_trie_init(&why->namer, &why->tree, why->targets,
				   HG_TRIE_WHOLE | HG_TRIE_ADDITIVE, &why->trie);
	s->least = args->min_bytes ? args->min_bytes : live / LEAST_SHARE;
	if (s->limit.active && s->limit.bytes < s->least)
		s->least = s->limit.bytes;
	s->least += !s->least;
	hg_autofree uint64_t *keys = NULL;
	if (!err)
		err = hg_why_keys(why, &keys);
	if (!err)
		err = search(s);
	if (!err && !s->list.count)
		say_none(s);
	return err ? err : add_rows(s, keys);
}

static struct hg_error *make_suspects(struct hg_analysis *a, const struct hg_report_args *args,
				      struct hg_report *report)
{
	struct hg_why why;
	struct search s = {.why = &why};
	struct hg_error *err = hg_why_init(a, args, report, &why);
	if (!err)
		err = run(&s, args);
	hg_limit_deinit(&s.limit);
	hg_vec_deinit(&s.list);
	free(s.of_large);
	free(s.largest);
	free(s.suspect);
	hg_why_deinit(&why);
	return err;
}

const struct hg_report_ops hg_report_suspects = {
	.name = "suspects", .check = hg_limit_check, .make = make_suspects};
