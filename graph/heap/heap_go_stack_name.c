#include "graph/heap/heap_go_stack.h"

#include <elf.h>
#include <string.h>

#include "core/base/limits.h"

enum {
	MAX_SLOTS = 4000, // variables of one frame
	DEEP = 256,	  // frames below which a recursion shares its roots
	SLOT_BITS = 13,	  // slots and call levels of a site
	MAX_OFFSET = 1 << 30,
};

static const char *const amd64_regs[] = {
	"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

void go_site_calls(struct go_stacks *s, struct go_site *site)
{
	if (site->calls)
		return;
	struct go_call calls[GO_MAX_INLINE];
	const bool back = site->mode == GO_SITE_CALL && site->func && site->pc != site->func->entry;
	const size_t count = go_calls(s->r.go, site->pc - back, calls);
	site->calls = count ? hg_arena_alloc(&s->arena, count * sizeof(*calls)) : NULL;
	if (!site->calls)
		return;
	memcpy(site->calls, calls, count * sizeof(*calls));
	site->call_count = (uint32_t)count;
}

/** The call level that a variable's function is; the function that was really called where none fits. */
static uint8_t call_of(const struct go_stacks *s, const struct go_site *site, uint32_t function)
{
	const char *name = hg_program_text(s->r.go->prog, function);
	for (uint32_t i = 0; i < site->call_count; i++) {
		if (!strcmp(site->calls[i].function, name))
			return (uint8_t)i;
	}
	return site->call_count ? (uint8_t)(site->call_count - 1) : 0;
}

bool go_slot_add(struct go_stacks *s, struct go_site *site, const struct go_slot *slot)
{
	if (site->slot_count >= MAX_SLOTS)
		return false;
	if (site->slot_count == site->slot_capacity) {
		const uint32_t capacity = site->slot_capacity ? 2 * site->slot_capacity : 8;
		struct go_slot *slots = hg_arena_alloc(&s->arena, capacity * sizeof(*slots));
		if (!slots) {
			s->r.failed = true;
			return false;
		}
		if (site->slot_count)
			memcpy(slots, site->slots, site->slot_count * sizeof(*slots));
		site->slots = slots;
		site->slot_capacity = capacity;
	}
	site->slots[site->slot_count++] = *slot;
	return true;
}

static void slot_of_local(struct go_stacks *s, struct go_site *site, const struct hg_local *local,
			  uint64_t cfa)
{
	const int64_t at = (int64_t)(local->addr - cfa);
	if (!local->piece_size || (!local->in_register && (at > MAX_OFFSET || at < -MAX_OFFSET)))
		return;
	const uint64_t size = hg_type_get(s->r.go->prog, local->type)->size;
	go_slot_add(s, site,
		    &(struct go_slot){
			    .name = local->name,
			    .type = local->type,
			    .line = local->line,
			    .piece_at = local->piece_at,
			    .piece_size = local->in_register ? 0 : local->piece_size,
			    .at = local->in_register ? 0 : at,
			    .call = call_of(s, site, local->function),
			    .in_register = local->in_register,
			    .reg = (uint8_t)local->reg,
			    .whole = !local->in_register && !local->piece_at &&
				     local->piece_size >= size,
		    });
}

/** The variables of a site that lie in memory, told from one frame that stands there: in Go all are relative to the CFA. */
void go_site_names(struct go_stacks *s, struct go_site *site, const struct go_frame *frame)
{
	if (site->named)
		return;
	site->named = true;
	go_site_calls(s, site);
	const bool back = site->mode == GO_SITE_CALL && site->pc != site->func->entry;
	const uint64_t regs[HG_ARCH_MAX_REGS] = {
		0}; // which one holds a variable is all that matters
	const struct hg_frame_context context = {
		.pc = site->pc - back,
		.cfa = frame->fp,
		.regs = site->mode == GO_SITE_EXACT ? regs : NULL,
	};
	hg_locals locals = {0};
	hg_error_destroy(hg_variable_locals(s->r.go->prog, &context, &locals));
	for (size_t i = 0; i < locals.count; i++)
		slot_of_local(s, site, &locals.data[i], frame->fp);
	hg_vec_deinit(&locals);
}

/** The variable that covers a word of a frame: the smallest piece; slot_count where there is none. */
uint32_t go_slot_at(const struct go_site *site, int64_t at)
{
	uint32_t best = site->slot_count;
	for (uint32_t i = 0; i < site->slot_count; i++) {
		const struct go_slot *slot = &site->slots[i];
		if (at < slot->at || (uint64_t)(at - slot->at) >= slot->piece_size)
			continue;
		if (best == site->slot_count || slot->piece_size < site->slots[best].piece_size)
			best = i;
	}
	return best;
}

enum { PART_UNNAMED = 0, PART_CALLS = 1, PART_SLOTS = PART_CALLS + GO_MAX_INLINE };

/** Place of the root of a frame's part: what is unnamed, call levels, then variables, of which a site may still get more. */
static uint32_t *root_place(struct go_stacks *s, uint32_t frame, uint32_t part)
{
	const struct go_site *site = s->frames.data[frame].site;
	if (frame < DEEP)
		return &s->slot_roots.data[part];
	uint64_t *place = hg_map_put(&s->deep_roots, (uint64_t)site->number << SLOT_BITS | part);
	if (!place)
		s->r.failed = true;
	return (uint32_t *)place; // its low half: little-endian hosts only, as hg_load_u64()
}

static uint32_t frame_root(struct go_stacks *s, uint32_t goroutine, uint32_t frame, uint32_t call)
{
	const struct go_site *site = s->frames.data[frame].site;
	uint32_t *place = root_place(s, frame, PART_CALLS + call);
	if (!place || *place)
		return place ? *place : 0;
	struct hg_program *prog = s->r.go->prog;
	const struct go_call *level = call < site->call_count ? &site->calls[call] : NULL;
	const struct hg_root root = {
		.parent = goroutine,
		.kind = HG_ROOT_FRAME,
		.name = hg_program_string(prog, level ? level->function : site->func->name),
		.file = level ? hg_program_string(prog, level->file) : 0,
		.line = level ? level->line : 0,
		.addr = s->frames.data[frame].sp,
		.conservative = site->mode == GO_SITE_EXACT,
	};
	return *place = go_root_add(&s->r, &root);
}

static uint32_t local_root(struct go_stacks *s, uint32_t goroutine, const struct go_hit *hit,
			   uint32_t index)
{
	const struct go_frame *frame = &s->frames.data[hit->frame];
	const struct go_site *site = frame->site;
	const bool named = index < site->slot_count && site->slots[index].name;
	const uint32_t part = named ? PART_SLOTS + index : PART_UNNAMED;
	uint32_t *place = root_place(s, hit->frame, part);
	if (!place || *place)
		return place ? *place : 0;
	struct hg_program *prog = s->r.go->prog;
	struct hg_root root = {.kind = HG_ROOT_LOCAL, .conservative = hit->conservative};
	if (named) {
		const struct go_slot *slot = &site->slots[index];
		root.parent = frame_root(s, goroutine, hit->frame, slot->call);
		root.name = slot->name;
		root.type = slot->type;
		root.line = slot->line;
		root.file = slot->line ? s->r.roots->list.data[root.parent].file : 0;
		root.addr = slot->whole ? frame->fp + (uint64_t)slot->at : 0;
	} else {
		const uint32_t outermost = site->call_count ? site->call_count - 1 : 0;
		root.parent = frame_root(s, goroutine, hit->frame, outermost);
		root.name = hg_program_string(prog, "stack slots");
	}
	if (!root.parent)
		return 0;
	const uint32_t id = go_root_add(&s->r, &root);
	place = root_place(s, hit->frame, part); // the map may have moved
	return place ? *place = id : 0;
}

/** The variable that a register holds where a thread stands; NULL none. */
static const struct go_slot *register_slot(const struct go_site *site, uint8_t reg)
{
	for (uint32_t i = 0; i < site->slot_count; i++) {
		if (site->slots[i].in_register && site->slots[i].reg == reg)
			return &site->slots[i];
	}
	return NULL;
}

static const char *register_name(const struct go_stacks *s, uint8_t reg)
{
	const struct hg_arch *arch = s->r.go->prog->image->arch;
	const bool amd64 = arch && arch->elf_machine == EM_X86_64;
	return amd64 && reg < ARRAY_SIZE(amd64_regs) ? amd64_regs[reg] : "register";
}

static void register_hit(struct go_stacks *s, uint32_t goroutine, const struct go_hit *hit)
{
	struct hg_program *prog = s->r.go->prog;
	const struct go_slot *slot = NULL;
	struct hg_root root = {
		.parent = goroutine,
		.kind = HG_ROOT_REGISTER,
		.name = hg_program_string(prog, register_name(s, hit->reg)),
		.conservative = true,
	};
	if (hit->frame != UINT32_MAX) {
		const struct go_site *site = s->frames.data[hit->frame].site;
		slot = register_slot(site, hit->reg);
		root.parent = frame_root(s, goroutine, hit->frame,
					 slot		    ? slot->call
					 : site->call_count ? site->call_count - 1
							    : 0);
	}
	if (slot) {
		root.name = slot->name;
		root.type = slot->type;
		root.line = slot->line;
		root.file = slot->line ? s->r.roots->list.data[root.parent].file : 0;
	}
	go_root_edge(&s->r, &(struct hg_root_edge){
				    .target = hit->value,
				    .root = go_root_add(&s->r, &root),
				    .offset = slot ? (uint32_t)slot->piece_at : 0,
				    .type = slot ? 0 : go_fitting_type(s, hit),
				    .flags = HG_EDGE_CONSERVATIVE,
			    });
}

/** Does a word of a frame hold the goroutine's own record of waiting: by its type, or in the code that makes such ones? */
static bool holds_sudog(const struct go_stacks *s, const struct go_site *site, uint32_t index,
			uint64_t value)
{
	const struct hg_program *prog = s->r.go->prog;
	if (!s->sudog_type)
		return false;
	if (index < site->slot_count) {
		const struct hg_type *t =
			hg_type_get(prog, hg_type_strip(prog, site->slots[index].type));
		return t->kind == HG_TYPE_POINTER &&
		       hg_type_strip(prog, t->elem) == hg_type_strip(prog, s->sudog_type) &&
		       go_is_own_sudog(s, value);
	}
	const uint64_t size = hg_type_get(prog, s->sudog_type)->size;
	const uint32_t block = hg_blocks_find(s->r.blocks, value);
	return (!strncmp(site->func->name, "runtime.", 8) ||
		!strncmp(site->func->name, "sync.", 5)) &&
	       hg_blocks_addr(s->r.blocks, block) == value &&
	       hg_blocks_size(s->r.blocks, block) - size < 32 && go_is_own_sudog(s, value);
}

static void memory_hit(struct go_stacks *s, uint32_t goroutine, const struct go_hit *hit)
{
	const struct go_frame *frame = &s->frames.data[hit->frame];
	const struct go_site *site = frame->site;
	const int64_t at = (int64_t)(hit->addr - frame->fp);
	const uint32_t index = go_slot_at(site, at);
	uint64_t offset = hit->addr - frame->sp;
	uint8_t flags = hit->conservative ? HG_EDGE_CONSERVATIVE : 0;
	const bool unnamed = index == site->slot_count || !site->slots[index].name;
	if (!unnamed)
		offset = site->slots[index].piece_at + (uint64_t)(at - site->slots[index].at);
	if (holds_sudog(s, site, index, hit->value))
		flags |= HG_EDGE_OWNER;
	go_root_edge(&s->r, &(struct hg_root_edge){
				    .target = hit->value,
				    .root = local_root(s, goroutine, hit, index),
				    .offset = (uint32_t)offset,
				    .type = unnamed ? go_fitting_type(s, hit) : 0,
				    .flags = flags,
			    });
}

static int hit_by_frame(const void *a, const void *b)
{
	const struct go_hit *left = a, *right = b;
	if (left->frame != right->frame)
		return left->frame < right->frame ? -1 : 1;
	return left->addr < right->addr ? -1 : left->addr > right->addr;
}

/** Names what the hits of a frame, from s->hits[first] on, lie in, and makes the scratch list of its roots. */
static bool frame_begin(struct go_stacks *s, uint32_t frame, size_t first)
{
	struct go_site *site = s->frames.data[frame].site;
	const uint64_t fp = s->frames.data[frame].fp;
	go_site_names(s, site, &s->frames.data[frame]);
	for (size_t i = first; i < s->hits.count && s->hits.data[i].frame == frame; i++) {
		const struct go_hit *hit = &s->hits.data[i];
		if (hit->addr && (!hit->conservative || hit->addr < fp) &&
		    go_slot_at(site, (int64_t)(hit->addr - fp)) == site->slot_count)
			go_slot_guess(s, hit);
	}
	const size_t parts = (size_t)PART_SLOTS + site->slot_count;
	s->slot_roots.count = 0;
	if (!hg_vec_reserve(&s->slot_roots, parts)) {
		s->r.failed = true;
		return false;
	}
	memset(s->slot_roots.data, 0, parts * sizeof(*s->slot_roots.data));
	return true;
}

void go_stack_emit(struct go_stacks *s, uint32_t goroutine)
{
	if (s->hits.count)
		qsort(s->hits.data, s->hits.count, sizeof(*s->hits.data), hit_by_frame);
	if (s->deep_roots.count) {
		hg_map_deinit(&s->deep_roots);
		s->deep_roots = (struct hg_map){0};
	}
	uint32_t frame = UINT32_MAX, words = 0;
	for (size_t i = 0; i < s->hits.count && !s->r.failed; i++) {
		const struct go_hit *hit = &s->hits.data[i];
		if (hit->frame != UINT32_MAX && hit->frame != frame) {
			frame = hit->frame;
			if (!frame_begin(s, frame, i))
				return;
		}
		if (!hit->addr) {
			register_hit(s, goroutine, hit);
		} else if (hit->frame != UINT32_MAX) {
			memory_hit(s, goroutine, hit);
		} else {
			if (!words)
				words = go_root(&s->r, goroutine, HG_ROOT_LOCAL, "stack words");
			go_root_edge(&s->r, &(struct hg_root_edge){
						    .target = hit->value,
						    .root = words,
						    .flags = HG_EDGE_CONSERVATIVE,
					    });
		}
	}
}
