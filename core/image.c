#include "core/image.h"

#include <elf.h>

#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/image_build.h"

struct hg_error *hg_image_create(enum hg_image_kind kind, const struct hg_image_options *options,
				 struct hg_image **ret)
{
	hg_cleanup(hg_image_destroyp) struct hg_image *image = calloc(1, sizeof(*image));
	if (!image)
		return &hg_enomem;
	image->kind = kind;
	image->comm = "";
	image->sysroot = "";
	image->priv = calloc(1, sizeof(*image->priv));
	if (!image->priv)
		return &hg_enomem;
	image->priv->exe_fd = -1;
	if (options && options->sysroot)
		image->sysroot =
			hg_arena_strndup(&image->arena, options->sysroot, strlen(options->sysroot));
	if (options && options->exe)
		image->exe = hg_arena_strndup(&image->arena, options->exe, strlen(options->exe));
	if (!image->sysroot || (options && options->exe && !image->exe))
		return &hg_enomem;
	*ret = hg_take(image);
	return NULL;
}

static void destroy_private(struct hg_image_private *priv)
{
	if (!priv)
		return;
	for (size_t i = 0; i < priv->files.count; i++)
		hg_elf_destroy(priv->files.data[i].elf);
	hg_elf_destroy(priv->core);
	for (size_t i = 0; i < priv->regions.count; i++)
		munmap(priv->regions.data[i].ptr, priv->regions.data[i].size);
	if (priv->exe_fd >= 0)
		close(priv->exe_fd);
	hg_strtab_deinit(&priv->paths);
	hg_vec_deinit(&priv->files);
	hg_vec_deinit(&priv->regions);
	hg_vec_deinit(&priv->pieces);
	hg_vec_deinit(&priv->gaps);
	free(priv);
}

void hg_image_destroy(struct hg_image *image)
{
	if (!image)
		return;
	destroy_private(image->priv);
	free(image->segments);
	hg_vec_deinit(&image->mappings);
	hg_vec_deinit(&image->threads);
	hg_vec_deinit(&image->auxv);
	hg_vec_deinit(&image->notes);
	hg_arena_deinit(&image->arena);
	free(image);
}

struct hg_error *hg_image_own(struct hg_image *image, void *ptr, uint64_t size)
{
	struct hg_image_region *region = hg_vec_push(&image->priv->regions);
	if (!region) {
		munmap(ptr, size);
		return &hg_enomem;
	}
	*region = (struct hg_image_region){ptr, size};
	return NULL;
}

struct hg_error *hg_image_add(struct hg_image *image, struct hg_segment piece)
{
	if (!piece.size)
		return NULL;
	if (piece.size > UINT64_MAX - piece.addr)
		piece.size = UINT64_MAX - piece.addr;
	if (piece.present > piece.size)
		piece.present = piece.size;
	// What is cut off a piece is no gap: nothing may be filled in there.
	struct hg_segment *slot =
		piece.bytes ? hg_vec_push(&image->priv->pieces) : hg_vec_push(&image->priv->gaps);
	if (!slot)
		return &hg_enomem;
	*slot = piece;
	return NULL;
}

struct hg_error *hg_image_notef(struct hg_image *image, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	hg_autofree char *text = NULL;
	const int length = vasprintf(&text, format, args);
	va_end(args);
	const char **slot = length < 0 ? NULL : hg_vec_push(&image->notes);
	if (!slot)
		return &hg_enomem;
	*slot = hg_arena_strndup(&image->arena, text, (size_t)length);
	if (!*slot) {
		image->notes.count--;
		return &hg_enomem;
	}
	return NULL;
}

static int by_addr(const void *left, const void *right)
{
	const struct hg_segment *a = left, *b = right;
	if (a->addr != b->addr)
		return a->addr > b->addr ? 1 : -1;
	return (a->present < b->present) -
	       (a->present > b->present); // the one that knows more wins
}

/** Makes a piece begin at addr, which lies inside it or behind it. */
static void cut_front(struct hg_segment *piece, uint64_t addr)
{
	uint64_t cut = addr - piece->addr;
	if (cut > piece->size)
		cut = piece->size;
	piece->addr += cut;
	piece->size -= cut;
	if (piece->present > cut) {
		piece->bytes += cut;
		piece->present -= cut;
	} else {
		piece->present = 0;
		piece->bytes = NULL;
	}
}

static bool can_merge(const struct hg_segment *left, const struct hg_segment *right)
{
	if (left->addr + left->size != right->addr || left->prot != right->prot ||
	    left->from_file != right->from_file)
		return false;
	if (!right->present) // what is missing may follow what is there
		return true;
	return left->present == left->size && left->bytes + left->size == right->bytes;
}

/** Drops overlaps from sorted segments and merges neighbours; returns how many are left. */
static size_t merge(struct hg_segment *segments, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		struct hg_segment piece = segments[i];
		struct hg_segment *last = kept ? &segments[kept - 1] : NULL;
		if (last && piece.addr < last->addr + last->size)
			cut_front(&piece, last->addr + last->size);
		if (!piece.size)
			continue;
		if (!piece.present)
			piece.bytes = NULL;
		if (last && can_merge(last, &piece)) {
			last->size += piece.size;
			last->present += piece.present;
		} else {
			segments[kept++] = piece;
		}
	}
	return kept;
}

