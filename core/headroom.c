#include "core/headroom.h"

#include <string.h>

#include "core/proc.h"

/** Reads a file with one number; UINT64_MAX where there is none or it says "max". */
static uint64_t read_number(const char *folder, const char *name)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "%s/%s", folder, name);
	if (err || *text < '0' || *text > '9') {
		hg_error_destroy(err);
		return UINT64_MAX;
	}
	return strtoull(text, NULL, 10);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/** Reads one line of memory.stat or meminfo; 0 where there is none. */
static uint64_t read_line(const char *path, const char *name)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "%s", path);
	if (err) {
		hg_error_destroy(err);
		return 0;
	}
	const size_t length = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, length))
			return strtoull(line + length, NULL, 10);
	}
	return 0;
}

/** The files of one version of control groups. */
struct group_files {
	const char *mount, *max, *current, *inactive;
};
static const struct group_files version1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
					    "memory.usage_in_bytes", "total_inactive_file "};
static const struct group_files version2 = {"/sys/fs/cgroup", "memory.max", "memory.current",
					    "inactive_file "};

/** What a group leaves. Cached files that nobody used lately give way. */
static uint64_t group_leaves(const struct group_files *files, const char *folder)
{
	const uint64_t limit = read_number(folder, files->max);
	const uint64_t used = read_number(folder, files->current);
	if (limit == UINT64_MAX || used == UINT64_MAX || limit > (uint64_t)1 << 60)
		return UINT64_MAX;
	char path[256];
	snprintf(path, sizeof(path), "%s/memory.stat", folder);
	const uint64_t cached = read_line(path, files->inactive);
	const uint64_t needed = used - smaller(used, cached);
	return needed < limit ? limit - needed : 0;
}

/** Calls for a group and its parents up to the mount point, until the callback returns false. */
static void walk_up(const struct group_files *files, const char *group,
		    bool (*call)(const struct group_files *files, const char *folder, void *arg),
		    void *arg)
{
	char folder[200];
	const int length = snprintf(folder, sizeof(folder), "%s%s", files->mount, group);
	if (length < 0 || (size_t)length >= sizeof(folder))
		return;
	while (call(files, folder, arg)) {
		char *slash = strrchr(folder, '/');
		if (!slash || (size_t)(slash - folder) < strlen(files->mount))
			return;
		*slash = 0;
	}
}

static void walk_groups(uint32_t pid,
			bool (*call)(const struct group_files *files, const char *folder,
				     void *arg),
			void *arg)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = pid ? hg_proc_read(&text, &size, "/proc/%u/cgroup", pid)
				   : hg_proc_read(&text, &size, "/proc/self/cgroup");
	if (err) {
		hg_error_destroy(err);
		return;
	}
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *group = strrchr(line, ':');
		if (!group)
			continue;
		if (!strncmp(line, "0::", 3))
			walk_up(&version2, group + 1, call, arg);
		else if (strstr(line, ":memory:"))
			walk_up(&version1, group + 1, call, arg);
	}
}

static bool take_least(const struct group_files *files, const char *folder, void *arg)
{
	uint64_t *least = arg;
	*least = smaller(*least, group_leaves(files, folder));
	return true;
}

uint64_t hg_headroom(uint32_t pid)
{
	const uint64_t system = read_line("/proc/meminfo", "MemAvailable:") << 10;
	uint64_t least = system ? system : UINT64_MAX;
	walk_groups(pid, take_least, &least);
	return least;
}

static bool find_group_kill(const struct group_files *files, const char *folder, void *arg)
{
	(void)files;
	bool *kills = arg;
	*kills = read_number(folder, "memory.oom.group") == 1;
	return !*kills;
}

bool hg_headroom_kills_group(uint32_t pid)
{
	bool kills = false;
	walk_groups(pid, find_group_kill, &kills);
	return kills;
}
