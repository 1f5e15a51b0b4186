/**
 * What the commands share: opening a SOURCE, showing a report, messages on stderr.
 */
#ifndef HG_CLI_TARGET_H
#define HG_CLI_TARGET_H

#include "cli/command.h"
#include "cli/render/render.h"

/** Messages and progress of the library on stderr: zero it, set verbose, pass &log. */
struct hg_console {
	struct hg_log log;
	unsigned verbose;
	bool terminal;	   /* stderr is one: progress may be drawn */
	bool drawn;	   /* a progress line stands there */
	uint64_t start_ns; /* of the command; nothing is drawn in the first second */
	uint64_t last_ns;  /* of the last drawing */
};

void hg_console_init(struct hg_console *console, unsigned verbose);
/** Wipes the progress line, if any. */
void hg_console_clear(struct hg_console *console);

/** Keeps other processes of the same user, and core dumps, away from our memory: it will hold what another has in its. */
void hg_keep_to_ourselves(void);

/** Prints "heapgraph: MESSAGE" on stderr, safe for a terminal. */
void hg_print_error(const struct hg_error *err);

/** Flushes stdout; an error when anything printed so far could not be written. */
struct hg_error *hg_flush_output(void);

/** Analyzes operands[0] and prints the report `name` with what the options ask for. */
struct hg_error *hg_target_report(const struct hg_args *args, const char *name,
				  const struct hg_report_args *report_args);

#endif
