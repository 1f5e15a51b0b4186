/**
 * What is taken from a live process while it stands: threads with their registers, mappings, and the pages that are
 * resident and needed. Private to core/.
 */
#ifndef HG_CORE_CAPTURE_SNAPSHOT_H
#define HG_CORE_CAPTURE_SNAPSHOT_H

#include "core/base/arena.h"
#include "core/base/log.h"
#include "core/capture.h"
#include "core/capture_stop.h"
#include "core/mapping.h"
#include "core/proc.h"
#include "core/thread.h"
#include "core/xstate.h"

struct hg_snapshot_thread {
	struct hg_thread thread; // its tid is the innermost namespace's
	uint32_t host_tid;
	uint8_t user_regs[HG_ARCH_MAX_REGS * 8];
	uint8_t *fp; // NT_FPREGSET and the extended state; NULL where not asked for
	size_t fp_size;
	uint8_t *xstate;
	size_t xstate_size;
};

struct hg_thread_name {
	uint32_t host_tid, inner_tid;
	char name[16];
};

enum hg_keep {
	HG_KEEP_NONE,	  // PROT_NONE, device memory, files that can be read again
	HG_KEEP_HEADER,	  // the first page of a file, where its build id is
	HG_KEEP_RESIDENT, // the pages that were touched
	HG_KEEP_ALL,
};

struct hg_range { // one mapping
	uint64_t start, end;
	uint8_t prot;
	enum hg_keep keep;
	bool zeros; // what was never touched reads as zeros (private and without a file)
	uint8_t *
		buffer; // as large as the mapping, but memory only where something was copied; NULL for none
	uint64_t buffer_size;
	size_t first_run, run_count;
};

struct hg_run { // pages to copy, at most HG_RUN_MAX bytes
	uint64_t addr, size;
	size_t range;
};
#define HG_RUN_MAX ((uint64_t)4 << 20)

struct hg_buffer { // for neighbouring ranges; memory only where something was copied
	uint64_t start, end;
	uint8_t *ptr;
};

struct hg_gap { // could not be read
	uint64_t addr, size;
};

/** What smaps tells, with the bytes that are resident. */
struct hg_facts {
	bool known;
	uint64_t anonymous, huge, hugetlb, locked;
	bool user_faults; // userfaultfd: another program may have to agree to a copy
};

/** What a copy of the process does not have, or not as of its instant: it is copied while the process stands. */
struct hg_special {
	uint64_t start, end, resident;
	bool shared;   // goes on changing; else it is left out of copies (MADV_DONTFORK)
	bool is_saved; // else it did not fit
};

struct hg_saved {		 // pages of such memory
	uint64_t addr, size, at; // at: in saved_buffer
};
#define HG_SAVED_MAX ((uint64_t)32 << 20)

/** Why a part of the memory is not in a snapshot, or not as of its instant. */
enum hg_absence {
	HG_ABSENT_ASKED,  // MADV_DONTDUMP, MADV_WIPEONFORK: the program wants that
	HG_ABSENT_DEVICE, // memory of a device
	HG_ABSENT_COPY,	  // MADV_DONTFORK, and too large to be copied while the process stands
	HG_ABSENT_MOVING, // shared with other processes, and too large: it is there, but of later
	HG_ABSENT_FAILED, // could not be read
};

struct hg_absent {
	uint64_t addr, size;
	enum hg_absence why;
};

struct hg_injection;

struct hg_snapshot {
	uint32_t pid;
	uint32_t memory_pid; // whose memory is read: the process's, or its copy's
	struct hg_proc_status status, at_stop;
	const struct hg_arch *arch;
	const struct hg_log *log;
	bool want_fp;
	enum hg_log_level notice; // how loud to say what will be done
	struct hg_xstate_part xstate_parts[HG_XSTATE_COMPONENTS];
	char *auxv, *cmdline; // as /proc has them
	size_t auxv_size, cmdline_size;
	struct hg_facts facts;
	enum hg_capture_mode mode;
	struct hg_capture_limits limits;
	struct hg_injection *injection; // what a copy takes; NULL where there will be none
	struct hg_arena arena;
	hg_mappings mappings;
	HG_VEC(struct hg_range) ranges;
	HG_VEC(struct hg_buffer) buffers;
	size_t next_buffer;
	HG_VEC(struct hg_run) runs;
	HG_VEC(struct hg_gap) gaps;	  // sorted
	HG_VEC(struct hg_absent) omitted; // mappings to leave out; sorted
	HG_VEC(struct hg_special) specials;
	HG_VEC(struct hg_saved) saved; // sorted
	hg_mappings uncopied;	       // what a copy lacks
	uint8_t *saved_buffer;	       // of HG_SAVED_MAX bytes; NULL where nothing is special
	uint64_t saved_size;
	HG_VEC(struct hg_snapshot_thread) threads; // the main thread first
	HG_VEC(struct hg_thread_name) names;	   // learned before the stop, sorted by host_tid
	int mem_fd, pagemap_fd;
	bool scan_works; // PAGEMAP_SCAN
	uint64_t run_bytes, missing_bytes, stopped_us;
	uint64_t reap_us;      // how long two threads stood when the copy was taken away
	uint64_t growth_bytes; // at most, while the copy lived
	struct hg_hidden
		arguments; // and the environment, where they are to be hidden; size 0: they are not
	uint64_t hidden_bytes; // that were written as zeros on purpose
};

