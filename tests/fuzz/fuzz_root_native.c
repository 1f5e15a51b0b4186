// Roots of native code in hostile memory: program headers, lists of the dynamic loader, thread-local storage, stacks.
//
// Input:  0  2  offset of the thread pointer in the memory
//         2  2  of the stack pointer
//         4  2  of the pc
//         6  n  the memory: a module without a file, which holds blocks of 16 bytes, too

#include <stdlib.h>

#include "core/base/bytes.h"
#include "core/image_build.h"
#include "dwarf/program_private.h"
#include "graph/root_native.h"

#define BASE 0x10000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hg_error *make_program(const uint8_t *data, size_t size, struct hg_program **ret)
{
	const struct hg_image_options options = {0};
	hg_cleanup(hg_image_destroyp) struct hg_image *image = NULL;
	struct hg_error *err = hg_image_create(HG_IMAGE_CORE, &options, &image);
	if (err)
		return err;
	image->arch = &hg_arch_x86_64;
	struct hg_thread *thread = hg_vec_push(&image->threads);
	if (!thread)
		return &hg_enomem;
	thread->tls = BASE + hg_load_u16(data);
	thread->sp = thread->regs[7] = BASE + hg_load_u16(data + 2);
	thread->pc = thread->regs[16] = BASE + hg_load_u16(data + 4);
	for (unsigned i = 0; i < 7; i++)
		thread->regs[i] = BASE + i * 64;
	const struct hg_segment segment = {
		.addr = BASE,
		.size = size - 6,
		.present = size - 6,
		.bytes = data + 6,
		.prot = HG_PROT_READ | HG_PROT_WRITE | HG_PROT_EXEC,
	};
	err = hg_image_add(image, segment);
	if (!err)
		err = hg_image_finish(image);
	if (!err)
		err = hg_program_create_bare(hg_take(image), NULL, ret);
	if (err)
		return err;
	struct hg_module *module = hg_vec_push(&(*ret)->modules);
	if (!module)
		return &hg_enomem;
	*module = (struct hg_module){.path = "/module",
				     .start = BASE,
				     .end = BASE + (size - 6),
				     .bias = BASE,
				     .is_exe = true};
	return hg_program_index_modules(*ret);
}

static struct hg_error *make_blocks(size_t size, struct hg_blocks *ret)
{
	static const uint64_t bits[1024] = {[0 ... 1023] = 0x5555555555555555u};
	const uint32_t slots = (uint32_t)(size / 16 < 65536 ? size / 16 : 65536);
	const struct hg_extent extent = {
		.addr = BASE, .size = slots * 16ull, .stride = 16, .slots = slots};
	struct hg_error *err = slots ? hg_blocks_add(ret, &extent, bits, NULL) : NULL;
	return err ? err : hg_blocks_finish(ret, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 6 + 64 || size > 65536)
		return 0;
	hg_cleanup(hg_program_destroyp) struct hg_program *prog = NULL;
	struct hg_blocks blocks = {0};
	struct hg_coverage coverage = {0};
	struct hg_roots roots = {0};
	const struct hg_native_options native = {.heaps = 1};
	struct hg_error *err = make_program(data, size, &prog);
	if (!err)
		err = make_blocks(size - 6, &blocks);
	if (!err)
		err = hg_roots_native(prog, &blocks, &native, &coverage, &roots);
	hg_error_destroy(err);
	hg_roots_deinit(&roots);
	hg_coverage_deinit(&coverage);
	hg_blocks_deinit(&blocks);
	return 0;
}
