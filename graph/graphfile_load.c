#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "dwarf/program_private.h"
#include "graph/analysis_private.h"
#include "graph/graphfile_load.h"

struct hg_error *graphfile_damaged(const struct graphfile_loading *l, const char *what)
{
	return hg_error_create(HG_ERROR_FORMAT, "'%s': damaged graph file: %s", l->name, what);
}

struct hg_error *graphfile_section(const struct graphfile_loading *l, const char *name,
				   uint64_t size, const void **ret)
{
	uint64_t found;
	struct hg_error *err = hg_section_get(l->a->facts->file, name, ret, &found);
	if (err || found == size)
		return err;
	return hg_error_create(HG_ERROR_FORMAT,
			       "'%s': damaged graph file: section '%s' is of a wrong size", l->name,
			       name);
}

/* ---- strings and lists ---- */

static struct hg_error *read_strings(struct graphfile_loading *l)
{
	const void *data;
	uint64_t size;
	struct hg_error *err = hg_section_get(l->a->facts->file, "strings", &data, &size);
	if (err)
		return err;
	const char *at = data, *end = at + size;
	if (size && end[-1])
		return graphfile_damaged(l, "its strings do not end");
	struct hg_strtab *strings = &l->a->prog->strings;
	for (uint32_t number = 1; at < end; number++) {
		const size_t length = strlen(at);
		// Each is new: else numbers would not mean what they did.
		if (hg_strtab_addn(strings, at, length) != number)
			return graphfile_damaged(l, "a string comes twice");
		at += length + 1;
	}
	return NULL;
}

static struct hg_error *list_size(const struct graphfile_loading *l,
				  const struct graphfile_list *list, const void **data,
				  uint64_t *count)
{
	uint64_t size;
	struct hg_error *err = hg_section_get(l->a->facts->file, list->name, data, &size);
	if (err)
		return err;
	const size_t one = hg_record_size(&list->table);
	*count = size / one;
	if (size % one || *count >= UINT32_MAX)
		return hg_error_create(HG_ERROR_FORMAT,
				       "'%s': damaged graph file: section '%s' is of a wrong size",
				       l->name, list->name);
	return NULL;
}

static struct hg_error *find_limits(struct graphfile_loading *l)
{
	static const struct {
		const char *list;
		enum hg_record_check check;
	} counted[] = {
		{"types", HG_RECORD_TYPE}, {"roots", HG_RECORD_ROOT}, {"heaps", HG_RECORD_HEAP}};
	uint64_t *below = l->limits.below;
	const void *data;
	for (unsigned i = 0; i < graphfile_list_count; i++)
		for (unsigned k = 0; k < ARRAY_SIZE(counted); k++) {
			if (strcmp(graphfile_lists[i].name, counted[k].list))
				continue;
			struct hg_error *err =
				list_size(l, &graphfile_lists[i], &data, &below[counted[k].check]);
			if (err)
				return err;
		}
	const size_t texts = l->a->prog->strings.texts.count;
	below[HG_RECORD_STRING] = texts ? texts : 1;
	below[HG_RECORD_TYPE_KIND] = HG_TYPE_TYPEDEF + 1;
	below[HG_RECORD_ROOT_KIND] = HG_ROOT_KINDS;
	below[HG_RECORD_CONTAINER] = HG_CONTAINER_KINDS;
	below[HG_RECORD_LEAF] = HG_LEAF_CHOICE + 1;
	return NULL;
}

static struct hg_error *read_list(struct graphfile_loading *l, const struct graphfile_list *list)
{
	struct graphfile_vec *vec = graphfile_vec_of(list, l->a, &l->parts);
	const void *data;
	uint64_t count;
	struct hg_error *err = list_size(l, list, &data, &count);
	if (err || !count)
		return err;
	free(vec->data);
	vec->data = calloc(count, list->table.stride);
	vec->count = vec->capacity = vec->data ? count : 0;
	if (!vec->data)
		return &hg_enomem;
	if (hg_record_unpack(&list->table, &l->limits, data, count, vec->data))
		return NULL;
	return hg_error_create(HG_ERROR_FORMAT,
			       "'%s': damaged graph file: section '%s' has a number that cannot be",
			       l->name, list->name);
}

