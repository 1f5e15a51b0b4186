#include "graph/heap/heap_go_root.h"

#include <stdio.h>
#include <string.h>

#include "core/base/limits.h"

// Processors with their timers, and pools: what the runtime lists for itself. The lists are folded; each timer is named
// by what it will call.

#define MAX_PROCESSORS 65536
#define MAX_TIMERS (64u << 20)
#define MAX_POOLS (1u << 20)

struct timers {
	struct go_rooter *r;
	struct hg_field heap;	   // of a P: the slice
	struct hg_field entry;	   // timerWhen (Go 1.23); absent: a list of *timer
	struct hg_field entry_at;  // of the timer in it
	struct hg_field f, arg;	   // of a timer
	struct hg_field in_object; // of the timer in what NewTimer and AfterFunc return
	uint32_t type, object_type;
	struct hg_map roots; // name -> root
	uint32_t processors; // root
};

static struct hg_error *timers_resolve(struct timers *t)
{
	struct hg_program *prog = t->r->go->prog;
	const struct hg_want wants[] = {
		{&t->heap, "runtime.p", "timers.heap|timers", false, false},
		{&t->entry, "runtime.timerWhen", "", true, false},
		{&t->entry_at, "runtime.timerWhen", "timer", true, false},
		{&t->f, "runtime.timer", "f", false, false},
		{&t->arg, "runtime.timer", "arg", false, false},
	};
	struct hg_error *err = hg_layout_resolve(prog, wants, ARRAY_SIZE(wants));
	if (err)
		return err;
	const bool own = hg_type_find(prog, "runtime.timeTimer"); // Go 1.23
	const struct hg_want object = {
		.ret = &t->in_object,
		.type = own ? "runtime.timeTimer" : "time.Timer",
		.path = own ? "timer" : "r",
		.optional = true,
	};
	t->type = hg_type_find(prog, "runtime.timer");
	t->object_type = hg_type_find(prog, object.type);
	return hg_layout_resolve(prog, &object, 1);
}

/** The function a timer is for: the user's own behind time.AfterFunc, else the timer's. */
static const char *timer_function(struct timers *t, uint64_t timer, bool *sleeps)
{
	struct heap_go *go = t->r->go;
	uint64_t f = 0, data = 0;
	hg_field_read(go->prog, &t->f, timer, &f);
	const char *name = go_funcval_name(go, f);
	*sleeps = name && !strcmp(name, "runtime.goroutineReady");
	if (!name || strcmp(name, "time.goFunc"))
		return name;
	// arg is an interface that holds the func value itself.
	hg_image_u64(go->prog->image, timer + t->arg.offset + 8, &data);
	const char *user = go_funcval_name(go, data);
	return user ? user : name;
}

static uint32_t timer_root(struct timers *t, const char *function)
{
	char words[512];
	snprintf(words, sizeof(words), "timer %s", function ? function : "(unknown function)");
	const uint32_t name = hg_program_string(t->r->go->prog, words);
	uint64_t *place = hg_map_put(&t->roots, name);
	if (!place) {
		t->r->failed = true;
		return 0;
	}
	if (!*place)
		*place = go_root(t->r, 0, HG_ROOT_TIMER, words);
	return (uint32_t)*place;
}

static void timer_add(struct timers *t, uint64_t timer)
{
	const uint32_t block = hg_blocks_find(t->r->blocks, timer);
	if (block == HG_NO_BLOCK) // of a network poll: not on the heap
		return;
	bool sleeps = false;
	const char *function = timer_function(t, timer, &sleeps);
	struct hg_root_edge edge = {
		.target = timer,
		.root = timer_root(t, function),
		.type = t->type,
		.flags = sleeps ? HG_EDGE_SECONDARY : 0, // the sleeping goroutine holds its timer
	};
	const uint64_t start = hg_blocks_addr(t->r->blocks, block);
	if (t->in_object.present && timer - start == t->in_object.offset) {
		edge.target = start;
		edge.type = t->object_type;
	}
	go_root_edge(t->r, &edge);
}

static void processor_timers(struct timers *t, uint64_t p)
{
	const struct hg_image *image = t->r->go->prog->image;
	const uint64_t size = t->entry.present ? t->entry.size : 8;
	const uint64_t at = t->entry_at.present ? t->entry_at.offset : 0;
	uint64_t array = 0, count = 0;
	if (!go_slice_read(t->r, p + t->heap.offset, MAX_TIMERS, &array, &count) || !count)
		return;
	go_root_fold(t->r, array);
	for (uint64_t i = 0; i < count && !t->r->failed; i++) {
		uint64_t timer = 0;
		if (!hg_image_u64(image, array + i * size + at, &timer)) {
			hg_coverage_add(t->r->go->coverage, "timers that are missing", count - i);
			return;
		}
		if (timer)
			timer_add(t, timer);
	}
}

/** A processor belongs to the runtime, though each of its timers points back to it. */
static void processor_own(struct timers *t, uint64_t p)
{
	if (!go_is_block(t->r, p))
		return;
	if (!t->processors)
		t->processors = go_root(t->r, 0, HG_ROOT_RUNTIME, "processors");
	go_root_edge(t->r, &(struct hg_root_edge){
				   .target = p,
				   .root = t->processors,
				   .type = hg_type_find(t->r->go->prog, "runtime.p"),
				   .flags = HG_EDGE_OWNER,
			   });
}

void go_timer_roots(struct go_rooter *r)
{
	struct timers t = {.r = r};
	struct hg_error *err = timers_resolve(&t);
	if (err) {
		hg_coverage_note(r->go->coverage, "timers are not named: %s", err->message);
		hg_error_destroy(err);
		return;
	}
	uint64_t allp = 0, array = 0, count = 0;
	if (!go_global_addr(r->go, "runtime.allp", &allp) ||
	    !go_slice_read(r, allp, MAX_PROCESSORS, &array, &count))
		return;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t p = 0;
		if (!hg_image_u64(r->go->prog->image, array + i * 8, &p) || !p)
			continue;
		processor_own(&t, p);
		processor_timers(&t, p);
	}
	hg_map_deinit(&t.roots);
}

/** A pool is listed while it holds something; that alone does not make it worth a name of its own. */
static void pool_list(struct go_rooter *r, const char *variable, uint32_t type, uint32_t *root)
{
	uint64_t slice = 0, array = 0, count = 0;
	if (!go_global_addr(r->go, variable, &slice) ||
	    !go_slice_read(r, slice, MAX_POOLS, &array, &count))
		return;
	if (count)
		go_root_fold(r, array);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t pool = 0;
		if (!hg_image_u64(r->go->prog->image, array + i * 8, &pool) ||
		    !go_is_block(r, pool))
			continue;
		if (!*root)
			*root = go_root(r, 0, HG_ROOT_POOL, "sync.Pool");
		go_root_edge(r, &(struct hg_root_edge){
					.target = pool,
					.root = *root,
					.type = type,
					.flags = HG_EDGE_SECONDARY,
				});
	}
}

void go_pool_roots(struct go_rooter *r)
{
	const uint32_t type = hg_type_find(r->go->prog, "sync.Pool");
	uint32_t root = 0;
	pool_list(r, "sync.allPools", type, &root);
	pool_list(r, "sync.oldPools", type, &root);
}
