#include "dwarf/line.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/base/text.h"

#define MAX_FILES 65536 // and folders, of one unit
#define MAX_FORMATS 16	// of an entry
#define MAX_PATH_PART 4096
#define READS_PER_BYTE 16 // of all entries of a module

enum { // what a field of an entry is
	CONTENT_PATH = 1,
	CONTENT_FOLDER = 2,
};

enum { // forms that the header of a line program uses
	FORM_BLOCK2 = 0x03,
	FORM_BLOCK4 = 0x04,
	FORM_DATA2 = 0x05,
	FORM_DATA4 = 0x06,
	FORM_DATA8 = 0x07,
	FORM_STRING = 0x08,
	FORM_BLOCK = 0x09,
	FORM_BLOCK1 = 0x0a,
	FORM_DATA1 = 0x0b,
	FORM_STRP = 0x0e,
	FORM_UDATA = 0x0f,
	FORM_STRX = 0x1a,
	FORM_DATA16 = 0x1e,
	FORM_LINE_STRP = 0x1f,
	FORM_STRX1 = 0x25,
	FORM_STRX2 = 0x26,
	FORM_STRX3 = 0x27,
	FORM_STRX4 = 0x28,
};

struct header {
	struct hg_dwarf *dwarf;
	const struct hg_unit *unit;
	struct hg_bytes bytes;
	unsigned version, offset_size;
	HG_VEC(const char *) folders;
};

static const char *text_at(struct header *header, enum hg_dwarf_section which, uint64_t offset)
{
	const struct hg_section_bytes section = hg_unit_section(header->dwarf, header->unit, which);
	if (offset >= section.size)
		return NULL;
	struct hg_bytes bytes = hg_bytes_init(section.data + offset, section.size - offset);
	return hg_bytes_cstr(&bytes);
}

static void skip_block(struct hg_bytes *bytes, uint64_t size)
{
	if (size > hg_bytes_left(bytes))
		bytes->bad = true;
	else
		hg_bytes_skip(bytes, size);
}

struct value {
	const char *text;
	uint64_t number;
};

static struct value read_value(struct header *header, uint64_t form)
{
	struct hg_bytes *bytes = &header->bytes;
	struct value value = {0};
	switch (form) {
	case FORM_STRING:
		value.text = hg_bytes_cstr(bytes);
		break;
	case FORM_STRP:
		value.text =
			text_at(header, HG_DEBUG_STR, hg_bytes_uint(bytes, header->offset_size));
		break;
	case FORM_LINE_STRP:
		value.text = text_at(header, HG_DEBUG_LINE_STR,
				     hg_bytes_uint(bytes, header->offset_size));
		break;
	case FORM_DATA1:
	case FORM_STRX1:
		value.number = hg_bytes_u8(bytes);
		break;
	case FORM_DATA2:
	case FORM_STRX2:
		value.number = hg_bytes_u16(bytes);
		break;
	case FORM_DATA4:
	case FORM_STRX4:
		value.number = hg_bytes_u32(bytes);
		break;
	case FORM_DATA8:
		value.number = hg_bytes_u64(bytes);
		break;
	case FORM_UDATA:
	case FORM_STRX:
		value.number = hg_bytes_uleb(bytes);
		break;
	case FORM_STRX3:
		hg_bytes_skip(bytes, 3);
		break;
	case FORM_DATA16:
		hg_bytes_skip(bytes, 16);
		break;
	case FORM_BLOCK:
		skip_block(bytes, hg_bytes_uleb(bytes));
		break;
	case FORM_BLOCK1:
		skip_block(bytes, hg_bytes_u8(bytes));
		break;
	case FORM_BLOCK2:
		skip_block(bytes, hg_bytes_u16(bytes));
		break;
	case FORM_BLOCK4:
		skip_block(bytes, hg_bytes_u32(bytes));
		break;
	default:
		bytes->bad = true;
	}
	return value;
}

static const char *folder_of(const struct header *header, uint64_t index)
{
	if (header->version < 5 && !index)
		return header->unit->folder;
	index -= header->version < 5;
	return index < header->folders.count ? header->folders.data[index] : NULL;
}

static bool add_file(struct header *header, struct hg_line_files *files, const char *name,
		     uint64_t folder)
{
	struct hg_line_file *file =
		files->files.count < MAX_FILES ? hg_vec_push(&files->files) : NULL;
	if (file)
		*file = (struct hg_line_file){.name = name, .folder = folder_of(header, folder)};
	return file;
}

// DWARF 2 to 4: folders, an empty one, then files, an empty one. Files count from 1, folder 0 is the unit's.
static void read_lists4(struct header *header, struct hg_line_files *files)
{
	struct hg_bytes *bytes = &header->bytes;
	for (;;) {
		const char *name = hg_bytes_cstr(bytes);
		const char **place = name && *name && header->folders.count < MAX_FILES
					     ? hg_vec_push(&header->folders)
					     : NULL;
		if (!place)
			break;
		*place = name;
	}
	if (!add_file(header, files, NULL, 0))
		return;
	for (;;) {
		const char *name = hg_bytes_cstr(bytes);
		if (!name || !*name)
			return;
		const uint64_t folder = hg_bytes_uleb(bytes);
		hg_bytes_uleb(bytes); // time
		hg_bytes_uleb(bytes); // size
		if (bytes->bad || !add_file(header, files, name, folder))
			return;
	}
}

