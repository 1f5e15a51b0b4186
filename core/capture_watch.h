/**
 * Watches what a copy of a process costs while it is read. Private to core/.
 */
#ifndef HG_CORE_CAPTURE_WATCH_H
#define HG_CORE_CAPTURE_WATCH_H

#include "core/capture_snapshot.h"

struct hg_watch {
	const struct hg_snapshot *snapshot;
	int pidfd; // of the target; -1 where the system has none
	uint64_t faults, began_ns;
	uint64_t reserve; // memory that must stay free
};

void hg_watch_begin(struct hg_watch *watch, const struct hg_snapshot *snapshot, int pidfd);

/** Returns why the copy must end now, or NULL. */
struct hg_error *hg_watch_look(const struct hg_watch *watch);

/** Returns the most that the copy can have taken: each page the target wrote since was copied then. */
uint64_t hg_watch_growth(const struct hg_watch *watch);

#endif
