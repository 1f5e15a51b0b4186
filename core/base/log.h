/**
 * Logging and progress as callbacks: the library never prints. Both callbacks may be NULL, and a NULL log is silent.
 */
#ifndef HG_BASE_LOG_H
#define HG_BASE_LOG_H

#include <stdint.h>

enum hg_log_level {
	HG_LOG_NOTICE = -1, /* what is about to be done to a process */
	HG_LOG_WARNING = 0, /* what the user should know before believing a number */
	HG_LOG_INFO,	    /* what was found, time and memory of each phase (-v) */
	HG_LOG_DEBUG,	    /* for whoever works on heapgraph (-vv) */
};

struct hg_log {
	void (*message)(void *arg, enum hg_log_level level, const char *text);
	void (*progress)(void *arg, const char *phase, uint64_t done, uint64_t total);
	void *arg;
};

void hg_log_printf(const struct hg_log *log, enum hg_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** done and total are in the phase's own unit; total 0 is unknown. May be called often. */
void hg_log_progress(const struct hg_log *log, const char *phase, uint64_t done, uint64_t total);

#endif
