// Virtual tables of the Itanium C++ ABI:
//
//  -16  8  what to add to the object's address here to get the start of the whole one
//   -8  8  -> typeinfo: 8 -> its own virtual table, 8 -> mangled name of the class; NULL with -fno-rtti
//    0     addresses of functions; objects point here
//
// Debug info does not say where the tables are, so the class is found by its name. Compilers write the names of templates
// in different ways ("int const", "const int", "3", "3ul", "> >", ">>"), so they are compared without what differs.

#include "dwarf/vtable.h"

#include <ctype.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/limits.h"
#include "dwarf/demangle.h"
#include "dwarf/method.h"
#include "dwarf/program_private.h"

#define MAX_CLASS_NAME 4096
#define MAX_OFFSET_TO_TOP (1 << 28)
#define FUNCTIONS 4 // of a table that are asked for their class

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

// Words that some compilers write and others do not, or elsewhere.
static size_t droppable(const char *word)
{
	static const char *const words[] = {"const", "unsigned", "int"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const size_t length = strlen(words[i]);
		if (!strncmp(word, words[i], length) && !is_word(word[length]))
			return length;
	}
	return 0;
}

// A hash of what is the same in all ways to write a name. It may take types for one that are not, so it is asked last.
static uint64_t plain_hash(const char *name)
{
	static const char by_name[] = "__gnu_cxx::_S_atomic";
	static const char by_number[] = "(__gnu_cxx::_Lock_policy)2";
	char plain[1024];
	size_t length = 0;
	uint64_t hash = 0;
	const char *first = name;
	while (*name) {
		const bool starts = name == first || !is_word(name[-1]);
		const size_t drop = starts ? droppable(name) : 0;
		const size_t digits = starts ? strspn(name, "0123456789") : 0;
		if (length + sizeof(by_number) + 32 > sizeof(plain)) {
			hash = XXH3_64bits_withSeed(plain, length, hash);
			length = 0;
		}
		if (*name == ' ' || drop) {
			name += drop ? drop : 1;
		} else if (digits && digits < 32) {
			memcpy(plain + length, name, digits);
			length += digits;
			name += digits;
			name += strspn(name, "uUlL");
		} else if (starts && !strncmp(name, by_name, sizeof(by_name) - 1)) {
			memcpy(plain + length, by_number, sizeof(by_number) - 1);
			length += sizeof(by_number) - 1;
			name += sizeof(by_name) - 1;
		} else {
			plain[length++] = *name++;
		}
	}
	return XXH3_64bits_withSeed(plain, length, hash);
}

static struct hg_error *index_classes(struct hg_program *prog)
{
	struct hg_program_private *priv = prog->priv;
	if (priv->classes_of == prog->types.types.count)
		return NULL;
	for (uint32_t id = (uint32_t)priv->classes_of; id < prog->types.types.count; id++) {
		const struct hg_type *type = hg_type_get(prog, id);
		if (type->kind != HG_TYPE_STRUCT || type->incomplete || !type->name ||
		    type->language != HG_LANGUAGE_CXX)
			continue;
		uint64_t *known = hg_map_put(&priv->classes, plain_hash(hg_type_name(prog, id)));
		if (!known)
			return &hg_enomem;
		*known = *known ? *known : id;
	}
	priv->classes_of = prog->types.types.count;
	return NULL;
}

// A text of the target, which may end at the end of what is there.
static const char *text_at(const struct hg_program *prog, uint64_t addr)
{
	uint64_t size = MAX_CLASS_NAME;
	const char *text = hg_image_view_some(prog->image, addr, &size);
	return text && memchr(text, 0, size) ? text : NULL;
}

static bool name_by_typeinfo(struct hg_program *prog, uint64_t typeinfo, struct hg_text *out)
{
	uint64_t own, addr;
	if (!hg_program_module_at(prog, typeinfo) || !hg_image_u64(prog->image, typeinfo, &own) ||
	    !hg_image_u64(prog->image, typeinfo + 8, &addr) || !hg_program_module_at(prog, own) ||
	    !hg_program_module_at(prog, addr))
		return false;
	const char *mangled = text_at(prog, addr);
	return mangled && hg_demangle_type(mangled + (*mangled == '*'), out);
}

