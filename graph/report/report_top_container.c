// Containers by type: how many, what they hold, what they have room for. Those of C++ lie in variables and in blocks; each is
// reached once, from what it lies in, so that room which a container does not use is not taken for what lies there.
#include <stdlib.h>

#include "dwarf/program.h"
#include "graph/analysis_private.h"
#include "graph/facts.h"
#include "graph/report/report_tables.h"
#include "graph/report/report_top.h"
#include "graph/retained.h"

#define MAX_BOXES 8   // a value in a value in a value
#define LEAST_ROOM 24 // of a block of malloc's
#define ROUNDING 15   // by which blocks are larger than was asked for, at most

static const struct hg_column columns[] = {
	{.name = "type", .title = "TYPE", .kind = HG_COLUMN_TEXT},
	{.name = "kind", .title = "KIND", .kind = HG_COLUMN_TEXT, .json_only = true},
	{.name = "count", .title = "COUNT", .kind = HG_COLUMN_COUNT},
	{.name = "length", .title = "LENGTH", .kind = HG_COLUMN_COUNT},
	{.name = "capacity", .title = "CAPACITY", .kind = HG_COLUMN_COUNT},
	{.name = "slack", .title = "SLACK", .kind = HG_COLUMN_BYTES},
	{.name = "shallow", .title = "SHALLOW", .kind = HG_COLUMN_BYTES},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES, .exact_column = 8},
	{.name = "exact", .title = "EXACT", .kind = HG_COLUMN_BOOL},
};

enum {
	COLUMN_TYPE,
	COLUMN_KIND,
	COLUMN_COUNT,
	COLUMN_LENGTH,
	COLUMN_CAPACITY,
	COLUMN_SLACK,
	COLUMN_SHALLOW,
	COLUMN_RETAINED,
	COLUMN_EXACT,
};

struct row {
	const char *word;
	uint8_t has;
	uint64_t count, length, capacity, slack, shallow;
};

/** Elements of a container in a block; a block may have been cut into several. */
struct part {
	struct hg_stored stored;
	uint32_t next; // index + 1
};

enum verdict { UNKNOWN, NOTHING, INNER, CONTAINER };

struct gathering {
	struct hg_analysis *a;
	struct hg_strtab names; // a row's number is its name's
	HG_VEC(struct row) rows;
	struct hg_map row_of_type;
	struct hg_map verdicts; // by type
	uint32_t *row_of;	// per node: whose storage it is; 0
	struct hg_map part_of;	// block -> index + 1
	HG_VEC(struct part) parts;
	uint64_t bytes; // that may still be looked through
	uint64_t broken, left_out;
	uint32_t row; // of the container being read
	bool unsure;  // it may lie where nothing is
	unsigned boxes;
	bool failed;
};

static uint32_t find_row(struct gathering *g, struct hg_lang *lang, uint32_t type)
{
	uint64_t *known = hg_map_put(&g->row_of_type, type);
	struct hg_text text = {0};
	if (known && !*known) {
		lang->ops->name_type(lang, type, &text);
		*known = hg_strtab_add(&g->names, hg_text_str(&text));
	}
	hg_text_deinit(&text);
	if (!known || !*known) {
		g->failed = true;
		return 0;
	}
	while (g->rows.count <= *known) {
		struct row *row = hg_vec_push(&g->rows);
		g->failed |= !row;
		if (!row)
			return 0;
		*row = (struct row){0};
	}
	return (uint32_t)*known;
}

static void count(struct gathering *g, uint32_t number, const struct hg_container *c)
{
	struct row *row = &g->rows.data[number];
	row->word = c->word;
	row->has |= c->has;
	row->count++;
	row->length += c->has & HG_HAS_LENGTH ? c->length : 0;
	row->capacity += c->has & HG_HAS_CAPACITY ? c->capacity : 0;
	row->slack += c->slack;
}

