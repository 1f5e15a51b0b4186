#include "graph/omit.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/capture_hide.h"
#include "core/proc.h"
#include "graph/analysis_private.h"
#include "graph/lang/inlay.h"

#define ROUNDS 3 // of looking whether anything has changed without the contents
#define USER_BITS 48

struct omit {
	struct hg_analysis *a;
	uint8_t *plain;	     // per type: 0 not asked, 1 it is, 2 it is not
	hg_hidden_list gone; // what can go
	hg_hidden_list kept; // parts of it that cannot
	uint64_t lowest;     // address of all segments
	bool failed;	     // out of memory
};

static void add(struct omit *o, hg_hidden_list *list, uint64_t addr, uint64_t size)
{
	struct hg_hidden *last = list->count ? &list->data[list->count - 1] : NULL;
	if (last && last->addr + last->size == addr) {
		last->size += size;
		return;
	}
	struct hg_hidden *place = size ? hg_vec_push(list) : NULL;
	if (place)
		*place = (struct hg_hidden){addr, size};
	else if (size)
		o->failed = true;
}

static void keep(void *arg, uint64_t addr, uint64_t size)
{
	struct omit *o = arg;
	add(o, &o->kept, addr, size);
}

/** Words that are addresses may be references, or what a runtime tells a type by: code of a closure, a virtual table. */
static void keep_addresses(struct omit *o, uint64_t addr, uint64_t size)
{
	const struct hg_image *image = o->a->prog->image;
	for (uint64_t end = addr + (size & ~(uint64_t)7); addr < end;) {
		uint64_t there;
		const uint8_t *bytes = hg_image_view_some(image, addr, &there);
		there = there < end - addr ? there & ~(uint64_t)7 : end - addr;
		if (!bytes || !there) {
			keep(o, addr, 8); // cut in two: it is not looked at
			addr += 8;
			continue;
		}
		for (uint64_t at = 0; at < there; at += 8) {
			const uint64_t value = hg_load_u64(bytes + at);
			if (value >= o->lowest && !(value >> USER_BITS) &&
			    hg_image_segment(image, value))
				keep(o, addr + at, 8);
		}
		addr += there;
	}
}

/* ---- Go: the collector says which objects have no pointers ---- */

/** What is told apart by its type and yet lies among objects without pointers: the head of a channel. */
static void keep_head(struct omit *o, const struct hg_extent *extent, uint64_t addr, uint32_t type)
{
	if (!type || !hg_shape_has_pointers(&o->a->priv->shapes, type))
		return;
	const struct hg_type *t = hg_type_get(o->a->prog, hg_type_strip(o->a->prog, type));
	const uint64_t room = extent->stride - extent->header;
	const bool whole = t->kind == HG_TYPE_ARRAY || t->size > room;
	keep(o, addr + extent->header, whole ? room : t->size);
}

static void omit_collected(struct omit *o, const struct hg_extent *extent)
{
	const struct hg_blocks *blocks = &o->a->blocks;
	if (!extent->no_pointers)
		return;
	// With what free slots still hold of former objects.
	add(o, &o->gone, extent->addr, extent->slots * extent->stride);
	uint32_t block = extent->first;
	for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
	     slot = hg_blocks_next_slot(blocks, extent, slot + 1), block++) {
		const uint64_t addr = hg_extent_slot_addr(extent, slot);
		keep_addresses(o, addr, extent->stride);
		keep_head(o, extent, addr, blocks->types[block]);
	}
}

/* ---- C and C++: types say it ---- */

static bool is_plain(struct omit *o, uint32_t type, unsigned depth);

static bool is_plain_struct(struct omit *o, const struct hg_type t, unsigned depth)
{
	if (t.incomplete || !t.member_count)
		return false;
	for (uint32_t i = 0; i < t.member_count; i++) {
		// Without a name behind the start: all else of the block is unknown, or it is a base class.
		const struct hg_member member = o->a->prog->types.members.data[t.members + i];
		if ((!member.name && member.offset) || !is_plain(o, member.type, depth + 1))
			return false;
	}
	return true;
}

/** Is a value of the type but numbers and letters, and no container that a report would look into? */
static bool ask_plain(struct omit *o, uint32_t type, unsigned depth)
{
	const struct hg_type t = *hg_type_get(o->a->prog, type);
	struct hg_shapes *shapes = &o->a->priv->shapes;
	switch (t.kind) {
	case HG_TYPE_BOOL:
	case HG_TYPE_INT:
	case HG_TYPE_UINT:
	case HG_TYPE_FLOAT:
	case HG_TYPE_COMPLEX:
	case HG_TYPE_ENUM:
		return true;
	case HG_TYPE_ARRAY:
	case HG_TYPE_TYPEDEF:
		return is_plain(o, t.elem, depth + 1);
	case HG_TYPE_STRUCT:
	case HG_TYPE_UNION:
		return !hg_map_get(&shapes->composites, type) &&
		       !hg_shape_has_pointers(shapes, type) && !hg_shape_varies(shapes, type) &&
		       !hg_inlays_any(o->a, type) && is_plain_struct(o, t, depth);
	default:
		return false;
	}
}

