// Asks of everything in an analysis what reports may ask, so that the answers are written down.
#include "graph/analysis_private.h"
#include "graph/graphfile_private.h"

#define CACHE_SIZE 1024

enum { ASKED = 1, IS_CONTAINER = 2, HAS_CONTAINERS = 4, VARIES = 8 };

struct asking {
	struct hg_analysis *a;
	uint32_t node;
	bool varies;
	struct hg_map kinds; // type -> what there is to ask of its values
	struct hg_text text; // nobody reads it
	hg_outs outs;
	struct {
		uint32_t type;
		uint64_t kind;
	} cache[CACHE_SIZE]; // in front of kinds: most nodes are of few types
};

static void name_stored(void *arg, uint32_t type, uint64_t offset, uint32_t to)
{
	struct asking *ask = arg;
	(void)type, (void)to;
	hg_text_cut(&ask->text, 0);
	if (ask->varies)
		hg_name_field(ask->a, ask->node, offset, &ask->text);
}

static uint64_t find_kind(struct asking *ask, uint32_t node, uint32_t type)
{
	uint64_t *known = hg_map_put(&ask->kinds, type);
	if (!known || *known)
		return known ? *known : 0;
	const struct hg_container c = hg_node_container(ask->a, node);
	const bool open = c.kind == HG_CONTAINER_SLICE || c.kind == HG_CONTAINER_STRING;
	uint64_t kind = ASKED | (c.kind != HG_CONTAINER_NONE && !open ? IS_CONTAINER : 0);
	if (hg_inlays_any(ask->a, type))
		kind |= HAS_CONTAINERS;
	if (hg_fields_vary(ask->a, node))
		kind |= VARIES;
	*known = kind;
	return kind;
}

static uint64_t kind_of(struct asking *ask, uint32_t node, uint32_t type)
{
	if (ask->cache[type % CACHE_SIZE].type != type) {
		ask->cache[type % CACHE_SIZE].kind = find_kind(ask, node, type);
		ask->cache[type % CACHE_SIZE].type = type;
	}
	return ask->cache[type % CACHE_SIZE].kind;
}

static struct hg_error *ask_edges(struct asking *ask, uint32_t node, uint64_t kind)
{
	uint32_t type;
	ask->outs.count = 0;
	struct hg_error *err = hg_analysis_outs(ask->a, node, &ask->outs);
	for (size_t i = 0; i < ask->outs.count && !err; i++) {
		if (kind & HAS_CONTAINERS)
			hg_edge_container(ask->a, node, ask->outs.data[i].offset, &type);
		hg_text_cut(&ask->text, 0);
		if (kind & VARIES)
			hg_name_field(ask->a, node, ask->outs.data[i].offset, &ask->text);
	}
	return err;
}

static struct hg_error *ask_node(struct asking *ask, uint32_t node)
{
	const uint32_t type = hg_node_type(ask->a, node);
	const bool in_memory = !hg_node_is_root(ask->a, node) || hg_node_addr(ask->a, node);
	const uint64_t kind = type && in_memory ? kind_of(ask, node, type) : 0;
	if (kind & IS_CONTAINER)
		hg_node_container(ask->a, node);
	if (!(kind & (HAS_CONTAINERS | VARIES)))
		return NULL;
	ask->node = node;
	ask->varies = kind & VARIES;
	hg_node_stored(ask->a, node, name_stored, ask);
	return ask_edges(ask, node, kind);
}

static struct hg_error *ask_lines(struct hg_analysis *a)
{
	for (uint32_t i = 0; i < a->roots.list.count; i++) {
		struct hg_fact_line *place = hg_vec_push(&a->facts->lines);
		const char *file = NULL;
		uint32_t line = 0;
		if (!place)
			return &hg_enomem;
		if (i && hg_root_line(a, i, &file, &line))
			*place = (struct hg_fact_line){hg_program_string(a->prog, file), line};
	}
	return NULL;
}

/** The one report that looks into memory by itself. */
static struct hg_error *ask_report(struct hg_analysis *a)
{
	hg_cleanup(hg_report_destroyp) struct hg_report *report = NULL;
	return hg_report_create(a, "top", &(struct hg_report_args){.by = "container"}, &report);
}

struct hg_error *graphfile_ask(struct hg_analysis *a)
{
	struct asking ask = {.a = a};
	size_t variables;
	struct hg_error *err = ask_lines(a);
	a->facts->recording = true;
	if (!err)
		err = ask_report(a);
	const struct hg_variable *v = hg_variable_all(a->prog, &variables);
	for (size_t i = 0; i < variables; i++)
		hg_value_container(a, v[i].type, v[i].addr);
	for (uint32_t node = 1; node < a->graph.nodes && !err; node++)
		err = ask_node(&ask, node);
	a->facts->recording = false;
	hg_map_deinit(&ask.kinds);
	hg_text_deinit(&ask.text);
	hg_vec_deinit(&ask.outs);
	if (!err && a->facts->failed)
		err = &hg_enomem;
	hg_facts_sort(a->facts);
	return err;
}
