#include <string.h>

#include "core/base/limits.h"
#include "graph/lang/lang.h"
#include "graph/analysis_private.h"
#include "graph/facts.h"

static const struct hg_extent *extent_of(const struct hg_analysis *a, uint32_t node)
{
	return hg_blocks_extent(&a->blocks, hg_node_block(a, node));
}

bool hg_name_of_type(const struct hg_analysis *a, uint32_t type, struct hg_text *out)
{
	struct hg_lang *lang = type ? hg_lang_of(a, type) : NULL;
	if (lang)
		lang->ops->name_type(lang, type, out);
	return lang;
}

void hg_name_type(const struct hg_analysis *a, uint32_t node, struct hg_text *out)
{
	uint32_t type = hg_node_type(a, node);
	if (hg_name_of_type(a, type, out) || hg_node_is_root(a, node))
		return;
	const struct hg_extent *extent = extent_of(a, node);
	if (extent->irregular)
		hg_text_add(out, "unknown");
	else if (extent->no_pointers)
		hg_text_add(out, "unknown, pointer-free");
	else
		hg_text_printf(out, "unknown, %llu bytes", (unsigned long long)extent->stride);
}

/** The member of a struct that covers offset; the last where several do, but an empty base class only where nothing else
 * does; of a union the first that points. NULL where none does. */
static const struct hg_member *member_at(const struct hg_program *prog, const struct hg_type *type,
					 uint64_t offset)
{
	const struct hg_member *found = NULL;
	for (uint32_t i = 0; i < type->member_count; i++) {
		const struct hg_member *m = &prog->types.members.data[type->members + i];
		uint64_t size = hg_type_get(prog, m->type)->size;
		if (m->offset > offset || offset - m->offset >= size ||
		    (found && m->embedded && size == 1))
			continue;
		const bool points =
			hg_type_get(prog, hg_type_strip(prog, m->type))->kind == HG_TYPE_POINTER;
		if (type->kind == HG_TYPE_UNION && points)
			return m;
		found = m;
	}
	return found;
}

enum hg_step hg_step_find(const struct hg_step_name *names, size_t count, const char *type,
			  const char *member, struct hg_text *out)
{
	for (size_t i = 0; i < count; i++) {
		if (strncmp(type, names[i].type, strlen(names[i].type)) ||
		    (*names[i].member && strcmp(member, names[i].member)))
			continue;
		hg_text_add(out, names[i].text);
		return names[i].step;
	}
	return HG_STEP_ORDINARY;
}

/** Appends the step to a member; false where the path ends with it. *skip: the array behind it is not to be shown. */
static bool name_step(const struct hg_analysis *a, uint32_t type, const struct hg_member *member,
		      bool *skip, struct hg_text *out)
{
	struct hg_lang *lang = hg_lang_of(a, type);
	enum hg_step step = lang && lang->ops->name_member
				    ? lang->ops->name_member(lang, type, member, out)
				    : HG_STEP_ORDINARY;
	*skip = step == HG_STEP_SKIP_ARRAY;
	const char *name = hg_program_text(a->prog, member->name);
	if (step == HG_STEP_ORDINARY && *name)
		hg_text_printf(out, ".%s", name);
	return step != HG_STEP_STOP;
}

enum entering { STAYED, ENTERED, ENDED };

/** Memory that holds a value of another type (std::map's nodes, a variant): the path goes on there, and ends at a pointer of
 * the library's own. addr: of the struct, 0 where it is not in memory. */
static enum entering enter_buffer(const struct hg_analysis *a, uint32_t *type, uint64_t addr,
				  uint64_t *offset)
{
	struct hg_piece pieces[HG_MAX_SPECIAL];
	bool whole = false;
	struct hg_shapes *shapes = &a->priv->shapes;
	unsigned count = shapes->special ? shapes->special(shapes, *type, pieces, &whole) : 0;
	for (unsigned i = 0; i < count; i++) {
		struct hg_piece piece = pieces[i];
		if (*offset < piece.start || *offset >= piece.end)
			continue;
		if (piece.kind == HG_LEAF_CHOICE &&
		    (!addr || !shapes->choose(shapes, *type, addr, *offset, &piece)))
			continue;
		if (*offset < piece.start || *offset >= piece.end)
			continue;
		if (piece.kind != HG_LEAF_NONE && pieces[i].kind == HG_LEAF_CHOICE)
			return ENDED;
		if (piece.kind != HG_LEAF_NONE)
			continue;
		*type = piece.type;
		*offset -= piece.start;
		return ENTERED;
	}
	return STAYED;
}

