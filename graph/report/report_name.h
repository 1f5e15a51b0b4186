/**
 * Names of roots, objects and the ways between them, as a person would write them: main.server.sessions[...].buf
 */
#ifndef HG_GRAPH_REPORT_REPORT_NAME_H
#define HG_GRAPH_REPORT_REPORT_NAME_H

#include "core/base/text.h"
#include "graph/lang/lang.h"
#include "graph/report/report.h"
#include "graph/report/report_class.h"
#include "graph/report/report_owner.h"

struct hg_namer {
	const struct hg_analysis *a;
	const struct hg_classes *classes;
	const struct hg_tops *tops;
	uint32_t outs_of; /* the node whose edges are in outs; 0 none */
	hg_outs outs;
	uint32_t shared; /* what several roots share whose nearest way is in nearest; 0 none */
	HG_VEC(uint32_t) nearest; /* nodes of the way, from the next to it on */
};

void hg_namer_deinit(struct hg_namer *namer);

/** A root with what it belongs to: "main.userCache", "goroutine 18 main.handle.buf". */
void hg_namer_root(const struct hg_namer *namer, uint32_t root, struct hg_text *out);

/** A root without what it belongs to: "main.handle". */
void hg_namer_root_step(const struct hg_namer *namer, uint32_t root, struct hg_text *out);

/** File and line of a root or of the variable, frame or goroutine around it; false where unknown. */
bool hg_namer_where(const struct hg_namer *namer, uint32_t root, const char **file, uint32_t *line);

/** "server.go:18" for people, the full path for JSON; nothing where the line is 0. */
void hg_namer_line(const char *file, uint32_t line, bool full, struct hg_text *out);

/** Fills the cells of a line: one for JSON, with the full path, and one for people. Either may be NULL. */
void hg_namer_line_cells(struct hg_report *report, const char *file, uint32_t line,
			 struct hg_cell *full, struct hg_cell *brief);

/** What a goroutine does: "chan receive", "running". */
const char *hg_namer_state(const struct hg_namer *namer, const struct hg_goroutine *g);

/** " [chan receive, created by main.serve (server.go:10)]"; the line only where asked for. */
void hg_namer_goroutine(const struct hg_namer *namer, const struct hg_goroutine *g, bool line,
			struct hg_text *out);

/** What leads from a node to another: ".Cache", "[...]"; false where no reference of the first is to the second. */
bool hg_namer_field(struct hg_namer *namer, uint32_t from, uint32_t to, struct hg_text *out);

/** The edges of a node in order of offset, until the next call. */
struct hg_error *hg_namer_outs(struct hg_namer *namer, uint32_t node);

/** A way through nodes, node 0 excluded: "main.list.head(.next x999).buf". Where a node does not refer to the next (in
 * the dominator tree) stands "(...)". */
void hg_namer_path(struct hg_namer *namer, const uint32_t *nodes, uint32_t count,
		   struct hg_text *out);

/** The way from a root to a node in the dominator tree; to what several roots reach, from the nearest where no other is as near. */
struct hg_error *hg_namer_chain(struct hg_namer *namer, uint32_t node, struct hg_text *out);

/** "a map[string]*main.User of 1,000 entries", "a main.User". */
void hg_namer_thing(const struct hg_namer *namer, uint32_t node, struct hg_text *out);

/** How much a container holds: "100 elements, room for 150", "81,920 entries", "room for 16", "2 owners"; nothing where that
 * says nothing. */
void hg_namer_amount(const struct hg_container *container, struct hg_text *out);

/** " of 1,000 entries", " with room for 16 elements": the same as part of a sentence. */
void hg_namer_holding(const struct hg_container *container, struct hg_text *out);

/** The container that a node is, or that it is the storage of: what the pointer to it lies in (a vector's array: the vector).
 * *type gets its type. Kind NONE for others, and for what a container merely points to. */
struct hg_container hg_namer_container_of(struct hg_namer *namer, uint32_t node, uint32_t *type);

/** "a std::vector<int> of 3 elements": a container that lies in something else. */
void hg_namer_container(const struct hg_namer *namer, const struct hg_container *c, uint32_t type,
			struct hg_text *out);

/** "main.a and main.b", "main.a, main.b, main.c and others": who shares a top. */
void hg_namer_owners(const struct hg_namer *namer, const struct hg_top *top, struct hg_text *out);

/** Who holds a node: its nearest root, or "shared by ...". `root_of` as from hg_nearest_roots(). */
void hg_namer_holder(const struct hg_namer *namer, uint32_t node, const uint32_t *root_of,
		     struct hg_text *out);

/** The nearest root above each node in the dominator tree, 0 where there is none; the caller frees it. */
struct hg_error *hg_nearest_roots(const struct hg_analysis *a, uint32_t **ret);

#endif
