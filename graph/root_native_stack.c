#include <string.h>

#include "core/base/limits.h"
#include "dwarf/frame.h"
#include "graph/root_native_private.h"
#include "graph/root_thread.h"

// From the red zone below the stack pointer up to where the stack ends. Each frame reaches from the stack pointer it has
// while it calls up to its CFA, which is the stack pointer of its caller.

#define RED_ZONE                                                                                   \
	128 // below the stack pointer of x86-64 that code may use without moving it; none on arm64

struct stack {
	struct native_rooter *r;
	const struct native_thread *thread;
	uint64_t at, end;	// what is not yet scanned
	struct hg_frame *frame; // whose words are scanned
	uint32_t frame_root;	// 0 until it has an edge
	uint32_t words_root;	// of words that no variable covers
	uint64_t *covered;	// bit per word of the frame: a variable has it
	uint64_t frame_start, frame_words;
	struct hg_local variable; // the last one
	uint32_t variable_root;	  // 0 until it has an edge
	uint32_t rest_root;
	hg_locals locals;
};

/* ---- where a stack ends ---- */

static uint64_t writable_end(const struct hg_image *image, uint64_t addr)
{
	const struct hg_segment *segment = hg_image_segment(image, addr);
	const struct hg_segment *behind = image->segments + image->segment_count;
	uint64_t end = addr;
	for (;
	     segment && segment < behind && (segment->prot & HG_PROT_WRITE) && segment->addr <= end;
	     segment++)
		end = segment->addr + segment->size;
	const struct hg_mapping *mapping = hg_image_mapping(image, addr);
	return mapping && mapping->end < end ? mapping->end : end;
}

// Stacks of threads end at their storage. A stack may be a block, or lie right below another one's.
uint64_t native_stack_end(const struct native_rooter *r, uint64_t sp)
{
	uint64_t end = writable_end(r->prog->image, sp);
	const uint32_t block = hg_blocks_find(r->blocks, sp);
	if (block != HG_NO_BLOCK) {
		const uint64_t block_end =
			hg_blocks_addr(r->blocks, block) + hg_blocks_size(r->blocks, block);
		end = block_end < end ? block_end : end;
	}
	for (size_t i = 0; i < r->threads.count; i++) {
		const struct native_thread *thread = &r->threads.data[i];
		const uint64_t theirs = thread->thread->sp - RED_ZONE;
		if (theirs > sp && theirs < end)
			end = theirs;
		if (thread->tls_start > sp && thread->tls_start < end)
			end = thread->tls_start;
	}
	return end;
}

static void enter_stack(struct stack *s, uint64_t sp)
{
	const struct hg_segment *segment = hg_image_segment(s->r->prog->image, sp);
	const uint64_t low = segment ? segment->addr : sp;
	s->at = sp - low > RED_ZONE ? (sp - RED_ZONE) & ~7ull : low;
	s->end = segment ? native_stack_end(s->r, sp) : sp;
	s->thread->info->stack_bytes += s->end - sp;
}

/* ---- one frame ---- */

static uint32_t frame_root(struct stack *s)
{
	if (s->frame_root)
		return s->frame_root;
	struct hg_program *prog = s->r->prog;
	const uint64_t pc = hg_frame_lookup_pc(s->frame);
	const struct hg_module *module = hg_program_module_at(prog, pc);
	const uint32_t function = hg_root_function(prog, pc);
	char name[512] = "unknown code";
	if (module)
		snprintf(name, sizeof(name), "code of %s", native_module_name(module));
	s->frame_root = native_root(
		s->r, &(struct hg_root){
			      .parent = s->thread->root,
			      .kind = HG_ROOT_FRAME,
			      .name = function ? function : hg_program_string(prog, name),
			      .addr = s->frame->pc,
		      });
	return s->frame_root;
}

static uint32_t variable_root(struct stack *s)
{
	const struct hg_local *local = &s->variable;
	const uint64_t size = hg_type_get(s->r->prog, local->type)->size;
	const bool whole = !local->in_register && local->piece_size == size;
	if (!s->variable_root)
		s->variable_root = native_root(s->r, &(struct hg_root){
							     .parent = frame_root(s),
							     .kind = HG_ROOT_STACK,
							     .name = local->name,
							     .type = local->type,
							     .file = local->file,
							     .line = local->file ? local->line : 0,
							     .addr = whole ? local->addr : 0,
						     });
	return s->variable_root;
}

