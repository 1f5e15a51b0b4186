#include <string.h>

#include "graph/lang/lang_go.h"

bool go_name_starts(const struct hg_program *prog, uint32_t type, const char *prefix)
{
	return !strncmp(hg_type_name(prog, type), prefix, strlen(prefix));
}

/** What a member that is a pointer points to; 0 where it is none. */
static uint32_t pointee(const struct hg_program *prog, uint32_t type, const char *member)
{
	const struct hg_member *m = hg_type_member(prog, type, member);
	if (!m)
		return 0;
	const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, m->type));
	return t->kind == HG_TYPE_POINTER ? t->elem : 0;
}

static unsigned one(struct hg_piece *pieces, const struct hg_member *member, enum hg_leaf_kind kind,
		    uint32_t type)
{
	if (!member)
		return 0;
	pieces[0] = (struct hg_piece){
		.start = member->offset, .end = member->offset + 8, .type = type, .kind = kind};
	return 1;
}

static unsigned slice_piece(const struct hg_program *prog, uint32_t type, struct hg_piece *pieces)
{
	uint32_t elem = hg_type_get(prog, type)->go_elem;
	if (!elem)
		elem = pointee(prog, type, "array");
	pieces[0] = (struct hg_piece){.start = 0, .end = 8, .type = elem, .kind = HG_LEAF_SLICE};
	return 1;
}

static unsigned interface_piece(struct hg_piece *pieces, enum hg_leaf_kind kind)
{
	pieces[0] = (struct hg_piece){.start = 0, .end = 16, .type = 0, .kind = kind};
	return 1;
}

/** sync/atomic.Pointer[T] is {_ [0]*T; _ noCopy; v unsafe.Pointer}: T stands in the first member. */
static unsigned atomic_pointer(const struct hg_program *prog, uint32_t type,
			       struct hg_piece *pieces)
{
	const struct hg_type *t = hg_type_get(prog, type);
	uint32_t target = 0;
	for (uint32_t i = 0; i < t->member_count && !target; i++) {
		const struct hg_member *m = &prog->types.members.data[t->members + i];
		const struct hg_type *array = hg_type_get(prog, hg_type_strip(prog, m->type));
		const struct hg_type *pointer = hg_type_get(prog, hg_type_strip(prog, array->elem));
		if (array->kind == HG_TYPE_ARRAY && pointer->kind == HG_TYPE_POINTER)
			target = pointer->elem;
	}
	const struct hg_member *v = hg_type_member(prog, type, "v");
	return one(pieces, v, HG_LEAF_POINTER, target);
}

/** The runtime's own atomic.Pointer[T] is {u unsafe.Pointer}: T stands in its name only. */
static unsigned runtime_atomic_pointer(const struct hg_program *prog, uint32_t type,
				       struct hg_piece *pieces)
{
	const char *open = strchr(hg_type_name(prog, type), '[');
	hg_autofree char *name = open ? strdup(open + 1) : NULL;
	size_t length = name ? strlen(name) : 0;
	if (!length)
		return 0;
	name[length - 1] = 0;
	return one(pieces, hg_type_member(prog, type, "u"), HG_LEAF_POINTER,
		   hg_type_find(prog, name));
}

/** hchan<T>.buf is an unsafe.Pointer to T's; T is what the waiting goroutines' sudog<T>.elem points to. */
static unsigned channel_buffer(const struct hg_program *prog, uint32_t type,
			       struct hg_piece *pieces)
{
	const struct hg_member *queue = hg_type_member(prog, type, "sendq");
	uint32_t sudog = queue ? pointee(prog, queue->type, "first") : 0;
	uint32_t elem = sudog ? pointee(prog, sudog, "elem") : 0;
	return one(pieces, hg_type_member(prog, type, "buf"), HG_LEAF_ARRAY, elem);
}

/** map[K]V to Go 1.23: hash<K,V> with buckets. */
static unsigned hash_buckets(const struct hg_program *prog, uint32_t type, struct hg_piece *pieces)
{
	uint32_t bucket = pointee(prog, type, "buckets");
	unsigned count = one(pieces, hg_type_member(prog, type, "buckets"), HG_LEAF_ARRAY, bucket);
	return count +
	       one(pieces + count, hg_type_member(prog, type, "oldbuckets"), HG_LEAF_ARRAY, bucket);
}

