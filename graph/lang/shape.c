#include "graph/lang/shape.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"

#define MAX_PIECES 65536
#define MAX_STEPS (16 * MAX_PIECES) // damaged structs may hold one another many times over

static bool add_piece(struct hg_shape *shape, const struct hg_piece *piece)
{
	struct hg_piece *place =
		shape->pieces.count < MAX_PIECES ? hg_vec_push(&shape->pieces) : NULL;
	if (!place)
		return false;
	*place = *piece;
	place->order = (uint32_t)shape->pieces.count;
	return true;
}

static struct hg_shape *shape_of(struct hg_shapes *shapes, uint32_t type);

static void flatten(struct hg_shapes *shapes, struct hg_shape *shape, uint32_t type, uint64_t at,
		    unsigned depth);

/** An array of no length says something only at the end of a struct of C or C++: that more follows. */
static bool says_nothing(const struct hg_program *prog, const struct hg_type *t,
			 const struct hg_member *member)
{
	const struct hg_type *array = hg_type_get(prog, hg_type_strip(prog, member->type));
	return array->kind == HG_TYPE_ARRAY && !array->count &&
	       (t->language == HG_LANGUAGE_GO || t->kind != HG_TYPE_STRUCT ||
		t->size - member->offset >= 8);
}

static void flatten_struct(struct hg_shapes *shapes, struct hg_shape *shape, uint32_t type,
			   uint64_t at, unsigned depth)
{
	struct hg_piece pieces[HG_MAX_SPECIAL];
	bool whole = false;
	unsigned count = shapes->special ? shapes->special(shapes, type, pieces, &whole) : 0;
	for (unsigned i = 0; i < count; i++) {
		pieces[i].start += at;
		pieces[i].end += at;
		const struct hg_shape *inner =
			pieces[i].kind == HG_LEAF_NONE ? shape_of(shapes, pieces[i].type) : NULL;
		shape->varies |=
			pieces[i].kind == HG_LEAF_CHOICE ? pieces[i].form : inner && inner->varies;
		add_piece(shape, &pieces[i]);
	}
	if (whole)
		return;
	// The table may move while types are added below: members are copied one by one.
	const struct hg_type t = *hg_type_get(shapes->prog, type);
	for (uint32_t i = 0; i < t.member_count; i++) {
		const struct hg_member member = shapes->prog->types.members.data[t.members + i];
		bool known = member.offset > t.size || says_nothing(shapes->prog, &t, &member);
		for (unsigned k = 0; k < count; k++)
			known |= pieces[k].start == at + member.offset;
		if (!known)
			flatten(shapes, shape, member.type, at + member.offset, depth + 1);
	}
}

static void flatten_array(struct hg_shapes *shapes, struct hg_shape *shape,
			  const struct hg_type *array, uint64_t at)
{
	const uint64_t size = hg_type_get(shapes->prog, array->elem)->size;
	const struct hg_shape *elem = shape_of(shapes, array->elem);
	shape->varies |= elem && elem->varies;
	if (!elem || !elem->has_pointers || !size || array->count > UINT64_MAX / size ||
	    at + array->count * size < at)
		return;
	const struct hg_piece piece = {.start = at,
				       .end = array->count ? at + array->count * size : UINT64_MAX,
				       .type = array->elem,
				       .kind = HG_LEAF_NONE};
	add_piece(shape, &piece);
}

static void flatten(struct hg_shapes *shapes, struct hg_shape *shape, uint32_t type, uint64_t at,
		    unsigned depth)
{
	if (depth > HG_MAX_TYPE_DEPTH || shape->steps++ > MAX_STEPS)
		return;
	type = hg_type_strip(shapes->prog, type);
	const struct hg_type t = *hg_type_get(shapes->prog, type);
	struct hg_piece piece = {.start = at, .end = at + 8};
	switch (t.kind) {
	case HG_TYPE_POINTER:
		piece.kind = HG_LEAF_POINTER;
		piece.type = t.elem;
		add_piece(shape, &piece);
		break;
	case HG_TYPE_FUNC:
		if (t.go_kind != HG_GO_FUNC)
			break;
		piece.kind = HG_LEAF_FUNC;
		add_piece(shape, &piece);
		break;
	case HG_TYPE_ARRAY:
		flatten_array(shapes, shape, &t, at);
		break;
	case HG_TYPE_STRUCT:
	case HG_TYPE_UNION:
		flatten_struct(shapes, shape, type, at, depth);
		break;
	default:
		break;
	}
}

