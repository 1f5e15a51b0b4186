/**
 * Errors: "the question cannot be answered". NULL is success; an error is owned by whoever holds the pointer and
 * ends with hg_error_destroy(). Damage in a target is no error, it is counted in the coverage. A mistake of ours
 * is hg_assert().
 */
#ifndef HG_BASE_ERROR_H
#define HG_BASE_ERROR_H

#include "core/base/cleanup.h"

enum hg_error_code {
	HG_ERROR_OTHER,
	HG_ERROR_NOMEM,
	HG_ERROR_IO,	      /* the system said no; message ends in its words */
	HG_ERROR_FORMAT,      /* not what it should be: not ELF, not a core, damaged beyond use */
	HG_ERROR_NOT_FOUND,   /* a file, process, type or address that does not exist */
	HG_ERROR_PERMISSION,  /* which rule forbids it stands in the message */
	HG_ERROR_UNSUPPORTED, /* understood, but not possible (architecture, no debug info, ...) */
	HG_ERROR_LIMIT,	      /* larger than core/base/limits.h allows */
	HG_ERROR_USAGE,	      /* the caller's words are wrong */
	HG_ERROR_EXCEEDED,    /* answered, and the answer is more than --fail-over allows */
};

struct hg_error {
	enum hg_error_code code;
	char *message; /* one line, lower case, no full stop, subject in quotes */
};

/** The error for exhausted memory; static, so that reporting it needs none. */
extern struct hg_error hg_enomem;

/** Returns a new error with a formatted message (&hg_enomem where memory is exhausted). */
struct hg_error *hg_error_create(enum hg_error_code code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Like hg_error_create() with ": " and the system's text for errnum behind it; EPERM and EACCES become PERMISSION,
 * ENOENT and ESRCH NOT_FOUND, ENOMEM NOMEM, the rest IO. */
struct hg_error *hg_error_errno(int errnum, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Puts "words: " in front of the message of err, which it consumes; returns the error to pass on. */
struct hg_error *hg_error_context(struct hg_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Ends an error; accepts NULL and &hg_enomem. */
void hg_error_destroy(struct hg_error *err);
HG_DEFINE_CLEANUP(struct hg_error, hg_error_destroy)

/** A mistake of ours: prints file, line and condition on stderr and aborts. Never for what a target contains. */
#define hg_assert(condition)                                                                       \
	do {                                                                                       \
		if (!(condition))                                                                  \
			hg_assert_fail(__FILE__, __LINE__, #condition);                            \
	} while (0)

_Noreturn void hg_assert_fail(const char *file, int line, const char *condition);

#endif
