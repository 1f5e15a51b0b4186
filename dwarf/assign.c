#include "dwarf/assign.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "dwarf/dwarfnum.h"
#include "dwarf/location.h"
#include "dwarf/program_private.h"

// One pass over the code of each function, at every byte: an instruction that is none, because it starts in the middle of
// another, would have to name by chance two registers that hold variables just there. Who believes what is found counts how
// often it was.

#define REGISTERS 16
#define FRAME_POINTER 6		// rbp, as DWARF numbers it
#define MAX_FUNCTION (1u << 20) // bytes of code of one function
#define MAX_DEPTH 64		// scopes in scopes
#define MAX_LIVE (1u << 16)	// ranges of variables of one function
#define MAX_ENTRIES (16u << 20) // of debug info; behind them evidence ends
#define MAX_CASTS 512		// ranges of one register that are compared with each other
#define MAX_IN_REGISTER 4096	// ranges of variables looked through for one instruction
#define MAX_WORK                                                                                   \
	(1ull                                                                                      \
	 << 32) // bytes of code and ranges of variables that are looked at in all; behind them evidence ends

struct live { // where a register, or a slot of the stack, holds a pointer
	uint64_t low, high;
	int64_t slot;  // from rbp
	uint32_t type; // what it points to
	bool opaque;   // which is nowhere defined
};

typedef HG_VEC(struct live) lives;

struct range {
	uint64_t low, high;
};

struct reader {
	struct hg_program *prog;
	const struct hg_module *module;
	struct hg_module_index *index;
	struct hg_map origins;	     // offset of an entry -> type of its variable + 1
	HG_VEC(struct range) ranges; // of the function
	lives regs[REGISTERS];
	lives slots;
	struct hg_section_bytes frame_base;
	uint32_t variable; // what the variable that is being read points to
	unsigned depth;
	uint64_t entries;
	uint64_t work;
	bool nomem;
	bool done;
	bool (*fn)(void *arg, const struct hg_assignment *assignment);
	void *arg;
};

/** Counts what is about to be looked at; false where it is enough. */
static bool spend(struct reader *reader, uint64_t work)
{
	reader->work += work;
	reader->done |= reader->work > MAX_WORK;
	return !reader->done;
}

static bool is_opaque(const struct hg_program *prog, uint32_t type)
{
	const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, type));
	return t->kind == HG_TYPE_STRUCT && t->incomplete;
}

/** What a variable of a type points to, 0 where it does not: a struct, or bytes. */
static uint32_t pointee_of(const struct hg_program *prog, uint32_t type)
{
	const struct hg_type *pointer = hg_type_get(prog, hg_type_strip(prog, type));
	if (pointer->kind != HG_TYPE_POINTER)
		return 0;
	const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, pointer->elem));
	const bool bytes = t->size == 1 && (t->kind == HG_TYPE_INT || t->kind == HG_TYPE_UINT);
	return t->kind == HG_TYPE_STRUCT || bytes ? pointer->elem : 0;
}

static bool copy_die(void *arg, const struct hg_die *die)
{
	*(struct hg_die *)arg = *die;
	return true;
}

/** The type of a variable, which may stand in the entry that it comes from. */
static uint32_t type_of(struct reader *reader, const struct hg_die *die)
{
	if (die->type || !die->origin)
		return hg_type_at_entry(reader->index, die->type);
	uint64_t *known = hg_map_put(&reader->origins, die->origin);
	if (!known) {
		reader->nomem = true;
		return 0;
	}
	if (*known)
		return (uint32_t)(*known - 1);
	struct hg_die origin = *die;
	for (unsigned i = 0; i < 3 && origin.origin && !origin.type; i++)
		if (!hg_die_at(die->dwarf, origin.origin, copy_die, &origin))
			break;
	const uint32_t type = hg_type_at_entry(reader->index, origin.type);
	*known = (uint64_t)type + 1;
	return type;
}

