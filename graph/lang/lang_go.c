#include "graph/lang/lang_go.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "graph/analysis_private.h"

#define EFACE_DATA 8  /* offset of the data word in an interface */
#define MAP_DIR_LEN 8 /* dirLen stands behind dirPtr */
#define SLICE_CAP 16
#define REFLECT_INDIRECT (1u << 7) /* reflect.flagIndir, the same in all releases */

/* ---- interfaces ---- */

static bool dynamic_type(struct lang_go *go, uint64_t descriptor, uint32_t *type, bool *direct)
{
	uint64_t *known = hg_map_put(&go->dynamic, descriptor);
	if (!known)
		return false;
	if (!*known) {
		bool is_direct = false;
		uint32_t found = go->heap->ops->type_at(go->heap, descriptor, &is_direct);
		known = hg_map_put(&go->dynamic, descriptor);
		if (!known)
			return false;
		*known = ((uint64_t)found << 1 | is_direct) + 2;
	}
	*type = (uint32_t)((*known - 2) >> 1);
	*direct = (*known - 2) & 1;
	return *type;
}

static struct hg_guess resolve_leaf(struct lang_go *go, const struct hg_leaf *leaf, uint64_t base,
				    uint64_t offset, uint64_t value, unsigned depth);

static struct hg_guess resolve_interface(struct lang_go *go, const struct hg_leaf *leaf,
					 uint64_t base, uint64_t offset, uint64_t value,
					 unsigned depth)
{
	const struct hg_image *image = go->lang.a->prog->image;
	uint64_t descriptor;
	uint32_t type;
	bool direct;
	if (!base || offset != leaf->offset + EFACE_DATA ||
	    !hg_image_u64(image, base + leaf->offset, &descriptor) || !descriptor)
		return (struct hg_guess){0};
	if (leaf->kind == HG_LEAF_IFACE &&
	    !hg_image_u64(image, descriptor + go->itab_type, &descriptor))
		return (struct hg_guess){0};
	if (!dynamic_type(go, descriptor, &type, &direct))
		return (struct hg_guess){0};
	if (!direct)
		return (struct hg_guess){.type = type, .count = 1};
	struct hg_leaf inner = hg_shape_leaf(go->lang.shapes, type, 0);
	return resolve_leaf(go, &inner, 0, inner.offset, value, depth + 1);
}

/* ---- reflect ---- */

/** reflect.Value is {type, ptr, flag}: ptr is the value itself where it is a pointer and flag has no flagIndir. */
static struct hg_guess resolve_reflect(struct lang_go *go, const struct hg_leaf *leaf,
				       uint64_t base, uint64_t value, unsigned depth)
{
	const struct hg_image *image = go->lang.a->prog->image;
	uint64_t descriptor, flag;
	uint32_t type;
	bool direct;
	if (!base || !hg_image_u64(image, base + leaf->offset - 8, &descriptor) ||
	    !hg_image_u64(image, base + leaf->offset + 8, &flag) ||
	    !dynamic_type(go, descriptor, &type, &direct))
		return (struct hg_guess){0};
	if (flag & REFLECT_INDIRECT)
		return (struct hg_guess){.type = type, .count = 1};
	struct hg_leaf inner = hg_shape_leaf(go->lang.shapes, type, 0);
	return resolve_leaf(go, &inner, 0, inner.offset, value, depth + 1);
}

/* ---- maps ---- */

/** dirLen 0: one group stands where the directory would; else the directory, an array of pointers to tables. */
static struct hg_guess resolve_map(struct lang_go *go, const struct hg_leaf *leaf, uint64_t base)
{
	struct hg_program *prog = go->lang.a->prog;
	uint64_t dir_len = 1;
	if (base && hg_image_u64(prog->image, base + leaf->offset + MAP_DIR_LEN, &dir_len) &&
	    dir_len)
		return (struct hg_guess){.type = leaf->type, .count = dir_len};
	uint32_t table = hg_type_get(prog, hg_type_strip(prog, leaf->type))->elem;
	const struct hg_member *groups = table ? hg_type_member(prog, table, "groups") : NULL;
	const struct hg_member *data = groups ? hg_type_member(prog, groups->type, "data") : NULL;
	uint32_t pointer = data ? hg_type_strip(prog, data->type) : 0;
	return (struct hg_guess){.type = hg_type_get(prog, pointer)->elem, .count = 1};
}

