/**
 * The notes of a core file from a snapshot. Private to core/.
 */
#ifndef HG_CORE_CAPTURE_NOTES_H
#define HG_CORE_CAPTURE_NOTES_H

#include "core/capture_snapshot.h"
#include "core/image_write.h"

/**
 * Adds the notes in the kernel's order: the main thread, the process, then the other threads; and our own. *ret_record
 * gets where the text of that begins and ends, to be written again when all is known.
 */
struct hg_error *hg_snapshot_write_notes(const struct hg_snapshot *snapshot, hg_note_buffer *ret,
					 struct hg_gap *ret_record);

#endif