static void add_live(struct reader *reader, lives *list, const struct live *live)
{
	struct live *place = list->count < MAX_LIVE ? hg_vec_push(list) : NULL;
	if (place)
		*place = *live;
	else
		reader->nomem |= list->count < MAX_LIVE;
}

static bool add_location(void *arg, uint64_t low, uint64_t high,
			 const struct hg_section_bytes *expr)
{
	struct reader *reader = arg;
	if (!spend(reader, 1))
		return false;
	if (expr->size != 1 || *expr->data < HG_OP_REG0 || *expr->data >= HG_OP_REG0 + REGISTERS ||
	    low >= high)
		return true;
	add_live(reader, &reader->regs[*expr->data - HG_OP_REG0],
		 &(struct live){.low = low,
				.high = high,
				.type = reader->variable,
				.opaque = is_opaque(reader->prog, reader->variable)});
	return !reader->nomem;
}

/** A variable that is in one register all the time. */
static bool add_register(struct reader *reader, const struct hg_section_bytes *expr)
{
	if (expr->size != 1 || *expr->data < HG_OP_REG0 || *expr->data > HG_OP_REG31)
		return false;
	for (size_t i = 0; i < reader->ranges.count; i++)
		add_location(reader, reader->ranges.data[i].low, reader->ranges.data[i].high, expr);
	return true;
}

/** A variable on the stack, in a function that keeps rbp as its frame pointer: what gcc and clang write without -O. */
static void add_slot(struct reader *reader, const struct hg_section_bytes *expr)
{
	const struct hg_section_bytes *base = &reader->frame_base;
	struct hg_bytes bytes = hg_bytes_init(expr->data, expr->size);
	const bool is_cfa = base->size == 1 && *base->data == HG_OP_CALL_FRAME_CFA;
	const bool is_rbp = base->size == 1 && *base->data == HG_OP_REG0 + FRAME_POINTER;
	if ((!is_cfa && !is_rbp) || hg_bytes_u8(&bytes) != HG_OP_FBREG)
		return;
	const int64_t offset = hg_bytes_sleb(&bytes);
	if (bytes.bad || hg_bytes_left(&bytes) || offset < -(1 << 20) || offset > 1 << 20)
		return;
	add_live(reader, &reader->slots,
		 &(struct live){.slot = offset + (is_cfa ? 16 : 0), .type = reader->variable});
}

static void read_variable(struct reader *reader, const struct hg_die *die)
{
	if (!(die->has & (HG_HAS_LOCATION | HG_HAS_LOCATION_LIST)))
		return;
	reader->variable = pointee_of(reader->prog, type_of(reader, die));
	if (!reader->variable)
		return;
	if (die->has & HG_HAS_LOCATION) {
		if (!add_register(reader, &die->location.expr))
			add_slot(reader, &die->location.expr);
		return;
	}
	hg_location_each(die->dwarf, die->unit, die->location.offset,
			 die->has & HG_LOCATION_INDEXED, add_location, reader);
}

static bool read_entry(void *arg, const struct hg_die *die)
{
	struct reader *reader = arg;
	if (++reader->entries > MAX_ENTRIES || reader->done)
		return false;
	if (die->tag == HG_TAG_VARIABLE || die->tag == HG_TAG_FORMAL_PARAMETER) {
		read_variable(reader, die);
	} else if ((die->tag == HG_TAG_LEXICAL_BLOCK || die->tag == HG_TAG_INLINED_SUBROUTINE) &&
		   reader->depth < MAX_DEPTH) {
		reader->depth++;
		hg_die_children(die, read_entry, reader);
		reader->depth--;
	}
	return !reader->nomem && !reader->done;
}

static bool add_range(void *arg, uint64_t low, uint64_t high, uint64_t die)
{
	struct reader *reader = arg;
	struct range *range = hg_vec_push(&reader->ranges);
	(void)die;
	reader->nomem |= !range;
	if (range)
		*range = (struct range){low, high};
	return range && spend(reader, 1);
}

