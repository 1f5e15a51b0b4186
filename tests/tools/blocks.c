// blocks PID|CORE: the blocks of a process's glibc heap, one "ADDRESS USABLE" a line, then the totals: "total KEY=VALUE".
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/heap/heap_glibc.h"

static struct hg_error *open_image(const char *target, struct hg_image **ret)
{
	const struct hg_image_options options = {0};
	uint64_t stopped_us;
	if (strspn(target, "0123456789") == strlen(target))
		return hg_image_open_live((uint32_t)strtoul(target, NULL, 10), &options,
					  &stopped_us, ret);
	return hg_image_open_core(target, &options, ret);
}

static void say(const char *key, uint64_t value)
{
	printf("total %s=%" PRIu64 "\n", key, value);
}

static bool in_region(const struct heap_glibc *g, uint64_t addr)
{
	for (size_t i = 0; i < g->regions.count; i++)
		if (addr >= g->regions.data[i].start && addr < g->regions.data[i].end)
			return true;
	return false;
}

static void say_totals(const struct heap_glibc *g, const struct hg_coverage *coverage,
		       uint64_t chunk_bytes)
{
	uint64_t system = 0, regions = 0, fences = 0;
	for (size_t i = 0; i < g->arenas.count; i++)
		system += g->arenas.data[i].system_mem;
	for (size_t i = 0; i < g->regions.count; i++)
		regions += g->regions.data[i].end - g->regions.data[i].start;
	for (size_t i = 0; i < g->regions.count; i++)
		fences += g->regions.data[i].top ? 0 : 32;
	say("fence_bytes", fences);
	say("chunk_bytes", chunk_bytes);
	say("arenas", g->arenas.count);
	say("system_bytes", system);
	say("region_bytes", regions);
	say("cached_chunks", g->cached_chunks);
	say("cached_bytes", g->cached_bytes);
	say("mapped_bytes", g->mapped_bytes);
	say("gap_bytes", g->gap_bytes);
	for (size_t i = 0; i < coverage->counts.count; i++)
		printf("damage %" PRIu64 " %s\n", coverage->counts.data[i].count,
		       coverage->counts.data[i].what);
}

static struct hg_error *run(const char *target)
{
	hg_cleanup(hg_image_destroyp) struct hg_image *image = NULL;
	struct hg_error *err = open_image(target, &image);
	if (err)
		return err;
	struct hg_program *prog;
	err = hg_program_create(hg_take(image), NULL, &prog);
	if (err)
		return err;
	struct hg_coverage coverage = {0};
	struct hg_heap *heap;
	err = hg_heap_glibc.open(prog, &coverage, &heap);
	if (err)
		return err;
	struct hg_blocks blocks = {0};
	uint64_t dropped = 0;
	err = heap->ops->walk(heap, 0, &blocks);
	if (!err)
		err = hg_blocks_finish(&blocks, &dropped);
	uint64_t chunk_bytes = 0; // of chunks in arenas
	for (uint32_t i = 0; !err && i < blocks.count; i++) {
		const uint64_t addr = hg_blocks_addr(&blocks, i), size = hg_blocks_size(&blocks, i);
		printf("%" PRIx64 " %" PRIu64 "\n", addr, size);
		if (in_region((const struct heap_glibc *)heap, addr))
			chunk_bytes += size + 8;
	}
	say_totals((const struct heap_glibc *)heap, &coverage, chunk_bytes);
	say("dropped_extents", dropped);
	hg_blocks_deinit(&blocks);
	heap->ops->close(heap);
	hg_coverage_deinit(&coverage);
	hg_program_destroy(prog);
	return err;
}

int main(int argc, char **argv)
{
	struct hg_error *err =
		argc == 2 ? run(argv[1]) : hg_error_create(HG_ERROR_USAGE, "usage: blocks TARGET");
	if (err)
		fprintf(stderr, "blocks: %s\n", err->message);
	hg_error_destroy(err);
	return err ? 1 : 0;
}
