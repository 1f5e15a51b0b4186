// Bytes become memory with blocks; at each block every container of C++ is taken to lie. Its words are asked for, followed,
// and named, and no window may leave its block.
#include <stdint.h>
#include <stdlib.h>

#include "tests/synth/cxx_values.h"

static void check_value(struct cxx_values *v, enum cxx_kind kind, unsigned block)
{
	const uint64_t size = hg_type_get(v->a.prog, v->types[kind])->size;
	const uint64_t room = (CXX_BLOCKS - block) * CXX_BLOCK;
	for (uint64_t offset = 0; offset + 8 <= size && size <= room; offset += 8) {
		const struct hg_leaf leaf = cxx_leaf(v, kind, block, offset);
		hg_assert(leaf.kind == HG_LEAF_NONE || leaf.offset <= offset);
		const struct hg_guess guess = cxx_follow(v, kind, block, offset);
		hg_assert(guess.type < v->a.prog->types.types.count);
	}
}

static void check_windows(const struct cxx_values *v)
{
	for (size_t i = 0; i < v->priv.windows.list.count; i++) {
		const struct hg_window *window = &v->priv.windows.list.data[i];
		hg_assert(window->from <= window->to && window->from >= CXX_HEAP &&
			  window->to <= CXX_HEAP + CXX_BYTES);
		hg_assert(window->to - window->from <= CXX_BLOCK);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cxx_values *v = calloc(1, sizeof(*v));
	if (!v)
		return 0;
	cxx_values_open(v);
	// Two bytes a word: a number, or where in the blocks it leads.
	for (size_t i = 0; i + 2 <= size && i / 2 < CXX_BYTES / 8; i += 2) {
		const uint64_t word = data[i] | (uint64_t)data[i + 1] << 8;
		cxx_put(v, CXX_HEAP + i / 2 * 8,
			word & 0x8000 ? CXX_HEAP + (word & 0x7fff) % CXX_BYTES : word);
	}
	for (unsigned block = 0; block < CXX_BLOCKS; block++)
		for (unsigned kind = 0; kind < CXX_KINDS; kind++)
			check_value(v, (enum cxx_kind)kind, block);
	check_windows(v);
	cxx_values_close(v);
	free(v);
	return 0;
}
