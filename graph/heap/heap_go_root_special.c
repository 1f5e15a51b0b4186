#include "graph/heap/heap_go_root.h"

#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"

// Records that the runtime keeps beside objects (finalizers, cleanups, weak handles), and what of them is due to run.

#define MAX_QUEUE_BLOCKS (1u << 22)
#define MAX_CLOSURE 64		  // bytes of a closure over a cleanup and its argument
#define FUNCTION_KEY (1ull << 63) // of roots of functions, by their parent
#define MAX_QUEUE_ENTRIES 4096	  // of one block of 4 KiB, or of 512 bytes

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

/** A func value that a record holds: below the record's root, typed, so that what it captured can be told. */
static void function_edge(struct go_rooter *r, struct hg_map *roots, uint32_t parent, uint64_t fn,
			  uint8_t flags)
{
	if (!go_is_block(r, fn) || !parent)
		return;
	uint64_t *place = hg_map_put(roots, FUNCTION_KEY | parent);
	if (!place) {
		r->failed = true;
		return;
	}
	if (!*place) {
		const struct hg_root root = {
			.parent = parent,
			.kind = r->roots->list.data[parent].kind,
			.name = hg_program_string(r->go->prog, "function"),
			.type = hg_type_find(r->go->prog, "func()"),
		};
		*place = go_root_add(r, &root);
	}
	go_root_edge(r, &(struct hg_root_edge){
				.target = fn,
				.root = (uint32_t)*place,
				.flags = flags,
			});
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
	function_edge(s->r, &s->roots, root, fn, HG_EDGE_SECONDARY);
	referents(s, root, slot);
}

/** What a cleanup calls, and with what. */
struct call {
	uint64_t fn;  // the user's func value
	uint64_t arg; // where a copy of the argument lies; 0 unknown
};

/** Go 1.24 and 1.25 keep a closure over both, made by a generic function: debug info does not tell which word is which. */
static struct call wrapped_call(struct go_rooter *r, uint64_t closure)
{
	struct call call = {0};
	const uint32_t block = hg_blocks_find(r->blocks, closure);
	if (block == HG_NO_BLOCK)
		return call;
	const uint64_t end = hg_blocks_addr(r->blocks, block) + hg_blocks_size(r->blocks, block);
	const struct hg_image *image = r->go->prog->image;
	unsigned others = 0;
	bool cells = false; // both are captured by reference
	for (uint64_t at = closure + 8; at + 8 <= end && at < closure + MAX_CLOSURE; at += 8) {
		uint64_t value = 0, inner = 0;
		if (!hg_image_u64(image, at, &value) || !value)
			continue;
		if (!call.fn && go_funcval_name(r->go, value)) {
			call.fn = value;
		} else if (!call.fn && hg_image_u64(image, value, &inner) &&
			   go_funcval_name(r->go, inner)) {
			call.fn = inner;
			cells = true;
		} else if (go_is_block(r, value)) {
			call.arg = cells ? value : at;
			others++;
		}
	}
	if (others != 1)
		call.arg = 0;
	return call;
}

/** Type of the first parameter of a function; 0 unknown. */
static uint32_t parameter_type(struct heap_go *go, uint64_t funcval)
{
	hg_declareds variables = {0};
	uint64_t entry = 0;
	uint32_t type = 0;
	if (!hg_image_u64(go->prog->image, funcval, &entry))
		return 0;
	hg_error_destroy(hg_variable_declared(go->prog, entry, &variables));
	for (size_t i = 0; i < variables.count && !type; i++) {
		if (variables.data[i].parameter)
			type = variables.data[i].type;
	}
	hg_vec_deinit(&variables);
	return type;
}

/** The argument's copy lies in a closure or a box of its own, whose type is not told; what it points to can be. */
static void cleanup_argument(struct specials *s, uint32_t root, const struct call *call)
{
	struct heap_go *go = s->r->go;
	const uint32_t type = hg_type_strip(go->prog, parameter_type(go, call->fn));
	const struct hg_type *t = hg_type_get(go->prog, type);
	uint64_t target = 0;
	if (t->kind != HG_TYPE_POINTER || !hg_image_u64(go->prog->image, call->arg, &target))
		return;
	const uint32_t block = hg_blocks_find(s->r->blocks, target);
	if (block != HG_NO_BLOCK &&
	    hg_blocks_size(s->r->blocks, block) < hg_type_get(go->prog, t->elem)->size)
		hg_image_u64(go->prog->image, target, &target); // captured by reference after all
	if (go_is_block(s->r, target))
		go_root_edge(s->r, &(struct hg_root_edge){
					   .target = target,
					   .root = root,
					   .type = t->elem,
				   });
}

