/**
 * What untyped pointers (void *, members of unions, numbers that hold addresses) lead to, by how the code of the program uses
 * them (dwarf/assign.h), where the block that a pointer leads to agrees. A guess: its types are marked with a "?".
 */
#ifndef HG_GRAPH_TYPING_EVIDENCE_H
#define HG_GRAPH_TYPING_EVIDENCE_H

#include "graph/analysis.h"
#include "graph/lang/shape.h"

struct hg_evidence_site; /* a field of a struct or union */

struct hg_evidence {
	const struct hg_analysis *a;
	struct hg_shapes *shapes;
	struct hg_map by_field; /* type | offset << 32 -> index into sites + 1 */
	HG_VEC(struct hg_evidence_site *) sites;
	struct hg_arena arena;
};

/** Reads the code of the program. End it with hg_evidence_deinit(), also after an error. */
struct hg_error *hg_evidence_init(struct hg_evidence *evidence, const struct hg_analysis *a,
				  struct hg_shapes *shapes);
void hg_evidence_deinit(struct hg_evidence *evidence);

/** The type, marked as a guess, of the block at addr that a pointer at `offset` of a value of `type` leads to, `at` bytes behind
 * the block's start; 0 where nothing is known or nothing agrees. */
uint32_t hg_evidence_guess(struct hg_evidence *evidence, uint32_t type, uint64_t offset,
			   uint64_t addr, uint64_t size, uint64_t at);

#endif
