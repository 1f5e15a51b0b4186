// Separate debug files: by build id, by .gnu_debuglink, beside the file and below /usr/lib/debug.

#include <string.h>
#include <zlib.h>

#include "core/base/bytes.h"
#include "dwarf/program_private.h"

#define DEBUG_FOLDER "/usr/lib/debug"

struct search {
	struct hg_program *prog;
	struct hg_module *module;
	const char *problem; // the most telling one so far
};

static bool has_debug_info(const struct hg_elf *elf)
{
	const struct hg_elf_section *section = hg_elf_find_section(elf, ".debug_info");
	return section && section->size;
}

static bool same_build(const struct hg_elf *a, const struct hg_elf *b)
{
	return a->build_id_size && a->build_id_size == b->build_id_size &&
	       !memcmp(a->build_id, b->build_id, a->build_id_size);
}

static void blame(struct search *search, const char *path, const char *what)
{
	if (!search->problem)
		search->problem =
			hg_arena_printf(&search->prog->arena, "debug file '%s' %s", path, what);
}

// Opens a file of this machine and takes it if it is the debug file. By CRC where there is one, else by build id.
static bool try_host_file(struct search *search, const char *path, const uint32_t *crc)
{
	if (access(path, F_OK))
		return false;
	hg_cleanup(hg_elf_destroyp) struct hg_elf *debug = NULL;
	hg_cleanup(hg_error_destroyp) struct hg_error *err = hg_elf_open(path, &debug);
	if (err) {
		blame(search, path, "cannot be read");
		return false;
	}
	const struct hg_elf *elf = search->module->elf;
	const bool same = elf->build_id_size && debug->build_id_size ? same_build(elf, debug)
			  : crc ? crc32_z(0, debug->map, debug->map_size) == *crc
				: false;
	if (!same || !has_debug_info(debug)) {
		blame(search, path, same ? "has no debug info" : "is of another build");
		return false;
	}
	search->module->debug = hg_take(debug);
	return true;
}

// The same for a path as the target names it: under the sysroot first, then on this machine.
static bool try_file(struct search *search, const char *target_path, const uint32_t *crc)
{
	const struct hg_image *image = search->prog->image;
	hg_autofree char *path = image ? hg_image_host_path(image, target_path) : NULL;
	if (path && try_host_file(search, path, crc))
		return true;
	return try_host_file(search, target_path, crc);
}

static bool find_by_build_id(struct search *search)
{
	const struct hg_elf *elf = search->module->elf;
	char hex[2 * HG_BUILD_ID_MAX + 1] = "";
	if (elf->build_id_size < 2 || elf->build_id_size > HG_BUILD_ID_MAX)
		return false;
	for (size_t i = 0; i < elf->build_id_size; i++)
		snprintf(hex + 2 * i, 3, "%02x", elf->build_id[i]);
	const char *path = hg_arena_printf(&search->prog->arena, "%s/.build-id/%.2s/%s.debug",
					   DEBUG_FOLDER, hex, hex + 2);
	return path && try_file(search, path, NULL);
}

// .gnu_debuglink:  0  n  file name and its NUL, padded to a multiple of 4
//                  n  4  CRC-32 of the file
static const char *read_debuglink(struct hg_elf *elf, uint32_t *crc)
{
	const struct hg_elf_section *section = hg_elf_find_section(elf, ".gnu_debuglink");
	const uint8_t *data = NULL;
	uint64_t size = 0;
	if (!section)
		return NULL;
	hg_cleanup(hg_error_destroyp) struct hg_error *err =
		hg_elf_section_data(elf, section, &data, &size);
	if (err || !data)
		return NULL;
	struct hg_bytes bytes = hg_bytes_init(data, size);
	const char *name = hg_bytes_cstr(&bytes);
	hg_bytes_align(&bytes, 4);
	*crc = hg_bytes_u32(&bytes);
	return bytes.bad || !*name || strchr(name, '/') ? NULL : name;
}

static bool find_by_debuglink(struct search *search)
{
	static const char *const places[] = {"%.*s/%s", "%.*s/.debug/%s", DEBUG_FOLDER "%.*s/%s"};
	uint32_t crc;
	const char *name = read_debuglink(search->module->elf, &crc);
	if (!name)
		return false;
	// Beside the file as the target names it, then beside the file that was really opened (--exe).
	const char *const files[] = {search->module->path, search->module->elf->path};
	for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
		const char *slash = strrchr(files[f], '/');
		const int folder = slash ? (int)(slash - files[f]) : 0;
		for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			const char *path = hg_arena_printf(&search->prog->arena, places[i], folder,
							   files[f], name);
#pragma GCC diagnostic pop
			if (path && try_file(search, path, &crc))
				return true;
		}
	}
	return false;
}

void hg_debugfile_find(struct hg_program *prog, struct hg_module *module)
{
	if (!module->elf)
		return;
	if (has_debug_info(module->elf)) {
		module->debug = module->elf;
		return;
	}
	struct search search = {.prog = prog, .module = module};
	if (find_by_build_id(&search) || find_by_debuglink(&search))
		return;
	if (!search.problem)
		search.problem =
			hg_arena_printf(&prog->arena, "'%s' has no debug info", module->path);
	module->problem = search.problem ? search.problem : "no debug info";
}
