#include "graph/heapgraph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/capture.h"
#include "core/proc.h"
#include "graph/omit.h"
#include "graph/phase.h"
#include "graph/analysis_private.h"
#include "graph/leak_mark.h"
#include "graph/retained.h"
#include "graph/root_native.h"
#include "graph/root_thread.h"
#include "graph/scan.h"
#include "graph/typing.h"
#include "graph/weak.h"

/** A source is a file of that name, else a PID. */
static struct hg_error *open_image(const struct hg_options *options, struct hg_analysis *a,
				   struct hg_image **ret)
{
	const struct hg_image_options image_options = {
		.exe = options->exe, .sysroot = options->sysroot, .log = options->log};
	struct stat st;
	char *end = NULL;
	unsigned long pid = strtoul(options->source, &end, 10);
	bool number = *options->source >= '0' && *options->source <= '9' && !*end;
	if (stat(options->source, &st) && number) {
		if (pid > INT32_MAX)
			return hg_error_create(HG_ERROR_NOT_FOUND, "no process %s",
					       options->source);
		return hg_image_open_live((uint32_t)pid, &image_options, &a->stopped_us, ret);
	}
	return hg_image_open_core(options->source, &image_options, ret);
}

static struct hg_error *open_program(struct hg_analysis *a, const struct hg_options *options)
{
	struct hg_image *image = NULL;
	struct hg_error *err = open_image(options, a, &image);
	if (!err)
		err = hg_program_create(image, options->log, &a->prog);
	if (err)
		return err;
	a->coverage.missing_bytes = a->prog->image->missing_bytes;
	a->debug_types = (uint32_t)a->prog->types.types.count;
	return NULL;
}

static struct hg_error *no_heap(const struct hg_analysis *a)
{
	const struct hg_module *exe = a->prog->modules.count ? &a->prog->modules.data[0] : NULL;
	if (exe && exe->problem && !exe->elf)
		return hg_error_create(HG_ERROR_UNSUPPORTED, "%s", exe->problem);
	return hg_error_create(
		HG_ERROR_UNSUPPORTED,
		"no heap that heapgraph knows in '%s': neither Go's nor that of glibc's malloc",
		exe && exe->path ? exe->path : "?");
}

static struct hg_error *open_heaps(struct hg_analysis *a)
{
	for (size_t i = 0; hg_heap_table[i]; i++) {
		if (!hg_heap_table[i]->probe(a->prog))
			continue;
		struct hg_heap *heap = NULL;
		struct hg_error *err = hg_heap_table[i]->open(a->prog, &a->coverage, &heap);
		if (err)
			return err;
		struct hg_heap **place = hg_vec_push(&a->heaps);
		if (!place) {
			heap->ops->close(heap);
			return &hg_enomem;
		}
		*place = heap;
	}
	if (!a->heaps.count)
		return no_heap(a);
	// Types of C and C++ are read where malloc'd memory is to be typed, and not for Go alone.
	for (size_t i = 0; i < a->heaps.count; i++)
		if (!a->heaps.data[i]->ops->pointer_bits)
			return hg_program_read_native(a->prog);
	return NULL;
}

static struct hg_error *find_blocks(struct hg_analysis *a)
{
	struct hg_error *err = NULL;
	for (size_t i = 0; i < a->heaps.count && !err; i++)
		err = a->heaps.data[i]->ops->walk(a->heaps.data[i], (uint16_t)i, &a->blocks);
	uint64_t dropped = 0;
	if (!err)
		err = hg_blocks_finish(&a->blocks, &dropped);
	if (err)
		return err;
	hg_coverage_add(&a->coverage, "runs of blocks that overlap others", dropped);
	for (size_t i = 0; i < a->heaps.count && !err; i++)
		if (a->heaps.data[i]->ops->types)
			err = a->heaps.data[i]->ops->types(a->heaps.data[i], &a->blocks);
	return err;
}

static bool is_covered(const struct hg_analysis *a, bool collected, uint64_t addr)
{
	for (size_t i = 0; i < a->heaps.count; i++) {
		const struct hg_heap_ops *ops = a->heaps.data[i]->ops;
		if (ops->covers && !ops->pointer_bits != collected &&
		    ops->covers(a->heaps.data[i], addr))
			return true;
	}
	return false;
}

static bool owns(void *arg, uint32_t type, uint64_t addr, uint64_t offset)
{
	const struct hg_analysis *a = arg;
	const struct hg_place place = {addr, UINT64_MAX};
	uint8_t kind = hg_shape_leaf_at(&a->priv->shapes, type, place, offset).kind;
	return kind != HG_LEAF_NONE && kind != HG_LEAF_WEAK;
}

