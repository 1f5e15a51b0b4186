/**
 * The parts of `why`: what the user's word means, and the tree of steps as rows. Private to report_why*.c.
 */
#ifndef HG_GRAPH_REPORT_REPORT_WHY_H
#define HG_GRAPH_REPORT_REPORT_WHY_H

#include "dwarf/variable.h"
#include "graph/report/report.h"
#include "graph/report/report_trie.h"

#define HG_WHY_ROWS 8 /* children of a step that are shown when -n does not say */

struct hg_why {
	struct hg_analysis *a;
	const struct hg_report_args *args;
	struct hg_report *report;
	uint64_t limit;
	struct hg_classes classes;
	struct hg_tops tops;
	struct hg_dominator_tree tree;
	struct hg_namer namer;
	uint8_t *targets; /* per node */
	struct hg_trie trie;
};

struct hg_why_match {
	uint32_t root;	/* the variable meant; 0 */
	uint32_t class; /* the type meant; 0 */
};

/** Finds the variable or type that a word means: by its full name, else by the end of one, else by any part. Several are an
 * error that lists them. */
struct hg_error *hg_why_match(const struct hg_why *why, const char *word, struct hg_why_match *ret);

/** Checks --sort. */
struct hg_error *hg_why_check_sort(const char *sort);

/** Adds the one row of a variable that refers to nothing, and so is no root. */
struct hg_error *hg_why_variable(struct hg_why *why, const struct hg_variable *variable,
				 const struct hg_container *c);

/** Adds the steps of the trie to the report, the largest children first. `whole` as for hg_trie_init(). */
struct hg_error *hg_why_rows(struct hg_why *why, bool whole);

#endif
