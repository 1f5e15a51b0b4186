#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <zlib.h>
#include <zstd.h>

#include "core/elffile.h"
#include "core/inflate.h"
#include "tests/unit/core_file.h"

#define CONTENT_SIZE 100000

/** A file with sections, laid out one behind the other in `data`. */
struct maker {
	uint8_t data[400000];
	size_t size;
	Elf64_Shdr sections[16];
	unsigned count;
	char names[256];
	size_t names_size;
};

static uint8_t content[CONTENT_SIZE];

static unsigned add_section(struct maker *maker, const char *name, uint32_t type, uint64_t flags,
			    const void *data, size_t size)
{
	maker->size = (maker->size + 7) & ~(size_t)7;
	maker->sections[maker->count] = (Elf64_Shdr){
		.sh_name = (uint32_t)maker->names_size,
		.sh_type = type,
		.sh_flags = flags,
		.sh_offset = maker->size,
		.sh_size = size,
	};
	memcpy(maker->names + maker->names_size, name, strlen(name) + 1);
	maker->names_size += strlen(name) + 1;
	if (data) {
		memcpy(maker->data + maker->size, data, size);
		maker->size += size;
	}
	return maker->count++;
}

static struct hg_elf *finish(struct maker *maker)
{
	const unsigned names = add_section(maker, ".shstrtab", SHT_STRTAB, 0, NULL, 0);
	maker->sections[names].sh_size = maker->names_size;
	memcpy(maker->data + maker->size, maker->names, maker->names_size);
	maker->size = (maker->size + maker->names_size + 7) & ~(size_t)7;
	const Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_shoff = maker->size,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = (uint16_t)maker->count,
		.e_shstrndx = (uint16_t)names,
	};
	memcpy(maker->data, &header, sizeof(header));
	memcpy(maker->data + maker->size, maker->sections, maker->count * sizeof(Elf64_Shdr));
	maker->size += maker->count * sizeof(Elf64_Shdr);
	struct hg_elf *elf;
	core_ok(hg_elf_open_bytes("made", maker->data, maker->size, &elf));
	return elf;
}

static struct maker *start(void)
{
	struct maker *maker = calloc(1, sizeof(*maker));
	assert_non_null(maker);
	maker->size = sizeof(Elf64_Ehdr);
	add_section(maker, "", SHT_NULL, 0, NULL, 0);
	for (size_t i = 0; i < CONTENT_SIZE; i++)
		content[i] = (uint8_t)(i * i / 77);
	return maker;
}

static void expect_content(struct hg_elf *elf, const char *name)
{
	const struct hg_elf_section *section = hg_elf_find_section(elf, name);
	assert_non_null(section);
	const uint8_t *data, *again;
	uint64_t size;
	core_ok(hg_elf_section_data(elf, section, &data, &size));
	assert_int_equal(size, CONTENT_SIZE);
	assert_memory_equal(data, content, CONTENT_SIZE);
	core_ok(hg_elf_section_data(elf, section, &again, &size));
	assert_ptr_equal(data, again);
}

static void expect_error(struct hg_elf *elf, const char *name, const char *says)
{
	const uint8_t *data;
	uint64_t size;
	struct hg_error *err =
		hg_elf_section_data(elf, hg_elf_find_section(elf, name), &data, &size);
	assert_non_null(err);
	if (!strstr(err->message, says))
		fail_msg("'%s' does not say '%s'", err->message, says);
	hg_error_destroy(err);
}

static size_t pack(uint8_t *packed, uint32_t type, uint64_t says)
{
	Elf64_Chdr header = {.ch_type = type, .ch_size = says, .ch_addralign = 1};
	memcpy(packed, &header, sizeof(header));
	if (type == 2)
		return sizeof(header) + ZSTD_compress(packed + sizeof(header), CONTENT_SIZE * 2,
						      content, CONTENT_SIZE, 3);
	uLongf size = CONTENT_SIZE * 2;
	assert_int_equal(compress(packed + sizeof(header), &size, content, CONTENT_SIZE), Z_OK);
	return sizeof(header) + size;
}

static void test_compressed_sections(void **state)
{
	(void)state;
	struct maker *maker = start();
	uint8_t *packed = malloc(CONTENT_SIZE * 3);
	assert_non_null(packed);
	add_section(maker, ".debug_plain", SHT_PROGBITS, 0, content, CONTENT_SIZE);
	size_t size = pack(packed, 1, CONTENT_SIZE);
	add_section(maker, ".debug_info", SHT_PROGBITS, SHF_COMPRESSED, packed, size);
	size = pack(packed, 2, CONTENT_SIZE);
	add_section(maker, ".debug_str", SHT_PROGBITS, SHF_COMPRESSED, packed, size);
	size = pack(packed, 1, CONTENT_SIZE) - 12;
	memmove(packed + 12, packed + 24, size - 12);
	memcpy(packed, "ZLIB", 4);
	core_put_u64(packed + 4, __builtin_bswap64(CONTENT_SIZE));
	add_section(maker, ".zdebug_line", SHT_PROGBITS, 0, packed, size);
	add_section(maker, ".bss", SHT_NOBITS, 0, NULL, 1 << 30);
	struct hg_elf *elf = finish(maker);
	expect_content(elf, ".debug_plain");
	expect_content(elf, ".debug_info");
	expect_content(elf, ".debug_str");
	expect_content(elf, ".debug_line");
	expect_content(elf, ".zdebug_line");
	assert_null(hg_elf_find_section(elf, ".debug_none"));
	const uint8_t *data = content;
	core_ok(hg_elf_section_data(elf, hg_elf_find_section(elf, ".bss"), &data, &size));
	assert_null(data);
	assert_int_equal(size, 0);
	hg_elf_destroy(elf);
	free(packed);
	free(maker);
}

