#include "core/note.h"

#include <elf.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/image.h"
#include "core/record.h"

bool hg_note_next(struct hg_bytes *bytes, struct hg_note *ret)
{
	if (!hg_bytes_left(bytes))
		return false;
	ret->name_size = hg_bytes_u32(bytes);
	ret->desc_size = hg_bytes_u32(bytes);
	ret->type = hg_bytes_u32(bytes);
	ret->name = hg_bytes_take(bytes, ret->name_size);
	hg_bytes_align(bytes, 4);
	ret->desc = hg_bytes_take(bytes, ret->desc_size);
	if (bytes->bad)
		return false;
	// The filling of the last descriptor may be cut off.
	const size_t over = bytes->at & 3;
	hg_bytes_skip(bytes, over && hg_bytes_left(bytes) >= 4 - over ? 4 - over : 0);
	return true;
}

bool hg_note_is(const struct hg_note *note, const char *name, uint32_t type)
{
	const size_t length = strlen(name);
	return note->type == type && note->name_size >= length && note->name_size <= length + 1 &&
	       !memcmp(note->name, name, length);
}

bool hg_note_find(const void *data, uint64_t size, const char *name, uint32_t type,
		  struct hg_note *ret)
{
	struct hg_bytes bytes = hg_bytes_init(data, size);
	while (hg_note_next(&bytes, ret))
		if (hg_note_is(ret, name, type))
			return true;
	return false;
}

/*
 * NT_PRPSINFO of 64-bit Linux:
 *   OFFSET SIZE MEANING
 *   24     4    process id
 *   40     16   name of the program
 */
static struct hg_error *read_prpsinfo(struct hg_image *image, const struct hg_note *note)
{
	if (note->desc_size < 56 || *image->comm)
		return NULL;
	image->pid = hg_load_u32(note->desc + 24);
	const char *name = (const char *)note->desc + 40;
	image->comm = hg_arena_strndup(&image->arena, name, strnlen(name, 16));
	if (image->comm)
		return NULL;
	image->comm = "";
	return &hg_enomem;
}

static struct hg_error *read_prstatus(struct hg_image *image, const struct hg_note *note)
{
	struct hg_thread thread;
	if (image->threads.count >= HG_MAX_THREADS ||
	    !hg_thread_read(image->arch, note->desc, note->desc_size, &thread))
		return NULL;
	struct hg_thread *slot = hg_vec_push(&image->threads);
	if (!slot)
		return &hg_enomem;
	*slot = thread;
	return NULL;
}

struct hg_error *hg_note_read_auxv(struct hg_image *image, const uint8_t *data, uint64_t size)
{
	struct hg_bytes bytes = hg_bytes_init(data, size);
	while (hg_bytes_left(&bytes) >= 16 && image->auxv.count < 256) {
		struct hg_auxv entry = {.key = hg_bytes_u64(&bytes)};
		entry.value = hg_bytes_u64(&bytes);
		if (entry.key == AT_NULL)
			break;
		struct hg_auxv *slot = hg_vec_push(&image->auxv);
		if (!slot)
			return &hg_enomem;
		*slot = entry;
	}
	return NULL;
}

static struct hg_error *add_mapping(struct hg_image *image, struct hg_mapping mapping,
				    const char *path)
{
	struct hg_error *err = hg_mapping_set_path(&mapping, path, strnlen(path, HG_MAX_PATH),
						   &image->arena, &image->mappings);
	if (err)
		return err;
	struct hg_mapping *slot = hg_vec_push(&image->mappings);
	if (!slot)
		return &hg_enomem;
	*slot = mapping;
	return NULL;
}

/*
 * NT_FILE:
 *   OFFSET        SIZE     MEANING
 *   0             8        count
 *   8             8        unit of the file offsets, in bytes
 *   16            24*count start, end, file offset in units
 *   16+24*count   ..       count paths, each ends with a NUL
 */
static struct hg_error *read_file(struct hg_image *image, const struct hg_note *note)
{
	struct hg_bytes ranges = hg_bytes_init(note->desc, note->desc_size);
	const uint64_t count = hg_bytes_u64(&ranges);
	const uint64_t unit = hg_bytes_u64(&ranges);
	if (ranges.bad || count > hg_bytes_left(&ranges) / 24 || image->mappings.count)
		return NULL;
	struct hg_bytes paths = ranges;
	hg_bytes_skip(&paths, count * 24);
	for (uint64_t i = 0; i < count; i++) {
		struct hg_mapping mapping = {0};
		mapping.start = hg_bytes_u64(&ranges);
		mapping.end = hg_bytes_u64(&ranges);
		const bool too_far =
			__builtin_mul_overflow(hg_bytes_u64(&ranges), unit, &mapping.file_offset);
		const char *path = hg_bytes_cstr(&paths);
		if (!path)
			return NULL;
		if (too_far || mapping.start >= mapping.end)
			continue;
		struct hg_error *err = add_mapping(image, mapping, path);
		if (err)
			return err;
	}
	return NULL;
}

static void read_arm_tls(struct hg_image *image, const struct hg_note *note)
{
	// It follows the NT_PRSTATUS of its thread.
	if (note->desc_size >= 8 && image->threads.count && image->arch->elf_machine == EM_AARCH64)
		image->threads.data[image->threads.count - 1].tls = hg_load_u64(note->desc);
}

// Of our own snapshots, behind the NT_PRSTATUS of its thread.
static void read_thread_name(struct hg_image *image, const struct hg_note *note)
{
	if (!image->threads.count)
		return;
	struct hg_thread *thread = &image->threads.data[image->threads.count - 1];
	const char *name = (const char *)note->desc;
	memset(thread->name, 0, sizeof(thread->name));
	if (note->desc_size)
		memcpy(thread->name, name,
		       strnlen(name, note->desc_size < 15 ? note->desc_size : 15));
}

static struct hg_error *read_one(struct hg_image *image, const struct hg_note *note)
{
	if (hg_note_is(note, "CORE", NT_PRSTATUS))
		return read_prstatus(image, note);
	if (hg_note_is(note, "CORE", NT_PRPSINFO))
		return read_prpsinfo(image, note);
	if (hg_note_is(note, "CORE", NT_AUXV) && !image->auxv.count)
		return hg_note_read_auxv(image, note->desc, note->desc_size);
	if (hg_note_is(note, "CORE", NT_FILE))
		return read_file(image, note);
	if (hg_note_is(note, HG_NOTE_NAME, HG_NOTE_THREAD_NAME))
		read_thread_name(image, note);
	if (hg_note_is(note, HG_NOTE_NAME, HG_NOTE_RECORD))
		return hg_record_read(image, (const char *)note->desc, note->desc_size);
	if (hg_note_is(note, "LINUX", NT_ARM_TLS))
		read_arm_tls(image, note);
	return NULL;
}

struct hg_error *hg_note_read_core(struct hg_image *image, const void *data, uint64_t size)
{
	struct hg_bytes bytes = hg_bytes_init(data, size);
	struct hg_note note;
	while (hg_note_next(&bytes, &note)) {
		struct hg_error *err = read_one(image, &note);
		if (err)
			return err;
	}
	return NULL;
}
