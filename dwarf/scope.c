// The variables of a function at a pc: its scopes, the functions inlined into it, the variables a closure captured.
//
// A leak of goroutines has the same pc 100,000 times, so two things are kept: what a function declares, and which
// location each variable has at a pc. What remains per frame is to evaluate a few bytes of expression.

#include <string.h>

#include "core/base/limits.h"
#include "dwarf/dwarfnum.h"
#include "dwarf/location.h"
#include "dwarf/program_private.h"

#define FUNCTION_SCOPE 1 // its number among the scopes of a function
#define MAX_SCOPE_DEPTH 256
#define MAX_FUNCTION_ENTRIES (1u << 20) // variables and scopes of one function

struct range {
	uint64_t low, high; // link-time addresses
};

struct scope { // a lexical block, an inlined function, or the function itself
	uint32_t parent;
	uint32_t ranges, range_count; // none: all of the parent
	uint32_t function;	      // name
};

struct declared { // a variable or parameter
	uint32_t name;
	uint32_t type;
	uint32_t file, line;
	uint32_t scope;
	bool parameter;
	uint32_t has; // HG_HAS_*
	struct hg_section_bytes expr;
	uint64_t list;
	uint64_t closure_offset;
};

struct hg_function {
	const struct hg_unit *unit;
	struct hg_section_bytes frame_base;
	HG_VEC(struct range) ranges;
	HG_VEC(struct scope)
	scopes; // a parent stands before its children; [0] is around the function, [1] is it
	HG_VEC(struct declared) variables;
};

struct placed { // a variable with the expression that holds at a pc
	const struct declared *variable;
	struct hg_section_bytes expr;
	bool bad;
};

struct hg_pc_locals {
	const struct hg_function *function; // NULL when no function is known there
	uint32_t module;
	size_t count;
	struct placed *all;
};

struct reader {
	struct hg_program *prog;
	struct hg_module_index *index;
	struct hg_function *function;
	uint32_t scope;
	unsigned depth;
	bool nomem;
};

static uint32_t intern(struct reader *reader, const char *name)
{
	return name ? hg_strtab_addn(&reader->prog->strings, name, strnlen(name, HG_MAX_NAME)) : 0;
}

static bool copy_die(void *arg, const struct hg_die *die)
{
	*(struct hg_die *)arg = *die;
	return true;
}

// Names and types of inlined functions and their variables stand in the abstract entry they come from.
static struct hg_die with_origin(const struct hg_die *die)
{
	struct hg_die ret = *die;
	for (unsigned i = 0; i < 3 && ret.origin && (!ret.name || !ret.type); i++) {
		struct hg_die origin;
		if (!hg_die_at(die->dwarf, ret.origin, copy_die, &origin))
			break;
		ret.name = ret.name ? ret.name : origin.name;
		ret.type = ret.type ? ret.type : origin.type;
		ret.file = ret.line ? ret.file : origin.file;
		ret.line = ret.line ? ret.line : origin.line;
		if ((origin.has & ~ret.has) & HG_HAS_CLOSURE_OFFSET) {
			ret.closure_offset = origin.closure_offset;
			ret.has |= HG_HAS_CLOSURE_OFFSET;
		}
		ret.origin = origin.origin;
	}
	return ret;
}

// Go's compiler names no files for its variables.
static uint32_t file_of(struct reader *reader, const struct hg_die *die)
{
	struct hg_line_files *files = &reader->index->files;
	if (!die->line || die->unit->language == HG_LANG_GO)
		return 0;
	if (files->unit != die->unit)
		hg_line_files_read(die->dwarf, die->unit, files);
	return hg_line_file(files, &reader->prog->strings, die->file);
}

static void read_variable(struct reader *reader, const struct hg_die *bare)
{
	const uint32_t wanted = HG_HAS_LOCATION | HG_HAS_LOCATION_LIST | HG_HAS_CLOSURE_OFFSET;
	if (!(bare->has & wanted))
		return;
	const struct hg_die die = with_origin(bare);
	struct declared *variable = hg_vec_push(&reader->function->variables);
	if (!variable) {
		reader->nomem = true;
		return;
	}
	*variable = (struct declared){
		.name = intern(reader, die.name),
		.type = hg_type_at_entry(reader->index, die.type),
		.file = file_of(reader, &die),
		.line = (uint32_t)die.line,
		.scope = reader->scope,
		.parameter = die.tag == HG_TAG_FORMAL_PARAMETER,
		.has = die.has,
		.expr = die.location.expr,
		.list = die.location.offset,
		.closure_offset = die.closure_offset,
	};
}

