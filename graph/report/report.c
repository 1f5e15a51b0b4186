#include "graph/report/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "dwarf/program.h"
#include "graph/phase.h"
#include "graph/report/report_private.h"

static const struct hg_report_ops *const reports[] = {
	&hg_report_analyze, &hg_report_top,	 &hg_report_why,  &hg_report_leaks,
	&hg_report_tree,    &hg_report_suspects, &hg_report_diff, &hg_report_what_if};

static const struct hg_report_ops *find_report(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(reports); i++)
		if (!strcmp(reports[i]->name, name))
			return reports[i];
	return NULL;
}

static const char *build_id(const struct hg_program *prog, struct hg_report *report)
{
	const struct hg_elf *elf = prog->modules.count ? prog->modules.data[0].elf : NULL;
	if (!elf)
		return "";
	struct hg_text hex = {0};
	for (size_t i = 0; i < elf->build_id_size; i++)
		hg_text_printf(&hex, "%02x", elf->build_id[i]);
	const char *words = hg_report_words(report, hg_text_str(&hex));
	hg_text_deinit(&hex);
	return words;
}

static const char *runtime_version(const struct hg_analysis *a)
{
	for (size_t i = 0; i < a->heaps.count; i++) {
		const struct hg_heap *heap = a->heaps.data[i];
		const char *version = heap->ops->version ? heap->ops->version(heap) : NULL;
		if (version)
			return version;
	}
	return "";
}

static void fill_source(const struct hg_analysis *a, struct hg_report *report)
{
	const struct hg_image *image = a->prog->image;
	report->source = (struct hg_source){
		.kind = image->kind == HG_IMAGE_LIVE ? "live" : "core",
		.path = image->path ? hg_report_words(report, image->path) : NULL,
		.pid = image->pid,
		.runtime = hg_report_words(report, runtime_version(a)),
		.build_id = build_id(a->prog, report),
	};
}

static void add_number(struct hg_number *numbers, unsigned *count, const char *name, uint64_t value)
{
	numbers[(*count)++] = (struct hg_number){name, value};
}

static void add_totals(struct hg_report *report, const struct hg_totals *t,
		       const char *const *names)
{
	const uint64_t values[] = {t->live_objects, t->live_bytes, t->garbage_objects,
				   t->garbage_bytes, t->heap_inuse_bytes};
	for (unsigned i = 0; i < ARRAY_SIZE(values); i++)
		add_number(report->totals, &report->total_count, names[i], values[i]);
}

/** The first heap's totals under the plain names, those of malloc beside it with malloc_ before them. */
static void fill_totals(const struct hg_analysis *a, struct hg_report *report)
{
	static const char *const names[] = {"live_objects", "live_bytes", "garbage_objects",
					    "garbage_bytes", "heap_inuse_bytes"};
	static const char *const malloc_names[] = {"malloc_live_objects", "malloc_live_bytes",
						   "malloc_garbage_objects", "malloc_garbage_bytes",
						   "malloc_heap_inuse_bytes"};
	add_totals(report, &a->totals, names);
	for (size_t i = 1; i < a->heaps.count; i++)
		if (!strcmp(a->heaps.data[i]->ops->name, "glibc"))
			add_totals(report, &a->shares[i].totals, malloc_names);
}

/** Is the first heap one of malloc's, whose unreachable blocks nobody will collect? */
static bool is_native(const struct hg_analysis *a)
{
	return a->heaps.count && !a->heaps.data[0]->ops->pointer_bits;
}

static void fill_numbers(const struct hg_analysis *a, struct hg_report *report)
{
	fill_totals(a, report);
	const struct hg_coverage *c = &a->coverage;
	add_number(report->coverage, &report->coverage_count, "typed_bytes", c->typed_bytes);
	add_number(report->coverage, &report->coverage_count, "masked_bytes", c->masked_bytes);
	if (is_native(a))
		add_number(report->coverage, &report->coverage_count, "guessed_bytes",
			   c->guessed_bytes);
	add_number(report->coverage, &report->coverage_count, "missing_bytes", c->missing_bytes);
	add_number(report->coverage, &report->coverage_count, "conservative_edges",
		   c->conservative_edges);
	add_number(report->coverage, &report->coverage_count, "conservative_bytes",
		   c->conservative_bytes);
}

static void fill_notes(const struct hg_analysis *a, struct hg_report *report)
{
	const struct hg_coverage *coverage = &a->coverage;
	struct hg_text words = {0};
	for (size_t i = 0; i < a->prog->image->notes.count; i++)
		hg_report_note(report, a->prog->image->notes.data[i]);
	for (size_t i = 0; i < a->prog->notes.count; i++)
		hg_report_note(report, a->prog->notes.data[i]);
	for (size_t i = 0; i < coverage->notes.count; i++)
		hg_report_note(report, coverage->notes.data[i]);
	for (size_t i = 0; i < coverage->counts.count; i++) {
		hg_human_count(&words, coverage->counts.data[i].count);
		hg_text_printf(&words, " %s", coverage->counts.data[i].what);
		hg_report_note(report, hg_text_str(&words));
		hg_text_cut(&words, 0);
	}
	hg_text_deinit(&words);
}

