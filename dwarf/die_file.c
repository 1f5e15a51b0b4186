// What libdwarf is given: an object file whose sections are those that entries are made of, wherever they come from.

#include "dwarf/die_private.h"

#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"

#ifdef DW_LIBDWARF_VERSION // 0.3 and newer renamed what an object reader implements
typedef Dwarf_Obj_Access_Methods_a access_methods;
typedef Dwarf_Obj_Access_Section_a access_section;
#else
typedef Dwarf_Obj_Access_Methods access_methods;
typedef Dwarf_Obj_Access_Section access_section;
#endif

static const char *const section_names[HG_DEBUG_SECTIONS] = {
	[HG_DEBUG_INFO] = ".debug_info",	 [HG_DEBUG_ABBREV] = ".debug_abbrev",
	[HG_DEBUG_TYPES] = ".debug_types",	 [HG_DEBUG_STR] = ".debug_str",
	[HG_DEBUG_LINE_STR] = ".debug_line_str", [HG_DEBUG_STR_OFFSETS] = ".debug_str_offsets",
	[HG_DEBUG_ADDR] = ".debug_addr",	 [HG_DEBUG_RANGES] = ".debug_ranges",
	[HG_DEBUG_RNGLISTS] = ".debug_rnglists", [HG_DEBUG_LOC] = ".debug_loc",
	[HG_DEBUG_LOCLISTS] = ".debug_loclists", [HG_DEBUG_LINE] = ".debug_line",
};

// Our own readers of lists need no libdwarf, so it sees only what entries are made of. What a split unit finds by index
// lies in tables of several files, which are read here, too.
static bool libdwarf_reads(const struct hg_die_file *file, unsigned which)
{
	return which <= (file->split ? HG_DEBUG_LINE_STR : HG_DEBUG_ADDR);
}

// Section 0 is the empty one of every ELF file; the others follow in the order of enum hg_dwarf_section.
static bool has_section(const struct hg_die_file *file, uint64_t index)
{
	return index && index <= HG_DEBUG_SECTIONS && libdwarf_reads(file, (unsigned)index - 1) &&
	       file->sections[index - 1].data;
}

static int section_info(void *object, uint64_t index, access_section *ret)
{
	const struct hg_die_file *file = object;
	const bool there = has_section(file, index);
	const char *name = there ? section_names[index - 1] : "";
	const uint64_t size = there ? file->sections[index - 1].size : 0;
#ifdef DW_LIBDWARF_VERSION
	*ret = (access_section){.as_name = name, .as_size = size, .as_type = 1};
#else
	*ret = (access_section){.name = name, .size = size, .type = 1};
#endif
	return index <= HG_DEBUG_SECTIONS ? DW_DLV_OK : DW_DLV_NO_ENTRY;
}

static int section_bytes(void *object, uint64_t index, Dwarf_Small **ret)
{
	const struct hg_die_file *file = object;
	if (!has_section(file, index))
		return DW_DLV_NO_ENTRY;
	*ret = (Dwarf_Small *)(uintptr_t)file->sections[index - 1].data;
	return DW_DLV_OK;
}

// The type of an index grew from 16 to 64 bits between releases, so there are two of each, and the compiler picks.
static int section_info_16(void *object, Dwarf_Half index, access_section *ret, int *error)
{
	(void)error;
	return section_info(object, index, ret);
}

static int section_info_64(void *object, Dwarf_Unsigned index, access_section *ret, int *error)
{
	(void)error;
	return section_info(object, index, ret);
}

static int section_bytes_16(void *object, Dwarf_Half index, Dwarf_Small **ret, int *error)
{
	(void)error;
	return section_bytes(object, index, ret);
}

static int section_bytes_64(void *object, Dwarf_Unsigned index, Dwarf_Small **ret, int *error)
{
	(void)error;
	return section_bytes(object, index, ret);
}