static void claim(struct gathering *g, uint32_t block, uint32_t row)
{
	const uint32_t node = g->a->graph.first_block + block;
	if (!row || g->row_of[node])
		return;
	g->row_of[node] = row;
	g->rows.data[row].shallow += hg_node_size(g->a, node);
}

static void add_stored(void *arg, const struct hg_stored *stored)
{
	struct gathering *g = arg;
	const uint32_t block = hg_blocks_find(&g->a->blocks, stored->addr);
	if (block == HG_NO_BLOCK)
		return;
	claim(g, block, g->row);
	if (!stored->from && !stored->to)
		return;
	struct part *part = hg_vec_push(&g->parts);
	uint64_t *first = part ? hg_map_put(&g->part_of, block) : NULL;
	g->failed |= !first;
	if (!first)
		return;
	*part = (struct part){*stored, (uint32_t)*first};
	*first = g->parts.count;
}

/** Takes bytes from what may be looked through: containers that lie about each other's blocks cost no more than that. */
static bool take_bytes(struct gathering *g, uint64_t bytes)
{
	if (g->bytes < bytes) {
		g->left_out++;
		return false;
	}
	g->bytes -= bytes;
	return true;
}

static void found(void *arg, uint32_t type, uint64_t addr);

static void look_through(struct gathering *g, uint32_t type, uint64_t addr, uint64_t size)
{
	if (hg_inlays_any(g->a, type) && take_bytes(g, size))
		hg_inlays_each(g->a, type, addr, size, found, g);
}

static void found(void *arg, uint32_t type, uint64_t addr)
{
	struct gathering *g = arg;
	struct hg_lang *lang = hg_lang_of(g->a, type);
	const uint64_t size = hg_type_get(g->a->prog, type)->size;
	bool enter;
	if (lang->ops->value_kind(lang, type, &enter) == HG_CONTAINER_RECORD)
		return;
	g->row = find_row(g, lang, type);
	if (!g->row)
		return;
	const struct hg_storage storage = {add_stored, g};
	const struct hg_container c = hg_facts_container(g->a, lang, type, addr, size, &storage);
	if (c.broken)
		g->broken += !g->unsure;
	else
		count(g, g->row, &c);
	if (!c.inside || g->boxes >= MAX_BOXES)
		return;
	g->boxes++;
	look_through(g, c.inside, addr + c.inside_at,
		     hg_type_get(g->a->prog, hg_type_strip(g->a->prog, c.inside))->size);
	g->boxes--;
}

static void gather_variables(struct gathering *g)
{
	const struct hg_program *prog = g->a->prog;
	const struct hg_roots *roots = &g->a->roots;
	size_t variables;
	const struct hg_variable *v = hg_variable_all(prog, &variables);
	for (size_t i = 0; i < variables; i++)
		if (!i || v[i].addr != v[i - 1].addr)
			look_through(g, v[i].type, v[i].addr, v[i].size);
	for (size_t i = 1; i < roots->list.count; i++) {
		const struct hg_root *root = &roots->list.data[i];
		if (root->kind == HG_ROOT_TLS && root->addr && root->type)
			look_through(g, root->type, root->addr,
				     hg_type_get(prog, hg_type_strip(prog, root->type))->size);
	}
}

/** What a type is to a language whose containers are blocks. */
static enum verdict judge(struct gathering *g, struct hg_lang *lang, uint32_t type, uint32_t node)
{
	uint64_t *known = hg_map_put(&g->verdicts, type);
	if (!known)
		return NOTHING;
	if (*known)
		return (enum verdict) * known;
	const struct hg_container c = hg_node_container(g->a, node);
	const bool inner = lang->ops->is_inner && lang->ops->is_inner(lang, type);
	*known = inner ? INNER : c.kind == HG_CONTAINER_NONE ? NOTHING : CONTAINER;
	return (enum verdict) * known;
}

