// What a step of the trie is called: for people, and for programs that must know it again in another snapshot.
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "core/base/human.h"
#include "dwarf/program.h"
#include "graph/lang/lang.h"
#include "graph/report/report_why.h"

static const struct hg_trie_step *get_step(const struct hg_why *why, uint32_t step)
{
	return &why->trie.steps.data[step];
}

static const char *get_words(const struct hg_why *why, uint32_t number)
{
	return hg_strtab_text(&why->trie.words, number);
}

// "3,000 goroutines [chan receive, created by main.serve]"
static void add_goroutines(const struct hg_why *why, const struct hg_trie_step *t,
			   const struct hg_goroutine *g, struct hg_text *out)
{
	if (t->objects == 1)
		hg_namer_root_step(&why->namer, t->node, out);
	else
		hg_human_things(out, t->objects, "goroutine");
	hg_namer_goroutine(&why->namer, g, false, out);
}

void hg_why_label(const struct hg_why *why, uint32_t step, struct hg_text *out)
{
	const struct hg_trie_step *t = get_step(why, step);
	const struct hg_goroutine *g = NULL;
	switch (t->kind) {
	case HG_TRIE_ROOT:
		g = t->via ? NULL : hg_tops_goroutine(why->a, &why->tops, t->node);
		if (g)
			add_goroutines(why, t, g, out);
		else
			hg_namer_root_step(&why->namer, t->node, out);
		break;
	case HG_TRIE_SHARED:
		hg_text_add(out, "shared by ");
		hg_namer_owners(&why->namer, &why->tops.list.data[why->tops.of[t->node]], out);
		break;
	default:
		if (!t->container || !hg_name_of_type(why->a, t->container, out))
			hg_text_add(out, hg_class_name(&why->classes, t->class));
	}
}

const char *hg_why_via(const struct hg_why *why, const struct hg_trie_step *t)
{
	return t->indirect ? "(...)" : get_words(why, t->via);
}

// The whole way: "main.server.sessions[...].buf".
void hg_why_path(const struct hg_why *why, uint32_t step, struct hg_text *out)
{
	HG_VEC(uint32_t) above = {0};
	for (; step; step = get_step(why, step)->parent) {
		uint32_t *place = hg_vec_push(&above);
		if (place)
			*place = step;
	}
	while (above.count-- > 0) {
		const struct hg_trie_step *t = get_step(why, above.data[above.count]);
		if (t->kind == HG_TRIE_BLOCK) {
			hg_text_add(out, hg_why_via(why, t));
		} else if (t->via) {
			const bool local =
				hg_root_kind_is_local(why->a->roots.list.data[t->node].kind);
			hg_text_printf(out, "%s%s", local ? "." : " ", get_words(why, t->via));
		} else if (t->kind == HG_TRIE_ROOT && t->objects > 1) {
			hg_text_add(out, "goroutine");
		} else if (t->kind == HG_TRIE_ROOT) {
			hg_namer_root_step(&why->namer, t->node, out);
		} else {
			hg_text_add(out, "(shared)");
		}
	}
	hg_vec_deinit(&above);
}

// Numbers of threads and goroutines, addresses and lines differ from run to run: what they run and who made them does not.
static void add_root_key(const struct hg_why *why, uint32_t root, struct hg_text *out)
{
	const struct hg_analysis *a = why->a;
	const struct hg_goroutine *g = hg_tops_goroutine(a, &why->tops, root);
	const unsigned kind = a->roots.list.data[root].kind;
	hg_text_printf(out, "%s ", hg_root_kind_name(kind));
	if (g) {
		hg_text_printf(out, "%s by %s", hg_program_text(a->prog, g->start),
			       hg_program_text(a->prog, g->created_by));
		return;
	}
	const struct hg_thread_info *thread = NULL;
	for (size_t i = 0; kind == HG_ROOT_THREAD && i < a->roots.threads.count; i++)
		if (a->roots.threads.data[i].root == root)
			thread = &a->roots.threads.data[i];
	if (thread)
		hg_text_printf(out, "%s %s", hg_program_text(a->prog, thread->start),
			       hg_program_text(a->prog, thread->name));
	else
		hg_namer_root_step(&why->namer, root, out);
}

static int compare_words(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

// Owners in the order of their names: their numbers are those of one build.
static void add_shared_key(const struct hg_why *why, const struct hg_top *top, struct hg_text *out)
{
	struct hg_text names[HG_OWNERS] = {0};
	const char *words[HG_OWNERS];
	for (unsigned i = 0; i < top->owner_count; i++) {
		add_root_key(why, top->owner[i], &names[i]);
		words[i] = hg_text_str(&names[i]);
	}
	qsort(words, top->owner_count, sizeof(*words), compare_words);
	hg_text_add(out, "shared");
	for (unsigned i = 0; i < top->owner_count; i++)
		hg_text_printf(out, " {%s}", words[i]);
	hg_text_add(out, top->more ? " more" : "");
	for (unsigned i = 0; i < HG_OWNERS; i++)
		hg_text_deinit(&names[i]);
}

static void add_step_key(const struct hg_why *why, uint32_t step, struct hg_text *out)
{
	const struct hg_trie_step *t = get_step(why, step);
	hg_text_printf(out, "%u", t->kind);
	if (t->kind == HG_TRIE_SHARED) {
		add_shared_key(why, &why->tops.list.data[why->tops.of[t->node]], out);
	} else if (t->kind == HG_TRIE_ROOT) {
		add_root_key(why, t->node, out);
	} else {
		hg_text_printf(out, "%s ", hg_why_via(why, t));
		hg_why_label(why, step, out);
	}
}

struct hg_error *hg_why_keys(const struct hg_why *why, uint64_t **ret)
{
	const size_t count = why->trie.steps.count;
	uint64_t *keys = calloc(count, sizeof(*keys));
	if (!keys)
		return &hg_enomem;
	struct hg_text text = {0};
	for (uint32_t i = 1; i < count; i++) {
		hg_text_cut(&text, 0);
		add_step_key(why, i, &text);
		keys[i] = XXH3_64bits_withSeed(hg_text_str(&text), text.length,
					       keys[get_step(why, i)->parent]);
	}
	const bool failed = text.failed;
	hg_text_deinit(&text);
	*ret = keys;
	return failed ? &hg_enomem : NULL;
}
