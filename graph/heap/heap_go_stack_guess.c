#include "graph/heap/heap_go_stack.h"

#include <stdlib.h>
#include <string.h>

// Live words of a frame that no variable covers: the value of a blocked send, the closure of a deferred call, the array
// behind a slice that never left the stack. What they are follows from what points to them.

enum { MAX_CLOSURE_WORDS = 32, PROBES = 48 /* places of a function */ };

/** A value on its way through a channel. */
static bool guess_wait(struct go_stacks *s, uint64_t addr, struct go_guess *ret)
{
	for (size_t i = 0; i < s->waits.count; i++) {
		const struct go_wait *wait = &s->waits.data[i];
		if (addr < wait->addr || addr - wait->addr >= wait->size)
			continue;
		*ret = (struct go_guess){
			.addr = wait->addr,
			.size = wait->size,
			.type = wait->type,
			.name = hg_program_string(s->r.go->prog, "channel value"),
		};
		return true;
	}
	return false;
}

/** The captured variable at an offset of a closure; NULL where debug info does not tell. */
static const struct hg_captured *captured_at(const struct hg_program *prog,
					     const hg_captureds *captured, uint64_t offset,
					     uint64_t *start)
{
	for (size_t i = 0; i < captured->count; i++) {
		const struct hg_captured *c = &captured->data[i];
		// Without offsets (up to Go 1.22) a single one can only be the first word.
		*start = !c->offset && captured->count == 1 ? 8 : c->offset;
		if (*start && *start <= offset &&
		    offset - *start < hg_type_get(prog, c->type)->size)
			return c;
	}
	return NULL;
}

/** A variable in a closure that lies in the frame: some word below is the entry of its function. */
static bool guess_captured(struct go_stacks *s, const struct go_hit *hit, struct go_guess *ret)
{
	const struct hg_program *prog = s->r.go->prog;
	const uint64_t bottom = s->frames.data[hit->frame].sp;
	for (unsigned i = 1; i < MAX_CLOSURE_WORDS && hit->addr - i * 8 >= bottom; i++) {
		uint64_t entry = 0, start = 0;
		if (!go_stack_read(s, hit->addr - i * 8, &entry))
			return false;
		const struct go_func *func = go_func_at(s->r.go, entry);
		if (!func || func->entry != entry)
			continue;
		hg_captureds captured = {0};
		hg_error_destroy(hg_variable_captured(s->r.go->prog, entry, &captured));
		const struct hg_captured *c = captured_at(prog, &captured, i * 8, &start);
		if (c)
			*ret = (struct go_guess){
				.addr = hit->addr - i * 8 + start,
				.size = hg_type_get(prog, c->type)->size,
				.type = c->type,
				.name = c->name,
			};
		const bool found = c;
		hg_vec_deinit(&captured);
		return found;
	}
	return false;
}

/** A stack object behind a variable: shown as that variable. */
static bool guess_pointee(struct go_stacks *s, uint64_t addr, struct go_guess *ret)
{
	const struct go_object *object = go_object_at(s, addr);
	for (size_t i = 0; object && i < s->links.count; i++) {
		const struct go_link *link = &s->links.data[i];
		if (link->value != object->addr)
			continue;
		const struct go_frame *frame = &s->frames.data[link->frame];
		struct go_site *site = frame->site;
		go_site_names(s, site, frame);
		const int64_t at = (int64_t)(link->addr - frame->fp);
		const uint32_t index = go_slot_at(site, at);
		if (index == site->slot_count || !site->slots[index].name)
			continue;
		const struct go_slot *slot = &site->slots[index];
		const uint64_t offset = slot->piece_at + (uint64_t)(at - slot->at);
		struct hg_text path = {0};
		const struct go_target target =
			go_target_of(s->r.go, slot->type, link->addr - offset, offset, &path);
		*ret = (struct go_guess){
			.addr = object->addr,
			.size = go_object_size(object),
			.name = slot->name,
			.type = target.type,
			.line = slot->line,
			.call = slot->call,
		};
		hg_text_deinit(&path);
		if (target.type)
			return true;
	}
	return false;
}

struct homes { // of a function's variables in its frame, wherever in it they are there
	HG_VEC(struct go_slot) slots;
	HG_VEC(uint32_t) pointees; // types that its variables point to
};