/** map[K]V from Go 1.24: map<K,V>.dirPtr is declared **table<K,V>. */
static unsigned map_directory(const struct hg_program *prog, uint32_t type, struct hg_piece *pieces)
{
	return one(pieces, hg_type_member(prog, type, "dirPtr"), HG_LEAF_MAP_DIR,
		   pointee(prog, type, "dirPtr"));
}

static unsigned pool_locals(const struct hg_program *prog, uint32_t type, struct hg_piece *pieces)
{
	uint32_t local = hg_type_find(prog, "sync.poolLocal");
	unsigned count = one(pieces, hg_type_member(prog, type, "local"), HG_LEAF_ARRAY, local);
	return count +
	       one(pieces + count, hg_type_member(prog, type, "victim"), HG_LEAF_ARRAY, local);
}

/** Returns the arguments "[K,V]" of a part of a hash trie by its name; NULL where the type is none. */
static const char *trie_arguments(const char *name, const char *part)
{
	static const char *const packages[] = {"internal/sync.", "internal/concurrent.", "unique."};
	for (size_t i = 0; i < ARRAY_SIZE(packages); i++) {
		const size_t package = strlen(packages[i]), length = strlen(part);
		if (!strncmp(name, packages[i], package) &&
		    !strncmp(name + package, part, length) && name[package + length] == '[')
			return name + package + length;
	}
	return NULL;
}

/** The root of a hash trie is an indirect node, children are nodes that say themselves what they are, entries form lists.
 * Their declared types may be shapes, which do not tell. */
static unsigned hash_trie(const struct hg_program *prog, uint32_t type, uint32_t weak_handle,
			  struct hg_piece *pieces)
{
	const char *name = hg_type_name(prog, type);
	const char *map = trie_arguments(name, "HashTrieMap");
	map = map ? map : trie_arguments(name, "canonMap");
	if (map) {
		hg_autofree char *indirect = NULL;
		const char *package = strchr(name, '.');
		if (!package ||
		    asprintf(&indirect, "%.*sindirect%s", (int)(package - name + 1), name, map) < 0)
			return 0;
		const uint32_t root = hg_type_find(prog, indirect);
		return root ? one(pieces, hg_type_member(prog, type, "root"), HG_LEAF_POINTER, root)
			    : 0;
	}
	if (trie_arguments(name, "entry")) {
		const struct hg_member *key = hg_type_member(prog, type, "key");
		const bool weak = key && !strcmp(hg_type_name(prog, key->type), "unsafe.Pointer");
		unsigned count =
			one(pieces, hg_type_member(prog, type, "overflow"), HG_LEAF_POINTER, type);
		if (weak) // see go_trie_entry()
			count += one(pieces + count, key, HG_LEAF_POINTER, weak_handle);
		return count;
	}
	const struct hg_member *children =
		trie_arguments(name, "indirect") ? hg_type_member(prog, type, "children") : NULL;
	if (!children)
		return 0;
	const uint64_t size = hg_type_get(prog, hg_type_strip(prog, children->type))->size;
	pieces[0] = (struct hg_piece){.start = children->offset,
				      .end = children->offset + size,
				      .type = type,
				      .kind = HG_LEAF_TRIE_NODE};
	return 1;
}

