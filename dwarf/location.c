#include "dwarf/location.h"

#include "core/base/bytes.h"
#include "dwarf/dwarfnum.h"

#define MAX_STACK 64
#define MAX_OPERATIONS 4096    // bounds loops, which expressions may have, and long nonsense
#define MAX_PIECE (1ull << 40) // no variable is larger
#define MAX_LIST 16384	       // entries of one list

static bool addr_by_index(struct hg_dwarf *dwarf, const struct hg_unit *unit, uint64_t index,
			  uint64_t *ret)
{
	return dwarf && hg_unit_address(dwarf, unit, index, ret);
}

// A cursor at the start of a list; `bad` where there is none. Indexed lists start with a table of offsets.
static struct hg_bytes open_list(struct hg_dwarf *dwarf, const struct hg_unit *unit,
				 enum hg_dwarf_section which, uint64_t base, uint64_t offset,
				 bool indexed)
{
	const struct hg_section_bytes section = hg_unit_section(dwarf, unit, which);
	struct hg_bytes bytes = hg_bytes_init(section.data, section.size);
	if (!section.size) {
		bytes.bad = true;
		return bytes;
	}
	if (indexed) {
		uint64_t at;
		if (__builtin_mul_overflow(offset, unit->offset_size, &at) ||
		    __builtin_add_overflow(at, base, &at) || at > section.size) {
			bytes.bad = true;
			return bytes;
		}
		hg_bytes_skip(&bytes, at);
		offset = hg_bytes_uint(&bytes, unit->offset_size) + base;
		bytes.at = 0;
	}
	if (offset > section.size || unit->address_size != 8)
		bytes.bad = true;
	else
		hg_bytes_skip(&bytes, offset);
	return bytes;
}

struct entry { // of a list, with its base applied
	enum { ENTRY_END, ENTRY_BASE, ENTRY_RANGE, ENTRY_DEFAULT, ENTRY_BAD } kind;
	uint64_t low, high;
};

// DWARF 4:  0  8  begin, or ~0 for a base address entry
//           8  8  end, or the new base; both 0: end of list
static struct entry read_entry4(struct hg_bytes *bytes, uint64_t *base)
{
	const uint64_t low = hg_bytes_u64(bytes), high = hg_bytes_u64(bytes);
	if (bytes->bad)
		return (struct entry){.kind = ENTRY_BAD};
	if (!low && !high)
		return (struct entry){.kind = ENTRY_END};
	if (low == UINT64_MAX) {
		*base = high;
		return (struct entry){.kind = ENTRY_BASE};
	}
	return (struct entry){ENTRY_RANGE, low + *base, high + *base};
}

static bool take_index(struct hg_bytes *bytes, struct hg_dwarf *dwarf, const struct hg_unit *unit,
		       uint64_t *ret)
{
	const uint64_t index = hg_bytes_uleb(bytes);
	return !bytes->bad && addr_by_index(dwarf, unit, index, ret);
}

// DWARF 5; `kind` is of a location list, whose numbers range lists share but for the two behind offset_pair.
static struct entry read_entry5(struct hg_bytes *bytes, struct hg_dwarf *dwarf,
				const struct hg_unit *unit, unsigned kind, uint64_t *base)
{
	struct entry entry = {.kind = ENTRY_RANGE};
	bool ok = true;
	switch (kind) {
	case HG_LLE_END_OF_LIST: // which is also what a read behind the end gives
		entry.kind = ENTRY_END;
		break;
	case HG_LLE_DEFAULT_LOCATION:
		entry = (struct entry){ENTRY_DEFAULT, 0, UINT64_MAX};
		break;
	case HG_LLE_BASE_ADDRESSX:
		entry.kind = ENTRY_BASE;
		ok = take_index(bytes, dwarf, unit, base);
		break;
	case HG_LLE_BASE_ADDRESS:
		entry.kind = ENTRY_BASE;
		*base = hg_bytes_u64(bytes);
		break;
	case HG_LLE_STARTX_ENDX:
		ok = take_index(bytes, dwarf, unit, &entry.low) &&
		     take_index(bytes, dwarf, unit, &entry.high);
		break;
	case HG_LLE_STARTX_LENGTH:
		ok = take_index(bytes, dwarf, unit, &entry.low);
		entry.high = entry.low + hg_bytes_uleb(bytes);
		break;
	case HG_LLE_OFFSET_PAIR:
		entry.low = *base + hg_bytes_uleb(bytes);
		entry.high = *base + hg_bytes_uleb(bytes);
		break;
	case HG_LLE_START_END:
		entry.low = hg_bytes_u64(bytes);
		entry.high = hg_bytes_u64(bytes);
		break;
	case HG_LLE_START_LENGTH:
		entry.low = hg_bytes_u64(bytes);
		entry.high = entry.low + hg_bytes_uleb(bytes);
		break;
	default:
		ok = false;
	}
	if (!ok || bytes->bad)
		entry.kind = ENTRY_BAD;
	return entry;
}

