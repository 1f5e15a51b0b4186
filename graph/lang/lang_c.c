#include "graph/lang/lang_c.h"

#include <stdlib.h>

/** A T * points to one T or to many; void * says nothing. */
struct hg_guess c_resolve(struct hg_lang *lang, const struct hg_leaf *leaf, uint64_t base,
			  uint64_t offset, uint64_t value)
{
	(void)base, (void)offset, (void)value;
	const bool one = leaf->type && hg_shape_is_open(lang->shapes, leaf->type);
	return (struct hg_guess){.type = leaf->type, .count = one, .sure = 1};
}

void c_name_type(struct hg_lang *lang, uint32_t type, struct hg_text *out)
{
	const struct hg_program *prog = lang->a->prog;
	const struct hg_type *t = hg_type_get(prog, type);
	bool open = t->kind == HG_TYPE_ARRAY && !t->count && t->elem;
	const char *name = hg_type_name(prog, open ? t->elem : type);
	hg_text_printf(out, "%s%s", *name ? name : "(unnamed type)", open ? "[]" : "");
}

struct hg_container c_container(struct hg_lang *lang, uint32_t type, uint64_t addr, uint64_t size,
				const struct hg_storage *storage)
{
	(void)addr, (void)storage;
	const struct hg_type *t = hg_type_get(lang->a->prog, type);
	if (t->kind == HG_TYPE_ARRAY && !t->count && t->size)
		return (struct hg_container){.kind = HG_CONTAINER_SLICE,
					     .word = "array",
					     .has = HG_HAS_CAPACITY,
					     .capacity = size / t->size,
					     .element = t->elem,
					     .element_size = t->size};
	return (struct hg_container){0};
}

#define MIN_MAPPED (32u << 10) // the least that M_MMAP_THRESHOLD is lowered to in practice
#define MAX_SLACK 32 // malloc rounds up, and hands out a rest that would be too small for a chunk
#define MAX_MAPPED_SLACK 4096

bool c_is_filled(const struct hg_inside *inside, uint64_t need)
{
	const uint64_t slack = inside->size >= MIN_MAPPED ? MAX_MAPPED_SLACK : MAX_SLACK;
	return need <= inside->size && inside->size - need < slack;
}

/** Behind the length of all that follows, in 8 bytes: SQLite's blocks are such. */
static bool c_refers_to_start(struct hg_lang *lang, const struct hg_inside *inside)
{
	uint64_t length;
	return inside->offset == 8 && hg_image_u64(lang->a->prog->image, inside->addr, &length) &&
	       length && length < inside->size && c_is_filled(inside, length + 8);
}

static bool c_probe(const struct hg_analysis *a)
{
	for (size_t i = 0; i < a->heaps.count; i++)
		if (!a->heaps.data[i]->ops->pointer_bits)
			return true;
	return false;
}

static struct hg_error *c_open(struct hg_analysis *a, struct hg_lang **ret)
{
	struct hg_lang *lang = calloc(1, sizeof(*lang));
	if (!lang)
		return &hg_enomem;
	*lang = (struct hg_lang){.ops = &hg_lang_c, .a = a, .shapes = &a->priv->shapes};
	*ret = lang;
	return NULL;
}

static void c_close(struct hg_lang *lang)
{
	free(lang);
}

const struct hg_lang_ops hg_lang_c = {
	.name = "c",
	.languages = 1u << HG_LANGUAGE_C,
	.probe = c_probe,
	.open = c_open,
	.resolve = c_resolve,
	.refers_to_start = c_refers_to_start,
	.name_type = c_name_type,
	.container = c_container,
	.close = c_close,
};
