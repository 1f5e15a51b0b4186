// Debug info that lies in other files: split units (.dwo, or all in one package, .dwp), and what dwz moved out.

#include "dwarf/die_private.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"

static int compare_id(const void *a, const void *b)
{
	const struct hg_skeleton *left = a, *right = b;
	if (left->id != right->id)
		return left->id < right->id ? -1 : 1;
	return left->unit < right->unit ? -1 : left->unit > right->unit;
}

static bool find_skeletons(struct hg_dwarf *dwarf)
{
	for (size_t i = 0; i < dwarf->units.count; i++) {
		const struct hg_unit *unit = &dwarf->units.data[i];
		if (!unit->split_name || unit->type)
			continue;
		struct hg_skeleton *skeleton = hg_vec_push(&dwarf->skeletons);
		if (!skeleton)
			return false;
		*skeleton = (struct hg_skeleton){.id = unit->split_id, .unit = (uint32_t)i};
	}
	if (dwarf->skeletons.count)
		qsort(dwarf->skeletons.data, dwarf->skeletons.count, sizeof(*dwarf->skeletons.data),
		      compare_id);
	return true;
}

static struct hg_skeleton *find_skeleton(struct hg_dwarf *dwarf, uint64_t id)
{
	size_t low = 0, high = dwarf->skeletons.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (dwarf->skeletons.data[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < dwarf->skeletons.count && dwarf->skeletons.data[low].id == id
		       ? &dwarf->skeletons.data[low]
		       : NULL;
}

// A split unit gets from its skeleton what the linker had to write.
static bool join(struct hg_dwarf *dwarf, struct hg_unit *unit)
{
	struct hg_skeleton *skeleton = find_skeleton(dwarf, unit->split_id);
	if (!skeleton || skeleton->found)
		return false;
	const struct hg_unit *from = &dwarf->units.data[skeleton->unit];
	skeleton->found = true;
	unit->has_skeleton = true;
	unit->low_pc = from->low_pc;
	unit->addr_base = from->addr_base;
	unit->ranges_base = from->ranges_base;
	unit->lines = from->lines;
	if (!unit->folder)
		unit->folder = from->folder;
	return true;
}

// Keeps the units of the file that skeletons ask for, and its type units if there are any of these.
static bool join_all(struct hg_dwarf *dwarf, size_t first)
{
	size_t kept = first;
	bool joined = false;
	for (size_t i = first; i < dwarf->units.count; i++) {
		struct hg_unit *unit = &dwarf->units.data[i];
		const bool fits = !unit->type && join(dwarf, unit);
		joined |= fits;
		if (fits || unit->type)
			dwarf->units.data[kept++] = *unit;
	}
	dwarf->units.count = joined ? kept : first;
	hg_die_enter_types(dwarf, first);
	return joined;
}

static void drop_last_file(struct hg_dwarf *dwarf)
{
	hg_die_file_destroy(dwarf->files.data[--dwarf->files.count]);
}

// Takes over the elf. *ret: does it hold units of this program?
static struct hg_error *add_split_file(struct hg_dwarf *dwarf, struct hg_elf *elf, bool *ret)
{
	const size_t first = dwarf->units.count;
	struct hg_die_file *file;
	*ret = false;
	struct hg_error *err = hg_die_file_open(dwarf, elf, true, true, NULL, &file);
	if (err)
		return err;
	hg_die_read_units(file);
	*ret = join_all(dwarf, first);
	if (!*ret)
		drop_last_file(dwarf);
	return NULL;
}

static struct hg_error *open_alt(struct hg_dwarf *dwarf, struct hg_elf *elf, bool *ret)
{
	struct hg_die_file *file;
	*ret = false;
	struct hg_error *err = hg_die_file_open(dwarf, elf, true, false, NULL, &file);
	if (err)
		return err;
	dwarf->alt = file;
	*ret = true;
	return NULL;
}

// The bytes of a section; none where it cannot be read.
static struct hg_bytes open_section(struct hg_elf *elf, const char *name)
{
	const struct hg_elf_section *section = hg_elf_find_section(elf, name);
	struct hg_section_bytes all = {0};
	if (section)
		hg_error_destroy(hg_elf_section_data(elf, section, &all.data, &all.size));
	return hg_bytes_init(all.data, all.size);
}

// .debug_sup:  0  2  version
//              2  1  1 in the supplementary file itself
//              3  n  name of that file and its NUL; then LEB128 and as many bytes of checksum
static bool read_sup(struct hg_elf *elf, const char **name, const uint8_t **id, size_t *id_size)
{
	struct hg_bytes bytes = open_section(elf, ".debug_sup");
	hg_bytes_skip(&bytes, 3);
	*name = hg_bytes_cstr(&bytes);
	*id_size = hg_bytes_uleb(&bytes);
	*id = *id_size <= HG_BUILD_ID_MAX ? hg_bytes_take(&bytes, *id_size) : NULL;
	return *name && *id && *id_size;
}

// .gnu_debugaltlink:  0  n  name of the file and its NUL
//                     n  m  its build id
static bool read_altlink(struct hg_elf *elf, const char **name, const uint8_t **id, size_t *id_size)
{
	struct hg_bytes bytes = open_section(elf, ".gnu_debugaltlink");
	*name = hg_bytes_cstr(&bytes);
	*id_size = hg_bytes_left(&bytes);
	*id = *id_size <= HG_BUILD_ID_MAX ? hg_bytes_take(&bytes, *id_size) : NULL;
	return *name && *id && *id_size;
}

static bool is_alt(struct hg_elf *elf, const struct hg_dwarf_companion *wanted)
{
	const char *name;
	const uint8_t *id = NULL;
	size_t size = 0;
	if (elf->build_id_size == wanted->id_size &&
	    !memcmp(elf->build_id, wanted->id, wanted->id_size))
		return true;
	return read_sup(elf, &name, &id, &size) && size == wanted->id_size &&
	       !memcmp(id, wanted->id, size);
}

// Tries the files that may be the wanted one. One with damaged debug info counts as one of another build.
static struct hg_error *find(struct hg_dwarf *dwarf, const struct hg_dwarf_finder *finder,
			     const struct hg_dwarf_companion *wanted, bool *found)
{
	bool other_build = false;
	*found = false;
	for (unsigned n = 0; !*found; n++) {
		struct hg_elf *elf = NULL;
		if (!finder->open(finder->arg, wanted, n, &elf))
			break;
		if (!elf)
			continue;
		other_build = true;
		if (wanted->kind == HG_DWARF_ALT && !is_alt(elf, wanted)) {
			hg_elf_destroy(elf);
			continue;
		}
		struct hg_error *err = wanted->kind == HG_DWARF_ALT
					       ? open_alt(dwarf, elf, found)
					       : add_split_file(dwarf, elf, found);
		if (err && err->code == HG_ERROR_NOMEM)
			return err;
		hg_error_destroy(err);
	}
	if (!*found && wanted->kind != HG_DWARF_PACKAGE)
		finder->missing(finder->arg, wanted, other_build);
	return NULL;
}

static struct hg_error *open_each(struct hg_dwarf *dwarf, const struct hg_dwarf_finder *finder)
{
	struct hg_map tried = {0}; // hashes of paths
	struct hg_error *err = NULL;
	for (size_t i = 0; i < dwarf->skeletons.count && !err; i++) {
		const struct hg_unit *unit = &dwarf->units.data[dwarf->skeletons.data[i].unit];
		const struct hg_dwarf_companion wanted = {
			.kind = HG_DWARF_SPLIT, .folder = unit->folder, .name = unit->split_name};
		if (dwarf->skeletons.data[i].found)
			continue;
		const char *folder = unit->folder ? unit->folder : "";
		const uint64_t seed = XXH3_64bits(folder, strnlen(folder, HG_MAX_NAME));
		uint64_t *known = hg_map_put(
			&tried, XXH3_64bits_withSeed(unit->split_name,
						     strnlen(unit->split_name, HG_MAX_NAME), seed));
		bool found;
		if (!known)
			err = &hg_enomem;
		else if (!*known)
			err = find(dwarf, finder, &wanted, &found);
		if (known)
			*known = 1;
	}
	hg_map_deinit(&tried);
	return err;
}

struct hg_error *hg_die_open_split(struct hg_dwarf *dwarf, const struct hg_dwarf_finder *finder)
{
	const struct hg_dwarf_companion package = {.kind = HG_DWARF_PACKAGE};
	bool found;
	if (!find_skeletons(dwarf))
		return &hg_enomem;
	if (!dwarf->skeletons.count)
		return NULL;
	struct hg_error *err = find(dwarf, finder, &package, &found);
	return err ? err : open_each(dwarf, finder);
}

struct hg_error *hg_die_open_alt(struct hg_dwarf *dwarf, const struct hg_dwarf_finder *finder)
{
	struct hg_elf *elf = dwarf->files.data[0]->elf;
	struct hg_dwarf_companion alt = {.kind = HG_DWARF_ALT};
	bool found;
	if (!elf || (!read_altlink(elf, &alt.name, &alt.id, &alt.id_size) &&
		     !read_sup(elf, &alt.name, &alt.id, &alt.id_size)))
		return NULL;
	return find(dwarf, finder, &alt, &found);
}