static unsigned range_kind_as_location_kind(unsigned kind)
{
	return kind >= HG_RLE_BASE_ADDRESS ? kind + 1 : kind;
}

// Lists of split DWARF 4 use the first numbers of DWARF 5, but for 4 bytes of length.
static struct entry read_split_entry4(struct hg_bytes *bytes, struct hg_dwarf *dwarf,
				      const struct hg_unit *unit, uint64_t *base)
{
	const unsigned kind = hg_bytes_u8(bytes);
	if (kind > HG_LLE_STARTX_LENGTH)
		return (struct entry){.kind = ENTRY_BAD};
	if (kind != HG_LLE_STARTX_LENGTH)
		return read_entry5(bytes, dwarf, unit, kind, base);
	struct entry entry = {.kind = ENTRY_RANGE};
	if (!take_index(bytes, dwarf, unit, &entry.low))
		entry.kind = ENTRY_BAD;
	entry.high = entry.low + hg_bytes_u32(bytes);
	return entry;
}

static struct entry read_location_entry(struct hg_bytes *bytes, struct hg_dwarf *dwarf,
					const struct hg_unit *unit, uint64_t *base)
{
	if (unit->version >= 5)
		return read_entry5(bytes, dwarf, unit, hg_bytes_u8(bytes), base);
	return unit->split ? read_split_entry4(bytes, dwarf, unit, base) : read_entry4(bytes, base);
}

bool hg_location_each(struct hg_dwarf *dwarf, const struct hg_unit *unit, uint64_t offset,
		      bool indexed,
		      bool (*fn)(void *arg, uint64_t low, uint64_t high,
				 const struct hg_section_bytes *expr),
		      void *arg)
{
	const bool v5 = unit->version >= 5;
	struct hg_bytes bytes = open_list(dwarf, unit, v5 ? HG_DEBUG_LOCLISTS : HG_DEBUG_LOC,
					  unit->loclists_base, offset, indexed);
	uint64_t base = unit->low_pc;
	for (unsigned i = 0; i < MAX_LIST && !bytes.bad; i++) {
		const struct entry entry = read_location_entry(&bytes, dwarf, unit, &base);
		if (entry.kind == ENTRY_END)
			return true;
		if (entry.kind == ENTRY_BAD)
			return false;
		if (entry.kind == ENTRY_BASE)
			continue;
		const uint64_t size = v5 ? hg_bytes_uleb(&bytes) : hg_bytes_u16(&bytes);
		const struct hg_section_bytes expr = {hg_bytes_take(&bytes, size), size};
		if (expr.data && !fn(arg, entry.low, entry.high, &expr))
			return true;
	}
	return false;
}

struct search { // of the expression for a pc
	uint64_t pc;
	enum hg_location_status status;
	struct hg_section_bytes *ret;
};

// The entry that holds everywhere else (from 0 on, to the end) gives way to one of a range.
static bool look_at(void *arg, uint64_t low, uint64_t high, const struct hg_section_bytes *expr)
{
	struct search *search = arg;
	if (search->pc < low || search->pc >= high)
		return true;
	*search->ret = *expr;
	search->status = HG_LOCATION_FOUND;
	return !low && high == UINT64_MAX;
}

enum hg_location_status hg_location_list_find(struct hg_dwarf *dwarf, const struct hg_unit *unit,
					      uint64_t offset, bool indexed, uint64_t pc,
					      struct hg_section_bytes *ret)
{
	struct search search = {.pc = pc, .status = HG_LOCATION_NOWHERE, .ret = ret};
	return hg_location_each(dwarf, unit, offset, indexed, look_at, &search) ? search.status
										: HG_LOCATION_BAD;
}

