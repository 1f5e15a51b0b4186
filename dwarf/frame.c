#include "dwarf/frame.h"

#include <elf.h>

#include "core/base/bytes.h"
#include "dwarf/cfi.h"
#include "dwarf/location.h"
#include "dwarf/phdr.h"
#include "dwarf/program_private.h"

#define ARM64_ADDRESS_BITS 48 // above them may be a signature of the return address
#define MAX_EH_FRAME ((uint64_t)256 << 20)

struct hg_frame_table {	    // of one module
	struct hg_cfi *cfi; // NULL: it has none
	uint64_t start, end, bias;
};

static void set_register(struct hg_frame *frame, unsigned reg, uint64_t value)
{
	frame->regs[reg] = value;
	frame->known |= (uint64_t)1 << reg;
}

static bool get_register(const struct hg_frame *frame, uint64_t reg, uint64_t *ret)
{
	if (reg >= HG_ARCH_MAX_REGS || !(frame->known >> reg & 1))
		return false;
	*ret = frame->regs[reg];
	return true;
}

void hg_frame_start(const struct hg_image *image, const struct hg_thread *thread,
		    struct hg_frame *ret)
{
	*ret = (struct hg_frame){.pc = thread->pc, .sp = thread->sp, .interrupted = true};
	for (unsigned i = 0; i < image->arch->reg_count && i < HG_ARCH_MAX_REGS; i++)
		set_register(ret, i, thread->regs[i]);
}

/* ---- the tables of a module ---- */

static struct hg_cfi_section section_of(struct hg_elf *elf, const char *name, bool is_eh)
{
	const struct hg_elf_section *section = elf ? hg_elf_find_section(elf, name) : NULL;
	struct hg_cfi_section ret = {.is_eh = is_eh};
	if (!section || section->type == SHT_NOBITS)
		return ret;
	ret.addr = section->addr;
	struct hg_error *err = hg_elf_section_data(elf, section, &ret.bytes.data, &ret.bytes.size);
	if (err) { // as good as none
		hg_error_destroy(err);
		ret.bytes = (struct hg_section_bytes){0};
	}
	return ret;
}

// .eh_frame_hdr:  0  1  version, 1
//                 1  3  encodings: of the address of .eh_frame, of what follows it
//                 4  -  address of .eh_frame
static struct hg_cfi_section section_in_memory(const struct hg_image *image, const hg_phdrs *phdrs,
					       uint64_t bias)
{
	struct hg_cfi_section ret = {.is_eh = true};
	const struct hg_elf_segment *header = hg_phdr_find(phdrs, PT_GNU_EH_FRAME);
	uint64_t addr, size;
	const uint8_t *data =
		header ? hg_image_view_some(image, header->vaddr + bias, &size) : NULL;
	struct hg_bytes bytes = hg_bytes_init(data, data ? (size < 16 ? size : 16) : 0);
	const uint8_t version = hg_bytes_u8(&bytes), encoding = hg_bytes_u8(&bytes);
	hg_bytes_skip(&bytes, 2);
	if (!data || version != 1 ||
	    !hg_cfi_pointer(&bytes, encoding, header->vaddr + bias, header->vaddr + bias, &addr))
		return ret;
	// It ends with an entry of length zero.
	ret.bytes.data = hg_image_view_some(image, addr, &size);
	ret.bytes.size = size < MAX_EH_FRAME ? size : MAX_EH_FRAME;
	ret.addr = addr - bias;
	return ret;
}

static struct hg_frame_table *add_table(struct hg_program *prog, const struct hg_module *module,
					uint64_t vdso)
{
	struct hg_frame_table *table = hg_arena_alloc(&prog->arena, sizeof(*table));
	if (!table)
		return NULL;
	struct hg_cfi_section sections[2] = {{.is_eh = true}};
	hg_phdrs phdrs = {0};
	struct hg_error *err;
	if (module) {
		*table = (struct hg_frame_table){
			.start = module->start, .end = module->end, .bias = module->bias};
		err = hg_phdr_read(prog, module, &phdrs, &table->bias);
		sections[0] = section_of(module->elf, ".eh_frame", true);
		sections[1] = section_of(module->elf, ".debug_frame", false);
		if (!sections[1].bytes.size && module->debug != module->elf)
			sections[1] = section_of(module->debug, ".debug_frame", false);
	} else {
		err = hg_phdr_read_memory(prog->image, vdso, &phdrs, &table->bias);
		const struct hg_elf_segment *load = hg_phdr_find(&phdrs, PT_LOAD);
		*table = (struct hg_frame_table){
			.start = vdso, .end = load ? vdso + load->memsz : 0, .bias = table->bias};
	}
	if (!err && !sections[0].bytes.size)
		sections[0] = section_in_memory(prog->image, &phdrs, table->bias);
	hg_vec_deinit(&phdrs);
	if (!err)
		err = hg_cfi_create(sections, ARRAY_SIZE(sections), &table->cfi);
	hg_error_destroy(err); // for want of memory: no table
	if (table->cfi)
		prog->bad_frames += hg_cfi_damage(table->cfi);
	return table;
}

