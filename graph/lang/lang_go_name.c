#include <string.h>

#include "graph/lang/lang_go.h"

/** Writes "map[K]V" from "map<K,V>": the comma that is in no bracket parts them. */
static void name_map(const char *arguments, struct hg_text *out)
{
	int depth = 0;
	const char *end = arguments + strlen(arguments), *comma = NULL;
	if (end > arguments && end[-1] == '>')
		end--;
	for (const char *p = arguments; p < end; p++) {
		depth += *p == '<' || *p == '[' || *p == '(' || *p == '{';
		depth -= *p == '>' || *p == ']' || *p == ')' || *p == '}';
		if (*p == ',' && !depth && !comma)
			comma = p;
	}
	hg_text_add(out, "map[");
	hg_text_addn(out, arguments, (size_t)((comma ? comma : end) - arguments));
	hg_text_add(out, "]");
	if (comma)
		hg_text_addn(out, comma + 1, (size_t)(end - comma - 1));
}

static const struct inner { /* how the parts of containers begin, and how the whole is written */
	const char *prefix;
	const char *part;
	enum { MAP_ARGUMENTS, MAP_NAME, CHAN_ARGUMENTS, PLAIN } form;
	bool inner;
} inners[] = {
	{"map<", "", MAP_ARGUMENTS, false},
	{"hash<", "", MAP_ARGUMENTS, false},
	{"*table<", " (directory)", MAP_ARGUMENTS, true},
	{"table<", " (tables)", MAP_ARGUMENTS, true},
	{"bucket<", " (buckets)", MAP_ARGUMENTS, true},
	{"map.group[", " (groups)", MAP_NAME, true},
	{"map.bucket[", " (buckets)", MAP_NAME, true},
	{"hchan<", "", CHAN_ARGUMENTS, false},
	{"internal/sync.indirect[", "sync.Map (tree)", PLAIN, true},
	{"internal/sync.node[", "sync.Map (tree)", PLAIN, true},
	{"internal/sync.entry[", "sync.Map (entries)", PLAIN, true},
};

static const char *without_noalg(const char *name)
{
	return strncmp(name, "noalg.", 6) ? name : name + 6;
}

/** The element of an open array, else the type itself. */
static uint32_t element_of(const struct hg_program *prog, uint32_t type)
{
	const struct hg_type *t = hg_type_get(prog, type);
	return t->kind == HG_TYPE_ARRAY && !t->count ? t->elem : type;
}

static const struct inner *find_inner(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(inners); i++)
		if (!strncmp(name, inners[i].prefix, strlen(inners[i].prefix)))
			return &inners[i];
	return NULL;
}

static void name_container(const char *name, const struct inner *inner, struct hg_text *out)
{
	const char *arguments = name + strlen(inner->prefix);
	switch (inner->form) {
	case MAP_ARGUMENTS:
		name_map(arguments, out);
		break;
	case MAP_NAME:
		hg_text_printf(out, "map[%s", arguments);
		break;
	case CHAN_ARGUMENTS:
		hg_text_printf(out, "chan %.*s", (int)strlen(arguments) - 1, arguments);
		break;
	case PLAIN:
		break;
	}
	hg_text_add(out, inner->part);
}

void go_name_type(struct hg_lang *lang, uint32_t type, struct hg_text *out)
{
	const struct hg_program *prog = lang->a->prog;
	uint32_t element = element_of(prog, type);
	const char *name = without_noalg(hg_type_name(prog, element));
	const struct inner *inner = find_inner(name);
	const struct lang_go *go = (struct lang_go *)lang;
	if (!inner) {
		bool array = element != type && element != go->string_bytes;
		hg_text_printf(out, "%s%s", array ? "[]" : "", name);
		return;
	}
	if (element != type && !inner->inner)
		hg_text_add(out, "[]");
	name_container(name, inner, out);
}

bool go_is_inner(struct hg_lang *lang, uint32_t type)
{
	const struct hg_program *prog = lang->a->prog;
	const char *name = without_noalg(hg_type_name(prog, element_of(prog, type)));
	const struct inner *inner = find_inner(name);
	return inner && inner->inner;
}

