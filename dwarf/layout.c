#include "dwarf/layout.h"

#include <string.h>

#include "core/base/limits.h"

// Calls fn for each part of a text that '|' separates until it returns true; the empty text has one empty part.
static bool any_alternative(const char *text, bool (*fn)(void *arg, const char *part, size_t size),
			    void *arg)
{
	for (;;) {
		const size_t size = strcspn(text, "|");
		if (fn(arg, text, size))
			return true;
		if (!text[size])
			return false;
		text += size + 1;
	}
}

struct question {
	struct hg_program *prog;
	const struct hg_want *want;
	uint32_t type; // the alternative that exists
	struct hg_field answer;
};

// The member of a struct, or of one that is embedded in it.
static bool find_member(const struct hg_program *prog, uint32_t type, const char *name,
			unsigned depth, struct hg_field *field)
{
	const struct hg_member *member = hg_type_member(prog, type, name);
	if (member) {
		field->offset += member->offset;
		field->type = member->type;
		return true;
	}
	const struct hg_type *outer = hg_type_get(prog, hg_type_strip(prog, type));
	for (uint32_t i = 0; depth && i < outer->member_count; i++) {
		const struct hg_member *inner = &prog->types.members.data[outer->members + i];
		struct hg_field found = {.offset = field->offset + inner->offset};
		if (!inner->embedded || !find_member(prog, inner->type, name, depth - 1, &found))
			continue;
		*field = found;
		return true;
	}
	return false;
}

// Integers that the runtime wrapped into structs: atomic.Uint32{noCopy, value}, mSpanStateBox{s}, offAddr{a}.
static void unwrap(const struct hg_program *prog, struct hg_field *field)
{
	static const char *const names[] = {"value", "s", "a", "p"};
	for (unsigned depth = 0; depth < HG_MAX_TYPE_DEPTH; depth++) {
		const struct hg_member *member = NULL;
		for (size_t i = 0; !member && i < ARRAY_SIZE(names); i++)
			member = hg_type_member(prog, field->type, names[i]);
		if (!member)
			return;
		field->offset += member->offset;
		field->type = member->type;
	}
}

static bool find_path(void *arg, const char *path, size_t size)
{
	struct question *question = arg;
	struct hg_field field = {.type = question->type};
	char name[256];
	while (size) {
		const char *dot = memchr(path, '.', size);
		const size_t length = dot ? (size_t)(dot - path) : size;
		if (length >= sizeof(name))
			return false;
		memcpy(name, path, length);
		name[length] = '\0';
		if (!find_member(question->prog, field.type, name, 4, &field))
			return false;
		path += dot ? length + 1 : length;
		size -= dot ? length + 1 : length;
	}
	if (question->want->unwrap)
		unwrap(question->prog, &field);
	const uint64_t bytes = hg_type_get(question->prog, field.type)->size;
	field.size = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
	field.present = true;
	question->answer = field;
	return true;
}

static bool find_type(void *arg, const char *name, size_t size)
{
	struct question *question = arg;
	const uint32_t number = hg_strtab_addn(&question->prog->strings, name, size);
	question->type = hg_type_find(question->prog, hg_program_text(question->prog, number));
	return question->type && any_alternative(question->want->path, find_path, question);
}

struct hg_error *hg_layout_resolve(struct hg_program *prog, const struct hg_want *wants,
				   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct hg_want *want = &wants[i];
		struct question question = {.prog = prog, .want = want};
		if (!any_alternative(want->type, find_type, &question) && !want->optional)
			return hg_error_create(
				HG_ERROR_NOT_FOUND, "the debug info has no %s '%s%s%s'",
				question.type ? "field" : "type", want->type,
				question.type ? "." : "", question.type ? want->path : "");
		*want->ret = question.answer;
	}
	return NULL;
}

bool hg_field_read(const struct hg_program *prog, const struct hg_field *field, uint64_t addr,
		   uint64_t *ret)
{
	return field->present && hg_image_uint(prog->image, addr + field->offset, field->size, ret);
}
