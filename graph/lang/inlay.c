#include "graph/lang/inlay.h"

#include "core/base/limits.h"
#include "graph/analysis_private.h"
#include "graph/facts.h"

#define MAX_INLAYS 4096 // of a type
#define MAX_STEPS 65536 // members looked at for them
#define MAX_DEPTH 16	// arrays in arrays of structs

static const struct hg_inlay_list *list_of(const struct hg_analysis *a, uint32_t type);

struct flattening {
	const struct hg_analysis *a;
	struct hg_inlay_list *list;
	unsigned steps;
};

static void add(struct flattening *f, const struct hg_inlay *inlay)
{
	struct hg_inlay *place =
		f->list->list.count < MAX_INLAYS ? hg_vec_push(&f->list->list) : NULL;
	if (place)
		*place = *inlay;
}

static uint64_t size_of(const struct hg_analysis *a, uint32_t type)
{
	return hg_type_get(a->prog, hg_type_strip(a->prog, type))->size;
}

static void flatten(struct flattening *f, uint32_t type, uint64_t at, unsigned depth);

static void flatten_array(struct flattening *f, const struct hg_type *array, uint64_t at)
{
	const uint64_t size = size_of(f->a, array->elem);
	const struct hg_inlay_list *list = list_of(f->a, array->elem);
	if (!list || !list->list.count || !size || array->count > UINT64_MAX / size ||
	    at + array->count * size < at)
		return;
	add(f, &(struct hg_inlay){.start = at,
				  .end = at + array->count * size,
				  .type = array->elem,
				  .array = true});
}

static void flatten_struct(struct flattening *f, uint32_t type, uint64_t at, unsigned depth)
{
	struct hg_lang *lang = hg_lang_of(f->a, type);
	struct hg_shapes *shapes = &f->a->priv->shapes;
	struct hg_piece pieces[HG_MAX_SPECIAL];
	bool enter = true, whole = false;
	if (!lang || !lang->ops->value_kind)
		return;
	const struct hg_type t = *hg_type_get(f->a->prog, type);
	if (lang->ops->value_kind(lang, type, &enter) != HG_CONTAINER_NONE)
		add(f, &(struct hg_inlay){.start = at, .end = at + t.size, .type = type});
	if (!enter)
		return;
	unsigned count = shapes->special ? shapes->special(shapes, type, pieces, &whole) : 0;
	for (unsigned i = 0; i < count; i++) // raw memory for a value: a node's element
		if (pieces[i].kind == HG_LEAF_NONE)
			flatten(f, pieces[i].type, at + pieces[i].start, depth + 1);
	for (uint32_t i = 0; i < t.member_count; i++) {
		const struct hg_member m = f->a->prog->types.members.data[t.members + i];
		bool known = m.offset >= t.size;
		for (unsigned k = 0; k < count; k++)
			known |= pieces[k].kind == HG_LEAF_NONE && m.offset >= pieces[k].start &&
				 m.offset < pieces[k].end;
		if (!known)
			flatten(f, m.type, at + m.offset, depth + 1);
	}
}

// Which member of a union is the one that lives, only its owner knows.
static void flatten(struct flattening *f, uint32_t type, uint64_t at, unsigned depth)
{
	if (depth > HG_MAX_TYPE_DEPTH || f->steps++ > MAX_STEPS)
		return;
	type = hg_type_strip(f->a->prog, type);
	const struct hg_type t = *hg_type_get(f->a->prog, type);
	if (t.kind == HG_TYPE_ARRAY && t.count)
		flatten_array(f, &t, at);
	else if (t.kind == HG_TYPE_STRUCT)
		flatten_struct(f, type, at, depth);
}

static struct hg_inlay_list *new_list(struct hg_inlays *inlays, uint32_t type)
{
	struct hg_inlay_list *list = hg_arena_alloc(&inlays->arena, sizeof(*list));
	struct hg_inlay_list **place = list ? hg_vec_push(&inlays->all) : NULL;
	uint64_t *known = place ? hg_map_put(&inlays->by_type, type) : NULL;
	if (place)
		*place = list;
	if (known)
		*known = (uint64_t)(uintptr_t)list;
	return known ? list : NULL;
}

/** Returns the inlays of a type, made on first use; NULL when memory is exhausted or the type contains itself. */
static const struct hg_inlay_list *list_of(const struct hg_analysis *a, uint32_t type)
{
	struct hg_inlays *inlays = &a->priv->inlays;
	const uint64_t *known = hg_map_get(&inlays->by_type, type);
	if (known) {
		const struct hg_inlay_list *list = (const void *)(uintptr_t)*known;
		return list->busy ? NULL : list;
	}
	if (inlays->depth > MAX_DEPTH)
		return NULL;
	struct flattening f = {.a = a, .list = new_list(inlays, type)};
	if (!f.list)
		return NULL;
	f.list->busy = true;
	inlays->depth++;
	flatten(&f, type, 0, 0);
	inlays->depth--;
	f.list->busy = false;
	return f.list;
}

