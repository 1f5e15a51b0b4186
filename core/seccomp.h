/**
 * Asks a seccomp filter beforehand what it would say to a system call. Private to core/.
 */
#ifndef HG_CORE_SECCOMP_H
#define HG_CORE_SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Runs one filter; what it would return, or SECCOMP_RET_KILL_PROCESS where it makes no sense. */
uint32_t hg_seccomp_run(const struct sock_filter *code, size_t count,
			const struct seccomp_data *data);

/**
 * Tells whether all filters of a thread that we hold let a call pass. False also where they cannot be read: that takes
 * CAP_SYS_ADMIN, and no filter of our own.
 */
bool hg_seccomp_allows(uint32_t tid, const struct seccomp_data *data);

/** Tells whether we may read filters at all. */
bool hg_seccomp_can_ask(void);

#endif
