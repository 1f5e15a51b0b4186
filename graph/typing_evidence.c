#include "graph/typing_evidence.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "dwarf/assign.h"
#include "graph/lang/lang_c.h"

#define MAX_CANDIDATES 24 // of one field
#define MAX_TAIL 24	  // bytes that malloc may add to what was asked for, and less
#define MAX_HEADER 32	  // bytes that may stand before text that is pointed to
#define MAX_CONFIRMED 3	  // pointers that lead to what they should; more say no more
#define LOOKED_AT 512	  // bytes of a block

struct hg_evidence_site {
	struct {
		uint32_t type;
		uint32_t votes;
	} candidates[MAX_CANDIDATES];
	unsigned count;
};

/** Goes down to the innermost struct or union that contains the offset; false where that is in none. */
static bool find_field(const struct hg_program *prog, uint32_t *type, uint64_t *offset)
{
	bool found = false;
	uint32_t at = *type;
	uint64_t rest = *offset;
	for (unsigned depth = 0; depth < HG_MAX_TYPE_DEPTH; depth++) {
		at = hg_type_strip(prog, at);
		const struct hg_type *t = hg_type_get(prog, at);
		if (t->kind == HG_TYPE_ARRAY) {
			const uint64_t size = hg_type_get(prog, t->elem)->size;
			if (!size)
				return found;
			at = t->elem;
			rest %= size;
			continue;
		}
		if (t->kind != HG_TYPE_STRUCT && t->kind != HG_TYPE_UNION)
			return found;
		found = true;
		*type = at;
		*offset = rest;
		const struct hg_member *in = NULL;
		for (uint32_t i = 0; i < t->member_count && t->kind == HG_TYPE_STRUCT; i++) {
			const struct hg_member *m = &prog->types.members.data[t->members + i];
			if (rest >= m->offset &&
			    rest - m->offset < hg_type_get(prog, m->type)->size)
				in = m;
		}
		if (!in)
			return found;
		at = in->type;
		rest -= in->offset;
	}
	return found;
}

static struct hg_evidence_site *site_of(struct hg_evidence *e, uint64_t key)
{
	uint64_t *place = hg_map_put(&e->by_field, key);
	if (!place)
		return NULL;
	if (*place)
		return e->sites.data[*place - 1];
	struct hg_evidence_site *site = hg_arena_alloc(&e->arena, sizeof(*site));
	struct hg_evidence_site **listed = site ? hg_vec_push(&e->sites) : NULL;
	if (!listed)
		return NULL;
	memset(site, 0, sizeof(*site));
	*listed = site;
	*place = e->sites.count;
	return site;
}

static bool note(void *arg, const struct hg_assignment *assignment)
{
	struct hg_evidence *e = arg;
	const struct hg_program *prog = e->a->prog;
	uint32_t type = assignment->from;
	uint64_t offset = assignment->offset;
	if (offset == HG_ASSIGNMENT_CAST)
		type = hg_type_strip(prog, type);
	else if (!find_field(prog, &type, &offset) || offset >> 32)
		return true;
	struct hg_evidence_site *site = site_of(e, type | offset << 32);
	if (!site)
		return false;
	const uint32_t to = hg_type_strip(prog, assignment->to);
	for (unsigned i = 0; i < site->count; i++) {
		if (hg_type_strip(prog, site->candidates[i].type) != to)
			continue;
		site->candidates[i].votes++;
		return true;
	}
	if (site->count < MAX_CANDIDATES) {
		site->candidates[site->count].type = assignment->to;
		site->candidates[site->count++].votes = 1;
	}
	return true;
}

struct hg_error *hg_evidence_init(struct hg_evidence *e, const struct hg_analysis *a,
				  struct hg_shapes *shapes)
{
	*e = (struct hg_evidence){.a = a, .shapes = shapes};
	return hg_assignments(a->prog, note, e);
}

void hg_evidence_deinit(struct hg_evidence *e)
{
	hg_map_deinit(&e->by_field);
	hg_vec_deinit(&e->sites);
	hg_arena_deinit(&e->arena);
}

static bool is_bytes(const struct hg_type *t)
{
	return t->size == 1 && (t->kind == HG_TYPE_INT || t->kind == HG_TYPE_UINT);
}

static bool starts_block(const struct hg_analysis *a, uint64_t value)
{
	const struct hg_extent *extent = hg_blocks_extent_at(&a->blocks, value);
	return extent && hg_blocks_starts_at(&a->blocks, extent, value);
}

/** Text and numbers hold no pointers to blocks. */
static bool agrees_bytes(const struct hg_analysis *a, const uint8_t *bytes, uint64_t size)
{
	for (uint64_t i = 0; i + 8 <= size; i += 8)
		if (starts_block(a, hg_load_u64(bytes + i)))
			return false;
	return true;
}

struct block {
	uint64_t addr, size;
	const uint8_t *bytes;
};

