// A tree for Graphviz: a box a row with its bytes, an arrow from what holds to what is held with the field that leads there.
#include <inttypes.h>

#include "cli/render/render.h"
#include "cli/render/stacks.h"
#include "core/base/human.h"

#define MAX_WORDS 80 // bytes of a label; longer ones make boxes that nobody can read

// In a quoted string of DOT a backslash and a quote are escaped; \n is a new line.
static void put_words(FILE *out, const char *words)
{
	struct hg_text safe = {0};
	hg_human_escape(&safe, words);
	unsigned used = 0;
	for (const char *c = hg_text_str(&safe); *c; c++, used++) {
		if (used >= MAX_WORDS && ((unsigned char)*c & 0xc0) != 0x80) {
			fputs("...", out);
			break;
		}
		if (*c == '"' || *c == '\\')
			fputc('\\', out);
		fputc(*c, out);
	}
	hg_text_deinit(&safe);
}

static void put_box(FILE *out, uint32_t id, const struct hg_stack_row *row)
{
	struct hg_text text = {0};
	fprintf(out, "  n%" PRIu32 " [label=\"", id);
	put_words(out, row->label);
	if (row->objects > 1 && !*row->kind) {
		fputs(" x", out);
		hg_human_count(&text, row->objects);
		fputs(hg_text_str(&text), out);
		hg_text_cut(&text, 0);
	}
	hg_human_bytes(&text, row->retained);
	fprintf(out, "\\n%s\"", hg_text_str(&text));
	fputs(*row->kind ? ",style=bold];\n" : row->rest ? ",style=dashed];\n" : "];\n", out);
	hg_text_deinit(&text);
}

static struct hg_error *render_dot(const struct hg_report *report, FILE *out)
{
	struct hg_stacks stacks;
	if (!hg_stacks_init(&stacks, report))
		return &hg_enomem;
	fputs("digraph heapgraph {\n  rankdir=LR;\n  node [shape=box,fontname=\"sans-serif\"];\n"
	      "  edge [fontname=\"sans-serif\"];\n",
	      out);
	for (uint32_t i = 1; i <= stacks.count; i++) {
		const struct hg_stack_row *row = &stacks.rows[i];
		put_box(out, i, row);
		if (!row->parent)
			continue;
		fprintf(out, "  n%" PRIu32 " -> n%" PRIu32 " [label=\"", row->parent, i);
		put_words(out, row->via);
		fputs("\"];\n", out);
	}
	fputs("}\n", out);
	hg_stacks_deinit(&stacks);
	return NULL;
}

const struct hg_render_ops hg_render_dot = {
	.name = "dot", .needs = HG_RENDER_TREE, .pruned = true, .report = render_dot};
