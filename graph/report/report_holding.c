#include "graph/report/report_holding.h"

#include "graph/lang/lang.h"

struct search {
	const struct hg_analysis *a;
	uint32_t node;
	struct hg_holding now, best;
	uint64_t retained, most; // of the two
};

// The blocks of a container come one after another.
static void add_stored(void *arg, uint32_t type, uint64_t offset, uint32_t to)
{
	struct search *s = arg;
	if (s->now.type != type || s->now.offset != offset) {
		s->now = (struct hg_holding){type, offset};
		s->retained = 0;
	}
	if (s->a->dom.idom[to] == s->node)
		s->retained += s->a->retained[to];
	if (s->retained > s->most) {
		s->most = s->retained;
		s->best = s->now;
	}
}

struct hg_holding hg_holding_of(const struct hg_analysis *a, uint32_t node, unsigned tenths)
{
	struct search s = {.a = a, .node = node};
	if (!hg_node_is_live(a, node))
		return s.best;
	hg_node_stored(a, node, add_stored, &s);
	return s.most / 10 >= a->retained[node] / 100 * tenths ? s.best : (struct hg_holding){0};
}
