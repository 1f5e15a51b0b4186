// The dominator tree from above: of the whole heap, or below a root, an object or all objects of a type; objects of one type
// below the same step are one line.
#include <stdlib.h>

#include "core/base/human.h"
#include "graph/report/report_why.h"

/** Says what the tree is of, and how much that is. */
static void say(struct hg_why *why, const char *what, uint64_t retained)
{
	struct hg_text text = {0};
	hg_text_printf(&text, "%s: ", what);
	hg_human_bytes(&text, retained);
	hg_text_add(&text, ", ");
	hg_human_permille(&text, hg_human_share(retained, why->a->retained[0]));
	hg_text_add(&text, " of all that is live.");
	hg_report_sentence(why->report, &text);
	hg_text_deinit(&text);
}

static struct hg_error *whole_heap(struct hg_why *why)
{
	why->targets[0] = 1;
	hg_why_widen(why);
	why->targets[0] = 0;
	say(why, "the whole heap", why->a->retained[0]);
	return hg_trie_init(&why->namer, why->targets, HG_TRIE_WHOLE | HG_TRIE_ADDITIVE,
			    &why->trie);
}

/** The tree below the targets. */
static struct hg_error *below(struct hg_why *why, const char *what)
{
	hg_why_widen(why);
	struct hg_error *err =
		hg_trie_init(&why->namer, why->targets,
			     HG_TRIE_WHOLE | HG_TRIE_BELOW | HG_TRIE_ADDITIVE, &why->trie);
	if (!err)
		say(why, what, why->trie.steps.data[0].retained);
	return err;
}

static struct hg_error *of_node(struct hg_why *why, uint32_t node, const char *what)
{
	if (!hg_node_is_live(why->a, node))
		return hg_error_create(HG_ERROR_NOT_FOUND, "no root reaches '%s'", what);
	why->targets[node] = 1;
	return below(why, what);
}

static struct hg_error *of_word(struct hg_why *why, const char *word)
{
	struct hg_why_match match;
	struct hg_error *err = hg_why_match(why, word, &match);
	if (err)
		return err;
	if (match.root)
		return of_node(why, match.root, word);
	const struct hg_analysis *a = why->a;
	for (uint32_t node = a->graph.first_block; node < a->graph.nodes; node++)
		why->targets[node] =
			why->classes.of[node] == match.class && hg_node_is_live(a, node);
	return below(why, hg_class_name(&why->classes, match.class));
}

static struct hg_error *build(struct hg_why *why, const char *target)
{
	uint32_t node;
	if (!target)
		return whole_heap(why);
	if (!hg_why_is_address(target))
		return of_word(why, target);
	struct hg_error *err = hg_why_node_at(why, strtoull(target, NULL, 16), &node);
	return err ? err : of_node(why, node, target);
}

static struct hg_error *check_tree(const struct hg_report_args *args)
{
	struct hg_error *err = args->target ? hg_why_check_address(args->target) : NULL;
	return err ? err : hg_why_check_sort(args->sort);
}

static struct hg_error *make_tree(struct hg_analysis *a, const struct hg_report_args *args,
				  struct hg_report *report)
{
	struct hg_why why;
	struct hg_error *err = hg_why_init(a, args, report, &why);
	why.of_tree = true;
	why.smallest = args->min_bytes;
	why.depth = args->depth;
	if (!err)
		err = build(&why, args->target);
	if (!err)
		err = hg_why_rows(&why, "dominator tree");
	hg_why_deinit(&why);
	return err;
}

const struct hg_report_ops hg_report_tree = {
	.name = "tree", .check = check_tree, .make = make_tree};
