#include "graph/heap/heap_go_pcln.h"

#include <ctype.h>
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"

// Go's debug info has no line for a package variable. Two things know it: the package's initialiser, whose machine code
// writes the variable on the line of its declaration, and the source, where it lies on this machine.

enum {
	MAX_SOURCE = 8 << 20, // bytes of one source file
	MAX_FILES = 1000,     // of one package
	MAX_CODE = 64 << 20,  // bytes of one initialiser
};

struct decl {
	const char *file; // NULL: unknown
	uint32_t line;
};

struct range {
	uint64_t addr, size;
};

/** Length of the package in a full name: up to the first dot behind the last slash. */
static size_t package_length(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *dot = strchr(slash ? slash : name, '.');
	return dot ? (size_t)(dot - name) : strlen(name);
}

static bool is_in_package(const char *name, const char *package, size_t length)
{
	return !strncmp(name, package, length) && name[length] == '.';
}

/** pkg.init runs the declarations' initialisers; pkg.map.init.N fills large maps. pkg.init.N are the user's own. */
static bool is_initialiser(const char *name)
{
	const char *rest = name + package_length(name);
	return !strcmp(rest, ".init") || !strncmp(rest, ".map.init.", 10);
}

static void inits_list(struct heap_go *go)
{
	if (go->pcln->inits_listed)
		return;
	go->pcln->inits_listed = true;
	for (size_t i = 0; i < go->pcln->modules.count; i++) {
		const struct go_pcln_module *m = &go->pcln->modules.data[i];
		uint64_t entry = 0;
		uint32_t offset = 0;
		for (uint64_t j = 0; go_func_entry(m, j, &entry, &offset); j++) {
			const char *name = go_func_name(m, offset);
			uint64_t *place =
				name && is_initialiser(name) ? hg_vec_push(&go->pcln->inits) : NULL;
			if (place)
				*place = entry;
		}
	}
}

/*
 * An x86-64 instruction that names memory relative to the pc: opcode, ModRM with mod 0 and rm 5, 32-bit displacement from
 * the next instruction, then an immediate whose size the opcode tells.
 */
static unsigned immediate_size(uint8_t opcode)
{
	switch (opcode) {
	case 0xc7:
	case 0x81:
		return 4;
	case 0xc6:
	case 0x80:
	case 0x83:
		return 1;
	default:
		return 0;
	}
}

enum { REG_BX = 3, REG_DI = 7, COPIED = 16 /* bytes; larger values are copied, not stored */ };

/** Does the instruction with its displacement at code[at] write to the range, or hand it on as the target of a copy? */
static bool is_write(const uint8_t *code, uint64_t at, uint64_t size, uint64_t entry,
		     const struct range *range)
{
	if ((code[at - 1] & 0xc7) != 0x05)
		return false;
	const uint8_t opcode = code[at - 2];
	const unsigned immediate = immediate_size(opcode);
	if (at + 4 + immediate > size)
		return false;
	const uint64_t target =
		entry + at + 4 + immediate + (uint64_t)(int64_t)(int32_t)hg_load_u32(code + at);
	if (target < range->addr || target - range->addr >= range->size)
		return false;
	if (opcode == 0x8d) {
		const unsigned reg = code[at - 1] >> 3 & 7; // of duffcopy, of typedmemmove
		return range->size > COPIED && (reg == REG_DI || reg == REG_BX);
	}
	return opcode == 0x89 || opcode == 0x88 || opcode == 0xc7 || opcode == 0xc6 ||
	       (opcode == 0x11 && code[at - 3] == 0x0f);
}

/** The first line of an initialiser that writes to the range. */
static void search_code(struct heap_go *go, const struct go_func *func, const struct range *range,
			struct decl *decl)
{
	const uint64_t size = func->end - func->entry;
	const uint8_t *code =
		size <= MAX_CODE ? hg_image_view(go->prog->image, func->entry, size) : NULL;
	struct go_call calls[GO_MAX_INLINE];
	for (uint64_t at = 3; code && at + 4 <= size; at++) {
		if (!is_write(code, at, size, func->entry, range))
			continue;
		// What an inlined function writes is not declared on the line of its call.
		if (go_calls(go, func->entry + at - 2, calls) != 1 || !calls[0].line ||
		    (decl->line && decl->line <= calls[0].line))
			continue;
		decl->file = calls[0].file;
		decl->line = calls[0].line;
	}
}

/** The static object that a pointer variable was laid out with: `var x = &T{...}`, whose fields the initialiser fills. */
static bool static_pointee(struct heap_go *go, const struct hg_variable *variable,
			   struct range *ret)
{
	const uint32_t type = hg_type_strip(go->prog, variable->type);
	const struct hg_type *t = hg_type_get(go->prog, type);
	if (t->kind != HG_TYPE_POINTER ||
	    !hg_image_u64(go->prog->image, variable->addr, &ret->addr))
		return false;
	ret->size = hg_type_get(go->prog, t->elem)->size;
	for (size_t i = 0; i < go->modules.count; i++) {
		const struct go_module *m = &go->modules.data[i];
		if ((ret->addr >= m->data && ret->addr < m->edata) ||
		    (ret->addr >= m->bss && ret->addr < m->ebss) ||
		    (ret->addr >= m->noptrdata && ret->addr < m->enoptrdata) ||
		    (ret->addr >= m->noptrbss && ret->addr < m->enoptrbss))
			return ret->size && !hg_variable_at(go->prog, ret->addr);
	}
	return false;
}

