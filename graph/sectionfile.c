#include "graph/sectionfile.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/inflate.h"
#include "core/mapfile.h"

#define MAGIC "heapgrph"
#define VERSION 1
#define HEADER 32
#define ENTRY 64
#define ALIGNMENT 64

enum packing { PACKING_NONE, PACKING_ZLIB };

static const uint64_t table_size = (uint64_t)HG_SECTIONS_MAX * ENTRY;

/* ---- writing ---- */

static struct hg_error *put(const struct hg_section_writer *writer, const void *data, uint64_t size,
			    uint64_t offset)
{
	for (const uint8_t *at = data; size;) {
		const size_t some = size < (1u << 30) ? (size_t)size : 1u << 30;
		const ssize_t n = pwrite(writer->fd, at, some, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return hg_error_errno(n ? errno : ENOSPC, "cannot write '%s'",
					      writer->path);
		at += n;
		offset += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return NULL;
}

static struct hg_section_entry *add_entry(struct hg_section_writer *writer, const char *name)
{
	hg_assert(writer->count < HG_SECTIONS_MAX && strlen(name) < HG_SECTION_NAME);
	for (uint32_t i = 0; i < writer->count; i++)
		hg_assert(strcmp(writer->entries[i].name, name) != 0);
	if (!writer->at)
		writer->at = HEADER + table_size;
	writer->at = (writer->at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct hg_section_entry *entry = &writer->entries[writer->count++];
	*entry = (struct hg_section_entry){.offset = writer->at};
	memcpy(entry->name, name, strlen(name));
	return entry;
}

/** Writes data that gets smaller by it compressed; *done tells whether it did. */
static struct hg_error *write_packed(struct hg_section_writer *writer,
				     struct hg_section_entry *entry, const void *data,
				     uint64_t size, bool *done)
{
	uLongf packed = compressBound(size);
	hg_autofree uint8_t *buffer = malloc(packed);
	if (!buffer)
		return &hg_enomem;
	*done = compress2(buffer, &packed, data, size, Z_BEST_SPEED) == Z_OK && packed < size;
	if (!*done)
		return NULL;
	entry->packing = PACKING_ZLIB;
	entry->stored = packed;
	entry->sum = XXH3_64bits(buffer, packed);
	return put(writer, buffer, packed, entry->offset);
}

struct hg_error *hg_section_write(struct hg_section_writer *writer, const char *name,
				  const void *data, uint64_t size)
{
	struct hg_section_entry *entry = add_entry(writer, name);
	entry->size = entry->stored = size;
	bool done = false;
	struct hg_error *err = NULL;
	if (writer->compress && size)
		err = write_packed(writer, entry, data, size, &done);
	if (!err && !done) {
		entry->sum = XXH3_64bits(data, size);
		err = put(writer, data, size, entry->offset);
	}
	writer->at = entry->offset + entry->stored;
	return err;
}

struct hg_error *hg_section_finish(struct hg_section_writer *writer)
{
	uint8_t head[HEADER + HG_SECTIONS_MAX * ENTRY] = MAGIC;
	const uint32_t version = VERSION;
	if (!writer->at)
		writer->at = HEADER + table_size;
	memcpy(head + 8, &version, 4);
	memcpy(head + 12, &writer->count, 4);
	memcpy(head + 16, &writer->at, 8);
	for (uint32_t i = 0; i < writer->count; i++) {
		const struct hg_section_entry *entry = &writer->entries[i];
		uint8_t *at = head + HEADER + (size_t)i * ENTRY;
		memcpy(at, entry->name, HG_SECTION_NAME);
		memcpy(at + 16, &entry->offset, 8);
		memcpy(at + 24, &entry->stored, 8);
		memcpy(at + 32, &entry->size, 8);
		memcpy(at + 40, &entry->sum, 8);
		memcpy(at + 48, &entry->packing, 4);
	}
	// The sum's own place is zero while it is made.
	const uint64_t sum = XXH3_64bits(head, sizeof(head));
	memcpy(head + 24, &sum, 8);
	if (!writer->count && ftruncate(writer->fd, (off_t)writer->at))
		return hg_error_errno(errno, "cannot write '%s'", writer->path);
	return put(writer, head, sizeof(head), 0);
}

/* ---- reading ---- */

struct section {
	char name[HG_SECTION_NAME];
	uint64_t offset, stored, size, sum;
	uint32_t packing;
	bool checked;
	uint8_t *unpacked; // mapped, `size` bytes
};

struct hg_section_file {
	char *path;
	const uint8_t *map;
	uint64_t map_size;
	bool owns_map;
	uint32_t count;
	struct section sections[HG_SECTIONS_MAX];
};

static struct hg_error *damaged(const struct hg_section_file *file, const char *what)
{
	return hg_error_create(HG_ERROR_FORMAT, "'%s': damaged graph file: %s", file->path, what);
}

bool hg_section_file_detect(const uint8_t *data, uint64_t size)
{
	return size >= 8 && !memcmp(data, MAGIC, 8);
}

static bool read_entry(const struct hg_section_file *file, const uint8_t *at, struct section *ret)
{
	memcpy(ret->name, at, HG_SECTION_NAME);
	ret->offset = hg_load_u64(at + 16);
	ret->stored = hg_load_u64(at + 24);
	ret->size = hg_load_u64(at + 32);
	ret->sum = hg_load_u64(at + 40);
	ret->packing = hg_load_u32(at + 48);
	if (ret->name[HG_SECTION_NAME - 1] || ret->offset % ALIGNMENT ||
	    ret->offset > file->map_size || ret->stored > file->map_size - ret->offset)
		return false;
	if (ret->packing == PACKING_NONE)
		return ret->size == ret->stored;
	return ret->packing == PACKING_ZLIB && ret->size <= HG_MAX_DECOMPRESSED &&
	       ret->size <= hg_inflate_bound(HG_INFLATE_ZLIB, ret->stored);
}

static struct hg_error *read_table(struct hg_section_file *file)
{
	uint8_t head[HEADER + HG_SECTIONS_MAX * ENTRY];
	if (!hg_section_file_detect(file->map, file->map_size))
		return hg_error_create(HG_ERROR_FORMAT, "'%s' is not a graph file", file->path);
	if (file->map_size < sizeof(head))
		return damaged(file, "cut short in its table");
	memcpy(head, file->map, sizeof(head));
	const uint32_t version = hg_load_u32(head + 8);
	if (version != VERSION)
		return hg_error_create(
			HG_ERROR_UNSUPPORTED,
			"'%s' is a graph file of version %u; this heapgraph reads %u", file->path,
			version, VERSION);
	const uint64_t sum = hg_load_u64(head + 24);
	memset(head + 24, 0, 8);
	if (XXH3_64bits(head, sizeof(head)) != sum)
		return damaged(file, "its table does not agree with its checksum");
	const uint64_t size = hg_load_u64(head + 16);
	if (size != file->map_size)
		return damaged(file, size > file->map_size ? "cut short" : "longer than it says");
	file->count = hg_load_u32(head + 12);
	if (file->count > HG_SECTIONS_MAX)
		return damaged(file, "too many sections");
	for (uint32_t i = 0; i < file->count; i++)
		if (!read_entry(file, head + HEADER + (size_t)i * ENTRY, &file->sections[i]))
			return damaged(file, "a section lies outside of it");
	return NULL;
}

struct hg_error *hg_section_file_open_bytes(const char *name, const uint8_t *data, uint64_t size,
					    struct hg_section_file **ret)
{
	hg_cleanup(hg_section_file_closep) struct hg_section_file *file = calloc(1, sizeof(*file));
	if (!file)
		return &hg_enomem;
	file->path = strdup(name);
	if (!file->path)
		return &hg_enomem;
	file->map = data;
	file->map_size = size;
	struct hg_error *err = read_table(file);
	if (err)
		return err;
	*ret = hg_take(file);
	return NULL;
}

struct hg_error *hg_section_file_open(const char *path, struct hg_section_file **ret)
{
	const uint8_t *map;
	uint64_t size;
	struct hg_error *err = hg_map_file(path, &map, &size);
	if (err)
		return err;
	err = hg_section_file_open_bytes(path, map, size, ret);
	if (err)
		hg_unmap_file(map, size);
	else
		(*ret)->owns_map = true;
	return err;
}

void hg_section_file_close(struct hg_section_file *file)
{
	if (!file)
		return;
	for (uint32_t i = 0; i < file->count; i++)
		if (file->sections[i].unpacked)
			munmap(file->sections[i].unpacked, file->sections[i].size);
	if (file->owns_map)
		hg_unmap_file(file->map, file->map_size);
	free(file->path);
	free(file);
}

static struct hg_error *unpack(const struct hg_section_file *file, struct section *section)
{
	uint8_t *unpacked = mmap(NULL, section->size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (unpacked == MAP_FAILED)
		return &hg_enomem;
	section->unpacked = unpacked;
	if (!hg_inflate_block(HG_INFLATE_ZLIB, file->map + section->offset, section->stored,
			      unpacked, section->size))
		return damaged(file, "a section does not decompress");
	return NULL;
}

static struct hg_error *check(const struct hg_section_file *file, struct section *section)
{
	if (XXH3_64bits(file->map + section->offset, section->stored) != section->sum)
		return hg_error_create(
			HG_ERROR_FORMAT,
			"'%s': damaged graph file: section '%s' does not agree with its checksum",
			file->path, section->name);
	section->checked = true;
	return section->packing == PACKING_ZLIB && section->size ? unpack(file, section) : NULL;
}

struct hg_error *hg_section_get(struct hg_section_file *file, const char *name, const void **ret,
				uint64_t *size)
{
	*ret = NULL;
	*size = 0;
	for (uint32_t i = 0; i < file->count; i++) {
		struct section *section = &file->sections[i];
		if (strcmp(section->name, name) != 0)
			continue;
		struct hg_error *err = section->checked ? NULL : check(file, section);
		if (err || !section->size)
			return err;
		*ret = section->unpacked ? section->unpacked : file->map + section->offset;
		*size = section->size;
		return NULL;
	}
	return NULL;
}