static bool is_plain(struct omit *o, uint32_t type, unsigned depth)
{
	if (!type || depth > HG_MAX_TYPE_DEPTH || type >= o->a->prog->types.types.count)
		return false;
	if (!o->plain[type]) {
		o->plain[type] = 2; // one that contains itself is damaged
		o->plain[type] = ask_plain(o, type, depth) ? 1 : 2;
	}
	return o->plain[type] == 1;
}

static void omit_native(struct omit *o, const struct hg_extent *extent)
{
	const struct hg_blocks *blocks = &o->a->blocks;
	uint32_t block = extent->first;
	for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
	     slot = hg_blocks_next_slot(blocks, extent, slot + 1), block++) {
		const uint32_t type = blocks->types[block];
		if (!is_plain(o, type, 0))
			continue;
		const struct hg_type *t = hg_type_get(o->a->prog, hg_type_strip(o->a->prog, type));
		const uint64_t addr = hg_extent_slot_addr(extent, slot),
			       size = hg_blocks_slot_size(blocks, extent, slot);
		const bool open = t->kind == HG_TYPE_ARRAY && !t->count;
		add(o, &o->gone, addr, open || t->size > size ? size : t->size);
		keep_addresses(o, addr, size);
	}
}

/* ---- the list ---- */

static struct hg_error *find(struct omit *o)
{
	struct hg_analysis *a = o->a;
	// Shapes and inlays may be made on the way, but no types.
	o->plain = calloc(a->prog->types.types.count + 1, 1);
	if (!o->plain)
		return &hg_enomem;
	o->lowest = a->prog->image->segments[0].addr;
	for (size_t i = 0; i < a->blocks.extents.count; i++) {
		const struct hg_extent *extent = &a->blocks.extents.data[i];
		if (a->heaps.data[extent->heap]->ops->pointer_bits)
			omit_collected(o, extent);
		else
			omit_native(o, extent);
	}
	for (size_t i = 0; i < a->heaps.count; i++)
		if (a->heaps.data[i]->ops->reads)
			a->heaps.data[i]->ops->reads(a->heaps.data[i], keep, o);
	return o->failed ? &hg_enomem : NULL;
}

/** What can go without what cannot. */
static struct hg_error *subtract(struct omit *o, hg_hidden_list *ret)
{
	hg_hide_tidy(&o->gone);
	hg_hide_tidy(&o->kept);
	size_t next = 0;
	ret->count = 0;
	for (size_t i = 0; i < o->gone.count; i++) {
		uint64_t addr = o->gone.data[i].addr;
		const uint64_t end = addr + o->gone.data[i].size;
		while (next < o->kept.count &&
		       o->kept.data[next].addr + o->kept.data[next].size <= addr)
			next++;
		for (size_t k = next; k < o->kept.count && o->kept.data[k].addr < end; k++) {
			if (o->kept.data[k].addr > addr)
				add(o, ret, addr, o->kept.data[k].addr - addr);
			addr = o->kept.data[k].addr + o->kept.data[k].size;
		}
		if (addr < end)
			add(o, ret, addr, end - addr);
	}
	return o->failed ? &hg_enomem : NULL;
}

/* ---- is all as it was? ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

static uint64_t hash_name(const struct hg_analysis *a, uint32_t type)
{
	uint64_t hash = 1;
	for (const char *name = hg_type_name(a->prog, type); *name; name++)
		hash = mix(hash, (uint8_t)*name);
	return mix(hash, hg_type_get(a->prog, type)->size);
}

/** All that reports tell of each node, in a number. */
static struct hg_error *digest(const struct hg_analysis *a, uint64_t **ret)
{
	hg_autofree uint64_t *names = calloc(a->prog->types.types.count + 1, sizeof(*names));
	uint64_t *digests = malloc(((size_t)a->graph.nodes + 1) * sizeof(*digests));
	*ret = digests;
	if (!names || !digests)
		return &hg_enomem;
	for (uint32_t node = 0; node < a->graph.nodes; node++) {
		const uint32_t type = hg_node_type(a, node);
		if (!names[type])
			names[type] = hash_name(a, type) | 1;
		uint64_t hash = mix(names[type], a->retained[node]);
		hash = mix(hash, a->dom.idom[node]);
		hash = mix(hash, a->graph.edge_at[node + 1] - a->graph.edge_at[node]);
		hash = mix(hash, a->priv->marks ? a->priv->marks[node] : 0);
		digests[node] = mix(hash, hg_node_is_doubted(a, node));
	}
	return NULL;
}