/** A child of indirect[K,V], an inner node of a hash trie (internal/sync, unique), is one again or an entry[K,V]: its first byte
 * says so. */
static struct hg_guess resolve_node(struct lang_go *go, const struct hg_leaf *leaf, uint64_t value)
{
	struct hg_program *prog = go->lang.a->prog;
	const char *name = hg_type_name(prog, leaf->type), *part = strstr(name, "indirect[");
	uint64_t is_entry;
	if (!part || !hg_image_uint(prog->image, value, 1, &is_entry))
		return (struct hg_guess){0};
	if (!is_entry)
		return (struct hg_guess){.type = leaf->type, .count = 1};
	hg_autofree char *entry = NULL;
	if (asprintf(&entry, "%.*sentry%s", (int)(part - name), name, part + strlen("indirect")) <
	    0)
		return (struct hg_guess){0};
	uint32_t type = hg_type_find(prog, entry);
	if (!type)
		type = go_trie_entry(go, entry);
	return (struct hg_guess){.type = type, .count = 1};
}

static struct hg_guess resolve_leaf(struct lang_go *go, const struct hg_leaf *leaf, uint64_t base,
				    uint64_t offset, uint64_t value, unsigned depth)
{
	uint64_t count = 0;
	if (depth > 4)
		return (struct hg_guess){0};
	switch ((enum hg_leaf_kind)leaf->kind) {
	case HG_LEAF_POINTER:
		return (struct hg_guess){.type = leaf->type, .count = 1};
	case HG_LEAF_ARRAY:
		return (struct hg_guess){.type = leaf->type, .count = 0};
	case HG_LEAF_SLICE:
		if (base)
			hg_image_u64(go->lang.a->prog->image, base + leaf->offset + SLICE_CAP,
				     &count);
		return (struct hg_guess){.type = leaf->type, .count = count == 1 ? 0 : count};
	case HG_LEAF_STRING:
		if (base)
			hg_image_u64(go->lang.a->prog->image, base + leaf->offset + 8, &count);
		return (struct hg_guess){.type = leaf->type, .count = count == 1 ? 0 : count};
	case HG_LEAF_EFACE:
	case HG_LEAF_IFACE:
		return resolve_interface(go, leaf, base, offset, value, depth);
	case HG_LEAF_FUNC:
		return go_closure_resolve(go, value);
	case HG_LEAF_MAP_DIR:
		return resolve_map(go, leaf, base);
	case HG_LEAF_TRIE_NODE:
		return resolve_node(go, leaf, value);
	case HG_LEAF_REFLECT:
		return resolve_reflect(go, leaf, base, value, depth);
	case HG_LEAF_NONE:
	case HG_LEAF_WEAK:
	case HG_LEAF_RANGE:
	case HG_LEAF_CHOICE:
		break;
	}
	return (struct hg_guess){0};
}

static struct hg_guess go_resolve(struct hg_lang *lang, const struct hg_leaf *leaf, uint64_t base,
				  uint64_t offset, uint64_t value)
{
	return resolve_leaf((struct lang_go *)lang, leaf, base, offset, value, 0);
}

static uint32_t go_enlarge(struct hg_lang *lang, uint32_t type, uint64_t room)
{
	const struct lang_go *go = (struct lang_go *)lang;
	const struct hg_program *prog = lang->a->prog;
	if (!go->time_timer || hg_type_get(prog, go->time_timer)->size > room)
		return type;
	uint32_t plain = hg_type_strip(prog, type);
	return plain && (plain == go->timer || plain == go->ticker) ? go->time_timer : type;
}

