/**
 * Which way to take a snapshot: a table of conditions, looked at before anything is stopped. Private to core/.
 */
#ifndef HG_CORE_CAPTURE_MODE_H
#define HG_CORE_CAPTURE_MODE_H

#include "core/capture_snapshot.h"

/**
 * Sets snapshot->mode, by what was asked for and what is safe, and logs why; or refuses. Called after
 * hg_snapshot_prepare().
 */
struct hg_error *hg_mode_decide(struct hg_snapshot *snapshot);

/** A copy turned out not to be possible, with nothing changed (`why`, which is consumed): stop mode, or a refusal. */
struct hg_error *hg_mode_fall_back(struct hg_snapshot *snapshot, struct hg_error *why);

/** What each mode will take, in microseconds. */
uint64_t hg_mode_predict(const struct hg_snapshot *snapshot, enum hg_capture_mode mode);

#endif
