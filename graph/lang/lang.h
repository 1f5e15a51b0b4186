/**
 * Languages: what a pointer in a typed value leads to, what a block's dynamic type is, which blocks are one thing for a
 * person (a map and its tables), and how to name it all. One file (or family) and one row of hg_lang_table each.
 */
#ifndef HG_GRAPH_LANG_LANG_H
#define HG_GRAPH_LANG_LANG_H

#include "core/base/text.h"
#include "graph/analysis.h"

enum hg_container_kind {
	HG_CONTAINER_NONE,
	HG_CONTAINER_MAP,
	HG_CONTAINER_SLICE, /* the array behind a slice: entries = capacity in elements */
	HG_CONTAINER_CHAN,
	HG_CONTAINER_STRING,
	HG_CONTAINER_SYNC_MAP,
};

struct hg_container {
	enum hg_container_kind kind;
	uint64_t entries; /* elements in use (map, channel), or capacity (slice) */
};

/** Writes the type of a node as a person would ("main.User", "map[string]*main.User", "[]uint8", "string"); for root nodes
 * the type of their value; "unknown type, 48 bytes with pointers" classes for untyped blocks ("?48"). */
void hg_name_type(const struct hg_analysis *a, uint32_t node, struct hg_text *out);

/** Writes what leads from a node to the pointer at `offset` in it: ".Cache", ".items[...]", "[...]" for a map's or
 * slice's element, "" where nothing helps (inner parts of containers). Offset is from the start of the slot. */
void hg_name_field(const struct hg_analysis *a, uint32_t node, uint64_t offset,
		   struct hg_text *out);

/** Is the node an inner part of a container (a map's tables and groups), to be shown as one with its dominator? */
bool hg_node_is_inner(const struct hg_analysis *a, uint32_t node);

/** Describes a node that is a container; kind NONE where it is not. Reads the target's memory. */
struct hg_container hg_node_container(const struct hg_analysis *a, uint32_t node);

#endif