/** The element of an open array, else the type itself; *size: of one value. */
static uint32_t element_of(const struct hg_analysis *a, uint32_t type, uint64_t *size)
{
	const struct hg_type *t = hg_type_get(a->prog, type);
	if (t->kind == HG_TYPE_ARRAY && !t->count)
		type = t->elem;
	*size = size_of(a, type);
	return type;
}

bool hg_inlays_any(const struct hg_analysis *a, uint32_t type)
{
	uint64_t size;
	const struct hg_inlay_list *list = type ? list_of(a, element_of(a, type, &size)) : NULL;
	return list && list->list.count;
}

/** Goes on from *at by whole values of which nothing is known (where there is no memory); false behind the end. */
static bool skip_unknown(const struct hg_analysis *a, uint64_t addr, uint64_t size, uint64_t end,
			 uint64_t *at)
{
	const uint64_t next = hg_facts_next(a, addr + *at);
	return next != UINT64_MAX &&
	       !__builtin_add_overflow(*at, (next - addr - *at) / size * size, at) && *at < end;
}

static bool step_on(uint64_t *at, uint64_t size)
{
	return !__builtin_add_overflow(*at, size, at);
}

static void each(const struct hg_analysis *a, uint32_t type, uint64_t addr, unsigned depth,
		 void (*found)(void *arg, uint32_t type, uint64_t addr), void *arg)
{
	const struct hg_inlay_list *list = list_of(a, type);
	for (size_t i = 0; list && depth <= MAX_DEPTH && i < list->list.count; i++) {
		const struct hg_inlay inlay = list->list.data[i];
		const uint64_t size = size_of(a, inlay.type);
		if (!inlay.array)
			found(arg, inlay.type, addr + inlay.start);
		uint64_t at = inlay.start;
		while (inlay.array && size && at < inlay.end &&
		       skip_unknown(a, addr, size, inlay.end, &at)) {
			each(a, inlay.type, addr + at, depth + 1, found, arg);
			if (!step_on(&at, size))
				break;
		}
	}
}

void hg_inlays_each(const struct hg_analysis *a, uint32_t type, uint64_t addr, uint64_t size,
		    void (*found)(void *arg, uint32_t type, uint64_t addr), void *arg)
{
	uint64_t one = 0;
	uint32_t element = element_of(a, type, &one);
	if (!one || !hg_inlays_any(a, type))
		return;
	const uint64_t end = element == type ? (size >= one ? one : 0) : size / one * one;
	uint64_t at = 0;
	while (at < end && skip_unknown(a, addr, one, end, &at)) {
		each(a, element, addr + at, 0, found, arg);
		if (!step_on(&at, one))
			break;
	}
}

bool hg_inlays_at(const struct hg_analysis *a, uint32_t type, uint64_t offset, uint32_t *ret,
		  uint64_t *start)
{
	uint64_t base = 0, one = 0;
	uint32_t element = element_of(a, type, &one);
	bool found = false;
	if (!one || (element == type && offset >= one))
		return false;
	for (unsigned depth = 0; depth <= MAX_DEPTH; depth++) {
		base += offset / one * one;
		offset %= one;
		const struct hg_inlay_list *list = list_of(a, element);
		const struct hg_inlay *next = NULL;
		for (size_t i = 0; list && i < list->list.count; i++) {
			const struct hg_inlay *inlay = &list->list.data[i];
			if (offset < inlay->start || offset >= inlay->end)
				continue;
			if (inlay->array) {
				next = inlay;
				continue;
			}
			found = true; // the last is the innermost: a struct stands before its members
			*ret = inlay->type;
			*start = base + inlay->start;
		}
		one = next ? size_of(a, next->type) : 0;
		if (!one)
			break;
		base += next->start;
		offset -= next->start;
		element = next->type;
	}
	return found;
}

void hg_inlays_deinit(struct hg_inlays *inlays)
{
	for (size_t i = 0; i < inlays->all.count; i++)
		hg_vec_deinit(&inlays->all.data[i]->list);
	hg_vec_deinit(&inlays->all);
	hg_map_deinit(&inlays->by_type);
	hg_arena_deinit(&inlays->arena);
	*inlays = (struct hg_inlays){0};
}
