#include <stdlib.h>
#include <string.h>

#include "core/output.h"
#include "graph/analysis_private.h"
#include "graph/graphfile_private.h"

struct saving {
	struct hg_analysis *a;
	struct graphfile_parts parts;
	struct hg_section_writer writer;
	bool failed; // memory ran out
};

#define PUSH(s, list, ...)                                                                         \
	do {                                                                                       \
		__typeof__((s)->parts.list.data) place_ = hg_vec_push(&(s)->parts.list);           \
		(s)->failed |= !place_;                                                            \
		if (place_)                                                                        \
			*place_ = (__typeof__(*place_))__VA_ARGS__;                                \
	} while (0)

/* ---- small things ---- */

static uint32_t string(struct saving *s, const char *text)
{
	const uint32_t number = text ? hg_program_string(s->a->prog, text) : 0;
	s->failed |= text && *text && !number;
	return number;
}

static void gather_notes(struct saving *s)
{
	const struct hg_analysis *a = s->a;
	for (size_t i = 0; i < a->coverage.counts.count; i++)
		PUSH(s, counts,
		     {string(s, a->coverage.counts.data[i].what),
		      a->coverage.counts.data[i].count});
	for (size_t i = 0; i < a->prog->image->notes.count; i++)
		PUSH(s, notes, {string(s, a->prog->image->notes.data[i]), 0});
	for (size_t i = 0; i < a->prog->notes.count; i++)
		PUSH(s, notes, {string(s, a->prog->notes.data[i]), 1});
	for (size_t i = 0; i < a->coverage.notes.count; i++)
		PUSH(s, notes, {string(s, a->coverage.notes.data[i]), 2});
}

/** What asking adds to the counts of damage, a report on the file adds again. */
static void restore_counts(struct saving *s)
{
	struct hg_coverage *coverage = &s->a->coverage;
	if (coverage->counts.count > s->parts.counts.count)
		coverage->counts.count = s->parts.counts.count;
	for (size_t i = 0; i < coverage->counts.count; i++)
		coverage->counts.data[i].count = s->parts.counts.data[i].count;
}

static void gather_heaps(struct saving *s)
{
	const struct hg_analysis *a = s->a;
	for (size_t i = 0; i < a->heaps.count; i++) {
		const struct hg_heap *heap = a->heaps.data[i];
		const char *version = heap->ops->version ? heap->ops->version(heap) : NULL;
		PUSH(s, heaps,
		     {.name = string(s, heap->ops->name),
		      .runtime = string(s, heap->ops->runtime),
		      .version = string(s, version),
		      .has_version = version,
		      .collected = heap->ops->pointer_bits,
		      .share = a->shares[i]});
	}
}

static void gather_program(struct saving *s)
{
	const struct hg_program *prog = s->a->prog;
	const struct hg_map *names = &prog->types.by_name;
	for (uint32_t i = 0; i < prog->strings.texts.count; i++) {
		const uint64_t *type = i ? hg_map_get(names, i) : NULL;
		if (type)
			PUSH(s, names, {i, (uint32_t)*type});
	}
	for (size_t i = 0; i < prog->image->segment_count; i++)
		PUSH(s, segments,
		     {.addr = prog->image->segments[i].addr,
		      .size = prog->image->segments[i].size,
		      .prot = prog->image->segments[i].prot});
	for (size_t i = 0; i < s->a->blocks.extents.count; i++) {
		struct hg_extent *place = hg_vec_push(&s->parts.extents);
		s->failed |= !place;
		if (place)
			*place = s->a->blocks.extents.data[i];
	}
}

