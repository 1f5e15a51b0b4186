#include "graph/heap/heap_go_stack.h"

#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"

#define MAX_DEFERS (1u << 24)
#define MAX_WAITS 65536	      // cases of one select
#define MAX_VECTOR_STATE 8192 // bytes of the vector registers that a preempted goroutine saved

static struct hg_error *layout_resolve(struct hg_program *prog, struct go_stack_layout *at)
{
	const struct hg_want wants[] = {
		{&at->g_lo, "runtime.g", "stack.lo", false, true},
		{&at->g_hi, "runtime.g", "stack.hi", false, true},
		{&at->g_sched_sp, "runtime.g", "sched.sp", false, true},
		{&at->g_sched_pc, "runtime.g", "sched.pc", false, true},
		{&at->g_sched_ctxt, "runtime.g", "sched.ctxt", true, false},
		{&at->g_syscallsp, "runtime.g", "syscallsp", false, true},
		{&at->g_syscallpc, "runtime.g", "syscallpc", false, true},
		{&at->g_status, "runtime.g", "atomicstatus", false, true},
		{&at->g_goid, "runtime.g", "goid", false, true},
		{&at->g_m, "runtime.g", "m", false, false},
		{&at->g_waitreason, "runtime.g", "waitreason", true, true},
		{&at->g_waitsince, "runtime.g", "waitsince", true, true},
		{&at->g_gopc, "runtime.g", "gopc", true, true},
		{&at->g_startpc, "runtime.g", "startpc", true, true},
		{&at->g_defer, "runtime.g", "_defer", true, false},
		{&at->g_panic, "runtime.g", "_panic", true, false},
		{&at->g_async_safe, "runtime.g", "asyncSafePoint", true, true},
		{&at->g_xregs, "runtime.g", "xRegs.state", true, false},
		{&at->m_g0, "runtime.m", "g0", false, false},
		{&at->m_gsignal, "runtime.m", "gsignal", false, false},
		{&at->m_curg, "runtime.m", "curg", false, false},
		{&at->m_procid, "runtime.m", "procid", false, true},
		{&at->m_alllink, "runtime.m", "alllink", false, false},
		{&at->m_vdso_sp, "runtime.m", "vdsoSP", true, true},
		{&at->m_vdso_pc, "runtime.m", "vdsoPC", true, true},
		{&at->defer_heap, "runtime._defer", "heap", true, true},
		{&at->defer_fn, "runtime._defer", "fn", true, false},
		{&at->defer_link, "runtime._defer", "link", true, false},
		{&at->g_waiting, "runtime.g", "waiting", true, false},
		{&at->sudog_g, "runtime.sudog", "g", true, false},
		{&at->sudog_waitlink, "runtime.sudog", "waitlink", true, false},
		{&at->sudog_elem, "runtime.sudog", "elem.vu|elem", true, false},
		{&at->sudog_c, "runtime.sudog", "c.maybeTraceablePtr.vu|c.vu|c", true, false},
		{&at->chan_elem_type, "runtime.hchan", "elemtype", true, false},
		{&at->chan_elem_size, "runtime.hchan", "elemsize", true, false},
		{&at->xregs_size, "runtime.xRegState", "", true, false},
	};
	return hg_layout_resolve(prog, wants, ARRAY_SIZE(wants));
}

/** A field that may be absent: 0 then. */
static uint64_t field(const struct go_stacks *s, const struct hg_field *f, uint64_t addr)
{
	uint64_t value = 0;
	return f->present && hg_field_read(s->r.go->prog, f, addr, &value) ? value : 0;
}

bool go_g_read(struct go_stacks *s, uint64_t addr, struct go_g *ret)
{
	const struct go_stack_layout *at = &s->at;
	uint64_t status = 0;
	if (!hg_field_read(s->r.go->prog, &at->g_status, addr, &status))
		return false;
	*ret = (struct go_g){
		.addr = addr,
		.lo = field(s, &at->g_lo, addr),
		.hi = field(s, &at->g_hi, addr),
		.sched_sp = field(s, &at->g_sched_sp, addr),
		.sched_pc = field(s, &at->g_sched_pc, addr),
		.ctxt = field(s, &at->g_sched_ctxt, addr),
		.syscallsp = field(s, &at->g_syscallsp, addr),
		.syscallpc = field(s, &at->g_syscallpc, addr),
		.goid = field(s, &at->g_goid, addr),
		.m = field(s, &at->g_m, addr),
		.gopc = field(s, &at->g_gopc, addr),
		.startpc = field(s, &at->g_startpc, addr),
		.waitsince = field(s, &at->g_waitsince, addr),
		.first_defer = field(s, &at->g_defer, addr),
		.panic = field(s, &at->g_panic, addr),
		.waitreason = (unsigned)field(s, &at->g_waitreason, addr),
		.status =
			(unsigned)status & 0xfff, // without the bit that the collector holds it by
	};
	if (field(s, &at->g_async_safe, addr) & 1)
		ret->xregs = field(s, &at->g_xregs, addr);
	return true;
}

