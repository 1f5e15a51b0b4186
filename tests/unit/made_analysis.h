/**
 * A made-up analysis for tests of reports: a handful of lines say which roots, objects and references there are. What the
 * languages would tell (names of types and fields) is told by the fakes below, so that no process is needed.
 */
#ifndef HG_TESTS_MADE_ANALYSIS_H
#define HG_TESTS_MADE_ANALYSIS_H

#include <stdlib.h>
#include <string.h>

#include "dwarf/program.h"
#include "graph/lang/lang.h"
#include "graph/report/report.h"
#include "graph/retained.h"

struct made_edge {
	uint32_t from, to; /* roots: their id; objects: MADE_OBJECT + number */
	const char *field;
};

struct made_object {
	const char *type;
	uint64_t size;
	bool inner;
	uint64_t entries; /* of a map; 0: no container */
};

struct made {
	struct hg_analysis a;
	struct hg_program prog;
	struct hg_image image;
	HG_VEC(struct made_object) objects;
	HG_VEC(struct made_edge) edges;
	HG_VEC(const char *) types; /* type id -> name */
	const char *file;
};

#define MADE_OBJECT 0x40000000u
#define MADE_BASE 0xc000000000ull
#define MADE_APART 0x10000ull

static struct made made; /* the fakes have no other way to it */

static uint32_t made_root(uint32_t parent, enum hg_root_kind kind, const char *name, uint32_t line)
{
	const struct hg_root root = {
		.parent = parent,
		.kind = kind,
		.name = hg_strtab_add(&made.prog.strings, name),
		.file = line ? hg_strtab_add(&made.prog.strings, "/src/app/server.go") : 0,
		.line = line,
	};
	return hg_roots_add(&made.a.roots, &root);
}

static uint32_t made_goroutine(uint64_t id, const char *wait_reason, const char *created_by)
{
	char name[64];
	snprintf(name, sizeof(name), "goroutine %llu", (unsigned long long)id);
	const uint32_t root = made_root(0, HG_ROOT_GOROUTINE, name, 10);
	*hg_vec_push(&made.a.roots.goroutines) = (struct hg_goroutine){
		.root = root,
		.id = id,
		.state = hg_strtab_add(&made.prog.strings, "waiting"),
		.wait_reason = hg_strtab_add(&made.prog.strings, wait_reason),
		.created_by = hg_strtab_add(&made.prog.strings, created_by),
		.start = hg_strtab_add(&made.prog.strings, "main.handle"),
		.file = hg_strtab_add(&made.prog.strings, "/src/app/server.go"),
		.line = 10,
		.stack_bytes = 2048,
	};
	return root;
}

static uint32_t made_object(const char *type, uint64_t size)
{
	*hg_vec_push(&made.objects) = (struct made_object){.type = type, .size = size};
	return MADE_OBJECT + (uint32_t)made.objects.count - 1;
}

static uint32_t made_map(const char *type, uint64_t size, uint64_t entries)
{
	const uint32_t map = made_object(type, size);
	made.objects.data[map - MADE_OBJECT].entries = entries;
	return map;
}

static uint32_t made_inner(const char *type, uint64_t size)
{
	const uint32_t inner = made_object(type, size);
	made.objects.data[inner - MADE_OBJECT].inner = true;
	return inner;
}

static void made_edge(uint32_t from, uint32_t to, const char *field)
{
	*hg_vec_push(&made.edges) = (struct made_edge){from, to, field};
}

static uint32_t made_node(uint32_t id)
{
	return id < MADE_OBJECT ? id : id - MADE_OBJECT + made.a.graph.first_block;
}

static int made_compare(const void *left, const void *right)
{
	const struct made_edge *a = left, *b = right;
	return a->from < b->from ? -1 : a->from > b->from;
}

static void made_graph(void)
{
	struct hg_graph *graph = &made.a.graph;
	const uint32_t first = (uint32_t)made.a.roots.list.count;
	const uint32_t nodes = first + (uint32_t)made.objects.count;
	graph->first_block = first;
	for (uint32_t i = 1; i < first; i++)
		made_edge(made.a.roots.list.data[i].parent, i, NULL);
	for (size_t i = 0; i < made.edges.count; i++) {
		made.edges.data[i].from = made_node(made.edges.data[i].from);
		made.edges.data[i].to = made_node(made.edges.data[i].to);
	}
	qsort(made.edges.data, made.edges.count, sizeof(struct made_edge), made_compare);
	uint32_t *at = calloc(nodes + 1, sizeof(*at));
	uint32_t *to = calloc(made.edges.count + 1, sizeof(*to));
	for (size_t i = 0; i < made.edges.count; i++) {
		at[made.edges.data[i].from + 1]++;
		to[i] = made.edges.data[i].to;
	}
	for (uint32_t i = 0; i < nodes; i++)
		at[i + 1] += at[i];
	hg_assert(!hg_graph_init(graph, nodes, first, at, to));
}

static uint32_t made_type(const char *name)
{
	for (uint32_t i = 1; i < made.types.count; i++)
		if (!strcmp(made.types.data[i], name))
			return i;
	*hg_vec_push(&made.types) = name;
	return (uint32_t)made.types.count - 1;
}

static void made_blocks(void)
{
	for (size_t i = 0; i < made.objects.count; i++) {
		const uint64_t one = 1;
		const struct hg_extent extent = {
			.addr = MADE_BASE + i * MADE_APART,
			.size = 2 * made.objects.data[i].size,
			.stride = made.objects.data[i].size,
			.slots = 2, // the second is free
		};
		hg_assert(!hg_blocks_add(&made.a.blocks, &extent, &one, NULL));
	}
	uint64_t dropped;
	hg_assert(!hg_blocks_finish(&made.a.blocks, &dropped) && !dropped);
	*hg_vec_push(&made.types) = "";
	for (size_t i = 0; i < made.objects.count; i++)
		made.a.blocks.types[i] = made_type(made.objects.data[i].type);
}