static const struct hg_frame_table *table_at(struct hg_program *prog, uint64_t pc)
{
	const struct hg_module *module = hg_program_module_at(prog, pc);
	if (module) {
		struct hg_module_index *index = &prog->priv->indexes[module - prog->modules.data];
		if (!index->frames)
			index->frames = add_table(prog, module, 0);
		return index->frames;
	}
	uint64_t vdso;
	if (!prog->priv->vdso && hg_image_auxv(prog->image, AT_SYSINFO_EHDR, &vdso))
		prog->priv->vdso = add_table(prog, NULL, vdso);
	const struct hg_frame_table *table = prog->priv->vdso;
	return table && pc >= table->start && pc < table->end ? table : NULL;
}

void hg_frame_deinit(struct hg_frame_table *table)
{
	if (table)
		hg_cfi_destroy(table->cfi);
}

/* ---- by call frame information ---- */

static bool evaluate(const struct hg_program *prog, const struct hg_frame *frame,
		     const struct hg_section_bytes *expr, const uint64_t *initial, uint64_t *ret)
{
	const struct hg_location_context context = {
		.regs = frame->regs,
		.reg_count = HG_ARCH_MAX_REGS,
		.unknown_regs = ~frame->known,
		.image = prog->image,
		.initial = initial,
	};
	return hg_location_value(&context, expr, ret);
}

static bool find_cfa(const struct hg_program *prog, const struct hg_frame *frame,
		     const struct hg_cfi_row *row, uint64_t *ret)
{
	if (row->cfa.kind == HG_CFI_VAL_EXPR)
		return evaluate(prog, frame, &row->cfa.expr, NULL, ret);
	if (!get_register(frame, row->cfa_reg, ret))
		return false;
	*ret += (uint64_t)row->cfa.value;
	return true;
}

// What the caller has in a register; false where that is lost.
static bool apply_rule(const struct hg_program *prog, const struct hg_frame *frame, unsigned reg,
		       const struct hg_cfi_rule *rule, uint64_t *ret)
{
	const struct hg_arch *arch = prog->image->arch;
	uint64_t addr;
	switch (rule->kind) {
	case HG_CFI_UNDEFINED:
		return false;
	case HG_CFI_OFFSET:
		return hg_image_u64(prog->image, frame->cfa + (uint64_t)rule->value, ret);
	case HG_CFI_VAL_OFFSET:
		*ret = frame->cfa + (uint64_t)rule->value;
		return true;
	case HG_CFI_REGISTER:
		return get_register(frame, (uint64_t)rule->value, ret);
	case HG_CFI_EXPR:
		return evaluate(prog, frame, &rule->expr, &frame->cfa, &addr) &&
		       hg_image_u64(prog->image, addr, ret);
	case HG_CFI_VAL_EXPR:
		return evaluate(prog, frame, &rule->expr, &frame->cfa, ret);
	case HG_CFI_SAME:
		return get_register(frame, reg, ret);
	case HG_CFI_UNSPECIFIED:
		break;
	}
	if (reg == arch->sp_reg) {
		*ret = frame->cfa;
		return true;
	}
	return arch->callee_saved >> reg & 1 && get_register(frame, reg, ret);
}

static uint64_t strip_signature(const struct hg_arch *arch, uint64_t pc)
{
	return arch->elf_machine == EM_AARCH64 ? pc & (((uint64_t)1 << ARM64_ADDRESS_BITS) - 1)
					       : pc;
}

static enum hg_frame_status by_row(const struct hg_program *prog, struct hg_frame *frame,
				   const struct hg_cfi_row *row, struct hg_frame *caller)
{
	const struct hg_arch *arch = prog->image->arch;
	if (!find_cfa(prog, frame, row, &frame->cfa))
		return HG_FRAME_LOST;
	frame->signal_frame = row->signal_frame;
	for (unsigned i = 0; i < arch->reg_count; i++) {
		uint64_t value;
		if (i != arch->pc_reg && apply_rule(prog, frame, i, &row->regs[i], &value))
			set_register(caller, i, value);
	}
	const struct hg_cfi_rule *rule = &row->regs[row->return_reg];
	if (rule->kind == HG_CFI_UNDEFINED)
		return HG_FRAME_OUTERMOST;
	// A leaf of arm64 has its return address in the link register still.
	const bool in_link = rule->kind == HG_CFI_UNSPECIFIED && row->return_reg != arch->pc_reg;
	uint64_t pc;
	if (in_link ? !get_register(frame, row->return_reg, &pc)
		    : !apply_rule(prog, frame, row->return_reg, rule, &pc))
		return HG_FRAME_LOST;
	caller->pc = strip_signature(arch, pc);
	set_register(caller, arch->pc_reg, caller->pc);
	caller->interrupted = row->signal_frame;
	return caller->pc ? HG_FRAME_CALLER : HG_FRAME_OUTERMOST;
}

