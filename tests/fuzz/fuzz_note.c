// Bytes are read as the notes of a core, and as the text of a maps file.
#include <string.h>

#include "core/image_build.h"
#include "core/note.h"

static void read_notes(const uint8_t *data, size_t size)
{
	struct hg_image *image;
	if (hg_image_create(HG_IMAGE_CORE, NULL, &image))
		return;
	image->arch = size % 2 ? &hg_arch_x86_64 : &hg_arch_aarch64;
	hg_error_destroy(hg_note_read_core(image, data, size));
	hg_mappings_sort(&image->mappings);
	for (size_t i = 1; i < image->mappings.count; i++)
		hg_assert(image->mappings.data[i - 1].end <= image->mappings.data[i].start);
	hg_assert(strlen(image->comm) <= 16);
	hg_image_destroy(image);
}

static void read_maps(const uint8_t *data, size_t size)
{
	struct hg_arena arena = {0};
	hg_mappings mappings = {0};
	hg_error_destroy(hg_mappings_parse((const char *)data, size, &arena, &mappings));
	for (size_t i = 0; i < mappings.count; i++)
		hg_assert(mappings.data[i].start < mappings.data[i].end && mappings.data[i].path);
	hg_vec_deinit(&mappings);
	hg_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_notes(data, size);
	read_maps(data, size);
	return 0;
}
