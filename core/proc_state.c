// States of a process that take several files of /proc and /sys to tell.

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/proc.h"

#define FILES_MAX 65536

static bool file_has(const char *mount, const char *group, const char *file, const char *words)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "%s%s/%s", mount, group, file);
	hg_error_destroy(err);
	return !err && strstr(text, words);
}

bool hg_proc_is_frozen(uint32_t pid)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/cgroup", pid);
	if (err) {
		hg_error_destroy(err);
		return false;
	}
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *group = strrchr(line, ':');
		if (!group)
			continue;
		group++;
		if (!strncmp(line, "0::", 3) &&
		    (file_has("/sys/fs/cgroup", group, "cgroup.events", "frozen 1") ||
		     file_has("/sys/fs/cgroup/unified", group, "cgroup.events", "frozen 1")))
			return true;
		if (strstr(line, ":freezer:") &&
		    file_has("/sys/fs/cgroup/freezer", group, "freezer.state", "FROZEN"))
			return true;
	}
	return false;
}

static bool is_direct(uint32_t pid, const char *number)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/fdinfo/%s", pid, number);
	hg_error_destroy(err);
	const char *flags = err ? NULL : strstr(text, "flags:");
	return flags && strtoull(flags + 6, NULL, 8) & O_DIRECT;
}

bool hg_proc_has_direct_io(uint32_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return true;
	bool found = false;
	unsigned count = 0;
	for (struct dirent *entry; !found && (entry = readdir(dir));) {
		char file[256] = "";
		if (entry->d_name[0] == '.')
			continue;
		if (readlinkat(dirfd(dir), entry->d_name, file, sizeof(file) - 1) < 0)
			continue;
		found = strstr(file, "io_uring") || strstr(file, "/dev/infiniband") ||
			strstr(file, "/dev/vfio") || is_direct(pid, entry->d_name) ||
			++count > FILES_MAX;
	}
	closedir(dir);
	return found;
}

bool hg_proc_shares_root(uint32_t pid)
{
	char path[64];
	struct stat theirs, ours;
	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", pid);
	if (stat(path, &theirs) || stat("/proc/self/ns/mnt", &ours) || theirs.st_ino != ours.st_ino)
		return false;
	snprintf(path, sizeof(path), "/proc/%u/root", pid);
	return !stat(path, &theirs) && !stat("/", &ours) && theirs.st_ino == ours.st_ino &&
	       theirs.st_dev == ours.st_dev;
}