static struct hg_error *read_lists(struct graphfile_loading *l)
{
	struct hg_error *err = read_strings(l);
	if (!err)
		err = find_limits(l);
	for (unsigned i = 0; i < graphfile_list_count && !err; i++)
		err = read_list(l, &graphfile_lists[i]);
	if (!err && (l->parts.meta.count != 1 || !l->parts.heaps.count ||
		     !l->a->prog->types.types.count || !l->a->roots.list.count))
		err = graphfile_damaged(l, "a section is missing");
	return err;
}

/* ---- the program, heaps, what was noted ---- */

static struct hg_error *make_program(struct graphfile_loading *l)
{
	struct hg_image *image = calloc(1, sizeof(*image));
	if (!image)
		return &hg_enomem;
	image->comm = image->sysroot = "";
	return hg_program_create_bare(image, l->log, &l->a->prog);
}

static struct hg_error *fill_program(struct graphfile_loading *l)
{
	struct hg_program *prog = l->a->prog;
	const struct graphfile_meta *meta = l->parts.meta.data;
	const struct hg_types *types = &prog->types;
	for (size_t i = 0; i < types->types.count; i++) {
		const struct hg_type *t = &types->types.data[i];
		if ((uint64_t)t->members + t->member_count > types->members.count ||
		    (uint64_t)t->arguments + t->argument_count > types->arguments.count)
			return graphfile_damaged(l, "a type has members that are not there");
	}
	for (size_t i = 0; i < l->parts.names.count; i++) {
		uint64_t *id = hg_map_put(&prog->types.by_name, l->parts.names.data[i].name);
		if (!id)
			return &hg_enomem;
		*id = l->parts.names.data[i].type;
	}
	prog->image->kind = meta->image_kind == HG_IMAGE_LIVE ? HG_IMAGE_LIVE : HG_IMAGE_CORE;
	prog->image->pid = meta->pid;
	prog->image->path = meta->has_path ? hg_program_text(prog, meta->path) : NULL;
	for (size_t i = 1; i < l->parts.segments.count; i++)
		if (l->parts.segments.data[i].addr < l->parts.segments.data[i - 1].addr)
			return graphfile_damaged(l, "segments are not in order");
	prog->image->segments = l->parts.segments.data;
	prog->image->segment_count = l->parts.segments.count;
	memset(&l->parts.segments, 0, sizeof(l->parts.segments));
	return hg_variable_finish(prog);
}

static struct hg_error *fill_notes(struct graphfile_loading *l)
{
	struct hg_analysis *a = l->a;
	bool enough = true;
	for (size_t i = 0; i < l->parts.notes.count && enough; i++) {
		const struct graphfile_note *note = &l->parts.notes.data[i];
		const char *text = hg_program_text(a->prog, note->text);
		const char **place = note->of == 0   ? hg_vec_push(&a->prog->image->notes)
				     : note->of == 1 ? hg_vec_push(&a->prog->notes)
						     : hg_vec_push(&a->coverage.notes);
		enough = place;
		if (place)
			*place = text;
	}
	for (size_t i = 0; i < l->parts.counts.count && enough; i++) {
		struct hg_coverage_count *place = hg_vec_push(&a->coverage.counts);
		enough = place;
		if (place)
			*place = (struct hg_coverage_count){
				hg_program_text(a->prog, l->parts.counts.data[i].what),
				l->parts.counts.data[i].count};
	}
	return enough ? NULL : &hg_enomem;
}

/** A heap of which nothing can be asked but its names. */
struct stub {
	struct hg_heap heap;
	struct hg_heap_ops ops;
	const char *version;
};

static uint64_t no_pointers(const struct hg_heap *heap, const struct hg_extent *extent,
			    uint64_t slot_addr, uint64_t word, bool *last)
{
	(void)heap, (void)extent, (void)slot_addr, (void)word;
	*last = true;
	return 0;
}

static const char *stub_version(const struct hg_heap *heap)
{
	return ((const struct stub *)heap)->version;
}

static void stub_close(struct hg_heap *heap)
{
	free(heap);
}

