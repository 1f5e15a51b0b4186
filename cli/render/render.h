/**
 * Output formats: each shows any report. One file and one row of hg_render_table each.
 */
#ifndef HG_CLI_RENDER_RENDER_H
#define HG_CLI_RENDER_RENDER_H

#include <stdio.h>

#include "graph/heapgraph.h"

/** What a format can show; each includes those before it. */
enum hg_render_needs {
	HG_RENDER_ANY,
	HG_RENDER_TREE, /* reports whose rows are a tree */
	HG_RENDER_SUMS, /* trees in which a row retains itself and the rows below it */
};

struct hg_render_ops {
	const char *name;
	enum hg_render_needs needs;
	bool pruned; /* `export` leaves out what is small unless told otherwise: for people to look at */
	/** Fails where memory is exhausted. Write errors stay in the stream: the caller asks ferror(). */
	struct hg_error *(*report)(const struct hg_report *report, FILE *out);
};

extern const struct hg_render_ops hg_render_text, hg_render_json, hg_render_csv, hg_render_folded,
	hg_render_speedscope, hg_render_dot;
extern const struct hg_render_ops *const hg_render_table[]; /* ends with NULL */

/** Adds the words as a JSON string, with its quotes. */
void hg_render_json_string(FILE *out, const char *words);

/** Returns the format of that name, or NULL. */
const struct hg_render_ops *hg_render_find(const char *name);

#endif
