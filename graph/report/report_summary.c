#include "graph/report/report_summary.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "graph/report/report_why.h"

static struct hg_error *add(struct hg_summary *s, enum hg_amount_of kind,
			    const struct hg_amount *more)
{
	struct hg_amounts *amounts = &s->amounts[kind];
	uint64_t *index = hg_map_put(&amounts->index, more->key);
	if (!index)
		return &hg_enomem;
	if (!*index) {
		struct hg_amount *place = hg_vec_push(&amounts->list);
		if (!place)
			return &hg_enomem;
		*place = *more;
		*index = amounts->list.count;
		return NULL;
	}
	struct hg_amount *amount = &amounts->list.data[*index - 1];
	amount->objects += more->objects;
	amount->bytes += more->bytes;
	amount->retained += more->retained;
	return NULL;
}

static struct hg_error *add_step(struct hg_summary *s, const struct hg_why *why, uint32_t step,
				 uint64_t key)
{
	const struct hg_trie_step *t = &why->trie.steps.data[step];
	struct hg_text text = {0};
	hg_why_path(why, step, &text);
	struct hg_amount amount = {.key = key,
				   .name = hg_strtab_add(&s->words, hg_text_str(&text)),
				   .objects = t->objects,
				   .bytes = t->self,
				   .retained = t->retained};
	hg_text_cut(&text, 0);
	hg_why_label(why, step, &text);
	amount.type = hg_strtab_add(&s->words, hg_text_str(&text));
	hg_text_deinit(&text);
	struct hg_error *err = add(s, HG_AMOUNT_PATH, &amount);
	if (err || t->parent)
		return err;
	amount.name = amount.type; // a group of goroutines, what several roots share
	amount.bytes = t->retained;
	return add(s, HG_AMOUNT_ROOT, &amount);
}

static struct hg_error *add_paths(struct hg_summary *s, struct hg_why *why)
{
	hg_autofree uint64_t *keys = NULL;
	why->targets[0] = 1;
	hg_why_widen(why);
	why->targets[0] = 0;
	struct hg_error *err = hg_trie_init(&why->namer, &why->tree, why->targets,
					    HG_TRIE_WHOLE | HG_TRIE_ADDITIVE, &why->trie);
	if (!err)
		err = hg_why_keys(why, &keys);
	for (uint32_t i = 1; !err && i < why->trie.steps.count; i++)
		err = add_step(s, why, i, keys[i]);
	return err;
}

static uint64_t hash(const char *words)
{
	return XXH3_64bits(words, strlen(words));
}

static struct hg_error *add_types(struct hg_summary *s, const struct hg_why *why)
{
	const struct hg_classes *classes = &why->classes;
	struct hg_error *err = NULL;
	for (uint32_t i = 1; i < classes->count && !err; i++) {
		const char *name = hg_class_name(classes, i);
		const struct hg_amount amount = {.key = hash(name),
						 .name = hg_strtab_add(&s->words, name),
						 .objects = classes->list[i].count,
						 .bytes = classes->list[i].shallow};
		err = add(s, HG_AMOUNT_TYPE, &amount);
	}
	return err;
}

static struct hg_error *add_objects(struct hg_summary *s, const struct hg_why *why)
{
	const struct hg_analysis *a = why->a;
	hg_autofree uint32_t *types = calloc(why->classes.count, sizeof(*types));
	if (!types)
		return &hg_enomem;
	for (uint32_t i = 1; i < why->classes.count; i++)
		types[i] = (uint32_t)hash(hg_class_name(&why->classes, i));
	for (uint32_t node = a->graph.first_block; node < a->graph.nodes; node++) {
		if (!hg_node_is_live(a, node))
			continue;
		struct hg_known_object *object = hg_vec_push(&s->objects);
		if (!object)
			return &hg_enomem;
		*object = (struct hg_known_object){hg_node_addr(a, node), hg_node_size(a, node),
						   types[why->classes.of[node]]};
	}
	s->live_objects = s->objects.count;
	return NULL;
}

/** The stack of a process begins at random: what the kernel left there tells it from another with its number. */
static uint64_t process_of(const struct hg_image *image)
{
	uint64_t words[3] = {image->pid};
	hg_image_auxv(image, AT_RANDOM, &words[1]);
	hg_image_auxv(image, AT_SYSINFO_EHDR, &words[2]);
	return XXH3_64bits(words, sizeof(words));
}

struct hg_error *hg_summary_create(struct hg_analysis *a, struct hg_summary **ret)
{
	const struct hg_report_args args = {0};
	struct hg_why why;
	struct hg_summary *s = calloc(1, sizeof(*s));
	if (!s)
		return &hg_enomem;
	struct hg_error *err = hg_why_init(a, &args, NULL, &why);
	if (!err)
		err = add_paths(s, &why);
	if (!err)
		err = add_types(s, &why);
	if (!err)
		err = add_objects(s, &why);
	s->live_bytes = a->retained[0];
	s->process = process_of(a->prog->image);
	hg_why_deinit(&why);
	if (err)
		hg_summary_destroy(s);
	else
		*ret = s;
	return err;
}

void hg_summary_destroy(struct hg_summary *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < HG_AMOUNT_KINDS; i++) {
		hg_vec_deinit(&s->amounts[i].list);
		hg_map_deinit(&s->amounts[i].index);
	}
	hg_vec_deinit(&s->objects);
	hg_strtab_deinit(&s->words);
	free(s);
}

struct hg_amount hg_summary_find(const struct hg_summary *s, enum hg_amount_of kind, uint64_t key)
{
	const uint64_t *index = hg_map_get(&s->amounts[kind].index, key);
	return index ? s->amounts[kind].list.data[*index - 1] : (struct hg_amount){0};
}