/** Memory whose pointers a runtime with a collector has told itself. */
static bool is_collected(void *arg, uint64_t addr)
{
	return is_covered(arg, true, addr);
}

/** Memory of malloc's heaps: blocks, what is free, and what malloc itself keeps. */
static bool is_native_heap(void *arg, uint64_t addr)
{
	return is_covered(arg, false, addr);
}

static struct hg_error *find_roots(struct hg_analysis *a)
{
	struct hg_error *err = hg_langs_open(a);
	struct hg_native_options native = {
		.skip = is_collected, .in_heap = is_native_heap, .owns = owns, .arg = a};
	for (size_t i = 0; i < a->heaps.count && !err; i++) {
		if (!a->heaps.data[i]->ops->pointer_bits)
			native.heaps |= (uint64_t)1 << i;
		if (a->heaps.data[i]->ops->roots)
			err = a->heaps.data[i]->ops->roots(a->heaps.data[i], &a->blocks, &a->roots);
	}
	if (!err)
		err = hg_roots_threads(a->prog, &a->roots);
	if (!err && native.heaps)
		err = hg_roots_native(a->prog, &a->blocks, &native, &a->coverage, &a->roots);
	return err;
}

static struct hg_error *build_graph(struct hg_analysis *a, const struct hg_options *options,
				    struct hg_phases *phases)
{
	hg_autofree uint32_t *words = NULL;
	struct hg_error *err = hg_scan(a, &words);
	hg_phase_end(phases, "scan", a->graph.edges);
	if (!err)
		err = hg_typing(a, words);
	hg_phase_end(phases, "types", a->blocks.count);
	if (!err && (!options->report || !strcmp(options->report, "leaks"))) {
		err = hg_leak_mark(a, words);
		hg_phase_end(phases, "leak marks", a->graph.edges);
	}
	if (!err)
		err = hg_weak_settle(a, words);
	hg_phase_end(phases, "weak edges", a->roots.edges.count);
	return err;
}

/** Shallow sizes of all nodes, in block order. */
static struct hg_error *fill_sizes(struct hg_analysis *a)
{
	a->retained = calloc((size_t)a->graph.nodes + 1, sizeof(*a->retained));
	if (!a->retained)
		return &hg_enomem;
	for (size_t i = 0; i < a->blocks.extents.count; i++) {
		const struct hg_extent *extent = &a->blocks.extents.data[i];
		uint64_t *sizes = a->retained + a->graph.first_block + extent->first;
		uint32_t block = 0;
		if (!extent->irregular) {
			for (; block < extent->count; block++)
				sizes[block] = extent->stride;
			continue;
		}
		for (uint32_t slot = hg_blocks_next_slot(&a->blocks, extent, 0);
		     slot < extent->slots; slot = hg_blocks_next_slot(&a->blocks, extent, slot + 1))
			sizes[block++] = hg_blocks_slot_size(&a->blocks, extent, slot);
	}
	return NULL;
}

static void sum_extent(struct hg_analysis *a, const struct hg_extent *extent)
{
	struct hg_heap_share *share = &a->shares[extent->heap];
	for (uint32_t block = extent->first; block < extent->first + extent->count; block++) {
		uint32_t node = a->graph.first_block + block;
		uint64_t size = a->retained[node];
		if (a->dom.idom[node] == HG_UNREACHED) {
			share->totals.garbage_objects++;
			share->totals.garbage_bytes += size;
			continue;
		}
		share->totals.live_objects++;
		share->totals.live_bytes += size;
		const uint64_t *guessed = a->priv->guessed;
		if (guessed && guessed[block / 64] >> (block % 64) & 1)
			share->guessed_bytes += size;
		if (a->blocks.types[block])
			share->typed_bytes += size;
		else
			share->masked_bytes += size;
	}
}

/** Sums what is live, garbage, typed, heap by heap; sizes are still shallow. */
static struct hg_error *sum_totals(struct hg_analysis *a)
{
	a->shares = calloc(a->heaps.count + 1, sizeof(*a->shares));
	if (!a->shares)
		return &hg_enomem;
	for (size_t i = 0; i < a->blocks.extents.count; i++)
		sum_extent(a, &a->blocks.extents.data[i]);
	for (size_t i = 0; i < a->heaps.count; i++) {
		struct hg_heap_totals totals = {0};
		a->heaps.data[i]->ops->totals(a->heaps.data[i], &totals);
		a->shares[i].totals.heap_inuse_bytes = totals.inuse_bytes;
		a->shares[i].totals.garbage_objects += totals.dead_objects;
		a->shares[i].totals.garbage_bytes += totals.dead_bytes;
	}
	a->totals = a->shares[0].totals;
	a->coverage.typed_bytes = a->shares[0].typed_bytes;
	a->coverage.guessed_bytes = a->shares[0].guessed_bytes;
	a->coverage.masked_bytes = a->shares[0].masked_bytes;
	return NULL;
}