static void gather_whole(struct gathering *g, struct hg_lang *lang, uint32_t type, uint32_t node)
{
	const uint32_t block = hg_node_block(g->a, node);
	const enum verdict verdict = judge(g, lang, type, node);
	if (verdict == INNER)
		claim(g, block, g->row_of[g->a->dom.idom[node]]);
	if (verdict != CONTAINER)
		return;
	const struct hg_container c = hg_node_container(g->a, node);
	const uint32_t row = find_row(g, lang, type);
	if (c.broken)
		g->broken++;
	else if (row && c.kind != HG_CONTAINER_NONE)
		count(g, row, &c);
	if (row)
		claim(g, block, row);
}

/** A T * leads to one T or to many: what its block has room for besides one may be nothing. */
static void gather_block(struct gathering *g, uint32_t node, uint32_t type)
{
	const struct hg_type *t = hg_type_get(g->a->prog, type);
	const uint64_t header = hg_blocks_extent(&g->a->blocks, hg_node_block(g->a, node))->header;
	const uint64_t addr = hg_node_addr(g->a, node) + header;
	uint64_t size = hg_node_size(g->a, node) - header;
	const uint64_t one = t->kind == HG_TYPE_ARRAY && !t->count ? t->size : size;
	look_through(g, type, addr, one < size ? one : size);
	size -= one < size ? one : size;
	if (size < (one < LEAST_ROOM ? LEAST_ROOM - one : ROUNDING) + 1)
		return;
	g->unsure = true;
	look_through(g, type, addr + one, size);
	g->unsure = false;
}

static void gather_node(struct gathering *g, uint32_t node)
{
	const struct hg_analysis *a = g->a;
	const uint32_t block = hg_node_block(a, node), type = a->blocks.types[block];
	const uint64_t *first = g->parts.count ? hg_map_get(&g->part_of, block) : NULL;
	struct hg_lang *lang = type ? hg_lang_of(a, type) : NULL;
	if (first) {
		for (uint32_t i = (uint32_t)*first; i; i = g->parts.data[i - 1].next) {
			const struct hg_stored s = g->parts.data[i - 1].stored;
			const uint32_t array = hg_shape_open_array(&a->priv->shapes, s.element);
			if (array && s.to > s.from)
				look_through(g, array, s.from, s.to - s.from);
		}
	} else if (lang && lang->ops->value_kind) {
		if (hg_inlays_any(a, type))
			gather_block(g, node, type);
	} else if (lang && lang->ops->container && !lang->ops->value_kind) {
		gather_whole(g, lang, type, node);
	}
}

/** Dominators come before what they hold: a container is read before the blocks behind it are looked through. */
static struct hg_error *gather(struct gathering *g)
{
	const struct hg_analysis *a = g->a;
	g->row_of = calloc(a->graph.nodes, sizeof(*g->row_of));
	if (!g->row_of || !hg_vec_push(&g->rows))
		return &hg_enomem;
	g->rows.data[0] = (struct row){0};
	for (size_t i = 0; i < a->blocks.extents.count; i++)
		g->bytes += 2 * a->blocks.extents.data[i].size;
	g->bytes += hg_facts_present(a);
	gather_variables(g);
	for (uint32_t i = 1; i < a->dom.reached && !g->failed; i++)
		if (!hg_node_is_root(a, a->dom.preorder[i]))
			gather_node(g, a->dom.preorder[i]);
	return g->failed ? &hg_enomem : NULL;
}

static void fill(const struct row *row, struct hg_cell *cells)
{
	cells[COLUMN_KIND].text = row->word;
	cells[COLUMN_COUNT].number = row->count;
	cells[COLUMN_LENGTH] =
		(struct hg_cell){.number = row->length, .absent = !(row->has & HG_HAS_LENGTH)};
	cells[COLUMN_CAPACITY] =
		(struct hg_cell){.number = row->capacity, .absent = !(row->has & HG_HAS_CAPACITY)};
	cells[COLUMN_SLACK].number = row->slack;
	cells[COLUMN_SHALLOW].number = row->shallow;
	cells[COLUMN_EXACT].number = !row->shallow;
}

