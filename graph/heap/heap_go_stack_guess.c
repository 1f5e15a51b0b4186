#include "graph/heap/heap_go_stack.h"

#include <string.h>

// Live words of a frame that no variable covers: the value of a blocked send, the closure of a deferred call, the array
// behind a slice that never left the stack. What they are follows from what points to them.

enum { MAX_CLOSURE_WORDS = 32 };

struct guess {
	uint64_t addr, size;
	uint32_t name, type, line;
	uint8_t call;
};

/** A value on its way through a channel. */
static bool guess_wait(struct go_stacks *s, uint64_t addr, struct guess *ret)
{
	for (size_t i = 0; i < s->waits.count; i++) {
		const struct go_wait *wait = &s->waits.data[i];
		if (addr < wait->addr || addr - wait->addr >= wait->size)
			continue;
		*ret = (struct guess){
			.addr = wait->addr,
			.size = wait->size,
			.type = wait->type,
			.name = hg_program_string(s->r.go->prog, "channel value"),
		};
		return true;
	}
	return false;
}

/** A variable in a closure that lies in the frame: some word below is the entry of its function. */
static bool guess_captured(struct go_stacks *s, const struct go_hit *hit, struct guess *ret)
{
	const uint64_t bottom = s->frames.data[hit->frame].sp;
	for (unsigned i = 1; i < MAX_CLOSURE_WORDS && hit->addr - i * 8 >= bottom; i++) {
		uint64_t entry = 0;
		if (!go_stack_read(s, hit->addr - i * 8, &entry))
			return false;
		const struct go_func *func = go_func_at(s->r.go, entry);
		if (!func || func->entry != entry)
			continue;
		hg_captureds captured = {0};
		bool found = false;
		hg_error_destroy(hg_variable_captured(s->r.go->prog, entry, &captured));
		for (size_t j = 0; j < captured.count && !found; j++) {
			const struct hg_captured *c = &captured.data[j];
			const uint64_t size = hg_type_get(s->r.go->prog, c->type)->size;
			found = c->offset <= i * 8 && i * 8 - c->offset < size;
			if (found)
				*ret = (struct guess){
					.addr = hit->addr - i * 8 + c->offset,
					.size = size,
					.type = c->type,
					.name = c->name,
				};
		}
		hg_vec_deinit(&captured);
		return found;
	}
	return false;
}

/** A stack object behind a variable: shown as that variable. */
static bool guess_pointee(struct go_stacks *s, uint64_t addr, struct guess *ret)
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
		*ret = (struct guess){
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

/** The type of `size` bytes of elements of a type. */
static uint32_t repeated(struct go_stacks *s, uint32_t type, uint64_t size)
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
	struct guess guess = {.addr = hit->addr, .size = 8};
	bool known = guess_wait(s, hit->addr, &guess) || guess_captured(s, hit, &guess);
	if (!known && guess_pointee(s, hit->addr, &guess)) {
		known = true;
		guess.type = repeated(s, guess.type, guess.size);
	}
	const uint32_t outermost = frame->site->call_count ? frame->site->call_count - 1 : 0;
	go_slot_add(s, frame->site,
		    &(struct go_slot){
			    .name = guess.name,
			    .type = guess.type,
			    .line = guess.line,
			    .piece_size = guess.size,
			    .at = (int64_t)(guess.addr - frame->fp),
			    .call = known && guess.line ? guess.call : (uint8_t)outermost,
			    .whole = known,
		    });
}