static bool read_function(void *arg, const struct hg_die *die)
{
	struct reader *reader = arg;
	const enum hg_language language = hg_type_language(die->unit->language);
	if (language != HG_LANGUAGE_C && language != HG_LANGUAGE_CXX)
		return true;
	reader->frame_base = die->frame_base;
	hg_location_each_range(die, add_range, reader);
	hg_die_children(die, read_entry, reader);
	return true;
}

/**
 * A move between a register and memory at another register and an offset:
 *
 *	0  1  0x48 to 0x4f: 64 bits, with a bit more for each register
 *	1  1  0x8b: load; 0x89: store
 *	2  1  mode, register, base
 *	3  1  0x24, where the base is rsp or r12
 *	   1 or 4  offset, by the mode
 */
struct move {
	bool store;
	unsigned reg, base; // as DWARF numbers them
	int64_t offset;
	uint64_t size; // of the instruction
};

static bool decode_move(const uint8_t *code, uint64_t left, struct move *ret)
{
	static const uint8_t numbers[8] = {0, 2, 1, 3, 7, 6, 4, 5};
	struct hg_bytes bytes = hg_bytes_init(code, left < 16 ? left : 16);
	const uint8_t prefix = hg_bytes_u8(&bytes), op = hg_bytes_u8(&bytes);
	if ((prefix & 0xf8) != 0x48 || prefix & 2 || (op != 0x8b && op != 0x89))
		return false;
	const uint8_t mode = hg_bytes_u8(&bytes);
	const unsigned reg = mode >> 3 & 7, base = mode & 7;
	if (mode >> 6 == 3 || (base == 5 && !(mode >> 6)))
		return false;
	if (base == 4 && (hg_bytes_u8(&bytes) & 0x3f) != 0x24)
		return false;
	*ret = (struct move){.store = op == 0x89};
	if (mode >> 6 == 1)
		ret->offset = (int8_t)hg_bytes_u8(&bytes);
	else if (mode >> 6 == 2)
		ret->offset = (int32_t)hg_bytes_u32(&bytes);
	ret->reg = prefix & 4 ? 8 + reg : numbers[reg];
	ret->base = prefix & 1 ? 8 + base : numbers[base];
	ret->size = bytes.at;
	return !bytes.bad;
}

static void tell(struct reader *reader, uint32_t from, int64_t offset, uint32_t to)
{
	if (from && to && offset >= 0 && !reader->done && !is_opaque(reader->prog, to))
		reader->done = !reader->fn(reader->arg,
					   &(struct hg_assignment){from, (uint64_t)offset, to});
}

static void tell_cast(struct reader *reader, uint32_t from, uint32_t to)
{
	if (!to || hg_type_get(reader->prog, to)->size == 1 || is_opaque(reader->prog, to) ||
	    reader->done)
		return;
	reader->done =
		!reader->fn(reader->arg, &(struct hg_assignment){from, HG_ASSIGNMENT_CAST, to});
}

/** What a register points to at an address; `starts`: from there on. */
static uint32_t live_at(struct reader *reader, unsigned reg, uint64_t addr, bool starts)
{
	const lives *list = &reader->regs[reg];
	const size_t count = list->count < MAX_IN_REGISTER ? list->count : MAX_IN_REGISTER;
	if (!spend(reader, count))
		return 0;
	for (size_t i = 0; i < count; i++) {
		const struct live *live = &list->data[i];
		if (starts ? live->low == addr : live->low <= addr && addr < live->high)
			return live->type;
	}
	return 0;
}

static uint32_t slot_at(struct reader *reader, const struct move *move)
{
	if (move->base != FRAME_POINTER || !spend(reader, reader->slots.count))
		return 0;
	for (size_t i = 0; i < reader->slots.count; i++)
		if (reader->slots.data[i].slot == move->offset)
			return reader->slots.data[i].type;
	return 0;
}

