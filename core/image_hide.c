#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/capture.h"
#include "core/image.h"
#include "core/image_build.h"

#define PAGE ((uintptr_t)4096)
#define LARGE ((uint64_t)1 << 20) // from here on fresh zeros are mapped instead of pages copied

/** The bytes lie in a private mapping of the core. */
static struct hg_error *clear(uint8_t *at, uint64_t size)
{
	if (size >= LARGE + 2 * PAGE) {
		uint8_t *const from = at + (-(uintptr_t)at & (PAGE - 1));
		uint8_t *const to = (uint8_t *)((uintptr_t)(at + size) & ~(PAGE - 1));
		if (mmap(from, (size_t)(to - from), PROT_READ,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			 0) == MAP_FAILED)
			return hg_error_errno(errno, "cannot map memory");
		struct hg_error *err = clear(at, (uint64_t)(from - at));
		return err ? err : clear(to, (uint64_t)(at + size - to));
	}
	if (!size || (!*at && !memcmp(at, at + 1, size - 1)))
		return NULL;
	memset(at, 0, size);
	return NULL;
}

/** Lets the core's mapping be written; the file stays as it is. */
static struct hg_error *allow_writing(struct hg_image *image)
{
	const struct hg_elf *core = image->priv->core;
	const hg_autoclose int fd = open(core->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return hg_error_errno(errno, "cannot open '%s'", core->path);
	if (mmap((void *)core->map, core->map_size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, 0) == MAP_FAILED)
		return hg_error_errno(errno, "cannot map '%s'", core->path);
	return NULL;
}

static bool is_of_core(const struct hg_image *image, const uint8_t *at)
{
	const struct hg_elf *core = image->priv->core;
	return core && at >= core->map && at < core->map + core->map_size;
}

struct hg_error *hg_image_hide(struct hg_image *image, const struct hg_hidden *ranges, size_t count)
{
	struct hg_error *err = image->priv->core ? allow_writing(image) : NULL;
	for (size_t i = 0; i < count && !err; i++) {
		uint64_t addr = ranges[i].addr, left = ranges[i].size;
		while (left && !err) {
			uint64_t part;
			const uint8_t *at = hg_image_view_some(image, addr, &part);
			if (!at)
				break; // the rest is not there
			part = part < left ? part : left;
			err = is_of_core(image, at) ? clear((uint8_t *)at, part) : NULL;
			addr += part;
			left -= part;
		}
	}
	return err;
}
