#include "graph/heap/heap_go_descriptor.h"

#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"

// Debug info describes the parts of a map once more for each map type: hash<K,V>, bucket<K,V>; from Go 1.24 map<K,V>, table<K,V>.
// For maps of types that it has none of (made by reflect) they are made here, from the runtime's own types of the same layout.
//
//	OFFSET SIZE MEANING of a map's descriptor
//	   48     8  key
//	   56     8  element
//	   64     8  bucket; from Go 1.24 group
//	   80     1  bytes of a key in a bucket (to Go 1.23)
//	   81     1  bytes of an element in a bucket
//	   82     2  bytes of a bucket
//	   84     4  1: keys are stored as pointers; 2: elements are

enum {
	MAP_SIZE = 88,
	SLOTS = 8, // of a bucket
	KEY_INDIRECT = 1,
	ELEM_INDIRECT = 2,
};

struct parts {
	struct heap_go *go;
	char *arguments; // "<K,V>"
	uint32_t key, elem, group;
	const uint8_t *descriptor;
};

struct replaced {
	const char *member;
	uint32_t type;
};

static uint32_t pointer_to(struct heap_go *go, uint32_t type)
{
	hg_autofree char *name = NULL;
	if (!type || asprintf(&name, "*%s", hg_type_name(go->prog, type)) < 0)
		return 0;
	const struct hg_type pointer = {.name = hg_program_string(go->prog, name),
					.kind = HG_TYPE_POINTER,
					.go_kind = HG_GO_POINTER,
					.language = HG_LANGUAGE_GO,
					.size = 8,
					.elem = type};
	return hg_type_add(go->prog, &pointer);
}

static uint32_t eight_of(struct heap_go *go, uint32_t type, uint64_t size)
{
	hg_autofree char *name = NULL;
	if (asprintf(&name, "[8]%s", hg_type_name(go->prog, type)) < 0)
		return 0;
	const struct hg_type array = {.name = hg_program_string(go->prog, name),
				      .kind = HG_TYPE_ARRAY,
				      .go_kind = HG_GO_ARRAY,
				      .language = HG_LANGUAGE_GO,
				      .size = SLOTS * size,
				      .elem = type,
				      .count = SLOTS};
	return hg_type_add(go->prog, &array);
}

static uint32_t add_struct(const struct parts *p, const char *name, uint64_t size)
{
	hg_autofree char *whole = NULL;
	if (asprintf(&whole, "%s%s", name, p->arguments) < 0)
		return 0;
	const struct hg_type type = {.name = hg_program_string(p->go->prog, whole),
				     .kind = HG_TYPE_STRUCT,
				     .go_kind = HG_GO_STRUCT,
				     .language = HG_LANGUAGE_GO,
				     .size = size};
	return hg_type_add(p->go->prog, &type);
}

/** A struct like one of the runtime's, with some members' types replaced; 0 where the runtime has none. */
static uint32_t copy_struct(const struct parts *p, const char *source, const char *name,
			    const struct replaced *replaced, size_t count)
{
	struct hg_program *prog = p->go->prog;
	const uint32_t from = hg_type_strip(prog, hg_type_find(prog, source));
	const struct hg_type t = *hg_type_get(prog, from);
	const uint32_t id = from ? add_struct(p, name, t.size) : 0;
	for (uint32_t i = 0; id && i < t.member_count; i++) {
		struct hg_member member = prog->types.members.data[t.members + i];
		const char *text = hg_program_text(prog, member.name);
		for (size_t k = 0; k < count; k++)
			member.type =
				strcmp(text, replaced[k].member) ? member.type : replaced[k].type;
		if (!hg_type_add_member(prog, id, &member))
			return 0;
	}
	return id;
}

/** {tophash [8]uint8; keys [8]K; values [8]V; overflow} */
static uint32_t make_bucket(const struct parts *p)
{
	struct hg_program *prog = p->go->prog;
	const uint8_t *d = p->descriptor;
	const uint64_t key_size = d[80], elem_size = d[81], size = d[82] | d[83] << 8;
	const uint32_t flags = hg_load_u32(d + 84);
	const uint64_t values = SLOTS * (1 + key_size);
	if (values + SLOTS * elem_size + 8 > size)
		return 0;
	const uint32_t keys = eight_of(
		p->go, flags & KEY_INDIRECT ? pointer_to(p->go, p->key) : p->key, key_size);
	const uint32_t elems = eight_of(
		p->go, flags & ELEM_INDIRECT ? pointer_to(p->go, p->elem) : p->elem, elem_size);
	const uint32_t id = keys && elems ? add_struct(p, "bucket", size) : 0;
	const uint32_t next = pointer_to(p->go, id);
	const struct hg_member members[] = {
		{.name = hg_program_string(prog, "keys"), .type = keys, .offset = SLOTS},
		{.name = hg_program_string(prog, "values"), .type = elems, .offset = values},
		{.name = hg_program_string(prog, "overflow"), .type = next, .offset = size - 8},
	};
	for (size_t i = 0; id && i < ARRAY_SIZE(members); i++)
		if (!hg_type_add_member(prog, id, &members[i]))
			return 0;
	return next ? id : 0;
}

static uint32_t make_header(const struct parts *p)
{
	if (hg_type_find(p->go->prog, "runtime.hmap")) {
		const uint32_t bucket = pointer_to(p->go, make_bucket(p));
		const struct replaced buckets[] = {{"buckets", bucket}, {"oldbuckets", bucket}};
		return bucket ? copy_struct(p, "runtime.hmap", "hash", buckets, 2) : 0;
	}
	const struct replaced data = {"data", pointer_to(p->go, p->group)};
	const uint32_t groups =
		copy_struct(p, "internal/runtime/maps.groupsReference", "groupReference", &data, 1);
	const struct replaced reference = {"groups", groups};
	const uint32_t table =
		groups ? copy_struct(p, "internal/runtime/maps.table", "table", &reference, 1) : 0;
	const struct replaced directory = {"dirPtr", pointer_to(p->go, pointer_to(p->go, table))};
	return table ? copy_struct(p, "internal/runtime/maps.Map", "map", &directory, 1) : 0;
}

uint32_t go_type_map_header(struct heap_go *go, const struct go_descriptor *d, unsigned depth)
{
	const uint8_t *bytes = hg_image_view(go->prog->image, d->addr, MAP_SIZE);
	if (!bytes)
		return 0;
	struct parts p = {.go = go, .descriptor = bytes};
	p.key = go_type_within(go, hg_load_u64(bytes + 48), depth + 1);
	p.elem = go_type_within(go, hg_load_u64(bytes + 56), depth + 1);
	p.group = go_type_within(go, hg_load_u64(bytes + 64), depth + 1);
	hg_autofree char *arguments = NULL;
	if (!p.key || !p.elem ||
	    asprintf(&arguments, "<%s,%s>", hg_type_name(go->prog, p.key),
		     hg_type_name(go->prog, p.elem)) < 0)
		return 0;
	p.arguments = arguments;
	return make_header(&p);
}
