/**
 * A new file with what others are not to read: mode 0600, never over another one, complete or absent.
 *
 *	struct hg_output output = {.fd = -1, .path = path};
 *	struct hg_error *err = hg_output_open(&output);
 *	... write to output.fd ...
 *	if (!err)
 *		err = hg_output_name(&output);
 *	err = hg_output_close(&output, err);
 */
#ifndef HG_CORE_OUTPUT_H
#define HG_CORE_OUTPUT_H

#include <stdbool.h>

#include "core/base/error.h"

struct hg_output {
	int fd;	    /* -1 before it is open */
	char *path; /* the caller's */
	bool named; /* there is a name to take away when all fails */
};

/** Opens it; a file that is there already is an error. */
struct hg_error *hg_output_open(struct hg_output *output);
/** Gives the file, which is complete, its name. */
struct hg_error *hg_output_name(struct hg_output *output);
/** Ends the file; takes it away where err is one. Returns err, or what went wrong in the end. */
struct hg_error *hg_output_close(struct hg_output *output, struct hg_error *err);

#endif
