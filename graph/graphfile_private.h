/**
 * What is in a graph file: private to graphfile*.c. Lists of records are rows of hg_graphfile_lists; the large arrays have
 * a section each.
 */
#ifndef HG_GRAPH_GRAPHFILE_PRIVATE_H
#define HG_GRAPH_GRAPHFILE_PRIVATE_H

#include "graph/facts.h"
#include "graph/graphfile.h"
#include "graph/record.h"
#include "graph/sectionfile.h"

struct graphfile_meta { /* one record */
	uint32_t image_kind, pid, path, build_id;
	bool has_path;
	bool separate_outs; /* the edges of blocks as found are not those of the graph */
	bool has_marks, has_doubted, has_weak;
	uint32_t nodes, first_block, edges, blocks, reached, debug_types;
	uint64_t stopped_us, present_bytes;
	struct hg_totals totals;
	uint64_t typed_bytes, guessed_bytes, masked_bytes, missing_bytes, conservative_bytes,
		conservative_edges;
};

struct graphfile_heap {
	uint32_t name, runtime, version; /* strings */
	bool has_version, collected;
	struct hg_heap_share share;
};

struct graphfile_count { /* of damage */
	uint32_t what;	 /* string */
	uint64_t count;
};

struct graphfile_note {
	uint32_t text; /* string */
	uint8_t of;    /* 0 image, 1 program, 2 analysis */
};

struct graphfile_name { /* which type a name stands for */
	uint32_t name, type;
};

struct graphfile_far { /* what does not fit into the short form of an array */
	uint32_t at;
	uint64_t value;
};

struct graphfile_parts {
	HG_VEC(struct graphfile_meta) meta;
	HG_VEC(struct graphfile_heap) heaps;
	HG_VEC(struct graphfile_count) counts;
	HG_VEC(struct graphfile_note) notes;
	HG_VEC(struct graphfile_name) names;
	HG_VEC(struct hg_segment) segments;
	HG_VEC(struct hg_extent) extents;
	HG_VEC(struct graphfile_far) degree_far, out_far, retained_far;
};

/** graphfile_ask.c: fills a->facts with what reports may ask. */
struct hg_error *graphfile_ask(struct hg_analysis *a);

void graphfile_parts_deinit(struct graphfile_parts *parts);

enum graphfile_base { GRAPHFILE_PROGRAM, GRAPHFILE_ANALYSIS, GRAPHFILE_FACTS, GRAPHFILE_PARTS };

struct graphfile_vec { /* as every HG_VEC */
	void *data;
	size_t count, capacity;
};

struct graphfile_list {
	const char *name; /* of the section */
	enum graphfile_base base;
	size_t offset; /* of the HG_VEC in it */
	struct hg_record_table table;
};

extern const struct graphfile_list graphfile_lists[];
extern const unsigned graphfile_list_count;

#define GRAPHFILE_FAR8 255u
#define GRAPHFILE_FAR32 UINT32_MAX

static inline struct graphfile_vec *graphfile_vec_of(const struct graphfile_list *list,
						     struct hg_analysis *a,
						     struct graphfile_parts *parts)
{
	char *base = list->base == GRAPHFILE_PROGRAM	? (char *)a->prog
		     : list->base == GRAPHFILE_ANALYSIS ? (char *)a
		     : list->base == GRAPHFILE_FACTS	? (char *)a->facts
							: (char *)parts;
	return (struct graphfile_vec *)(void *)(base + list->offset);
}

#endif