bool hg_location_each_range(const struct hg_die *die,
			    bool (*fn)(void *arg, uint64_t low, uint64_t high, uint64_t die),
			    void *arg)
{
	if (die->has & HG_HAS_HIGH_PC) {
		if (die->high_pc > die->low_pc)
			fn(arg, die->low_pc, die->high_pc, die->offset);
		return true;
	}
	if (!(die->has & HG_HAS_RANGES))
		return true;
	const bool v5 = die->unit->version >= 5;
	const uint64_t from = v5 ? 0 : die->unit->ranges_base;
	struct hg_bytes bytes = open_list(
		die->dwarf, die->unit, v5 ? HG_DEBUG_RNGLISTS : HG_DEBUG_RANGES,
		die->unit->rnglists_base, from + die->ranges, die->has & HG_RANGES_INDEXED);
	uint64_t base = die->unit->low_pc;
	for (unsigned i = 0; i < MAX_LIST && !bytes.bad; i++) {
		const struct entry entry =
			v5 ? read_entry5(&bytes, die->dwarf, die->unit,
					 range_kind_as_location_kind(hg_bytes_u8(&bytes)), &base)
			   : read_entry4(&bytes, &base);
		if (entry.kind == ENTRY_END)
			return true;
		if (entry.kind == ENTRY_BAD)
			return false;
		if (entry.kind == ENTRY_RANGE && entry.high > entry.low &&
		    !fn(arg, entry.low, entry.high, die->offset))
			return true;
	}
	return false;
}

struct machine {
	const struct hg_location_context *context;
	struct hg_bytes code;
	uint64_t stack[MAX_STACK];
	unsigned depth;
	bool in_register; // the location so far is register `reg`
	unsigned reg;
	bool is_value; // ends in stack_value or implicit_value: lies nowhere
	bool unknown;  // needs what we do not have: memory, registers, a caller's frame
	bool is_tls;   // the address counts from the thread-local storage of the module
	bool bad;
};

static void push(struct machine *machine, uint64_t value)
{
	if (machine->depth >= MAX_STACK)
		machine->bad = true;
	else
		machine->stack[machine->depth++] = value;
}

static uint64_t pop(struct machine *machine)
{
	if (!machine->depth) {
		machine->bad = true;
		return 0;
	}
	return machine->stack[--machine->depth];
}

static bool is_known(const struct hg_location_context *context, uint64_t reg)
{
	return context->regs && reg < context->reg_count && !(context->unknown_regs >> reg & 1);
}

static void push_register(struct machine *machine, uint64_t reg, uint64_t offset)
{
	const struct hg_location_context *context = machine->context;
	const bool known = is_known(context, reg);
	machine->unknown |= !known;
	push(machine, known ? context->regs[reg] + offset : 0);
}

static void name_register(struct machine *machine, uint64_t reg)
{
	machine->in_register = true;
	machine->reg = (unsigned)reg;
	machine->unknown |= !is_known(machine->context, reg);
}

static void push_frame_base(struct machine *machine, uint64_t offset)
{
	const struct hg_section_bytes *expr = &machine->context->frame_base;
	struct hg_location_context context = *machine->context;
	context.frame_base = (struct hg_section_bytes){0}; // so that it cannot ask for itself
	struct hg_location pieces[HG_MAX_PIECES];
	unsigned count = 0;
	const enum hg_location_status status = hg_location_eval(&context, expr, pieces, &count);
	machine->bad |= status == HG_LOCATION_BAD || !expr->size;
	if (status != HG_LOCATION_FOUND || count != 1 || pieces[0].piece_size) {
		machine->unknown = true;
		push(machine, 0);
	} else if (pieces[0].in_register) {
		push_register(machine, pieces[0].reg, offset);
	} else {
		push(machine, pieces[0].addr + offset);
	}
}

static void push_indexed(struct machine *machine, uint64_t bias)
{
	const struct hg_location_context *context = machine->context;
	const uint64_t index = hg_bytes_uleb(&machine->code);
	uint64_t addr = 0;
	machine->bad |= !addr_by_index(context->dwarf, context->unit, index, &addr);
	push(machine, addr + bias);
}

static bool is_arithmetic(uint8_t op)
{
	return (op >= HG_OP_AND && op <= HG_OP_MUL) || op == HG_OP_OR || op == HG_OP_PLUS ||
	       (op >= HG_OP_SHL && op <= HG_OP_XOR);
}

