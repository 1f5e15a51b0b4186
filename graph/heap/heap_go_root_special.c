#include "graph/heap/heap_go_root.h"

#include <stdio.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"

// Records that the runtime keeps beside objects (finalizers, cleanups, weak handles), and what of them is due to run.

#define MAX_QUEUE_BLOCKS (1u << 22)
#define MAX_QUEUE_ENTRIES 4096 // of one block of 4 KiB, or of 512 bytes

struct specials {
	struct go_rooter *r;
	struct hg_field next, offset, kind;
	struct hg_field finalizer_fn, finalizer_ot;
	struct hg_field cleanup_fn, cleanup_call, cleanup_arg;
	struct hg_field weak_handle;
	int64_t finalizer, cleanup, weak; // kinds; -1: not in this release
	struct hg_map roots;		  // kind << 32 | name -> root
	uint64_t left;			  // specials that may still follow
	uint64_t looped;
};

static void kinds_resolve(struct specials *s)
{
	const struct hg_program *prog = s->r->go->prog;
	s->finalizer = s->cleanup = s->weak = -1;
	hg_constant(prog, "runtime._KindSpecialFinalizer", &s->finalizer);
	hg_constant(prog, "runtime._KindSpecialWeakHandle", &s->weak);
	hg_constant(prog, "runtime._KindSpecialCleanup", &s->cleanup);
	if (s->finalizer > 0)
		return;
	// The numbers moved when weak handles (Go 1.23) and records of tiny blocks (1.25) came in front.
	const bool tiny = hg_type_find(prog, "runtime.specialTinyBlock");
	s->finalizer = tiny ? 2 : 1;
	if (s->weak_handle.present)
		s->weak = tiny ? 3 : 2;
	if (s->cleanup_fn.present)
		s->cleanup = tiny ? 7 : 6;
}

static bool specials_resolve(struct specials *s)
{
	const struct hg_want wants[] = {
		{&s->next, "runtime.special", "next", false, false},
		{&s->offset, "runtime.special", "offset", false, false},
		{&s->kind, "runtime.special", "kind", false, false},
		{&s->finalizer_fn, "runtime.specialfinalizer", "fn", false, false},
		{&s->finalizer_ot, "runtime.specialfinalizer", "ot", true, false},
		{&s->cleanup_fn, "runtime.specialCleanup", "cleanup.fn|fn", true, false},
		{&s->cleanup_call, "runtime.specialCleanup", "cleanup.call", true, false},
		{&s->cleanup_arg, "runtime.specialCleanup", "cleanup.arg", true, false},
		{&s->weak_handle, "runtime.specialWeakHandle", "handle", true, false},
	};
	struct hg_error *err = hg_layout_resolve(s->r->go->prog, wants, ARRAY_SIZE(wants));
	if (err) {
		hg_coverage_note(s->r->go->coverage, "finalizers are left out: %s", err->message);
		hg_error_destroy(err);
		return false;
	}
	kinds_resolve(s);
	return true;
}

static uint64_t field(const struct specials *s, const struct hg_field *f, uint64_t addr)
{
	uint64_t value = 0;
	return f->present && hg_field_read(s->r->go->prog, f, addr, &value) ? value : 0;
}

/** The root of all records of a kind with the same function. */
static uint32_t function_root(struct specials *s, enum hg_root_kind kind, const char *function,
			      uint32_t type)
{
	struct hg_program *prog = s->r->go->prog;
	char words[512];
	snprintf(words, sizeof(words), "%s %s", hg_root_kind_name(kind),
		 function ? function : "(unknown function)");
	const struct hg_root root = {
		.kind = (uint8_t)kind,
		.name = hg_program_string(prog, words),
		.type = type,
	};
	uint64_t *place = hg_map_put(&s->roots, (uint64_t)kind << 32 | root.name);
	if (!place) {
		s->r->failed = true;
		return 0;
	}
	if (!*place)
		*place = go_root_add(s->r, &root);
	return (uint32_t)*place;
}

static void edge(struct specials *s, uint32_t root, uint64_t target, uint64_t offset, uint8_t flags)
{
	if (go_is_block(s->r, target))
		go_root_edge(s->r, &(struct hg_root_edge){
					   .target = target,
					   .root = root,
					   .offset = (uint32_t)offset,
					   .flags = flags,
				   });
}

