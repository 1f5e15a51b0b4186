// The walk over malloc's heaps as each release of glibc lays them out, whole and damaged.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/synth/glibc_heap.h"

static void assert_live(const struct glibc_synth *s, const struct glibc_found *found)
{
	for (unsigned i = 0; i < s->live_count; i++) {
		const uint32_t block = hg_blocks_find(&found->blocks, s->live[i].addr);
		if (block == HG_NO_BLOCK)
			fail_msg("glibc %s: no block %u at %lx", s->release->name, i,
				 (unsigned long)s->live[i].addr);
		assert_int_equal(hg_blocks_addr(&found->blocks, block), s->live[i].addr);
		assert_int_equal(hg_blocks_size(&found->blocks, block), s->live[i].usable);
	}
}

static uint64_t counted(const struct glibc_found *found, const char *what)
{
	for (size_t i = 0; i < found->coverage.counts.count; i++)
		if (!strcmp(found->coverage.counts.data[i].what, what))
			return found->coverage.counts.data[i].count;
	return 0;
}

static void finds_what_lives_in_every_release(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(glibc_releases); i++) {
		struct glibc_synth s;
		struct glibc_found found;
		glibc_synth_init(&s, &glibc_releases[i]);
		assert_null(glibc_synth_walk(&s, &found));
		assert_live(&s, &found);
		if (found.blocks.count != s.live_count)
			fail_msg("glibc %s: %u blocks, not %u", s.release->name, found.blocks.count,
				 s.live_count);
		assert_int_equal(found.coverage.counts.count, 0);
		glibc_found_deinit(&found);
		glibc_synth_deinit(&s);
	}
}

static void skips_a_damaged_chunk(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {0, 1, 0x18, 0x31337, UINT64_MAX, (uint64_t)1 << 63};
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct glibc_synth s;
		struct glibc_found found;
		glibc_synth_init(&s, &glibc_releases[6]);
		synth_put(&s, s.damaged + 8, sizes[i]);
		assert_null(glibc_synth_walk(&s, &found));
		assert_int_equal(counted(&found, "damaged malloc chunks"), 1);
		assert_int_equal(counted(&found, "bytes skipped behind damaged malloc chunks"),
				 0x100);
		glibc_found_deinit(&found);
		glibc_synth_deinit(&s);
	}
}

static void passes_over_what_others_took_of_the_break(void **state)
{
	(void)state;
	struct glibc_synth s;
	struct glibc_found found;
	glibc_synth_init(&s, &glibc_releases[6]);
	synth_put(&s, s.damaged + 8, 0x10); // two fences, then foreign bytes
	synth_put(&s, s.damaged + 24, 0x11);
	memset(s.bytes[SYNTH_PART_BREAK] + (s.damaged + 32 - SYNTH_BREAK), 0xa5, 0x100 - 32);
	assert_null(glibc_synth_walk(&s, &found));
	assert_int_equal(found.coverage.counts.count, 0);
	assert_int_equal(found.blocks.count, s.live_count - 1);
	glibc_found_deinit(&found);
	glibc_synth_deinit(&s);
}

static void ends_where_lists_run_in_circles(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(glibc_releases); i++) {
		struct glibc_synth s;
		struct glibc_found found;
		glibc_synth_init(&s, &glibc_releases[i]);
		const uint64_t first = SYNTH_BREAK + s.release->tcache + 0x20 + 16;
		synth_put(&s, first, synth_link(&s, first, first));
		synth_put(&s, SYNTH_HEAP + 8, SYNTH_HEAP); // the heap before is itself
		assert_null(glibc_synth_walk(&s, &found));
		glibc_found_deinit(&found);
		glibc_synth_deinit(&s);
	}
}

static void says_which_bytes_are_missing(void **state)
{
	(void)state;
	struct glibc_synth s;
	struct glibc_found found;
	glibc_synth_init(&s, &glibc_releases[6]);
	s.segments[SYNTH_PART_BREAK].present = 0x300;
	assert_null(glibc_synth_walk(&s, &found));
	assert_int_equal(counted(&found, "bytes of malloc heaps that are missing") > 0, 1);
	glibc_found_deinit(&found);
	glibc_synth_deinit(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_lives_in_every_release),
		cmocka_unit_test(skips_a_damaged_chunk),
		cmocka_unit_test(passes_over_what_others_took_of_the_break),
		cmocka_unit_test(ends_where_lists_run_in_circles),
		cmocka_unit_test(says_which_bytes_are_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
