/**
 * Where Go's roots are collected: private to the heap_go_root*.c and heap_go_stack*.c files.
 */
#ifndef HG_GRAPH_HEAP_HEAP_GO_ROOT_H
#define HG_GRAPH_HEAP_HEAP_GO_ROOT_H

#include "core/base/text.h"
#include "graph/heap/heap_go.h"

struct go_rooter {
	struct heap_go *go;
	const struct hg_blocks *blocks;
	struct hg_roots *roots;
	bool failed; /* memory ran out */
};

/** Adds a root of that kind and name; 0 where memory ran out. */
uint32_t go_root(struct go_rooter *r, uint32_t parent, enum hg_root_kind kind, const char *name);
uint32_t go_root_add(struct go_rooter *r, const struct hg_root *root);
void go_root_edge(struct go_rooter *r, const struct hg_root_edge *edge);
/** Folds the block that contains addr, where there is one. */
void go_root_fold(struct go_rooter *r, uint64_t addr);

static inline bool go_is_block(const struct go_rooter *r, uint64_t addr)
{
	return addr && hg_blocks_find(r->blocks, addr) != HG_NO_BLOCK;
}

/** Reads the slice variable or field at addr. False where it is missing, or larger than limit (counted). */
bool go_slice_read(struct go_rooter *r, uint64_t addr, uint64_t limit, uint64_t *array,
		   uint64_t *count);

/** The name of the function behind a func value (the address of a funcval); NULL where it is none. */
const char *go_funcval_name(struct heap_go *go, uint64_t funcval);

struct go_target {
	uint32_t type;	/* 0: unknown */
	uint64_t count; /* elements of that type */
};

/** What the pointer at `offset` of a value of a type leads to; the value lies at addr. Adds the way there to path (".field",
 * "[...]"), which may be NULL. */
struct go_target go_target_of(struct heap_go *go, uint32_t type, uint64_t addr, uint64_t offset,
			      struct hg_text *path);

/** Guards a walk over a linked list of the target: false once it has come back to where it was, or is too long. */
struct go_walk {
	uint64_t mark, steps, limit;
};
bool go_walk_step(struct go_walk *walk, uint64_t addr);

void go_global_roots(struct go_rooter *r);
void go_special_roots(struct go_rooter *r);
void go_queue_roots(struct go_rooter *r);
void go_timer_roots(struct go_rooter *r);
void go_pool_roots(struct go_rooter *r);

#endif