static void add_conservative(const struct hg_coverage *c, struct hg_text *words)
{
	if (!c->conservative_edges)
		return;
	hg_text_add(words, "; ");
	hg_human_things(words, c->conservative_edges, "conservative edge");
	if (!c->conservative_bytes)
		return;
	hg_text_add(words, ", on which alone ");
	hg_human_bytes(words, c->conservative_bytes);
	hg_text_add(words, " hang");
}

static void add_missing(const struct hg_coverage *c, const struct hg_report *report,
			struct hg_text *words)
{
	const char *source = report->source.path ? "core" : "process";
	if (!c->missing_bytes) {
		hg_text_printf(words, "nothing missing from the %s", source);
		return;
	}
	hg_text_add(words, "what hangs on more is unknown because ");
	hg_human_bytes(words, c->missing_bytes);
	hg_text_printf(words, " was not in the %s", source);
}

static void fill_trust(const struct hg_analysis *a, struct hg_report *report)
{
	const struct hg_coverage *c = &a->coverage;
	struct hg_text words = {0};
	hg_human_permille(&words, hg_human_share(c->typed_bytes, a->totals.live_bytes));
	hg_text_add(&words, " of ");
	hg_human_bytes(&words, a->totals.live_bytes);
	hg_text_add(&words, " live bytes typed");
	if (c->guessed_bytes) {
		hg_text_add(&words, " (");
		hg_human_permille(&words, hg_human_share(c->guessed_bytes, a->totals.live_bytes));
		hg_text_add(&words, " on weak evidence)");
	}
	hg_text_add(&words, ", ");
	hg_human_permille(&words, hg_human_share(c->masked_bytes, a->totals.live_bytes));
	hg_text_add(&words, is_native(a) ? " not; " : " by pointer mask alone; ");
	hg_human_bytes(&words, a->totals.garbage_bytes);
	hg_text_add(&words, is_native(a) ? " unreachable; " : " garbage not yet collected; ");
	add_missing(c, report, &words);
	add_conservative(c, &words);
	if (a->stopped_us) {
		hg_text_add(&words, "; stopped for ");
		hg_human_time(&words, a->stopped_us);
	}
	report->trust = hg_report_words(report, hg_text_str(&words));
	hg_text_deinit(&words);
}

static struct hg_error *make_report(struct hg_analysis *a, const struct hg_report_ops *ops,
				    const struct hg_report_args *args, struct hg_report *report)
{
	struct hg_report_private *priv = report->priv;
	report->name = ops->name;
	fill_source(a, report);
	fill_numbers(a, report);
	struct hg_error *err = ops->make(a, args, report);
	fill_notes(a, report); // last: a report may find damage of its own
	fill_trust(a, report);
	if (err)
		return err;
	report->sentences = priv->sentences.data;
	report->sentence_count = (uint32_t)priv->sentences.count;
	report->notes = priv->notes.data;
	report->note_count = (uint32_t)priv->notes.count;
	report->tables = priv->tables;
	return priv->failed ? &hg_enomem : NULL;
}

struct hg_error *hg_report_check(const char *name, const struct hg_report_args *args)
{
	const struct hg_report_ops *ops = find_report(name);
	if (!ops)
		return hg_error_create(HG_ERROR_USAGE, "no report is called '%s'", name);
	struct hg_filter filter;
	struct hg_error *err = hg_filter_init(&filter, args->filter);
	hg_filter_deinit(&filter);
	return err || !ops->check ? err : ops->check(args);
}

struct hg_error *hg_report_create(struct hg_analysis *analysis, const char *name,
				  const struct hg_report_args *args, struct hg_report **ret)
{
	struct hg_error *err = hg_report_check(name, args);
	if (err)
		return err;
	hg_cleanup(hg_report_destroyp) struct hg_report *report = calloc(1, sizeof(*report));
	if (!report)
		return &hg_enomem;
	report->priv = calloc(1, sizeof(*report->priv));
	if (!report->priv)
		return &hg_enomem;
	struct hg_phases phases = {.log = analysis->log};
	hg_phase_begin(&phases);
	err = make_report(analysis, find_report(name), args, report);
	if (err)
		return err;
	hg_phase_end(&phases, "report", analysis->blocks.count);
	*ret = hg_take(report);
	return NULL;
}

void hg_report_destroy(struct hg_report *report)
{
	if (!report)
		return;
	if (report->priv) {
		hg_vec_deinit(&report->priv->sentences);
		hg_vec_deinit(&report->priv->notes);
		hg_arena_deinit(&report->priv->arena);
	}
	free(report->priv);
	free(report);
}