static void gather_meta(struct saving *s)
{
	const struct hg_analysis *a = s->a;
	const struct hg_coverage *c = &a->coverage;
	struct hg_text id = {0};
	const struct hg_elf *elf = a->prog->modules.count ? a->prog->modules.data[0].elf : NULL;
	for (size_t i = 0; elf && i < elf->build_id_size; i++)
		hg_text_printf(&id, "%02x", elf->build_id[i]);
	s->failed |= id.failed;
	PUSH(s, meta,
	     {
		     .image_kind = a->prog->image->kind,
		     .pid = a->prog->image->pid,
		     .path = string(s, a->prog->image->path),
		     .has_path = a->prog->image->path,
		     .build_id = string(s, hg_text_str(&id)),
		     .separate_outs = a->facts->outs.at,
		     .has_marks = a->priv->marks,
		     .has_doubted = a->priv->doubted,
		     .has_weak = a->facts->outs.weak,
		     .nodes = a->graph.nodes,
		     .first_block = a->graph.first_block,
		     .edges = a->graph.edges,
		     .blocks = a->blocks.count,
		     .reached = a->dom.reached,
		     .debug_types = a->debug_types,
		     .stopped_us = a->stopped_us,
		     .present_bytes = hg_facts_present(a),
		     .totals = a->totals,
		     .typed_bytes = c->typed_bytes,
		     .guessed_bytes = c->guessed_bytes,
		     .masked_bytes = c->masked_bytes,
		     .missing_bytes = c->missing_bytes,
		     .conservative_bytes = c->conservative_bytes,
		     .conservative_edges = c->conservative_edges,
	     });
	hg_text_deinit(&id);
}

/* ---- sections ---- */

static struct hg_error *put(struct saving *s, const char *name, const void *data, uint64_t size)
{
	return hg_section_write(&s->writer, name, data, size);
}

static struct hg_error *put_strings(struct saving *s)
{
	const struct hg_strtab *strings = &s->a->prog->strings;
	struct hg_text all = {0};
	for (size_t i = 1; i < strings->texts.count; i++)
		hg_text_addn(&all, strings->texts.data[i], strlen(strings->texts.data[i]) + 1);
	struct hg_error *err =
		all.failed ? &hg_enomem : put(s, "strings", hg_text_str(&all), all.length);
	hg_text_deinit(&all);
	return err;
}

static struct hg_error *put_lists(struct saving *s)
{
	struct hg_error *err = NULL;
	for (unsigned i = 0; i < graphfile_list_count && !err; i++) {
		const struct graphfile_list *list = &graphfile_lists[i];
		const struct graphfile_vec *vec = graphfile_vec_of(list, s->a, &s->parts);
		const size_t size = hg_record_size(&list->table) * vec->count;
		hg_autofree uint8_t *packed = malloc(size + 1);
		if (!packed)
			return &hg_enomem;
		hg_record_pack(&list->table, vec->data, vec->count, packed);
		err = put(s, list->name, packed, size);
	}
	return err;
}

/** The bitmaps of all extents, one behind the other: starts, and of irregular ones the ends. */
static struct hg_error *put_bits(struct saving *s)
{
	const struct hg_blocks *blocks = &s->a->blocks;
	hg_autofree uint64_t *bits = malloc((blocks->words.count + 1) * sizeof(*bits));
	size_t at = 0;
	if (!bits)
		return &hg_enomem;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		for (unsigned part = 0; part < 1u + extent->irregular; part++)
			for (uint64_t slot = 0; slot < extent->slots; slot += 64)
				bits[at++] = blocks->words.data[hg_extent_word(extent, slot) + part]
						     .bits;
	}
	return put(s, "bits", bits, at * sizeof(*bits));
}

/** Positions as counts of a byte each, in which few do not fit. */
static struct hg_error *put_degrees(struct saving *s, const char *name, const uint32_t *at,
				    uint32_t count, bool outs)
{
	hg_autofree uint8_t *degrees = malloc((size_t)count + 1);
	if (!degrees)
		return &hg_enomem;
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t degree = at[i + 1] - at[i];
		degrees[i] = degree < GRAPHFILE_FAR8 ? (uint8_t)degree : GRAPHFILE_FAR8;
		if (degree >= GRAPHFILE_FAR8 && outs)
			PUSH(s, out_far, {i, degree});
		else if (degree >= GRAPHFILE_FAR8)
			PUSH(s, degree_far, {i, degree});
	}
	return put(s, name, degrees, count);
}

