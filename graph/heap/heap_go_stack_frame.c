#include "graph/heap/heap_go_stack.h"

#include "core/base/bytes.h"
#include "core/base/limits.h"

#define MAX_FRAMES (16u << 20) // of one goroutine: its stack may have 1 GiB

bool go_stack_read(const struct go_stacks *s, uint64_t addr, uint64_t *ret)
{
	if (addr < s->base || addr >= s->end || s->end - addr < 8)
		return false;
	*ret = hg_load_u64(s->bytes + (addr - s->base));
	return true;
}

void go_stack_word(struct go_stacks *s, const struct go_hit *hit)
{
	if (hit->value >= s->g->lo && hit->value < s->g->hi) {
		struct go_inner *place = hit->conservative ? hg_vec_push(&s->inner_conservative)
							   : hg_vec_push(&s->inner);
		if (place)
			*place = (struct go_inner){hit->value, hit->conservative};
		else
			s->r.failed = true;
		struct go_link *link = hit->addr && hit->frame != UINT32_MAX && !hit->conservative
					       ? hg_vec_push(&s->links)
					       : NULL;
		if (link)
			*link = (struct go_link){hit->addr, hit->value, hit->frame};
	} else if (go_is_block(&s->r, hit->value)) {
		struct go_hit *place = hg_vec_push(&s->hits);
		if (place)
			*place = *hit;
		else
			s->r.failed = true;
	}
}

/** Words [addr, addr + 8 * count) of a frame: those of the mask, or all where it is NULL. */
static void scan_words(struct go_stacks *s, uint32_t frame, uint64_t addr, uint64_t count,
		       const uint8_t *mask, bool conservative)
{
	for (uint64_t i = 0; i < count; i++) {
		if (mask && !(mask[i / 8] >> (i % 8) & 1))
			continue;
		struct go_hit hit = {
			.addr = addr + i * 8,
			.frame = frame,
			.conservative = conservative,
		};
		if (!s->budget || !go_stack_read(s, hit.addr, &hit.value))
			break;
		s->budget--;
		if (hit.value)
			go_stack_word(s, &hit);
	}
}

/** The bitmap of a function's stack map {n i32, nbit i32, bitmaps}; NULL where there is none. */
static const uint8_t *stack_map(struct go_stacks *s, const struct go_func *func, unsigned which,
				int32_t index, uint32_t *bits)
{
	const struct hg_image *image = s->r.go->prog->image;
	const uint64_t addr = go_funcdata(s->r.go, func, which);
	const uint8_t *head = addr ? hg_image_view(image, addr, 8) : NULL;
	*bits = 0;
	if (!head)
		return NULL;
	const uint32_t maps = hg_load_u32(head), nbit = hg_load_u32(head + 4);
	if (!nbit || nbit > INT32_MAX)
		return NULL;
	const uint64_t size = (nbit + 7ull) / 8;
	const uint8_t *map = NULL;
	if (index >= 0 && (uint32_t)index < maps)
		map = hg_image_view(image, addr + 8 + (uint64_t)index * size, size);
	if (map)
		*bits = nbit;
	else
		hg_coverage_add(s->r.go->coverage, "frames without a stack map", 1);
	return map;
}

static void site_maps(struct go_stacks *s, struct go_site *site)
{
	const struct go_func *func = site->func;
	uint64_t pc = site->pc;
	if (site->mode == GO_SITE_FAULT) {
		site->dead = !func->deferreturn;
		pc = func->entry + func->deferreturn + 1;
	}
	// Maps belong to calls, so they are looked up one byte back; -1, as before the first call, means the first map.
	int32_t index = -1;
	if (pc == func->entry || !go_pcdata(s->r.go, func, GO_PCDATA_STACK_MAP, pc - 1, &index) ||
	    index == -1)
		index = 0;
	site->locals = stack_map(s, func, GO_FUNCDATA_LOCALS, index, &site->locals_bits);
	if (func->args > 0)
		site->args = stack_map(s, func, GO_FUNCDATA_ARGS, index, &site->args_bits);
	if (site->args_bits > (uint32_t)func->args / 8)
		site->args_bits = (uint32_t)func->args / 8;
	const struct hg_image *image = s->r.go->prog->image;
	const uint64_t records = go_funcdata(s->r.go, func, GO_FUNCDATA_OBJECTS);
	uint64_t count = 0;
	if (!records || !hg_image_u64(image, records, &count) || !count)
		return;
	// Objects do not overlap, so there are fewer than words in the frame.
	const uint64_t args = func->args > 0 ? (uint64_t)func->args : 0;
	if (count <= (site->delta + args) / 8 + 1)
		site->object_records = hg_image_view(image, records + 8, count * 16);
	if (site->object_records)
		site->objects = (uint32_t)count;
	else
		hg_coverage_add(s->r.go->coverage, "functions with damaged stack objects", 1);
}