static const char *state_name(unsigned status)
{
	static const char *const names[] = {
		[GO_IDLE] = "idle",	    [GO_RUNNABLE] = "runnable",	  [GO_RUNNING] = "running",
		[GO_SYSCALL] = "syscall",   [GO_WAITING] = "waiting",	  [GO_DEAD] = "dead",
		[GO_COPYSTACK] = "copying", [GO_PREEMPTED] = "preempted", [GO_LEAKED] = "leaked",
		[GO_DEADEXTRA] = "dead",
	};
	return status < ARRAY_SIZE(names) && names[status] ? names[status] : "unknown";
}

static uint32_t wait_reason(const struct go_stacks *s, const struct go_g *g)
{
	const struct hg_image *image = s->r.go->prog->image;
	const bool waits = g->status == GO_WAITING || g->status == GO_LEAKED;
	uint64_t text = 0, length = 0;
	if (!waits || !g->waitreason || g->waitreason >= s->wait_reason_count ||
	    !hg_image_u64(image, s->wait_reasons + g->waitreason * 16ull, &text) ||
	    !hg_image_u64(image, s->wait_reasons + g->waitreason * 16ull + 8, &length))
		return 0;
	const char *words = length && length < 128 ? hg_image_view(image, text, length) : NULL;
	if (!words || memchr(words, 0, length))
		return 0;
	return hg_strtab_addn(&s->r.go->prog->strings, words, length);
}

/** What runs in the goroutine: the function behind the wrapper that the compiler makes for `go f(x)`. */
static const char *start_name(struct go_stacks *s, const struct go_g *g)
{
	const struct go_func *func = go_func_at(s->r.go, g->startpc);
	if (!func)
		return "";
	if (!strstr(func->name, ".gowrap"))
		return func->name;
	for (size_t i = s->frames.count; i-- > 1;) {
		if (s->frames.data[i].site->func != func)
			continue;
		struct go_site *site = s->frames.data[i].site;
		go_site_calls(s, site); // the function may be inlined in its wrapper
		if (site->call_count > 1)
			return site->calls[site->call_count - 2].function;
		return s->frames.data[i - 1].site->func->name;
	}
	return func->name;
}

static uint32_t goroutine_root(struct go_stacks *s)
{
	struct hg_program *prog = s->r.go->prog;
	const struct go_g *g = s->g;
	struct hg_goroutine entry = {
		.id = g->goid,
		.addr = g->addr,
		.state = hg_program_string(prog, state_name(g->status)),
		.wait_reason = wait_reason(s, g),
		.start = hg_program_string(prog, start_name(s, g)),
		.stack_bytes = g->hi - g->lo,
		.wait_since = g->waitsince,
	};
	struct go_call calls[GO_MAX_INLINE];
	const struct go_func *creator = g->gopc ? go_func_at(s->r.go, g->gopc) : NULL;
	if (creator && strncmp(creator->name, "runtime.newproc", 15) &&
	    strcmp(creator->name, "runtime.rt0_go")) { // the first one: nobody's go statement
		go_calls(s->r.go, g->gopc > creator->entry ? g->gopc - 1 : g->gopc, calls);
		entry.created_by = hg_program_string(prog, creator->name);
		entry.file = hg_program_string(prog, calls[0].file);
		entry.line = calls[0].line;
	}
	char name[40];
	snprintf(name, sizeof(name), "goroutine %llu", (unsigned long long)g->goid);
	const struct hg_root root = {
		.kind = HG_ROOT_GOROUTINE,
		.name = hg_program_string(prog, name),
		.file = entry.file,
		.line = entry.line,
	};
	entry.root = go_root_add(&s->r, &root);
	struct hg_goroutine *place = hg_vec_push(&s->r.roots->goroutines);
	if (place)
		*place = entry;
	else
		s->r.failed = true;
	return entry.root;
}

static void own_edge(struct go_stacks *s, uint32_t root, uint64_t target, uint32_t type)
{
	go_root_edge(&s->r, &(struct hg_root_edge){
				    .target = target,
				    .root = root,
				    .type = type,
				    .flags = HG_EDGE_OWNER,
			    });
}

static bool on_stack(const struct go_g *g, uint64_t addr)
{
	return addr >= g->lo && addr < g->hi;
}

