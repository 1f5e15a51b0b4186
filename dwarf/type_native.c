// Debug info entries of C, C++ and Rust -> a batch.

#include "dwarf/type_native.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "dwarf/dwarfnum.h"
#include "dwarf/location.h"

#define MAX_DEPTH 200	      // of entries within entries
#define NAME_BYTES_PER_BYTE 8 // of debug info: real names are far below
#define NAME_BYTES_ALWAYS (16u << 20)

struct walk { // where in the tree of entries we are
	struct hg_native *batch;
	uint32_t scope;
	uint32_t owner; // index + 1 of the type whose children these are
	unsigned depth;
	uint8_t language;
};

static bool read_entry(void *arg, const struct hg_die *die);

static void walk_children(const struct walk *walk, const struct hg_die *die, uint32_t scope,
			  uint32_t owner)
{
	struct walk inner = *walk;
	inner.scope = scope;
	inner.owner = owner;
	if (++inner.depth < MAX_DEPTH && (die->has & HG_HAS_CHILDREN))
		hg_die_children(die, read_entry, &inner);
}

static uint32_t add_scope(struct hg_native *batch, const struct hg_native_scope *scope)
{
	struct hg_native_scope *place =
		batch->scopes.count < UINT32_MAX ? hg_vec_push(&batch->scopes) : NULL;
	if (!place) {
		batch->nomem = true;
		return 0;
	}
	*place = *scope;
	return (uint32_t)(batch->scopes.count - 1);
}

static bool is_type(unsigned tag, enum hg_type_kind *kind, enum hg_native_form *form)
{
	static const struct {
		uint16_t tag;
		uint8_t kind, form;
	} rows[] = {
		{HG_TAG_POINTER_TYPE, HG_TYPE_POINTER, HG_NATIVE_POINTER},
		{HG_TAG_STRUCTURE_TYPE, HG_TYPE_STRUCT, HG_NATIVE_NAMED},
		{HG_TAG_CLASS_TYPE, HG_TYPE_STRUCT, HG_NATIVE_NAMED},
		{HG_TAG_UNION_TYPE, HG_TYPE_UNION, HG_NATIVE_NAMED},
		{HG_TAG_TYPEDEF, HG_TYPE_TYPEDEF, HG_NATIVE_TYPEDEF},
		{HG_TAG_TEMPLATE_ALIAS, HG_TYPE_TYPEDEF, HG_NATIVE_TYPEDEF},
		{HG_TAG_CONST_TYPE, HG_TYPE_TYPEDEF, HG_NATIVE_CONST},
		{HG_TAG_IMMUTABLE_TYPE, HG_TYPE_TYPEDEF, HG_NATIVE_CONST},
		{HG_TAG_VOLATILE_TYPE, HG_TYPE_TYPEDEF, HG_NATIVE_VOLATILE},
		{HG_TAG_RESTRICT_TYPE, HG_TYPE_TYPEDEF, HG_NATIVE_RESTRICT},
		{HG_TAG_ATOMIC_TYPE, HG_TYPE_TYPEDEF, HG_NATIVE_ATOMIC},
		{HG_TAG_REFERENCE_TYPE, HG_TYPE_POINTER, HG_NATIVE_REFERENCE},
		{HG_TAG_RVALUE_REFERENCE_TYPE, HG_TYPE_POINTER, HG_NATIVE_RVALUE_REFERENCE},
		{HG_TAG_PTR_TO_MEMBER_TYPE, HG_TYPE_INT, HG_NATIVE_MEMBER_POINTER},
		{HG_TAG_ARRAY_TYPE, HG_TYPE_ARRAY, HG_NATIVE_ARRAY},
		{HG_TAG_ENUMERATION_TYPE, HG_TYPE_ENUM, HG_NATIVE_NAMED},
		{HG_TAG_BASE_TYPE, HG_TYPE_UINT, HG_NATIVE_NAMED},
		{HG_TAG_SUBROUTINE_TYPE, HG_TYPE_FUNC, HG_NATIVE_FUNCTION},
		{HG_TAG_UNSPECIFIED_TYPE, HG_TYPE_VOID, HG_NATIVE_NAMED},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].tag != tag)
			continue;
		*kind = rows[i].kind;
		*form = rows[i].form;
		return true;
	}
	return false;
}

