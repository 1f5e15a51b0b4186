// DIEs -> type table, globals, constants, function ranges.
//
// References between types lead forward and backward, so types are read with the offsets of the entries they refer to,
// and the offsets become ids when all units of the module are read.

#include <string.h>

#include "core/base/limits.h"
#include "dwarf/dwarfnum.h"
#include "dwarf/location.h"
#include "dwarf/program_private.h"

struct type_refs { // offsets of entries, 0 for none
	uint64_t elem, go_key, go_elem;
};

struct pending_global {
	uint64_t type;	 // offset of its entry
	uint64_t origin; // of the declaration that holds name and type, 0 when it has its own
};

struct reader {
	struct hg_program *prog;
	uint32_t module;
	struct hg_module_index *index;
	struct hg_dwarf *dwarf;
	uint32_t first_type;   // of this module
	uint32_t first_member; // of this module
	size_t first_global;
	HG_VEC(struct type_refs) refs;	       // per type from first_type on
	HG_VEC(uint64_t) member_types;	       // per member from first_member on
	HG_VEC(struct pending_global) globals; // per global from first_global on
	uint32_t type;			       // whose children are read
	uint64_t dimension; // elements of the array whose children are read, so far
	bool nomem;
};

static uint32_t intern(struct reader *reader, const char *name)
{
	if (!name || !*name)
		return 0;
	return hg_strtab_addn(&reader->prog->strings, name, strnlen(name, HG_MAX_NAME));
}

enum hg_type_kind hg_type_base_kind(uint64_t encoding)
{
	switch (encoding) {
	case HG_ATE_BOOLEAN:
		return HG_TYPE_BOOL;
	case HG_ATE_COMPLEX:
		return HG_TYPE_COMPLEX;
	case HG_ATE_FLOAT:
		return HG_TYPE_FLOAT;
	case HG_ATE_SIGNED:
	case HG_ATE_SIGNED_CHAR:
		return HG_TYPE_INT;
	default:
		return HG_TYPE_UINT;
	}
}

enum hg_language hg_type_language(uint64_t dwarf_language)
{
	switch (dwarf_language) {
	case HG_LANG_GO:
		return HG_LANGUAGE_GO;
	case HG_LANG_RUST:
		return HG_LANGUAGE_RUST;
	case HG_LANG_CXX:
	case HG_LANG_CXX03:
	case HG_LANG_CXX11:
	case HG_LANG_CXX14:
	case HG_LANG_CXX17:
	case HG_LANG_CXX20:
	case HG_LANG_CXX23:
		return HG_LANGUAGE_CXX;
	case HG_LANG_C:
	case HG_LANG_C89:
	case HG_LANG_C99:
	case HG_LANG_C11:
	case HG_LANG_C17:
	case HG_LANG_C23:
	case HG_LANG_ASSEMBLER:
	case HG_LANG_MIPS_ASSEMBLER:
		return HG_LANGUAGE_C;
	default:
		return HG_LANGUAGE_UNKNOWN;
	}
}

// UNKNOWN for entries that are no type.
static enum hg_type_kind type_kind(const struct hg_die *die)
{
	switch (die->tag) {
	case HG_TAG_BASE_TYPE:
		return hg_type_base_kind(die->encoding);
	case HG_TAG_POINTER_TYPE:
	case HG_TAG_REFERENCE_TYPE:
	case HG_TAG_RVALUE_REFERENCE_TYPE:
		return HG_TYPE_POINTER;
	case HG_TAG_STRUCTURE_TYPE:
	case HG_TAG_CLASS_TYPE:
		return HG_TYPE_STRUCT;
	case HG_TAG_UNION_TYPE:
		return HG_TYPE_UNION;
	case HG_TAG_ARRAY_TYPE:
		return HG_TYPE_ARRAY;
	case HG_TAG_ENUMERATION_TYPE:
		return HG_TYPE_ENUM;
	case HG_TAG_SUBROUTINE_TYPE:
		return HG_TYPE_FUNC;
	case HG_TAG_TYPEDEF:
	case HG_TAG_CONST_TYPE:
	case HG_TAG_VOLATILE_TYPE:
	case HG_TAG_RESTRICT_TYPE:
	case HG_TAG_ATOMIC_TYPE:
		return HG_TYPE_TYPEDEF;
	case HG_TAG_UNSPECIFIED_TYPE:
		return HG_TYPE_VOID;
	default:
		return HG_TYPE_UNKNOWN;
	}
}

static bool read_member(void *arg, const struct hg_die *die)
{
	struct reader *reader = arg;
	if (die->tag == HG_TAG_SUBRANGE_TYPE && reader->dimension != UINT64_MAX) {
		// [2][3]int of C is one array with two subranges: six elements.
		if (__builtin_mul_overflow(reader->dimension, die->count, &reader->dimension))
			reader->dimension = 0;
		return true;
	}
	if (die->tag != HG_TAG_MEMBER && die->tag != HG_TAG_INHERITANCE)
		return true;
	const struct hg_member member = {
		.name = intern(reader, die->name),
		.offset = die->member_offset,
		.embedded = (die->has & HG_IS_EMBEDDED) || die->tag == HG_TAG_INHERITANCE,
	};
	uint64_t *type = hg_vec_push(&reader->member_types);
	reader->nomem |= !type || !hg_type_add_member(reader->prog, reader->type, &member);
	if (reader->nomem)
		return false;
	*type = die->type;
	return true;
}