/** A deferred call: its function, and its record where neither is on the stack. */
static void defer_root(struct go_stacks *s, uint32_t goroutine, uint64_t record, bool heap,
		       uint64_t fn)
{
	const char *name = go_funcval_name(s->r.go, fn);
	char words[256];
	snprintf(words, sizeof(words), "defer %s", name ? name : "(unknown)");
	const uint32_t root = go_root(&s->r, goroutine, HG_ROOT_LOCAL, words);
	if (root && !heap)
		s->r.roots->list.data[root].type = s->func_type;
	go_root_edge(&s->r,
		     &(struct hg_root_edge){
			     .target = heap ? record : fn,
			     .root = root,
			     .type = heap ? hg_type_find(s->r.go->prog, "runtime._defer") : 0,
		     });
}

static void defers_scan(struct go_stacks *s, uint32_t goroutine)
{
	const struct go_stack_layout *at = &s->at;
	struct go_walk walk = {.limit = MAX_DEFERS};
	for (uint64_t d = s->g->first_defer; d;) {
		if (!go_walk_step(&walk, d)) {
			hg_coverage_add(s->r.go->coverage, "broken lists of deferred calls", 1);
			return;
		}
		const uint64_t fn = field(s, &at->defer_fn, d);
		const bool heap = field(s, &at->defer_heap, d) & 1;
		if (on_stack(s->g, fn)) // a closure that lives in a frame
			go_stack_word(s, &(struct go_hit){.value = fn, .frame = UINT32_MAX});
		if ((heap && go_is_block(&s->r, d)) || go_is_block(&s->r, fn))
			defer_root(s, goroutine, d, heap && go_is_block(&s->r, d), fn);
		d = field(s, &at->defer_link, d);
	}
}

bool go_is_own_sudog(const struct go_stacks *s, uint64_t addr)
{
	return s->at.sudog_g.present && field(s, &s->at.sudog_g, addr) == s->g->addr;
}

/** The value on the stack that a blocked sender hands over, or the place where a receiver wants one. */
static void wait_add(struct go_stacks *s, uint64_t sudog)
{
	const uint64_t elem = field(s, &s->at.sudog_elem, sudog);
	const uint64_t channel = field(s, &s->at.sudog_c, sudog);
	if (!on_stack(s->g, elem) || !channel)
		return;
	struct go_wait *wait = hg_vec_push(&s->waits);
	if (!wait) {
		s->r.failed = true;
		return;
	}
	*wait = (struct go_wait){
		.addr = elem,
		.size = field(s, &s->at.chan_elem_size, channel),
		.type = go_type_at(s->r.go, field(s, &s->at.chan_elem_type, channel)),
	};
}

/** What the goroutine waits for: one record for each channel of a select. */
static void waiting_scan(struct go_stacks *s, uint32_t goroutine)
{
	struct go_walk walk = {.limit = MAX_WAITS};
	uint64_t sudog = field(s, &s->at.g_waiting, s->g->addr);
	while (sudog && go_is_block(&s->r, sudog) && go_is_own_sudog(s, sudog)) {
		if (!go_walk_step(&walk, sudog)) {
			hg_coverage_add(s->r.go->coverage, "broken lists of waits", 1);
			return;
		}
		own_edge(s, goroutine, sudog, s->sudog_type);
		wait_add(s, sudog);
		sudog = field(s, &s->at.sudog_waitlink, sudog);
	}
}

/** What a goroutine holds beside its frames. */
static void extras_scan(struct go_stacks *s, uint32_t goroutine)
{
	const struct go_g *g = s->g;
	if (on_stack(g, g->ctxt)) {
		go_stack_word(s, &(struct go_hit){.value = g->ctxt, .frame = UINT32_MAX});
	} else if (go_is_block(&s->r, g->ctxt)) {
		const uint32_t root = go_root(&s->r, goroutine, HG_ROOT_LOCAL, "closure");
		if (root)
			s->r.roots->list.data[root].type = s->func_type;
		go_root_edge(&s->r, &(struct hg_root_edge){.target = g->ctxt, .root = root});
	}
	if (on_stack(g, g->panic))
		go_stack_word(s, &(struct go_hit){.value = g->panic, .frame = UINT32_MAX});
	defers_scan(s, goroutine);
	waiting_scan(s, goroutine);
}

/** Vector registers of a goroutine that was preempted between two instructions (Go 1.26). */
static void vectors_scan(struct go_stacks *s)
{
	const uint64_t size = s->at.xregs_size.present ? s->at.xregs_size.size : 0;
	if (!s->g->xregs || size > MAX_VECTOR_STATE)
		return;
	for (uint64_t i = 0; i + 8 <= size; i += 8) {
		struct go_hit hit = {.frame = UINT32_MAX, .reg = UINT8_MAX, .conservative = true};
		if (hg_image_u64(s->r.go->prog->image, s->g->xregs + i, &hit.value) && hit.value)
			go_stack_word(s, &hit);
	}
}