/** May a pointer lead to what its type says? *confirmed counts those that lead to a block which is known to be that. */
static bool agrees_pointer(const struct hg_analysis *a, const struct hg_leaf *leaf, uint64_t value,
			   unsigned *confirmed)
{
	if (!value)
		return true;
	const uint32_t block = hg_blocks_find(&a->blocks, value);
	if (block == HG_NO_BLOCK)
		return hg_image_view(a->prog->image, value, 1) != NULL;
	const uint64_t room =
		hg_blocks_addr(&a->blocks, block) + hg_blocks_size(&a->blocks, block) - value;
	const uint64_t size = hg_type_get(a->prog, leaf->type)->size;
	if (size > room || !hg_shape_aligned(a->prog, leaf->type, value))
		return false;
	const uint32_t target = a->blocks.types[block];
	const uint32_t wanted = hg_type_strip(a->prog, leaf->type);
	const struct hg_type *t = hg_type_get(a->prog, target);
	const uint32_t is =
		hg_type_strip(a->prog, t->kind == HG_TYPE_ARRAY && !t->count ? t->elem : target);
	*confirmed += target && wanted && is == wanted && *confirmed < MAX_CONFIRMED;
	return true;
}

/** How well a block agrees with a struct; 0: it does not. */
static unsigned agrees(const struct hg_evidence *e, uint32_t type, const struct block *block)
{
	const struct hg_analysis *a = e->a;
	type = hg_type_strip(a->prog, type);
	const struct hg_type t = *hg_type_get(a->prog, type);
	if (t.kind != HG_TYPE_STRUCT || t.incomplete || !t.size || t.size > block->size)
		return 0;
	bool tail = block->size - t.size < MAX_TAIL || hg_shape_is_open(e->shapes, type);
	unsigned confirmed = 1;
	for (uint64_t i = 0; i + 8 <= t.size && i < LOOKED_AT; i += 8) {
		const uint64_t value = hg_load_u64(block->bytes + i);
		const struct hg_leaf leaf = hg_shape_leaf(e->shapes, type, i);
		if (leaf.kind == HG_LEAF_NONE ? starts_block(a, value)
					      : !agrees_pointer(a, &leaf, value, &confirmed))
			return 0;
		// What is allocated together with its header: a pointer behind it says so.
		tail |= leaf.kind != HG_LEAF_NONE && value - block->addr >= t.size &&
			value - block->addr < block->size;
	}
	return tail ? confirmed : 0;
}

/** What code tells of a field, else of the type that it is declared to lead to and that is nowhere defined. */
static const struct hg_evidence_site *find_site(const struct hg_evidence *e, uint32_t type,
						uint64_t offset)
{
	const struct hg_program *prog = e->a->prog;
	const struct hg_leaf leaf = hg_shape_leaf(e->shapes, type, offset);
	const uint64_t *found = NULL;
	if (find_field(prog, &type, &offset) && !(offset >> 32))
		found = hg_map_get(&e->by_field, type | offset << 32);
	if (!found && leaf.kind == HG_LEAF_POINTER && leaf.type)
		found = hg_map_get(&e->by_field,
				   hg_type_strip(prog, leaf.type) | HG_ASSIGNMENT_CAST << 32);
	return found ? e->sites.data[*found - 1] : NULL;
}

/** How well a block that is led to at a byte agrees with a candidate; 0: it does not. */
static unsigned rate(const struct hg_evidence *e, uint32_t candidate, const struct block *block,
		     uint64_t at)
{
	const uint64_t looked_at = block->size < LOOKED_AT ? block->size : LOOKED_AT;
	if (is_bytes(hg_type_get(e->a->prog, hg_type_strip(e->a->prog, candidate))))
		return at <= MAX_HEADER && agrees_bytes(e->a, block->bytes, looked_at);
	const struct block behind = {block->addr + at, block->size - at, block->bytes + at};
	return at <= MAX_HEADER && at % 8 == 0 ? agrees(e, candidate, &behind) : 0;
}

uint32_t hg_evidence_guess(struct hg_evidence *e, uint32_t type, uint64_t offset, uint64_t addr,
			   uint64_t size, uint64_t at)
{
	const struct hg_program *prog = e->a->prog;
	const struct hg_evidence_site *site = find_site(e, type, offset);
	const struct block block = {addr, size, hg_image_view(prog->image, addr, size)};
	uint32_t best = 0;
	uint64_t best_rank = 0;
	for (unsigned i = 0; site && block.bytes && i < site->count; i++) {
		const uint32_t candidate = site->candidates[i].type;
		const unsigned rating = rate(e, candidate, &block, at);
		const uint64_t rank = (uint64_t)rating << 32 | site->candidates[i].votes;
		if (!rating || rank <= best_rank)
			continue;
		best_rank = rank;
		best = candidate;
	}
	if (!best)
		return 0;
	if (is_bytes(hg_type_get(prog, hg_type_strip(prog, best))))
		return hg_shape_guessed(e->shapes, hg_shape_open_array(e->shapes, best));
	best = hg_shape_guessed(e->shapes, best);
	return at ? hg_shape_interior(e->shapes, best, at) : best;
}