static void read_children(struct reader *reader, uint32_t id, const struct hg_die *die)
{
	struct hg_type *type = &reader->prog->types.types.data[id];
	const bool is_array = type->kind == HG_TYPE_ARRAY;
	if (!is_array && type->kind != HG_TYPE_STRUCT && type->kind != HG_TYPE_UNION)
		return;
	reader->type = id;
	reader->dimension = is_array ? 1 : UINT64_MAX;
	hg_die_children(die, read_member, reader);
	type = &reader->prog->types.types.data[id];
	if (is_array && (die->has & HG_HAS_CHILDREN))
		type->count = reader->dimension;
}

static void read_type(struct reader *reader, const struct hg_die *die, enum hg_type_kind kind)
{
	const bool is_pointer = kind == HG_TYPE_POINTER;
	const bool declared_only = die->has & HG_IS_DECLARATION;
	const struct hg_type type = {
		.name = declared_only ? 0 : intern(reader, die->name),
		.kind = (uint8_t)kind,
		.go_kind = (uint8_t)die->go_kind,
		.language = HG_LANGUAGE_GO,
		.module = (uint16_t)reader->module,
		.size = die->has & HG_HAS_BYTE_SIZE ? die->byte_size
			: is_pointer		    ? die->unit->address_size
						    : 0,
		.line = (uint32_t)die->line,
		// Up to Go 1.22 the type uintptr holds an address here, not an offset.
		.go_descriptor = die->go_runtime_type < reader->index->descriptor_limit
					 ? die->go_runtime_type
					 : 0,
	};
	struct type_refs *refs = hg_vec_push(&reader->refs);
	const uint32_t id = refs ? hg_type_add(reader->prog, &type) : 0;
	uint64_t *entry = id ? hg_map_put(&reader->index->types, die->offset) : NULL;
	if (!entry) {
		reader->nomem = true;
		return;
	}
	*entry = id;
	*refs = (struct type_refs){die->type, die->go_key, die->go_elem};
	// A type that is only declared keeps its name for people, but must not be found by it.
	if (declared_only)
		reader->prog->types.types.data[id].name = intern(reader, die->name);
	if (die->has & HG_HAS_CHILDREN)
		read_children(reader, id, die);
}

static void read_global(struct reader *reader, const struct hg_die *die)
{
	uint64_t addr;
	if (!(die->has & HG_HAS_LOCATION) || (!die->name && !die->origin) ||
	    !hg_location_static(die->dwarf, die->unit, &die->location.expr, &addr))
		return;
	const struct hg_module *module = &reader->prog->modules.data[reader->module];
	struct hg_variable *global = hg_vec_push(&reader->prog->globals);
	struct pending_global *pending = global ? hg_vec_push(&reader->globals) : NULL;
	if (!pending) {
		reader->nomem = true;
		return;
	}
	*global = (struct hg_variable){
		.name = intern(reader, die->name),
		.addr = addr + module->bias,
		.line = (uint32_t)die->line,
		.module = (uint16_t)reader->module,
		.language = HG_LANGUAGE_GO,
	};
	*pending = (struct pending_global){die->type, die->origin};
}

static void read_constant(struct reader *reader, const struct hg_die *die)
{
	const uint32_t name = die->has & HG_HAS_CONST ? intern(reader, die->name) : 0;
	if (!name || hg_map_get(&reader->prog->constants, name))
		return;
	uint64_t *value = hg_map_put(&reader->prog->constants, name);
	reader->nomem |= !value;
	if (value)
		*value = (uint64_t)die->const_value;
}

static bool add_range(void *arg, uint64_t low, uint64_t high, uint64_t die)
{
	struct reader *reader = arg;
	struct hg_function_range *range = hg_vec_push(&reader->index->functions);
	reader->nomem |= !range;
	if (range)
		*range = (struct hg_function_range){low, high, die};
	return range;
}

static bool read_top_level(void *arg, const struct hg_die *die)
{
	struct reader *reader = arg;
	const enum hg_type_kind kind = type_kind(die);
	if (kind != HG_TYPE_UNKNOWN)
		read_type(reader, die, kind);
	else if (die->tag == HG_TAG_VARIABLE)
		read_global(reader, die);
	else if (die->tag == HG_TAG_CONSTANT)
		read_constant(reader, die);
	else if (die->tag == HG_TAG_SUBPROGRAM)
		hg_location_each_range(die, add_range, reader);
	return !reader->nomem;
}

static uint32_t resolve(const struct reader *reader, uint64_t offset)
{
	const uint64_t *id = offset ? hg_map_get(&reader->index->types, offset) : NULL;
	return id ? (uint32_t)*id : 0;
}