/** What an object with a finalizer points to lives on until it has run; the object itself does not, by this alone. */
static void referents(struct specials *s, uint32_t root, uint64_t slot)
{
	struct heap_go *go = s->r->go;
	const struct hg_extent *extent = hg_blocks_extent_at(s->r->blocks, slot);
	if (!extent || extent->no_pointers || hg_blocks_find(s->r->blocks, slot) == HG_NO_BLOCK)
		return;
	const uint8_t *bytes = hg_image_view(go->prog->image, slot, extent->stride);
	const struct go_span *span = go_span_at(go, slot);
	const uint64_t head = span && span->mask_kind == GO_MASK_HEADER ? 8 : 0,
		       words = extent->stride / 8;
	bool last = false;
	for (uint64_t word = 0; bytes && word < words && !last; word += 64) {
		uint64_t bits = go->heap.ops->pointer_bits(&go->heap, extent, slot, word, &last);
		for (; bits; bits &= bits - 1) {
			const uint64_t at = (word + (uint64_t)__builtin_ctzll(bits)) * 8;
			if (at + 8 > extent->stride)
				break;
			edge(s, root, hg_load_u64(bytes + at), at - head, HG_EDGE_SECONDARY);
		}
	}
}

static void finalizer(struct specials *s, uint64_t special, uint64_t slot)
{
	struct heap_go *go = s->r->go;
	const uint64_t fn = field(s, &s->finalizer_fn, special);
	const uint32_t pointer =
		hg_type_strip(go->prog, go_type_at(go, field(s, &s->finalizer_ot, special)));
	const struct hg_type *type = hg_type_get(go->prog, pointer);
	const uint32_t root = function_root(s, HG_ROOT_FINALIZER, go_funcval_name(go, fn),
					    type->kind == HG_TYPE_POINTER ? type->elem : 0);
	edge(s, root, fn, 0, HG_EDGE_SECONDARY);
	referents(s, root, slot);
}

/** The user's function behind the closure that Go 1.24 and 1.25 make around it and its argument. */
static uint64_t wrapped_function(struct specials *s, uint64_t closure)
{
	struct heap_go *go = s->r->go;
	hg_captureds captured = {0};
	uint64_t entry = 0, fn = 0;
	if (!hg_image_u64(go->prog->image, closure, &entry))
		return closure;
	hg_error_destroy(hg_variable_captured(go->prog, entry, &captured));
	for (size_t i = 0; i < captured.count && !fn; i++) {
		const uint32_t type = hg_type_strip(go->prog, captured.data[i].type);
		if (hg_type_get(go->prog, type)->kind == HG_TYPE_FUNC)
			hg_image_u64(go->prog->image, closure + captured.data[i].offset, &fn);
	}
	hg_vec_deinit(&captured);
	return go_funcval_name(go, fn) ? fn : closure;
}

static void cleanup(struct specials *s, uint64_t special)
{
	const uint64_t fn = field(s, &s->cleanup_fn, special);
	const uint64_t user = s->cleanup_arg.present ? fn : wrapped_function(s, fn);
	const uint32_t root = function_root(s, HG_ROOT_CLEANUP, go_funcval_name(s->r->go, user), 0);
	edge(s, root, fn, 0, 0);
	edge(s, root, field(s, &s->cleanup_call, special), 0, 0);
	edge(s, root, field(s, &s->cleanup_arg, special), 0, 0);
}

static void weak_handle(struct specials *s, uint64_t special)
{
	const uint64_t handle = field(s, &s->weak_handle, special);
	if (!go_is_block(s->r, handle))
		return;
	uint64_t *place = hg_map_put(&s->roots, 0);
	if (!place) {
		s->r->failed = true;
		return;
	}
	if (!*place)
		*place = go_root(s->r, 0, HG_ROOT_WEAK, "weak handles");
	edge(s, (uint32_t)*place, handle, 0, HG_EDGE_SECONDARY);
}

static void span_specials(struct specials *s, const struct go_span *span)
{
	struct go_walk walk = {.limit = s->left};
	for (uint64_t at = span->specials; at;) {
		uint64_t kind = 0, offset = 0, next = 0;
		if (!go_walk_step(&walk, at) ||
		    !hg_field_read(s->r->go->prog, &s->kind, at, &kind) ||
		    !hg_field_read(s->r->go->prog, &s->offset, at, &offset) ||
		    !hg_field_read(s->r->go->prog, &s->next, at, &next) || offset >= span->size) {
			s->looped++;
			break;
		}
		const uint64_t slot = span->addr + offset / span->elem_size * span->elem_size;
		if ((int64_t)kind == s->finalizer)
			finalizer(s, at, slot);
		else if ((int64_t)kind == s->cleanup)
			cleanup(s, at);
		else if ((int64_t)kind == s->weak)
			weak_handle(s, at);
		at = next;
	}
	s->left -= walk.steps < s->left ? walk.steps : s->left;
}

void go_special_roots(struct go_rooter *r)
{
	struct specials s = {.r = r, .left = HG_MAX_SPECIALS};
	if (!specials_resolve(&s))
		return;
	for (size_t i = 0; i < r->go->spans.count && !r->failed; i++) {
		const struct go_span *span = &r->go->spans.data[i];
		if (span->state == 1 && span->specials && span->elem_size)
			span_specials(&s, span);
	}
	hg_map_deinit(&s.roots);
	hg_coverage_add(r->go->coverage, "broken lists of finalizers and cleanups", s.looped);
}

