#include "graph/lang/lang_cxx.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/limits.h"
#include "dwarf/vtable.h"

#define LEAST_STEPS (1u << 20) // along nodes of containers

enum { POLYMORPHIC = 1, PLAIN };

/** Does a class have virtual functions, as far as debug info says? Its pointer to their table stands first. */
static bool has_table(struct lang_cxx *cxx, uint32_t type)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	uint64_t *known = hg_map_put(&cxx->tables, type);
	if (known && *known)
		return *known == POLYMORPHIC;
	const struct hg_type *t = hg_type_get(prog, type);
	bool found = !t->member_count; // declared, and not defined where it was read
	for (unsigned i = 0; i < HG_MAX_TYPE_DEPTH && t->kind == HG_TYPE_STRUCT && !found; i++) {
		const struct hg_member *first = NULL;
		for (uint32_t m = 0; m < t->member_count && !found; m++) {
			const struct hg_member *member = &prog->types.members.data[t->members + m];
			const char *name = hg_program_text(prog, member->name);
			first = !member->offset && member->embedded && !first ? member : first;
			found = !member->offset && !strncmp(name, "_vptr", 5);
		}
		if (!first)
			break;
		t = hg_type_get(prog, hg_type_strip(prog, first->type));
	}
	if (known)
		*known = found ? POLYMORPHIC : PLAIN;
	return found;
}

/** The class of an object with virtual functions is in its first word; a pointer to a base class may lead into its middle. An
 * object of a class that is not known is still one, not many. */
static bool resolve_class(struct hg_lang *lang, uint32_t declared, uint64_t value,
			  struct hg_guess *ret)
{
	struct hg_program *prog = lang->a->prog;
	declared = hg_type_strip(prog, declared);
	uint64_t vptr, typeinfo;
	int64_t to_top = 0;
	if (hg_type_get(prog, declared)->kind != HG_TYPE_STRUCT ||
	    !has_table((struct lang_cxx *)lang, declared) ||
	    !hg_image_u64(prog->image, value, &vptr))
		return false;
	const uint32_t dynamic = hg_type_of_vtable(prog, vptr, &to_top);
	if (!dynamic && !hg_vtable_read(prog, vptr, &to_top, &typeinfo))
		return false;
	*ret = (struct hg_guess){.type = dynamic ? dynamic : declared,
				 .count = 1,
				 .back = dynamic && to_top < 0 ? (uint64_t)-to_top : 0};
	return true;
}

/** "std::...::element_type" is Session: what the library calls its types inside tells nothing. */
static uint32_t strip_inner(const struct hg_program *prog, uint32_t type)
{
	for (unsigned i = 0; i < HG_MAX_TYPE_DEPTH; i++) {
		const struct hg_type *t = hg_type_get(prog, type);
		const char *name = hg_type_name(prog, type);
		if (t->kind != HG_TYPE_TYPEDEF || !t->elem || strncmp(name, "std::", 5) ||
		    !strchr(name, '<'))
			break;
		type = t->elem;
	}
	return type;
}

static struct hg_guess cxx_resolve(struct hg_lang *lang, const struct hg_leaf *leaf, uint64_t base,
				   uint64_t offset, uint64_t value)
{
	struct hg_guess guess;
	if (leaf->kind == HG_LEAF_RANGE)
		guess = cxx_resolve_range((struct lang_cxx *)lang, leaf, base, offset);
	else if (resolve_class(lang, leaf->type, value, &guess))
		return guess;
	else
		guess = c_resolve(lang, leaf, base, offset, value);
	guess.type = strip_inner(lang->a->prog, guess.type);
	if (cxx_is_node_base(lang->a->prog, leaf->type))
		guess.count = guess.sure = 1;
	return guess;
}

static bool cxx_probe(const struct hg_analysis *a)
{
	return hg_lang_c.probe(a);
}

/** Nodes take 16 bytes at least, and a report looks at each a few times. */
static uint64_t steps_allowed(const struct hg_analysis *a)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < a->blocks.extents.count; i++)
		bytes += a->blocks.extents.data[i].size;
	return LEAST_STEPS + bytes;
}

static struct hg_error *cxx_open(struct hg_analysis *a, struct hg_lang **ret)
{
	struct lang_cxx *cxx = calloc(1, sizeof(*cxx));
	if (!cxx)
		return &hg_enomem;
	cxx->lang = (struct hg_lang){.ops = &hg_lang_cxx, .a = a, .shapes = &a->priv->shapes};
	cxx->steps = steps_allowed(a);
	*ret = &cxx->lang;
	return NULL;
}

static void cxx_close(struct hg_lang *lang)
{
	struct lang_cxx *cxx = (struct lang_cxx *)lang;
	hg_map_deinit(&cxx->choices);
	hg_map_deinit(&cxx->methods);
	hg_map_deinit(&cxx->damaged);
	hg_map_deinit(&cxx->tables);
	hg_map_deinit(&cxx->plans);
	hg_arena_deinit(&cxx->arena);
	free(cxx);
}

const struct hg_lang_ops hg_lang_cxx = {
	.name = "c++",
	.languages = 1u << HG_LANGUAGE_CXX,
	.probe = cxx_probe,
	.open = cxx_open,
	.special = cxx_special,
	.choose = cxx_choose,
	.resolve = cxx_resolve,
	.refers_to_start = cxx_refers_to_start,
	.name_type = cxx_name_type,
	.is_inner = cxx_is_inner,
	.name_member = cxx_name_member,
	.container = cxx_container,
	.value_kind = cxx_value_kind,
	.close = cxx_close,
};
