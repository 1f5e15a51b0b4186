#include <stdlib.h>
#include <string.h>

#include "dwarf/method.h"
#include "graph/lang/lang_cxx.h"

#define NO_CHOICE 1

/** "prefix...>" and nothing behind: not a type inside of it. */
static bool is_instance(const char *name, const char *prefix)
{
	const size_t length = strlen(prefix);
	if (strncmp(name, prefix, length))
		return false;
	if (!length || prefix[length - 1] != '<')
		return !name[length];
	const char *end = name + length;
	for (int depth = 1; *end && depth; end++)
		depth += *end == '<' ? 1 : *end == '>' ? -1 : 0;
	return !*end;
}

bool cxx_find_either(const struct hg_program *prog, uint32_t type, const char *names,
		     uint64_t *offset, uint32_t *member_type)
{
	char name[64];
	for (const char *at = names; *at;) {
		const size_t length = strcspn(at, "|");
		if (*at == '@') { // of a class that the debug info of the library alone has
			*offset = strtoull(at + 1, NULL, 10);
			*member_type = 0;
			return true;
		}
		snprintf(name, sizeof(name), "%.*s", (int)length, at);
		if (cxx_find_member(prog, type, name, offset, member_type))
			return true;
		at += length + (at[length] == '|');
	}
	return false;
}

bool cxx_find_members(struct lang_cxx *cxx, struct cxx_choice *choice)
{
	const struct hg_program *prog = cxx->lang.a->prog;
	for (unsigned i = 0; i < CXX_NAMES && choice->rule->names[i]; i++)
		if (!cxx_find_either(prog, choice->type, choice->rule->names[i], &choice->at[i],
				     &choice->types[i]))
			return false;
	return true;
}

static const struct cxx_rule *find_rule(const char *name)
{
	static const struct cxx_rule *const lists[] = {cxx_smart_rules, cxx_range_rules,
						       cxx_link_rules};
	if (strncmp(name, "std::", 5) && strncmp(name, "__gnu_cxx::", 11))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (const struct cxx_rule *rule = lists[i]; rule->type; rule++)
			if (is_instance(name, rule->type))
				return rule;
	return NULL;
}

static struct cxx_choice *make(struct lang_cxx *cxx, uint32_t type)
{
	const struct hg_type *t = hg_type_get(cxx->lang.a->prog, type);
	if (t->kind != HG_TYPE_STRUCT || t->incomplete)
		return NULL;
	const struct cxx_rule *rule = find_rule(hg_type_name(cxx->lang.a->prog, type));
	struct cxx_choice *choice = rule ? hg_arena_alloc(&cxx->arena, sizeof(*choice)) : NULL;
	if (!choice)
		return NULL;
	*choice = (struct cxx_choice){.rule = rule, .type = type};
	if (!rule->prepare(cxx, choice) || choice->start >= choice->end ||
	    choice->end > hg_type_get(cxx->lang.a->prog, type)->size)
		return NULL;
	return choice;
}

const struct cxx_choice *cxx_choice_of(struct lang_cxx *cxx, uint32_t type)
{
	const uint64_t *known = hg_map_get(&cxx->choices, type);
	if (known)
		return *known == NO_CHOICE ? NULL : (struct cxx_choice *)(uintptr_t)*known;
	struct cxx_choice *choice = make(cxx, type);
	uint64_t *place = hg_map_put(&cxx->choices, type);
	if (place)
		*place = choice ? (uint64_t)(uintptr_t)choice : NO_CHOICE;
	return place ? choice : NULL;
}

bool cxx_choose(struct hg_lang *lang, uint32_t type, uint64_t addr, uint64_t offset,
		struct hg_piece *ret)
{
	struct lang_cxx *cxx = (struct lang_cxx *)lang;
	const struct cxx_choice *choice = cxx_choice_of(cxx, type);
	*ret = (struct hg_piece){0};
	return choice && choice->rule->choose(cxx, choice, addr, offset, ret);
}

bool cxx_is_damaged(struct lang_cxx *cxx, uint64_t addr, const char *what)
{
	uint64_t *known = hg_map_put(&cxx->damaged, addr);
	if (known && !*known) {
		*known = 1;
		hg_coverage_add(&cxx->lang.a->coverage, what, 1);
	}
	return false;
}

uint32_t cxx_class_of_code(struct lang_cxx *cxx, uint64_t pc)
{
	uint64_t *known = hg_map_put(&cxx->methods, pc);
	if (!known)
		return 0;
	if (!*known)
		*known = (uint64_t)hg_method_class(cxx->lang.a->prog, pc) + 1;
	return (uint32_t)(*known - 1);
}