static void cleanup(struct specials *s, uint64_t special)
{
	const uint64_t fn = field(s, &s->cleanup_fn, special);
	const struct call call = s->cleanup_arg.present
					 ? (struct call){fn, field(s, &s->cleanup_arg, special)}
					 : wrapped_call(s->r, fn);
	const char *name = go_funcval_name(s->r->go, call.fn);
	const uint32_t root =
		function_root(s, HG_ROOT_CLEANUP, name ? name : go_funcval_name(s->r->go, fn), 0);
	function_edge(s->r, &s->roots, root, fn, 0);
	function_edge(s->r, &s->roots, root, field(s, &s->cleanup_call, special), 0);
	const uint64_t box = field(s, &s->cleanup_arg, special);
	if (go_is_block(s->r, box)) // a copy of the argument
		go_root_edge(s->r, &(struct hg_root_edge){
					   .target = box,
					   .root = root,
					   .type = parameter_type(s->r->go, fn),
				   });
	if (call.arg)
		cleanup_argument(s, root, &call);
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
	uint64_t words
		[5]; // offsets in an entry of what the collector follows; fn_word is the function
	unsigned word_count, fn_word;
	struct hg_field arg, type; // of an object with a finalizer, and of the pointer to it
	struct hg_map functions;   // see function_edge()
	uint32_t root;
};

/** Adds the pointers of one entry. */
static void queue_entry(struct go_rooter *r, struct queue *q, uint64_t entry)
{
	const struct hg_program *prog = r->go->prog;
	uint64_t descriptor = 0;
	if (q->type.present)
		hg_image_u64(prog->image, entry + q->type.offset, &descriptor);
	const struct hg_type *pointer =
		hg_type_get(prog, hg_type_strip(prog, go_type_at(r->go, descriptor)));
	for (unsigned i = 0; i < q->word_count; i++) {
		uint64_t target = 0;
		if (!hg_image_u64(prog->image, entry + q->words[i], &target) ||
		    !go_is_block(r, target))
			continue;
		if (!q->root)
			q->root = go_root(r, 0, HG_ROOT_RUNTIME, q->name);
		if (i == q->fn_word) {
			function_edge(r, &q->functions, q->root, target, 0);
			continue;
		}
		const bool object = q->arg.present && q->words[i] == q->arg.offset &&
				    pointer->kind == HG_TYPE_POINTER;
		go_root_edge(r, &(struct hg_root_edge){
					.target = target,
					.root = q->root,
					.type = object ? pointer->elem : 0,
				});
	}
}

static void queue_roots(struct go_rooter *r, struct queue *q)
{
	struct go_walk walk = {.limit = MAX_QUEUE_BLOCKS};
	for (uint64_t block = q->first; block && !r->failed;) {
		uint64_t count = 0, next = 0;
		if (!go_walk_step(&walk, block) ||
		    !hg_field_read(r->go->prog, &q->count, block, &count) ||
		    !hg_field_read(r->go->prog, &q->link, block, &next) ||
		    count > MAX_QUEUE_ENTRIES) {
			hg_coverage_add(r->go->coverage, q->what, 1);
			return;
		}
		for (uint64_t i = 0; i < count && !r->failed; i++)
			queue_entry(r, q, block + q->entries.offset + i * q->entry_size);
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
	q.arg = words[1];
	q.type = words[3];
	queue_roots(r, &q);
	hg_map_deinit(&q.functions);
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
	q.fn_word = q.word_count > 1; // behind the adapter that calls it
	queue_roots(r, &q);
	hg_map_deinit(&q.functions);
}

void go_queue_roots(struct go_rooter *r)
{
	finalizer_queue(r);
	cleanup_queue(r);
}
