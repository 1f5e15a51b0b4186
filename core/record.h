/**
 * Our own note of a core: how the snapshot was taken and what it does not hold, in lines of text.
 *
 *   LINE                     MEANING
 *   heapgraph VERSION        the tool
 *   mode NAME                fork, stop, frozen or no-stop
 *   time SECONDS             since 1970
 *   pause_us N               how long the process stood still
 *   consistent yes           one instant; "no": copied while it ran
 *   hidden_bytes N           contents of objects without pointers that are zeros here on purpose
 *   NAME_bytes N             memory figures of the system at the stop
 *   left_out START END WHY   hexadecimal; WHY: asked, device, copy, moving, failed
 *   more N BYTES             ranges that found no room
 */
#ifndef HG_CORE_RECORD_H
#define HG_CORE_RECORD_H

#include "core/base/error.h"

struct hg_image;

/** Adds to the notes of an image what a record says is missing or not of one instant; other lines are skipped. */
struct hg_error *hg_record_read(struct hg_image *image, const char *text, size_t size);

#endif
