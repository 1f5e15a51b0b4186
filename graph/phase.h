/**
 * Time and memory of each phase of the pipeline, for -v.
 */
#ifndef HG_GRAPH_PHASE_H
#define HG_GRAPH_PHASE_H

#include <stdint.h>

#include "core/base/log.h"

struct hg_phases {
	const struct hg_log *log;
	double wall, cpu; /* seconds, at the end of the phase before */
};

void hg_phase_begin(struct hg_phases *phases);

/** Logs (at INFO) what the phase that ends here took, and the highest memory of ours so far without mapped files. `count` is
 * of whatever the phase made. */
void hg_phase_end(struct hg_phases *phases, const char *name, uint64_t count);

#endif