/** Steps inside the library's types, as a person would write them. */
static const struct hg_step_name member_names[] = {
	{"map<", "", "", HG_STEP_STOP},
	{"hash<", "", "", HG_STEP_STOP},
	{"table<", "", "", HG_STEP_STOP},
	{"hchan<", "buf", "", HG_STEP_STOP},
	{"map.group[", "slots", "", HG_STEP_SKIP_ARRAY},
	{"map.group[", "keys", "[key]", HG_STEP_STOP},
	{"map.group[", "elems", "[...]", HG_STEP_SKIP_ARRAY},
	{"struct { key ", "key", "[key]", HG_STEP_STOP},
	{"struct { key ", "elem", "[...]", HG_STEP_INTO},
	{"bucket<", "keys", "[key]", HG_STEP_STOP},
	{"bucket<", "values", "[...]", HG_STEP_SKIP_ARRAY},
	{"bucket<", "", "", HG_STEP_STOP},
	{"map.bucket[", "keys", "[key]", HG_STEP_STOP},
	{"map.bucket[", "elems", "[...]", HG_STEP_SKIP_ARRAY},
	{"map.bucket[", "", "", HG_STEP_STOP},
	{"internal/sync.HashTrieMap[", "root", "", HG_STEP_STOP},
	{"internal/sync.indirect[", "", "", HG_STEP_STOP},
	{"internal/sync.entry[", "value", "[...]", HG_STEP_STOP},
	{"internal/sync.entry[", "key", "[key]", HG_STEP_STOP},
	{"internal/sync.entry[", "", "", HG_STEP_STOP},
	{"sync.Map", "", "", HG_STEP_INTO},
	{"sync.entry", "", "", HG_STEP_STOP},
	{"sync.readOnly", "m", "", HG_STEP_STOP},
	{"sync/atomic.Pointer[", "v", "", HG_STEP_STOP},
	{"sync/atomic.Value", "v", "", HG_STEP_STOP},
};

enum hg_step go_name_member(struct hg_lang *lang, uint32_t type, const struct hg_member *member,
			    struct hg_text *out)
{
	const char *type_name = without_noalg(hg_type_name(lang->a->prog, type));
	const char *name = hg_program_text(lang->a->prog, member->name);
	return hg_step_find(member_names, ARRAY_SIZE(member_names), type_name, name, out);
}

static uint64_t read_member(const struct hg_program *prog, uint32_t type, const char *name,
			    uint64_t addr)
{
	const struct hg_member *member = hg_type_member(prog, type, name);
	uint64_t value = 0;
	if (member)
		hg_image_u64(prog->image, addr + member->offset, &value);
	return value;
}

static struct hg_container container_map(const struct hg_program *prog, uint32_t type,
					 const char *used, uint64_t addr)
{
	return (struct hg_container){.kind = HG_CONTAINER_MAP,
				     .word = "map",
				     .has = HG_HAS_LENGTH,
				     .length = read_member(prog, type, used, addr)};
}

static struct hg_container container_chan(const struct hg_program *prog, uint32_t type,
					  uint64_t addr)
{
	struct hg_container c = {
		.kind = HG_CONTAINER_CHAN,
		.word = "chan",
		.has = HG_HAS_LENGTH | HG_HAS_CAPACITY,
		.length = read_member(prog, type, "qcount", addr),
		.capacity = read_member(prog, type, "dataqsiz", addr),
		.element_size = read_member(prog, type, "elemsize", addr) & UINT16_MAX,
	};
	c.broken = c.length > c.capacity || c.capacity > UINT64_MAX / (c.element_size + 1);
	if (!c.broken)
		c.slack = (c.capacity - c.length) * c.element_size;
	return c;
}

struct hg_container go_container(struct hg_lang *lang, uint32_t type, uint64_t addr, uint64_t size,
				 const struct hg_storage *storage)
{
	(void)storage; // inner parts are known by their types
	const struct hg_program *prog = lang->a->prog;
	const struct lang_go *go = (struct lang_go *)lang;
	if (go_name_starts(prog, type, "map<"))
		return container_map(prog, type, "used", addr);
	if (go_name_starts(prog, type, "hash<"))
		return container_map(prog, type, "count", addr);
	if (go_name_starts(prog, type, "hchan<"))
		return container_chan(prog, type, addr);
	const struct hg_type *t = hg_type_get(prog, type);
	uint32_t element = element_of(prog, type);
	bool bytes = element == go->string_bytes;
	if (!bytes && (element == type || go_is_inner(lang, type) || !t->size))
		return (struct hg_container){0};
	return (struct hg_container){.kind = bytes ? HG_CONTAINER_STRING : HG_CONTAINER_SLICE,
				     .word = bytes ? "string" : "slice",
				     .has = HG_HAS_CAPACITY,
				     .capacity = bytes ? size : size / t->size,
				     .element = element,
				     .element_size = t->size};
}
