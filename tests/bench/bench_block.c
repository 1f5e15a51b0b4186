// Times address -> block in a made-up Go heap: bench_block [MEGABYTES [LOOKUPS]].
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "graph/block.h"

static uint64_t seed = 1;

static uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	const uint64_t mixed = (seed ^ seed >> 29) * 0xbf58476d1ce4e5b9u;
	return (mixed ^ mixed >> 32) % below;
}

static double cpu_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/** Spans of one page each, of a few size classes, nine of ten slots in use. */
static void make_heap(struct hg_blocks *blocks, uint64_t bytes)
{
	static const uint32_t strides[] = {16, 16, 32, 48, 64, 96, 128, 208, 1024};
	for (uint64_t at = 0; at < bytes; at += 8192) {
		const uint32_t stride = strides[rnd(ARRAY_SIZE(strides))];
		struct hg_extent extent = {.addr = 0xc000000000 + at,
					   .size = 8192,
					   .stride = stride,
					   .slots = 8192 / stride};
		uint64_t bits[8];
		for (int i = 0; i < 8; i++)
			bits[i] = rnd(3) ? UINT64_MAX : ~(rnd(UINT64_MAX) & rnd(UINT64_MAX));
		hg_assert(!hg_blocks_add(blocks, &extent, bits, NULL));
	}
	hg_assert(!hg_blocks_finish(blocks, NULL));
}

static void time_lookups(const struct hg_blocks *blocks, const uint64_t *addrs, size_t count,
			 const char *what)
{
	uint32_t *found = malloc(count * sizeof(*found));
	hg_assert(found);
	memset(found, 0, count * sizeof(*found));
	double start = cpu_seconds();
	for (size_t i = 0; i < count; i++)
		found[i] = hg_blocks_find(blocks, addrs[i]);
	const double one = cpu_seconds() - start;
	uint64_t sum = 0, hits = 0;
	for (size_t i = 0; i < count; i++) {
		sum += found[i];
		hits += found[i] != HG_NO_BLOCK;
	}
	start = cpu_seconds();
	hg_blocks_find_many(blocks, addrs, count, found);
	const double many = cpu_seconds() - start;
	for (size_t i = 0; i < count; i++)
		sum -= found[i];
	hg_assert(sum == 0);
	start = cpu_seconds();
	for (size_t i = 0; i < count; i++)
		sum += found[i] == HG_NO_BLOCK ? 0 : hg_blocks_addr(blocks, found[i]);
	const double back = cpu_seconds() - start;
	printf("%-8s %5.1f %% found: find %5.1f ns, find_many %5.1f ns, addr %5.1f ns (%llx)\n",
	       what, 100.0 * (double)hits / (double)count, 1e9 * one / (double)count,
	       1e9 * many / (double)count, 1e9 * back / (double)count, (unsigned long long)sum);
	free(found);
}

int main(int argc, char **argv)
{
	const uint64_t bytes = (argc > 1 ? strtoull(argv[1], NULL, 10) : 700) << 20;
	const size_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 20000000;
	struct hg_blocks blocks = {0};
	double start = cpu_seconds();
	make_heap(&blocks, bytes);
	printf("%u blocks in %zu extents, made in %.2f s\n", blocks.count, blocks.extents.count,
	       cpu_seconds() - start);
	uint64_t *addrs = malloc(count * sizeof(*addrs));
	hg_assert(addrs && bytes);
	for (size_t i = 0; i < count; i++)
		addrs[i] = 0xc000000000 + rnd(bytes);
	time_lookups(&blocks, addrs, count, "random");
	for (size_t i = 0; i < count; i++) // as a scan meets them: near, one of ten far
		addrs[i] = 0xc000000000 +
			   (rnd(10) ? (bytes / count * i + rnd(1 << 16)) % bytes : rnd(bytes));
	time_lookups(&blocks, addrs, count, "near");
	for (size_t i = 0; i < count; i++) // words that are no pointers
		addrs[i] = rnd(4) ? rnd(1 << 20) : rnd(UINT64_MAX);
	time_lookups(&blocks, addrs, count, "numbers");
	free(addrs);
	hg_blocks_deinit(&blocks);
	return 0;
}