void hg_segments_tidy(hg_segments *segments)
{
	if (!segments->count)
		return;
	qsort(segments->data, segments->count, sizeof(*segments->data), by_addr);
	segments->count = merge(segments->data, segments->count);
}

struct hg_error *hg_image_finish(struct hg_image *image)
{
	const hg_segments *pieces = &image->priv->pieces, *gaps = &image->priv->gaps;
	hg_segments all = {0};
	if (!hg_vec_reserve(&all, pieces->count + gaps->count + 1))
		return &hg_enomem;
	if (pieces->count)
		memcpy(all.data, pieces->data, pieces->count * sizeof(*all.data));
	if (gaps->count)
		memcpy(all.data + pieces->count, gaps->data, gaps->count * sizeof(*all.data));
	all.count = pieces->count + gaps->count;
	hg_segments_tidy(&all);
	free(image->segments);
	image->segments = all.data;
	image->segment_count = all.count;
	return NULL;
}

const struct hg_segment *hg_image_segment(const struct hg_image *image, uint64_t addr)
{
	size_t low = 0, high = image->segment_count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (image->segments[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	const struct hg_segment *segment = low ? &image->segments[low - 1] : NULL;
	return segment && addr - segment->addr < segment->size ? segment : NULL;
}

uint64_t hg_image_mapped(const struct hg_image *image, uint64_t addr, uint64_t size)
{
	uint64_t found = 0;
	while (found < size) {
		const struct hg_segment *segment = hg_image_segment(image, addr + found);
		if (!segment)
			return found;
		found += segment->addr + segment->size - (addr + found);
	}
	return size;
}

const void *hg_image_view_some(const struct hg_image *image, uint64_t addr, uint64_t *size)
{
	const struct hg_segment *segment = hg_image_segment(image, addr);
	const uint64_t at = segment ? addr - segment->addr : 0;
	if (!segment || at >= segment->present) {
		*size = 0;
		return NULL;
	}
	*size = segment->present - at;
	return segment->bytes + at;
}

const void *hg_image_view(const struct hg_image *image, uint64_t addr, uint64_t size)
{
	uint64_t follow;
	const void *ptr = hg_image_view_some(image, addr, &follow);
	return size <= follow ? ptr : NULL;
}

bool hg_image_read(const struct hg_image *image, uint64_t addr, void *buf, uint64_t size)
{
	uint8_t *out = buf;
	while (size) {
		uint64_t part;
		const void *ptr = hg_image_view_some(image, addr, &part);
		if (!ptr)
			return false;
		if (part > size)
			part = size;
		memcpy(out, ptr, part);
		out += part;
		size -= part;
		if (__builtin_add_overflow(addr, part, &addr) && size)
			return false;
	}
	return true;
}

bool hg_image_uint(const struct hg_image *image, uint64_t addr, unsigned size, uint64_t *ret)
{
	uint64_t value = 0;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return false;
	if (!hg_image_read(image, addr, &value, size))
		return false;
	*ret = value;
	return true;
}

bool hg_image_u64(const struct hg_image *image, uint64_t addr, uint64_t *ret)
{
	const void *ptr = hg_image_view(image, addr, sizeof(*ret));
	if (!ptr)
		return hg_image_read(image, addr, ret, sizeof(*ret));
	*ret = hg_load_u64(ptr);
	return true;
}

bool hg_image_u32(const struct hg_image *image, uint64_t addr, uint32_t *ret)
{
	return hg_image_read(image, addr, ret, sizeof(*ret));
}

const struct hg_mapping *hg_image_mapping(const struct hg_image *image, uint64_t addr)
{
	return hg_mappings_find(&image->mappings, addr);
}

bool hg_image_auxv(const struct hg_image *image, uint64_t key, uint64_t *ret)
{
	for (size_t i = 0; i < image->auxv.count; i++) {
		if (image->auxv.data[i].key == key) {
			*ret = image->auxv.data[i].value;
			return true;
		}
	}
	return false;
}

char *hg_image_host_path(const struct hg_image *image, const char *target_path)
{
	char *path = NULL;
	return asprintf(&path, "%s%s", image->sysroot, target_path) < 0 ? NULL : path;
}

const struct hg_mapping *hg_image_exe_mapping(const struct hg_image *image)
{
	static const uint64_t keys[] = {AT_PHDR, AT_ENTRY};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		uint64_t addr;
		const struct hg_mapping *mapping = NULL;
		if (hg_image_auxv(image, keys[i], &addr))
			mapping = hg_image_mapping(image, addr);
		if (mapping && *mapping->path == '/')
			return mapping;
	}
	for (size_t i = 0; i < image->mappings.count; i++)
		if (*image->mappings.data[i].path == '/')
			return &image->mappings.data[i];
	return NULL;
}
