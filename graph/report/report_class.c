#include "graph/report/report_class.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/map.h"
#include "core/base/text.h"
#include "graph/lang/lang.h"

#define CACHE_SIZE 4096

// Blocks of one type, and untyped ones of one size, have one name. Naming takes a microsecond, so each is named once;
// a direct-mapped cache in front of the table makes the common case three loads.
struct namer {
	const struct hg_analysis *a;
	struct hg_classes *classes;
	struct hg_map known; /* key -> class << 1 | inner */
	struct {
		uint64_t key;
		uint64_t value;
	} cache[CACHE_SIZE];
	struct hg_text text;
};

// "map[int]string (groups)" is named for what it is a part of.
static uint64_t name_node(struct namer *namer, uint32_t node)
{
	struct hg_text *text = &namer->text;
	const bool inner = hg_node_is_inner(namer->a, node);
	hg_text_cut(text, 0);
	hg_name_type(namer->a, node, text);
	const char *part = inner ? strrchr(hg_text_str(text), '(') : NULL;
	if (part && part > text->data + 1 && part[-1] == ' ')
		hg_text_cut(text, (size_t)(part - 1 - text->data));
	const char *words = hg_text_str(text);
	const uint64_t class = hg_strtab_add(&namer->classes->names, *words ? words : "(unnamed)");
	return class << 1 | inner;
}

static uint64_t look_up(struct namer *namer, uint32_t node, uint64_t size, bool no_pointers)
{
	const uint32_t type = namer->a->blocks.types[hg_node_block(namer->a, node)];
	if (size >= 1ull << 31 && !type) // too rare to be remembered
		return name_node(namer, node);
	const uint64_t key = (uint64_t)type << 32 | (uint64_t)no_pointers << 31 | (type ? 0 : size);
	const size_t slot = (key * 0x9e3779b97f4a7c15ull) >> 52;
	if (namer->cache[slot].value && namer->cache[slot].key == key)
		return namer->cache[slot].value;
	uint64_t *known = hg_map_put(&namer->known, key);
	if (!known)
		return 0;
	if (!*known)
		*known = name_node(namer, node);
	namer->cache[slot].key = key;
	namer->cache[slot].value = *known;
	return *known;
}

static struct hg_error *name_all(struct namer *namer)
{
	const struct hg_blocks *blocks = &namer->a->blocks;
	struct hg_classes *classes = namer->classes;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		uint32_t node = namer->a->graph.first_block + extent->first;
		for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
		     slot = hg_blocks_next_slot(blocks, extent, slot + 1), node++) {
			const uint64_t size = hg_blocks_slot_size(blocks, extent, slot);
			const uint64_t value = look_up(namer, node, size, extent->no_pointers);
			if (!(value >> 1))
				return &hg_enomem;
			classes->of[node] = (uint32_t)(value >> 1);
			classes->inner[node / 64] |= (value & 1) << node % 64;
		}
	}
	return NULL;
}

static void count_node(const struct hg_analysis *a, uint32_t node, uint64_t size, bool inner,
		       struct hg_class *class)
{
	if (!hg_node_is_live(a, node)) {
		class->garbage_count += !inner;
		class->garbage_bytes += size;
		if (!class->node)
			class->node = node;
		return;
	}
	if (!class->count)
		class->node = node;
	class->count += !inner;
	class->parts += inner;
	class->shallow += size;
	class->has_edges |= a->graph.edge_at[node] != a->graph.edge_at[node + 1];
}

static void count_all(const struct hg_analysis *a, struct hg_classes *classes)
{
	const struct hg_blocks *blocks = &a->blocks;
	for (size_t i = 0; i < blocks->extents.count; i++) {
		const struct hg_extent *extent = &blocks->extents.data[i];
		uint32_t node = a->graph.first_block + extent->first;
		for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
		     slot = hg_blocks_next_slot(blocks, extent, slot + 1), node++) {
			const uint64_t size = hg_blocks_slot_size(blocks, extent, slot);
			count_node(a, node, size, hg_class_is_inner(classes, node, 0),
				   &classes->list[classes->of[node]]);
		}
	}
}

/** A container whose head lies on a stack or in a variable is its parts, as far as the heap goes. */
static void count_headless(struct hg_classes *classes)
{
	for (uint32_t i = 1; i < classes->count; i++)
		if (!classes->list[i].count)
			classes->list[i].count = classes->list[i].parts;
}

static void find_buffers(struct hg_classes *classes)
{
	struct hg_text text = {0};
	for (uint32_t i = 1; i < classes->count; i++) {
		const char *name = hg_class_name(classes, i);
		if (strncmp(name, "chan ", 5))
			continue;
		hg_text_cut(&text, 0);
		hg_text_printf(&text, "[]%s", name + 5);
		classes->list[i].buffer = hg_strtab_find(&classes->names, hg_text_str(&text));
	}
	hg_text_deinit(&text);
}

struct hg_error *hg_classes_init(const struct hg_analysis *a, struct hg_classes *classes)
{
	*classes = (struct hg_classes){.of = calloc(a->graph.nodes, sizeof(*classes->of))};
	classes->inner = calloc(a->graph.nodes / 64 + 1, sizeof(*classes->inner));
	hg_autofree struct namer *namer = calloc(1, sizeof(*namer));
	if (!classes->of || !classes->inner || !namer)
		return &hg_enomem;
	namer->a = a;
	namer->classes = classes;
	struct hg_error *err = name_all(namer);
	hg_map_deinit(&namer->known);
	hg_text_deinit(&namer->text);
	if (err)
		return err;
	classes->count = (uint32_t)(classes->names.texts.count ? classes->names.texts.count : 1);
	classes->list = calloc(classes->count, sizeof(*classes->list));
	if (!classes->list)
		return &hg_enomem;
	count_all(a, classes);
	count_headless(classes);
	find_buffers(classes);
	return NULL;
}

void hg_classes_deinit(struct hg_classes *classes)
{
	hg_strtab_deinit(&classes->names);
	free(classes->of);
	free(classes->inner);
	free(classes->list);
	*classes = (struct hg_classes){0};
}
