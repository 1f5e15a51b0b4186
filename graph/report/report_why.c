// Why is it there: the ways through the dominator tree from the roots to a type's objects or to one object, merged; or
// what hangs on a variable.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "graph/path.h"
#include "graph/report/report_tables.h"
#include "graph/report/report_why.h"

#define SPOKEN_SHARED 2 // kinds of shared ownership that get sentences

static void add_amount(const struct hg_why *why, uint64_t retained, struct hg_text *out)
{
	hg_human_bytes(out, retained);
	hg_text_add(out, ": ");
	hg_human_permille(out, hg_human_share(retained, why->a->totals.live_bytes));
	hg_text_add(out, " of the live heap");
}

// "shortest path: main.ownerA.nodes[...]": nodes as hg_path gives them, node 0 first.
static void say_path(struct hg_why *why, const char *words, const struct hg_path *path)
{
	if (path->length < 2)
		return;
	struct hg_text text = {0};
	hg_text_add(&text, words);
	hg_namer_path(&why->namer, path->nodes + 1, path->length - 1, &text);
	hg_report_sentence(why->report, &text);
	hg_text_deinit(&text);
}

static struct hg_error *say_paths(struct hg_why *why, uint32_t node)
{
	struct hg_path first = {0}, second = {0};
	struct hg_error *err = hg_path_shortest(&why->a->graph, node, &first);
	if (!err)
		err = hg_path_second(&why->a->graph, &first, &second);
	if (!err) {
		say_path(why, "shortest path: ", &first);
		say_path(why, "most different path: ", &second);
	}
	hg_path_deinit(&first);
	hg_path_deinit(&second);
	return err;
}

// The target that retains most: of all, or of those below tops of a group.
static uint32_t largest_target(const struct hg_why *why, const uint32_t *group)
{
	uint32_t best = 0;
	for (uint32_t node = 1; node < why->a->graph.nodes; node++) {
		if (!why->targets[node] ||
		    (best && why->a->retained[node] <= why->a->retained[best]))
			continue;
		if (!group || why->tops.list.data[why->tops.of[node]].group == *group)
			best = node;
	}
	return best;
}

// Targets that hang under no single root: who shares them, and two ways to the one that retains most.
static struct hg_error *say_shared_step(struct hg_why *why, const struct hg_trie_step *step)
{
	const struct hg_top *top = &why->tops.list.data[why->tops.of[step->node]];
	const bool alone = why->trie.steps.data[0].count == 1;
	struct hg_text text = {0};
	if (!alone)
		hg_human_count(&text, step->count);
	hg_text_add(&text, alone ? "It has" : step->count == 1 ? " has" : " have");
	hg_text_add(&text, " no single owner: shared by ");
	hg_namer_owners(&why->namer, top, &text);
	hg_text_add(&text, ".");
	hg_report_sentence(why->report, &text);
	hg_text_deinit(&text);
	return say_paths(why, largest_target(why, &top->group));
}

static struct hg_error *say_shared(struct hg_why *why)
{
	const struct hg_trie *trie = &why->trie;
	uint32_t said[SPOKEN_SHARED] = {0};
	for (unsigned round = 0; round < SPOKEN_SHARED; round++) {
		uint32_t best = 0;
		for (uint32_t i = 1; i < trie->steps.count; i++) {
			const struct hg_trie_step *step = &trie->steps.data[i];
			if (step->kind != HG_TRIE_SHARED || i == said[0])
				continue;
			if (!best || step->retained > trie->steps.data[best].retained)
				best = i;
		}
		if (!best)
			break;
		said[round] = best;
		struct hg_error *err = say_shared_step(why, &trie->steps.data[best]);
		if (err)
			return err;
	}
	const uint32_t largest = said[0] ? 0 : largest_target(why, NULL);
	return largest ? say_paths(why, largest) : NULL;
}

static struct hg_error *show_tree(struct hg_why *why, bool whole)
{
	struct hg_error *err =
		hg_trie_init(&why->namer, why->targets, whole ? HG_TRIE_WHOLE : 0, &why->trie);
	if (!err && !whole)
		err = say_shared(why);
	return err ? err : hg_why_rows(why, whole ? "what it retains" : "who holds it");
}

