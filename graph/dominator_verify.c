#include "graph/dominator.h"

#include <stdbool.h>
#include <stdlib.h>

#define NO_NODE UINT32_MAX
#define MANY (UINT32_MAX - 1)

struct verifier {
	const struct hg_dominators *dom;
	const struct hg_graph *graph;
	uint64_t violations;
	uint32_t from, to;  // of the first
	uint32_t *child_at; // the tree downwards; children in rising order of first[], too
	uint32_t *child;
	uint32_t *first; // place in a search of the tree: a subtree is [first, first + size)
	uint32_t *size;
	uint32_t *entry; // child of idom(v) whose subtree leads to v; NO_NODE, MANY
};

static void verifier_deinit(struct verifier *verifier)
{
	free(verifier->child_at);
	free(verifier->child);
	free(verifier->first);
	free(verifier->size);
	free(verifier->entry);
}

static void violate(struct verifier *verifier, uint32_t from, uint32_t to)
{
	if (!verifier->violations++) {
		verifier->from = from;
		verifier->to = to;
	}
}

/** Is it a tree from node 0, each node behind its parent in preorder, and is no node left out? */
static bool check_tree(struct verifier *verifier)
{
	const struct hg_dominators *dom = verifier->dom;
	const uint32_t nodes = verifier->graph->nodes;
	if (!dom->reached || dom->reached > nodes || dom->preorder[0] != 0 || dom->idom[0] != 0) {
		violate(verifier, 0, 0);
		return false;
	}
	hg_autofree uint8_t *seen = calloc(nodes, 1);
	if (!seen)
		return false;
	seen[0] = 1;
	for (uint32_t i = 1; i < dom->reached; i++) {
		const uint32_t node = dom->preorder[i];
		const uint32_t idom = node < nodes ? dom->idom[node] : NO_NODE;
		if (idom >= nodes || !seen[idom] || seen[node])
			violate(verifier, idom, node);
		else
			seen[node] = 1;
	}
	for (uint32_t node = 0; node < nodes; node++) {
		if (!seen[node] && dom->idom[node] != HG_UNREACHED)
			violate(verifier, dom->idom[node], node);
	}
	return verifier->violations == 0;
}

static struct hg_error *number_tree(struct verifier *verifier)
{
	const struct hg_dominators *dom = verifier->dom;
	const uint32_t nodes = verifier->graph->nodes;
	struct hg_error *err =
		hg_dominators_children(dom, nodes, &verifier->child_at, &verifier->child);
	if (err)
		return err;
	verifier->first = malloc((size_t)nodes * sizeof(*verifier->first));
	verifier->size = malloc((size_t)nodes * sizeof(*verifier->size));
	verifier->entry = malloc((size_t)nodes * sizeof(*verifier->entry));
	if (!verifier->first || !verifier->size || !verifier->entry)
		return &hg_enomem;
	for (uint32_t node = 0; node < nodes; node++) {
		verifier->size[node] = 1;
		verifier->entry[node] = NO_NODE;
	}
	for (uint32_t i = dom->reached; i-- > 1;) {
		const uint32_t node = dom->preorder[i];
		verifier->size[dom->idom[node]] += verifier->size[node];
	}
	verifier->first[0] = 0;
	for (uint32_t i = 0; i < dom->reached; i++) {
		const uint32_t node = dom->preorder[i];
		uint32_t next = verifier->first[node] + 1;
		for (uint32_t c = verifier->child_at[node]; c < verifier->child_at[node + 1]; c++) {
			verifier->first[verifier->child[c]] = next;
			next += verifier->size[verifier->child[c]];
		}
	}
	return NULL;
}

static bool is_below(const struct verifier *verifier, uint32_t node, uint32_t top)
{
	return verifier->first[node] - verifier->first[top] < verifier->size[top];
}

/** Returns the child of top whose subtree contains node, which is below top. */
static uint32_t child_above(const struct verifier *verifier, uint32_t top, uint32_t node)
{
	uint32_t low = verifier->child_at[top], high = verifier->child_at[top + 1] - 1;
	while (low < high) { // the last one that does not start behind node
		const uint32_t middle = low + (high - low + 1) / 2;
		if (verifier->first[verifier->child[middle]] <= verifier->first[node])
			low = middle;
		else
			high = middle - 1;
	}
	return verifier->child[low];
}

static void check_edge(struct verifier *verifier, uint32_t from, uint32_t to)
{
	const uint32_t idom = verifier->dom->idom[to];
	if (to == 0)
		return;
	if (idom == HG_UNREACHED || !is_below(verifier, from, idom)) {
		violate(verifier, from, to);
		return;
	}
	uint32_t *entry = &verifier->entry[to];
	if (from == idom) {
		*entry = MANY;
	} else if (*entry != MANY && !is_below(verifier, from, to)) {
		const uint32_t child = child_above(verifier, idom, from);
		*entry = *entry == NO_NODE || *entry == child ? child : MANY;
	}
}

static void check_edges(struct verifier *verifier)
{
	const struct hg_dominators *dom = verifier->dom;
	const struct hg_graph *graph = verifier->graph;
	for (uint32_t node = 0; node < graph->nodes; node++) {
		if (dom->idom[node] == HG_UNREACHED)
			continue;
		for (uint32_t edge = graph->edge_at[node]; edge < graph->edge_at[node + 1]; edge++)
			check_edge(verifier, node, graph->edge_to[edge]);
	}
	for (uint32_t node = 1; node < graph->nodes; node++) {
		if (dom->idom[node] == HG_UNREACHED || verifier->entry[node] == MANY)
			continue;
		// Nothing leads to it, or all that does lies below one node, which then is a nearer dominator.
		violate(verifier, verifier->entry[node], node);
	}
}

struct hg_error *hg_dominators_verify(const struct hg_dominators *dom, const struct hg_graph *graph,
				      uint64_t *violations, uint32_t *from, uint32_t *to)
{
	hg_cleanup(verifier_deinit) struct verifier verifier = {.dom = dom, .graph = graph};
	const bool is_tree = check_tree(&verifier);
	if (!is_tree && !verifier.violations)
		return &hg_enomem;
	struct hg_error *err = is_tree ? number_tree(&verifier) : NULL;
	if (err)
		return err;
	if (is_tree)
		check_edges(&verifier);
	*violations = verifier.violations;
	if (from)
		*from = verifier.from;
	if (to)
		*to = verifier.to;
	return NULL;
}