// What the compiler made itself has no line, and a file of index 0 that means nothing.
static uint32_t file_of(struct hg_native *batch, const struct hg_die *die)
{
	return die->line ? hg_line_file(&batch->files, &batch->prog->strings, die->file) : 0;
}

static void read_type(struct walk *walk, const struct hg_die *die, enum hg_type_kind kind,
		      enum hg_native_form form)
{
	struct hg_native *batch = walk->batch;
	struct hg_native_type *type =
		batch->types.count < HG_MAX_TYPES ? hg_vec_push(&batch->types) : NULL;
	if (!type) {
		batch->nomem = true;
		return;
	}
	const uint32_t index = (uint32_t)(batch->types.count - 1);
	*type = (struct hg_native_type){
		.offset = die->offset,
		.ref = die->type,
		.origin = die->origin,
		.size = die->has & HG_HAS_BYTE_SIZE ? die->byte_size
			: kind == HG_TYPE_POINTER   ? die->unit->address_size
						    : 0,
		.own = die->name && *die->name ? die->name : NULL,
		.scope = walk->scope,
		.file = file_of(batch, die),
		.basename = die->line ? hg_line_file_name(&batch->files, die->file) : "",
		.line = (uint32_t)die->line,
		.kind = (uint8_t)(die->tag == HG_TAG_BASE_TYPE ? hg_type_base_kind(die->encoding)
							       : kind),
		.form = (uint8_t)form,
		.language = walk->language,
		.is_class = die->tag == HG_TAG_CLASS_TYPE,
		.declaration = die->has & HG_IS_DECLARATION,
	};
	if (!(die->has & HG_HAS_CHILDREN) || kind == HG_TYPE_ENUM)
		return;
	const struct hg_native_scope scope = {
		.parent = walk->scope,
		.type = index + 1,
		.transparent = walk->language == HG_LANGUAGE_C,
	};
	const bool is_scope = form == HG_NATIVE_NAMED;
	walk_children(walk, die, is_scope ? add_scope(batch, &scope) : walk->scope, index + 1);
}

static void add_member(struct walk *walk, const struct hg_native_member *member)
{
	struct hg_native_member *place = walk->batch->members.count < HG_MAX_MEMBERS
						 ? hg_vec_push(&walk->batch->members)
						 : NULL;
	walk->batch->nomem |= !place;
	if (!place)
		return;
	*place = *member;
	place->owner = walk->owner - 1;
}

static void add_entry(struct walk *walk, const struct hg_die *die)
{
	struct hg_native_entry *entry = hg_vec_push(&walk->batch->entries);
	walk->batch->nomem |= !entry;
	if (entry)
		*entry = (struct hg_native_entry){die->offset, walk->scope};
}

static void read_member(struct walk *walk, const struct hg_die *die)
{
	if (die->has & (HG_IS_DECLARATION | HG_IS_EXTERNAL)) { // static, in DWARF 4
		add_entry(walk, die);
		return;
	}
	if (!walk->owner || (die->has & HG_IS_BITFIELD))
		return;
	const bool is_base = die->tag == HG_TAG_INHERITANCE;
	// Where a virtual base lies, only an expression tells, by the vtable of the object.
	if (is_base && !(die->has & HG_HAS_MEMBER_OFFSET))
		return;
	const char *name = is_base || !die->name || !*die->name ? NULL : die->name;
	add_member(walk, &(struct hg_native_member){.ref = die->type,
						    .offset = die->member_offset,
						    .name = name,
						    .embedded = !name});
}

static void read_argument(struct walk *walk, const struct hg_die *die)
{
	if (!walk->owner)
		return;
	struct hg_native_argument *argument = hg_vec_push(&walk->batch->arguments);
	walk->batch->nomem |= !argument;
	if (argument)
		*argument = (struct hg_native_argument){
			.owner = walk->owner - 1,
			.ref = die->type,
			.is_value = die->tag == HG_TAG_TEMPLATE_VALUE_PARAMETER,
			.value = die->has & HG_HAS_CONST ? die->const_value : 0,
		};
}

