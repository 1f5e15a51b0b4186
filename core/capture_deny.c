// Why a process cannot be read, in words: the system says no more than "Operation not permitted".

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/capture_stop.h"
#include "core/proc.h"

#define CAP_SYS_PTRACE_BIT 19

static bool have_ptrace_capability(void)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/self/status");
	if (err) {
		hg_error_destroy(err);
		return false;
	}
	const char *line = strstr(text, "\nCapEff:");
	return line && strtoull(line + 8, NULL, 16) >> CAP_SYS_PTRACE_BIT & 1;
}

static int yama_scope(void)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/sys/kernel/yama/ptrace_scope");
	hg_error_destroy(err);
	return err ? 0 : (int)strtol(text, NULL, 10);
}

static bool is_dumpable(uint32_t pid, const struct hg_proc_status *status)
{
	// The folder of a process that is not dumpable belongs to root.
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	struct stat owner;
	return stat(path, &owner) || owner.st_uid == status->euid;
}

static struct hg_error *refuse(uint32_t pid, const char *rule)
{
	return hg_error_create(HG_ERROR_PERMISSION, "cannot read process %u: %s", pid, rule);
}

static struct hg_error *refuse_traced(uint32_t pid, uint32_t tracer)
{
	struct hg_proc_status status = {.name = "?"};
	hg_error_destroy(hg_proc_status(tracer, &status));
	return hg_error_create(
		HG_ERROR_PERMISSION,
		"cannot read process %u: it is already traced by '%s' (process %u); end "
		"that, or take what --no-stop gives",
		pid, status.name, tracer);
}

static struct hg_error *refuse_without_memory(uint32_t pid, const char *name)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/stat", pid);
	hg_error_destroy(err);
	const char *fields = err ? NULL : strrchr(text, ')'); // the name may hold anything
	unsigned flags = 0;
	if (fields)
		sscanf(fields, ") %*c %*d %*d %*d %*d %*d %u", &flags);
	const unsigned is_kernel_thread = 0x00200000;
	if (flags & is_kernel_thread)
		return hg_error_create(HG_ERROR_UNSUPPORTED,
				       "process %u ('%s') is a thread of the kernel", pid, name);
	return hg_error_create(HG_ERROR_NOT_FOUND, "process %u has ended", pid);
}

/** Refusals that hold for everyone. */
static struct hg_error *refuse_impossible(uint32_t pid, const struct hg_proc_status *status)
{
	if (status->state == 'Z' || status->state == 'X')
		return hg_error_create(
			HG_ERROR_NOT_FOUND,
			"process %u has ended; its parent has not yet taken note (a zombie)", pid);
	if (status->tgid != pid)
		return hg_error_create(HG_ERROR_USAGE, "%u is a thread of process %u", pid,
				       status->tgid);
	if (pid == (uint32_t)getpid())
		return hg_error_create(HG_ERROR_USAGE, "process %u is this one", pid);
	if (!status->has_memory)
		return refuse_without_memory(pid, status->name);
	return status->tracer ? refuse_traced(pid, status->tracer) : NULL;
}

struct hg_error *hg_stop_check(uint32_t pid)
{
	struct hg_proc_status status;
	struct hg_error *err = hg_proc_status(pid, &status);
	return err ? err : refuse_impossible(pid, &status);
}

static struct hg_error *refuse_uid(uint32_t pid, const struct hg_proc_status *status)
{
	return hg_error_create(
		HG_ERROR_PERMISSION,
		"cannot read process %u: it belongs to user %u, we are user %u; run as that "
		"user or with CAP_SYS_PTRACE",
		pid, status->euid, (unsigned)geteuid());
}

struct hg_error *hg_stop_denied(uint32_t pid)
{
	struct hg_proc_status status;
	struct hg_error *err = hg_proc_status(pid, &status);
	if (!err)
		err = refuse_impossible(pid, &status);
	if (err)
		return err;
	const int scope = yama_scope();
	if (scope >= 3)
		return refuse(pid, "kernel.yama.ptrace_scope is 3: no process may be traced until "
				   "the next boot");
	if (have_ptrace_capability())
		return refuse(pid, "it has capabilities that we lack, or a container, user "
				   "namespace or security module forbids it");
	const uint32_t uid = getuid();
	if (status.uid != uid || status.euid != uid || status.suid != uid)
		return refuse_uid(pid, &status);
	if (scope == 2)
		return refuse(
			pid,
			"kernel.yama.ptrace_scope is 2: that takes CAP_SYS_PTRACE (run as root)");
	if (!is_dumpable(pid, &status))
		return refuse(pid,
			      "it has been marked as not dumpable (PR_SET_DUMPABLE, or it gained "
			      "privileges when it started); that takes CAP_SYS_PTRACE");
	if (scope == 1)
		return refuse(pid, "kernel.yama.ptrace_scope is 1: only a parent process or "
				   "CAP_SYS_PTRACE may");
	return refuse(
		pid,
		"it has capabilities that we lack, or a security module or container forbids it; "
		"that takes CAP_SYS_PTRACE");
}
