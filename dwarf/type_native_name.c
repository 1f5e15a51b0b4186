// Names as the source writes them: "ns::Outer::Inner", "const char *", "int (*)(char *)"; anonymous ones by their place.

#include "dwarf/type_native.h"

#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/base/text.h"

#define MAX_SCOPES 64
#define MAX_PARAMETERS 16 // of a function, in its name
#define MAX_DERIVED 8192  // bytes of a name that gets stars

// Interns a new name while the budget for them lasts.
static uint32_t intern(struct hg_native *batch, struct hg_text *text)
{
	uint32_t number = 0;
	if (!text->failed && text->length <= HG_MAX_NAME && text->length) {
		number = hg_strtab_find(&batch->prog->strings, hg_text_str(text));
		if (!number && text->length <= batch->names_left) {
			batch->names_left -= text->length;
			number = hg_strtab_addn(&batch->prog->strings, text->data, text->length);
		}
	}
	hg_text_deinit(text);
	return number;
}

static uint32_t scope_name(struct hg_native *batch, uint32_t index, unsigned depth);
static uint32_t type_name(struct hg_native *batch, uint32_t index, unsigned depth);

static void add_scope(struct hg_native *batch, uint32_t scope, unsigned depth, struct hg_text *text)
{
	const char *outer = hg_program_text(batch->prog, scope_name(batch, scope, depth));
	if (*outer) {
		hg_text_add(text, outer);
		hg_text_add(text, "::");
	}
}

static void add_function(struct hg_native *batch, const struct hg_native_scope *scope,
			 unsigned depth, struct hg_text *text)
{
	struct hg_die declaration = {.name = scope->name};
	uint32_t parent = scope->parent;
	struct hg_die self;
	uint32_t unused;
	if (!scope->name && hg_native_declaration(batch, scope->function, &self, &unused)) {
		declaration = self;
		parent = unused;
	}
	add_scope(batch, parent, depth, text);
	const char *name = declaration.name ? declaration.name : "{function}";
	hg_text_addn(text, name, strnlen(name, HG_MAX_NAME));
	hg_text_add(text, "()");
}

// The number of the full name of a scope, 0 for what stands in none.
static uint32_t scope_name(struct hg_native *batch, uint32_t index, unsigned depth)
{
	const struct hg_native_scope scope = batch->scopes.data[index];
	if (!index || depth >= MAX_SCOPES)
		return 0;
	if (scope.has_full)
		return scope.full;
	struct hg_text text = {0};
	uint32_t full = 0;
	if (scope.transparent) {
		full = scope_name(batch, scope.parent, depth + 1);
	} else if (scope.type) {
		full = type_name(batch, scope.type - 1, depth + 1);
	} else if (scope.function) {
		add_function(batch, &scope, depth + 1, &text);
	} else {
		add_scope(batch, scope.parent, depth + 1, &text);
		const char *name = scope.name ? scope.name : "(anonymous namespace)";
		hg_text_addn(&text, name, strnlen(name, HG_MAX_NAME));
	}
	if (text.data)
		full = intern(batch, &text);
	batch->scopes.data[index].full = full;
	batch->scopes.data[index].has_full = true;
	return full;
}

static uint32_t full_name(struct hg_native *batch, uint32_t scope, const char *name, unsigned depth)
{
	struct hg_text text = {0};
	add_scope(batch, scope, depth, &text);
	hg_text_addn(&text, name, strnlen(name, HG_MAX_NAME));
	return intern(batch, &text);
}

uint32_t hg_native_full_name(struct hg_native *batch, uint32_t scope, const char *name)
{
	return full_name(batch, scope, name, 0);
}

