#include "dwarf/companion.h"

#include <string.h>

#include "core/base/limits.h"

#define DEBUG_FOLDER "/usr/lib/debug"
#define MAX_PATHS 12
#define MAX_PART 4096

struct paths {
	char *paths[MAX_PATHS];
	unsigned count;
};

static void add(struct paths *paths, char *path)
{
	if (path && *path && paths->count < MAX_PATHS)
		paths->paths[paths->count++] = path;
	else
		free(path);
}

// A path of the target: under the sysroot, then on this machine. `folder` may be empty.
static void add_both(struct paths *paths, const struct hg_program *prog, const char *folder,
		     size_t folder_size, const char *name)
{
	char *path = NULL;
	const int size = (int)(folder_size < MAX_PART ? folder_size : MAX_PART);
	if (asprintf(&path, "%.*s%s%.*s", size, folder, size ? "/" : "", MAX_PART, name) < 0)
		return;
	if (prog->image && *prog->image->sysroot && *path == '/')
		add(paths, hg_image_host_path(prog->image, path));
	add(paths, path);
}

static size_t folder_size(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) : 0;
}

static void list_split(const struct hg_companions *companions,
		       const struct hg_dwarf_companion *wanted, struct paths *paths)
{
	const struct hg_program *prog = companions->prog;
	const char *folder = wanted->folder ? wanted->folder : "";
	const char *slash = strrchr(wanted->name, '/');
	const char *exes[] = {companions->module->path, companions->module->elf->path};
	if (*wanted->name == '/')
		add_both(paths, prog, "", 0, wanted->name);
	else if (*folder == '/')
		add_both(paths, prog, folder, strlen(folder), wanted->name);
	// A program that was moved together with them; compilers can be told to write relative paths.
	for (size_t i = 0; i < ARRAY_SIZE(exes); i++) {
		const size_t size = folder_size(exes[i]);
		if (*wanted->name != '/')
			add_both(paths, prog, exes[i], size, wanted->name);
		if (slash)
			add_both(paths, prog, exes[i], size, slash + 1);
	}
}

static void list_packages(const struct hg_companions *companions, struct paths *paths)
{
	const struct hg_module *module = companions->module;
	const char *files[] = {module->path, module->elf->path, module->debug->path};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char *path = NULL;
		if (asprintf(&path, "%s.dwp", files[i]) < 0)
			return;
		add_both(paths, companions->prog, "", 0, path);
		free(path);
	}
}

static void list_alt(const struct hg_companions *companions,
		     const struct hg_dwarf_companion *wanted, struct paths *paths)
{
	const struct hg_program *prog = companions->prog;
	const char *debug = companions->module->debug->path;
	char hex[2 * HG_BUILD_ID_MAX + 1] = "";
	char name[sizeof(DEBUG_FOLDER "/.build-id/.debug") + sizeof(hex) + 1];
	const bool absolute = *wanted->name == '/';
	add_both(paths, prog, debug, absolute ? 0 : folder_size(debug), wanted->name);
	for (size_t i = 0; i < wanted->id_size && i < HG_BUILD_ID_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", wanted->id[i]);
	if (wanted->id_size < 2)
		return;
	snprintf(name, sizeof(name), "%s/.build-id/%.2s/%s.debug", DEBUG_FOLDER, hex, hex + 2);
	add_both(paths, prog, "", 0, name);
}

static bool open_companion(void *arg, const struct hg_dwarf_companion *wanted, unsigned n,
			   struct hg_elf **ret)
{
	const struct hg_companions *companions = arg;
	struct paths paths = {.count = 0};
	switch (wanted->kind) {
	case HG_DWARF_PACKAGE:
		list_packages(companions, &paths);
		break;
	case HG_DWARF_SPLIT:
		list_split(companions, wanted, &paths);
		break;
	case HG_DWARF_ALT:
		list_alt(companions, wanted, &paths);
		break;
	}
	const bool any = n < paths.count;
	*ret = NULL;
	if (any && !access(paths.paths[n], R_OK))
		hg_error_destroy(hg_elf_open(paths.paths[n], ret));
	for (unsigned i = 0; i < paths.count; i++)
		free(paths.paths[i]);
	return any;
}

static void note_missing(void *arg, const struct hg_dwarf_companion *wanted, bool other_build)
{
	struct hg_companions *companions = arg;
	if (companions->missing[wanted->kind][other_build].count++)
		return;
	const char *folder = wanted->folder && *wanted->name != '/' ? wanted->folder : "";
	companions->missing[wanted->kind][other_build].first =
		hg_arena_printf(&companions->prog->arena, "%.300s%s%.300s", folder,
				*folder ? "/" : "", wanted->name);
}

struct hg_dwarf_finder hg_companion_finder(struct hg_companions *companions)
{
	return (struct hg_dwarf_finder){
		.arg = companions, .open = open_companion, .missing = note_missing};
}

void hg_companion_note(const struct hg_companions *companions)
{
	for (unsigned kind = HG_DWARF_SPLIT; kind <= HG_DWARF_ALT; kind++)
		for (unsigned other = 0; other < 2; other++) {
			const unsigned count = companions->missing[kind][other].count;
			const char *first = companions->missing[kind][other].first;
			char more[40] = "";
			if (!count || !first)
				continue;
			if (count > 1)
				snprintf(more, sizeof(more), " (and %u more)", count - 1);
			hg_program_note(companions->prog, "'%s': debug file '%s'%s %s",
					companions->module->path, first, more,
					other ? "is of another build" : "not found");
		}
}
