#include "dwarf/private.h"

struct hg_error *hg_variable_locals(struct hg_program *prog, const struct hg_frame_context *frame,
				    hg_locals *ret)
{
	(void)prog;
	(void)frame;
	(void)ret;
	return NULL;
}

struct hg_error *hg_variable_captured(struct hg_program *prog, uint64_t entry, hg_captureds *ret)
{
	(void)prog;
	(void)entry;
	(void)ret;
	return NULL;
}
