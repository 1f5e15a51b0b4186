/**
 * What the system tells of a process in /proc.
 */
#ifndef HG_CORE_PROC_H
#define HG_CORE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/vec.h"

struct hg_proc_status {
	char name[64];
	char state; /* 'R', 'S', 'D', 'T', 't', 'Z', 'X'; 0 when not known */
	uint32_t tgid, ppid;
	uint32_t inner_pid; /* its number in its own PID namespace */
	bool in_namespace;  /* which is another than ours */
	uint32_t tracer;
	uint32_t uid, gid; /* real */
	uint32_t euid, suid;
	uint64_t rss_bytes, stack_bytes, anonymous_bytes, file_bytes, shared_bytes, swap_bytes;
	unsigned seccomp; /* 0 none, 1 strict, 2 filter */
	uint32_t threads;
	bool shadow_stack;
	bool has_memory; /* kernel threads and zombies have none */
};

/** Reads a file of /proc, whole, for the caller to free; a NUL is added behind it. The path is formatted. */
struct hg_error *hg_proc_read(char **ret, size_t *size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Writes a word to a file of a process: hg_proc_write(1234, "oom_score_adj", "1000"). */
struct hg_error *hg_proc_write(uint32_t pid, const char *file, const char *word);

/** Reads /proc/PID/status or that of a thread; "no process 1234" where there is none. */
struct hg_error *hg_proc_status(uint32_t pid, struct hg_proc_status *ret);

/** When a process began, in clock ticks since the system did. */
struct hg_error *hg_proc_started(uint32_t pid, uint64_t *ret);

/** Tells where a thread sleeps in the kernel: its program counter and stack pointer; false where it does not. */
bool hg_proc_where(uint32_t pid, uint32_t tid, uint64_t *pc, uint64_t *sp);

/** Tells whether a control group has frozen the process: it runs no code until that is undone. */
bool hg_proc_is_frozen(uint32_t pid);

/** Tells whether devices may be writing into its memory: files opened with O_DIRECT, io_uring, RDMA, VFIO. */
bool hg_proc_has_direct_io(uint32_t pid);

/** Tells whether the process sees the same files as we do: the same mounts and the same root. */
bool hg_proc_shares_root(uint32_t pid);

typedef HG_VEC(uint32_t) hg_tids;

/** Lists the threads of a process, in the order of the system: the main thread first. */
struct hg_error *hg_proc_threads(uint32_t pid, hg_tids *ret);

#endif