static int by_start(const void *x, const void *y)
{
	const struct hg_piece *a = x, *b = y;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool is_hidden(const struct hg_piece *before, const struct hg_piece *piece)
{
	if (before->start == piece->start)
		return true;
	return before->kind == HG_LEAF_CHOICE && piece->start < before->end;
}

/** Sorts the pieces; of those that start together (a special one and the member it stands for, a union) keeps the first, and
 * none within a choice. */
static void sort_pieces(struct hg_shape *shape)
{
	size_t kept = 0;
	if (!shape->pieces.count)
		return;
	qsort(shape->pieces.data, shape->pieces.count, sizeof(*shape->pieces.data), by_start);
	for (size_t i = 0; i < shape->pieces.count; i++)
		if (!kept || !is_hidden(&shape->pieces.data[kept - 1], &shape->pieces.data[i]))
			shape->pieces.data[kept++] = shape->pieces.data[i];
	shape->pieces.count = kept;
}

/** An array of one at the end of a struct: before C99 had flexible members they were written so. */
static void open_end(const struct hg_shapes *shapes, struct hg_shape *shape,
		     const struct hg_type *t)
{
	struct hg_piece *last =
		shape->pieces.count ? &shape->pieces.data[shape->pieces.count - 1] : NULL;
	if (!last || t->kind != HG_TYPE_STRUCT || t->language == HG_LANGUAGE_GO)
		return;
	const uint64_t size = hg_type_get(shapes->prog, last->type)->size;
	if (last->kind == HG_LEAF_NONE && last->start && last->end == t->size &&
	    last->end - last->start == size)
		last->end = UINT64_MAX;
}

static bool is_open(const struct hg_program *prog, uint32_t type)
{
	for (unsigned depth = 0; depth < HG_MAX_TYPE_DEPTH; depth++) {
		const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, type));
		if (t->kind == HG_TYPE_ARRAY)
			return t->count < 2 && depth;
		if (t->kind != HG_TYPE_STRUCT || !t->member_count)
			return false;
		type = prog->types.members.data[t->members + t->member_count - 1].type;
	}
	return false;
}

static struct hg_shape **shape_place(struct hg_shapes *shapes, uint32_t type)
{
	if (type >= shapes->by_type.count) {
		size_t more = (size_t)type + 1 + type / 2 - shapes->by_type.count;
		if (!hg_vec_reserve(&shapes->by_type, more))
			return NULL;
		memset(shapes->by_type.data + shapes->by_type.count, 0,
		       more * sizeof(*shapes->by_type.data));
		shapes->by_type.count += more;
	}
	return &shapes->by_type.data[type];
}

/** Returns the shape of a type, made on first use; NULL when memory is exhausted or the type contains itself. */
static struct hg_shape *shape_of(struct hg_shapes *shapes, uint32_t type)
{
	struct hg_shape **place = shape_place(shapes, type);
	if (!place)
		return NULL;
	if (*place)
		return (*place)->busy ? NULL : *place;
	if (shapes->depth > HG_MAX_TYPE_DEPTH)
		return NULL;
	struct hg_shape *shape = hg_arena_alloc(&shapes->arena, sizeof(*shape));
	if (!shape)
		return NULL;
	*place = shape;
	shape->busy = true;
	shapes->depth++;
	const struct hg_type t = *hg_type_get(shapes->prog, type);
	if (t.kind == HG_TYPE_ARRAY && !t.count) {
		const struct hg_shape *elem = shape_of(shapes, t.elem);
		shape->has_pointers = elem && elem->has_pointers;
		shape->varies = elem && elem->varies;
	} else {
		flatten(shapes, shape, type, 0, 0);
		sort_pieces(shape);
		open_end(shapes, shape, &t);
		shape->has_pointers = shape->pieces.count;
	}
	shape->open = is_open(shapes->prog, type);
	shapes->depth--;
	shape->busy = false;
	return shape;
}