unsigned go_special(struct hg_lang *lang, uint32_t type, struct hg_piece *pieces, bool *whole)
{
	const struct hg_program *prog = lang->a->prog;
	const struct lang_go *go = (struct lang_go *)lang;
	const char *name = hg_type_name(prog, type);
	const struct hg_type *t = hg_type_get(prog, type);
	*whole = true;
	if (t->go_kind == HG_GO_STRING || !strcmp(name, "string")) {
		pieces[0] = (struct hg_piece){
			.start = 0, .end = 8, .type = go->string_bytes, .kind = HG_LEAF_STRING};
		return 1;
	}
	if (t->go_kind == HG_GO_SLICE)
		return slice_piece(prog, type, pieces);
	if (!strcmp(name, "runtime.eface") || !strcmp(name, "sync.eface"))
		return interface_piece(pieces, HG_LEAF_EFACE);
	if (!strcmp(name, "runtime.iface"))
		return interface_piece(pieces, HG_LEAF_IFACE);
	*whole = false;
	if (go_name_starts(prog, type, "sync/atomic.Pointer["))
		return atomic_pointer(prog, type, pieces);
	if (go_name_starts(prog, type, "internal/runtime/atomic.Pointer[") ||
	    go_name_starts(prog, type, "runtime/internal/atomic.Pointer["))
		return runtime_atomic_pointer(prog, type, pieces);
	if (go_name_starts(prog, type, "hchan<"))
		return channel_buffer(prog, type, pieces);
	if (go_name_starts(prog, type, "hash<"))
		return hash_buckets(prog, type, pieces);
	if (go_name_starts(prog, type, "map.bucket[") ||
	    go_name_starts(prog, type, "noalg.map.bucket[")) // overflow is an unsafe.Pointer
		return one(pieces, hg_type_member(prog, type, "overflow"), HG_LEAF_POINTER, type);
	if (go_name_starts(prog, type, "map<"))
		return map_directory(prog, type, pieces);
	if (go_name_starts(prog, type, "groupReference<"))
		return one(pieces, hg_type_member(prog, type, "data"), HG_LEAF_ARRAY,
			   pointee(prog, type, "data"));
	if (go_name_starts(prog, type, "weak.Pointer[") ||
	    go_name_starts(prog, type, "internal/weak.Pointer["))
		return one(pieces, hg_type_member(prog, type, "u"), HG_LEAF_POINTER,
			   go->weak_handle);
	if (go_name_starts(prog, type, "internal/") || go_name_starts(prog, type, "unique."))
		return hash_trie(prog, type, go->weak_handle, pieces);
	if (!strcmp(name, "sync.Pool"))
		return pool_locals(prog, type, pieces);
	if (!strcmp(name, "reflect.Value"))
		return one(pieces, hg_type_member(prog, type, "ptr"), HG_LEAF_REFLECT, 0);
	if (!strcmp(name, "sync.entry")) // to Go 1.19: p is an unsafe.Pointer to an interface
		return one(pieces, hg_type_member(prog, type, "p"), HG_LEAF_POINTER, go->any);
	return 0;
}

/** The types that a generic type's arguments "[K,V]" name; 0 for what they do not, or what debug info lacks. */
static void arguments_of(const struct hg_program *prog, const char *arguments, uint32_t types[2])
{
	hg_autofree char *text = strdup(arguments + 1);
	int depth = 0;
	char *comma = NULL, *p = text;
	for (; p && *p && depth >= 0; p++) {
		depth += *p == '[' || *p == '(' || *p == '{';
		depth -= *p == ']' || *p == ')' || *p == '}';
		if (*p == ',' && !depth && !comma)
			comma = p;
	}
	types[0] = types[1] = 0;
	if (!p || depth >= 0)
		return;
	p[-1] = 0;
	if (comma) {
		*comma = 0;
		types[1] = hg_type_find(prog, comma + 1);
	}
	types[0] = hg_type_find(prog, text);
}

uint32_t go_trie_entry(struct lang_go *go, const char *name)
{
	struct hg_program *prog = go->lang.a->prog;
	const char *arguments = trie_arguments(name, "entry");
	uint32_t types[2] = {0};
	if (arguments)
		arguments_of(prog, arguments, types);
	if (arguments && !strncmp(name, "unique.", 7)) { // {node; overflow; weak pointer; hash}
		types[0] = hg_type_find(prog, "unsafe.Pointer");
		types[1] = hg_type_find(prog, "uintptr");
	}
	const uint64_t key_size = hg_type_get(prog, types[0])->size,
		       value_size = hg_type_get(prog, types[1])->size;
	if (!types[0] || !types[1] || key_size % 8 || value_size % 8)
		return 0;
	const struct hg_type type = {.name = hg_program_string(prog, name),
				     .kind = HG_TYPE_STRUCT,
				     .language = HG_LANGUAGE_GO,
				     .size = 16 + key_size + value_size};
	const struct hg_type pointer = {
		.kind = HG_TYPE_POINTER, .language = HG_LANGUAGE_GO, .size = 8};
	const uint32_t overflow = hg_type_add(prog, &pointer); // see hash_trie()
	const uint32_t id = overflow ? hg_type_add(prog, &type) : 0;
	const struct hg_member members[] = {
		{.name = hg_program_string(prog, "overflow"), .type = overflow, .offset = 8},
		{.name = hg_program_string(prog, "key"), .type = types[0], .offset = 16},
		{.name = hg_program_string(prog, "value"),
		 .type = types[1],
		 .offset = 16 + key_size},
	};
	for (size_t i = 0; id && i < ARRAY_SIZE(members); i++)
		if (!hg_type_add_member(prog, id, &members[i]))
			return 0;
	return id;
}