static struct hg_error *add_rows(struct gathering *g, const struct hg_filter *filter,
				 struct hg_rows *rows)
{
	hg_autofree uint64_t *retained = calloc(g->rows.count, sizeof(*retained));
	if (!retained)
		return &hg_enomem;
	struct hg_error *err =
		hg_retained_by_class(&g->a->dom, g->a->graph.nodes, g->row_of,
				     (uint32_t)g->rows.count, g->a->retained, retained);
	for (uint32_t i = 1; !err && i < g->rows.count; i++) {
		const char *name = hg_strtab_text(&g->names, i);
		if (!g->rows.data[i].count || !hg_filter_matches(filter, name))
			continue;
		struct hg_cell *cells = hg_rows_add(rows);
		if (!cells)
			return &hg_enomem;
		fill(&g->rows.data[i], cells);
		cells[COLUMN_TYPE].text = name;
		cells[COLUMN_RETAINED].number = retained[i];
	}
	return err;
}

static struct hg_error *make_exact(const struct gathering *g, struct hg_rows *rows)
{
	hg_autofree uint64_t *sizes = NULL;
	struct hg_error *err = hg_node_sizes(g->a, &sizes);
	for (uint32_t i = 0; !err && i < hg_rows_count(rows); i++) {
		struct hg_cell *cells = hg_rows_at(rows, i);
		if (cells[COLUMN_EXACT].number)
			continue;
		const uint32_t row = hg_strtab_find(&g->names, cells[COLUMN_TYPE].text);
		err = hg_exact_retained(g->a, g->row_of, row, sizes,
					&cells[COLUMN_RETAINED].number);
		cells[COLUMN_EXACT].number = 1;
	}
	return err;
}

static struct hg_error *make(struct gathering *g, const struct hg_report_args *args,
			     const struct hg_filter *filter, struct hg_rows *rows,
			     struct hg_report *report)
{
	unsigned column = 0;
	struct hg_table like = {.name = "rows"};
	struct hg_error *err = gather(g);
	if (!err)
		err = add_rows(g, filter, rows);
	if (!err)
		err = hg_rows_column(rows, args->sort, &column);
	if (err)
		return err;
	hg_rows_sort(rows, column);
	like.rows_left_out = hg_rows_cut(rows, args->limit);
	if (args->exact) {
		err = make_exact(g, rows);
		if (err)
			return err;
		hg_rows_sort(rows, column);
	}
	for (uint32_t i = 0; i < hg_rows_count(rows); i++) {
		struct hg_cell *cells = hg_rows_at(rows, i);
		cells[COLUMN_TYPE].text = hg_report_words(report, cells[COLUMN_TYPE].text);
	}
	hg_coverage_add(&g->a->coverage, "containers that contradict themselves", g->broken);
	hg_coverage_add(&g->a->coverage, "blocks and values whose containers were not looked for",
			g->left_out);
	return hg_report_table(report, &like, rows);
}

static struct hg_error *make_top(struct hg_analysis *a, const struct hg_report_args *args,
				 struct hg_report *report)
{
	struct hg_filter filter;
	struct gathering g = {.a = a};
	struct hg_rows rows = HG_ROWS(columns);
	struct hg_error *err = hg_filter_init(&filter, args->filter);
	if (!err)
		err = make(&g, args, &filter, &rows, report);
	hg_rows_deinit(&rows);
	hg_strtab_deinit(&g.names);
	hg_vec_deinit(&g.rows);
	hg_vec_deinit(&g.parts);
	hg_map_deinit(&g.row_of_type);
	hg_map_deinit(&g.verdicts);
	hg_map_deinit(&g.part_of);
	free(g.row_of);
	hg_filter_deinit(&filter);
	return err;
}

const struct hg_top_ops hg_top_containers = {
	.by = "container",
	.columns = columns,
	.column_count = ARRAY_SIZE(columns),
	.make = make_top,
};