static const struct hg_piece *find_piece(const struct hg_shape *shape, uint64_t offset)
{
	size_t low = 0, high = shape->pieces.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (shape->pieces.data[mid].start <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return NULL;
	const struct hg_piece *piece = &shape->pieces.data[low - 1];
	return offset < piece->end ? piece : NULL;
}

/** Where the search for a leaf is: in a value of `type` that starts at `base`, `offset` bytes behind it. */
struct walk {
	struct hg_shapes *shapes;
	struct hg_place place;
	uint32_t type;
	uint64_t base, offset;
};

/** Steps into what lies at the start of a piece of the value. */
static void enter(struct walk *w, uint64_t start, uint32_t type)
{
	w->base += start;
	w->offset -= start;
	w->type = type;
}

/** Steps into the element of an array; false where none fits. */
static bool enter_element(struct walk *w, uint64_t start, uint32_t elem)
{
	uint64_t size = hg_type_get(w->shapes->prog, elem)->size;
	if (!size)
		return false;
	uint64_t index = (w->offset - start) / size;
	enter(w, start + index * size, elem);
	return w->base <= w->place.room && size <= w->place.room - w->base;
}

/** Asks the language what lies at a choice, and makes it the piece. */
static bool choose(const struct walk *w, struct hg_piece *piece)
{
	const struct hg_piece choice = *piece;
	uint64_t addr = w->place.addr + w->base + choice.start - choice.inner;
	if (!w->place.addr || !w->shapes->choose || choice.start < choice.inner ||
	    !w->shapes->choose(w->shapes, choice.type, addr,
			       choice.inner + w->offset - choice.start, piece))
		return false;
	piece->start += choice.start - choice.inner;
	piece->end += choice.start - choice.inner;
	return piece->start <= w->offset && w->offset < piece->end;
}

struct hg_leaf hg_shape_leaf_at(struct hg_shapes *shapes, uint32_t type, struct hg_place place,
				uint64_t offset)
{
	struct walk w = {.shapes = shapes, .place = place, .type = type, .offset = offset};
	for (unsigned depth = 0; depth < HG_MAX_TYPE_DEPTH; depth++) {
		const struct hg_type *t = hg_type_get(shapes->prog, w.type);
		if (t->kind == HG_TYPE_ARRAY && !t->count) {
			if (!enter_element(&w, 0, t->elem))
				break;
			continue;
		}
		const struct hg_shape *shape = shape_of(shapes, w.type);
		const struct hg_piece *found = shape ? find_piece(shape, w.offset) : NULL;
		if (!found)
			break;
		struct hg_piece chosen;
		if (found->kind == HG_LEAF_CHOICE) {
			chosen = *found;
			if (!choose(&w, &chosen))
				break;
			if (chosen.kind == HG_LEAF_NONE) {
				enter(&w, chosen.start, chosen.type);
				continue;
			}
			found = &chosen;
		}
		if (found->kind != HG_LEAF_NONE)
			return (struct hg_leaf){found->kind, found->form, found->type,
						w.base + found->start};
		if (!enter_element(&w, found->start, found->type))
			break;
	}
	return (struct hg_leaf){0};
}

struct hg_leaf hg_shape_leaf(struct hg_shapes *shapes, uint32_t type, uint64_t offset)
{
	return hg_shape_leaf_at(shapes, type, (struct hg_place){.room = UINT64_MAX}, offset);
}

bool hg_shape_has_pointers(struct hg_shapes *shapes, uint32_t type)
{
	const struct hg_shape *shape = shape_of(shapes, type);
	return shape && shape->has_pointers;
}

bool hg_shape_is_open(struct hg_shapes *shapes, uint32_t type)
{
	const struct hg_shape *shape = shape_of(shapes, type);
	return shape && shape->open;
}

bool hg_shape_varies(struct hg_shapes *shapes, uint32_t type)
{
	const struct hg_shape *shape = shape_of(shapes, type);
	return shape && shape->varies;
}

bool hg_shape_aligned(const struct hg_program *prog, uint32_t type, uint64_t addr)
{
	if (addr % 8 == 0)
		return true;
	const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, type));
	if (t->kind == HG_TYPE_POINTER)
		return false;
	if (t->kind != HG_TYPE_STRUCT || t->language == HG_LANGUAGE_GO)
		return true;
	for (uint32_t i = 0; i < t->member_count; i++) {
		const struct hg_member *m = &prog->types.members.data[t->members + i];
		const struct hg_type *type_of = hg_type_get(prog, hg_type_strip(prog, m->type));
		if (type_of->kind == HG_TYPE_POINTER && m->offset % 8 == 0)
			return false;
	}
	return true;
}