static void resolve_types(struct reader *reader)
{
	struct hg_types *types = &reader->prog->types;
	for (size_t i = 0; i < reader->refs.count && reader->first_type + i < types->types.count;
	     i++) {
		struct hg_type *type = &types->types.data[reader->first_type + i];
		type->elem = resolve(reader, reader->refs.data[i].elem);
		type->go_key = resolve(reader, reader->refs.data[i].go_key);
		type->go_elem = resolve(reader, reader->refs.data[i].go_elem);
	}
	for (size_t i = 0;
	     i < reader->member_types.count && reader->first_member + i < types->members.count; i++)
		types->members.data[reader->first_member + i].type =
			resolve(reader, reader->member_types.data[i]);
}

// Typedefs and arrays of C have no size of their own. Returns the size where it is found within `depth` steps.
static uint64_t size_of(struct hg_types *types, uint32_t id, unsigned depth)
{
	struct hg_type *type = &types->types.data[id];
	if (type->size || !depth || id == 0)
		return type->size;
	if (type->kind == HG_TYPE_TYPEDEF)
		type->size = size_of(types, type->elem, depth - 1);
	else if (type->kind == HG_TYPE_ARRAY && type->count &&
		 __builtin_mul_overflow(size_of(types, type->elem, depth - 1), type->count,
					&type->size))
		type->size = 0;
	return type->size;
}

static bool take_declaration(void *arg, const struct hg_die *die)
{
	struct hg_die *ret = arg;
	*ret = *die;
	return true;
}

static void resolve_globals(struct reader *reader)
{
	struct hg_program *prog = reader->prog;
	for (size_t i = 0; i < reader->globals.count; i++) {
		struct hg_variable *global = &prog->globals.data[reader->first_global + i];
		const struct pending_global *pending = &reader->globals.data[i];
		uint64_t type = pending->type;
		struct hg_die declaration;
		if ((!type || !global->name) && pending->origin &&
		    hg_die_at(reader->dwarf, pending->origin, take_declaration, &declaration)) {
			type = type ? type : declaration.type;
			global->name =
				global->name ? global->name : intern(reader, declaration.name);
			global->line = global->line ? global->line : (uint32_t)declaration.line;
		}
		global->type = resolve(reader, type);
		global->size = hg_type_get(prog, global->type)->size;
	}
}

static bool read_unit(void *arg, const struct hg_die *die)
{
	hg_die_children(die, read_top_level, arg);
	return true;
}

static void read_units(struct reader *reader)
{
	size_t count;
	const struct hg_unit *units = hg_dwarf_units(reader->dwarf, &count);
	for (size_t i = 0; i < count && !reader->nomem; i++) {
		if (hg_type_language(units[i].language) == HG_LANGUAGE_GO)
			hg_die_at(reader->dwarf, units[i].die, read_unit, reader);
		hg_log_progress(reader->prog->log, "reading debug info", i, count);
	}
}

uint32_t hg_type_at_entry(const struct hg_module_index *index, uint64_t offset)
{
	if (!offset)
		return 0;
	const uint64_t *id = hg_map_get(&index->types, offset);
	if (id)
		return (uint32_t)*id;
	size_t low = 0, high = index->entries.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (index->entries.data[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->entries.count && index->entries.data[low].offset == offset
		       ? index->entries.data[low].id
		       : 0;
}

// A type that was only declared when it was used may be defined by now.
static void settle_sizes(struct hg_program *prog)
{
	for (uint32_t id = 1; id < prog->types.types.count; id++)
		size_of(&prog->types, id, HG_MAX_TYPE_DEPTH);
	for (size_t i = 0; i < prog->globals.count; i++) {
		struct hg_variable *global = &prog->globals.data[i];
		if (!global->size)
			global->size = hg_type_get(prog, global->type)->size;
	}
	for (size_t i = 0; i < prog->tls.count; i++) {
		struct hg_tls_variable *tls = &prog->tls.data[i];
		if (!tls->size)
			tls->size = hg_type_get(prog, tls->type)->size;
	}
}

struct hg_error *hg_type_read(struct hg_program *prog, uint32_t module)
{
	struct reader reader = {
		.prog = prog,
		.module = module,
		.index = &prog->priv->indexes[module],
		.dwarf = prog->modules.data[module].dwarf,
		.first_type = (uint32_t)prog->types.types.count,
		.first_member = (uint32_t)prog->types.members.count,
		.first_global = prog->globals.count,
	};
	// Go's units come first, so that a name that C has too is Go's.
	read_units(&reader);
	resolve_types(&reader);
	for (uint32_t id = reader.first_type; id < prog->types.types.count; id++)
		size_of(&prog->types, id, HG_MAX_TYPE_DEPTH);
	resolve_globals(&reader);
	hg_vec_deinit(&reader.refs);
	hg_vec_deinit(&reader.member_types);
	hg_vec_deinit(&reader.globals);
	const bool exhausted = reader.nomem || hg_dwarf_exhausted(reader.dwarf);
	struct hg_error *err = exhausted ? &hg_enomem : hg_native_read(prog, module);
	settle_sizes(prog);
	hg_program_count_damage(prog, module);
	return err;
}
