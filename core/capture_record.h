/**
 * Writes our own note about a snapshot: see core/record.h. Private to core/.
 */
#ifndef HG_CORE_CAPTURE_RECORD_H
#define HG_CORE_CAPTURE_RECORD_H

#include "core/base/text.h"
#include "core/capture_snapshot.h"

/** Adds the record to a text, at most `room` bytes; what the snapshot does not know yet is left out. */
void hg_snapshot_record(const struct hg_snapshot *snapshot, size_t room, struct hg_text *ret);

/** Returns how much room a record may take in the end, when the pages that cannot be read are known. */
size_t hg_snapshot_record_room(const struct hg_snapshot *snapshot);

#endif
