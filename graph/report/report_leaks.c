#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/human.h"
#include "graph/leak.h"
#include "graph/report/report.h"
#include "graph/report/report_class.h"

static const struct hg_column columns[] = {
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES},
	{.name = "bytes", .title = "BYTES", .kind = HG_COLUMN_BYTES},
	{.name = "count", .title = "BLOCKS", .kind = HG_COLUMN_COUNT},
	{.name = "size", .title = "SIZE", .kind = HG_COLUMN_BYTES},
	{.name = "address", .title = "FOR EXAMPLE", .kind = HG_COLUMN_ADDRESS},
	{.name = "class", .title = "CLASS", .kind = HG_COLUMN_TEXT},
	{.name = "type", .title = "TYPE", .kind = HG_COLUMN_TEXT},
};

enum { RETAINED, BYTES, COUNT, SIZE, ADDRESS, CLASS, TYPE };

/** Blocks of one class, type and size. */
struct group {
	uint64_t size, count, retained;
	uint32_t block; /* the first */
	uint32_t type;	/* class of report_class.h */
	uint8_t leak;
};

struct gather {
	const struct hg_analysis *a;
	const struct hg_leaks *leaks;
	const struct hg_classes *classes;
	HG_VEC(struct group) groups;
	struct hg_map by_key; /* hash of class, type and size -> group + 1 */
	uint64_t blocks[HG_LEAK_CLASSES], bytes[HG_LEAK_CLASSES];
};

static uint64_t hash_of(uint8_t leak, uint32_t type, uint64_t size)
{
	return ((uint64_t)type * HG_LEAK_CLASSES + leak) * 0x9e3779b97f4a7c15u ^ size;
}

static struct group *find_group(struct gather *g, uint8_t leak, uint32_t type, uint64_t size)
{
	uint64_t key = hash_of(leak, type, size), *known;
	for (;; key++) {
		known = hg_map_put(&g->by_key, key);
		if (!known || !*known)
			break;
		struct group *group = &g->groups.data[*known - 1];
		if (group->leak == leak && group->type == type && group->size == size)
			return group;
	}
	if (!known)
		return NULL;
	struct group *group = hg_vec_push(&g->groups);
	if (!group)
		return NULL;
	*known = g->groups.count;
	*group = (struct group){.size = size, .type = type, .leak = leak, .block = HG_NO_BLOCK};
	return group;
}

/** What goes away with a block: of blocks that are reached, its part of the heap; but one inside another's of its class counts
 * with that. */
static uint64_t retained_by(const struct gather *g, uint32_t block, uint64_t size)
{
	const struct hg_analysis *a = g->a;
	const uint8_t leak = g->leaks->class[block];
	if (leak == HG_LEAK_DEFINITE)
		return g->leaks->retained[block];
	const uint32_t node = a->graph.first_block + block, holder = a->dom.idom[node];
	if (leak == HG_LEAK_INDIRECT || holder == HG_UNREACHED)
		return size;
	const bool inside =
		!hg_node_is_root(a, holder) && g->leaks->class[hg_node_block(a, holder)] == leak;
	return inside ? size : a->retained[node];
}

static struct hg_error *gather_extent(struct gather *g, const struct hg_extent *extent)
{
	const struct hg_analysis *a = g->a;
	uint32_t block = extent->first;
	for (uint32_t slot = hg_blocks_next_slot(&a->blocks, extent, 0); slot < extent->slots;
	     slot = hg_blocks_next_slot(&a->blocks, extent, slot + 1), block++) {
		uint8_t leak = g->leaks->class[block];
		uint64_t size = hg_blocks_slot_size(&a->blocks, extent, slot);
		g->blocks[leak]++;
		g->bytes[leak] += size;
		if (leak == HG_LEAK_REACHABLE)
			continue;
		uint32_t type = g->classes->of[a->graph.first_block + block];
		struct group *group = find_group(g, leak, type, size);
		if (!group)
			return &hg_enomem;
		if (group->block == HG_NO_BLOCK)
			group->block = block;
		group->count++;
		group->retained += retained_by(g, block, size);
	}
	return NULL;
}

static struct hg_error *gather(struct gather *g)
{
	const struct hg_analysis *a = g->a;
	struct hg_error *err = NULL;
	for (size_t i = 0; i < a->blocks.extents.count && !err; i++) {
		const struct hg_extent *extent = &a->blocks.extents.data[i];
		if (!a->heaps.data[extent->heap]->ops->pointer_bits)
			err = gather_extent(g, extent);
	}
	return err;
}