// Code and data that the linker threw away stand at address 0 or at none of the module.
static bool is_loaded(const struct hg_module *module, uint64_t addr)
{
	if (!module->elf || !module->elf->segment_count)
		return true;
	for (size_t i = 0; i < module->elf->segment_count; i++) {
		const struct hg_elf_segment *segment = &module->elf->segments[i];
		if (segment->memsz && addr && addr - segment->vaddr < segment->memsz)
			return true;
	}
	return false;
}

static void read_variable(struct walk *walk, const struct hg_die *die)
{
	struct hg_native *batch = walk->batch;
	const struct hg_module *module = &batch->prog->modules.data[batch->module];
	uint64_t place = 0;
	bool is_tls = false;
	if (die->has & HG_HAS_LOCATION)
		is_tls = hg_location_tls(die->dwarf, die->unit, &die->location.expr, &place);
	const bool is_static =
		(die->has & HG_HAS_LOCATION) && !is_tls &&
		hg_location_static(die->dwarf, die->unit, &die->location.expr, &place) &&
		is_loaded(module, place);
	if (!is_tls && !is_static) {
		if (!(die->has & HG_HAS_LOCATION_LIST) && die->name)
			add_entry(walk, die);
		return;
	}
	struct hg_native_variable *variable = hg_vec_push(&batch->variables);
	batch->nomem |= !variable;
	if (!variable)
		return;
	*variable = (struct hg_native_variable){
		.ref = die->type,
		.origin = die->origin,
		.name = die->name,
		.place = is_tls ? place : place + module->bias,
		.scope = walk->scope,
		.file = file_of(batch, die),
		.line = (uint32_t)die->line,
		.language = walk->language,
		.is_tls = is_tls,
	};
}

static bool add_range(void *arg, uint64_t low, uint64_t high, uint64_t die)
{
	struct hg_native *batch = arg;
	struct hg_function_range *range = hg_vec_push(&batch->index->functions);
	batch->nomem |= !range;
	if (range)
		*range = (struct hg_function_range){low, high, die};
	return range;
}

static void read_function(struct walk *walk, const struct hg_die *die)
{
	struct hg_native *batch = walk->batch;
	const bool declared = die->has & HG_IS_DECLARATION;
	add_entry(walk, die);
	// A type unit has the classes of a function (lambdas) in a declaration of it; those in classes have none.
	if (declared && batch->scopes.data[walk->scope].type)
		return;
	if (!declared)
		hg_location_each_range(die, add_range, batch);
	const struct hg_native_scope scope = {
		.parent = walk->scope, .name = die->name, .function = die->offset};
	if (die->has & HG_HAS_CHILDREN)
		walk_children(walk, die, add_scope(batch, &scope), 0);
}

static void read_namespace(struct walk *walk, const struct hg_die *die)
{
	const struct hg_native_scope scope = {.parent = walk->scope, .name = die->name};
	walk_children(walk, die, add_scope(walk->batch, &scope), 0);
}

static void read_other(struct walk *walk, const struct hg_die *die)
{
	switch (die->tag) {
	case HG_TAG_MEMBER:
	case HG_TAG_INHERITANCE:
		read_member(walk, die);
		break;
	case HG_TAG_SUBRANGE_TYPE:
		if (walk->owner)
			add_member(walk, &(struct hg_native_member){.offset = die->count});
		break;
	case HG_TAG_FORMAL_PARAMETER:
		if (walk->owner)
			add_member(walk, &(struct hg_native_member){.ref = die->type});
		break;
	case HG_TAG_TEMPLATE_TYPE_PARAMETER:
	case HG_TAG_TEMPLATE_VALUE_PARAMETER:
	case HG_TAG_GNU_TEMPLATE_TEMPLATE_PARAM:
		read_argument(walk, die);
		break;
	case HG_TAG_GNU_TEMPLATE_PARAMETER_PACK:
	case HG_TAG_VARIANT_PART: // Rust's enums: one of several sets of members
	case HG_TAG_VARIANT:
	case HG_TAG_LEXICAL_BLOCK:
		walk_children(walk, die, walk->scope, walk->owner);
		break;
	case HG_TAG_NAMESPACE:
		read_namespace(walk, die);
		break;
	case HG_TAG_VARIABLE:
		read_variable(walk, die);
		break;
	case HG_TAG_SUBPROGRAM:
		read_function(walk, die);
		break;
	}
}