#define BY_INDEX(member, fn)                                                                       \
	_Generic((((access_methods *)NULL)->member), __typeof__(&fn##_16)                          \
		 : fn##_16, default                                                                \
		 : fn##_64)

#ifdef DW_LIBDWARF_VERSION
static Dwarf_Small get_byte_order(void *object)
{
	(void)object;
	return DW_END_little;
}

static Dwarf_Unsigned get_filesize(void *object)
{
	const struct hg_die_file *file = object;
	Dwarf_Unsigned size = 4096;
	for (unsigned i = 0; i < HG_DEBUG_SECTIONS; i++)
		size += file->sections[i].size;
	return size;
}
#else
static Dwarf_Endianness get_byte_order(void *object)
{
	(void)object;
	return DW_OBJECT_LSB;
}
#endif

static Dwarf_Small get_length_size(void *object)
{
	(void)object;
	return 4; // a 64-bit unit says so by its own length field
}

static Dwarf_Small get_pointer_size(void *object)
{
	(void)object;
	return 8;
}

static Dwarf_Unsigned get_section_count(void *object)
{
	(void)object;
	return HG_DEBUG_SECTIONS + 1;
}

static const access_methods methods = {
#ifdef DW_LIBDWARF_VERSION
	.om_get_section_info = BY_INDEX(om_get_section_info, section_info),
	.om_get_byte_order = get_byte_order,
	.om_get_length_size = get_length_size,
	.om_get_pointer_size = get_pointer_size,
	.om_get_filesize = get_filesize,
	.om_get_section_count = get_section_count,
	.om_load_section = BY_INDEX(om_load_section, section_bytes),
#else
	.get_section_info = BY_INDEX(get_section_info, section_info),
	.get_byte_order = get_byte_order,
	.get_length_size = get_length_size,
	.get_pointer_size = get_pointer_size,
	.get_section_count = get_section_count,
	.load_section = BY_INDEX(load_section, section_bytes),
#endif
};

static int open_libdwarf(struct hg_die_file *file, Dwarf_Error *error)
{
#ifdef DW_LIBDWARF_VERSION
	file->interface = (hg_access_interface){.ai_object = file, .ai_methods = &methods};
	return dwarf_object_init_b(&file->interface, NULL, NULL, DW_GROUPNUMBER_ANY, &file->dbg,
				   error);
#else
	file->interface = (hg_access_interface){.object = file, .methods = &methods};
	return dwarf_object_init(&file->interface, NULL, NULL, &file->dbg, error);
#endif
}

static void close_libdwarf(struct hg_die_file *file)
{
#ifdef DW_LIBDWARF_VERSION
	dwarf_object_finish(file->dbg);
#else
	Dwarf_Error error = NULL;
	dwarf_object_finish(file->dbg, &error);
#endif
}

// GNU's compiler gives each type unit of a split object a section of its own, all of the same name. A copy is also what
// the offsets in a package can be rewritten in.
static struct hg_error *load_all(struct hg_die_file *file, bool types, const char *name,
				 struct hg_section_bytes *ret)
{
	uint64_t size = 0;
	struct hg_section_bytes part;
	const struct hg_elf *elf = file->elf;
	for (unsigned fill = 0; fill < 2; fill++) {
		uint64_t at = 0;
		for (size_t i = 0; i < elf->section_count; i++) {
			if (strcmp(elf->sections[i].name, name) &&
			    &elf->sections[i] != hg_elf_find_section(elf, name))
				continue;
			struct hg_error *err = hg_elf_section_data(file->elf, &elf->sections[i],
								   &part.data, &part.size);
			if (err)
				return err;
			if (fill && part.size)
				memcpy(file->rewritten[types] + at, part.data, part.size);
			at += part.size;
		}
		size = at;
		if (!fill)
			file->rewritten[types] = malloc(size + 1);
		if (!file->rewritten[types])
			return &hg_enomem;
	}
	*ret = (struct hg_section_bytes){file->rewritten[types], size};
	return NULL;
}

static struct hg_error *load(struct hg_die_file *file, enum hg_dwarf_section which)
{
	char name[40];
	if (file->tried[which])
		return NULL;
	file->tried[which] = true;
	snprintf(name, sizeof(name), "%s%s", section_names[which], file->split ? ".dwo" : "");
	const struct hg_elf_section *section = hg_elf_find_section(file->elf, name);
	struct hg_section_bytes *bytes = &file->sections[which];
	if (section && file->split && (which == HG_DEBUG_INFO || which == HG_DEBUG_TYPES))
		return load_all(file, which == HG_DEBUG_TYPES, name, bytes);
	return section ? hg_elf_section_data(file->elf, section, &bytes->data, &bytes->size) : NULL;
}

struct hg_section_bytes hg_die_section(struct hg_die_file *file, enum hg_dwarf_section which)
{
	struct hg_error *err = load(file, which);
	if (err) {
		hg_die_note_damage(file, NULL);
		hg_error_destroy(err);
	}
	return file->sections[which];
}

const struct hg_package *hg_die_package(const struct hg_die_file *file, bool types, uint64_t offset,
					uint32_t *row)
{
	for (unsigned i = types; i < ARRAY_SIZE(file->packages); i++) {
		const struct hg_package *package = &file->packages[i];
		// DWARF 5 has type units in .debug_info.
		if (i && !package->column_of[types ? HG_DEBUG_TYPES : HG_DEBUG_INFO])
			continue;
		*row = hg_package_row(package, offset);
		if (*row)
			return package;
	}
	return NULL;
}

//  0  4  length, or ~0 and 8 bytes of length       version 2 to 4:  4 or 8  offset in .debug_abbrev
//  .  2  version                                   version 5:  type 1, address size 1, then the offset
static uint64_t rewrite_unit(const struct hg_die_file *file, bool types, uint64_t size, uint64_t at)
{
	uint8_t *data = file->rewritten[types];
	struct hg_bytes bytes = hg_bytes_init(data + at, size - at);
	uint64_t length = hg_bytes_u32(&bytes);
	const unsigned offset_size = length == UINT32_MAX ? 8 : 4;
	if (offset_size == 8)
		length = hg_bytes_u64(&bytes);
	const uint64_t start = bytes.at;
	if (hg_bytes_u16(&bytes) >= 5)
		hg_bytes_u16(&bytes);
	const uint64_t place = at + bytes.at;
	uint64_t abbrevs = hg_bytes_uint(&bytes, offset_size);
	if (bytes.bad || length > size - at - start)
		return size;
	uint32_t row;
	const struct hg_package *package = hg_die_package(file, types, at, &row);
	if (package)
		abbrevs += hg_package_at(package, row, HG_DEBUG_ABBREV);
	memcpy(data + place, &abbrevs, offset_size);
	return at + start + length;
}

// The units of a package count offsets of abbreviations from their own part of that section. libdwarf is given a copy
// where they count from its start.
static void rewrite(struct hg_die_file *file, bool types)
{
	const struct hg_section_bytes *section =
		&file->sections[types ? HG_DEBUG_TYPES : HG_DEBUG_INFO];
	for (uint64_t at = 0; at < section->size;)
		at = rewrite_unit(file, types, section->size, at);
}

static struct hg_error *read_package(struct hg_die_file *file)
{
	static const char *const names[] = {".debug_cu_index", ".debug_tu_index"};
	bool found = false;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		const struct hg_elf_section *section = hg_elf_find_section(file->elf, names[i]);
		struct hg_section_bytes index = {0};
		if (!section)
			continue;
		struct hg_error *err =
			hg_elf_section_data(file->elf, section, &index.data, &index.size);
		if (err)
			return err;
		// The units of GNU's type index lie in .debug_types.
		const bool gnu = i && file->sections[HG_DEBUG_TYPES].size;
		if (index.size && !hg_package_read(&index, gnu ? HG_DEBUG_TYPES : HG_DEBUG_INFO,
						   &file->packages[i]))
			return hg_error_create(HG_ERROR_FORMAT, "damaged '%s'", names[i]);
		found = true;
	}
	for (unsigned i = 0; found && i < 2; i++)
		rewrite(file, i);
	return NULL;
}

static struct hg_error *start(struct hg_die_file *file)
{
	// A file may have nothing but type units, or one of both be empty.
	const bool units =
		file->sections[HG_DEBUG_INFO].data || file->sections[HG_DEBUG_TYPES].data;
	if (!units || !file->sections[HG_DEBUG_ABBREV].data)
		return hg_error_create(HG_ERROR_UNSUPPORTED, "no debug info");
	Dwarf_Error error = NULL;
	const int status = open_libdwarf(file, &error);
	if (status == DW_DLV_OK)
		return NULL;
	file->dbg = NULL;
	if (status != DW_DLV_ERROR)
		return hg_error_create(HG_ERROR_FORMAT, "empty debug info");
	struct hg_error *ret =
		hg_error_create(HG_ERROR_FORMAT, "damaged debug info: %s", dwarf_errmsg(error));
	dwarf_dealloc_error(NULL, error); // of no handle, as there is none
	return ret;
}

static struct hg_error *open_sections(struct hg_die_file *file,
				      const struct hg_section_bytes *sections)
{
	for (unsigned i = 0; i < HG_DEBUG_SECTIONS; i++) {
		file->tried[i] = !file->elf;
		if (!file->elf)
			file->sections[i] = sections[i];
		struct hg_error *err = libdwarf_reads(file, i) ? load(file, i) : NULL;
		if (err)
			return hg_error_context(err, "'%s'", section_names[i]);
	}
	return file->split && file->elf ? read_package(file) : NULL;
}

struct hg_error *hg_die_file_open(struct hg_dwarf *dwarf, struct hg_elf *elf, bool owned,
				  bool split, const struct hg_section_bytes *sections,
				  struct hg_die_file **ret)
{
	struct hg_die_file *file = calloc(1, sizeof(*file));
	struct hg_die_file **place = file ? hg_vec_push(&dwarf->files) : NULL;
	if (!place) {
		free(file);
		if (owned)
			hg_elf_destroy(elf);
		return &hg_enomem;
	}
	*place = file;
	file->dwarf = dwarf;
	file->elf = elf;
	file->owns_elf = owned;
	file->split = split;
	file->space = (uint32_t)(dwarf->files.count - 1) * 2;
	struct hg_error *err = open_sections(file, sections);
	if (!err)
		err = start(file);
	if (err || file->space >= HG_MAX_SPACES - 2) {
		dwarf->files.count--;
		hg_die_file_destroy(file);
		return err ? err : hg_error_create(HG_ERROR_LIMIT, "too many files");
	}
	*ret = file;
	return NULL;
}

void hg_die_file_destroy(struct hg_die_file *file)
{
	if (!file)
		return;
	if (file->dbg)
		close_libdwarf(file);
	for (unsigned i = 0; i < ARRAY_SIZE(file->packages); i++)
		hg_package_deinit(&file->packages[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(file->rewritten); i++)
		free(file->rewritten[i]);
	hg_map_deinit(&file->abbrevs);
	if (file->owns_elf)
		hg_elf_destroy(file->elf);
	free(file);
}