// During a call from Go, a variable may point to what Go's collector owns; a number may not. What a variable of a running function
// points to it has mostly borrowed: it owns only what nothing else holds.
static void variable_word(struct stack *s, uint64_t offset, uint64_t value)
{
	const struct hg_local *local = &s->variable;
	const uint64_t size = hg_type_get(s->r->prog, local->type)->size;
	const bool whole = !local->in_register && local->piece_size == size;
	const uint8_t flags = native_flags(s->r, local->type, whole ? local->addr : 0, offset);
	if ((flags & HG_EDGE_CONSERVATIVE) && !native_is_block(s->r, value))
		return;
	native_edge(s->r, &(struct hg_root_edge){
				  .target = value,
				  .root = variable_root(s),
				  .offset = (uint32_t)offset,
				  .flags = flags | HG_EDGE_SECONDARY,
			  });
}

static void variable_memory_word(void *arg, uint64_t addr, uint64_t value)
{
	struct stack *s = arg;
	const uint64_t word = (addr - s->frame_start) / 8;
	if (addr >= s->frame_start && word < s->frame_words)
		s->covered[word / 64] |= (uint64_t)1 << (word % 64);
	variable_word(s, s->variable.piece_at + (addr - s->variable.addr), value);
}

// A piece of the variable before belongs to its root.
static void next_variable(struct stack *s, const struct hg_local *local)
{
	const struct hg_local *last = &s->variable;
	if (!local->piece_at || local->name != last->name || local->type != last->type ||
	    local->function != last->function || local->piece_at <= last->piece_at)
		s->variable_root = 0;
	s->variable = *local;
}

static void add_local(struct stack *s, const struct hg_local *local)
{
	const struct hg_frame *frame = s->frame;
	next_variable(s, local);
	if (local->in_register) {
		const bool known =
			local->reg < HG_ARCH_MAX_REGS && (frame->known >> local->reg & 1);
		const uint64_t value = known ? frame->regs[local->reg] : 0;
		if (known && local->piece_size <= 8 &&
		    hg_blocks_find(s->r->blocks, value) != HG_NO_BLOCK)
			variable_word(s, local->piece_at, value);
		return;
	}
	// Function statics have an address, too, which is not on the stack.
	uint64_t end;
	if (local->addr < s->at || local->addr >= s->end ||
	    __builtin_add_overflow(local->addr, local->piece_size, &end))
		return;
	native_scan(s->r, local->addr, end < s->end ? end : s->end, variable_memory_word, s);
}

static void loose_word(void *arg, uint64_t addr, uint64_t value)
{
	struct stack *s = arg;
	const uint64_t word = (addr - s->frame_start) / 8;
	if (s->covered && word < s->frame_words && (s->covered[word / 64] >> (word % 64) & 1))
		return;
	if (!s->words_root)
		s->words_root = native_root(
			s->r, &(struct hg_root){
				      .parent = frame_root(s),
				      .kind = HG_ROOT_WORDS,
				      .name = hg_program_string(s->r->prog, "stack words"),
				      .conservative = true,
			      });
	native_edge(s->r, &(struct hg_root_edge){
				  .target = value,
				  .root = s->words_root,
				  .flags = HG_EDGE_CONSERVATIVE | HG_EDGE_STALE,
			  });
}

