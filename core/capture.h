/**
 * A snapshot of a live process as an ELF core file.
 */
#ifndef HG_CORE_CAPTURE_H
#define HG_CORE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/log.h"

struct hg_capture_options {
	const char *
		output; /* file to create (O_EXCL, mode 0600); NULL for core.PID in the current folder */
	bool direct; /* write while it stands still, without a copy in memory; done also where memory is short */
	const struct hg_log *log;
};

struct hg_capture_result {
	char *path;		/* the core; malloc'd, the caller frees it */
	uint64_t bytes;		/* really copied */
	uint64_t file_size;	/* with holes */
	uint64_t stopped_us;	/* how long the target stood still */
	uint64_t missing_bytes; /* resident but unreadable */
};

/** Writes a core of a live process. The target goes on, whatever happens; on error no file is left behind. */
struct hg_error *hg_capture(uint32_t pid, const struct hg_capture_options *options,
			    struct hg_capture_result *ret);

#endif
