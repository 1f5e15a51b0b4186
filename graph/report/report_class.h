/**
 * Every block's type as a text, once per type: the class of a node is the number of its type's name.
 */
#ifndef HG_GRAPH_REPORT_REPORT_CLASS_H
#define HG_GRAPH_REPORT_REPORT_CLASS_H

#include "core/base/strtab.h"
#include "graph/analysis.h"

struct hg_class {
	uint64_t count, shallow;	       /* live ones */
	uint64_t garbage_count, garbage_bytes; /* not reached */
	uint32_t node;			       /* the first live one, else the first */
	bool inner;			       /* part of a container: hg_node_is_inner() */
	bool has_edges;			       /* a live one refers to something */
};

struct hg_classes {
	struct hg_strtab names;
	uint32_t *of;	       /* per node; 0 for roots */
	struct hg_class *list; /* by class; [0] is empty */
	uint32_t count;	       /* classes, with [0] */
};

struct hg_error *hg_classes_init(const struct hg_analysis *a, struct hg_classes *classes);
void hg_classes_deinit(struct hg_classes *classes);

static inline const char *hg_class_name(const struct hg_classes *classes, uint32_t class)
{
	return hg_strtab_text(&classes->names, class);
}

#endif