/** Where pages go while the target stands, when they are not to go into memory. */
struct hg_sink {
	struct hg_error *(*begin)(void *arg, const struct hg_snapshot *snapshot);
	struct hg_error *(*put)(void *arg, uint64_t addr, const uint8_t *data, uint64_t size);
	void *arg;
};

/** Looks at the target without stopping it: permission, names, how much there is to copy. */
struct hg_error *hg_snapshot_prepare(struct hg_snapshot *snapshot, uint32_t pid);

/** Reads smaps: which mappings are not for dumps, what a copy would cost. It takes long, so that is done before the stop. */
struct hg_error *hg_facts_read(struct hg_snapshot *snapshot);

/**
 * Stops the target, takes everything and lets it go: into memory, or into the sink if there is one. In fork mode
 * HG_ERROR_UNSUPPORTED means that nothing has changed and another mode may work: see hg_mode_fall_back().
 */
struct hg_error *hg_snapshot_take(struct hg_snapshot *snapshot, const struct hg_sink *sink);

/** Replaces an error that came of the target's end by one that says so. */
struct hg_error *hg_snapshot_ended(struct hg_error *err, uint32_t pid);

void hg_snapshot_deinit(struct hg_snapshot *snapshot);

/** Tells whether the memory that the copy takes is free, with something to spare. */
bool hg_snapshot_fits(const struct hg_snapshot *snapshot);

/** Reads the mappings and decides what to copy of each. */
struct hg_error *hg_snapshot_plan(struct hg_snapshot *snapshot);

/**
 * Gives each range a buffer. The first call is with `populate`, which touches what will be copied; the second, while
 * the target stands, takes the same buffers where they still fit.
 */
struct hg_error *hg_snapshot_allocate(struct hg_snapshot *snapshot, bool populate);

/** Finds the pages of one mapping of the target, as runs behind the others. */
struct hg_error *hg_snapshot_find_resident(struct hg_snapshot *snapshot,
					   const struct hg_range *range, bool *anonymous);

/** Makes room for special memory, before the stop, where there is any. */
struct hg_error *hg_saved_prepare(struct hg_snapshot *snapshot);

/** Copies special memory while the target stands. */
struct hg_error *hg_saved_take(struct hg_snapshot *snapshot);

/** Returns the special range that a mapping begins in, or NULL. */
const struct hg_special *hg_saved_special(const struct hg_snapshot *snapshot, uint64_t addr);

/** Returns saved bytes, or NULL where they are to be read from the process or its copy. */
const uint8_t *hg_saved_find(const struct hg_snapshot *snapshot, uint64_t addr, uint64_t size);

/** Adds the runs of saved pages in [start, end). */
struct hg_error *hg_saved_add_runs(struct hg_snapshot *snapshot, uint64_t start, uint64_t end);

/** Adds one run, cut to HG_RUN_MAX, for the last range. */
struct hg_error *hg_snapshot_add_run(struct hg_snapshot *snapshot, uint64_t addr, uint64_t end);

/** Copies all runs into their buffers, or to the sink. */
struct hg_error *hg_snapshot_copy(struct hg_snapshot *snapshot, const struct hg_sink *sink);

/** Returns the next pages in [addr, end) that could not be read, cut to it. */
bool hg_snapshot_next_gap(const struct hg_snapshot *snapshot, uint64_t addr, uint64_t end,
			  struct hg_gap *ret);

/** Learns the names of threads beforehand, so that it need not be done while they stand. */
struct hg_error *hg_snapshot_name_threads(struct hg_snapshot *snapshot);

/** Reads the registers of all threads that stand. */
struct hg_error *hg_snapshot_read_threads(struct hg_snapshot *snapshot, const struct hg_stop *stop);

#endif