static struct hg_error *add_rows(const struct gather *g, const struct hg_filter *filter,
				 struct hg_rows *rows, struct hg_report *report)
{
	for (size_t i = 0; i < g->groups.count; i++) {
		const struct group *group = &g->groups.data[i];
		const char *type = hg_class_name(g->classes, group->type);
		if (!hg_filter_matches(filter, type))
			continue;
		struct hg_cell *cells = hg_rows_add(rows);
		if (!cells)
			return &hg_enomem;
		cells[RETAINED].number = group->retained;
		cells[BYTES].number = group->count * group->size;
		cells[COUNT].number = group->count;
		cells[SIZE].number = group->size;
		cells[ADDRESS].number = hg_blocks_addr(&g->a->blocks, group->block);
		cells[CLASS].text = hg_leak_class_name(group->leak);
		cells[TYPE].text = hg_report_words(report, type);
	}
	return NULL;
}

static void add_class(const struct gather *g, enum hg_leak_class class, const char *words,
		      struct hg_text *text)
{
	hg_human_things(text, g->blocks[class], "block");
	hg_text_add(text, " (");
	hg_human_bytes(text, g->bytes[class]);
	hg_text_printf(text, ") %s", words);
}

static void add_sentences(const struct gather *g, struct hg_report *report)
{
	struct hg_text text = {0};
	if (!g->blocks[HG_LEAK_DEFINITE]) {
		hg_text_add(&text, "Nothing is lost: roots reach every block of malloc.");
	} else {
		add_class(g, HG_LEAK_DEFINITE, "definitely lost, ", &text);
		add_class(g, HG_LEAK_INDIRECT, "with them.", &text);
	}
	hg_report_sentence(report, &text);
	add_class(g, HG_LEAK_POSSIBLE, "held by pointers into their middle alone, ", &text);
	add_class(g, HG_LEAK_REACHABLE, "reachable.", &text);
	hg_report_sentence(report, &text);
	if (g->blocks[HG_LEAK_STALE]) {
		add_class(g, HG_LEAK_STALE, "held only by words of stacks that may be stale.",
			  &text);
		hg_report_sentence(report, &text);
	}
	const uint64_t missing = g->a->coverage.missing_bytes;
	if (missing) {
		hg_human_bytes(&text, missing);
		hg_text_printf(&text,
			       " was not in the %s: blocks that only pointers from there hold are "
			       "called lost.",
			       report->source.path ? "core" : "process");
		hg_report_sentence(report, &text);
	}
	hg_text_deinit(&text);
}

static struct hg_error *make_rows(struct gather *g, const struct hg_report_args *args,
				  const struct hg_filter *filter, struct hg_report *report)
{
	struct hg_rows rows = HG_ROWS(columns);
	unsigned column = 0;
	struct hg_error *err = hg_rows_column(&rows, args->sort, &column);
	if (!err)
		err = gather(g);
	if (!err)
		err = add_rows(g, filter, &rows, report);
	if (!err) {
		add_sentences(g, report);
		hg_rows_sort(&rows, column);
		const struct hg_table like = {
			.name = "rows",
			.rows_left_out = hg_rows_cut(&rows, args->limit ? args->limit : 20),
			.label_column = TYPE};
		err = hg_report_table(report, &like, &rows);
	}
	hg_rows_deinit(&rows);
	return err;
}

static struct hg_error *make(struct hg_analysis *a, const struct hg_report_args *args,
			     struct hg_report *report)
{
	bool native = false;
	for (size_t i = 0; i < a->heaps.count; i++)
		native |= !a->heaps.data[i]->ops->pointer_bits;
	if (!native)
		return hg_error_create(HG_ERROR_UNSUPPORTED,
				       "the process has no malloc heap: what Go no longer reaches "
				       "is garbage, see 'heapgraph analyze'");
	struct hg_leaks leaks = {0};
	struct hg_classes classes = {0};
	struct hg_filter filter;
	struct hg_error *err = hg_filter_init(&filter, args->filter);
	if (!err)
		err = hg_classes_init(a, &classes);
	if (!err)
		err = hg_leaks_init(a, &leaks);
	struct gather g = {.a = a, .leaks = &leaks, .classes = &classes};
	if (!err)
		err = make_rows(&g, args, &filter, report);
	hg_vec_deinit(&g.groups);
	hg_map_deinit(&g.by_key);
	hg_leaks_deinit(&leaks);
	hg_classes_deinit(&classes);
	hg_filter_deinit(&filter);
	return err;
}

static struct hg_error *check(const struct hg_report_args *args)
{
	struct hg_rows rows = HG_ROWS(columns);
	unsigned column;
	return hg_rows_column(&rows, args->sort, &column);
}

const struct hg_report_ops hg_report_leaks = {.name = "leaks", .check = check, .make = make};
