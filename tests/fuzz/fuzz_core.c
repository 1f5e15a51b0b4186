// A file is opened as a core, plain or compressed, and all that it claims is read.
#include <sys/mman.h>
#include <unistd.h>

#include "core/image.h"

static void read_all(const struct hg_image *image)
{
	volatile uint8_t sum = 0;
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct hg_segment *segment = &image->segments[i];
		hg_assert(segment->size && segment->present <= segment->size);
		hg_assert(!segment->bytes == !segment->present);
		hg_assert(!i || segment[-1].addr + segment[-1].size <= segment->addr);
		hg_assert(hg_image_segment(image, segment->addr + segment->size - 1) == segment);
		for (uint64_t at = 0; at < segment->present; at += 256)
			sum = (uint8_t)(sum + segment->bytes[at]);
		uint64_t value;
		hg_image_u64(image, segment->addr + segment->size - 4, &value);
		const void *view = hg_image_view(image, segment->addr, segment->size);
		hg_assert(!view == (segment->present < segment->size));
	}
	for (size_t i = 0; i < image->mappings.count; i++) {
		const struct hg_mapping *mapping = &image->mappings.data[i];
		hg_assert(hg_image_mapping(image, mapping->start) == mapping);
		const char *problem;
		hg_image_elf(image, mapping->path, &problem);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int fd = memfd_create("core", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	// No file of this machine is looked at, so that a run can be repeated.
	const struct hg_image_options options = {.sysroot = "/nonexistent"};
	struct hg_image *image = NULL;
	struct hg_error *err = hg_image_open_core(path, &options, &image);
	hg_assert(!err == (image != NULL));
	if (image)
		read_all(image);
	hg_error_destroy(err);
	hg_image_destroy(image);
	close(fd);
	return 0;
}