/** A list of blocks {next block, count, entries}: what the runtime queues functions in. */
struct queue {
	const char *name, *what; // of the root; of damage
	uint64_t first;
	struct hg_field link, count, entries;
	uint64_t entry_size;
	uint64_t words[5]; // offsets in an entry of what the collector follows
	unsigned word_count;
};

static void queue_roots(struct go_rooter *r, const struct queue *q)
{
	const struct hg_image *image = r->go->prog->image;
	struct go_walk walk = {.limit = MAX_QUEUE_BLOCKS};
	uint32_t root = 0;
	for (uint64_t block = q->first; block && !r->failed;) {
		uint64_t count = 0, next = 0;
		if (!go_walk_step(&walk, block) ||
		    !hg_field_read(r->go->prog, &q->count, block, &count) ||
		    !hg_field_read(r->go->prog, &q->link, block, &next) ||
		    count > MAX_QUEUE_ENTRIES) {
			hg_coverage_add(r->go->coverage, q->what, 1);
			return;
		}
		for (uint64_t i = 0; i < count * q->word_count; i++) {
			const uint64_t at = block + q->entries.offset +
					    i / q->word_count * q->entry_size +
					    q->words[i % q->word_count];
			uint64_t target = 0;
			if (!hg_image_u64(image, at, &target) || !go_is_block(r, target))
				continue;
			if (!root)
				root = go_root(r, 0, HG_ROOT_RUNTIME, q->name);
			go_root_edge(r, &(struct hg_root_edge){.target = target, .root = root});
		}
		block = next;
	}
}

/** Resolves the wants of a queue; false where this release has none, or lays it out in an unknown way (noted). */
static bool queue_resolve(struct go_rooter *r, const struct hg_want *wants, size_t count,
			  const char *name)
{
	struct hg_error *err = hg_layout_resolve(r->go->prog, wants, count);
	if (!err)
		return true;
	hg_coverage_note(r->go->coverage, "the %s is left out: %s", name, err->message);
	hg_error_destroy(err);
	return false;
}

static void finalizer_queue(struct go_rooter *r)
{
	struct queue q = {.name = "finalizer queue", .what = "broken finalizer queues"};
	struct hg_field size, words[4];
	const struct hg_want wants[] = {
		{&q.link, "runtime.finBlock|runtime.finblock", "alllink", false, false},
		{&q.count, "runtime.finBlock|runtime.finblock", "cnt", false, true},
		{&q.entries, "runtime.finBlock|runtime.finblock", "fin", false, false},
		{&size, "runtime.finalizer", "", false, false},
		{&words[0], "runtime.finalizer", "fn", false, false},
		{&words[1], "runtime.finalizer", "arg", false, false},
		{&words[2], "runtime.finalizer", "fint", true, false},
		{&words[3], "runtime.finalizer", "ot", true, false},
	};
	if (!go_global_u64(r->go, "runtime.allfin", &q.first) || !q.first ||
	    !queue_resolve(r, wants, ARRAY_SIZE(wants), q.name))
		return;
	q.entry_size = size.size;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].present)
			q.words[q.word_count++] = words[i].offset;
	}
	queue_roots(r, &q);
}

static void cleanup_queue(struct go_rooter *r)
{
	struct queue q = {.name = "cleanup queue", .what = "broken cleanup queues"};
	uint64_t queues = 0;
	struct hg_field all, size;
	const struct hg_want wants[] = {
		{&all, "runtime.cleanupQueue", "all", false, true},
		{&q.link, "runtime.cleanupBlock", "cleanupBlockHeader.alllink|alllink", false,
		 false},
		{&q.count, "runtime.cleanupBlock", "cleanupBlockHeader.n|n", false, true},
		{&q.entries, "runtime.cleanupBlock", "cleanups", false, false},
		{&size, "runtime.cleanupFn", "", true, false}, // Go 1.25 queues bare functions
	};
	if (!go_global_addr(r->go, "runtime.gcCleanups", &queues) ||
	    !queue_resolve(r, wants, ARRAY_SIZE(wants), q.name) ||
	    !hg_image_u64(r->go->prog->image, queues + all.offset, &q.first))
		return;
	q.entry_size = size.present && size.size >= 8 ? size.size : 8;
	while (q.word_count < ARRAY_SIZE(q.words) && q.word_count * 8 < q.entry_size) {
		q.words[q.word_count] = q.word_count * 8;
		q.word_count++;
	}
	queue_roots(r, &q);
}

void go_queue_roots(struct go_rooter *r)
{
	finalizer_queue(r);
	cleanup_queue(r);
}