/** Without -O: the pointer is loaded from its slot, the field through it, and stored in another slot. */
static void follow_slots(struct reader *reader, const uint8_t *code, uint64_t left,
			 const struct move *first)
{
	struct move second, third;
	const uint32_t from = first->store ? 0 : slot_at(reader, first);
	if (!from || !decode_move(code + first->size, left - first->size, &second))
		return;
	if (second.store && second.reg == first->reg && is_opaque(reader->prog, from))
		tell_cast(reader, from, slot_at(reader, &second));
	const uint64_t size = first->size + second.size;
	if (second.store || second.base != first->reg ||
	    !decode_move(code + size, left - size, &third) || !third.store ||
	    third.reg != second.reg)
		return;
	tell(reader, from, second.offset, slot_at(reader, &third));
}

static void look_at_code(struct reader *reader, const struct range *range)
{
	const uint64_t size = range->high - range->low;
	if (size > MAX_FUNCTION || !spend(reader, size))
		return;
	const uint8_t *code =
		hg_image_view(reader->prog->image, range->low + reader->module->bias, size);
	struct move move;
	for (uint64_t i = 0; code && i < size && !reader->done; i++) {
		if ((code[i] & 0xf8) != 0x48 || !decode_move(code + i, size - i, &move))
			continue;
		if (reader->slots.count)
			follow_slots(reader, code + i, size - i, &move);
		const uint64_t at = range->low + i;
		const uint32_t to = move.store ? live_at(reader, move.reg, at, false)
					       : live_at(reader, move.reg, at + move.size, true);
		if (to)
			tell(reader, live_at(reader, move.base, at, false), move.offset, to);
	}
}

/** Two variables in one register at a time, one of them of a type that is only declared. */
static void look_at_casts(struct reader *reader, const lives *list)
{
	const size_t count = list->count < MAX_CASTS ? list->count : MAX_CASTS;
	for (size_t i = 0; i < count; i++) {
		const struct live *opaque = &list->data[i];
		if (!opaque->opaque || !spend(reader, count))
			continue;
		for (size_t k = 0; k < count; k++) {
			const struct live *live = &list->data[k];
			if (live->low >= opaque->low && live->low < opaque->high)
				tell_cast(reader, opaque->type, live->type);
		}
	}
}

static void clear_function(struct reader *reader)
{
	for (unsigned i = 0; i < REGISTERS; i++)
		reader->regs[i].count = 0;
	reader->slots.count = 0;
	reader->ranges.count = 0;
	reader->depth = 0;
}

static void look_at_module(struct reader *reader, uint32_t module)
{
	struct hg_map seen = {0}; // a function may have several ranges
	reader->module = &reader->prog->modules.data[module];
	reader->index = &reader->prog->priv->indexes[module];
	for (size_t i = 0; i < reader->index->functions.count; i++) {
		const uint64_t die = reader->index->functions.data[i].die;
		uint64_t *place = hg_map_put(&seen, die);
		reader->nomem |= !place;
		if (reader->nomem || reader->done)
			break;
		if ((*place)++)
			continue;
		clear_function(reader);
		hg_die_at(reader->module->dwarf, die, read_function, reader);
		for (size_t k = 0; k < reader->ranges.count && !reader->done; k++)
			look_at_code(reader, &reader->ranges.data[k]);
		for (unsigned k = 0; k < REGISTERS; k++)
			look_at_casts(reader, &reader->regs[k]);
	}
	hg_program_count_damage(reader->prog, module);
	hg_map_deinit(&seen);
	hg_map_deinit(&reader->origins);
	reader->origins = (struct hg_map){0};
}

struct hg_error *hg_assignments(struct hg_program *prog,
				bool (*fn)(void *arg, const struct hg_assignment *assignment),
				void *arg)
{
	struct reader reader = {.prog = prog, .fn = fn, .arg = arg};
	for (size_t i = 0; i < prog->modules.count && !reader.nomem && !reader.done; i++)
		if (prog->modules.data[i].dwarf)
			look_at_module(&reader, (uint32_t)i);
	for (unsigned i = 0; i < REGISTERS; i++)
		hg_vec_deinit(&reader.regs[i]);
	hg_vec_deinit(&reader.slots);
	hg_vec_deinit(&reader.ranges);
	return reader.nomem ? &hg_enomem : NULL;
}
