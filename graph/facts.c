#include "graph/facts.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "graph/analysis_private.h"
#include "graph/sectionfile.h"

/* ---- order ---- */

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_container(const void *x, const void *y)
{
	const struct hg_fact_container *a = x, *b = y;
	if (a->addr != b->addr)
		return compare(a->addr, b->addr);
	return a->type != b->type ? compare(a->type, b->type) : compare(a->size, b->size);
}

static int by_choice(const void *x, const void *y)
{
	const struct hg_fact_choice *a = x, *b = y;
	if (a->addr != b->addr)
		return compare(a->addr, b->addr);
	return a->type != b->type ? compare(a->type, b->type) : compare(a->offset, b->offset);
}

void hg_facts_sort(struct hg_facts *facts)
{
	if (facts->containers.count)
		qsort(facts->containers.data, facts->containers.count,
		      sizeof(*facts->containers.data), by_container);
	if (facts->choices.count)
		qsort(facts->choices.data, facts->choices.count, sizeof(*facts->choices.data),
		      by_choice);
}

/* ---- writing down ---- */

struct recorder {
	struct hg_facts *facts;
	const struct hg_storage *storage;
};

static void note_stored(void *arg, const struct hg_stored *stored)
{
	struct recorder *r = arg;
	struct hg_fact_stored *place = hg_vec_push(&r->facts->stored);
	r->facts->failed |= !place;
	if (place)
		*place = (struct hg_fact_stored){stored->addr, stored->from, stored->to,
						 stored->element};
	if (r->storage)
		r->storage->add(r->storage->arg, stored);
}

/** Is it new? The number stands for the three well enough: 64 bits of hash. */
static bool is_new(struct hg_facts *facts, const uint64_t key[4])
{
	uint64_t *known = hg_map_put(&facts->known, XXH3_64bits(key, 4 * sizeof(*key)));
	facts->failed |= !known;
	if (!known || *known)
		return false;
	*known = 1;
	return true;
}

static struct hg_container record(const struct hg_analysis *a, struct hg_lang *lang, uint32_t type,
				  uint64_t addr, uint64_t size, const struct hg_storage *storage)
{
	struct hg_facts *facts = a->facts;
	struct recorder r = {facts, storage};
	const struct hg_storage all = {note_stored, &r};
	const uint64_t first = facts->stored.count, key[4] = {addr, type, size, 0};
	if (!is_new(facts, key))
		return lang->ops->container(lang, type, addr, size, storage);
	const struct hg_container c = lang->ops->container(lang, type, addr, size, &all);
	if (c.kind == HG_CONTAINER_NONE)
		return c;
	struct hg_fact_container *place = hg_vec_push(&facts->containers);
	facts->failed |= !place;
	if (place)
		*place = (struct hg_fact_container){
			.addr = addr,
			.size = size,
			.type = type,
			.word = hg_program_string(a->prog, c.word),
			.stored = first,
			.stored_count = (uint32_t)(facts->stored.count - first),
			.c = c,
		};
	return c;
}

/* ---- from what was written down ---- */

/** The first container that is not before a key. */
static size_t first_container(const struct hg_facts *facts, const struct hg_fact_container *key)
{
	size_t low = 0, high = facts->containers.count;
	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		if (by_container(&facts->containers.data[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct hg_container recall(const struct hg_analysis *a, uint32_t type, uint64_t addr,
				  uint64_t size, const struct hg_storage *storage)
{
	const struct hg_facts *facts = a->facts;
	const struct hg_fact_container key = {.addr = addr, .type = type, .size = size};
	const size_t at = first_container(facts, &key);
	const struct hg_fact_container *found = &facts->containers.data[at];
	if (at == facts->containers.count || by_container(found, &key))
		return (struct hg_container){0};
	struct hg_container c = found->c;
	c.word = hg_program_text(a->prog, found->word);
	for (uint32_t i = 0; storage && i < found->stored_count; i++) {
		const struct hg_fact_stored *s = &facts->stored.data[found->stored + i];
		const struct hg_stored stored = {s->addr, s->from, s->to, s->element};
		storage->add(storage->arg, &stored);
	}
	return c;
}

// What an array of no length holds, its block alone tells.
static bool needs_memory(const struct hg_program *prog, uint32_t type)
{
	const struct hg_type *t = hg_type_get(prog, type);
	return t->kind != HG_TYPE_ARRAY || t->count;
}

struct hg_container hg_facts_container(const struct hg_analysis *a, struct hg_lang *lang,
				       uint32_t type, uint64_t addr, uint64_t size,
				       const struct hg_storage *storage)
{
	if (a->facts && needs_memory(a->prog, type)) {
		if (a->facts->loaded)
			return recall(a, type, addr, size, storage);
		if (a->facts->recording)
			return record(a, lang, type, addr, size, storage);
	}
	return lang->ops->container(lang, type, addr, size, storage);
}

static bool record_choice(const struct hg_analysis *a, struct hg_lang *lang, uint32_t type,
			  uint64_t addr, uint64_t offset, struct hg_piece *ret)
{
	struct hg_facts *facts = a->facts;
	const bool found = lang->ops->choose(lang, type, addr, offset, ret);
	const uint64_t key[4] = {addr, type, offset, 1}; // nothing found: nothing kept
	struct hg_fact_choice *place =
		is_new(facts, key) && found ? hg_vec_push(&facts->choices) : NULL;
	if (place)
		*place = (struct hg_fact_choice){addr, offset, type, found, *ret};
	return found;
}

bool hg_facts_choose(const struct hg_analysis *a, struct hg_lang *lang, uint32_t type,
		     uint64_t addr, uint64_t offset, struct hg_piece *ret)
{
	const struct hg_facts *facts = a->facts;
	if (!facts || (!facts->loaded && !facts->recording))
		return lang->ops->choose(lang, type, addr, offset, ret);
	if (!facts->loaded)
		return record_choice(a, lang, type, addr, offset, ret);
	const struct hg_fact_choice key = {.addr = addr, .type = type, .offset = offset};
	const struct hg_fact_choice *found =
		facts->choices.count ? bsearch(&key, facts->choices.data, facts->choices.count,
					       sizeof(key), by_choice)
				     : NULL;
	*ret = found ? found->piece : (struct hg_piece){0};
	return found;
}

uint64_t hg_facts_next(const struct hg_analysis *a, uint64_t addr)
{
	if (!a->facts || !a->facts->loaded)
		return addr;
	const struct hg_fact_container key = {.addr = addr};
	const size_t at = first_container(a->facts, &key);
	return at < a->facts->containers.count ? a->facts->containers.data[at].addr : UINT64_MAX;
}

uint64_t hg_facts_present(const struct hg_analysis *a)
{
	if (a->facts && a->facts->loaded)
		return a->facts->present_bytes;
	uint64_t bytes = 0;
	for (size_t i = 0; i < a->prog->image->segment_count; i++)
		bytes += a->prog->image->segments[i].from_file
				 ? 0
				 : a->prog->image->segments[i].present;
	return bytes;
}

void hg_facts_destroy(struct hg_facts *facts)
{
	if (!facts)
		return;
	hg_vec_deinit(&facts->containers);
	hg_vec_deinit(&facts->stored);
	hg_vec_deinit(&facts->choices);
	hg_vec_deinit(&facts->lines);
	hg_map_deinit(&facts->known);
	hg_vec_deinit(&facts->outs.far);
	free(facts->outs.at);
	if (!facts->loaded) { // else the file's
		free(facts->outs.to);
		free(facts->outs.steps);
		free(facts->outs.weak);
	}
	hg_section_file_close(facts->file);
	free(facts);
}