static bool add_range(void *arg, uint64_t low, uint64_t high, uint64_t die)
{
	struct reader *reader = arg;
	(void)die;
	struct range *range = hg_vec_push(&reader->function->ranges);
	reader->nomem |= !range;
	if (range)
		*range = (struct range){.low = low, .high = high};
	return range;
}

static bool read_entry(void *arg, const struct hg_die *die);

static void read_scope(struct reader *reader, const struct hg_die *die)
{
	struct hg_function *function = reader->function;
	const uint32_t parent = reader->scope;
	const uint32_t ranges = (uint32_t)function->ranges.count;
	const uint32_t id = (uint32_t)function->scopes.count;
	if (reader->depth >= MAX_SCOPE_DEPTH)
		return;
	if (!hg_location_each_range(die, add_range, reader))
		reader->prog->bad_locations++;
	struct scope *scope = hg_vec_push(&function->scopes);
	if (!scope) {
		reader->nomem = true;
		return;
	}
	*scope = (struct scope){
		.parent = parent,
		.ranges = ranges,
		.range_count = (uint32_t)function->ranges.count - ranges,
		.function = function->scopes.data[parent].function,
	};
	if (die->tag != HG_TAG_LEXICAL_BLOCK) {
		const struct hg_die named = with_origin(die);
		scope->function = intern(reader, named.name);
	}
	reader->scope = id;
	reader->depth++;
	hg_die_children(die, read_entry, reader);
	reader->depth--;
	reader->scope = parent;
}

static bool read_entry(void *arg, const struct hg_die *die)
{
	struct reader *reader = arg;
	const struct hg_function *function = reader->function;
	if (function->variables.count + function->scopes.count + function->ranges.count >=
	    MAX_FUNCTION_ENTRIES)
		return false;
	if (die->tag == HG_TAG_VARIABLE || die->tag == HG_TAG_FORMAL_PARAMETER)
		read_variable(reader, die);
	else if (die->tag == HG_TAG_LEXICAL_BLOCK || die->tag == HG_TAG_INLINED_SUBROUTINE)
		read_scope(reader, die);
	return !reader->nomem;
}

static bool read_function(void *arg, const struct hg_die *die)
{
	struct reader *reader = arg;
	reader->function->unit = die->unit;
	reader->function->frame_base = die->frame_base;
	read_scope(reader, die);
	return true;
}

static void destroy_function(struct hg_function *function)
{
	hg_vec_deinit(&function->ranges);
	hg_vec_deinit(&function->scopes);
	hg_vec_deinit(&function->variables);
	free(function);
}

void hg_scope_deinit(struct hg_module_index *index)
{
	for (size_t i = 0; i < index->functions_read.count; i++)
		destroy_function(index->functions_read.data[i]);
	hg_vec_deinit(&index->functions_read);
	hg_map_deinit(&index->function_at);
	hg_line_files_deinit(&index->files);
}

static int compare_low(const void *a, const void *b)
{
	const struct hg_function_range *left = a, *right = b;
	if (left->low != right->low)
		return left->low < right->low ? -1 : 1;
	return left->high > right->high ? -1 : left->high < right->high;
}

