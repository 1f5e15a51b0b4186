/**
 * Facts: what reports ask the target's memory, and the answers. While an analysis is saved the answers are written down as
 * they are given; where an analysis comes from a graph file, they are all there is.
 *
 *	a->facts NULL		memory is there, nothing is to be saved
 *	facts->recording	memory is there, answers are written down
 *	facts->loaded		no memory: answers come from here
 */
#ifndef HG_GRAPH_FACTS_H
#define HG_GRAPH_FACTS_H

#include "core/base/map.h"
#include "graph/analysis.h"
#include "graph/lang/lang.h"

struct hg_fact_stored { /* a block behind a container; see struct hg_stored */
	uint64_t addr, from, to;
	uint32_t element;
};

struct hg_fact_container { /* the answer of a container at an address */
	uint64_t addr, size;
	uint32_t type;
	uint32_t word;	       /* string */
	uint64_t stored;       /* first in the list of all that are stored; they are in order */
	uint32_t stored_count; /* blocks behind it */
	struct hg_container c; /* without its word */
};

struct hg_fact_choice { /* what a struct whose contents depend on the value holds at an offset */
	uint64_t addr, offset;
	uint32_t type;
	bool found;
	struct hg_piece piece;
};

struct hg_fact_line { /* of a root */
	uint32_t file, line;
};

struct hg_out_far { /* the word of an edge itself */
	uint32_t edge, word;
};

/** The out-edges of blocks as they were found, with their words. */
struct hg_fact_outs {
	uint32_t *at; /* per block, and one more: where its edges are; NULL: those of the graph */
	uint32_t *to; /* nodes; NULL likewise */
	uint8_t *
		steps; /* words from the edge before in the block, the first from word 0; HG_OUT_FAR: in `far` */
	uint64_t *weak; /* bit per edge; NULL where none is */
	HG_VEC(struct hg_out_far) far;
};

#define HG_OUT_FAR 255

struct hg_facts {
	bool loaded;
	bool recording;				     /* answers are being written down */
	bool failed;				     /* memory ran out while writing down */
	HG_VEC(struct hg_fact_container) containers; /* by address, type, size once sorted */
	HG_VEC(struct hg_fact_stored) stored;
	HG_VEC(struct hg_fact_choice) choices; /* by address, type, offset once sorted */
	HG_VEC(struct hg_fact_line) lines;     /* of each root */
	struct hg_map known;		       /* while writing down: hashes of what is there */
	struct hg_fact_outs outs;
	const char *build_id;	      /* loaded: hex */
	uint64_t present_bytes;	      /* of the target's own memory that was there */
	struct hg_section_file *file; /* loaded: owns what is borrowed from it */
};

/** Describes a value of a type of a language: by memory, or from what was written down. See hg_lang_ops.container. */
struct hg_container hg_facts_container(const struct hg_analysis *a, struct hg_lang *lang,
				       uint32_t type, uint64_t addr, uint64_t size,
				       const struct hg_storage *storage);

/** What a choice holds; see struct hg_shapes. */
bool hg_facts_choose(const struct hg_analysis *a, struct hg_lang *lang, uint32_t type,
		     uint64_t addr, uint64_t offset, struct hg_piece *ret);

/** Where there is no memory: the first address at or behind addr of a container that something is known of, UINT64_MAX where
 * none follows. Else addr. */
uint64_t hg_facts_next(const struct hg_analysis *a, uint64_t addr);

/** Bytes of the target's own memory that are or were there. */
uint64_t hg_facts_present(const struct hg_analysis *a);

/** Sorts what was written down; of what is there twice the first counts. */
void hg_facts_sort(struct hg_facts *facts);
void hg_facts_destroy(struct hg_facts *facts);

/** Keeps the edges of blocks, with their words (see hg_scan()), before weak ones are taken out of the graph. */
struct hg_error *hg_outs_keep(struct hg_analysis *a, const uint32_t *words);

/** Appends the edges of a block that were kept. */
struct hg_error *hg_outs_get(const struct hg_analysis *a, uint32_t block, hg_outs *ret);

#endif
