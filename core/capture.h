/**
 * A snapshot of a live process as an ELF core file.
 */
#ifndef HG_CORE_CAPTURE_H
#define HG_CORE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/vec.h"

enum hg_capture_mode {
	HG_CAPTURE_AUTO,
	HG_CAPTURE_FORK,    /* stopped until the kernel has copied it; the copy is read */
	HG_CAPTURE_STOP,    /* stopped until its memory is copied */
	HG_CAPTURE_FROZEN,  /* stood still already, and stays so (only as a result) */
	HG_CAPTURE_NO_STOP, /* not stopped; what comes out is no instant of it */
};

/** "fork", "stop", "frozen", "no-stop". */
const char *hg_capture_mode_name(enum hg_capture_mode mode);
/** Finds a mode that may be asked for; false where there is none of that name. */
bool hg_capture_mode_find(const char *name, enum hg_capture_mode *ret);

struct hg_capture_limits {
	enum hg_capture_mode mode;
	uint64_t max_pause_us; /* more is refused before anything is stopped; 0 for no limit */
	uint64_t max_growth;   /* of memory, in bytes, while a copy lives; 0 for no limit */
};

struct hg_hidden { /* memory whose contents are not to be in a core */
	uint64_t addr, size;
};
typedef HG_VEC(struct hg_hidden) hg_hidden_list;

struct hg_capture_options {
	const char *
		output; /* file to create (O_EXCL, mode 0600); NULL for core.PID in the current folder */
	struct hg_capture_limits limits;
	bool direct; /* write while it stands still, without a copy in memory; done also where memory is short */
	/** Looks at the core, which has no name of its own yet, and says what is to be hidden; NULL: nothing is. The
	 * arguments and the environment are hidden, too. */
	struct hg_error *(*hide)(void *arg, uint32_t pid, const char *core, hg_hidden_list *ret);
	void *hide_arg;
	const struct hg_log *log;
};

struct hg_capture_result {
	char *path;		/* the core; malloc'd, the caller frees it */
	uint64_t bytes;		/* really copied */
	uint64_t file_size;	/* with holes */
	uint64_t stopped_us;	/* how long the target stood still */
	uint64_t missing_bytes; /* resident but unreadable */
	uint64_t reap_us;	/* how long two of its threads stood once more afterwards */
	uint64_t growth_bytes;	/* the most that the copy can have taken */
	uint64_t hidden_bytes;	/* of contents that are zeros instead */
	enum hg_capture_mode mode;
};

/** Writes a core of a live process. The target goes on, whatever happens; on error no file is left behind. */
struct hg_error *hg_capture(uint32_t pid, const struct hg_capture_options *options,
			    struct hg_capture_result *ret);

#endif
