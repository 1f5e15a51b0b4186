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
	uint64_t
		smallest; /* steps that retain less are not shown by themselves; 0: by the report's own rule */
	bool of_tree;	/* people see what each step is itself, and not what is below */
	uint64_t depth; /* steps from the top that are shown; 0 all */
	struct hg_classes classes;
	struct hg_tops tops;
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

/** Prepares what both `why` and `tree` need; targets are all 0. End it with hg_why_deinit(), also after an error. */
struct hg_error *hg_why_init(struct hg_analysis *a, const struct hg_report_args *args,
			     struct hg_report *report, struct hg_why *why);
void hg_why_deinit(struct hg_why *why);

/** Makes targets of all that the targets dominate. */
void hg_why_widen(struct hg_why *why);

/** Finds the node at an address; an error says what else lies there. */
struct hg_error *hg_why_node_at(const struct hg_why *why, uint64_t addr, uint32_t *ret);
/** Is the target an address (0x...)? */
bool hg_why_is_address(const char *target);
/** Checks a target that is an address. */
struct hg_error *hg_why_check_address(const char *target);

/** Checks --sort. */
struct hg_error *hg_why_check_sort(const char *sort);

/** Adds the one row of a variable that refers to nothing, and so is no root. */
struct hg_error *hg_why_variable(struct hg_why *why, const struct hg_variable *variable,
				 const struct hg_container *c);

/** Adds the steps of the trie to the report under a title, the largest children first. */
struct hg_error *hg_why_rows(struct hg_why *why, const char *title);

#endif