/** Strings, slices and interfaces are one thing: a path does not go into them. */
static bool is_whole(const struct hg_analysis *a, uint32_t type)
{
	struct hg_piece pieces[HG_MAX_SPECIAL];
	bool whole = false;
	struct hg_shapes *shapes = &a->priv->shapes;
	return shapes->special && shapes->special(shapes, type, pieces, &whole) && whole;
}

static bool is_inner(const struct hg_analysis *a, uint32_t type)
{
	struct hg_lang *lang = type ? hg_lang_of(a, type) : NULL;
	return lang && lang->ops->is_inner && lang->ops->is_inner(lang, type);
}

/** place: of the pointer, 0 where it is not in memory. */
static void name_path(const struct hg_analysis *a, uint32_t type, uint64_t place, uint64_t offset,
		      struct hg_text *out)
{
	bool skip = false;
	for (unsigned depth = 0; depth < HG_MAX_TYPE_DEPTH; depth++) {
		type = hg_type_strip(a->prog, type);
		const struct hg_type *t = hg_type_get(a->prog, type);
		if (t->kind == HG_TYPE_ARRAY) {
			uint64_t size = hg_type_get(a->prog, t->elem)->size;
			bool inner = is_inner(a, t->elem);
			if (!skip && !inner)
				hg_text_add(out, "[...]");
			if (!size)
				return;
			skip = false;
			offset %= size;
			type = t->elem;
			continue;
		}
		uint64_t addr = place > offset ? place - offset : 0;
		enum entering entering =
			t->kind == HG_TYPE_STRUCT ? enter_buffer(a, &type, addr, &offset) : STAYED;
		if (entering == ENTERED)
			continue;
		if (entering == ENDED)
			return;
		const struct hg_member *member = NULL;
		if ((t->kind == HG_TYPE_STRUCT || t->kind == HG_TYPE_UNION) && !is_whole(a, type))
			member = member_at(a->prog, t, offset);
		if (!member || !name_step(a, type, member, &skip, out))
			return;
		offset -= member->offset;
		type = member->type;
	}
}

void hg_name_field(const struct hg_analysis *a, uint32_t node, uint64_t offset, struct hg_text *out)
{
	uint32_t type = hg_node_type(a, node);
	uint64_t header = hg_node_is_root(a, node) ? 0 : extent_of(a, node)->header;
	uint64_t addr = hg_node_addr(a, node);
	if (offset < header)
		return;
	if (type)
		name_path(a, type, addr ? addr + offset : 0, offset - header, out);
	else if (!hg_node_is_root(a, node))
		hg_text_printf(out, "+%llu", (unsigned long long)(offset - header));
}

bool hg_fields_vary(const struct hg_analysis *a, uint32_t node)
{
	return hg_shape_varies(&a->priv->shapes, hg_node_type(a, node));
}

bool hg_node_is_inner(const struct hg_analysis *a, uint32_t node)
{
	return !hg_node_is_root(a, node) && is_inner(a, hg_node_type(a, node));
}

struct hg_container hg_node_container(const struct hg_analysis *a, uint32_t node)
{
	uint32_t type = hg_node_type(a, node);
	struct hg_lang *lang = type ? hg_lang_of(a, type) : NULL;
	uint64_t addr = lang ? hg_node_addr(a, node) : 0;
	if (!lang || !lang->ops->container || !addr)
		return (struct hg_container){0};
	if (hg_node_is_root(a, node)) // a C++ container is a value: the variable itself
		return hg_facts_container(a, lang, type, addr, hg_type_get(a->prog, type)->size,
					  NULL);
	uint64_t header = extent_of(a, node)->header;
	return hg_facts_container(a, lang, type, addr + header, hg_node_size(a, node) - header,
				  NULL);
}
