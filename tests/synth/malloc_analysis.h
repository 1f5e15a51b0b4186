/**
 * An analysis of made-up memory of C: blocks of 64 bytes in a row, whose words the test writes, and roots.
 */
#ifndef HG_SYNTH_MALLOC_ANALYSIS_H
#define HG_SYNTH_MALLOC_ANALYSIS_H

#include <string.h>

#include "core/image_build.h"
#include "dwarf/program_private.h"
#include "graph/analysis_private.h"

#define CELL_BASE 0x100000u
#define CELL_SIZE 64u
#define CELL_WORDS (CELL_SIZE / 8)
#define MAX_CELLS 64u

struct malloc_analysis {
	struct hg_analysis a;
	struct hg_analysis_private priv;
	struct hg_heap heap;
	uint64_t cells[MAX_CELLS][CELL_WORDS];
};

static const struct hg_heap_ops malloc_ops = {.name = "malloc", .runtime = "C"};

static inline uint64_t cell_addr(uint32_t cell)
{
	return CELL_BASE + cell * CELL_SIZE;
}

/** Begins one of `count` blocks; the caller writes m->cells before or after. */
static inline void malloc_begin(struct malloc_analysis *m, uint32_t count)
{
	const struct hg_image_options options = {0};
	struct hg_image *image = NULL;
	memset(m, 0, sizeof(*m));
	hg_assert(count <= MAX_CELLS);
	struct hg_error *err = hg_image_create(HG_IMAGE_CORE, &options, &image);
	hg_assert(!err);
	image->arch = &hg_arch_x86_64;
	const struct hg_segment segment = {
		.addr = CELL_BASE,
		.size = sizeof(m->cells),
		.present = sizeof(m->cells),
		.bytes = (const uint8_t *)m->cells,
		.prot = HG_PROT_READ | HG_PROT_WRITE,
	};
	err = hg_image_add(image, segment);
	if (!err)
		err = hg_image_finish(image);
	if (!err)
		err = hg_program_create_bare(image, NULL, &m->a.prog);
	hg_assert(!err);
	m->a.priv = &m->priv;
	m->priv.shapes.prog = m->a.prog;
	m->heap.ops = &malloc_ops;
	*hg_vec_push(&m->a.heaps) = &m->heap;
	const uint64_t bits = count == 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1;
	const struct hg_extent extent = {
		.addr = CELL_BASE, .size = count * CELL_SIZE, .stride = CELL_SIZE, .slots = count};
	err = hg_blocks_add(&m->a.blocks, &extent, &bits, NULL);
	if (!err)
		err = hg_blocks_finish(&m->a.blocks, NULL);
	hg_assert(!err);
}

/** Adds a root of its own with one word that may be a pointer. */
static inline uint32_t malloc_root(struct malloc_analysis *m, enum hg_root_kind kind,
				   uint64_t target)
{
	const uint32_t root = hg_roots_add(&m->a.roots, &(struct hg_root){.kind = (uint8_t)kind});
	const bool stale = kind == HG_ROOT_WORDS;
	const bool added = hg_roots_edge(
		&m->a.roots, &(struct hg_root_edge){
				     .target = target,
				     .root = root,
				     .flags = HG_EDGE_CONSERVATIVE | (stale ? HG_EDGE_STALE : 0),
			     });
	hg_assert(root && added);
	return root;
}

static inline void malloc_end(struct malloc_analysis *m)
{
	hg_graph_deinit(&m->a.graph);
	hg_dominators_deinit(&m->a.dom);
	hg_blocks_deinit(&m->a.blocks);
	hg_roots_deinit(&m->a.roots);
	hg_coverage_deinit(&m->a.coverage);
	hg_vec_deinit(&m->a.heaps);
	hg_shapes_deinit(&m->priv.shapes);
	free(m->priv.folded);
	free(m->priv.owned);
	free(m->priv.marks);
	free(m->priv.doubted);
	hg_program_destroy(m->a.prog);
}

#endif
