/**
 * Subcommands. To add one: cli/cmd/cmd_X.c with a const struct hg_command, its row in cli/main.c, docs/man/heapgraph-X.1.scd.
 * To add an option: its row in cli/option.c, its field in struct hg_args, its bit in the commands that take it.
 */
#ifndef HG_CLI_COMMAND_H
#define HG_CLI_COMMAND_H

#include "graph/heapgraph.h"

enum hg_exit { HG_EXIT_OK = 0, HG_EXIT_ERROR = 1, HG_EXIT_USAGE = 2 };

enum hg_option_bit {
	HG_OPTION_HELP = 1u << 0,
	HG_OPTION_OUTPUT = 1u << 1,
	HG_OPTION_EXE = 1u << 2,
	HG_OPTION_SYSROOT = 1u << 3,
	HG_OPTION_FORMAT = 1u << 4,
	HG_OPTION_LIMIT = 1u << 5,
	HG_OPTION_SORT = 1u << 6,
	HG_OPTION_FILTER = 1u << 7,
	HG_OPTION_BY = 1u << 8,
	HG_OPTION_EXACT = 1u << 9,
	HG_OPTION_VERIFY = 1u << 10,
	HG_OPTION_VERBOSE = 1u << 11,
	HG_OPTION_EVERY = 1u << 13,
	HG_OPTION_COUNT = 1u << 14,
	HG_OPTION_KEEP = 1u << 15,
	HG_OPTION_WHEN = 1u << 16,
	HG_OPTION_MODE = 1u << 17,
	HG_OPTION_MAX_PAUSE = 1u << 18,
	HG_OPTION_MAX_GROWTH = 1u << 19,
	HG_OPTION_NO_STOP = 1u << 20,
	HG_OPTION_OMIT_DATA = 1u << 23,
	/* How a live process may be treated. */
	HG_OPTIONS_LIVE =
		HG_OPTION_MODE | HG_OPTION_MAX_PAUSE | HG_OPTION_MAX_GROWTH | HG_OPTION_NO_STOP,
	HG_OPTION_MIN = 1u << 21,
	HG_OPTION_DEPTH = 1u << 22,
	HG_OPTION_OPTIONS = 1u << 12, /* hidden: of `help`, for the check of the man pages */
	/* What every command takes that reads a SOURCE and prints a report. */
	HG_OPTIONS_SOURCE = HG_OPTION_EXE | HG_OPTION_SYSROOT | HG_OPTION_FORMAT | HG_OPTION_LIMIT |
			    HG_OPTION_FILTER | HG_OPTION_VERBOSE | HG_OPTION_HELP,
};

/** What the options of a schedule ask for (cli/schedule.h); zeroed: one snapshot, now. */
struct hg_schedule {
	uint64_t every_us; /* 0: no period */
	uint64_t count; /* snapshots; 0: no end, or one where there is a condition and no period */
	uint64_t keep;	/* how many files of this run stay; 0 all */
	uint64_t rss_above; /* the condition, in bytes; 0 none */
};

struct hg_args {
	const char *operands[2]; /* NULL where not given */
	const char *output;
	const char *exe;
	const char *sysroot;
	const struct hg_render_ops *format;
	const char *sort;
	const char *filter;
	const char *by;
	uint64_t limit, min_bytes, depth;
	struct hg_schedule schedule;
	struct hg_live_options live;
	unsigned verbose;
	bool exact, verify, omit_data, help, options;
};

struct hg_command {
	const char *name;
	const char *operands; /* "SOURCE TYPE|ADDRESS|VARIABLE" */
	const char *summary;  /* one line for `heapgraph help` */
	const char *details;  /* paragraphs for `heapgraph help COMMAND`; NULL */
	unsigned options;     /* HG_OPTION_* */
	unsigned min_operands, max_operands;
	/** HG_ERROR_USAGE becomes exit status 2. */
	struct hg_error *(*run)(const struct hg_args *args);
};

extern const struct hg_command *const hg_command_table[]; /* ends with NULL */
extern const struct hg_command hg_cmd_snapshot, hg_cmd_analyze, hg_cmd_top, hg_cmd_why,
	hg_cmd_leaks, hg_cmd_tree, hg_cmd_help;

/** Returns the command of that name, or NULL. */
const struct hg_command *hg_command_find(const char *name);

/** Reads the words behind the command's name (argv[0]). Errors are HG_ERROR_USAGE. */
struct hg_error *hg_option_parse(const struct hg_command *command, int argc, char **argv,
				 struct hg_args *ret);

/** Prints the options of a command: as help, or for `machine` one a line: "-o<TAB>--output<TAB>FILE". */
void hg_option_print(const struct hg_command *command, bool machine, FILE *out);

#endif