static const struct hg_function_range *find_range(struct hg_module_index *index, uint64_t pc)
{
	if (!index->functions_sorted && index->functions.count)
		qsort(index->functions.data, index->functions.count, sizeof(*index->functions.data),
		      compare_low);
	index->functions_sorted = true;
	size_t low = 0, high = index->functions.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (index->functions.data[middle].low <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	// The part of a function that a compiler moved away can lie within another's range.
	for (unsigned tries = 0; low-- > 0 && tries < 16; tries++)
		if (pc < index->functions.data[low].high)
			return &index->functions.data[low];
	return NULL;
}

static struct hg_error *function_of(struct hg_program *prog, uint32_t module, uint64_t die,
				    const struct hg_function **ret)
{
	struct hg_module_index *index = &prog->priv->indexes[module];
	uint64_t *known = hg_map_put(&index->function_at, die);
	if (!known)
		return &hg_enomem;
	if (*known) {
		*ret = index->functions_read.data[*known - 1];
		return NULL;
	}
	struct hg_function *function = calloc(1, sizeof(*function));
	struct hg_function **place = function ? hg_vec_push(&index->functions_read) : NULL;
	if (!place) {
		free(function);
		return &hg_enomem;
	}
	*place = function;
	*known = index->functions_read.count;
	struct scope *outside = hg_vec_push(&function->scopes); // of the function, without a name
	struct reader reader = {.prog = prog, .index = index, .function = function};
	if (!outside)
		return &hg_enomem;
	hg_die_at(prog->modules.data[module].dwarf, die, read_function, &reader);
	hg_program_count_damage(prog, module);
	*ret = function;
	return reader.nomem ? &hg_enomem : NULL;
}

// The function whose code contains a pc; *ret is NULL where there is none.
static struct hg_error *function_at(struct hg_program *prog, uint64_t pc, uint32_t *module,
				    const struct hg_function_range **range,
				    const struct hg_function **ret)
{
	const struct hg_module *at = hg_program_module_at(prog, pc);
	*ret = NULL;
	if (!at || !at->dwarf)
		return NULL;
	*module = (uint32_t)(at - prog->modules.data);
	*range = find_range(&prog->priv->indexes[*module], pc - at->bias);
	return *range ? function_of(prog, *module, (*range)->die, ret) : NULL;
}

bool hg_scope_entry(struct hg_program *prog, uint64_t pc, uint32_t *module, uint64_t *die)
{
	const struct hg_module *at = hg_program_module_at(prog, pc);
	if (!at || !at->dwarf)
		return false;
	*module = (uint32_t)(at - prog->modules.data);
	const struct hg_function_range *range =
		find_range(&prog->priv->indexes[*module], pc - at->bias);
	*die = range ? range->die : 0;
	return range;
}

static bool scope_contains(const struct hg_function *function, const struct scope *scope,
			   uint64_t pc)
{
	for (uint32_t i = 0; i < scope->range_count; i++) {
		const struct range *range = &function->ranges.data[scope->ranges + i];
		if (pc >= range->low && pc < range->high)
			return true;
	}
	return !scope->range_count;
}

static bool place(struct hg_program *prog, uint32_t module, const struct hg_function *function,
		  const struct declared *variable, uint64_t pc, struct placed *ret)
{
	*ret = (struct placed){.variable = variable, .expr = variable->expr};
	if (variable->has & HG_HAS_LOCATION)
		return variable->expr.size;
	if (!(variable->has & HG_HAS_LOCATION_LIST))
		return false;
	const enum hg_location_status status = hg_location_list_find(
		prog->modules.data[module].dwarf, function->unit, variable->list,
		variable->has & HG_LOCATION_INDEXED, pc, &ret->expr);
	prog->bad_locations += status == HG_LOCATION_BAD;
	return status == HG_LOCATION_FOUND && ret->expr.size;
}

static struct hg_error *place_all(struct hg_program *prog, uint64_t pc, struct hg_pc_locals *ret)
{
	const struct hg_function *function = ret->function;
	const size_t scopes = function->scopes.count, variables = function->variables.count;
	hg_autofree bool *active = calloc(scopes + 1, sizeof(*active));
	hg_autofree struct placed *all = calloc(variables + 1, sizeof(*all));
	if (!active || !all)
		return &hg_enomem;
	for (size_t i = 0; i < scopes; i++) {
		const struct scope *scope = &function->scopes.data[i];
		active[i] = (!i || active[scope->parent]) && scope_contains(function, scope, pc);
	}
	for (size_t i = 0; i < variables; i++) {
		const struct declared *variable = &function->variables.data[i];
		if (active[variable->scope] &&
		    place(prog, ret->module, function, variable, pc, &all[ret->count]))
			ret->count++;
	}
	ret->all = hg_arena_alloc(&prog->arena, (ret->count + 1) * sizeof(*all));
	if (!ret->all)
		return &hg_enomem;
	memcpy(ret->all, all, ret->count * sizeof(*all));
	return NULL;
}

static struct hg_error *locals_at(struct hg_program *prog, uint64_t pc, struct hg_pc_locals **ret)
{
	uint64_t *known = hg_map_put(&prog->priv->locals, pc);
	if (!known)
		return &hg_enomem;
	if (*known) {
		*ret = (struct hg_pc_locals *)(uintptr_t)*known;
		return NULL;
	}
	struct hg_pc_locals *locals = hg_arena_alloc(&prog->arena, sizeof(*locals));
	if (!locals)
		return &hg_enomem;
	const struct hg_function_range *range;
	struct hg_error *err = function_at(prog, pc, &locals->module, &range, &locals->function);
	if (!err && locals->function)
		err = place_all(prog, pc - prog->modules.data[locals->module].bias, locals);
	if (err)
		return err;
	*known = (uintptr_t)locals;
	*ret = locals;
	return NULL;
}

static struct hg_error *add_pieces(const struct hg_program *prog, const struct hg_pc_locals *locals,
				   const struct declared *variable,
				   const struct hg_location *pieces, unsigned count, hg_locals *ret)
{
	for (unsigned i = 0; i < count; i++) {
		struct hg_local *local = hg_vec_push(ret);
		if (!local)
			return &hg_enomem;
		*local = (struct hg_local){
			.name = variable->name,
			.type = variable->type,
			.piece_at = pieces[i].piece_at,
			.piece_size = pieces[i].piece_size
					      ? pieces[i].piece_size
					      : hg_type_get(prog, variable->type)->size,
			.in_register = pieces[i].in_register,
			.reg = pieces[i].reg,
			.addr = pieces[i].addr,
			.file = variable->file,
			.line = variable->line,
			.parameter = variable->parameter,
			.function = locals->function->scopes.data[variable->scope].function,
		};
	}
	return NULL;
}

struct hg_error *hg_variable_locals(struct hg_program *prog, const struct hg_frame_context *frame,
				    hg_locals *ret)
{
	struct hg_pc_locals *locals;
	struct hg_error *err = locals_at(prog, frame->pc, &locals);
	if (err || !locals->function)
		return err;
	const struct hg_module *module = &prog->modules.data[locals->module];
	const struct hg_location_context context = {
		.dwarf = module->dwarf,
		.unit = locals->function->unit,
		.bias = module->bias,
		.cfa = frame->cfa,
		.regs = frame->regs,
		.reg_count = prog->image ? prog->image->arch->reg_count : HG_ARCH_MAX_REGS,
		.unknown_regs = frame->unknown_regs,
		.image = prog->image,
		.frame_base = locals->function->frame_base,
	};
	for (size_t i = 0; i < locals->count && !err; i++) {
		struct placed *placed = &locals->all[i];
		struct hg_location pieces[HG_MAX_PIECES];
		unsigned count = 0;
		if (placed->bad)
			continue;
		placed->bad = hg_location_eval(&context, &placed->expr, pieces, &count) ==
			      HG_LOCATION_BAD;
		prog->bad_locations += placed->bad;
		if (!placed->bad)
			err = add_pieces(prog, locals, placed->variable, pieces, count, ret);
	}
	return err;
}

struct hg_error *hg_variable_captured(struct hg_program *prog, uint64_t entry, hg_captureds *ret)
{
	uint32_t module;
	const struct hg_function_range *range;
	const struct hg_function *function;
	struct hg_error *err = function_at(prog, entry, &module, &range, &function);
	if (err || !function || range->low != entry - prog->modules.data[module].bias)
		return err;
	bool told = false;
	for (size_t i = 0; i < function->variables.count; i++)
		told |= function->variables.data[i].has & HG_HAS_CLOSURE_OFFSET;
	for (size_t i = 0; i < function->variables.count; i++) {
		const struct declared *variable = &function->variables.data[i];
		// Further in are those of inlined closures.
		if (variable->scope != FUNCTION_SCOPE || variable->parameter)
			continue;
		if (told && !(variable->has & HG_HAS_CLOSURE_OFFSET))
			continue;
		struct hg_captured *captured = hg_vec_push(ret);
		if (!captured)
			return &hg_enomem;
		*captured = (struct hg_captured){variable->name, variable->type,
						 variable->closure_offset};
	}
	return NULL;
}

struct hg_error *hg_variable_declared(struct hg_program *prog, uint64_t pc, hg_declareds *ret)
{
	uint32_t module;
	const struct hg_function_range *range;
	const struct hg_function *function;
	struct hg_error *err = function_at(prog, pc, &module, &range, &function);
	if (err || !function || function->variables.count > HG_MAX_DECLARED)
		return err;
	for (size_t i = 0; i < function->variables.count; i++) {
		const struct declared *variable = &function->variables.data[i];
		struct hg_declared *declared = hg_vec_push(ret);
		if (!declared)
			return &hg_enomem;
		*declared = (struct hg_declared){variable->name, variable->type, variable->line,
						 variable->parameter};
	}
	return NULL;
}