static struct hg_error *find_holders(struct hg_analysis *a, struct hg_phases *phases)
{
	struct hg_error *err = hg_dominators_init(&a->dom, &a->graph);
	hg_phase_end(phases, "dominators", a->dom.reached);
	if (!err)
		err = fill_sizes(a);
	if (err)
		return err;
	err = sum_totals(a);
	if (err)
		return err;
	hg_retained_sum(&a->dom, a->retained);
	hg_phase_end(phases, "retained sizes", a->dom.reached);
	return NULL;
}

static struct hg_error *verify(struct hg_analysis *a)
{
	uint64_t violations = 0;
	uint32_t from = 0, to = 0;
	struct hg_error *err = hg_dominators_verify(&a->dom, &a->graph, &violations, &from, &to);
	if (err)
		return err;
	if (violations)
		return hg_error_create(
			HG_ERROR_OTHER,
			"verify: %llu edges contradict the dominator tree, the first "
			"from node %u to node %u",
			(unsigned long long)violations, from, to);
	uint64_t live = 0;
	for (size_t i = 0; i < a->heaps.count; i++)
		live += a->shares[i].totals.live_bytes;
	if (a->retained[0] != live)
		return hg_error_create(
			HG_ERROR_OTHER, "verify: the roots retain %llu bytes but %llu are live",
			(unsigned long long)a->retained[0], (unsigned long long)live);
	hg_coverage_note(&a->coverage, "verified: %u edges agree with the dominator tree",
			 a->graph.edges);
	return NULL;
}

static void gather_notes(struct hg_analysis *a)
{
	const struct hg_image *image = a->prog->image;
	for (size_t i = 0; i < image->notes.count; i++)
		hg_coverage_note(&a->coverage, "%s", image->notes.data[i]);
	for (size_t i = 0; i < a->prog->notes.count; i++)
		hg_coverage_note(&a->coverage, "%s", a->prog->notes.data[i]);
	hg_coverage_add(&a->coverage, "entries of debug info that could not be read",
			a->prog->bad_dies);
	hg_coverage_add(&a->coverage, "variable locations that could not be read",
			a->prog->bad_locations);
	for (size_t i = 0; i < a->coverage.counts.count; i++)
		hg_coverage_note(&a->coverage, "%llu %s",
				 (unsigned long long)a->coverage.counts.data[i].count,
				 a->coverage.counts.data[i].what);
}

/** The pipeline: each step reads what the ones before it made. */
static struct hg_error *run(struct hg_analysis *a, const struct hg_options *options)
{
	struct hg_phases phases = {.log = options->log};
	hg_phase_begin(&phases);
	struct hg_error *err = a->prog ? NULL : open_program(a, options);
	hg_phase_end(&phases, "debug info", a->prog ? a->prog->types.types.count : 0);
	if (!err)
		err = open_heaps(a);
	if (!err)
		err = find_blocks(a);
	hg_phase_end(&phases, "blocks", a->blocks.count);
	if (!err)
		err = find_roots(a);
	hg_phase_end(&phases, "roots", a->roots.list.count);
	if (!err)
		err = build_graph(a, options, &phases);
	if (!err)
		err = find_holders(a, &phases);
	if (!err && options->verify)
		err = verify(a);
	if (err)
		return err;
	gather_notes(a);
	return NULL;
}

struct hg_error *hg_analysis_create(const struct hg_options *options, struct hg_analysis **ret)
{
	return hg_analysis_of_program(NULL, options, ret);
}

struct hg_error *hg_analysis_of_program(struct hg_program *prog, const struct hg_options *options,
					struct hg_analysis **ret)
{
	hg_cleanup(hg_program_destroyp) struct hg_program *guard = prog;
	hg_cleanup(hg_analysis_destroyp) struct hg_analysis *a = calloc(1, sizeof(*a));
	if (!a)
		return &hg_enomem;
	a->prog = hg_take(guard);
	a->log = options->log;
	a->priv = calloc(1, sizeof(*a->priv));
	if (!a->priv)
		return &hg_enomem;
	struct hg_error *err = run(a, options);
	if (err)
		return err;
	*ret = hg_take(a);
	return NULL;
}