static struct go_site *site_at(struct go_stacks *s, uint64_t pc, enum go_site_mode mode)
{
	uint64_t *place = hg_map_put(&s->sites, pc << 2 | (uint64_t)mode);
	if (!place) {
		s->r.failed = true;
		return NULL;
	}
	if (*place)
		return (struct go_site *)(uintptr_t)*place;
	struct go_site *site = hg_arena_alloc(&s->arena, sizeof(*site));
	if (!site) {
		s->r.failed = true;
		return NULL;
	}
	*place = (uintptr_t)site;
	site->pc = pc;
	site->mode = (uint8_t)mode;
	site->number = s->site_count++;
	site->func = go_func_at(s->r.go, pc);
	int32_t delta = 0;
	if (!site->func || !go_pcvalue(s->r.go, site->func, site->func->pcsp, pc, &delta) ||
	    delta < 0 || delta % 8)
		return site;
	site->usable = true;
	site->delta = (uint32_t)delta + 8; // the call pushed the return address
	site_maps(s, site);
	return site;
}

static uint64_t frame_varp(const struct go_frame *frame)
{
	const uint64_t varp = frame->fp - 8;
	return varp > frame->sp ? varp - 8 : varp; // below the saved frame pointer
}

static void frame_objects(struct go_stacks *s, uint32_t index)
{
	const struct go_frame *frame = &s->frames.data[index];
	const uint64_t varp = frame_varp(frame);
	for (uint32_t i = 0; i < frame->site->objects; i++) {
		const uint8_t *record = frame->site->object_records + i * 16ull;
		const int32_t offset = (int32_t)hg_load_u32(record);
		const uint64_t addr = (offset < 0 ? varp : frame->fp) + (uint64_t)(int64_t)offset;
		if (addr < frame->sp || addr >= s->end)
			continue; // not yet allocated in the frame
		struct go_object *object = hg_vec_push(&s->objects);
		if (object)
			*object =
				(struct go_object){.addr = addr, .record = record, .frame = index};
		else
			s->r.failed = true;
	}
}

static void frame_scan(struct go_stacks *s, uint32_t index, bool conservative)
{
	const struct go_frame *frame = &s->frames.data[index];
	const struct go_site *site = frame->site;
	const uint64_t varp = frame_varp(frame);
	if (conservative) {
		const uint64_t args = site->func->args > 0 ? (uint64_t)site->func->args / 8 : 0;
		scan_words(s, index, frame->sp, (varp - frame->sp) / 8, NULL, true);
		scan_words(s, index, frame->fp, args, NULL, true);
		return;
	}
	if (site->dead)
		return;
	if (site->locals_bits && varp > frame->sp) {
		if (site->locals_bits <= (varp - frame->sp) / 8)
			scan_words(s, index, varp - 8ull * site->locals_bits, site->locals_bits,
				   site->locals, false);
		else
			hg_coverage_add(s->r.go->coverage, "frames smaller than their stack map",
					1);
	}
	scan_words(s, index, frame->fp, site->args_bits, site->args, false);
	frame_objects(s, index);
}

/** The stubs of reflect make up their maps as they go: their frame and arguments are scanned for what may be pointers. */
static void reflect_scan(struct go_stacks *s, uint32_t index)
{
	const struct go_frame *frame = &s->frames.data[index];
	uint64_t method = 0, bytes = 0, bits = 0, map = 0;
	scan_words(s, index, frame->sp, (frame_varp(frame) - frame->sp) / 8, NULL, true);
	// {fn, stack *bitvector {n i32, ...}, argLen}; the map counts the results, too.
	if (!go_stack_read(s, frame->sp, &method) ||
	    !hg_image_u64(s->r.go->prog->image, method + 8, &map) ||
	    !hg_image_uint(s->r.go->prog->image, map, 4, &bits) ||
	    !hg_image_u64(s->r.go->prog->image, method + 16, &bytes))
		return;
	uint64_t words = bytes / 8 > bits ? bytes / 8 : bits;
	if (words > (s->end - frame->fp) / 8)
		words = 0;
	scan_words(s, index, frame->fp, words, NULL, true);
}

/** Adds a frame; false where the stack ends or is not understood. */
static bool frame_add(struct go_stacks *s, uint64_t pc, uint64_t sp, enum go_site_mode mode)
{
	struct go_site *site = pc < 1ull << 62 ? site_at(s, pc, mode) : NULL;
	if (!site || !site->usable || sp > s->end || s->end - sp < site->delta ||
	    s->frames.count >= MAX_FRAMES || !s->budget) {
		hg_coverage_add(s->r.go->coverage, "goroutine stacks that end in unknown code", 1);
		return false;
	}
	struct go_frame *frame = hg_vec_push(&s->frames);
	if (!frame) {
		s->r.failed = true;
		return false;
	}
	*frame = (struct go_frame){site, sp, sp + site->delta};
	return true;
}

/** What lies above a frame that nobody can tell the end of: every word may be a pointer. */
static void rest_scan(struct go_stacks *s, uint64_t sp)
{
	const uint32_t frame = s->frames.count ? (uint32_t)s->frames.count - 1 : UINT32_MAX;
	if (sp >= s->base && sp < s->end)
		scan_words(s, frame, sp, (s->end - sp) / 8, NULL, true);
}

