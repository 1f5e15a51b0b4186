/**
 * Takes contents out of a core that has been written: holes where whole pages are concerned, else zeros. Private to
 * core/.
 */
#ifndef HG_CORE_CAPTURE_HIDE_H
#define HG_CORE_CAPTURE_HIDE_H

#include "core/capture_snapshot.h"
#include "core/image_write.h"

/** Finds where the arguments and the environment lie, and forgets what is known of them already. */
struct hg_error *hg_hide_arguments(struct hg_snapshot *snapshot);

/** Sorts a list of ranges and makes one of those that touch or overlap. */
void hg_hide_tidy(hg_hidden_list *list);

/** Makes zeros of ranges of a core's memory, in its file; the list gets sorted. *ret_bytes: how many there were. */
struct hg_error *hg_hide_contents(const struct hg_core_writer *writer, hg_hidden_list *list,
				  uint64_t *ret_bytes);

#endif