struct source {
	const char *core;
	char root[64];
	const struct hg_log *log;
};

static struct hg_error *analyze(const struct source *source, const hg_hidden_list *hidden,
				struct hg_analysis **ret)
{
	const struct hg_image_options image_options = {
		.sysroot = *source->root ? source->root : NULL, .log = source->log};
	const struct hg_options options = {.source = source->core, .log = source->log};
	struct hg_image *image = NULL;
	struct hg_program *prog = NULL;
	struct hg_error *err = hg_image_open_core(source->core, &image_options, &image);
	if (!err && hidden)
		err = hg_image_hide(image, hidden->data, hidden->count);
	if (err) {
		hg_image_destroy(image);
		return err;
	}
	err = hg_program_create(image, source->log, &prog);
	return err ? err : hg_analysis_of_program(prog, &options, ret);
}

/** Keeps the contents of each block of which another thing would be told without them. *changed: of any; *all: there is no saying
 * of which. */
static void compare(struct omit *o, const struct hg_analysis *other, const uint64_t *before,
		    const uint64_t *now, bool *changed, bool *all)
{
	for (uint32_t node = 0; node < other->graph.nodes; node++) {
		if (before[node] == now[node])
			continue;
		*changed = true;
		if (hg_node_is_root(other, node))
			continue;
		const uint32_t block = hg_node_block(other, node);
		keep(o, hg_blocks_addr(&other->blocks, block),
		     hg_blocks_size(&other->blocks, block));
	}
	const struct hg_extent *extents = other->blocks.extents.data;
	for (size_t i = 0; *all && i < other->blocks.extents.count; i++)
		if (!other->heaps.data[extents[i].heap]->ops->pointer_bits)
			keep(o, extents[i].addr, extents[i].size);
}

/** Types of malloc's blocks rest on what the blocks hold: those that would get another are left alone. */
static struct hg_error *settle(struct omit *o, const struct source *source, uint32_t nodes,
			       const uint64_t *before, hg_hidden_list *ret)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		hg_cleanup(hg_analysis_destroyp) struct hg_analysis *other = NULL;
		hg_autofree uint64_t *now = NULL;
		struct hg_error *err = analyze(source, ret, &other);
		if (!err)
			err = digest(other, &now);
		if (err)
			return err;
		if (other->graph.nodes != nodes)
			return hg_error_create(HG_ERROR_OTHER,
					       "the heap cannot be read without its contents");
		bool changed = false, all = round + 2 == ROUNDS;
		compare(o, other, before, now, &changed, &all);
		if (!changed)
			return NULL;
		if (round + 1 == ROUNDS)
			return hg_error_create(HG_ERROR_OTHER,
					       "the heap would look different without contents");
		err = subtract(o, ret);
		if (err)
			return err;
	}
	return NULL;
}

static bool has_native(const struct hg_analysis *a)
{
	for (size_t i = 0; i < a->heaps.count; i++)
		if (!a->heaps.data[i]->ops->pointer_bits)
			return true;
	return false;
}

static struct hg_error *find_all(struct omit *o, const struct source *source, hg_hidden_list *ret)
{
	hg_cleanup(hg_analysis_destroyp) struct hg_analysis *a = NULL;
	hg_autofree uint64_t *before = NULL;
	struct hg_error *err = analyze(source, NULL, &a);
	if (err)
		return err;
	o->a = a;
	err = find(o);
	if (!err)
		err = subtract(o, ret);
	if (err)
		return err;
	if (!ret->count)
		return hg_error_create(HG_ERROR_UNSUPPORTED,
				       "nothing in the heap is known to be without pointers; is "
				       "there debug info?");
	if (!has_native(a))
		return NULL;
	err = digest(a, &before);
	if (err)
		return err;
	const uint32_t nodes = a->graph.nodes;
	hg_analysis_destroy(hg_take(a));
	return settle(o, source, nodes, before, ret);
}

struct hg_error *hg_omit_find(void *arg, uint32_t pid, const char *core, hg_hidden_list *ret)
{
	struct source source = {.core = core, .log = arg};
	if (!hg_proc_shares_root(pid))
		snprintf(source.root, sizeof(source.root), "/proc/%u/root", pid);
	struct omit o = {0};
	struct hg_error *err = find_all(&o, &source, ret);
	free(o.plain);
	hg_vec_deinit(&o.gone);
	hg_vec_deinit(&o.kept);
	if (!err || err == &hg_enomem)
		return err;
	return hg_error_context(err, "cannot leave out contents");
}
