#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "core/image.h"
#include "core/image_build.h"
#include "core/inflate.h"
#include "core/mapfile.h"
#include "core/note.h"

static struct hg_error *not_a_core(const struct hg_elf *elf)
{
	const char *what = "another kind of ELF file";
	if (elf->type == ET_EXEC)
		what = "an executable";
	else if (elf->type == ET_DYN)
		what = "an executable or a shared library";
	else if (elf->type == ET_REL)
		what = "an object file";
	return hg_error_create(HG_ERROR_FORMAT, "'%s' is not a core file but %s", elf->path, what);
}

/** Returns how many of `size` bytes at offset the file has. */
static uint64_t bytes_in_file(const struct hg_elf *core, uint64_t offset, uint64_t size)
{
	if (offset >= core->map_size)
		return 0;
	return size < core->map_size - offset ? size : core->map_size - offset;
}

static struct hg_error *read_notes(struct hg_image *image, const struct hg_elf *core)
{
	for (size_t i = 0; i < core->segment_count; i++) {
		const struct hg_elf_segment *segment = &core->segments[i];
		if (segment->type != PT_NOTE)
			continue;
		const uint64_t size = bytes_in_file(core, segment->offset, segment->filesz);
		if (!size)
			continue;
		struct hg_error *err = hg_note_read_core(image, core->map + segment->offset, size);
		if (err)
			return err;
	}
	hg_mappings_sort(&image->mappings);
	return NULL;
}

static uint8_t prot_of(uint32_t flags)
{
	return (uint8_t)((flags & PF_R ? HG_PROT_READ : 0) | (flags & PF_W ? HG_PROT_WRITE : 0) |
			 (flags & PF_X ? HG_PROT_EXEC : 0));
}

/** A segment is one piece of the dump, and one that the dump leaves out: the system knew where else to find it. */
static struct hg_error *add_segment(struct hg_image *image, const struct hg_elf *core,
				    const struct hg_elf_segment *segment)
{
	const uint64_t dumped = segment->filesz < segment->memsz ? segment->filesz : segment->memsz;
	struct hg_segment piece = {
		.addr = segment->vaddr,
		.size = dumped,
		.present = bytes_in_file(core, segment->offset, dumped),
		.prot = prot_of(segment->flags),
	};
	// Also where all of it is cut off, so that it is no gap that a file could fill.
	piece.bytes = core->map + (piece.present ? segment->offset : 0);
	image->missing_bytes += dumped - piece.present;
	struct hg_error *err = hg_image_add(image, piece);
	uint64_t rest;
	if (err || __builtin_add_overflow(segment->vaddr, dumped, &rest))
		return err;
	return hg_image_add(image, (struct hg_segment){
					   .addr = rest,
					   .size = segment->memsz - dumped,
					   .prot = piece.prot,
				   });
}

static struct hg_error *read_segments(struct hg_image *image, const struct hg_elf *core)
{
	for (size_t i = 0; i < core->segment_count; i++) {
		if (core->segments[i].type != PT_LOAD)
			continue;
		struct hg_error *err = add_segment(image, core, &core->segments[i]);
		if (err)
			return err;
	}
	struct hg_error *err = hg_image_finish(image);
	if (err || !image->missing_bytes)
		return err;
	return hg_image_notef(image, "core is cut short: %lu bytes of memory are missing",
			      image->missing_bytes);
}

/** NT_FILE does not tell the protection; the segment there does. */
static void add_protections(struct hg_image *image)
{
	for (size_t i = 0; i < image->mappings.count; i++) {
		struct hg_mapping *mapping = &image->mappings.data[i];
		const struct hg_segment *segment = hg_image_segment(image, mapping->start);
		mapping->prot = segment ? segment->prot : 0;
	}
}

static struct hg_error *inflate_core(struct hg_image *image, const char *path,
				     const struct hg_log *log, const uint8_t **map, uint64_t *size)
{
	int fd;
	bool is_damaged;
	struct hg_error *err = hg_inflate_file(path, *map, *size, log, &fd, &is_damaged);
	if (err)
		return err;
	err = hg_map_fd(fd, path, map, size); // keeps the file, which has no name
	close(fd);
	if (!err && is_damaged)
		err = hg_image_notef(
			image, "compressed core is cut short or damaged behind byte %lu", *size);
	return err;
}

static struct hg_error *open_elf(struct hg_image *image, const char *path, const struct hg_log *log)
{
	const uint8_t *map;
	uint64_t size;
	struct hg_error *err = hg_map_file(path, &map, &size);
	if (!err && hg_inflate_detect(map, size) != HG_INFLATE_NONE) {
		const uint8_t *const packed = map;
		const uint64_t packed_size = size;
		err = inflate_core(image, path, log, &map, &size);
		hg_unmap_file(packed, packed_size);
	}
	if (!err && map)
		err = hg_image_own(image, (void *)map, size);
	return err ? err : hg_elf_open_bytes(path, map, size, &image->priv->core);
}

struct hg_error *hg_image_open_core(const char *path, const struct hg_image_options *options,
				    struct hg_image **ret)
{
	hg_cleanup(hg_image_destroyp) struct hg_image *image = NULL;
	struct hg_error *err = hg_image_create(HG_IMAGE_CORE, options, &image);
	if (!err)
		err = open_elf(image, path, options ? options->log : NULL);
	if (err)
		return err;
	const struct hg_elf *core = image->priv->core;
	if (core->type != ET_CORE)
		return not_a_core(core);
	image->path = core->path;
	image->arch = hg_arch_find(core->machine);
	err = read_notes(image, core);
	if (!err)
		err = read_segments(image, core);
	if (!err && !image->segment_count)
		err = hg_error_create(HG_ERROR_FORMAT, "'%s' holds no memory", path);
	if (err)
		return err;
	add_protections(image);
	err = hg_image_fill(image, options);
	if (err)
		return err;
	*ret = hg_take(image);
	return NULL;
}