uint32_t hg_shape_open_array(struct hg_shapes *shapes, uint32_t elem)
{
	uint64_t *known = hg_map_put(&shapes->open_arrays, elem);
	if (!known)
		return 0;
	if (*known)
		return (uint32_t)*known;
	const char *name = hg_type_name(shapes->prog, elem);
	hg_autofree char *text = NULL;
	if (asprintf(&text, "[]%s", name) < 0)
		return 0;
	const struct hg_type type = {.name = hg_program_string(shapes->prog, text),
				     .kind = HG_TYPE_ARRAY,
				     .size = hg_type_get(shapes->prog, elem)->size,
				     .elem = elem,
				     .language = hg_type_get(shapes->prog, elem)->language};
	*known = hg_type_add(shapes->prog, &type);
	return (uint32_t)*known;
}

uint32_t hg_shape_guessed(struct hg_shapes *shapes, uint32_t type)
{
	uint64_t *known = hg_map_put(&shapes->guessed, type);
	if (!known)
		return 0;
	if (*known)
		return (uint32_t)*known;
	const struct hg_type t = *hg_type_get(shapes->prog, type);
	const bool open = t.kind == HG_TYPE_ARRAY && !t.count;
	const char *name = hg_type_name(shapes->prog, open ? t.elem : type);
	hg_autofree char *text = NULL;
	if (asprintf(&text, "%s%s?", name, open ? "[]" : "") < 0)
		return 0;
	const struct hg_type guessed = {.name = hg_program_string(shapes->prog, text),
					.kind = HG_TYPE_TYPEDEF,
					.size = t.size,
					.elem = type,
					.language = t.language};
	*known = hg_type_add(shapes->prog, &guessed);
	return (uint32_t)*known;
}

uint32_t hg_shape_interior(struct hg_shapes *shapes, uint32_t type, uint64_t offset)
{
	if (offset >> 32)
		return 0;
	uint64_t *known = hg_map_put(&shapes->interiors, type | offset << 32);
	if (!known)
		return 0;
	if (*known)
		return (uint32_t)*known;
	hg_autofree char *text = NULL;
	const char *name = hg_type_name(shapes->prog, type);
	if (asprintf(&text, "(contains %s at +%llu)", name, (unsigned long long)offset) < 0)
		return 0;
	const struct hg_type whole = {.name = hg_program_string(shapes->prog, text),
				      .kind = HG_TYPE_STRUCT,
				      .size = offset + hg_type_get(shapes->prog, type)->size,
				      .language = hg_type_get(shapes->prog, type)->language};
	uint32_t id = hg_type_add(shapes->prog, &whole);
	const struct hg_member member = {.type = type, .offset = offset};
	if (!id || !hg_type_add_member(shapes->prog, id, &member))
		return 0;
	*known = id;
	return id;
}

void hg_shapes_deinit(struct hg_shapes *shapes)
{
	for (size_t i = 0; i < shapes->by_type.count; i++)
		if (shapes->by_type.data[i])
			hg_vec_deinit(&shapes->by_type.data[i]->pieces);
	hg_vec_deinit(&shapes->by_type);
	hg_map_deinit(&shapes->open_arrays);
	hg_map_deinit(&shapes->guessed);
	hg_map_deinit(&shapes->combined);
	hg_map_deinit(&shapes->composites);
	hg_map_deinit(&shapes->interiors);
	hg_arena_deinit(&shapes->arena);
}
