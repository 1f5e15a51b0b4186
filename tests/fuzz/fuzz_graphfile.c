// A graph file whose checksums are made right again, so that the inside is reached: what opens must give every report.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/bytes.h"
#include "graph/graphfile.h"

#define HEADER 32
#define ENTRY 64
#define TABLE (HEADER + 64 * ENTRY)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_sums(uint8_t *file, uint64_t size)
{
	memcpy(file + 16, &size, 8);
	memset(file + 24, 0, 8);
	for (unsigned i = 0; i < 64; i++) {
		uint8_t *entry = file + HEADER + i * ENTRY;
		const uint64_t offset = hg_load_u64(entry + 16), stored = hg_load_u64(entry + 24);
		if (offset > size || stored > size - offset)
			continue;
		const uint64_t sum = XXH3_64bits(file + offset, stored);
		memcpy(entry + 40, &sum, 8);
	}
	const uint64_t sum = XXH3_64bits(file, TABLE);
	memcpy(file + 24, &sum, 8);
}

static void ask(struct hg_analysis *a, const char *name, const struct hg_report_args *args)
{
	struct hg_report *report = NULL;
	hg_error_destroy(hg_report_create(a, name, args, &report));
	hg_report_destroy(report);
}

static void ask_all(struct hg_analysis *a)
{
	static const char *const by[] = {"type",      "object", "root",	    "package",
					 "goroutine", "thread", "container"};
	ask(a, "analyze", &(struct hg_report_args){0});
	ask(a, "tree", &(struct hg_report_args){0});
	ask(a, "leaks", &(struct hg_report_args){0});
	for (unsigned i = 0; i < ARRAY_SIZE(by); i++)
		ask(a, "top", &(struct hg_report_args){.by = by[i]});
	char addr[32];
	snprintf(addr, sizeof(addr), "0x%llx",
		 (unsigned long long)hg_node_addr(a, a->graph.nodes - 1));
	ask(a, "why", &(struct hg_report_args){.target = addr});
	ask(a, "why", &(struct hg_report_args){.target = "main"});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hg_analysis *a = NULL;
	uint8_t *file = NULL;
	if (size < TABLE || posix_memalign((void **)&file, 64, size))
		return 0;
	memcpy(file, data, size);
	make_sums(file, size);
	struct hg_error *err = hg_graphfile_load_bytes("made", file, size, &a);
	if (!err)
		ask_all(a);
	hg_error_destroy(err);
	hg_analysis_destroy(a);
	free(file);
	return 0;
}
