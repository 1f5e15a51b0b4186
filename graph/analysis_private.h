/**
 * What an analysis keeps for itself: used by the pipeline, scan and names; reports do not look here.
 */
#ifndef HG_GRAPH_ANALYSIS_PRIVATE_H
#define HG_GRAPH_ANALYSIS_PRIVATE_H

#include "core/base/map.h"
#include "graph/lang/inlay.h"
#include "graph/lang/lang.h"
#include "graph/window.h"

struct hg_analysis_private {
	struct hg_lang *langs[HG_LANGUAGES]; /* by language; NULL where none of it is known */
	struct hg_shapes shapes;	     /* of the types of all languages */
	struct hg_windows windows;	     /* parts of blocks that are in use */
	struct hg_inlays inlays;	     /* where containers lie in their values */
	uint64_t *folded;		     /* bit per block: its own edges are not followed */
	uint64_t *guessed; /* bit per block: its type rests on a guess; NULL: none does */
	uint64_t *owned;   /* bit per block: only its owner's edge counts */
	uint8_t *marks;	   /* per node: see graph/leak_mark.h; NULL not asked */
	uint64_t *doubted; /* bit per block: reached over conservative edges alone; NULL: none is */
	bool has_native;   /* beside a collector's heap there is one of C */
	uint64_t low, span; /* addresses of blocks lie in [low, low + span) */
};

/** hg_analysis_create() from a program that stands already, which it takes over, also on failure; NULL: options->source. */
struct hg_error *hg_analysis_of_program(struct hg_program *prog, const struct hg_options *options,
					struct hg_analysis **ret);

#endif
