/**
 * What could not be read, typed or walked: counted while the walk goes on, shown under every report.
 */
#ifndef HG_GRAPH_COVERAGE_H
#define HG_GRAPH_COVERAGE_H

#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/vec.h"

struct hg_coverage_count {
	const char *what; /* plural, lower case: "goroutine stacks that end in unknown code" */
	uint64_t count;
};

struct hg_coverage {
	uint64_t typed_bytes;	/* live bytes whose type has a name */
	uint64_t guessed_bytes; /* of those, where the type is a guess or found through one */
	uint64_t masked_bytes;	/* live bytes known by the pointer mask or size alone */
	uint64_t missing_bytes; /* of the target's memory that the dump should hold and does not */
	uint64_t conservative_bytes; /* live bytes that hang on such edges alone */
	uint64_t conservative_edges; /* from words that may or may not be pointers */
	HG_VEC(struct hg_coverage_count) counts;
	HG_VEC(const char *) notes; /* one line each */
	struct hg_arena arena;
};

/** Adds n to the count of a kind of damage. `what` must live as long as the coverage (a literal). */
void hg_coverage_add(struct hg_coverage *coverage, const char *what, uint64_t n);
/** Adds a line for the user. */
void hg_coverage_note(struct hg_coverage *coverage, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void hg_coverage_deinit(struct hg_coverage *coverage);

#endif