bool hg_vtable_read(struct hg_program *prog, uint64_t vptr, int64_t *offset_to_top,
		    uint64_t *typeinfo)
{
	uint64_t top;
	if (vptr % 8 || vptr < 16 || !prog->image || !hg_program_module_at(prog, vptr) ||
	    !hg_image_u64(prog->image, vptr - 16, &top) ||
	    !hg_image_u64(prog->image, vptr - 8, typeinfo))
		return false;
	*offset_to_top = (int64_t)top;
	return *offset_to_top <= 0 && *offset_to_top >= -MAX_OFFSET_TO_TOP &&
	       *offset_to_top % 8 == 0 && (!*typeinfo || hg_program_module_at(prog, *typeinfo));
}

static bool read_table(struct hg_program *prog, uint64_t vptr, int64_t *offset_to_top,
		       struct hg_text *out)
{
	uint64_t typeinfo;
	if (!hg_vtable_read(prog, vptr, offset_to_top, &typeinfo))
		return false;
	if (typeinfo)
		return name_by_typeinfo(prog, typeinfo, out);
	const struct hg_symbol *symbol = hg_symbol_at(prog, vptr);
	return symbol && !strncmp(symbol->name, "_ZTV", 4) && hg_demangle_symbol(symbol->name, out);
}

bool hg_vtable_name(struct hg_program *prog, uint64_t vptr, struct hg_text *out)
{
	int64_t offset;
	return read_table(prog, vptr, &offset, out);
}

// A class whose name compilers write in ways too different (of a lambda's type) is that of its own virtual functions: the
// largest, where some are inherited.
static uint32_t class_of_functions(struct hg_program *prog, uint64_t vptr)
{
	uint32_t best = 0;
	uint64_t pc;
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		if (!hg_image_u64(prog->image, vptr + 8 * i, &pc) ||
		    !hg_program_module_at(prog, pc))
			break;
		const uint32_t id = hg_method_class(prog, pc);
		const struct hg_type *type = hg_type_get(prog, id);
		if (type->kind == HG_TYPE_STRUCT && type->size > hg_type_get(prog, best)->size)
			best = id;
	}
	return best;
}

static uint32_t find_class(struct hg_program *prog, uint64_t vptr, int64_t *offset_to_top)
{
	struct hg_text name = {0};
	uint32_t id = 0;
	if (read_table(prog, vptr, offset_to_top, &name)) {
		const uint32_t exact = hg_type_find(prog, hg_text_str(&name));
		const uint64_t *known =
			hg_map_get(&prog->priv->classes, plain_hash(hg_text_str(&name)));
		const bool is_class = hg_type_get(prog, exact)->kind == HG_TYPE_STRUCT &&
				      !hg_type_get(prog, exact)->incomplete;
		id = is_class ? exact : known ? (uint32_t)*known : class_of_functions(prog, vptr);
	}
	hg_text_deinit(&name);
	return id;
}

uint32_t hg_type_of_vtable(struct hg_program *prog, uint64_t vptr, int64_t *offset_to_top)
{
	*offset_to_top = 0;
	struct hg_error *err = index_classes(prog);
	uint64_t *known = err ? NULL : hg_map_put(&prog->priv->vtables, vptr);
	if (!known) {
		hg_error_destroy(err);
		return 0;
	}
	if (!*known) { // the id, 28 bits of offset above it, and a bit for having looked
		int64_t offset = 0;
		const uint32_t id = find_class(prog, vptr, &offset);
		*known = 1ull << 63 | (id ? (uint64_t)-offset << 32 : 0) | id;
	}
	*offset_to_top = -(int64_t)(*known >> 32 & (2 * MAX_OFFSET_TO_TOP - 1));
	return (uint32_t)*known;
}
