#include "core/mapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct hg_error *hg_map_fd(int fd, const char *path, const uint8_t **map, uint64_t *size)
{
	struct stat status;
	if (fstat(fd, &status))
		return hg_error_errno(errno, "cannot read '%s'", path);
	if (S_ISDIR(status.st_mode))
		return hg_error_create(HG_ERROR_FORMAT, "'%s' is a directory", path);
	if (!S_ISREG(status.st_mode))
		return hg_error_create(HG_ERROR_FORMAT, "'%s' is not a regular file", path);
	*map = NULL;
	*size = (uint64_t)status.st_size;
	if (!*size)
		return NULL;
	void *ptr = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (ptr == MAP_FAILED)
		return hg_error_errno(errno, "cannot map '%s'", path);
	*map = ptr;
	return NULL;
}

struct hg_error *hg_map_file(const char *path, const uint8_t **map, uint64_t *size)
{
	// A named pipe without a writer would hold an open that blocks for ever.
	const hg_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return hg_error_errno(errno, "cannot open '%s'", path);
	return hg_map_fd(fd, path, map, size);
}

void hg_unmap_file(const uint8_t *map, uint64_t size)
{
	if (map)
		munmap((void *)map, size);
}
