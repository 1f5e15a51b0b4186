#include "graph/heap/heap_go_root.h"

#include "core/base/limits.h"

uint32_t go_root_add(struct go_rooter *r, const struct hg_root *root)
{
	const uint32_t id = hg_roots_add(r->roots, root);
	if (!id)
		r->failed = true;
	return id;
}

uint32_t go_root(struct go_rooter *r, uint32_t parent, enum hg_root_kind kind, const char *name)
{
	const struct hg_root root = {
		.parent = parent,
		.kind = (uint8_t)kind,
		.name = hg_program_string(r->go->prog, name),
	};
	return go_root_add(r, &root);
}

void go_root_edge(struct go_rooter *r, const struct hg_root_edge *edge)
{
	if (edge->root && !hg_roots_edge(r->roots, edge))
		r->failed = true;
}

void go_root_fold(struct go_rooter *r, uint64_t addr)
{
	const uint32_t block = addr ? hg_blocks_find(r->blocks, addr) : HG_NO_BLOCK;
	if (block != HG_NO_BLOCK && !hg_roots_fold(r->roots, hg_blocks_addr(r->blocks, block)))
		r->failed = true;
}

bool go_slice_read(struct go_rooter *r, uint64_t addr, uint64_t limit, uint64_t *array,
		   uint64_t *count)
{
	const struct hg_image *image = r->go->prog->image;
	if (!hg_image_u64(image, addr, array) || !hg_image_u64(image, addr + 8, count))
		return false;
	if (*count <= limit)
		return true;
	hg_coverage_add(r->go->coverage, "runtime slices with an impossible length", 1);
	return false;
}

const char *go_funcval_name(struct heap_go *go, uint64_t funcval)
{
	uint64_t entry = 0;
	if (!funcval || !hg_image_u64(go->prog->image, funcval, &entry))
		return NULL;
	const struct go_func *func = go_func_at(go, entry);
	return func && func->entry == entry && *func->name ? func->name : NULL;
}

bool go_walk_step(struct go_walk *walk, uint64_t addr)
{
	// Brent: the mark moves to here whenever the number of steps is a power of two.
	if (walk->steps && addr == walk->mark)
		return false;
	if (!(walk->steps & (walk->steps - 1)))
		walk->mark = addr;
	return ++walk->steps <= walk->limit;
}

struct hg_error *go_roots(struct hg_heap *heap, const struct hg_blocks *blocks,
			  struct hg_roots *roots)
{
	struct go_rooter r = {
		.go = (struct heap_go *)heap,
		.blocks = blocks,
		.roots = roots,
	};
	go_global_roots(&r);
	go_special_roots(&r);
	go_queue_roots(&r);
	go_timer_roots(&r);
	go_pool_roots(&r);
	if (r.failed)
		return &hg_enomem;
	return go_stacks_roots(r.go, blocks, roots);
}
