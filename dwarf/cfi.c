// Entries of both sections:
//
//   .eh_frame                                    .debug_frame
//   0  4  length; 0xffffffff: 8 bytes follow     the same
//   4  4  0: a CIE; else from here back to it    4 or 8  ~0: a CIE; else the offset of it
//   8  -  CIE: version, augmentation, factors, column of the return address, instructions
//         FDE: first pc, size, augmentation, instructions

#include "dwarf/cfi.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/vec.h"

#define MAX_AUGMENTATION 16
#define MAX_STATES 8 // rows that instructions remember
#define MAX_FUNCTIONS (16u << 20)
#define MAX_SECTIONS 2

enum { // DW_EH_PE_*
	PE_ABSPTR = 0x00,
	PE_ULEB128 = 0x01,
	PE_UDATA2 = 0x02,
	PE_UDATA4 = 0x03,
	PE_UDATA8 = 0x04,
	PE_SLEB128 = 0x09,
	PE_SDATA2 = 0x0a,
	PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c,
	PE_FORMAT = 0x0f,
	PE_PCREL = 0x10,
	PE_DATAREL = 0x30,
	PE_ALIGNED = 0x50,
	PE_BASE = 0x70,
	PE_INDIRECT = 0x80,
	PE_OMIT = 0xff,
};