// "typedef struct { ... } Session" names the struct; one elsewhere ("type" in a template of the library) does not.
static void name_by_typedef(struct hg_native *batch)
{
	for (size_t i = 0; i < batch->types.count; i++) {
		const struct hg_native_type *type = &batch->types.data[i];
		const uint32_t to = type->form == HG_NATIVE_TYPEDEF && type->own
					    ? hg_native_find(batch, type->ref)
					    : 0;
		struct hg_native_type *named = to ? &batch->types.data[to - 1] : NULL;
		if (named && named->form == HG_NATIVE_NAMED && !named->own && !named->origin &&
		    named->scope == type->scope)
			named->own = type->own;
	}
}

static uint32_t anonymous_name(struct hg_native *batch, const struct hg_native_type *type,
			       unsigned depth)
{
	const char *what = type->kind == HG_TYPE_UNION	? "union"
			   : type->kind == HG_TYPE_ENUM ? "enum"
			   : type->is_class		? "class"
							: "struct";
	struct hg_text text = {0};
	add_scope(batch, type->scope, depth, &text);
	hg_text_printf(&text, "{%s", what);
	if (type->line && *type->basename)
		hg_text_printf(&text, " %.400s:%u", type->basename, type->line);
	hg_text_add(&text, "}");
	return intern(batch, &text);
}

static uint32_t type_name(struct hg_native *batch, uint32_t index, unsigned depth)
{
	struct hg_native_type *type = &batch->types.data[index];
	if (type->has_full || depth >= MAX_SCOPES)
		return type->full;
	type->has_full = true; // now, against those that lead back to themselves
	const bool named = type->form == HG_NATIVE_TYPEDEF || type->form == HG_NATIVE_NAMED;
	const uint32_t declared = named ? hg_native_find(batch, type->origin) : 0;
	// A class that is defined outside of the one it was declared in, or in a unit of its own.
	const struct hg_native_type *declaration =
		declared ? &batch->types.data[declared - 1] : NULL;
	if (declaration && !type->own && !declaration->own && !declaration->origin)
		type->scope = declaration->scope; // an anonymous one in a class
	else if (declared)
		type->full = type_name(batch, declared - 1, depth + 1);
	if (type->full)
		return type->full;
	if (type->own) // Rust names its pointers, too
		type->full = full_name(batch, type->scope, type->own, depth + 1);
	else if (type->form == HG_NATIVE_NAMED)
		type->full = anonymous_name(batch, type, depth + 1);
	return type->full;
}

void hg_native_name_all(struct hg_native *batch)
{
	name_by_typedef(batch);
	for (size_t i = 0; i < batch->types.count; i++)
		type_name(batch, (uint32_t)i, 0);
}

static const char *name_of(const struct hg_native *batch, uint32_t id)
{
	const char *name = id ? hg_type_name(batch->prog, id) : "void";
	return *name ? name : "?";
}

// Behind all pointers to it, is it a function or an array, whose name the star stands within?
static bool is_bracketed(const struct hg_program *prog, uint32_t id)
{
	for (unsigned i = 0; i < 8; i++) {
		const struct hg_type *type = hg_type_get(prog, id);
		if (type->kind == HG_TYPE_FUNC || type->kind == HG_TYPE_ARRAY)
			return true;
		if (type->kind != HG_TYPE_POINTER)
			return false;
		id = type->elem;
	}
	return false;
}

// Where the declarator of a function's or array's name stands: "int (char)" -> behind "int ".
static size_t declarator_at(const struct hg_program *prog, uint32_t id, const char *name)
{
	const struct hg_type *type = hg_type_get(prog, id);
	const size_t inner = strlen(type->elem ? hg_type_name(prog, type->elem) : "void");
	return inner < strlen(name) ? inner : strlen(name);
}

static void add_pointer(struct hg_native *batch, uint32_t elem, const char *star,
			struct hg_text *text)
{
	const struct hg_program *prog = batch->prog;
	const char *name = name_of(batch, elem);
	const uint8_t kind = hg_type_get(prog, elem)->kind;
	if (!is_bracketed(prog, elem)) {
		const size_t length = strlen(name);
		const char last = length ? name[length - 1] : ' ';
		hg_text_printf(text, "%s%s%s", name, last == '*' || last == '&' ? "" : " ", star);
	} else if (kind == HG_TYPE_POINTER) {
		const char *within = strstr(name, "(*");
		const size_t at = within ? (size_t)(within - name) + 1 : strlen(name);
		hg_text_addn(text, name, at);
		hg_text_printf(text, "%s%s", star, name + at);
	} else {
		const size_t at = declarator_at(prog, elem, name);
		hg_text_addn(text, name, at);
		hg_text_printf(text, " (%s)%s", star, name + at + (name[at] == ' '));
	}
}