static void pointee_add(struct go_stacks *s, struct homes *homes, uint32_t variable_type)
{
	const struct hg_program *prog = s->r.go->prog;
	const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, variable_type));
	if (t->kind != HG_TYPE_POINTER || !t->elem)
		return;
	for (size_t i = 0; i < homes->pointees.count; i++) {
		if (hg_type_strip(prog, homes->pointees.data[i]) == hg_type_strip(prog, t->elem))
			return;
	}
	uint32_t *place = hg_vec_push(&homes->pointees);
	if (place)
		*place = t->elem;
	else
		s->r.failed = true;
}

static void home_add(struct go_stacks *s, struct homes *homes, const struct hg_local *local,
		     uint64_t cfa)
{
	const struct go_slot home = {
		.name = local->name,
		.type = local->type,
		.line = local->line,
		.piece_at = local->piece_at,
		.piece_size = local->piece_size,
		.at = (int64_t)(local->addr - cfa),
	};
	for (size_t i = 0; i < homes->slots.count; i++) {
		const struct go_slot *other = &homes->slots.data[i];
		if (other->at == home.at && other->name == home.name && other->type == home.type)
			return;
	}
	struct go_slot *place = hg_vec_push(&homes->slots);
	if (place)
		*place = home;
	else
		s->r.failed = true;
}

static void homes_probe(struct go_stacks *s, struct homes *homes, uint64_t pc, uint64_t cfa)
{
	const uint64_t regs[HG_ARCH_MAX_REGS] = {0};
	const struct hg_frame_context context = {.pc = pc, .cfa = cfa, .regs = regs};
	hg_locals locals = {0};
	hg_error_destroy(hg_variable_locals(s->r.go->prog, &context, &locals));
	for (size_t i = 0; i < locals.count; i++) {
		pointee_add(s, homes, locals.data[i].type);
		if (!locals.data[i].in_register)
			home_add(s, homes, &locals.data[i], cfa);
	}
	hg_vec_deinit(&locals);
}

static const struct homes *homes_of(struct go_stacks *s, const struct go_func *func, uint64_t cfa)
{
	uint64_t *place = hg_map_put(&s->homes, func->addr);
	if (!place || *place)
		return place ? (const struct homes *)(uintptr_t)*place : NULL;
	struct homes *homes = calloc(1, sizeof(*homes));
	if (!homes) {
		s->r.failed = true;
		return NULL;
	}
	*place = (uintptr_t)homes;
	const uint64_t size = func->end - func->entry;
	for (uint64_t i = 0; i < PROBES && i < size; i++)
		homes_probe(s, homes, func->entry + (size <= PROBES ? i : i * (size / PROBES)),
			    cfa);
	return homes;
}

void go_homes_close(struct go_stacks *s)
{
	for (size_t i = 0; s->homes.slots && i <= s->homes.mask; i++) {
		if (!s->homes.used[i])
			continue;
		struct homes *homes = (struct homes *)(uintptr_t)s->homes.slots[i].value;
		if (homes) {
			hg_vec_deinit(&homes->slots);
			hg_vec_deinit(&homes->pointees);
		}
		free(homes);
	}
	hg_map_deinit(&s->homes);
}

/** A spill slot outside of the range that debug info gives it: whose it is elsewhere, if all places agree. */
static bool guess_home(struct go_stacks *s, const struct go_hit *hit, struct go_guess *ret)
{
	const struct go_frame *frame = &s->frames.data[hit->frame];
	const struct homes *homes = homes_of(s, frame->site->func, frame->fp);
	const int64_t at = (int64_t)(hit->addr - frame->fp);
	const struct go_slot *found = NULL;
	for (size_t i = 0; homes && i < homes->slots.count; i++) {
		const struct go_slot *slot = &homes->slots.data[i];
		if (at < slot->at || (uint64_t)(at - slot->at) >= slot->piece_size)
			continue;
		if (found)
			return false;
		found = slot;
	}
	if (!found)
		return false;
	*ret = (struct go_guess){
		.addr = frame->fp + (uint64_t)found->at,
		.size = found->piece_size,
		.piece_at = found->piece_at,
		.name = found->name,
		.type = found->type,
		.line = found->line,
	};
	return true;
}