static void sum_types_in(const struct hg_why *why, const struct hg_extent *extent,
			 struct hg_class *sums)
{
	const struct hg_blocks *blocks = &why->a->blocks;
	uint32_t node = why->a->graph.first_block + extent->first;
	for (uint32_t slot = hg_blocks_next_slot(blocks, extent, 0); slot < extent->slots;
	     slot = hg_blocks_next_slot(blocks, extent, slot + 1), node++) {
		if (!why->targets[node])
			continue;
		const uint32_t above = why->classes.of[why->a->dom.idom[node]];
		struct hg_class *sum = &sums[why->classes.of[node]];
		sum->count += !hg_class_is_inner(&why->classes, node, above);
		sum->shallow += hg_blocks_slot_size(blocks, extent, slot);
	}
}

static struct hg_error *add_types_below(struct hg_why *why, const char *title)
{
	static const struct hg_column columns[] = {
		{.name = "type", .title = "TYPE", .kind = HG_COLUMN_TEXT},
		{.name = "count", .title = "COUNT", .kind = HG_COLUMN_COUNT},
		{.name = "shallow", .title = "SHALLOW", .kind = HG_COLUMN_BYTES},
	};
	hg_cleanup(hg_rows_deinit) struct hg_rows rows = HG_ROWS(columns);
	hg_autofree struct hg_class *sums = calloc(why->classes.count, sizeof(*sums));
	if (!sums)
		return &hg_enomem;
	for (size_t i = 0; i < why->a->blocks.extents.count; i++)
		sum_types_in(why, &why->a->blocks.extents.data[i], sums);
	for (uint32_t i = 1; i < why->classes.count; i++) {
		struct hg_cell *cells = sums[i].count ? hg_rows_add(&rows) : NULL;
		if (sums[i].count && !cells)
			return &hg_enomem;
		if (!cells)
			continue;
		cells[0].text = hg_report_words(why->report, hg_class_name(&why->classes, i));
		cells[1].number = sums[i].count;
		cells[2].number = sums[i].shallow;
	}
	hg_rows_sort(&rows, 2);
	const struct hg_table like = {
		.name = "types", .title = title, .rows_left_out = hg_rows_cut(&rows, why->limit)};
	return hg_report_table(why->report, &like, &rows);
}

void hg_why_widen(struct hg_why *why)
{
	const struct hg_dominators *dom = &why->a->dom;
	for (uint32_t i = 1; i < dom->reached; i++) {
		const uint32_t node = dom->preorder[i];
		why->targets[node] |= why->targets[dom->idom[node]];
	}
}

static void add_garbage(const struct hg_class *class, struct hg_text *out)
{
	hg_human_count(out, class->garbage_count);
	hg_text_add(out, " (");
	hg_human_bytes(out, class->garbage_bytes);
	hg_text_add(out, class->garbage_count == 1 ? ") is" : ") are");
	hg_text_add(out, " garbage not yet collected");
}

static void say_type(struct hg_why *why, uint32_t id, uint64_t retained)
{
	const struct hg_class *class = &why->classes.list[id];
	const char *name = hg_class_name(&why->classes, id);
	struct hg_text text = {0};
	if (class->count) {
		hg_human_count(&text, class->count);
		hg_text_printf(&text, " live %s (", name);
		hg_human_bytes(&text, class->shallow);
		hg_text_add(&text, class->count == 1 ? ") retains " : ") retain ");
		hg_text_add(&text, class->count == 1 || !class->has_edges ? "" : "at least ");
		add_amount(why, retained, &text);
	} else {
		hg_text_printf(&text, "No root reaches any %s", name);
	}
	if (class->garbage_count) {
		hg_text_add(&text, "; ");
		hg_text_add(&text, class->count ? "another " : "");
		add_garbage(class, &text);
	}
	hg_text_add(&text, ".");
	hg_report_sentence(why->report, &text);
	hg_text_deinit(&text);
}

static struct hg_error *why_type(struct hg_why *why, uint32_t class)
{
	const struct hg_analysis *a = why->a;
	for (uint32_t node = a->graph.first_block; node < a->graph.nodes; node++)
		why->targets[node] = why->classes.of[node] == class && hg_node_is_live(a, node);
	struct hg_error *err = hg_trie_init(&why->namer, why->targets, 0, &why->trie);
	if (!err) {
		say_type(why, class, why->trie.steps.data[0].retained);
		err = say_shared(why);
	}
	return err ? err : hg_why_rows(why, "who holds it");
}

