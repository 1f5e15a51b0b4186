// Code and locations of variables, read for what fields are loaded from and stored in.
//
// Input:  0  1  bit 0: DWARF 5; bits 1 to 3: a variable each has a list of locations, else an expression; bit 4: the function
//               is said to be larger than its code
//         1  1  bytes of each expression, up to 15
//         2  1  bytes of the frame base's, up to 15
//         3  3  where in all of the input each list begins
//         6  n  the frame base, the expressions, and the code, which is the lists, too

#include "dwarf/assign.h"
#include "tests/synth/assign_program.h"

#define HEADER 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count_assignments(void *arg, const struct hg_assignment *assignment)
{
	*(uint64_t *)arg += assignment->offset + assignment->from + assignment->to;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEADER || size > 65536)
		return 0;
	const size_t expr = data[1] & 15, base = data[2] & 15;
	const size_t code = HEADER + base + ASSIGN_VARIABLES * expr;
	if (size < code)
		return 0;
	static struct dwarf_writer writer;
	struct assign_function f = {
		.version = data[0] & 1 ? 5 : 4,
		.code = data + code,
		.size = size - code,
		.pretended = data[0] & 16 ? size : 0,
		.frame_base = data + HEADER,
		.frame_base_size = base,
		.lists = {data, size},
	};
	for (unsigned i = 0; i < ASSIGN_VARIABLES; i++) {
		const bool list = data[0] >> (1 + i) & 1;
		f.variables[i] = (struct assign_variable){
			.expr = list ? NULL : data + HEADER + base + i * expr,
			.size = expr,
			.list = data[3 + i],
		};
	}
	struct hg_program *prog = assign_program(&writer, &f);
	uint64_t sum = 0;
	hg_error_destroy(hg_assignments(prog, count_assignments, &sum));
	hg_program_destroy(prog);
	return 0;
}