enum { // DW_CFA_*
	CFA_ADVANCE_LOC = 0x40,
	CFA_OFFSET = 0x80,
	CFA_RESTORE = 0xc0,
	CFA_NOP = 0x00,
	CFA_SET_LOC = 0x01,
	CFA_ADVANCE_LOC1 = 0x02,
	CFA_ADVANCE_LOC2 = 0x03,
	CFA_ADVANCE_LOC4 = 0x04,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REGISTER = 0x09,
	CFA_REMEMBER_STATE = 0x0a,
	CFA_RESTORE_STATE = 0x0b,
	CFA_DEF_CFA = 0x0c,
	CFA_DEF_CFA_REGISTER = 0x0d,
	CFA_DEF_CFA_OFFSET = 0x0e,
	CFA_DEF_CFA_EXPRESSION = 0x0f,
	CFA_EXPRESSION = 0x10,
	CFA_OFFSET_EXTENDED_SF = 0x11,
	CFA_DEF_CFA_SF = 0x12,
	CFA_DEF_CFA_OFFSET_SF = 0x13,
	CFA_VAL_OFFSET = 0x14,
	CFA_VAL_OFFSET_SF = 0x15,
	CFA_VAL_EXPRESSION = 0x16,
	CFA_ADVANCE_LOC8 = 0x1d,
	CFA_NEGATE_RA_STATE =
		0x2d, // arm64: the return address is signed; GNU_window_save elsewhere
	CFA_GNU_ARGS_SIZE = 0x2e,
	CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

struct function {
	uint64_t low, high;
	uint64_t fde; // offset of its entry
	uint8_t section;
};

struct hg_cfi {
	struct hg_cfi_section sections[MAX_SECTIONS];
	size_t section_count;
	HG_VEC(struct function) functions; // sorted by low
	uint64_t damage;
	bool nomem;
};

struct entry {
	uint64_t next;	      // offset of the entry behind it; 0: none
	uint64_t cie;	      // offset of its CIE; UINT64_MAX: it is one
	struct hg_bytes body; // behind the id; `data` is the section's, so `at` is an offset
};

struct cie {
	uint64_t offset;
	uint64_t code_factor;
	int64_t data_factor;
	unsigned return_reg;
	uint8_t encoding; // of addresses in its FDEs
	bool has_size;	  // its FDEs say how long their augmentation is
	bool signal_frame;
	struct hg_bytes code;
};

bool hg_cfi_pointer(struct hg_bytes *bytes, uint8_t encoding, uint64_t addr, uint64_t data_base,
		    uint64_t *ret)
{
	uint64_t value = 0;
	if ((encoding & PE_BASE) == PE_ALIGNED) {
		while ((addr + bytes->at) % 8 && !bytes->bad)
			hg_bytes_skip(bytes, 1);
		encoding = PE_ABSPTR;
	}
	const uint64_t here = addr + bytes->at;
	switch (encoding & PE_FORMAT) {
	case PE_ABSPTR:
	case PE_UDATA8:
	case PE_SDATA8:
		value = hg_bytes_u64(bytes);
		break;
	case PE_ULEB128:
		value = hg_bytes_uleb(bytes);
		break;
	case PE_SLEB128:
		value = (uint64_t)hg_bytes_sleb(bytes);
		break;
	case PE_UDATA2:
		value = hg_bytes_u16(bytes);
		break;
	case PE_SDATA2:
		value = (uint64_t)(int16_t)hg_bytes_u16(bytes);
		break;
	case PE_UDATA4:
		value = hg_bytes_u32(bytes);
		break;
	case PE_SDATA4:
		value = (uint64_t)(int32_t)hg_bytes_u32(bytes);
		break;
	default:
		return false;
	}
	const unsigned base = encoding & PE_BASE;
	if (base == PE_PCREL && value)
		value += here;
	else if (base == PE_DATAREL && data_base)
		value += data_base;
	else if (base && base != PE_PCREL)
		return false;
	*ret = value;
	return !bytes->bad && !(encoding & PE_INDIRECT);
}

// The entry at an offset; false at the end and where the rest is damaged.
static bool read_entry(const struct hg_cfi_section *section, uint64_t offset, struct entry *ret)
{
	struct hg_bytes bytes = hg_bytes_init(section->bytes.data, section->bytes.size);
	hg_bytes_skip(&bytes, offset);
	uint64_t length = hg_bytes_u32(&bytes);
	const bool is_long = length == UINT32_MAX;
	if (is_long)
		length = hg_bytes_u64(&bytes);
	// A length of zero ends .eh_frame.
	if (bytes.bad || !length || length > hg_bytes_left(&bytes))
		return false;
	const uint64_t id_at = bytes.at;
	*ret = (struct entry){.next = id_at + length};
	bytes.size = ret->next;
	const uint64_t id = hg_bytes_uint(&bytes, is_long && !section->is_eh ? 8 : 4);
	if (section->is_eh)
		ret->cie = id ? id_at - id : UINT64_MAX;
	else
		ret->cie = id == (is_long ? UINT64_MAX : UINT32_MAX) ? UINT64_MAX : id;
	if (ret->cie != UINT64_MAX && ret->cie >= section->bytes.size)
		bytes.bad = true;
	ret->body = bytes;
	return true;
}

static bool read_augmentation(const struct hg_cfi_section *section, const char *words,
			      struct hg_bytes *body, struct cie *ret)
{
	if (!*words)
		return true;
	if (*words != 'z')
		return false; // of unknown size, as that of gcc 2
	ret->has_size = true;
	const uint64_t size = hg_bytes_uleb(body);
	if (body->bad || size > hg_bytes_left(body))
		return false;
	struct hg_bytes data = *body;
	hg_bytes_skip(body, size);
	data.size = body->at;
	for (words++; *words; words++) {
		uint64_t personality;
		if (*words == 'R')
			ret->encoding = hg_bytes_u8(&data);
		else if (*words == 'L')
			hg_bytes_skip(&data, 1);
		else if (*words == 'P') {
			const uint8_t encoding = hg_bytes_u8(&data) & (uint8_t)~PE_INDIRECT;
			if (encoding != PE_OMIT &&
			    !hg_cfi_pointer(&data, encoding & (PE_FORMAT | PE_PCREL), section->addr,
					    0, &personality))
				return false;
		} else if (*words == 'S')
			ret->signal_frame = true;
		else if (*words != 'B') // B: return addresses are signed
			break;		// unknown, but its size is known
	}
	return !data.bad;
}

static bool read_cie(const struct hg_cfi_section *section, uint64_t offset, struct cie *ret)
{
	struct entry entry;
	if (!read_entry(section, offset, &entry) || entry.cie != UINT64_MAX)
		return false;
	struct hg_bytes *body = &entry.body;
	*ret = (struct cie){.offset = offset, .encoding = PE_ABSPTR};
	const uint8_t version = hg_bytes_u8(body);
	const char *words = body->bad ? NULL : (const char *)body->data + body->at;
	const uint64_t room = hg_bytes_left(body);
	const size_t length =
		words ? strnlen(words, room < MAX_AUGMENTATION ? room : MAX_AUGMENTATION) : 0;
	if (!words || length == room || length == MAX_AUGMENTATION || version < 1 || version > 4)
		return false;
	hg_bytes_skip(body, length + 1);
	// The sizes of an address and of a segment selector.
	if (version == 4 && (hg_bytes_u8(body) != 8 || hg_bytes_u8(body) != 0))
		return false;
	ret->code_factor = hg_bytes_uleb(body);
	ret->data_factor = hg_bytes_sleb(body);
	ret->return_reg = version == 1 ? hg_bytes_u8(body) : (unsigned)hg_bytes_uleb(body);
	if (!read_augmentation(section, words, body, ret) || ret->return_reg >= HG_ARCH_MAX_REGS)
		return false;
	ret->code = *body;
	return !body->bad;
}

// What an FDE covers; its body then stands at its instructions.
static bool read_fde(const struct hg_cfi_section *section, struct entry *fde, const struct cie *cie,
		     struct function *ret)
{
	struct hg_bytes *body = &fde->body;
	uint64_t size;
	if (!hg_cfi_pointer(body, cie->encoding, section->addr, 0, &ret->low) ||
	    !hg_cfi_pointer(body, cie->encoding & PE_FORMAT, section->addr, 0, &size))
		return false;
	if (cie->has_size)
		hg_bytes_skip(body, hg_bytes_uleb(body));
	return !body->bad && !__builtin_add_overflow(ret->low, size, &ret->high);
}

static void index_section(struct hg_cfi *cfi, uint8_t number)
{
	const struct hg_cfi_section *section = &cfi->sections[number];
	struct cie cie = {.offset = UINT64_MAX};
	struct entry entry;
	for (uint64_t at = 0; at < section->bytes.size && read_entry(section, at, &entry);
	     at = entry.next) {
		if (entry.cie == UINT64_MAX)
			continue;
		struct function function = {.fde = at, .section = number};
		bool good = !entry.body.bad;
		if (good && cie.offset != entry.cie)
			good = read_cie(section, entry.cie, &cie);
		if (!good)
			cie.offset = UINT64_MAX;
		if (!good || !read_fde(section, &entry, &cie, &function)) {
			cfi->damage++;
			continue;
		}
		// The linker leaves functions that it dropped at address 0.
		if (!function.low || function.low == function.high)
			continue;
		struct function *place =
			cfi->functions.count < MAX_FUNCTIONS ? hg_vec_push(&cfi->functions) : NULL;
		cfi->nomem |= !place;
		if (!place)
			return;
		*place = function;
	}
}

static int compare_low(const void *a, const void *b)
{
	const struct function *left = a, *right = b;
	if (left->low != right->low)
		return left->low < right->low ? -1 : 1;
	// .eh_frame is what the program itself relies on: of two it is found first, from above.
	return (left->section < right->section) - (left->section > right->section);
}

struct hg_error *hg_cfi_create(const struct hg_cfi_section *sections, size_t count,
			       struct hg_cfi **ret)
{
	hg_cleanup(hg_cfi_destroyp) struct hg_cfi *cfi = calloc(1, sizeof(*cfi));
	if (!cfi)
		return &hg_enomem;
	for (size_t i = 0; i < count; i++) {
		if (!sections[i].bytes.size || cfi->section_count == MAX_SECTIONS)
			continue;
		cfi->sections[cfi->section_count] = sections[i];
		index_section(cfi, (uint8_t)cfi->section_count++);
	}
	if (cfi->nomem)
		return &hg_enomem;
	if (cfi->functions.count)
		qsort(cfi->functions.data, cfi->functions.count, sizeof(*cfi->functions.data),
		      compare_low);
	*ret = hg_take(cfi);
	return NULL;
}

void hg_cfi_destroy(struct hg_cfi *cfi)
{
	if (!cfi)
		return;
	hg_vec_deinit(&cfi->functions);
	free(cfi);
}

size_t hg_cfi_count(const struct hg_cfi *cfi)
{
	return cfi->functions.count;
}

uint64_t hg_cfi_damage(const struct hg_cfi *cfi)
{
	return cfi->damage;
}

// Damage may make functions nest: the innermost of a few is taken.
static const struct function *find_function(const struct hg_cfi *cfi, uint64_t pc)
{
	size_t low = 0, high = cfi->functions.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (cfi->functions.data[middle].low <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned tries = 0; low-- > 0 && tries < 16; tries++)
		if (pc < cfi->functions.data[low].high)
			return &cfi->functions.data[low];
	return NULL;
}

struct machine {
	const struct hg_cfi_section *section;
	const struct cie *cie;
	struct hg_bytes code;
	uint64_t pc;   // the row of this one is wanted
	uint64_t here; // the row so far holds from here on
	bool bad, done;
	struct hg_cfi_row *row;
	const struct hg_cfi_row *initial; // after the CIE's instructions; NULL while they run
	struct hg_cfi_row states[MAX_STATES];
	unsigned state_count;
};

static struct hg_section_bytes take_block(struct machine *m)
{
	const uint64_t size = hg_bytes_uleb(&m->code);
	const uint8_t *data = hg_bytes_take(&m->code, size);
	return (struct hg_section_bytes){data, data ? size : 0};
}

static void advance(struct machine *m, uint64_t delta)
{
	if (__builtin_mul_overflow(delta, m->cie->code_factor, &delta) ||
	    __builtin_add_overflow(m->here, delta, &delta))
		m->bad = true;
	else if (delta > m->pc)
		m->done = true;
	else
		m->here = delta;
}

// Registers that we do not keep (vectors, flags) may have rules, too.
static void set_rule(struct machine *m, uint64_t reg, enum hg_cfi_kind kind, int64_t value)
{
	if (reg < HG_ARCH_MAX_REGS)
		m->row->regs[reg] = (struct hg_cfi_rule){.kind = kind, .value = value};
}

static int64_t factored(struct machine *m, int64_t offset)
{
	int64_t ret;
	m->bad |= __builtin_mul_overflow(offset, m->cie->data_factor, &ret);
	return ret;
}

static void set_expr(struct machine *m, enum hg_cfi_kind kind)
{
	const uint64_t reg = hg_bytes_uleb(&m->code);
	const struct hg_section_bytes expr = take_block(m);
	if (reg < HG_ARCH_MAX_REGS)
		m->row->regs[reg] = (struct hg_cfi_rule){.kind = kind, .expr = expr};
}

static void restore(struct machine *m, uint64_t reg)
{
	if (!m->initial)
		m->bad = true;
	else if (reg < HG_ARCH_MAX_REGS)
		m->row->regs[reg] = m->initial->regs[reg];
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
	m->bad |= reg >= HG_ARCH_MAX_REGS;
	m->row->cfa_reg = (unsigned)reg;
	m->row->cfa = (struct hg_cfi_rule){.kind = HG_CFI_OFFSET, .value = offset};
}

static void set_cfa_offset(struct machine *m, int64_t offset)
{
	m->bad |= m->row->cfa.kind != HG_CFI_OFFSET;
	m->row->cfa.value = offset;
}

static bool move_operation(struct machine *m, uint8_t op)
{
	struct hg_bytes *code = &m->code;
	switch (op) {
	case CFA_SET_LOC: {
		uint64_t to = 0;
		m->bad |= !hg_cfi_pointer(code, m->cie->encoding, m->section->addr, 0, &to) ||
			  to < m->here;
		m->done |= to > m->pc;
		m->here = m->done ? m->here : to;
		return true;
	}
	case CFA_ADVANCE_LOC1:
		advance(m, hg_bytes_u8(code));
		return true;
	case CFA_ADVANCE_LOC2:
		advance(m, hg_bytes_u16(code));
		return true;
	case CFA_ADVANCE_LOC4:
		advance(m, hg_bytes_u32(code));
		return true;
	case CFA_ADVANCE_LOC8:
		advance(m, hg_bytes_u64(code));
		return true;
	default:
		return false;
	}
}

static bool cfa_operation(struct machine *m, uint8_t op)
{
	struct hg_bytes *code = &m->code;
	switch (op) {
	case CFA_DEF_CFA: {
		const uint64_t reg = hg_bytes_uleb(code);
		set_cfa(m, reg, (int64_t)hg_bytes_uleb(code));
		return true;
	}
	case CFA_DEF_CFA_SF: {
		const uint64_t reg = hg_bytes_uleb(code);
		set_cfa(m, reg, factored(m, hg_bytes_sleb(code)));
		return true;
	}
	case CFA_DEF_CFA_REGISTER:
		m->bad |= m->row->cfa.kind != HG_CFI_OFFSET;
		set_cfa(m, hg_bytes_uleb(code), m->row->cfa.value);
		return true;
	case CFA_DEF_CFA_OFFSET:
		set_cfa_offset(m, (int64_t)hg_bytes_uleb(code));
		return true;
	case CFA_DEF_CFA_OFFSET_SF:
		set_cfa_offset(m, factored(m, hg_bytes_sleb(code)));
		return true;
	case CFA_DEF_CFA_EXPRESSION:
		m->row->cfa = (struct hg_cfi_rule){.kind = HG_CFI_VAL_EXPR, .expr = take_block(m)};
		return true;
	default:
		return false;
	}
}

static void remember(struct machine *m)
{
	if (m->state_count == MAX_STATES)
		m->bad = true;
	else
		m->states[m->state_count++] = *m->row;
}

static void recall(struct machine *m)
{
	if (!m->state_count)
		m->bad = true;
	else
		*m->row = m->states[--m->state_count];
}

static void rule_operation(struct machine *m, uint8_t op)
{
	struct hg_bytes *code = &m->code;
	if (op == CFA_EXPRESSION || op == CFA_VAL_EXPRESSION) {
		set_expr(m, op == CFA_EXPRESSION ? HG_CFI_EXPR : HG_CFI_VAL_EXPR);
		return;
	}
	const uint64_t reg = hg_bytes_uleb(code);
	switch (op) {
	case CFA_OFFSET_EXTENDED:
		set_rule(m, reg, HG_CFI_OFFSET, factored(m, (int64_t)hg_bytes_uleb(code)));
		break;
	case CFA_OFFSET_EXTENDED_SF:
		set_rule(m, reg, HG_CFI_OFFSET, factored(m, hg_bytes_sleb(code)));
		break;
	case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
		set_rule(m, reg, HG_CFI_OFFSET,
			 (int64_t)(0 - (uint64_t)factored(m, (int64_t)hg_bytes_uleb(code))));
		break;
	case CFA_VAL_OFFSET:
		set_rule(m, reg, HG_CFI_VAL_OFFSET, factored(m, (int64_t)hg_bytes_uleb(code)));
		break;
	case CFA_VAL_OFFSET_SF:
		set_rule(m, reg, HG_CFI_VAL_OFFSET, factored(m, hg_bytes_sleb(code)));
		break;
	case CFA_RESTORE_EXTENDED:
		restore(m, reg);
		break;
	case CFA_UNDEFINED:
		set_rule(m, reg, HG_CFI_UNDEFINED, 0);
		break;
	case CFA_SAME_VALUE:
		set_rule(m, reg, HG_CFI_SAME, 0);
		break;
	case CFA_REGISTER:
		set_rule(m, reg, HG_CFI_REGISTER, (int64_t)hg_bytes_uleb(code));
		break;
	default: // how long it is we do not know
		m->bad = true;
	}
}

static void operation(struct machine *m, uint8_t op)
{
	const uint8_t low = op & 0x3f;
	if ((op & 0xc0) == CFA_ADVANCE_LOC)
		advance(m, low);
	else if ((op & 0xc0) == CFA_OFFSET)
		set_rule(m, low, HG_CFI_OFFSET, factored(m, (int64_t)hg_bytes_uleb(&m->code)));
	else if ((op & 0xc0) == CFA_RESTORE)
		restore(m, low);
	else if (op == CFA_REMEMBER_STATE)
		remember(m);
	else if (op == CFA_RESTORE_STATE)
		recall(m);
	else if (op == CFA_GNU_ARGS_SIZE)
		hg_bytes_uleb(&m->code);
	else if (op != CFA_NOP && op != CFA_NEGATE_RA_STATE && !move_operation(m, op) &&
		 !cfa_operation(m, op))
		rule_operation(m, op);
}

static bool run(struct machine *m, struct hg_bytes code)
{
	m->code = code;
	while (hg_bytes_left(&m->code) && !m->done && !m->bad && !m->code.bad)
		operation(m, hg_bytes_u8(&m->code));
	return !m->bad && !m->code.bad;
}

bool hg_cfi_find(const struct hg_cfi *cfi, uint64_t pc, struct hg_cfi_row *ret)
{
	const struct function *function = find_function(cfi, pc);
	if (!function)
		return false;
	const struct hg_cfi_section *section = &cfi->sections[function->section];
	struct entry fde;
	struct cie cie;
	struct function again;
	if (!read_entry(section, function->fde, &fde) || !read_cie(section, fde.cie, &cie) ||
	    !read_fde(section, &fde, &cie, &again))
		return false;
	*ret = (struct hg_cfi_row){.return_reg = cie.return_reg, .signal_frame = cie.signal_frame};
	struct machine machine = {
		.section = section,
		.cie = &cie,
		.pc = pc,
		.here = function->low,
		.row = ret,
	};
	if (!run(&machine, cie.code) || machine.done)
		return false;
	const struct hg_cfi_row initial = *ret;
	machine.initial = &initial;
	return run(&machine, fde.body) && ret->cfa.kind != HG_CFI_UNSPECIFIED;
}
