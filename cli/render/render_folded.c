// Folded stacks, as flamegraph.pl and others read them: "main.server;[]main.Session;main.Session 48", from the root down.
#include <inttypes.h>

#include "cli/render/render.h"
#include "cli/render/stacks.h"

// The separator and what ends a line become other characters.
static void put_frame(FILE *out, const char *words)
{
	for (; *words; words++) {
		const unsigned char c = (unsigned char)*words;
		fputc(c == ';' ? ':' : c < 0x20 || c == 0x7f ? '?' : c, out);
	}
}

// Rows are as deep as the report's tree, which is bounded.
static void put_stack(FILE *out, const struct hg_stacks *stacks, uint32_t row)
{
	if (stacks->rows[row].parent) {
		put_stack(out, stacks, stacks->rows[row].parent);
		fputc(';', out);
	}
	put_frame(out, stacks->rows[row].name);
}

static struct hg_error *render_folded(const struct hg_report *report, FILE *out)
{
	struct hg_stacks stacks;
	if (!hg_stacks_init(&stacks, report))
		return &hg_enomem;
	for (uint32_t i = 1; i <= stacks.count; i++) {
		if (!stacks.rows[i].self)
			continue;
		put_stack(out, &stacks, i);
		fprintf(out, " %" PRIu64 "\n", stacks.rows[i].self);
	}
	hg_stacks_deinit(&stacks);
	return NULL;
}

const struct hg_render_ops hg_render_folded = {
	.name = "folded", .needs = HG_RENDER_SUMS, .report = render_folded};