static void stack_walk(struct go_stacks *s, const struct go_start *start)
{
	uint64_t pc = start->pc, sp = start->sp;
	enum go_site_mode mode = start->exact ? GO_SITE_EXACT : GO_SITE_CALL;
	bool conservative = start->exact;
	for (bool innermost = true;; innermost = false) {
		if (!frame_add(s, pc, sp, mode)) {
			rest_scan(s, sp);
			return;
		}
		const uint32_t index = (uint32_t)s->frames.count - 1;
		const struct go_frame *frame = &s->frames.data[index];
		const struct go_func *func = frame->site->func;
		const bool saves_registers = func->role == GO_FUNC_ASYNC_PREEMPT;
		if (func->role == GO_FUNC_REFLECT_STUB && !conservative)
			reflect_scan(s, index);
		else
			frame_scan(s, index, conservative || saves_registers);
		conservative = saves_registers;
		if (func->flag & GO_FUNC_TOPFRAME)
			return;
		// A function that switches stacks can be walked over only where it has not yet done so.
		if (func->flag & GO_FUNC_SPWRITE && !innermost &&
		    func->role != GO_FUNC_CGOCALLBACK) {
			rest_scan(s, frame->fp);
			return;
		}
		mode = saves_registers			? GO_SITE_EXACT
		       : func->role == GO_FUNC_SIGPANIC ? GO_SITE_FAULT
							: GO_SITE_CALL;
		sp = frame->fp;
		if (!go_stack_read(s, frame->fp - 8, &pc))
			return;
	}
}

static void register_words(struct go_stacks *s, const struct go_start *start)
{
	const struct hg_arch *arch = s->r.go->prog->image->arch;
	for (unsigned i = 0; i < arch->reg_count && i < HG_ARCH_MAX_REGS; i++) {
		const struct go_hit hit = {
			.value = start->regs[i],
			.frame = s->frames.count ? 0 : UINT32_MAX,
			.reg = (uint8_t)i,
			.conservative = true,
		};
		if (hit.value && i != arch->sp_reg && i != arch->pc_reg)
			go_stack_word(s, &hit);
	}
}

void go_stack_scan(struct go_stacks *s, const struct go_start *start)
{
	uint64_t some = 0;
	s->bytes = hg_image_view_some(s->r.go->prog->image, start->sp, &some);
	s->base = start->sp;
	s->end = s->base;
	if (s->bytes)
		s->end += some < s->g->hi - s->base ? some : s->g->hi - s->base;
	if (s->end < s->g->hi) {
		hg_coverage_add(s->r.go->coverage, "goroutine stacks that are partly missing", 1);
		s->r.go->coverage->missing_bytes += s->g->hi - s->end;
	}
	if (start->words)
		scan_words(s, UINT32_MAX, s->base, (s->end - s->base) / 8, NULL, true);
	else
		stack_walk(s, start);
	if (start->has_regs)
		register_words(s, start);
	if (!s->budget)
		hg_coverage_add(s->r.go->coverage, "goroutine stacks left out: too many overlap",
				1);
}

static int object_by_addr(const void *a, const void *b)
{
	const uint64_t left = ((const struct go_object *)a)->addr,
		       right = ((const struct go_object *)b)->addr;
	return left < right ? -1 : left > right;
}

uint64_t go_object_size(const struct go_object *object)
{
	return hg_load_u32(object->record + 4);
}

struct go_object *go_object_at(struct go_stacks *s, uint64_t addr)
{
	size_t low = 0, high = s->objects.count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (s->objects.data[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	struct go_object *object = &s->objects.data[low - 1];
	return addr - object->addr < go_object_size(object) ? object : NULL;
}

/** {off i32, size i32, ptrBytes i32 (up to Go 1.23: negative for a GC program), gcdataoff u32} */
const uint8_t *go_object_mask(const struct go_stacks *s, const struct go_object *object,
			      uint64_t *words)
{
	const int32_t pointers = (int32_t)hg_load_u32(object->record + 8);
	const struct go_module *module = s->frames.data[object->frame].site->func->module;
	const uint64_t mask = module->rodata + hg_load_u32(object->record + 12);
	*words = pointers < 0 ? go_object_size(object) / 8 : (uint64_t)pointers / 8;
	return pointers < 0 ? NULL : hg_image_view(s->r.go->prog->image, mask, (*words + 7) / 8);
}

static void object_scan(struct go_stacks *s, const struct go_object *object, bool conservative)
{
	uint64_t words = 0;
	const uint8_t *bits = go_object_mask(s, object, &words);
	scan_words(s, object->frame, object->addr, words, bits, conservative || !bits);
}

void go_stack_finish(struct go_stacks *s)
{
	if (s->objects.count)
		qsort(s->objects.data, s->objects.count, sizeof(*s->objects.data), object_by_addr);
	for (;;) { // what is certain goes first: an object is scanned once
		struct go_inner next;
		if (s->inner.count)
			next = s->inner.data[--s->inner.count];
		else if (s->inner_conservative.count)
			next = s->inner_conservative.data[--s->inner_conservative.count];
		else
			break;
		struct go_object *object = go_object_at(s, next.value);
		if (!object || object->seen)
			continue;
		object->seen = true;
		object_scan(s, object, next.conservative);
	}
}
