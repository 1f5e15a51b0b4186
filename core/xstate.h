/**
 * The extended state of x86-64 (vector registers and the like): where its components lie is up to the processor. Private
 * to core/.
 *
 *   OFFSET SIZE MEANING
 *   0      512  x87 and SSE registers
 *   464    8    components that the system has switched on (only from ptrace)
 *   512    8    components in use
 *   576    ..   the other components; the places stand in CPUID leaf 13
 */
#ifndef HG_CORE_XSTATE_H
#define HG_CORE_XSTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_XSTATE_COMPONENTS 32
#define HG_XSTATE_MAX 16384

struct hg_xstate_part {
	uint32_t offset, size; /* 0: this processor lacks it */
};

/** The places of the components on this machine; all 0 where it is of another architecture. */
void hg_xstate_host(struct hg_xstate_part *ret);

/**
 * Moves the components to where Intel's processors have them, the only places gdb before 14 knows, and cuts off what
 * gdb does not know. Leaves all as it was where a component behind that is in use (AMX). `size` is at most
 * HG_XSTATE_MAX; so is the room in `xstate`.
 */
void hg_xstate_standardize(uint8_t *xstate, size_t *size, const struct hg_xstate_part *parts);

#endif
