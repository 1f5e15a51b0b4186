// A container of the C++ library in hostile memory. Whatever is believed of it lies in the memory there is.
//
// Input:  0  1  which container
//         1  n  the memory, from its start on; the rest is that of a sound one
#include "tests/synth/cxx_containers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_stored(void *arg, const struct hg_stored *stored)
{
	(void)arg;
	hg_assert(stored->from <= stored->to);
	if (stored->to)
		hg_assert(stored->from >= CXX_BASE && stored->to <= CXX_BASE + CXX_BYTES);
}

static void check(const struct hg_container *c)
{
	hg_assert(c->kind != HG_CONTAINER_NONE && c->word);
	if (c->broken)
		hg_assert(!c->has && !c->length && !c->capacity);
	hg_assert(c->length <= 8 * CXX_BYTES && c->capacity <= 8 * CXX_BYTES);
	hg_assert(c->slack <= CXX_BYTES);
	if (c->has & HG_HAS_CAPACITY && c->kind == HG_CONTAINER_SEQUENCE)
		hg_assert(c->length <= c->capacity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t memory[CXX_BYTES];
	struct cxx_synth s;
	if (size < 1 || size > 1 + CXX_BYTES)
		return 0;
	const enum cxx_sample sample = data[0] % CXX_SAMPLES;
	cxx_fill_memory(memory, sample);
	memcpy(memory, data + 1, size - 1);
	struct hg_error *err = cxx_synth_init(&s, memory);
	hg_assert(!err);
	struct hg_lang *lang = hg_lang_of(&s.a, s.types[sample]);
	const struct hg_storage storage = {check_stored, NULL};
	const struct hg_container c =
		lang->ops->container(lang, s.types[sample], CXX_BASE,
				     hg_type_get(s.a.prog, s.types[sample])->size, &storage);
	check(&c);
	cxx_synth_deinit(&s);
	return 0;
}
