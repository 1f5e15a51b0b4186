#include <stdlib.h>
#include <string.h>

#include "graph/lang/lang_cxx.h"

static int bracket(char c)
{
	return c == '<' || c == '(' || c == '[' || c == '{'   ? 1
	       : c == '>' || c == ')' || c == ']' || c == '}' ? -1
							      : 0;
}

/** Returns the end of the template argument at `text`: its comma or closing bracket. */
static const char *argument_end(const char *text)
{
	int depth = 0;
	for (; *text; text++) {
		depth += bracket(*text);
		if (depth < 0 || (!depth && *text == ','))
			break;
	}
	return text;
}

char *cxx_argument(const char *name, unsigned n)
{
	const char *at = strchr(name, '<');
	if (!at)
		return NULL;
	for (at++; *at; at = argument_end(at) + 1) {
		while (*at == ' ')
			at++;
		const char *end = argument_end(at);
		if (!n--) {
			while (end > at && end[-1] == ' ')
				end--;
			return strndup(at, (size_t)(end - at));
		}
		if (*end != ',')
			break;
	}
	return NULL;
}

/** Arguments that nearly always have their default, and namespaces of the library's own. */
static const char *const defaults[] = {"std::allocator<",
				       "std::less<",
				       "std::hash<",
				       "std::equal_to<",
				       "std::char_traits<",
				       "std::default_delete<",
				       "(__gnu_cxx::_Lock_policy)",
				       "std::__1::allocator<",
				       "std::__1::less<",
				       "std::__1::hash<",
				       "std::__1::equal_to<",
				       "std::__1::char_traits<",
				       "std::__1::default_delete<"};
static const char *const dropped[] = {"__cxx11::", "__1::"};

static bool is_default(const char *argument)
{
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		if (!strncmp(argument, defaults[i], strlen(defaults[i])))
			return true;
	return false;
}

static size_t dropped_at(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
		if (!strncmp(text, dropped[i], strlen(dropped[i])))
			return strlen(dropped[i]);
	return 0;
}

/** Copies a name without default arguments: after a comma, an argument that is one is left out with it. */
static void shorten(const char *name, struct hg_text *out)
{
	for (const char *p = name; *p;) {
		size_t skip = dropped_at(p);
		const char *argument = p + (*p == ',' ? 1 : 0);
		while (*p == ',' && *argument == ' ')
			argument++;
		if (skip) {
			p += skip;
		} else if (*p == ',' && is_default(argument)) {
			p = argument_end(argument);
		} else if (*p == ' ' && p[1] == '>') {
			p++;
		} else {
			hg_text_addn(out, p++, 1);
		}
	}
}

static const struct {
	const char *from, *to;
} aliases[] = {
	{"std::_Sp_counted_ptr_inplace<", "std::make_shared<"},
	{"std::__shared_ptr_emplace<", "std::make_shared<"},
	{"std::basic_string<char>", "std::string"},
	{"std::basic_string_view<char>", "std::string_view"},
};

void cxx_name_type(struct hg_lang *lang, uint32_t type, struct hg_text *out)
{
	struct hg_text plain = {0}, text = {0};
	c_name_type(lang, type, &plain);
	shorten(hg_text_str(&plain), &text);
	const char *p = hg_text_str(&text);
	while (*p) {
		size_t i = 0;
		while (i < ARRAY_SIZE(aliases) &&
		       strncmp(p, aliases[i].from, strlen(aliases[i].from)))
			i++;
		if (i == ARRAY_SIZE(aliases)) {
			hg_text_addn(out, p++, 1);
			continue;
		}
		hg_text_add(out, aliases[i].to);
		p += strlen(aliases[i].from);
	}
	hg_text_deinit(&plain);
	hg_text_deinit(&text);
}

/** Steps inside the library's types, as a person would write them. */
static const struct hg_step_name member_names[] = {
	{"std::_Rb_tree_node<", "_M_storage", "[...]", HG_STEP_INTO},
	{"std::_List_node<", "_M_storage", "[...]", HG_STEP_INTO},
	{"std::__detail::_Hash_node<", "", "", HG_STEP_INTO},
	{"std::__detail::_Hash_node_value<", "", "", HG_STEP_INTO},
	{"std::__detail::_Hash_node_value_base<", "", "[...]", HG_STEP_INTO},
	{"std::__1::__tree_node<", "__value_", "[...]", HG_STEP_INTO},
	{"std::__1::__list_node<", "__value_", "[...]", HG_STEP_INTO},
	{"std::__1::__hash_node<", "__value_", "[...]", HG_STEP_INTO},
	{"std::pair<", "first", "", HG_STEP_INTO},
	{"std::pair<", "second", "", HG_STEP_INTO},
	{"std::__1::pair<", "", "", HG_STEP_INTO},
	{"std::", "", "", HG_STEP_INTO},
	{"__gnu_cxx::", "", "", HG_STEP_INTO},
};

static bool is_lambda(const char *type)
{
	const char *own = strrchr(type, ':');
	own = own && strrchr(type, '{') ? strrchr(type, '{') : type;
	return !strncmp(own, "{struct ", 8);
}

enum hg_step cxx_name_member(struct hg_lang *lang, uint32_t type, const struct hg_member *member,
			     struct hg_text *out)
{
	const char *type_name = hg_type_name(lang->a->prog, type);
	const char *name = hg_program_text(lang->a->prog, member->name);
	if (member->embedded)
		return HG_STEP_INTO;			       // a base class is not a step
	if (!strncmp(name, "__", 2) && is_lambda(type_name)) { // gcc's name for what it captures
		hg_text_printf(out, ".%s", name + 2);
		return HG_STEP_INTO;
	}
	return hg_step_find(member_names, ARRAY_SIZE(member_names), type_name, name, out);
}
