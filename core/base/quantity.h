/**
 * Quantities as people type them: 8G, 250ms. The counterpart of human.h.
 */
#ifndef HG_BASE_QUANTITY_H
#define HG_BASE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

/** Reads a size: a number, a fraction allowed, and B, K, M, G or T (powers of 1024; KiB, KB and the like mean the same).
 * Returns false where `words` are anything else, or too much for 64 bits. */
bool hg_quantity_bytes(const char *words, uint64_t *ret);

/** Reads a time into microseconds: a number, a fraction allowed, and ms, s, m, h or d. A number alone is refused, but for
 * 0: of two units that are likely people mean either. */
bool hg_quantity_time(const char *words, uint64_t *ret);

#endif