// Of two operands.
static bool arithmetic(struct machine *machine, uint8_t op)
{
	if (!is_arithmetic(op))
		return false;
	const uint64_t right = pop(machine), left = pop(machine);
	const int64_t signed_right = (int64_t)right, signed_left = (int64_t)left;
	switch (op) {
	case HG_OP_AND:
		push(machine, left & right);
		break;
	case HG_OP_XOR:
		push(machine, left ^ right);
		break;
	case HG_OP_DIV: // signed, as the standard has it; MIN / -1 overflows
		machine->bad |= !right;
		push(machine, !right		    ? 0
			      : right == UINT64_MAX ? 0 - left
						    : (uint64_t)(signed_left / signed_right));
		break;
	case HG_OP_MOD:
		machine->bad |= !right;
		push(machine, right ? left % right : 0);
		break;
	case HG_OP_SHRA:
		push(machine, (uint64_t)(signed_left >> (right < 64 ? right : 63)));
		break;
	case HG_OP_OR:
		push(machine, left | right);
		break;
	case HG_OP_PLUS:
		push(machine, left + right);
		break;
	case HG_OP_MINUS:
		push(machine, left - right);
		break;
	case HG_OP_MUL:
		push(machine, left * right);
		break;
	case HG_OP_SHL:
		push(machine, right < 64 ? left << right : 0);
		break;
	case HG_OP_SHR:
		push(machine, right < 64 ? left >> right : 0);
		break;
	}
	return true;
}

// Signed, as the standard has it.
static bool comparison(struct machine *machine, uint8_t op)
{
	if (op < HG_OP_EQ || op > HG_OP_NE)
		return false;
	const int64_t right = (int64_t)pop(machine), left = (int64_t)pop(machine);
	switch (op) {
	case HG_OP_EQ:
		push(machine, left == right);
		break;
	case HG_OP_NE:
		push(machine, left != right);
		break;
	case HG_OP_GE:
		push(machine, left >= right);
		break;
	case HG_OP_GT:
		push(machine, left > right);
		break;
	case HG_OP_LE:
		push(machine, left <= right);
		break;
	case HG_OP_LT:
		push(machine, left < right);
		break;
	}
	return true;
}

static bool constant(struct machine *machine, uint8_t op)
{
	struct hg_bytes *code = &machine->code;
	switch (op) {
	case HG_OP_CONST1U:
		push(machine, hg_bytes_u8(code));
		return true;
	case HG_OP_CONST1S:
		push(machine, (uint64_t)(int8_t)hg_bytes_u8(code));
		return true;
	case HG_OP_CONST2U:
		push(machine, hg_bytes_u16(code));
		return true;
	case HG_OP_CONST2S:
		push(machine, (uint64_t)(int16_t)hg_bytes_u16(code));
		return true;
	case HG_OP_CONST4U:
		push(machine, hg_bytes_u32(code));
		return true;
	case HG_OP_CONST4S:
		push(machine, (uint64_t)(int32_t)hg_bytes_u32(code));
		return true;
	case HG_OP_CONST8U:
	case HG_OP_CONST8S:
		push(machine, hg_bytes_u64(code));
		return true;
	case HG_OP_CONSTU:
		push(machine, hg_bytes_uleb(code));
		return true;
	case HG_OP_CONSTS:
		push(machine, (uint64_t)hg_bytes_sleb(code));
		return true;
	default:
		if (op < HG_OP_LIT0 || op > HG_OP_LIT31)
			return false;
		push(machine, op - HG_OP_LIT0);
		return true;
	}
}

static bool register_operation(struct machine *machine, uint8_t op)
{
	struct hg_bytes *code = &machine->code;
	if (op >= HG_OP_REG0 && op <= HG_OP_REG31) {
		name_register(machine, op - HG_OP_REG0);
	} else if (op >= HG_OP_BREG0 && op <= HG_OP_BREG31) {
		push_register(machine, op - HG_OP_BREG0, (uint64_t)hg_bytes_sleb(code));
	} else if (op == HG_OP_REGX) {
		name_register(machine, hg_bytes_uleb(code));
	} else if (op == HG_OP_BREGX) {
		const uint64_t reg = hg_bytes_uleb(code);
		push_register(machine, reg, (uint64_t)hg_bytes_sleb(code));
	} else {
		return false;
	}
	return true;
}

static void pick(struct machine *machine, unsigned index)
{
	machine->bad |= index >= machine->depth;
	push(machine, index < machine->depth ? machine->stack[machine->depth - 1 - index] : 0);
}

