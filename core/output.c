#include "core/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static struct hg_error *exists(const char *path)
{
	return hg_error_create(HG_ERROR_IO, "'%s' exists already", path);
}

// A file without a name first, so that it is complete or absent; not all file systems know that.
struct hg_error *hg_output_open(struct hg_output *output)
{
	struct stat status;
	if (!lstat(output->path, &status))
		return exists(output->path);
	hg_autofree char *folder = folder_of(output->path);
	if (!folder)
		return &hg_enomem;
	output->fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (output->fd < 0) {
		output->fd = open(output->path,
				  O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
		output->named = output->fd >= 0;
	}
	if (output->fd < 0)
		return errno == EEXIST ? exists(output->path)
				       : hg_error_errno(errno, "cannot create '%s'", output->path);
	if (fchmod(output->fd, 0600))
		return hg_error_errno(errno, "cannot create '%s'", output->path);
	return NULL;
}

struct hg_error *hg_output_name(struct hg_output *output)
{
	if (output->named)
		return NULL;
	char unnamed[64];
	snprintf(unnamed, sizeof(unnamed), "/proc/self/fd/%d", output->fd);
	if (!linkat(AT_FDCWD, unnamed, AT_FDCWD, output->path, AT_SYMLINK_FOLLOW)) {
		output->named = true;
		return NULL;
	}
	return errno == EEXIST ? exists(output->path)
			       : hg_error_errno(errno, "cannot create '%s'", output->path);
}

struct hg_error *hg_output_close(struct hg_output *output, struct hg_error *err)
{
	if (output->fd >= 0 && close(output->fd) && !err)
		err = hg_error_errno(errno, "cannot write '%s'", output->path);
	if (err && output->named)
		unlink(output->path);
	output->fd = -1;
	return err;
}
