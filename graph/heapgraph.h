/**
 * libheapgraph: who holds the memory of a process. The public header.
 *
 *   struct hg_analysis *a;
 *   struct hg_error *err = hg_analysis_create(&(struct hg_options){.source = "core.1234"}, &a);
 *   ...
 *   err = hg_report_create(a, "top", &(struct hg_report_args){.by = "type"}, &report);
 */
#ifndef HG_GRAPH_HEAPGRAPH_H
#define HG_GRAPH_HEAPGRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/log.h"

struct hg_analysis;

struct hg_options {
	const char *source;  /* a core file or a PID in decimal (a file of that name wins) */
	const char *exe;     /* executable, when not where the target says; NULL */
	const char *sysroot; /* prefix of the target's file names; NULL */
	bool verify;	     /* check every edge against the dominator tree and the invariants */
	const char *
		report; /* the one report that will be asked: what others alone need is left out; NULL: any may be */
	const struct hg_log *log;
};

/** Runs the pipeline: image, program, heaps, roots, scan, graph, dominators, retained sizes. */
struct hg_error *hg_analysis_create(const struct hg_options *options, struct hg_analysis **ret);
void hg_analysis_destroy(struct hg_analysis *analysis);
HG_DEFINE_CLEANUP(struct hg_analysis, hg_analysis_destroy)

enum hg_column_kind {
	HG_COLUMN_TEXT,
	HG_COLUMN_BYTES,
	HG_COLUMN_COUNT,
	HG_COLUMN_ADDRESS,
	HG_COLUMN_BOOL,
	HG_COLUMN_PERMILLE, /* a share in thousandths; shown as per cent */
	HG_COLUMN_ID,	    /* row id or parent id of a tree */
};

struct hg_column {
	const char *name;  /* stable word, the JSON key: "retained" */
	const char *title; /* for people: "RETAINED" */
	enum hg_column_kind kind;
	bool json_only; /* not shown as text */
	bool text_only; /* not shown as JSON */
	uint8_t exact_column; /* the BOOL column that is false where this number is a lower bound; 0 none */
};

struct hg_cell {
	const char *text; /* of a TEXT column; NULL: absent (JSON leaves the key out) */
	uint64_t number;  /* of the others */
	bool absent;
};

struct hg_table {
	const char *name;  /* "rows" for the main table; others "types", "roots" ... */
	bool json_only;	   /* its sentences say it all as text */
	const char *title; /* heading for people, or NULL */
	const struct hg_column *columns;
	unsigned column_count;
	struct hg_cell *cells; /* row_count * column_count */
	uint32_t row_count;
	uint64_t rows_left_out; /* more rows than -n asked for */
	bool tree;		/* columns "id" and "parent" make a tree; rows are in preorder */
	int label_column;	/* what a row is about: shown last, in a tree indented */
};

struct hg_source {
	const char *kind; /* "core" or "live" */
	const char *path; /* NULL for live */
	uint32_t pid;
	const char *runtime;  /* "go1.26.8" */
	const char *build_id; /* hex, "" unknown */
};

struct hg_number { /* one entry of totals or coverage */
	const char *name;
	uint64_t value;
};

struct hg_report {
	const char *name; /* "top" */
	struct hg_source source;
	struct hg_number totals[24];
	unsigned total_count;
	struct hg_number coverage[8];
	unsigned coverage_count;
	const char **notes;
	uint32_t note_count;
	const char **sentences; /* the answer in words, shown first as text; in JSON as "summary" */
	uint32_t sentence_count;
	const char *trust;	 /* the trust line; "" none */
	struct hg_table *tables; /* [0] is "rows" */
	uint32_t table_count;
	struct hg_report_private *priv; /* arena */
};

struct hg_report_args {
	const char *by;	    /* top: "type", "object", "root", "package", "goroutine" */
	const char *target; /* why: a type, address or variable */
	const char *sort;   /* name of a numeric column; NULL for the report's own order */
	const char *filter; /* extended regular expression on the label column; NULL for all */
	uint64_t limit;	    /* rows; 0 for the report's own */
	bool exact;	    /* exact retained sets instead of lower bounds */
	uint64_t min_bytes; /* tree: steps that retain less are left out; 0 for the report's own */
	uint64_t depth;	    /* tree: steps from the top that are shown; 0 for all */
};

/** Says what is wrong with the arguments of a report, before an analysis that may take a while; NULL when nothing is. */
struct hg_error *hg_report_check(const char *name, const struct hg_report_args *args);

/** Makes a report: "analyze", "top", "why". The caller ends it with hg_report_destroy(), before the analysis. */
struct hg_error *hg_report_create(struct hg_analysis *analysis, const char *name,
				  const struct hg_report_args *args, struct hg_report **ret);
void hg_report_destroy(struct hg_report *report);
HG_DEFINE_CLEANUP(struct hg_report, hg_report_destroy)

/** How a live process may be treated. */
struct hg_live_options {
	const char *mode;      /* "auto", "fork", "stop" or "no-stop"; NULL for auto */
	uint64_t max_pause_us; /* 0: no limit */
	uint64_t max_growth;   /* bytes; 0: no limit */
};

struct hg_snapshot_options {
	uint32_t pid;
	struct hg_live_options live;
	const char *output; /* NULL for core.PID */
	bool omit_data; /* leave out the contents of objects without pointers, arguments and environment */
	const struct hg_log *log;
};

struct hg_snapshot_result {
	char *path;	  /* malloc'd, the caller's */
	const char *mode; /* how it was taken; static */
	uint64_t bytes, file_size, stopped_us, reap_us, growth_bytes, missing_bytes;
	uint64_t omitted_bytes; /* of contents (omit_data) */
};

/** Writes a core of a live process; see core/capture.h. */
struct hg_error *hg_snapshot(const struct hg_snapshot_options *options,
			     struct hg_snapshot_result *ret);

struct hg_process {	    /* a live process at a glance */
	uint64_t rss_bytes; /* resident memory */
	uint64_t started;   /* tells it from a later process of its number; in no unit */
};

/** Looks at a process without touching it. HG_ERROR_NOT_FOUND where there is none, or only what is left of one that has
 * ended. */
struct hg_error *hg_process_look(uint32_t pid, struct hg_process *ret);

#endif
