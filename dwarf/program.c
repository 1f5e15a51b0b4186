#include "dwarf/program.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "dwarf/companion.h"

uint32_t hg_program_string(struct hg_program *prog, const char *text)
{
	return hg_strtab_add(&prog->strings, text);
}

const char *hg_program_text(const struct hg_program *prog, uint32_t number)
{
	return hg_strtab_text(&prog->strings, number);
}

void hg_program_note(struct hg_program *prog, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	const char *copy = hg_arena_strndup(&prog->arena, text, strlen(text));
	const char **place = copy ? hg_vec_push(&prog->notes) : NULL;
	if (place)
		*place = copy;
	hg_log_printf(prog->log, HG_LOG_INFO, "%s", text);
}

struct hg_module *hg_program_module_at(struct hg_program *prog, uint64_t addr)
{
	size_t low = 0, high = prog->modules.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (prog->modules.data[prog->priv->by_start[middle]].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	struct hg_module *module = &prog->modules.data[prog->priv->by_start[low - 1]];
	return addr < module->end ? module : NULL;
}

void hg_program_count_damage(struct hg_program *prog, uint32_t module)
{
	struct hg_module_index *index = &prog->priv->indexes[module];
	const uint64_t damage = hg_dwarf_damage(prog->modules.data[module].dwarf);
	prog->bad_dies += damage - index->counted_damage;
	index->counted_damage = damage;
}

struct hg_error *hg_program_create_bare(struct hg_image *image, const struct hg_log *log,
					struct hg_program **ret)
{
	hg_cleanup(hg_image_destroyp) struct hg_image *guard = image;
	hg_cleanup(hg_program_destroyp) struct hg_program *prog = calloc(1, sizeof(*prog));
	if (!prog)
		return &hg_enomem;
	prog->image = hg_take(guard);
	prog->log = log;
	prog->priv = calloc(1, sizeof(*prog->priv));
	if (!prog->priv || !hg_vec_push(&prog->types.types))
		return &hg_enomem;
	*ret = hg_take(prog);
	return NULL;
}

static int compare_start(const void *a, const void *b, void *arg)
{
	const struct hg_program *prog = arg;
	const struct hg_module *left = &prog->modules.data[*(const uint32_t *)a];
	const struct hg_module *right = &prog->modules.data[*(const uint32_t *)b];
	return left->start != right->start ? (left->start < right->start ? -1 : 1) : 0;
}

// The offset of a type's descriptor counts from runtime.types and is below runtime.etypes. Without these symbols, it is
// at least smaller than the largest section that is loaded.
static bool find_types_end(void *arg, const struct hg_elf_symbol *symbol)
{
	uint64_t *ends = arg;
	if (!strcmp(symbol->name, "runtime.types"))
		ends[0] = symbol->value;
	else if (!strcmp(symbol->name, "runtime.etypes"))
		ends[1] = symbol->value;
	return !ends[0] || !ends[1];
}

static uint64_t descriptor_limit(struct hg_module *module)
{
	uint64_t ends[2] = {0, 0};
	struct hg_elf *elf = module->elf ? module->elf : module->debug;
	if (!elf)
		return UINT64_MAX;
	hg_error_destroy(hg_elf_symbols(elf, find_types_end, ends));
	if (ends[0] && ends[1] > ends[0])
		return ends[1] - ends[0];
	uint64_t largest = 0;
	for (size_t i = 0; i < elf->section_count; i++)
		if (elf->sections[i].addr && elf->sections[i].size > largest)
			largest = elf->sections[i].size;
	return largest ? largest : UINT64_MAX;
}

struct hg_error *hg_program_index_modules(struct hg_program *prog)
{
	struct hg_program_private *priv = prog->priv;
	const size_t count = prog->modules.count;
	priv->indexes = calloc(count + 1, sizeof(*priv->indexes));
	priv->by_start = calloc(count + 1, sizeof(*priv->by_start));
	if (!priv->indexes || !priv->by_start)
		return &hg_enomem;
	for (size_t i = 0; i < count; i++) {
		priv->by_start[i] = (uint32_t)i;
		priv->indexes[i].descriptor_limit = descriptor_limit(&prog->modules.data[i]);
	}
	qsort_r(priv->by_start, count, sizeof(*priv->by_start), compare_start, prog);
	return NULL;
}

static bool has_go(const struct hg_elf *elf)
{
	static const char *const names[] = {".gopclntab", ".data.rel.ro.gopclntab", ".go.buildinfo",
					    ".note.go.buildid"};
	for (size_t i = 0; elf && i < ARRAY_SIZE(names); i++)
		if (hg_elf_find_section(elf, names[i]))
			return true;
	return false;
}

// The C library and what belongs to it allocate for others, and their debug info is large.
bool hg_program_is_runtime_library(const struct hg_module *module)
{
	static const char *const names[] = {
		"libc.so",   "libc-",	     "ld-linux",    "ld-2",	    "libpthread",
		"libm.so",   "libm-",	     "libmvec",	    "libdl",	    "librt.so",
		"librt-",    "libresolv",    "libnss_",	    "libstdc++.so", "libgcc_s",
		"libc++.so", "libc++abi.so", "libasan",	    "libubsan",	    "liblsan",
		"libtsan",   "libjemalloc",  "libtcmalloc", "libmimalloc",
	};
	const char *slash = strrchr(module->path, '/');
	const char *name = slash ? slash + 1 : module->path;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

static struct hg_error *read_module(struct hg_program *prog, uint32_t i)
{
	struct hg_module *module = &prog->modules.data[i];
	if (!module->debug || module->dwarf)
		return NULL;
	struct hg_companions companions = {.prog = prog, .module = module};
	const struct hg_dwarf_finder finder = hg_companion_finder(&companions);
	struct hg_error *err = hg_dwarf_open(module->debug, &finder, &module->dwarf);
	hg_companion_note(&companions);
	if (!err)
		return hg_type_read(prog, i);
	if (err->code == HG_ERROR_NOMEM)
		return err;
	module->problem = hg_arena_printf(&prog->arena, "'%s': %s", module->path, err->message);
	hg_error_destroy(err);
	hg_program_note(prog, "%s", module->problem ? module->problem : "damaged debug info");
	return NULL;
}

struct hg_error *hg_program_create(struct hg_image *image, const struct hg_log *log,
				   struct hg_program **ret)
{
	hg_cleanup(hg_program_destroyp) struct hg_program *prog = NULL;
	struct hg_error *err = hg_program_create_bare(image, log, &prog);
	if (!err)
		err = hg_module_find_all(prog);
	if (!err)
		err = hg_program_index_modules(prog);
	// The debug info of a C library has ten times the types of a Go program, none of which it needs.
	for (uint32_t i = 0; !err && i < prog->modules.count; i++)
		if (prog->modules.data[i].is_exe || has_go(prog->modules.data[i].elf))
			err = read_module(prog, i);
	if (!err)
		err = hg_variable_finish(prog);
	if (err)
		return err;
	hg_log_printf(log, HG_LOG_INFO, "%zu modules, %zu types, %zu globals, %zu constants",
		      prog->modules.count, prog->types.types.count - 1, prog->globals.count,
		      prog->constants.count);
	*ret = hg_take(prog);
	return NULL;
}

struct hg_error *hg_program_read_native(struct hg_program *prog)
{
	const size_t before = prog->types.types.count;
	struct hg_error *err = NULL;
	if (prog->priv->native_read)
		return NULL;
	prog->priv->native_read = true;
	for (uint32_t i = 0; !err && i < prog->modules.count; i++)
		if (!hg_program_is_runtime_library(&prog->modules.data[i]))
			err = read_module(prog, i);
	if (!err)
		err = hg_variable_finish(prog);
	hg_log_printf(prog->log, HG_LOG_INFO, "native modules: %zu more types, %zu globals in all",
		      prog->types.types.count - before, prog->globals.count);
	return err;
}

static void destroy_private(struct hg_program *prog)
{
	struct hg_program_private *priv = prog->priv;
	for (size_t i = 0; priv->indexes && i < prog->modules.count; i++) {
		struct hg_module_index *index = &priv->indexes[i];
		hg_map_deinit(&index->types);
		hg_vec_deinit(&index->entries);
		hg_vec_deinit(&index->functions);
		hg_scope_deinit(index);
		hg_symbol_deinit(index->symbols);
		hg_frame_deinit(index->frames);
	}
	hg_map_deinit(&priv->locals);
	hg_frame_deinit(priv->vdso);
	hg_map_deinit(&priv->native_types);
	hg_map_deinit(&priv->native_names);
	hg_map_deinit(&priv->classes);
	hg_map_deinit(&priv->vtables);
	free(priv->indexes);
	free(priv->by_start);
	free(priv);
}

void hg_program_destroy(struct hg_program *prog)
{
	if (!prog)
		return;
	if (prog->priv)
		destroy_private(prog);
	for (size_t i = 0; i < prog->modules.count; i++)
		hg_module_deinit(&prog->modules.data[i]);
	hg_vec_deinit(&prog->modules);
	hg_vec_deinit(&prog->types.types);
	hg_vec_deinit(&prog->types.members);
	hg_vec_deinit(&prog->types.arguments);
	hg_map_deinit(&prog->types.by_name);
	hg_map_deinit(&prog->types.by_descriptor);
	hg_vec_deinit(&prog->globals);
	hg_map_deinit(&prog->globals_by_name);
	hg_vec_deinit(&prog->tls);
	hg_map_deinit(&prog->constants);
	hg_vec_deinit(&prog->notes);
	hg_strtab_deinit(&prog->strings);
	hg_arena_deinit(&prog->arena);
	hg_image_destroy(prog->image);
	free(prog);
}
