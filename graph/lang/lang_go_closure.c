#include "graph/lang/lang_go.h"

#include <stdlib.h>
#include <string.h>

// A closure is an object {code; captured variables}. Its code says which closure it is, and that which type it has: the one
// that the code which makes it names, or, where that is not found, the offsets that debug info gives (Go 1.23).

/** Names that the compiler makes up for the fields of a closure's type: X0, X1 ... (Go 1.21), .autotmp_5. */
static bool is_made_up(const char *name)
{
	return *name == '.' || (*name == 'X' && name[1] >= '0' && name[1] <= '9');
}

static uint32_t type_behind(const struct hg_program *prog, uint32_t type)
{
	return hg_type_get(prog, hg_type_strip(prog, type))->elem;
}

/** Does debug info's variable fit a field: by its offset, or, where it tells none, by its type? */
static bool is_field(const struct hg_program *prog, const struct hg_captured *c,
		     const struct hg_member *field)
{
	if (c->offset)
		return c->offset == field->offset;
	return hg_type_strip(prog, c->type) == hg_type_strip(prog, field->type) ||
	       (*hg_program_text(prog, c->name) == '&' && type_behind(prog, c->type) &&
		type_behind(prog, c->type) == type_behind(prog, field->type));
}

/** The name of a field: the compiler's, or that of the only variable that can be meant; else none. */
static uint32_t field_name(struct hg_program *prog, const struct hg_member *field,
			   const hg_captureds *captured)
{
	uint32_t name = 0;
	unsigned found = 0;
	for (size_t i = 0; i < captured->count; i++) {
		if (!is_field(prog, &captured->data[i], field))
			continue;
		name = captured->data[i].name;
		found++;
	}
	const char *text = hg_program_text(prog, field->name);
	if (found == 1)
		return name;
	if (!strcmp(text, "R"))
		return hg_program_string(prog, "receiver"); // of a method value x.M
	return is_made_up(text) ? 0 : field->name;
}

/** Adds the fields of the closure's own type behind its code. */
static bool add_fields(struct lang_go *go, uint32_t id, uint32_t layout,
		       const hg_captureds *captured)
{
	struct hg_program *prog = go->lang.a->prog;
	layout = hg_type_strip(prog, layout);
	const struct hg_type t = *hg_type_get(prog, layout);
	for (uint32_t i = 0; i < t.member_count; i++) {
		const struct hg_member field = prog->types.members.data[t.members + i];
		const struct hg_member member = {.name = field_name(prog, &field, captured),
						 .type = field.type,
						 .offset = field.offset};
		if (field.offset && !hg_type_add_member(prog, id, &member))
			return false;
	}
	return true;
}

static bool add_captured(struct lang_go *go, uint32_t id, const hg_captureds *captured)
{
	for (size_t i = 0; i < captured->count; i++) {
		const struct hg_captured *c = &captured->data[i];
		const struct hg_member member = {
			.name = c->name, .type = c->type, .offset = c->offset};
		if (c->offset && !hg_type_add_member(go->lang.a->prog, id, &member))
			return false;
	}
	return true;
}

static uint64_t captured_end(const struct hg_program *prog, const hg_captureds *captured)
{
	uint64_t end = 8;
	for (size_t i = 0; i < captured->count; i++) {
		const struct hg_captured *c = &captured->data[i];
		const uint64_t last = c->offset + hg_type_get(prog, c->type)->size;
		end = c->offset && last > end ? last : end;
	}
	return end;
}

/** Are the pointers of the type where the heap says that the object has some? Objects elsewhere agree with all. */
static bool agrees_with_heap(struct lang_go *go, uint32_t layout, uint64_t value)
{
	const struct hg_analysis *a = go->lang.a;
	const struct hg_extent *extent = hg_blocks_extent_at(&a->blocks, value);
	if (!extent || a->heaps.data[extent->heap] != go->heap)
		return true;
	const uint64_t at = (value - extent->addr) % extent->stride,
		       size = hg_type_get(a->prog, layout)->size;
	if (at != extent->header || size > extent->stride - at)
		return false;
	if (extent->no_pointers)
		return !hg_shape_has_pointers(go->lang.shapes, layout);
	bool last = false;
	uint64_t bits = 0;
	for (uint64_t offset = 0; offset + 8 <= size; offset += 8) {
		const uint64_t word = (at + offset) / 8;
		if (!offset || word % 64 == 0)
			bits = last ? 0
				    : go->heap->ops->pointer_bits(go->heap, extent, value - at,
								  word / 64 * 64, &last);
		const struct hg_leaf leaf = hg_shape_leaf(go->lang.shapes, layout, offset);
		const bool interface = leaf.kind == HG_LEAF_EFACE || leaf.kind == HG_LEAF_IFACE;
		if (interface && leaf.offset == offset)
			continue; // its type is kept alive by other means
		if ((bits >> word % 64 & 1) != (leaf.kind != HG_LEAF_NONE))
			return false;
	}
	return true;
}

static uint32_t add_type(struct hg_program *prog, const char *function, uint64_t size,
			 const char *file, uint32_t line)
{
	hg_autofree char *name = NULL;
	if (asprintf(&name, "func %s", function) < 0)
		return 0;
	const struct hg_type type = {.name = hg_program_string(prog, name),
				     .kind = HG_TYPE_STRUCT,
				     .size = size,
				     .file = hg_program_string(prog, file ? file : ""),
				     .line = line};
	return hg_type_add(prog, &type);
}

static uint32_t make_closure(struct lang_go *go, uint64_t pc, uint64_t value)
{
	struct hg_program *prog = go->lang.a->prog;
	const char *function = NULL, *file = NULL;
	uint32_t line = 0;
	if (!go->heap->ops->line(go->heap, pc, &function, &file, &line) || !function)
		return 0;
	uint32_t layout = go->heap->ops->closure_type(go->heap, pc);
	if (!agrees_with_heap(go, layout, value))
		layout = 0;
	hg_captureds captured = {0};
	hg_error_destroy(hg_variable_captured(prog, pc, &captured));
	const uint64_t size =
		layout ? hg_type_get(prog, layout)->size : captured_end(prog, &captured);
	const uint32_t id = add_type(prog, function, size, file, line);
	const bool added = id && (layout ? add_fields(go, id, layout, &captured)
					 : add_captured(go, id, &captured));
	hg_vec_deinit(&captured);
	return added ? id : 0;
}

struct hg_guess go_closure_resolve(struct lang_go *go, uint64_t value)
{
	uint64_t pc;
	if (!hg_image_u64(go->lang.a->prog->image, value, &pc))
		return (struct hg_guess){0};
	uint64_t *known = hg_map_put(&go->closures, pc);
	if (!known)
		return (struct hg_guess){0};
	if (!*known) {
		uint32_t id = make_closure(go, pc, value);
		known = hg_map_put(&go->closures, pc);
		if (!known)
			return (struct hg_guess){0};
		*known = (uint64_t)id + 1;
	}
	return (struct hg_guess){.type = (uint32_t)(*known - 1), .count = 1};
}
