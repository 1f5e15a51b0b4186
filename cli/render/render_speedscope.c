// speedscope's own format, a sampled profile: a frame a row of the tree, a sample a row with bytes of its own.
#include <inttypes.h>

#include "cli/render/render.h"
#include "cli/render/stacks.h"

static void put_frames(FILE *out, const struct hg_stacks *stacks)
{
	for (uint32_t i = 1; i <= stacks->count; i++) {
		fputs(i > 1 ? ",\n{\"name\":" : "\n{\"name\":", out);
		hg_render_json_string(out, stacks->rows[i].name);
		fputc('}', out);
	}
}

static void put_sample(FILE *out, const struct hg_stacks *stacks, uint32_t row)
{
	if (stacks->rows[row].parent) {
		put_sample(out, stacks, stacks->rows[row].parent);
		fputc(',', out);
	}
	fprintf(out, "%" PRIu32, row - 1);
}

static uint64_t put_samples(FILE *out, const struct hg_stacks *stacks)
{
	const char *comma = "";
	uint64_t sum = 0;
	for (uint32_t i = 1; i <= stacks->count; i++) {
		if (!stacks->rows[i].self)
			continue;
		fprintf(out, "%s\n[", comma);
		put_sample(out, stacks, i);
		fputc(']', out);
		comma = ",";
		sum += stacks->rows[i].self;
	}
	return sum;
}

static void put_weights(FILE *out, const struct hg_stacks *stacks)
{
	const char *comma = "";
	for (uint32_t i = 1; i <= stacks->count; i++) {
		if (!stacks->rows[i].self)
			continue;
		fprintf(out, "%s%" PRIu64, comma, stacks->rows[i].self);
		comma = ",";
	}
}

static struct hg_error *render_speedscope(const struct hg_report *report, FILE *out)
{
	struct hg_stacks stacks;
	if (!hg_stacks_init(&stacks, report))
		return &hg_enomem;
	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
	      "\"exporter\":\"heapgraph\",\n\"shared\":{\"frames\":[",
	      out);
	put_frames(out, &stacks);
	fputs("]},\n\"profiles\":[{\"type\":\"sampled\",\"name\":\"retained "
	      "bytes\",\"unit\":\"bytes\","
	      "\"startValue\":0,\n\"samples\":[",
	      out);
	const uint64_t sum = put_samples(out, &stacks);
	fputs("],\n\"weights\":[", out);
	put_weights(out, &stacks);
	fprintf(out, "],\n\"endValue\":%" PRIu64 "}]}\n", sum);
	hg_stacks_deinit(&stacks);
	return NULL;
}

const struct hg_render_ops hg_render_speedscope = {
	.name = "speedscope", .needs = HG_RENDER_SUMS, .report = render_speedscope};