/** Sets the bits of the words of a value that the collector follows; false where it has more than 64. */
static bool pointer_words(const struct hg_program *prog, uint32_t type, uint64_t at, uint64_t *bits,
			  unsigned depth)
{
	const struct hg_type *t = hg_type_get(prog, hg_type_strip(prog, type));
	if (depth > 8 || at + t->size > 512)
		return false;
	if (t->kind == HG_TYPE_POINTER || t->kind == HG_TYPE_FUNC)
		*bits |= 1ull << at / 8;
	if (t->kind == HG_TYPE_ARRAY) {
		const uint64_t unit = hg_type_get(prog, t->elem)->size;
		for (uint64_t i = 0; unit && i < t->size / unit; i++) {
			if (!pointer_words(prog, t->elem, at + i * unit, bits, depth + 1))
				return false;
		}
	}
	for (uint32_t i = 0; t->kind == HG_TYPE_STRUCT && i < t->member_count; i++) {
		const struct hg_member *m = &prog->types.members.data[t->members + i];
		if (!pointer_words(prog, m->type, at + m->offset, bits, depth + 1))
			return false;
	}
	return true;
}

/** Could a block be a value of the type: does it fill its slot, and are its pointers those of the slot? */
static bool block_fits(const struct go_stacks *s, uint64_t addr, uint32_t type)
{
	const struct heap_go *go = s->r.go;
	const struct hg_extent *extent = hg_blocks_extent_at(s->r.blocks, addr);
	const uint64_t size = hg_type_get(go->prog, type)->size;
	uint64_t bits = 0, own = 0;
	bool last = false;
	if (!extent || extent->irregular || size > extent->stride ||
	    extent->stride - size >= 16 + size / 8 || !pointer_words(go->prog, type, 0, &bits, 0))
		return false;
	if (!extent->no_pointers)
		own = go->heap.ops->pointer_bits(&go->heap, extent, addr, 0, &last);
	const uint64_t words = extent->stride / 8;
	return own && bits == (words >= 64 ? own : own & ((1ull << words) - 1));
}

uint32_t go_fitting_type(struct go_stacks *s, const struct go_hit *hit)
{
	const uint32_t block = hg_blocks_find(s->r.blocks, hit->value);
	if (hit->frame == UINT32_MAX || hg_blocks_addr(s->r.blocks, block) != hit->value)
		return 0;
	const struct go_frame *frame = &s->frames.data[hit->frame];
	const struct homes *homes = homes_of(s, frame->site->func, frame->fp);
	uint32_t found = 0;
	for (size_t i = 0; homes && i < homes->pointees.count; i++) {
		if (!block_fits(s, hit->value, homes->pointees.data[i]))
			continue;
		if (found)
			return 0;
		found = homes->pointees.data[i];
	}
	return found;
}

uint32_t go_type_repeated(struct go_stacks *s, uint32_t type, uint64_t size)
{
	const uint64_t unit = hg_type_get(s->r.go->prog, type)->size;
	if (!unit || size < 2 * unit)
		return type;
	const struct hg_type array = {
		.kind = HG_TYPE_ARRAY,
		.go_kind = HG_GO_ARRAY,
		.elem = type,
		.count = size / unit,
		.size = size / unit * unit,
	};
	return hg_type_add(s->r.go->prog, &array);
}

void go_slot_guess(struct go_stacks *s, const struct go_hit *hit)
{
	const struct go_frame *frame = &s->frames.data[hit->frame];
	struct go_guess guess = {.addr = hit->addr, .size = 8};
	bool known = !hit->conservative &&
		     (guess_wait(s, hit->addr, &guess) || guess_captured(s, hit, &guess));
	if (!known && !hit->conservative && guess_pointee(s, hit->addr, &guess)) {
		known = true;
		guess.type = go_type_repeated(s, guess.type, guess.size);
	}
	known = known || guess_home(s, hit, &guess) ||
		(!hit->conservative && go_region_guess(s, hit, &guess));
	const struct go_object *object = known ? NULL : go_object_at(s, hit->addr);
	if (object) { // all of it stays unnamed
		guess.addr = object->addr;
		guess.size = go_object_size(object);
	}
	const uint32_t outermost = frame->site->call_count ? frame->site->call_count - 1 : 0;
	go_slot_add(s, frame->site,
		    &(struct go_slot){
			    .name = guess.name,
			    .type = guess.type,
			    .line = guess.line,
			    .piece_at = guess.piece_at,
			    .piece_size = guess.size,
			    .at = (int64_t)(guess.addr - frame->fp),
			    .call = known && guess.line ? guess.call : (uint8_t)outermost,
			    .whole = known && !guess.piece_at,
		    });
}