static void goroutine_scan(struct go_stacks *s, const struct go_g *g)
{
	if (g->status == GO_DEAD || g->status == GO_DEADEXTRA || g->status == GO_IDLE) {
		if (!s->dead_root)
			s->dead_root = go_root(&s->r, 0, HG_ROOT_RUNTIME, "dead goroutines");
		own_edge(s, s->dead_root, g->addr, s->g_type);
		return;
	}
	struct go_start start;
	s->g = g;
	s->frames.count = s->hits.count = s->objects.count = 0;
	s->inner.count = s->inner_conservative.count = s->links.count = s->waits.count = 0;
	s->base = s->end = 0;
	if (go_stack_start(s, g, &start))
		go_stack_scan(s, &start);
	vectors_scan(s);
	const uint32_t root = goroutine_root(s);
	own_edge(s, root, g->addr, s->g_type);
	extras_scan(s, root);
	go_stack_finish(s);
	go_stack_emit(s, root);
}

static uint32_t list_root(struct go_stacks *s, uint64_t allgs)
{
	const struct hg_variable *variable = hg_variable_find(s->r.go->prog, "runtime.allgs");
	const struct hg_root root = {
		.kind = HG_ROOT_RUNTIME,
		.name = hg_program_string(s->r.go->prog, "list of goroutines"),
		.type = variable ? variable->type : 0,
		.addr = allgs,
	};
	return go_root_add(&s->r, &root);
}

static void all_scan(struct go_stacks *s)
{
	struct heap_go *go = s->r.go;
	uint64_t allgs = 0, array = 0, count = 0;
	if (!go_global_addr(go, "runtime.allgs", &allgs) ||
	    !go_slice_read(&s->r, allgs, HG_MAX_GOROUTINES, &array, &count)) {
		hg_coverage_add(go->coverage, "lists of goroutines that cannot be read", 1);
		return;
	}
	go_root_fold(&s->r, array);
	if (go_is_block(&s->r, array)) // that two variables point to
		own_edge(s, list_root(s, allgs), array, 0);
	struct hg_map seen = {0};
	for (uint64_t i = 0; i < count && !s->r.failed; i++) {
		uint64_t addr = 0;
		struct go_g g;
		if (!hg_image_u64(go->prog->image, array + i * 8, &addr)) {
			hg_coverage_add(go->coverage, "goroutines that are missing", count - i);
			break;
		}
		uint64_t *place = addr ? hg_map_put(&seen, addr) : NULL;
		if (!place || (*place)++ || !go_g_read(s, addr, &g)) {
			hg_coverage_add(go->coverage, "goroutines that cannot be read", 1);
			continue;
		}
		goroutine_scan(s, &g);
		hg_log_progress(go->prog->log, "stacks", i + 1, count);
	}
	hg_map_deinit(&seen);
}

void go_stacks_close(struct go_stacks *s)
{
	hg_vec_deinit(&s->ms);
	hg_map_deinit(&s->m_by_addr);
	hg_map_deinit(&s->m_by_g);
	hg_map_deinit(&s->sites);
	go_homes_close(s);
	go_codes_close(s);
	hg_arena_deinit(&s->arena);
	hg_vec_deinit(&s->frames);
	hg_vec_deinit(&s->hits);
	hg_vec_deinit(&s->objects);
	hg_vec_deinit(&s->inner);
	hg_vec_deinit(&s->inner_conservative);
	hg_vec_deinit(&s->links);
	hg_vec_deinit(&s->waits);
	hg_vec_deinit(&s->slot_roots);
	hg_map_deinit(&s->deep_roots);
}

static uint64_t image_words(const struct hg_image *image)
{
	uint64_t words = 1024;
	for (size_t i = 0; i < image->segment_count; i++)
		words += image->segments[i].present / 8;
	return words;
}

struct hg_error *go_stacks_roots(struct heap_go *go, const struct hg_blocks *blocks,
				 struct hg_roots *roots)
{
	hg_cleanup(go_stacks_close) struct go_stacks s = {
		.r = {.go = go, .blocks = blocks, .roots = roots},
		.budget = 4 * image_words(go->prog->image),
	};
	struct hg_error *err = layout_resolve(go->prog, &s.at);
	if (!err)
		err = go_threads_open(&s);
	if (err)
		return hg_error_context(err, "goroutines");
	s.g_type = hg_type_find(go->prog, "runtime.g");
	s.func_type = hg_type_find(go->prog, "func()");
	s.sudog_type = hg_type_find(go->prog, "runtime.sudog");
	const struct hg_variable *reasons = hg_variable_find(go->prog, "runtime.waitReasonStrings");
	if (reasons) {
		s.wait_reasons = reasons->addr;
		s.wait_reason_count = reasons->size / 16;
	}
	all_scan(&s);
	return s.r.failed ? &hg_enomem : NULL;
}