static void test_bad_sections(void **state)
{
	(void)state;
	struct maker *maker = start();
	uint8_t *packed = malloc(CONTENT_SIZE * 3);
	assert_non_null(packed);
	size_t size = pack(packed, 1, CONTENT_SIZE + 1);
	add_section(maker, "longer", SHT_PROGBITS, SHF_COMPRESSED, packed, size);
	size = pack(packed, 2, CONTENT_SIZE - 1);
	add_section(maker, "shorter", SHT_PROGBITS, SHF_COMPRESSED, packed, size);
	size = pack(packed, 1, (uint64_t)1 << 40);
	add_section(maker, "bomb", SHT_PROGBITS, SHF_COMPRESSED, packed, size);
	packed[0] = 9;
	add_section(maker, "unknown", SHT_PROGBITS, SHF_COMPRESSED, packed, size);
	add_section(maker, "tiny", SHT_PROGBITS, SHF_COMPRESSED, packed, 5);
	const unsigned beyond = add_section(maker, "beyond", SHT_PROGBITS, 0, packed, 8);
	maker->sections[beyond].sh_offset = UINT64_MAX - 4;
	struct hg_elf *elf = finish(maker);
	expect_error(elf, "longer", "does not decompress");
	expect_error(elf, "shorter", "does not decompress");
	expect_error(elf, "bomb", "says it has");
	expect_error(elf, "unknown", "unknown way");
	expect_error(elf, "tiny", "unknown way");
	expect_error(elf, "beyond", "beyond the end");
	hg_elf_destroy(elf);
	free(packed);
	free(maker);
}

struct seen {
	unsigned count, defined;
	const char *last;
};

static bool see(void *arg, const struct hg_elf_symbol *symbol)
{
	struct seen *seen = arg;
	seen->count++;
	seen->defined += symbol->defined;
	seen->last = symbol->name;
	return strcmp(symbol->name, "stop") != 0;
}

static void test_symbols(void **state)
{
	(void)state;
	struct maker *maker = start();
	static const char names[] = "\0main.main\0puts\0stop\0never";
	const Elf64_Sym symbols[] = {
		{0},
		{.st_name = 1,
		 .st_info = STT_FUNC,
		 .st_shndx = 1,
		 .st_value = 0x1000,
		 .st_size = 16},
		{.st_name = 11, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC)},
		{.st_name = 0x7fffffff, .st_shndx = 1},
		{.st_name = 16, .st_shndx = SHN_ABS},
		{.st_name = 21, .st_shndx = 1},
	};
	const unsigned text = add_section(maker, ".strtab", SHT_STRTAB, 0, names, sizeof(names));
	const unsigned table =
		add_section(maker, ".symtab", SHT_SYMTAB, 0, symbols, sizeof(symbols));
	maker->sections[table].sh_link = text;
	struct hg_elf *elf = finish(maker);
	struct seen seen = {0};
	core_ok(hg_elf_symbols(elf, see, &seen));
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.defined, 3);
	assert_string_equal(seen.last, "stop");
	hg_elf_destroy(elf);
	free(maker);
}

static void test_build_id(void **state)
{
	(void)state;
	uint8_t exe[3 * CORE_PAGE];
	core_make_exe(exe, 7);
	struct hg_elf *elf;
	core_ok(hg_elf_open_bytes("exe", exe, sizeof(exe), &elf));
	assert_int_equal(elf->build_id_size, 20);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(elf->build_id[i], 7);
	assert_int_equal(elf->segment_count, 4);
	assert_int_equal(elf->entry, 0x401000);
	hg_elf_destroy(elf);
}

static void test_own_file(void **state)
{
	(void)state;
	struct hg_elf *elf;
	core_ok(hg_elf_open("/proc/self/exe", &elf));
	assert_non_null(hg_elf_find_section(elf, ".text"));
	struct seen seen = {0};
	core_ok(hg_elf_symbols(elf, see, &seen));
	assert_true(seen.count > 10);
	hg_elf_destroy(elf);
}

static void test_damaged(void **state)
{
	(void)state;
	struct maker *maker = start();
	uint8_t *packed = malloc(CONTENT_SIZE * 3);
	assert_non_null(packed);
	add_section(maker, ".debug_info", SHT_PROGBITS, SHF_COMPRESSED, packed,
		    pack(packed, 1, CONTENT_SIZE));
	hg_elf_destroy(finish(maker));
	uint8_t *copy = malloc(maker->size);
	assert_non_null(copy);
	srand(3);
	for (unsigned round = 0; round < 2000; round++) {
		memcpy(copy, maker->data, maker->size);
		for (unsigned i = 0; i < 4; i++) {
			const size_t table = maker->size - 3 * sizeof(Elf64_Shdr);
			const size_t at =
				rand() % 2 ? (size_t)rand() % 64 : table + (size_t)rand() % 192;
			copy[at] = (uint8_t)(rand() % 3 ? rand() : 255);
		}
		struct hg_elf *elf = NULL;
		hg_error_destroy(hg_elf_open_bytes("bad", copy, maker->size, &elf));
		for (size_t i = 0; elf && i < elf->section_count; i++) {
			const uint8_t *data;
			uint64_t size;
			hg_error_destroy(hg_elf_section_data(elf, &elf->sections[i], &data, &size));
		}
		hg_elf_destroy(elf);
	}
	free(copy);
	free(packed);
	free(maker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compressed_sections),
		cmocka_unit_test(test_bad_sections),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_own_file),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
