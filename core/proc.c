#include "core/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "core/base/limits.h"

static struct hg_error *read_all(int fd, const char *path, char **ret, size_t *size)
{
	HG_VEC(char) text = {0};
	for (;;) {
		if (text.count > HG_MAX_NOTE_BYTES || !hg_vec_reserve(&text, 65536)) {
			free(text.data);
			return &hg_enomem;
		}
		const ssize_t got = read(fd, text.data + text.count, 65535);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			const int errnum = errno;
			free(text.data);
			return hg_error_errno(errnum, "cannot read '%s'", path);
		}
		if (!got)
			break;
		text.count += (size_t)got;
	}
	text.data[text.count] = 0;
	*ret = text.data;
	*size = text.count;
	return NULL;
}

struct hg_error *hg_proc_read(char **ret, size_t *size, const char *format, ...)
{
	char path[256];
	va_list args;
	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	const hg_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return hg_error_errno(errno, "cannot open '%s'", path);
	return read_all(fd, path, ret, size);
}

struct hg_error *hg_proc_write(uint32_t pid, const char *file, const char *word)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/%s", pid, file);
	const hg_autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return hg_error_errno(errno, "cannot open '%s'", path);
	if (write(fd, word, strlen(word)) < 0)
		return hg_error_errno(errno, "cannot write '%s'", path);
	return NULL;
}

/** Returns what follows "key:" in a status text, or "". */
static const char *value_of(const char *text, const char *key)
{
	const size_t length = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, length) && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " \t");
	}
	return "";
}

static uint32_t number_of(const char *text, const char *key)
{
	return (uint32_t)strtoul(value_of(text, key), NULL, 10);
}

static void read_inner_pid(const char *text, struct hg_proc_status *ret)
{
	char *at = (char *)value_of(text, "NSpid");
	for (unsigned level = 0;; level++) {
		char *next;
		const unsigned long pid = strtoul(at, &next, 10);
		if (next == at)
			return;
		ret->inner_pid = (uint32_t)pid;
		ret->in_namespace = level > 0;
		at = next + strspn(next, " \t");
	}
}

struct hg_error *hg_proc_status(uint32_t pid, struct hg_proc_status *ret)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/status", pid);
	if (err && err->code == HG_ERROR_NOT_FOUND) {
		hg_error_destroy(err);
		return hg_error_create(HG_ERROR_NOT_FOUND, "no process %u", pid);
	}
	if (err)
		return err;
	*ret = (struct hg_proc_status){
		.state = *value_of(text, "State"),
		.tgid = number_of(text, "Tgid"),
		.ppid = number_of(text, "PPid"),
		.inner_pid = pid,
		.tracer = number_of(text, "TracerPid"),
		.rss_bytes = (uint64_t)number_of(text, "VmRSS") << 10,
		.anonymous_bytes = (uint64_t)number_of(text, "RssAnon") << 10,
		.file_bytes = (uint64_t)number_of(text, "RssFile") << 10,
		.shared_bytes = (uint64_t)number_of(text, "RssShmem") << 10,
		.swap_bytes = (uint64_t)number_of(text, "VmSwap") << 10,
		.stack_bytes = (uint64_t)number_of(text, "VmStk") << 10,
		.seccomp = number_of(text, "Seccomp"),
		.threads = number_of(text, "Threads"),
		.shadow_stack = strstr(value_of(text, "x86_Thread_features"), "shstk"),
		.has_memory = *value_of(text, "VmSize"),
	};
	const char *name = value_of(text, "Name");
	snprintf(ret->name, sizeof(ret->name), "%.*s", (int)strcspn(name, "\n"), name);
	sscanf(value_of(text, "Uid"), "%u %u %u", &ret->uid, &ret->euid, &ret->suid);
	ret->gid = number_of(text, "Gid");
	read_inner_pid(text, ret);
	return NULL;
}

struct hg_error *hg_proc_started(uint32_t pid, uint64_t *ret)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/stat", pid);
	if (err)
		return err;
	// The name in brackets may hold anything, brackets too; the 20th number behind it is the one.
	const char *at = strrchr(text, ')');
	for (unsigned field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return hg_error_create(HG_ERROR_FORMAT, "'/proc/%u/stat' is not as expected", pid);
	*ret = strtoull(at, NULL, 10);
	return NULL;
}

bool hg_proc_where(uint32_t pid, uint32_t tid, uint64_t *pc, uint64_t *sp)
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/task/%u/syscall", pid, tid);
	hg_error_destroy(err);
	if (err)
		return false;
	const char *last = strrchr(text, ' ');
	if (!last)
		return false;
	*pc = strtoull(last, NULL, 16);
	while (last > text && last[-1] != ' ')
		last--;
	*sp = strtoull(last, NULL, 16);
	return true;
}

struct hg_error *hg_proc_threads(uint32_t pid, hg_tids *ret)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	DIR *dir = opendir(path);
	if (!dir && errno == ENOENT)
		return hg_error_create(HG_ERROR_NOT_FOUND, "no process %u", pid);
	if (!dir)
		return hg_error_errno(errno, "cannot open '%s'", path);
	struct hg_error *err = NULL;
	for (struct dirent *entry; (entry = readdir(dir));) {
		const uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		if (!tid || ret->count >= HG_MAX_THREADS)
			continue;
		uint32_t *slot = hg_vec_push(ret);
		if (!slot) {
			err = &hg_enomem;
			break;
		}
		*slot = tid;
	}
	closedir(dir);
	return err;
}
