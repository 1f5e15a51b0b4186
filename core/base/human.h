/**
 * Numbers as people read them: 1,000 and 953.7 MiB and 99.1 %. Each adds to a text.
 */
#ifndef HG_BASE_HUMAN_H
#define HG_BASE_HUMAN_H

#include <stdint.h>

#include "core/base/text.h"

/** "1,234,567" */
void hg_human_count(struct hg_text *text, uint64_t count);

/** "812 B", "953.7 MiB": one decimal from KiB on. */
void hg_human_bytes(struct hg_text *text, uint64_t bytes);

/** "99.1 %" from thousandths. */
void hg_human_permille(struct hg_text *text, uint64_t permille);

/** "180 ms", "2.4 s" from microseconds. */
void hg_human_time(struct hg_text *text, uint64_t us);

/** Returns part / whole in thousandths, rounded; what is not all never becomes 1000, what is not nothing never 0 where
 * whole allows it. 0 for a whole of 0. */
uint64_t hg_human_share(uint64_t part, uint64_t whole);

/** "1 map", "2 maps": the count, a blank, and the noun with an s where it is not one. */
void hg_human_things(struct hg_text *text, uint64_t count, const char *noun);

/**
 * Adds words that come from a target so that they are safe on a terminal: control characters, bytes that are not UTF-8
 * and characters that turn the direction of writing become \xNN escapes.
 */
void hg_human_escape(struct hg_text *text, const char *words);

/** Returns the length in bytes of the UTF-8 character at `bytes` (NUL-terminated), 0 where there is none. */
unsigned hg_human_utf8(const char *bytes, uint32_t *character);

#endif
