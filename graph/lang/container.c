// Containers that lie in something else: in a variable, in a member, behind an edge.
#include "graph/analysis_private.h"
#include "graph/facts.h"

#define MAX_BOXES 8 // an optional in a variant in an optional

struct hg_container hg_value_container(const struct hg_analysis *a, uint32_t type, uint64_t addr)
{
	struct hg_lang *lang = type ? hg_lang_of(a, type) : NULL;
	if (!lang || !lang->ops->container || !lang->ops->value_kind)
		return (struct hg_container){0};
	return hg_facts_container(a, lang, type, addr,
				  hg_type_get(a->prog, hg_type_strip(a->prog, type))->size, NULL);
}

struct hg_container hg_edge_container(const struct hg_analysis *a, uint32_t node, uint64_t offset,
				      uint32_t *type)
{
	struct hg_container c = {0};
	uint32_t outer = hg_node_type(a, node);
	uint64_t start, addr = outer ? hg_node_addr(a, node) : 0;
	if (!addr)
		return c;
	if (!hg_node_is_root(a, node)) {
		uint64_t header = hg_blocks_extent(&a->blocks, hg_node_block(a, node))->header;
		if (offset < header)
			return c;
		addr += header;
		offset -= header;
	}
	for (unsigned i = 0; i < MAX_BOXES; i++) {
		if (!hg_inlays_at(a, outer, offset, type, &start))
			return c;
		c = hg_value_container(a, *type, addr + start);
		if (!c.inside || offset - start < c.inside_at)
			return c;
		outer = c.inside;
		addr += start + c.inside_at;
		offset -= start + c.inside_at;
	}
	return c;
}

struct holder {
	const struct hg_analysis *a;
	void (*stored)(void *arg, uint32_t type, uint64_t offset, uint32_t to);
	void *arg;
	uint64_t base; // address of the node
	uint32_t type; // of the container that is being read
	uint64_t addr;
	unsigned boxes;
};

static void add_stored(void *arg, const struct hg_stored *stored)
{
	struct holder *h = arg;
	const uint32_t block = hg_blocks_find(&h->a->blocks, stored->addr);
	if (block != HG_NO_BLOCK)
		h->stored(h->arg, h->type, h->addr - h->base, h->a->graph.first_block + block);
}

static bool is_collection(enum hg_container_kind kind)
{
	return kind == HG_CONTAINER_MAP || kind == HG_CONTAINER_SET ||
	       kind == HG_CONTAINER_SEQUENCE || kind == HG_CONTAINER_TEXT;
}

static void found(void *arg, uint32_t type, uint64_t addr)
{
	struct holder *h = arg;
	struct hg_lang *lang = hg_lang_of(h->a, type);
	const struct hg_storage storage = {add_stored, h};
	bool enter;
	h->type = type;
	h->addr = addr;
	const bool collection = is_collection(lang->ops->value_kind(lang, type, &enter));
	const uint64_t size = hg_type_get(h->a->prog, type)->size;
	const struct hg_container c =
		hg_facts_container(h->a, lang, type, addr, size, collection ? &storage : NULL);
	if (!c.inside || h->boxes >= MAX_BOXES)
		return;
	h->boxes++;
	hg_inlays_each(h->a, c.inside, addr + c.inside_at,
		       hg_type_get(h->a->prog, hg_type_strip(h->a->prog, c.inside))->size, found,
		       h);
	h->boxes--;
}

void hg_node_stored(const struct hg_analysis *a, uint32_t node,
		    void (*stored)(void *arg, uint32_t type, uint64_t offset, uint32_t to),
		    void *arg)
{
	const uint32_t type = hg_node_type(a, node);
	const uint64_t addr = type ? hg_node_addr(a, node) : 0;
	if (!addr || !hg_inlays_any(a, type))
		return;
	struct holder h = {.a = a, .stored = stored, .arg = arg, .base = addr};
	if (hg_node_is_root(a, node)) {
		hg_inlays_each(a, type, addr,
			       hg_type_get(a->prog, hg_type_strip(a->prog, type))->size, found, &h);
		return;
	}
	const uint64_t header = hg_blocks_extent(&a->blocks, hg_node_block(a, node))->header;
	hg_inlays_each(a, type, addr + header, hg_node_size(a, node) - header, found, &h);
}
