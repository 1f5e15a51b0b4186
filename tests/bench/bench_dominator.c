// Times the dominators of a made-up graph: bench_dominator [NODES [SHAPE [shuffled]]]; all shapes without one.
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "graph/dominator.h"
#include "graph/reach.h"
#include "graph/retained.h"
#include "tests/unit/graph_shapes.h"

static double cpu_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/** Returns a value in bytes from the kernel's status of this process. */
static double status_bytes(const char *key)
{
	char line[256];
	unsigned long kib = 0;
	FILE *const file = fopen("/proc/self/status", "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtoul(line + strlen(key), NULL, 10);
	}
	if (file)
		fclose(file);
	return (double)kib * 1024;
}

static void reset_peak(void)
{
	FILE *const file = fopen("/proc/self/clear_refs", "w");
	if (file) {
		fputs("5", file);
		fclose(file);
	}
}

static void bench(const struct shape_row *row, uint32_t nodes, bool shuffled)
{
	struct shape shape = {.nodes = nodes, .seed = 1};
	struct hg_graph graph;
	row->make(&shape);
	if (shuffled)
		shape_shuffle(&shape);
	shape_finish(&shape, &graph);

	uint8_t *reached = malloc(nodes);
	double start = cpu_seconds();
	hg_assert(reached && !hg_reach(&graph, reached, NULL));
	const double reach = cpu_seconds() - start;
	free(reached);

	struct hg_dominators dom;
	reset_peak();
	const double before = status_bytes("VmRSS:");
	start = cpu_seconds();
	hg_assert(!hg_dominators_init(&dom, &graph));
	const double dominators = cpu_seconds() - start;
	const double peak = status_bytes("VmHWM:") - before;

	uint64_t *sizes = calloc(nodes, sizeof(*sizes));
	hg_assert(sizes);
	for (uint32_t node = 0; node < nodes; node++)
		sizes[node] = 16;
	start = cpu_seconds();
	hg_retained_sum(&dom, sizes);
	const double retained = cpu_seconds() - start;

	uint32_t *class_of = calloc(nodes, sizeof(*class_of));
	uint64_t by_class[100] = {0};
	hg_assert(class_of);
	for (uint32_t node = 0; node < nodes; node++)
		class_of[node] = node / 64 % 100;
	start = cpu_seconds();
	hg_assert(!hg_retained_by_class(&dom, nodes, class_of, 100, sizes, by_class));
	const double classes = cpu_seconds() - start;
	free(class_of);

	uint64_t violations = 0;
	start = cpu_seconds();
	hg_assert(!hg_dominators_verify(&dom, &graph, &violations, NULL, NULL) && !violations);
	const double verify = cpu_seconds() - start;
	printf("%-7s%s %9u nodes %9u edges %9u reached: %6.2f s dominators (%5.2f M nodes/s, "
	       "%4.1f bytes a node), reach %.2f, retained %.2f, by class %.2f, verify %.2f\n",
	       row->name, shuffled ? " shuffled" : "", nodes, graph.edges, dom.reached, dominators,
	       nodes / dominators / 1e6, peak / nodes, reach, retained, classes, verify);
	free(sizes);
	hg_dominators_deinit(&dom);
	hg_graph_deinit(&graph);
}

int main(int argc, char **argv)
{
	const unsigned long nodes = argc > 1 ? strtoul(argv[1], NULL, 10) : 14000000;
	const bool shuffled = argc > 3;
	if (nodes < 8 || nodes > UINT32_MAX / 4) {
		fprintf(stderr, "usage: bench_dominator [NODES [SHAPE [shuffled]]]\n");
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(shape_rows); i++) {
		if (argc < 3 || strcmp(argv[2], shape_rows[i].name) == 0)
			bench(&shape_rows[i], (uint32_t)nodes, shuffled);
	}
	return 0;
}
