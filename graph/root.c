#include "graph/root.h"

#include <stdlib.h>

#include "core/base/limits.h"

static const char *const kind_names[HG_ROOT_KINDS] = {
	[HG_ROOT_SUPER] = "super",
	[HG_ROOT_GLOBAL] = "global",
	[HG_ROOT_DATA] = "data",
	[HG_ROOT_GOROUTINE] = "goroutine",
	[HG_ROOT_FRAME] = "frame",
	[HG_ROOT_LOCAL] = "local",
	[HG_ROOT_REGISTER] = "register",
	[HG_ROOT_TIMER] = "timer",
	[HG_ROOT_FINALIZER] = "finalizer",
	[HG_ROOT_CLEANUP] = "cleanup",
	[HG_ROOT_WEAK] = "weak",
	[HG_ROOT_POOL] = "pool",
	[HG_ROOT_RUNTIME] = "runtime",
	[HG_ROOT_THREAD] = "thread",
	[HG_ROOT_TLS] = "tls",
	[HG_ROOT_STATIC] = "static",
	[HG_ROOT_STACK] = "stack",
	[HG_ROOT_WORDS] = "words",
};

const char *hg_root_kind_name(enum hg_root_kind kind)
{
	return (unsigned)kind < HG_ROOT_KINDS ? kind_names[kind] : "unknown";
}

uint32_t hg_roots_add(struct hg_roots *roots, const struct hg_root *root)
{
	if (!roots->list.count && !hg_vec_push(&roots->list))
		return 0;
	if (roots->list.count >= HG_MAX_NODES)
		return 0;
	struct hg_root *place = hg_vec_push(&roots->list);
	if (!place)
		return 0;
	*place = *root;
	return (uint32_t)(roots->list.count - 1);
}

bool hg_roots_edge(struct hg_roots *roots, const struct hg_root_edge *edge)
{
	struct hg_root_edge *place = hg_vec_push(&roots->edges);
	if (place)
		*place = *edge;
	return place;
}

bool hg_roots_fold(struct hg_roots *roots, uint64_t block_addr)
{
	uint64_t *place = hg_vec_push(&roots->folded);
	if (place)
		*place = block_addr;
	return place;
}

void hg_roots_deinit(struct hg_roots *roots)
{
	hg_vec_deinit(&roots->list);
	hg_vec_deinit(&roots->edges);
	hg_vec_deinit(&roots->folded);
	hg_vec_deinit(&roots->goroutines);
	hg_vec_deinit(&roots->threads);
}
