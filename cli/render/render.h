/**
 * Output formats: each shows any report. One file and one row of hg_render_table each.
 */
#ifndef HG_CLI_RENDER_RENDER_H
#define HG_CLI_RENDER_RENDER_H

#include <stdio.h>

#include "graph/heapgraph.h"

struct hg_render_ops {
	const char *name;
	/** Write errors stay in the stream: the caller asks ferror(). */
	void (*report)(const struct hg_report *report, FILE *out);
};

extern const struct hg_render_ops hg_render_text, hg_render_json;
extern const struct hg_render_ops *const hg_render_table[]; /* ends with NULL */

/** Returns the format of that name, or NULL. */
const struct hg_render_ops *hg_render_find(const char *name);

#endif