/** Computes what the pipeline would. Ids are node numbers from here on: use made_node(). */
static struct hg_analysis *made_finish(void)
{
	struct hg_analysis *a = &made.a;
	a->prog = &made.prog;
	made.prog.image = &made.image;
	made.image.path = "core.1";
	made.image.pid = 1;
	made_blocks();
	made_graph();
	hg_assert(!hg_dominators_init(&a->dom, &a->graph));
	a->retained = calloc(a->graph.nodes, sizeof(*a->retained));
	for (uint32_t i = 0; i < made.objects.count; i++) {
		const uint32_t node = a->graph.first_block + i;
		const uint64_t size = made.objects.data[i].size;
		a->retained[node] = size;
		const bool live = hg_node_is_live(a, node);
		*(live ? &a->totals.live_objects : &a->totals.garbage_objects) += 1;
		*(live ? &a->totals.live_bytes : &a->totals.garbage_bytes) += size;
	}
	a->coverage.typed_bytes = a->totals.live_bytes;
	hg_retained_sum(&a->dom, a->retained);
	return a;
}

static void made_end(void)
{
	hg_graph_deinit(&made.a.graph);
	hg_dominators_deinit(&made.a.dom);
	hg_blocks_deinit(&made.a.blocks);
	hg_roots_deinit(&made.a.roots);
	hg_coverage_deinit(&made.a.coverage);
	hg_strtab_deinit(&made.prog.strings);
	hg_vec_deinit(&made.objects);
	hg_vec_deinit(&made.edges);
	hg_vec_deinit(&made.types);
	free(made.a.retained);
	memset(&made, 0, sizeof(made));
}

/* The fakes, in place of graph/heapgraph.c, graph/scan.c and graph/lang/name.c. */

static const struct made_object *made_at(uint32_t node)
{
	return &made.objects.data[node - made.a.graph.first_block];
}

uint64_t hg_node_size(const struct hg_analysis *a, uint32_t node)
{
	return hg_node_is_root(a, node) ? 0 : made_at(node)->size;
}

uint64_t hg_node_addr(const struct hg_analysis *a, uint32_t node)
{
	return MADE_BASE + (node - a->graph.first_block) * MADE_APART;
}

uint32_t hg_node_type(const struct hg_analysis *a, uint32_t node)
{
	return hg_node_is_root(a, node) ? 0 : a->blocks.types[hg_node_block(a, node)];
}

bool hg_root_line(const struct hg_analysis *a, uint32_t root, const char **file, uint32_t *line)
{
	const struct hg_root *r = &a->roots.list.data[root];
	*file = hg_program_text(a->prog, r->file);
	*line = r->line;
	return r->line;
}

struct hg_error *hg_analysis_outs(const struct hg_analysis *a, uint32_t node, hg_outs *ret)
{
	for (uint32_t e = a->graph.edge_at[node]; e < a->graph.edge_at[node + 1]; e++)
		*hg_vec_push(ret) = (struct hg_out){.to = a->graph.edge_to[e], .offset = e};
	return NULL;
}

void hg_name_type(const struct hg_analysis *a, uint32_t node, struct hg_text *out)
{
	if (!hg_node_is_root(a, node))
		hg_text_add(out, made_at(node)->type);
}

void hg_name_field(const struct hg_analysis *a, uint32_t node, uint64_t offset, struct hg_text *out)
{
	(void)a;
	(void)node;
	const char *field = made.edges.data[offset].field;
	hg_text_add(out, field ? field : "");
}

bool hg_fields_vary(const struct hg_analysis *a, uint32_t node)
{
	(void)a, (void)node;
	return false;
}

bool hg_node_is_doubted(const struct hg_analysis *a, uint32_t node)
{
	(void)a;
	(void)node;
	return false;
}

bool hg_node_is_inner(const struct hg_analysis *a, uint32_t node)
{
	return !hg_node_is_root(a, node) && made_at(node)->inner;
}

bool hg_name_of_type(const struct hg_analysis *a, uint32_t type, struct hg_text *out)
{
	(void)a, (void)type, (void)out;
	return false;
}

struct hg_lang *hg_lang_of(const struct hg_analysis *a, uint32_t type)
{
	(void)a, (void)type;
	return NULL;
}

struct hg_container hg_value_container(const struct hg_analysis *a, uint32_t type, uint64_t addr)
{
	(void)a, (void)type, (void)addr;
	return (struct hg_container){0};
}

struct hg_container hg_edge_container(const struct hg_analysis *a, uint32_t node, uint64_t offset,
				      uint32_t *type)
{
	(void)a, (void)node, (void)offset, (void)type;
	return (struct hg_container){0};
}

void hg_node_stored(const struct hg_analysis *a, uint32_t node,
		    void (*stored)(void *arg, uint32_t type, uint64_t offset, uint32_t to),
		    void *arg)
{
	(void)a, (void)node, (void)stored, (void)arg;
}

struct hg_container hg_node_container(const struct hg_analysis *a, uint32_t node)
{
	if (hg_node_is_root(a, node) || !made_at(node)->entries)
		return (struct hg_container){0};
	return (struct hg_container){.kind = HG_CONTAINER_MAP,
				     .word = "map",
				     .has = HG_HAS_LENGTH,
				     .length = made_at(node)->entries};
}

#endif