static void read_memory(struct machine *machine, unsigned size)
{
	const uint64_t addr = pop(machine);
	const struct hg_image *image = machine->context->image;
	uint64_t value = 0;
	// What depends on something unknown leads anywhere.
	if (machine->unknown || !image || !hg_image_uint(image, addr, size, &value))
		machine->unknown = true;
	push(machine, value);
}

static void jump(struct machine *machine, bool taken)
{
	struct hg_bytes *code = &machine->code;
	const uint64_t to = (uint64_t)(int16_t)hg_bytes_u16(code) + code->at;
	machine->bad |= to > code->size;
	if (taken && to <= code->size)
		code->at = to;
}

static bool stack_operation(struct machine *machine, uint8_t op)
{
	switch (op) {
	case HG_OP_DUP: {
		const uint64_t value = pop(machine);
		push(machine, value);
		push(machine, value);
		return true;
	}
	case HG_OP_DROP:
		pop(machine);
		return true;
	case HG_OP_OVER:
		pick(machine, 1);
		return true;
	case HG_OP_SWAP: {
		const uint64_t top = pop(machine), second = pop(machine);
		push(machine, top);
		push(machine, second);
		return true;
	}
	case HG_OP_PICK:
		pick(machine, hg_bytes_u8(&machine->code));
		return true;
	case HG_OP_ROT: {
		const uint64_t top = pop(machine), second = pop(machine), third = pop(machine);
		push(machine, top);
		push(machine, third);
		push(machine, second);
		return true;
	}
	case HG_OP_ABS: {
		const uint64_t value = pop(machine);
		push(machine, (int64_t)value < 0 ? 0 - value : value);
		return true;
	}
	case HG_OP_NEG:
		push(machine, 0 - pop(machine));
		return true;
	case HG_OP_NOT:
		push(machine, ~pop(machine));
		return true;
	default:
		return arithmetic(machine, op) || comparison(machine, op);
	}
}

static bool address_operation(struct machine *machine, uint8_t op)
{
	const uint64_t bias = machine->context->bias;
	switch (op) {
	case HG_OP_ADDR:
		push(machine, hg_bytes_u64(&machine->code) + bias);
		return true;
	case HG_OP_ADDRX:
	case HG_OP_GNU_ADDR_INDEX:
		push_indexed(machine, bias);
		return true;
	case HG_OP_CONSTX:
	case HG_OP_GNU_CONST_INDEX:
		push_indexed(machine, 0);
		return true;
	default:
		return false;
	}
}

static void operation(struct machine *machine, uint8_t op)
{
	struct hg_bytes *code = &machine->code;
	if (constant(machine, op) || register_operation(machine, op) ||
	    stack_operation(machine, op) || address_operation(machine, op))
		return;
	switch (op) {
	case HG_OP_PLUS_UCONST: {
		const uint64_t value = pop(machine);
		push(machine, value + hg_bytes_uleb(code));
		break;
	}
	case HG_OP_FBREG:
		push_frame_base(machine, (uint64_t)hg_bytes_sleb(code));
		break;
	case HG_OP_CALL_FRAME_CFA:
		push(machine, machine->context->cfa);
		break;
	case HG_OP_NOP:
		break;
	case HG_OP_STACK_VALUE:
		machine->is_value = true;
		break;
	case HG_OP_IMPLICIT_VALUE:
		hg_bytes_skip(code, hg_bytes_uleb(code));
		machine->is_value = true;
		break;
	case HG_OP_DEREF:
		read_memory(machine, 8);
		break;
	case HG_OP_DEREF_SIZE:
		read_memory(machine, hg_bytes_u8(code));
		break;
	case HG_OP_SKIP:
		jump(machine, true);
		break;
	case HG_OP_BRA:
		jump(machine, pop(machine));
		break;
	case HG_OP_FORM_TLS_ADDRESS:
	case HG_OP_GNU_PUSH_TLS_ADDRESS:
		machine->is_tls = machine->unknown = true;
		break;
	case HG_OP_ENTRY_VALUE:
	case HG_OP_GNU_ENTRY_VALUE:
		hg_bytes_skip(code, hg_bytes_uleb(code));
		machine->unknown = true;
		push(machine, 0);
		break;
	default: // one we do not evaluate, so how long it is we do not know either
		machine->unknown = true;
		code->at = code->size;
	}
}

