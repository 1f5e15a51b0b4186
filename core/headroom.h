/**
 * How much memory is left: to the system, and to a process in its control groups.
 */
#ifndef HG_CORE_HEADROOM_H
#define HG_CORE_HEADROOM_H

#include <stdbool.h>
#include <stdint.h>

/** Returns how many more bytes a process may fill before the system or one of its groups runs short. pid 0: ourselves. */
uint64_t hg_headroom(uint32_t pid);

/** Tells whether the whole group is killed when one process of it runs out of memory (memory.oom.group). */
bool hg_headroom_kills_group(uint32_t pid);

#endif