static void add_qualified(struct hg_native *batch, uint32_t elem, const char *word,
			  struct hg_text *text)
{
	const char *name = name_of(batch, elem);
	if (hg_type_get(batch->prog, elem)->kind == HG_TYPE_POINTER)
		hg_text_printf(text, "%s%s", name, word);
	else
		hg_text_printf(text, "%s %s", word, name);
}

static void add_array(struct hg_native *batch, const struct hg_native_type *type, uint32_t elem,
		      struct hg_text *text)
{
	const char *name = name_of(batch, elem);
	const bool within = is_bracketed(batch->prog, elem) &&
			    hg_type_get(batch->prog, elem)->kind == HG_TYPE_POINTER;
	const char *star = within ? strstr(name, "(*") : NULL;
	const size_t at = star ? (size_t)(star - name) + 2 : strlen(name);
	hg_text_addn(text, name, at);
	for (uint32_t i = 0; i < type->member_count && i < 8; i++) {
		const uint64_t count = batch->members.data[type->members + i].offset;
		if (count)
			hg_text_printf(text, "[%llu]", (unsigned long long)count);
		else
			hg_text_add(text, "[]");
	}
	if (!type->member_count)
		hg_text_add(text, "[]");
	hg_text_add(text, name + at);
}

static void add_function_type(struct hg_native *batch, const struct hg_native_type *type,
			      uint32_t elem, const uint32_t *parameters, struct hg_text *text)
{
	hg_text_printf(text, "%s (", name_of(batch, elem));
	for (uint32_t i = 0; i < type->member_count; i++) {
		if (i == MAX_PARAMETERS) {
			hg_text_add(text, ", ...");
			break;
		}
		hg_text_printf(text, "%s%s", i ? ", " : "", name_of(batch, parameters[i]));
	}
	hg_text_add(text, ")");
}

uint32_t hg_native_derived_name(struct hg_native *batch, const struct hg_native_type *type,
				uint32_t elem, const uint32_t *parameters)
{
	struct hg_text text = {0};
	if (type->full)
		return type->full;
	if (strlen(name_of(batch, elem)) > MAX_DERIVED)
		return 0;
	switch ((enum hg_native_form)type->form) {
	case HG_NATIVE_POINTER:
		add_pointer(batch, elem, "*", &text);
		break;
	case HG_NATIVE_REFERENCE:
		add_pointer(batch, elem, "&", &text);
		break;
	case HG_NATIVE_RVALUE_REFERENCE:
		add_pointer(batch, elem, "&&", &text);
		break;
	case HG_NATIVE_MEMBER_POINTER:
		add_pointer(batch, elem, "::*", &text);
		break;
	case HG_NATIVE_CONST:
		add_qualified(batch, elem, "const", &text);
		break;
	case HG_NATIVE_VOLATILE:
		add_qualified(batch, elem, "volatile", &text);
		break;
	case HG_NATIVE_RESTRICT:
		add_qualified(batch, elem, "restrict", &text);
		break;
	case HG_NATIVE_ATOMIC:
		add_qualified(batch, elem, "_Atomic", &text);
		break;
	case HG_NATIVE_ARRAY:
		add_array(batch, type, elem, &text);
		break;
	case HG_NATIVE_FUNCTION:
		add_function_type(batch, type, elem, parameters, &text);
		break;
	case HG_NATIVE_NAMED:
	case HG_NATIVE_TYPEDEF:
		break;
	}
	return intern(batch, &text);
}