static void search_initialisers(struct heap_go *go, const struct hg_variable *variable,
				const char *name, struct decl *decl)
{
	if (!go->prog->image->arch || go->prog->image->arch->elf_machine != EM_X86_64)
		return;
	struct range own = {variable->addr, variable->size ? variable->size : 8}, pointee = {0};
	const bool points = static_pointee(go, variable, &pointee);
	inits_list(go);
	for (size_t i = 0; i < go->pcln->inits.count; i++) {
		const struct go_func *func = go_func_at(go, go->pcln->inits.data[i]);
		if (!func || !is_in_package(func->name, name, package_length(name)))
			continue;
		search_code(go, func, &own, decl);
		if (points)
			search_code(go, func, &pointee, decl);
	}
}

static char *source_read(struct heap_go *go, const char *path)
{
	if (path[0] != '/' || strlen(path) < 4 || strcmp(path + strlen(path) - 3, ".go"))
		return NULL;
	hg_autofree char *host = hg_image_host_path(go->prog->image, path);
	hg_autoclose int fd = host ? open(host, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > MAX_SOURCE)
		return NULL;
	hg_autofree char *text = malloc((size_t)st.st_size + 1);
	if (!text)
		return NULL;
	ssize_t got = 0, at = 0;
	while (at < st.st_size && (got = read(fd, text + at, (size_t)(st.st_size - at))) > 0)
		at += got;
	text[at] = 0;
	return hg_take(text);
}

static bool is_name_end(char c)
{
	return !isalnum((unsigned char)c) && c != '_' && !(c & 0x80);
}

/** Is the name in the list of names that a declaration starts with: "a, name = ..." or "name T"? */
static bool declares(const char *text, const char *name)
{
	const size_t length = strlen(name);
	for (;;) {
		text += strspn(text, " \t");
		if (!strncmp(text, name, length) && is_name_end(text[length]))
			return true;
		while (!is_name_end(*text))
			text++;
		text += strspn(text, " \t");
		if (*text++ != ',')
			return false;
	}
}

/** Line of the declaration of a package variable in a gofmt'd source; 0 where it has none. */
static uint32_t source_line(const char *text, const char *name)
{
	bool in_block = false;
	for (uint32_t line = 1; *text; line++) {
		if (!strncmp(text, "var (", 5))
			in_block = true;
		else if (*text == ')')
			in_block = false;
		else if (!strncmp(text, "var ", 4) && declares(text + 4, name))
			return line;
		else if (in_block && text[0] == '\t' && text[1] != '\t' && declares(text + 1, name))
			return line;
		text = strchrnul(text, '\n');
		text += *text == '\n';
	}
	return 0;
}

/** Looks into the sources of the package, which its functions name. */
static void search_sources(struct heap_go *go, const char *name, struct decl *decl)
{
	const size_t length = package_length(name);
	const char *simple = name[length] ? name + length + 1 : "";
	struct hg_map seen = {0};
	for (size_t i = 0; i < go->pcln->modules.count && *simple && !decl->line; i++) {
		const struct go_pcln_module *m = &go->pcln->modules.data[i];
		uint64_t entry = 0;
		uint32_t offset = 0;
		for (uint64_t j = 0; !decl->line && go_func_entry(m, j, &entry, &offset); j++) {
			const char *function = go_func_name(m, offset);
			struct go_call calls[GO_MAX_INLINE];
			if (!function || !is_in_package(function, name, length))
				continue;
			const size_t levels = go_calls(go, entry, calls);
			const char *file = levels ? calls[levels - 1].file : "";
			uint64_t *place = seen.count < MAX_FILES
						  ? hg_map_put(&seen, (uintptr_t)file)
						  : NULL; // interned: one text, one address
			if (!place || (*place)++)
				continue;
			hg_autofree char *text = source_read(go, file);
			decl->line = text ? source_line(text, simple) : 0;
			decl->file = file;
		}
	}
	hg_map_deinit(&seen);
}

bool go_variable_line(struct heap_go *go, const struct hg_variable *variable, const char **file,
		      uint32_t *line)
{
	uint64_t *place = hg_map_put(&go->pcln->lines, variable->addr);
	if (!place)
		return false;
	struct decl *decl = (struct decl *)(uintptr_t)*place;
	if (!decl) {
		decl = hg_arena_alloc(&go->pcln->arena, sizeof(*decl));
		if (!decl)
			return false;
		*place = (uintptr_t)decl;
		const char *name = hg_program_text(go->prog, variable->name);
		search_initialisers(go, variable, name, decl);
		if (!decl->line)
			search_sources(go, name, decl);
	}
	*file = decl->file;
	*line = decl->line;
	return decl->line && decl->file && *decl->file;
}