static struct hg_error *put_retained(struct saving *s)
{
	const uint32_t nodes = s->a->graph.nodes;
	hg_autofree uint32_t *eighths = malloc(((size_t)nodes + 1) * sizeof(*eighths));
	if (!eighths)
		return &hg_enomem;
	for (uint32_t i = 0; i < nodes; i++) {
		const uint64_t size = s->a->retained[i];
		const bool fits = size % 8 == 0 && size / 8 < GRAPHFILE_FAR32;
		eighths[i] = fits ? (uint32_t)(size / 8) : GRAPHFILE_FAR32;
		if (!fits)
			PUSH(s, retained_far, {i, size});
	}
	return put(s, "retained", eighths, (uint64_t)nodes * sizeof(*eighths));
}

static struct hg_error *put_outs(struct saving *s)
{
	const struct hg_analysis *a = s->a;
	const struct hg_fact_outs *outs = &a->facts->outs;
	const uint64_t count = outs->at ? outs->at[a->blocks.count]
					: a->graph.edges - a->graph.edge_at[a->graph.first_block];
	struct hg_error *err = put(s, "out-steps", outs->steps, count);
	if (err || !outs->at)
		return err;
	err = put_degrees(s, "out-degrees", outs->at, a->blocks.count, true);
	if (!err)
		err = put(s, "out-targets", outs->to, count * sizeof(*outs->to));
	return err ? err : put(s, "out-weak", outs->weak, (count + 63) / 64 * 8);
}

static struct hg_error *put_arrays(struct saving *s)
{
	const struct hg_analysis *a = s->a;
	const uint64_t nodes = a->graph.nodes;
	struct hg_error *err = put_bits(s);
	if (!err)
		err = put(s, "block-types", a->blocks.types, (uint64_t)a->blocks.count * 4);
	if (!err)
		err = put_degrees(s, "degrees", a->graph.edge_at, a->graph.nodes, false);
	if (!err)
		err = put(s, "targets", a->graph.edge_to, (uint64_t)a->graph.edges * 4);
	if (!err)
		err = put_outs(s);
	if (!err)
		err = put(s, "idom", a->dom.idom, nodes * 4);
	if (!err)
		err = put(s, "preorder", a->dom.preorder, (uint64_t)a->dom.reached * 4);
	if (!err)
		err = put_retained(s);
	if (!err && a->priv->marks)
		err = put(s, "marks", a->priv->marks, nodes);
	if (!err && a->priv->doubted)
		err = put(s, "doubted", a->priv->doubted, (uint64_t)(a->blocks.count / 64 + 1) * 8);
	return err;
}

static struct hg_error *save(struct saving *s)
{
	gather_notes(s);
	struct hg_error *err = graphfile_ask(s->a);
	restore_counts(s);
	if (!err)
		err = put_arrays(s);
	gather_heaps(s);
	gather_meta(s);
	gather_program(s);
	if (!err && s->failed)
		err = &hg_enomem;
	if (!err)
		err = put_lists(s);
	if (!err)
		err = put_strings(s);
	return err ? err : hg_section_finish(&s->writer);
}

struct hg_error *hg_analysis_save(struct hg_analysis *a, const char *path, bool compress)
{
	if (!a->facts || a->facts->loaded)
		return hg_error_create(HG_ERROR_USAGE, "this analysis was not made to be saved");
	hg_autofree char *copy = strdup(path);
	if (!copy)
		return &hg_enomem;
	struct hg_output output = {.fd = -1, .path = copy};
	struct saving s = {.a = a};
	struct hg_error *err = hg_output_open(&output);
	s.writer = (struct hg_section_writer){.fd = output.fd, .path = path, .compress = compress};
	if (!err)
		err = save(&s);
	if (!err)
		err = hg_output_name(&output);
	graphfile_parts_deinit(&s.parts);
	return hg_output_close(&output, err);
}
