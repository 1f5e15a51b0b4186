// Thread-local storage in hostile memory: a module whose headers are whole, the dynamic loader's list of it, and two threads
// whose descriptors, tables (DTV) and storage are as the input says.
//
// Input:   0  1  bit 0: the program is static (no list); bit 1: the list leads back to its start
//          1  1  number of the module, in the list
//          2  2  size of its storage, by the headers and the list
//          4  2  offset of its storage below the thread pointer; 0: by the table alone
//          6  4  offset of each thread pointer in the memory
//         10  4  offset of each table from its thread pointer, signed
//         14  2  offset, in the storage, of a variable
//         16  n  the memory, which holds blocks of 16 bytes, too

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/image_build.h"
#include "dwarf/program_private.h"
#include "graph/root_native.h"

#define BASE 0x10000u
#define HEADER 16
#define MAP 0x200u     // where struct link_map lies
#define DEBUG 0x180u   // struct r_debug
#define DYNAMIC 0x140u // and what DT_DEBUG stands in
#define IMAGE 0x500u   // .tdata
#define ROOM 0x800u    // whatever is larger is the input's

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void store(uint8_t *memory, size_t size, uint64_t at, uint64_t value)
{
	if (at <= size && size - at >= 8)
		memcpy(memory + at, &value, 8);
}

static void write_headers(uint8_t *memory, size_t size, const uint8_t *data)
{
	const uint64_t storage = hg_load_u16(data + 2);
	Elf64_Ehdr header = {.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3, .e_phoff = 64};
	memcpy(header.e_ident, ELFMAG, SELFMAG);
	const Elf64_Phdr phdrs[3] = {
		{.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_filesz = size, .p_memsz = size},
		{.p_type = data[0] & 1 ? PT_NOTE : PT_DYNAMIC, .p_vaddr = DYNAMIC, .p_memsz = 32},
		{.p_type = PT_TLS, .p_vaddr = IMAGE, .p_memsz = storage, .p_align = 8},
	};
	memcpy(memory, &header, sizeof(header));
	memcpy(memory + 64, phdrs, sizeof(phdrs));
	store(memory, size, DYNAMIC, DT_DEBUG);
	store(memory, size, DYNAMIC + 8, BASE + DEBUG);
	store(memory, size, DEBUG + 8, BASE + MAP);
	store(memory, size, MAP + 16, BASE + DYNAMIC);
	store(memory, size, MAP + 24, data[0] & 2 ? BASE + MAP : 0);
	const uint64_t words[] = {
		BASE + IMAGE, 0, storage, 8, 0, hg_load_u16(data + 4), data[1],
	};
	memcpy(memory + MAP + 48, words, sizeof(words));
}

static uint64_t thread_pointer(const uint8_t *data, unsigned i)
{
	return BASE + (hg_load_u16(data + 6 + 2 * i) & ~7u);
}

static void write_thread(uint8_t *memory, size_t size, const uint8_t *data, unsigned i)
{
	const uint64_t tls = thread_pointer(data, i);
	store(memory, size, tls - BASE, tls);
	store(memory, size, tls - BASE + 16, tls);
	if (hg_load_u16(data + 10 + 2 * i))
		store(memory, size, tls - BASE + 8,
		      tls + (uint64_t)(int64_t)(int16_t)hg_load_u16(data + 10 + 2 * i));
}

static struct hg_error *make_image(const uint8_t *memory, size_t size, const uint8_t *data,
				   struct hg_image **ret)
{
	const struct hg_image_options options = {0};
	hg_cleanup(hg_image_destroyp) struct hg_image *image = NULL;
	struct hg_error *err = hg_image_create(HG_IMAGE_CORE, &options, &image);
	if (err)
		return err;
	image->arch = &hg_arch_x86_64;
	for (unsigned i = 0; i < 2; i++) {
		struct hg_thread *thread = hg_vec_push(&image->threads);
		if (!thread)
			return &hg_enomem;
		thread->tls = thread_pointer(data, i);
		thread->tid = i + 1;
	}
	const struct hg_segment segment = {
		.addr = BASE,
		.size = size,
		.present = size,
		.bytes = memory,
		.prot = HG_PROT_READ | HG_PROT_WRITE,
	};
	err = hg_image_add(image, segment);
	if (!err)
		err = hg_image_finish(image);
	if (!err)
		*ret = hg_take(image);
	return err;
}

static struct hg_error *make_program(struct hg_image *image, size_t size, const uint8_t *data,
				     struct hg_program **ret)
{
	struct hg_error *err = hg_program_create_bare(image, NULL, ret);
	if (err)
		return err;
	struct hg_module *module = hg_vec_push(&(*ret)->modules);
	struct hg_tls_variable *variable = hg_vec_push(&(*ret)->tls);
	if (!module || !variable)
		return &hg_enomem;
	*module = (struct hg_module){
		.path = "/module", .start = BASE, .end = BASE + size, .bias = BASE, .is_exe = true};
	*variable = (struct hg_tls_variable){
		.name = hg_program_string(*ret, "variable"),
		.offset = hg_load_u16(data + 14),
		.size = 64,
	};
	err = hg_program_index_modules(*ret);
	return err ? err : hg_variable_finish(*ret);
}

static struct hg_error *make_blocks(size_t size, struct hg_blocks *ret)
{
	static const uint64_t bits[1024] = {[0 ... 1023] = 0x5555555555555555u};
	const uint32_t slots = (uint32_t)(size / 16 < 65536 ? size / 16 : 65536);
	const struct hg_extent extent = {
		.addr = BASE, .size = slots * 16ull, .stride = 16, .slots = slots};
	struct hg_error *err = hg_blocks_add(ret, &extent, bits, NULL);
	return err ? err : hg_blocks_finish(ret, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEADER || size > 65536)
		return 0;
	const size_t room = ROOM + size - HEADER;
	uint8_t *memory = calloc(room, 1);
	hg_assert(memory);
	memcpy(memory + ROOM, data + HEADER, size - HEADER);
	write_headers(memory, room, data);
	for (unsigned i = 0; i < 2; i++)
		write_thread(memory, room, data, i);
	struct hg_image *image = NULL;
	hg_cleanup(hg_program_destroyp) struct hg_program *prog = NULL;
	struct hg_blocks blocks = {0};
	struct hg_coverage coverage = {0};
	struct hg_roots roots = {0};
	const struct hg_native_options native = {.heaps = 1};
	struct hg_error *err = make_image(memory, room, data, &image);
	if (!err)
		err = make_program(image, room, data, &prog);
	if (!err)
		err = make_blocks(room, &blocks);
	if (!err)
		err = hg_roots_native(prog, &blocks, &native, &coverage, &roots);
	hg_error_destroy(err);
	hg_roots_deinit(&roots);
	hg_coverage_deinit(&coverage);
	hg_blocks_deinit(&blocks);
	hg_program_destroy(hg_take(prog));
	free(memory);
	return 0;
}