// What the variable's objects refer to as others do, too: it goes only when all let go.
static uint64_t shared_with_others(const struct hg_why *why, uint32_t root)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < why->tops.list.count; i++) {
		const struct hg_top *top = &why->tops.list.data[i];
		for (unsigned k = 0; k < top->owner_count; k++)
			if (top->owner[k] == root)
				sum += why->a->retained[top->node];
	}
	return sum;
}

// ", a std::vector<int> of 3 elements,"
static void say_container(const struct hg_why *why, const struct hg_container *c, uint32_t type,
			  struct hg_text *out)
{
	if (!(c->has & HG_HAS_LENGTH) || c->broken)
		return;
	hg_text_add(out, ", ");
	hg_namer_container(&why->namer, c, type, out);
	hg_text_add(out, ",");
}

static void say_root(struct hg_why *why, uint32_t root)
{
	const char *file = NULL;
	uint32_t line = 0;
	struct hg_text text = {0};
	hg_namer_root(&why->namer, root, &text);
	if (hg_namer_where(&why->namer, root, &file, &line)) {
		hg_text_add(&text, " (");
		hg_namer_line(file, line, false, &text);
		hg_text_add(&text, ")");
	}
	uint32_t type;
	const struct hg_container c = hg_namer_container_of(&why->namer, root, &type);
	say_container(why, &c, type, &text);
	hg_text_add(&text, " retains ");
	add_amount(why, hg_node_is_live(why->a, root) ? why->a->retained[root] : 0, &text);
	const uint64_t shared = shared_with_others(why, root);
	if (shared) {
		hg_text_add(&text, "; it also reaches ");
		hg_human_bytes(&text, shared);
		hg_text_add(&text, " that others reach as well");
	}
	hg_text_add(&text, ".");
	hg_report_sentence(why->report, &text);
	hg_text_deinit(&text);
}

static struct hg_error *why_root(struct hg_why *why, uint32_t root)
{
	why->targets[root] = hg_node_is_live(why->a, root);
	hg_why_widen(why);
	say_root(why, root);
	struct hg_error *err = show_tree(why, true);
	return err ? err : add_types_below(why, "all that it retains, by type");
}

// A variable that refers to nothing on the heap: an empty container, a short string.
static struct hg_error *why_variable(struct hg_why *why, const struct hg_variable *v)
{
	const struct hg_container c = hg_value_container(why->a, v->type, v->addr);
	struct hg_text text = {0};
	hg_text_add(&text, hg_program_text(why->a->prog, v->name));
	if (v->line) {
		hg_text_add(&text, " (");
		hg_namer_line(hg_program_text(why->a->prog, v->file), v->line, false, &text);
		hg_text_add(&text, ")");
	}
	say_container(why, &c, v->type, &text);
	hg_text_add(&text, " refers to nothing on the heap.");
	hg_report_sentence(why->report, &text);
	hg_text_deinit(&text);
	return hg_why_variable(why, v, &c);
}

static struct hg_error *no_object(const struct hg_why *why, uint64_t addr)
{
	const struct hg_analysis *a = why->a;
	if (hg_blocks_extent_at(&a->blocks, addr))
		return hg_error_create(HG_ERROR_NOT_FOUND,
				       "no object at 0x%" PRIx64 ": a free slot of the heap", addr);
	for (uint32_t i = 1; i < a->roots.list.count; i++) {
		const struct hg_root *root = &a->roots.list.data[i];
		const uint64_t size = hg_type_get(a->prog, root->type)->size;
		if (!root->addr || addr < root->addr || addr - root->addr >= (size ? size : 1))
			continue;
		struct hg_text name = {0};
		hg_namer_root(&why->namer, i, &name);
		struct hg_error *err = hg_error_create(HG_ERROR_NOT_FOUND,
						       "no object at 0x%" PRIx64
						       ": it lies in %s, not on the heap",
						       addr, hg_text_str(&name));
		hg_text_deinit(&name);
		return err;
	}
	const char *where =
		hg_image_segment(a->prog->image, addr) ? "not on the heap" : "not in the process";
	return hg_error_create(HG_ERROR_NOT_FOUND, "no object at 0x%" PRIx64 ": %s", addr, where);
}