void hg_analysis_destroy(struct hg_analysis *a)
{
	if (!a)
		return;
	if (a->priv) {
		hg_langs_close(a);
		hg_windows_deinit(&a->priv->windows);
		free(a->priv->folded);
		free(a->priv->doubted);
		free(a->priv->owned);
		free(a->priv->marks);
		free(a->priv->guessed);
		free(a->priv);
	}
	for (size_t i = 0; i < a->heaps.count; i++)
		a->heaps.data[i]->ops->close(a->heaps.data[i]);
	hg_vec_deinit(&a->heaps);
	hg_dominators_deinit(&a->dom);
	hg_graph_deinit(&a->graph);
	hg_roots_deinit(&a->roots);
	hg_blocks_deinit(&a->blocks);
	hg_coverage_deinit(&a->coverage);
	hg_program_destroy(a->prog);
	free(a->retained);
	free(a->shares);
	free(a);
}

uint64_t hg_node_size(const struct hg_analysis *a, uint32_t node)
{
	return hg_node_is_root(a, node) ? 0 : hg_blocks_size(&a->blocks, hg_node_block(a, node));
}

bool hg_node_is_doubted(const struct hg_analysis *a, uint32_t node)
{
	if (hg_node_is_root(a, node) || !a->priv || !a->priv->doubted)
		return false;
	const uint32_t block = hg_node_block(a, node);
	return a->priv->doubted[block / 64] >> (block % 64) & 1;
}

uint64_t hg_node_addr(const struct hg_analysis *a, uint32_t node)
{
	return hg_node_is_root(a, node) ? a->roots.list.data[node].addr
					: hg_blocks_addr(&a->blocks, hg_node_block(a, node));
}

uint32_t hg_node_type(const struct hg_analysis *a, uint32_t node)
{
	return hg_node_is_root(a, node) ? a->roots.list.data[node].type
					: a->blocks.types[hg_node_block(a, node)];
}

bool hg_root_line(const struct hg_analysis *a, uint32_t root, const char **file, uint32_t *line)
{
	const struct hg_root *r = &a->roots.list.data[root];
	if (r->line) {
		*file = hg_program_text(a->prog, r->file);
		*line = r->line;
		return true;
	}
	const struct hg_variable *variable =
		r->kind == HG_ROOT_GLOBAL ? hg_variable_at(a->prog, r->addr) : NULL;
	for (size_t i = 0; variable && i < a->heaps.count; i++) {
		const struct hg_heap_ops *ops = a->heaps.data[i]->ops;
		if (ops->variable_line &&
		    ops->variable_line(a->heaps.data[i], variable, file, line))
			return true;
	}
	return false;
}

static struct hg_error *set_limits(const struct hg_live_options *options,
				   struct hg_capture_limits *ret)
{
	ret->max_pause_us = options->max_pause_us;
	ret->max_growth = options->max_growth;
	if (!options->mode || hg_capture_mode_find(options->mode, &ret->mode))
		return NULL;
	return hg_error_create(HG_ERROR_USAGE, "unknown mode '%s': auto, fork, stop or no-stop",
			       options->mode);
}

struct hg_error *hg_snapshot(const struct hg_snapshot_options *options,
			     struct hg_snapshot_result *ret)
{
	struct hg_capture_result result = {0};
	struct hg_capture_options capture = {.output = options->output,
					     .hide = options->omit_data ? hg_omit_find : NULL,
					     .hide_arg = (void *)options->log,
					     .log = options->log};
	struct hg_error *err = set_limits(&options->live, &capture.limits);
	if (!err)
		err = hg_capture(options->pid, &capture, &result);
	if (err)
		return err;
	*ret = (struct hg_snapshot_result){
		.path = result.path,
		.mode = hg_capture_mode_name(result.mode),
		.bytes = result.bytes,
		.file_size = result.file_size,
		.stopped_us = result.stopped_us,
		.reap_us = result.reap_us,
		.growth_bytes = result.growth_bytes,
		.missing_bytes = result.missing_bytes,
		.omitted_bytes = result.hidden_bytes,
	};
	return NULL;
}

struct hg_error *hg_process_look(uint32_t pid, struct hg_process *ret)
{
	struct hg_proc_status status;
	struct hg_error *err = hg_proc_status(pid, &status);
	if (!err)
		err = hg_proc_started(pid, &ret->started);
	if (err)
		return err;
	if (status.state == 'Z' || status.state == 'X')
		return hg_error_create(HG_ERROR_NOT_FOUND, "process %u has ended", pid);
	ret->rss_bytes = status.rss_bytes;
	return NULL;
}