// The words from s->at up to `end`.
static void add_frame(struct stack *s, struct hg_frame *frame, uint64_t end)
{
	const struct hg_module *module =
		hg_program_module_at(s->r->prog, hg_frame_lookup_pc(frame));
	if (module)
		native_note_module(s->r, module);
	s->frame = frame;
	s->frame_root = s->words_root = s->variable_root = 0;
	s->frame_start = s->at;
	s->frame_words = (end - s->at) / 8;
	hg_autofree uint64_t *covered = calloc(s->frame_words / 64 + 1, sizeof(*covered));
	if (!covered) {
		s->r->failed = true;
		return;
	}
	s->covered = covered;
	const struct hg_frame_context context = {
		.pc = hg_frame_lookup_pc(frame),
		.cfa = frame->cfa,
		.regs = frame->regs,
		.unknown_regs = ~frame->known,
	};
	s->locals.count = 0;
	struct hg_error *err = hg_variable_locals(s->r->prog, &context, &s->locals);
	s->r->failed |= err != NULL;
	hg_error_destroy(err);
	for (size_t i = 0; i < s->locals.count; i++)
		add_local(s, &s->locals.data[i]);
	const uint64_t missing = native_scan(s->r, s->at, end, loose_word, s);
	hg_coverage_add(s->r->coverage, "bytes of thread stacks that are missing", missing);
	s->covered = NULL;
	s->at = end;
}

/* ---- one stack ---- */

static void rest_word(void *arg, uint64_t addr, uint64_t value)
{
	struct stack *s = arg;
	(void)addr;
	if (!s->rest_root)
		s->rest_root = native_root(
			s->r, &(struct hg_root){
				      .parent = s->thread->root,
				      .kind = HG_ROOT_WORDS,
				      .name = hg_program_string(s->r->prog, "rest of the stack"),
				      .conservative = true,
			      });
	native_edge(s->r, &(struct hg_root_edge){
				  .target = value,
				  .root = s->rest_root,
				  .flags = HG_EDGE_CONSERVATIVE | HG_EDGE_STALE,
			  });
}

static void add_rest(struct stack *s)
{
	const uint64_t missing = native_scan(s->r, s->at, s->end, rest_word, s);
	hg_coverage_add(s->r->coverage, "bytes of thread stacks that are missing", missing);
	s->at = s->end;
}

static void add_registers(struct stack *s)
{
	const struct hg_arch *arch = s->r->prog->image->arch;
	uint32_t root = 0;
	for (unsigned i = 0; i < arch->reg_count; i++) {
		const uint64_t value = s->thread->thread->regs[i];
		if (i == arch->sp_reg || i == arch->pc_reg || !native_is_block(s->r, value))
			continue;
		if (!root)
			root = native_root(
				s->r, &(struct hg_root){
					      .parent = s->thread->root,
					      .kind = HG_ROOT_REGISTER,
					      .name = hg_program_string(s->r->prog, "registers"),
					      .conservative = true,
				      });
		native_edge(s->r, &(struct hg_root_edge){
					  .target = value,
					  .root = root,
					  .offset = i * 8,
					  .flags = HG_EDGE_CONSERVATIVE,
				  });
	}
}

// Whether the caller's frame lies where it can: above, or behind a signal on another stack, which is then entered.
static bool go_on(struct stack *s, struct hg_frame *frame, const struct hg_frame *caller)
{
	if (frame->cfa > s->at && frame->cfa <= s->end) {
		add_frame(s, frame, frame->cfa);
		return true;
	}
	if (!frame->signal_frame || !hg_image_segment(s->r->prog->image, caller->sp) ||
	    native_skips(s->r, caller->sp))
		return false;
	add_frame(s, frame, s->end);
	enter_stack(s, caller->sp);
	return s->at < s->end;
}

static void walk(struct stack *s)
{
	struct hg_frame frame, caller;
	unsigned signals = 0;
	hg_frame_start(s->r->prog->image, s->thread->thread, &frame);
	for (unsigned i = 0; i < HG_MAX_FRAMES && !s->r->failed; i++, frame = caller) {
		const enum hg_frame_status status = hg_frame_unwind(s->r->prog, &frame, &caller);
		signals += frame.signal_frame;
		if (status == HG_FRAME_LOST || signals > 64 || !go_on(s, &frame, &caller)) {
			hg_coverage_add(s->r->coverage,
					"thread stacks that end where nothing tells who called", 1);
			break;
		}
		if (status == HG_FRAME_OUTERMOST)
			break;
	}
	add_rest(s);
}

void native_stack(struct native_rooter *r, const struct native_thread *thread)
{
	struct stack s = {.r = r, .thread = thread};
	enter_stack(&s, thread->thread->sp);
	add_registers(&s);
	r->in_block = true;
	walk(&s);
	r->in_block = false;
	hg_vec_deinit(&s.locals);
}
