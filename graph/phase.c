#include "graph/phase.h"

#include <stdio.h>
#include <time.h>

static double seconds(clockid_t clock)
{
	struct timespec now = {0};
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/** Anonymous memory now, in bytes: what is ours and not the mapped core. */
static uint64_t own_memory(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	unsigned long long kib = 0;
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "RssAnon: %llu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * 1024;
}

void hg_phase_begin(struct hg_phases *phases)
{
	phases->wall = seconds(CLOCK_MONOTONIC);
	phases->cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
}

void hg_phase_end(struct hg_phases *phases, const char *name, uint64_t count)
{
	const double wall = phases->wall, cpu = phases->cpu;
	hg_phase_begin(phases);
	if (!phases->log || !phases->log->message)
		return;
	hg_log_printf(phases->log, HG_LOG_INFO,
		      "%-16s %12llu  %7.3f s, %7.3f s of CPU, %6.1f MiB in use", name,
		      (unsigned long long)count, phases->wall - wall, phases->cpu - cpu,
		      (double)own_memory() / (1 << 20));
}