// DWARF 5: a list says first what its entries are made of.
static void read_list5(struct header *header, struct hg_line_files *files)
{
	struct hg_bytes *bytes = &header->bytes;
	uint64_t formats[MAX_FORMATS][2];
	const unsigned format_count = hg_bytes_u8(bytes);
	if (format_count > MAX_FORMATS)
		bytes->bad = true;
	for (unsigned i = 0; i < format_count && !bytes->bad; i++) {
		formats[i][0] = hg_bytes_uleb(bytes);
		formats[i][1] = hg_bytes_uleb(bytes);
	}
	const uint64_t count = hg_bytes_uleb(bytes);
	for (uint64_t i = 0; i < count && i < MAX_FILES && format_count && !bytes->bad; i++) {
		const char *name = NULL;
		uint64_t folder = 0;
		for (unsigned k = 0; k < format_count; k++) {
			const struct value value = read_value(header, formats[k][1]);
			if (formats[k][0] == CONTENT_PATH)
				name = value.text;
			else if (formats[k][0] == CONTENT_FOLDER)
				folder = value.number;
		}
		if (bytes->bad)
			return;
		if (files) {
			if (!add_file(header, files, name, folder))
				return;
			continue;
		}
		const char **place = hg_vec_push(&header->folders);
		if (!place)
			return;
		*place = name;
	}
}

//  0  4  length (or 0xffffffff and 8 bytes of length)       then: minimum length 1, maximum operations 1 (from 4 on),
//  4  2  version, then (5) address and selector size 1, 1         default is_stmt 1, line base 1, line range 1,
//  .  4  length of the header from here, 4 or 8                   opcode base 1, its lengths, folders, files
static bool read_header(struct header *header)
{
	struct hg_bytes *bytes = &header->bytes;
	header->offset_size = 4;
	if (hg_bytes_u32(bytes) == UINT32_MAX) {
		hg_bytes_u64(bytes);
		header->offset_size = 8;
	}
	header->version = hg_bytes_u16(bytes);
	if (header->version < 2 || header->version > 5)
		return false;
	if (header->version >= 5)
		hg_bytes_u16(bytes);
	hg_bytes_uint(bytes, header->offset_size);
	hg_bytes_skip(bytes, header->version >= 4 ? 5 : 4);
	const unsigned opcodes = hg_bytes_u8(bytes);
	hg_bytes_skip(bytes, opcodes ? opcodes - 1 : 0);
	return !bytes->bad;
}

void hg_line_files_read(struct hg_dwarf *dwarf, const struct hg_unit *unit,
			struct hg_line_files *files)
{
	const struct hg_section_bytes section = hg_unit_section(dwarf, unit, HG_DEBUG_LINE);
	const struct hg_unit *last = files->unit;
	const uint8_t *start = unit->lines < section.size ? section.data + unit->lines : NULL;
	files->unit = unit;
	// The type units of a package each have a row in its index, and share the lines of what they were compiled with.
	if (last && files->start == start && last->folder == unit->folder &&
	    last->file == unit->file)
		return;
	files->start = start;
	files->files.count = 0;
	if (!start || files->bytes_read / READS_PER_BYTE > hg_dwarf_size(dwarf) + section.size)
		return;
	struct header header = {
		.dwarf = dwarf,
		.unit = unit,
		.bytes = hg_bytes_init(section.data + unit->lines, section.size - unit->lines),
	};
	if (!read_header(&header))
		return;
	if (header.version < 5) {
		read_lists4(&header, files);
	} else {
		read_list5(&header, NULL);
		read_list5(&header, files);
	}
	files->bytes_read += header.bytes.at;
	hg_vec_deinit(&header.folders);
}

static const struct hg_line_file *find_file(const struct hg_line_files *files, uint64_t index)
{
	const struct hg_line_file *file =
		index < files->files.count ? &files->files.data[index] : NULL;
	return file && file->name && *file->name ? file : NULL;
}

static void add_part(struct hg_text *path, const char *part)
{
	if (!part || !*part)
		return;
	if (path->length && path->data[path->length - 1] != '/')
		hg_text_add(path, "/");
	hg_text_addn(path, part, strnlen(part, MAX_PATH_PART));
}

uint32_t hg_line_file(struct hg_line_files *files, struct hg_strtab *strings, uint64_t index)
{
	struct hg_line_file *file = (struct hg_line_file *)find_file(files, index);
	if (!file)
		return 0;
	if (file->number)
		return file->number;
	struct hg_text path = {0};
	const bool absolute = *file->name == '/' || (file->folder && *file->folder == '/');
	if (!absolute)
		add_part(&path, files->unit->folder);
	if (*file->name != '/')
		add_part(&path, file->folder);
	add_part(&path, file->name);
	if (!path.failed)
		file->number = hg_strtab_add(strings, hg_text_str(&path));
	hg_text_deinit(&path);
	return file->number;
}

const char *hg_line_file_name(const struct hg_line_files *files, uint64_t index)
{
	const struct hg_line_file *file = find_file(files, index);
	const char *slash = file ? strrchr(file->name, '/') : NULL;
	return slash ? slash + 1 : file ? file->name : "";
}

void hg_line_files_deinit(struct hg_line_files *files)
{
	hg_vec_deinit(&files->files);
}
