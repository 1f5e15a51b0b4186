#include <string.h>

#include "dwarf/program.h"
#include "graph/report/report_why.h"

#define LISTED 8 // candidates in the message when a word is ambiguous

// How well a name fits a word, worst first.
enum fit { FIT_NONE, FIT_PART, FIT_END, FIT_FULL };

struct candidate {
	const char *name;
	struct hg_why_match match;
};

struct candidates {
	HG_VEC(struct candidate) list;
	enum fit fit; /* of those in the list: only the best fitting ones are kept */
	bool failed;
};

// "User" is the end of "main.User" and of "example.com/x.User", and not of "[]main.User", which is another thing.
static bool is_end(const char *name, const char *word)
{
	const size_t length = strlen(name), tail = strlen(word);
	if (tail >= length || strcmp(name + length - tail, word))
		return false;
	const size_t head = length - tail;
	const char before = name[head - 1];
	return (before == '.' || before == '/' || before == ' ') &&
	       strcspn(name, "[]*(){}<>") >= head;
}

static enum fit fit_of(const char *name, const char *word)
{
	if (!strcmp(name, word))
		return FIT_FULL;
	if (is_end(name, word))
		return FIT_END;
	return strstr(name, word) ? FIT_PART : FIT_NONE;
}

static void offer(struct candidates *c, const char *name, const char *word,
		  struct hg_why_match match)
{
	const enum fit fit = fit_of(name, word);
	if (fit == FIT_NONE || fit < c->fit)
		return;
	if (fit > c->fit)
		c->list.count = 0;
	c->fit = fit;
	struct candidate *place = hg_vec_push(&c->list);
	c->failed |= !place;
	if (place)
		*place = (struct candidate){name, match};
}

static void offer_roots(const struct hg_why *why, const char *word, struct candidates *c)
{
	const struct hg_analysis *a = why->a;
	for (uint32_t i = 1; i < a->roots.list.count; i++) {
		const struct hg_root *root = &a->roots.list.data[i];
		if (!root->parent)
			offer(c, hg_program_text(a->prog, root->name), word,
			      (struct hg_why_match){.root = i});
	}
}

static void offer_types(const struct hg_why *why, const char *word, struct candidates *c)
{
	for (uint32_t i = 1; i < why->classes.count; i++)
		offer(c, hg_class_name(&why->classes, i), word, (struct hg_why_match){.class = i});
}

// Thread-local variables are named as they are, frames and their variables by the function ("main.handle", "main.handle.buf"), and only in full: there are
// many. Of several with that name the one that retains most is meant.
static bool is_inside(const struct hg_why *why, uint32_t id, const char *word)
{
	const struct hg_root *root = &why->a->roots.list.data[id];
	const char *name = hg_program_text(why->a->prog, root->name);
	if (root->kind == HG_ROOT_FRAME || root->kind == HG_ROOT_TLS)
		return !strcmp(name, word);
	if (!hg_root_kind_is_local(root->kind) || root->parent >= id)
		return false;
	const struct hg_root *parent = &why->a->roots.list.data[root->parent];
	const char *frame = hg_program_text(why->a->prog, parent->name);
	const size_t head = strlen(frame);
	return !strncmp(word, frame, head) && word[head] == '.' && !strcmp(word + head + 1, name);
}

static uint32_t find_inside(const struct hg_why *why, const char *word)
{
	const struct hg_analysis *a = why->a;
	uint32_t best = 0;
	for (uint32_t i = 1; i < a->roots.list.count; i++)
		if (is_inside(why, i, word) && hg_node_is_live(a, i) &&
		    (!best || a->retained[i] > a->retained[best]))
			best = i;
	return best;
}

static struct hg_error *ambiguous(const struct candidates *c, const char *word)
{
	struct hg_text names = {0};
	for (size_t i = 0; i < c->list.count && i < LISTED; i++)
		hg_text_printf(&names, "%s%s", i ? ", " : "", c->list.data[i].name);
	if (c->list.count > LISTED)
		hg_text_printf(&names, " and %zu more", c->list.count - LISTED);
	struct hg_error *err = hg_error_create(HG_ERROR_NOT_FOUND, "'%s' may be any of: %s", word,
					       hg_text_str(&names));
	hg_text_deinit(&names);
	return err;
}

struct hg_error *hg_why_match(const struct hg_why *why, const char *word, struct hg_why_match *ret)
{
	struct candidates c = {0};
	offer_roots(why, word, &c);
	offer_types(why, word, &c);
	struct hg_error *err = NULL;
	if (c.failed)
		err = &hg_enomem;
	else if (c.list.count == 1 || (c.list.count && c.fit == FIT_FULL))
		*ret = c.list.data[0].match;
	else if (c.fit < FIT_END && find_inside(why, word))
		*ret = (struct hg_why_match){.root = find_inside(why, word)};
	else if (c.list.count)
		err = ambiguous(&c, word);
	else
		err = hg_error_create(HG_ERROR_NOT_FOUND,
				      "no type or variable is called '%s' (see 'heapgraph top')",
				      word);
	hg_vec_deinit(&c.list);
	return err;
}