static void say_object(struct hg_why *why, uint64_t addr, uint32_t node)
{
	const struct hg_analysis *a = why->a;
	struct hg_text text = {0};
	hg_text_printf(&text, "0x%" PRIx64 " is %s", addr,
		       addr == hg_node_addr(a, node) ? "" : "in ");
	hg_namer_thing(&why->namer, node, &text);
	hg_text_add(&text, " (");
	hg_human_bytes(&text, hg_node_size(a, node));
	hg_text_printf(&text, " at 0x%" PRIx64 ")", hg_node_addr(a, node));
	if (hg_node_is_live(a, node)) {
		hg_text_add(&text, " and retains ");
		add_amount(why, a->retained[node], &text);
		hg_text_add(&text, ".");
		if (hg_node_is_doubted(a, node))
			hg_text_add(&text, " Only words that may not be pointers hold it: it may "
					   "be dead.");
	} else {
		hg_text_add(&text, ": garbage not yet collected, no root reaches it.");
	}
	hg_report_sentence(why->report, &text);
	hg_text_deinit(&text);
}

struct hg_error *hg_why_node_at(const struct hg_why *why, uint64_t addr, uint32_t *ret)
{
	const uint32_t block = hg_blocks_find(&why->a->blocks, addr);
	if (block == HG_NO_BLOCK)
		return no_object(why, addr);
	*ret = why->a->graph.first_block + block;
	return NULL;
}

static struct hg_error *why_address(struct hg_why *why, uint64_t addr)
{
	const struct hg_analysis *a = why->a;
	uint32_t node;
	struct hg_error *err = hg_why_node_at(why, addr, &node);
	if (err)
		return err;
	say_object(why, addr, node);
	why->targets[node] = hg_node_is_live(a, node);
	const struct hg_top *top =
		why->targets[node] ? &why->tops.list.data[why->tops.of[node]] : NULL;
	err = show_tree(why, false);
	if (err || !top)
		return err;
	hg_why_widen(why);
	return add_types_below(why, "all that it retains, by type");
}

bool hg_why_is_address(const char *target)
{
	return !strncmp(target, "0x", 2);
}

static struct hg_error *answer(struct hg_why *why, const char *target)
{
	if (hg_why_is_address(target))
		return why_address(why, strtoull(target, NULL, 16));
	struct hg_why_match match;
	struct hg_error *err = hg_why_match(why, target, &match);
	const struct hg_variable *variable = err ? hg_variable_find(why->a->prog, target) : NULL;
	if (variable) {
		hg_error_destroy(err);
		return why_variable(why, variable);
	}
	if (err)
		return err;
	return match.root ? why_root(why, match.root) : why_type(why, match.class);
}

struct hg_error *hg_why_check_address(const char *target)
{
	char *end;
	strtoull(target, &end, 16);
	if (hg_why_is_address(target) && (*end || !target[2]))
		return hg_error_create(HG_ERROR_USAGE, "'%s' is not an address", target);
	return NULL;
}

static struct hg_error *check_why(const struct hg_report_args *args)
{
	if (!args->target || !*args->target)
		return hg_error_create(HG_ERROR_USAGE, "no type, address or variable given");
	struct hg_error *err = hg_why_check_address(args->target);
	return err ? err : hg_why_check_sort(args->sort);
}

struct hg_error *hg_why_init(struct hg_analysis *a, const struct hg_report_args *args,
			     struct hg_report *report, struct hg_why *why)
{
	*why = (struct hg_why){.a = a, .args = args, .report = report};
	why->limit = args->limit ? args->limit : HG_WHY_ROWS;
	why->targets = calloc(a->graph.nodes, 1);
	struct hg_error *err = why->targets ? NULL : &hg_enomem;
	if (!err)
		err = hg_classes_init(a, &why->classes);
	if (!err)
		err = hg_tops_init(a, &why->tops);
	why->namer = (struct hg_namer){.a = a, .classes = &why->classes, .tops = &why->tops};
	return err;
}

void hg_why_deinit(struct hg_why *why)
{
	hg_trie_deinit(&why->trie);
	hg_namer_deinit(&why->namer);
	hg_tops_deinit(&why->tops);
	hg_classes_deinit(&why->classes);
	free(why->targets);
}

static struct hg_error *make_why(struct hg_analysis *a, const struct hg_report_args *args,
				 struct hg_report *report)
{
	struct hg_why why;
	struct hg_error *err = hg_why_init(a, args, report, &why);
	if (!err)
		err = answer(&why, args->target);
	hg_why_deinit(&why);
	return err;
}

const struct hg_report_ops hg_report_why = {.name = "why", .check = check_why, .make = make_why};
