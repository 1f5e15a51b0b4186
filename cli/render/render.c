#include "cli/render/render.h"

#include <string.h>

const struct hg_render_ops *const hg_render_table[] = {
	&hg_render_text,   &hg_render_json,	  &hg_render_csv, &hg_render_dot,
	&hg_render_folded, &hg_render_speedscope, NULL,
};

const struct hg_render_ops *hg_render_find(const char *name)
{
	for (unsigned i = 0; hg_render_table[i]; i++)
		if (!strcmp(hg_render_table[i]->name, name))
			return hg_render_table[i];
	return NULL;
}