// Takes the location that stands before a piece, or before the end.
static bool take_location(struct machine *machine, struct hg_location *ret)
{
	const bool empty = !machine->depth && !machine->in_register;
	const bool somewhere = !empty && !machine->is_value && !machine->unknown;
	ret->in_register = machine->in_register;
	ret->reg = machine->reg;
	ret->addr = machine->depth ? machine->stack[machine->depth - 1] : 0;
	machine->depth = 0;
	machine->in_register = machine->is_value = machine->unknown = false;
	return somewhere;
}

static uint64_t piece_size(struct machine *machine, uint8_t op)
{
	if (op == HG_OP_PIECE)
		return hg_bytes_uleb(&machine->code);
	const uint64_t bits = hg_bytes_uleb(&machine->code), offset = hg_bytes_uleb(&machine->code);
	machine->unknown |= bits % 8 || offset;
	return bits / 8;
}

enum hg_location_status hg_location_eval(const struct hg_location_context *context,
					 const struct hg_section_bytes *expr,
					 struct hg_location pieces[HG_MAX_PIECES], unsigned *count)
{
	struct machine machine = {
		.context = context,
		.code = hg_bytes_init(expr->data, expr->size),
	};
	uint64_t at = 0;
	*count = 0;
	for (unsigned i = 0; hg_bytes_left(&machine.code); i++) {
		const uint8_t op = hg_bytes_u8(&machine.code);
		if (op != HG_OP_PIECE && op != HG_OP_BIT_PIECE) {
			operation(&machine, op);
		} else {
			const uint64_t size = piece_size(&machine, op);
			struct hg_location *piece = &pieces[*count];
			if (size > MAX_PIECE - at || *count >= HG_MAX_PIECES)
				return HG_LOCATION_BAD;
			if (take_location(&machine, piece) && size) {
				piece->piece_at = at;
				piece->piece_size = size;
				++*count;
			}
			at += size;
		}
		if (machine.bad || machine.code.bad || i >= MAX_OPERATIONS)
			return HG_LOCATION_BAD;
	}
	struct hg_location whole = {0};
	if (!at && take_location(&machine, &whole)) {
		whole.piece_at = whole.piece_size = 0;
		pieces[(*count)++] = whole;
	}
	return *count ? HG_LOCATION_FOUND : HG_LOCATION_NOWHERE;
}

bool hg_location_value(const struct hg_location_context *context,
		       const struct hg_section_bytes *expr, uint64_t *ret)
{
	struct machine machine = {
		.context = context,
		.code = hg_bytes_init(expr->data, expr->size),
	};
	if (context->initial)
		push(&machine, *context->initial);
	for (unsigned i = 0; hg_bytes_left(&machine.code) && i < MAX_OPERATIONS; i++) {
		operation(&machine, hg_bytes_u8(&machine.code));
		if (machine.bad || machine.code.bad || machine.unknown || machine.in_register)
			return false;
	}
	*ret = pop(&machine);
	return !machine.bad && !hg_bytes_left(&machine.code);
}

bool hg_location_tls(struct hg_dwarf *dwarf, const struct hg_unit *unit,
		     const struct hg_section_bytes *expr, uint64_t *ret)
{
	const struct hg_location_context context = {.dwarf = dwarf, .unit = unit};
	struct machine machine = {
		.context = &context,
		.code = hg_bytes_init(expr->data, expr->size),
	};
	// An offset, and that it is one.
	for (unsigned i = 0; i < 2 && hg_bytes_left(&machine.code); i++)
		operation(&machine, hg_bytes_u8(&machine.code));
	*ret = pop(&machine);
	return machine.is_tls && !machine.bad && !machine.code.bad && !hg_bytes_left(&machine.code);
}

bool hg_location_static(struct hg_dwarf *dwarf, const struct hg_unit *unit,
			const struct hg_section_bytes *expr, uint64_t *ret)
{
	if (!expr->size || (expr->data[0] != HG_OP_ADDR && expr->data[0] != HG_OP_ADDRX &&
			    expr->data[0] != HG_OP_GNU_ADDR_INDEX))
		return false;
	const struct hg_location_context context = {.dwarf = dwarf, .unit = unit};
	struct hg_location pieces[HG_MAX_PIECES];
	unsigned count;
	if (hg_location_eval(&context, expr, pieces, &count) != HG_LOCATION_FOUND || count != 1 ||
	    pieces[0].piece_size || pieces[0].in_register)
		return false;
	*ret = pieces[0].addr;
	return true;
}