static struct hg_error *make_heaps(struct graphfile_loading *l)
{
	struct hg_analysis *a = l->a;
	a->shares = calloc(l->parts.heaps.count + 1, sizeof(*a->shares));
	if (!a->shares)
		return &hg_enomem;
	for (size_t i = 0; i < l->parts.heaps.count; i++) {
		const struct graphfile_heap *of = &l->parts.heaps.data[i];
		struct stub *stub = calloc(1, sizeof(*stub));
		struct hg_heap **place = stub ? hg_vec_push(&a->heaps) : NULL;
		if (!place) {
			free(stub);
			return &hg_enomem;
		}
		*place = &stub->heap;
		stub->heap.ops = &stub->ops;
		stub->version = hg_program_text(a->prog, of->version);
		stub->ops = (struct hg_heap_ops){
			.name = hg_program_text(a->prog, of->name),
			.runtime = hg_program_text(a->prog, of->runtime),
			.pointer_bits = of->collected ? no_pointers : NULL,
			.version = of->has_version ? stub_version : NULL,
			.close = stub_close,
		};
		a->shares[i] = of->share;
	}
	return NULL;
}

static void fill_numbers(struct graphfile_loading *l)
{
	struct hg_analysis *a = l->a;
	const struct graphfile_meta *meta = l->parts.meta.data;
	a->totals = meta->totals;
	a->debug_types = meta->debug_types;
	a->stopped_us = meta->stopped_us;
	a->facts->present_bytes = meta->present_bytes;
	a->facts->build_id = hg_program_text(a->prog, meta->build_id);
	a->coverage.typed_bytes = meta->typed_bytes;
	a->coverage.guessed_bytes = meta->guessed_bytes;
	a->coverage.masked_bytes = meta->masked_bytes;
	a->coverage.missing_bytes = meta->missing_bytes;
	a->coverage.conservative_bytes = meta->conservative_bytes;
	a->coverage.conservative_edges = meta->conservative_edges;
}

static struct hg_error *check_facts(struct graphfile_loading *l)
{
	struct hg_facts *facts = l->a->facts;
	for (size_t i = 0; i < facts->containers.count; i++) {
		const struct hg_fact_container *c = &facts->containers.data[i];
		if (c->stored > facts->stored.count ||
		    c->stored_count > facts->stored.count - c->stored)
			return graphfile_damaged(l, "a container has blocks that are not there");
	}
	if (facts->lines.count != l->a->roots.list.count)
		return graphfile_damaged(l, "not every root has its line");
	hg_facts_sort(facts);
	return NULL;
}

/* ---- all ---- */

static struct hg_error *load(struct graphfile_loading *l)
{
	struct hg_error *err = make_program(l);
	if (!err)
		err = read_lists(l);
	if (!err)
		err = fill_program(l);
	if (!err)
		err = fill_notes(l);
	if (!err)
		err = make_heaps(l);
	if (err)
		return err;
	fill_numbers(l);
	err = check_facts(l);
	if (!err)
		err = graphfile_load_arrays(l);
	return err ? err : hg_langs_open(l->a);
}

static struct hg_error *load_file(const char *name, struct hg_section_file *file,
				  const struct hg_log *log, struct hg_analysis **ret)
{
	hg_cleanup(hg_section_file_closep) struct hg_section_file *guard = file;
	hg_cleanup(hg_analysis_destroyp) struct hg_analysis *a = calloc(1, sizeof(*a));
	if (!a)
		return &hg_enomem;
	a->log = log;
	a->priv = calloc(1, sizeof(*a->priv));
	a->facts = calloc(1, sizeof(*a->facts));
	if (!a->priv || !a->facts)
		return &hg_enomem;
	a->facts->loaded = true;
	a->facts->file = hg_take(guard);
	struct graphfile_loading l = {.name = name, .a = a, .log = log};
	struct hg_error *err = load(&l);
	graphfile_parts_deinit(&l.parts);
	if (err)
		return err;
	*ret = hg_take(a);
	return NULL;
}

bool hg_graphfile_detect(const char *path)
{
	uint8_t start[8];
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	const size_t size = fread(start, 1, sizeof(start), file);
	fclose(file);
	return hg_section_file_detect(start, size);
}

struct hg_error *hg_graphfile_load(const struct hg_options *options, struct hg_analysis **ret)
{
	struct hg_section_file *file = NULL;
	struct hg_error *err = hg_section_file_open(options->source, &file);
	return err ? err : load_file(options->source, file, options->log, ret);
}

struct hg_error *hg_graphfile_load_bytes(const char *name, const uint8_t *data, uint64_t size,
					 struct hg_analysis **ret)
{
	struct hg_section_file *file = NULL;
	struct hg_error *err = hg_section_file_open_bytes(name, data, size, &file);
	return err ? err : load_file(name, file, NULL, ret);
}