/** Channels and buckets of values without pointers, and what the runtime keeps alive by other means, are allocated as if they
 * had none. */
static bool go_hides_pointers(struct hg_lang *lang, uint32_t type)
{
	static const char *const prefixes[] = {"hchan<", "bucket<", "runtime.", "internal/abi."};
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (go_name_starts(lang->a->prog, type, prefixes[i]))
			return true;
	return false;
}

/* ---- the row ---- */

static bool go_probe(const struct hg_analysis *a)
{
	for (size_t i = 0; i < a->heaps.count; i++)
		if (!strcmp(a->heaps.data[i]->ops->name, "go"))
			return true;
	return false;
}

/** The bytes behind strings: named apart from []uint8. */
static bool add_string_bytes(struct lang_go *go)
{
	struct hg_program *prog = go->lang.a->prog;
	const struct hg_type byte = {
		.name = hg_program_string(prog, "string"), .kind = HG_TYPE_UINT, .size = 1};
	for (size_t i = prog->types.types.count; i-- > 1;) { // types from a graph file have it
		const struct hg_type *t = &prog->types.types.data[i];
		if (t->kind == byte.kind && t->name == byte.name && t->size == byte.size)
			go->string_bytes = (uint32_t)i;
	}
	if (go->string_bytes)
		return true;
	go->string_bytes = hg_type_add(prog, &byte);
	const struct hg_type bytes = {
		.name = byte.name, .kind = HG_TYPE_ARRAY, .size = 1, .elem = go->string_bytes};
	uint32_t array = hg_type_add(prog, &bytes);
	uint64_t *known = hg_map_put(&go->lang.shapes->open_arrays, go->string_bytes);
	if (known)
		*known = array;
	return go->string_bytes && array && known;
}

static void go_close(struct hg_lang *lang)
{
	struct lang_go *go = (struct lang_go *)lang;
	hg_map_deinit(&go->dynamic);
	hg_map_deinit(&go->closures);
	free(go);
}

static struct hg_error *go_open(struct hg_analysis *a, struct hg_lang **ret)
{
	struct lang_go *go = calloc(1, sizeof(*go));
	if (!go)
		return &hg_enomem;
	struct hg_program *prog = a->prog;
	go->lang = (struct hg_lang){.ops = &hg_lang_go, .a = a, .shapes = &a->priv->shapes};
	for (size_t i = 0; i < a->heaps.count; i++)
		if (!strcmp(a->heaps.data[i]->ops->name, "go"))
			go->heap = a->heaps.data[i];
	uint32_t itab = hg_type_find(prog, "internal/abi.ITab");
	const struct hg_member *type = hg_type_member(prog, itab, "Type");
	go->itab_type = type ? type->offset : 8;
	go->timer = hg_type_strip(prog, hg_type_find(prog, "time.Timer"));
	go->ticker = hg_type_strip(prog, hg_type_find(prog, "time.Ticker"));
	go->time_timer = hg_type_strip(prog, hg_type_find(prog, "runtime.timeTimer"));
	go->any = hg_type_find(prog, "interface {}");
	go->weak_handle = hg_type_find(prog, "runtime.weakHandleBox");
	if (!go->weak_handle)
		go->weak_handle = hg_type_find(prog, "internal/runtime/atomic.Uintptr");
	*ret = &go->lang;
	return add_string_bytes(go) ? NULL : &hg_enomem;
}

const struct hg_lang_ops hg_lang_go = {
	.name = "go",
	.languages = 1u << HG_LANGUAGE_GO,
	.probe = go_probe,
	.open = go_open,
	.special = go_special,
	.resolve = go_resolve,
	.enlarge = go_enlarge,
	.hides_pointers = go_hides_pointers,
	.name_type = go_name_type,
	.is_inner = go_is_inner,
	.name_member = go_name_member,
	.container = go_container,
	.close = go_close,
};