static bool read_entry(void *arg, const struct hg_die *die)
{
	struct walk *walk = arg;
	enum hg_type_kind kind;
	enum hg_native_form form;
	if (is_type(die->tag, &kind, &form))
		read_type(walk, die, kind, form);
	else
		read_other(walk, die);
	return !walk->batch->nomem;
}

static bool read_unit(void *arg, const struct hg_die *die)
{
	hg_die_children(die, read_entry, arg);
	return true;
}

static void add_unit(struct hg_native *batch, const struct hg_unit *unit)
{
	struct walk walk = {.batch = batch, .language = hg_type_language(unit->language)};
	hg_line_files_read(batch->dwarf, unit, &batch->files);
	hg_die_at(batch->dwarf, unit->die, read_unit, &walk);
}

uint32_t hg_native_find(const struct hg_native *batch, uint64_t offset)
{
	size_t low = 0, high = batch->types.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (batch->types.data[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < batch->types.count && batch->types.data[low].offset == offset
		       ? (uint32_t)low + 1
		       : 0;
}

// Groups records by the type they belong to, whose index each starts with, and keeps their order otherwise: members of a
// class stand between those of the classes within it. Returns where each type's start, and how many there are.
static uint32_t *group(void *records, size_t count, size_t size, size_t types)
{
	uint32_t *starts = calloc(types + 1, sizeof(*starts));
	hg_autofree uint32_t *next = calloc(types + 1, sizeof(*next));
	hg_autofree char *sorted = malloc(count * size + 1);
	const char *from = records;
	if (!starts || !next || !sorted) {
		free(starts);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		starts[hg_load_u32(from + i * size) + 1]++;
	for (size_t i = 0; i < types; i++)
		next[i + 1] = starts[i + 1] += starts[i];
	for (size_t i = 0; i < count; i++)
		memcpy(sorted + size * next[hg_load_u32(from + i * size)]++, from + i * size, size);
	if (count)
		memcpy(records, sorted, count * size);
	return starts;
}

static bool group_all(struct hg_native *batch)
{
	const size_t count = batch->types.count;
	hg_autofree uint32_t *members = group(batch->members.data, batch->members.count,
					      sizeof(*batch->members.data), count);
	hg_autofree uint32_t *arguments = group(batch->arguments.data, batch->arguments.count,
						sizeof(*batch->arguments.data), count);
	if (!members || !arguments)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct hg_native_type *type = &batch->types.data[i];
		type->members = members[i];
		type->member_count = members[i + 1] - members[i];
		type->arguments = arguments[i];
		type->argument_count = arguments[i + 1] - arguments[i];
	}
	return true;
}

static const struct hg_native_entry *find_entry(const struct hg_native *batch, uint64_t offset)
{
	size_t low = 0, high = batch->entries.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (batch->entries.data[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < batch->entries.count && batch->entries.data[low].offset == offset
		       ? &batch->entries.data[low]
		       : NULL;
}

static bool copy_die(void *arg, const struct hg_die *die)
{
	*(struct hg_die *)arg = *die;
	return true;
}

bool hg_native_declaration(const struct hg_native *batch, uint64_t origin, struct hg_die *ret,
			   uint32_t *scope)
{
	for (unsigned i = 0; i < 4 && origin; i++) {
		const struct hg_native_entry *entry = find_entry(batch, origin);
		if (!hg_die_at(batch->dwarf, origin, copy_die, ret))
			return false;
		*scope = entry ? entry->scope : 0;
		if (ret->name)
			return true;
		origin = ret->origin;
	}
	return false;
}

static void add_variable(struct hg_native *batch, struct hg_native_variable *variable)
{
	struct hg_program *prog = batch->prog;
	struct hg_die declaration;
	uint32_t scope;
	if ((!variable->name || !variable->ref) && variable->origin &&
	    hg_native_declaration(batch, variable->origin, &declaration, &scope)) {
		variable->scope = variable->name ? variable->scope : scope;
		variable->name = variable->name ? variable->name : declaration.name;
		variable->ref = variable->ref ? variable->ref : declaration.type;
		variable->line = variable->line ? variable->line : (uint32_t)declaration.line;
		variable->file = variable->file ? variable->file : file_of(batch, &declaration);
	}
	const uint32_t name =
		variable->name ? hg_native_full_name(batch, variable->scope, variable->name) : 0;
	const uint32_t type = hg_native_id(batch, variable->ref);
	struct hg_variable *global = variable->is_tls ? NULL : hg_vec_push(&prog->globals);
	struct hg_tls_variable *tls = variable->is_tls ? hg_vec_push(&prog->tls) : NULL;
	if (global)
		*global = (struct hg_variable){
			.name = name,
			.type = type,
			.addr = variable->place,
			.size = hg_type_get(prog, type)->size,
			.file = variable->file,
			.line = variable->line,
			.module = (uint16_t)batch->module,
			.language = variable->language,
		};
	else if (tls)
		*tls = (struct hg_tls_variable){
			.name = name,
			.type = type,
			.offset = variable->place,
			.size = hg_type_get(prog, type)->size,
			.file = variable->file,
			.line = variable->line,
			.module = (uint16_t)batch->module,
			.language = variable->language,
		};
	else
		batch->nomem = true;
}

static void finish(struct hg_native *batch)
{
	if (!group_all(batch)) {
		batch->nomem = true;
		return;
	}
	hg_native_name_all(batch);
	hg_native_merge(batch);
	for (size_t i = 0; i < batch->variables.count && !batch->nomem; i++)
		add_variable(batch, &batch->variables.data[i]);
}

static bool begin(struct hg_native *batch)
{
	batch->scopes.count = batch->types.count = batch->members.count = 0;
	batch->arguments.count = batch->entries.count = batch->variables.count = 0;
	return hg_vec_push(&batch->scopes);
}

static bool is_native(const struct hg_unit *unit)
{
	return hg_type_language(unit->language) != HG_LANGUAGE_GO && !unit->idle;
}

static void read_units(struct hg_native *batch)
{
	const struct hg_log *log = batch->prog->log;
	size_t count;
	const struct hg_unit *units = hg_dwarf_units(batch->dwarf, &count);
	bool together = false;
	for (size_t i = 0; i < count; i++)
		together |= units[i].linked && is_native(&units[i]);
	if (!begin(batch))
		batch->nomem = true;
	for (size_t i = 0; i < count && !batch->nomem; i++) {
		if (is_native(&units[i])) {
			add_unit(batch, &units[i]);
			if (!together) {
				finish(batch);
				batch->nomem |= !begin(batch);
			}
		}
		hg_log_progress(log, "reading debug info", i, count);
	}
	if (together && !batch->nomem)
		finish(batch);
}

struct hg_error *hg_native_read(struct hg_program *prog, uint32_t module)
{
	struct hg_dwarf *dwarf = prog->modules.data[module].dwarf;
	struct hg_native batch = {
		.prog = prog,
		.module = module,
		.index = &prog->priv->indexes[module],
		.dwarf = dwarf,
		.names_left = hg_dwarf_size(dwarf) * NAME_BYTES_PER_BYTE + NAME_BYTES_ALWAYS,
	};
	read_units(&batch);
	hg_vec_deinit(&batch.scopes);
	hg_vec_deinit(&batch.types);
	hg_vec_deinit(&batch.members);
	hg_vec_deinit(&batch.arguments);
	hg_vec_deinit(&batch.entries);
	hg_vec_deinit(&batch.variables);
	hg_line_files_deinit(&batch.files);
	return batch.nomem ? &hg_enomem : NULL;
}