/* ---- by what a call leaves behind ---- */

static bool is_code(const struct hg_program *prog, uint64_t addr)
{
	const struct hg_segment *segment = hg_image_segment(prog->image, addr);
	return segment && (segment->prot & HG_PROT_EXEC);
}

// On x86-64 the bytes before a return address are a call: E8 rel32, or FF /2 with operands of several lengths.
static bool follows_call(const struct hg_program *prog, uint64_t addr)
{
	if (addr < 8 || !is_code(prog, addr - 1))
		return false;
	const uint8_t *code = hg_image_view(prog->image, addr - 8, 8);
	if (!code || prog->image->arch->elf_machine != EM_X86_64)
		return code;
	if (code[3] == 0xe8)
		return true;
	static const uint8_t lengths[] = {2, 3, 4, 6, 7};
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		const uint8_t *at = code + 8 - lengths[i];
		if (at[0] == 0xff && (at[1] >> 3 & 7) == 2)
			return true;
	}
	return false;
}

// A jump to where no code is: the call has just been made.
static bool by_wild_call(const struct hg_program *prog, struct hg_frame *frame,
			 struct hg_frame *caller)
{
	const struct hg_arch *arch = prog->image->arch;
	uint64_t pc;
	if (!frame->interrupted || arch->elf_machine != EM_X86_64 || is_code(prog, frame->pc) ||
	    !hg_image_u64(prog->image, frame->sp, &pc) || !follows_call(prog, pc))
		return false;
	*caller = *frame;
	frame->cfa = frame->sp + 8;
	caller->pc = pc;
	caller->known &= arch->callee_saved;
	set_register(caller, arch->sp_reg, frame->cfa);
	set_register(caller, arch->pc_reg, pc);
	caller->interrupted = false;
	return true;
}

// Both architectures keep {the caller's frame pointer, return address} where the frame pointer points to.
static bool by_frame_pointer(struct hg_program *prog, struct hg_frame *frame,
			     struct hg_frame *caller)
{
	const struct hg_arch *arch = prog->image->arch;
	uint64_t fp, next, pc;
	if (!get_register(frame, arch->fp_reg, &fp) || fp % 8 || fp < frame->sp ||
	    fp > UINT64_MAX - 16 || !hg_image_u64(prog->image, fp, &next) ||
	    !hg_image_u64(prog->image, fp + 8, &pc))
		return false;
	pc = strip_signature(arch, pc);
	if (!follows_call(prog, pc))
		return false;
	frame->cfa = fp + 16;
	caller->pc = pc;
	set_register(caller, arch->pc_reg, pc);
	set_register(caller, arch->sp_reg, frame->cfa);
	set_register(caller, arch->fp_reg, next);
	return true;
}

enum hg_frame_status hg_frame_unwind(struct hg_program *prog, struct hg_frame *frame,
				     struct hg_frame *caller)
{
	const struct hg_arch *arch = prog->image->arch;
	*caller = (struct hg_frame){0};
	frame->cfa = 0;
	const uint64_t pc = hg_frame_lookup_pc(frame);
	const struct hg_frame_table *table = table_at(prog, pc);
	struct hg_cfi_row row;
	enum hg_frame_status status = HG_FRAME_LOST;
	// A signal frame is found by its own pc: the function before it has nothing to do with it.
	if (table && table->cfi &&
	    ((hg_cfi_find(table->cfi, frame->pc - table->bias, &row) && row.signal_frame) ||
	     hg_cfi_find(table->cfi, pc - table->bias, &row)))
		status = by_row(prog, frame, &row, caller);
	else if (by_wild_call(prog, frame, caller) || by_frame_pointer(prog, frame, caller))
		status = HG_FRAME_GUESSED;
	if (status == HG_FRAME_LOST || status == HG_FRAME_OUTERMOST)
		return status;
	if (!get_register(caller, arch->sp_reg, &caller->sp))
		return HG_FRAME_LOST;
	const bool rises =
		caller->sp > frame->sp || (frame->interrupted && caller->sp == frame->sp);
	return rises || frame->signal_frame ? status : HG_FRAME_LOST;
}
