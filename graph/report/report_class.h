/**
 * Every block's type as a text, once per type: the class of a node is the number of its type's name. Inner parts of
 * containers are of the class of their container: a map is one thing, whatever it is made of.
 */
#ifndef HG_GRAPH_REPORT_REPORT_CLASS_H
#define HG_GRAPH_REPORT_REPORT_CLASS_H

#include "core/base/strtab.h"
#include "graph/analysis.h"

struct hg_class {
	uint64_t count; /* live ones; inner parts do not count, but their bytes do */
	uint64_t
		parts; /* live inner parts; they are the count where no head of theirs lies in the heap */
	uint64_t shallow;	/* live ones */
	uint64_t garbage_count; /* not reached */
	uint64_t garbage_bytes;
	uint32_t node; /* the first live one, else the first */
	uint32_t
		buffer; /* of a channel: the class of its buffer, which is an inner part below it; 0 */
	bool has_edges; /* a live one refers to something */
};

struct hg_classes {
	struct hg_strtab names;
	uint32_t *of;	       /* per node; 0 for roots */
	uint64_t *inner;       /* one bit a node: an inner part */
	struct hg_class *list; /* by class; [0] is empty */
	uint32_t count;	       /* classes, with [0] */
};

/** Names every block. End it with hg_classes_deinit(), also after an error. */
struct hg_error *hg_classes_init(const struct hg_analysis *a, struct hg_classes *classes);
void hg_classes_deinit(struct hg_classes *classes);

static inline const char *hg_class_name(const struct hg_classes *classes, uint32_t class)
{
	return hg_strtab_text(&classes->names, class);
}

/** Is the node an inner part of its dominator, which is of class `above`? */
static inline bool hg_class_is_inner(const struct hg_classes *classes, uint32_t node,
				     uint32_t above)
{
	if (classes->inner[node / 64] >> node % 64 & 1)
		return true;
	return classes->list[above].buffer && classes->list[above].buffer == classes->of[node];
}

#endif
