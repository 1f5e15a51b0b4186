#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "core/elffile.h"
#include "core/image.h"
#include "tests/unit/core_file.h"

#define RW (HG_PROT_READ | HG_PROT_WRITE)
#define RX (HG_PROT_READ | HG_PROT_EXEC)

static struct hg_image *open_core(const char *path, const struct hg_image_options *options)
{
	struct hg_image *image;
	core_ok(hg_image_open_core(path, options, &image));
	return image;
}

static void expect_error(const char *path, const struct hg_image_options *options, const char *says)
{
	struct hg_image *image = NULL;
	hg_cleanup(hg_error_destroyp) struct hg_error *err =
		hg_image_open_core(path, options, &image);
	assert_non_null(err);
	assert_null(image);
	if (!strstr(err->message, says))
		fail_msg("'%s' does not say '%s'", err->message, says);
}

static bool has_note(const struct hg_image *image, const char *says)
{
	for (size_t i = 0; i < image->notes.count; i++)
		if (strstr(image->notes.data[i], says))
			return true;
	return false;
}

static void make_plain(const char *path)
{
	const struct hg_core_segment segments[] = {
		{.addr = 0x10000, .size = 0x2000, .file_size = 0x2000, .prot = HG_PROT_READ},
		{.addr = 0x12000, .size = 0x3000, .file_size = 0x3000, .prot = RW},
		{.addr = 0x20000, .size = 0x1000, .file_size = 0x1000, .prot = RW},
		{.addr = 0x30000, .size = 0x5000, .prot = 0},
	};
	hg_note_buffer notes = {0};
	core_add_thread(&notes, 77, 0x1000);
	core_add_process(&notes, 70, "plain");
	core_add_auxv(&notes, AT_ENTRY, 0x401000);
	core_add_thread(&notes, 78, 0x2000);
	core_write(path, segments, ARRAY_SIZE(segments), &notes);
	hg_vec_deinit(&notes);
}

static void test_reads_notes(void **state)
{
	(void)state;
	make_plain("plain.core");
	struct hg_image *image = open_core("plain.core", NULL);
	assert_int_equal(image->pid, 70);
	assert_string_equal(image->comm, "plain");
	assert_int_equal(image->threads.count, 2);
	const struct hg_thread *thread = &image->threads.data[0];
	assert_int_equal(thread->tid, 77);
	assert_int_equal(thread->signal, 11);
	assert_int_equal(thread->regs[0], 0x1000 + 10); // rax
	assert_int_equal(thread->regs[5], 0x1000 + 14); // rdi
	assert_int_equal(thread->regs[15], 0x1000);	// r15
	assert_int_equal(thread->pc, 0x1000 + 16);
	assert_int_equal(thread->sp, 0x1000 + 19);
	assert_int_equal(thread->tls, 0x1000 + 21);
	assert_int_equal(image->threads.data[1].tid, 78);
	uint64_t entry;
	assert_true(hg_image_auxv(image, AT_ENTRY, &entry));
	assert_int_equal(entry, 0x401000);
	assert_false(hg_image_auxv(image, AT_PHDR, &entry));
	hg_image_destroy(image);
}

static void test_reads_memory(void **state)
{
	(void)state;
	make_plain("plain.core");
	struct hg_image *image = open_core("plain.core", NULL);
	assert_int_equal(image->missing_bytes, 0);
	assert_int_equal(image->segment_count, 4);
	uint8_t buf[0x5000];
	// Neighbours of other protection are one memory all the same.
	assert_true(hg_image_read(image, 0x10000, buf, sizeof(buf)));
	assert_true(core_is_pattern(buf, 0x10000, sizeof(buf)));
	assert_false(hg_image_read(image, 0x10000, buf, sizeof(buf) + 1));
	assert_non_null(hg_image_view(image, 0x12000, 0x3000));
	assert_null(hg_image_view(image, 0x12000, 0x3001));
	assert_null(hg_image_view(image, 0xffff, 1));
	assert_null(hg_image_view(image, 0x30000, 1));
	assert_null(hg_image_view(image, UINT64_MAX, 1));
	assert_false(hg_image_read(image, UINT64_MAX - 3, buf, 16));
	assert_int_equal(hg_image_segment(image, 0x30fff)->present, 0);
	uint64_t size, value;
	assert_non_null(hg_image_view_some(image, 0x14ff8, &size));
	assert_int_equal(size, 8);
	assert_true(hg_image_uint(image, 0x20008, 2, &value));
	assert_int_equal(value, (0x20008 * 0x9e3779b97f4a7c15u) & 0xffff);
	assert_false(hg_image_uint(image, 0x20008, 3, &value));
	assert_true(hg_image_u64(image, 0x20ff8, &value));
	assert_false(hg_image_u64(image, 0x20ff9, &value));
	hg_image_destroy(image);
}

static void test_many_segments(void **state)
{
	(void)state;
	enum { COUNT = 70000 };
	struct hg_core_segment *segments = calloc(COUNT, sizeof(*segments));
	assert_non_null(segments);
	for (size_t i = 0; i < COUNT; i++)
		segments[i] = (struct hg_core_segment){.addr = 0x100000 + i * 0x2000,
						       .size = 0x1000,
						       .file_size = 0x1000,
						       .prot = RW};
	hg_note_buffer notes = {0};
	core_add_thread(&notes, 1, 0);
	core_write("many.core", segments, COUNT, &notes);
	hg_vec_deinit(&notes);
	free(segments);
	struct hg_image *image = open_core("many.core", NULL);
	assert_int_equal(image->segment_count, COUNT);
	for (size_t i = 0; i < COUNT; i += 997)
		assert_true(core_is_pattern(hg_image_view(image, 0x100000 + i * 0x2000, 0x1000),
					    0x100000 + i * 0x2000, 0x1000));
	hg_image_destroy(image);

	// As the kernel does it, the section header with the count stands at the end, and may be lost.
	const int fd = open("many.core", O_RDWR | O_CLOEXEC);
	const uint64_t nowhere = (uint64_t)1 << 40;
	assert_int_equal(pwrite(fd, &nowhere, 8, offsetof(Elf64_Ehdr, e_shoff)), 8);
	close(fd);
	image = open_core("many.core", NULL);
	assert_int_equal(image->segment_count, COUNT);
	hg_image_destroy(image);
	unlink("many.core");
}

static uint64_t present_bytes(const struct hg_image *image)
{
	uint64_t present = 0;
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct hg_segment *segment = &image->segments[i];
		present += segment->present;
		if (segment->present)
			assert_true(core_is_pattern(segment->bytes, segment->addr,
						    segment->present & ~(uint64_t)7));
	}
	return present;
}

static void test_truncated(void **state)
{
	(void)state;
	make_plain("plain.core");
	size_t size;
	hg_autofree uint8_t *data = core_read_file("plain.core", &size);
	for (unsigned i = 0; i < 200; i++) {
		const size_t cut = size * i / 200;
		core_write_file("cut.core", data, cut);
		struct hg_image *image = NULL;
		hg_cleanup(hg_error_destroyp) struct hg_error *err =
			hg_image_open_core("cut.core", NULL, &image);
		if (err) {
			assert_true(strstr(err->message, "cut.core") != NULL);
			assert_true(cut < 0x160);
			continue;
		}
		if (cut > 0x160) {
			assert_int_equal(present_bytes(image) + image->missing_bytes, 0x6000);
			assert_true(has_note(image, "core is cut short"));
		}
		hg_image_destroy(image);
	}
}

static void test_refuses(void **state)
{
	(void)state;
	expect_error("absent.core", NULL, "No such file");
	expect_error(".", NULL, "is a directory");
	expect_error("/dev/null", NULL, "is not a regular file");
	core_write_file("bad", "", 0);
	expect_error("bad", NULL, "is empty");
	core_write_file("bad", "hello, world", 12);
	expect_error("bad", NULL, "is not an ELF file");
	uint8_t exe[3 * CORE_PAGE];
	core_make_exe(exe, 1);
	core_write_file("bad", exe, sizeof(exe));
	expect_error("bad", NULL, "is not a core file but an executable");
	core_write_file("bad", exe, 20);
	expect_error("bad", NULL, "cut short");
	make_plain("plain.core");
	size_t size;
	hg_autofree uint8_t *core = core_read_file("plain.core", &size);
	core[EI_CLASS] = ELFCLASS32;
	core_write_file("bad", core, size);
	expect_error("bad", NULL, "32-bit");
	core[18] = EM_ARM;
	core_write_file("bad", core, size);
	expect_error("bad", NULL, "is for arm, only x86-64 and arm64 are supported");
	core[EI_DATA] = ELFDATA2MSB;
	core_write_file("bad", core, size);
	expect_error("bad", NULL, "big-endian");
	if (geteuid() != 0) {
		assert_int_equal(chmod("bad", 0), 0);
		expect_error("bad", NULL, "Permission denied");
	}
}

static void make_with_exe(const char *exe_path, uint64_t header_in_core)
{
	const struct hg_core_segment segments[] = {
		{.addr = 0x400000,
		 .size = 0x1000,
		 .file_size = header_in_core,
		 .prot = HG_PROT_READ},
		{.addr = 0x401000, .size = 0x1000, .prot = RX},
		{.addr = 0x402000, .size = 0x1000, .prot = RW},
		{.addr = 0x800000, .size = 0x1000, .file_size = 0x1000, .prot = RW},
	};
	const struct core_mapped files[] = {
		{0x400000, 0x401000, 0, exe_path},
		{0x401000, 0x402000, 1, exe_path},
		{0x402000, 0x403000, 2, exe_path},
	};
	hg_note_buffer notes = {0};
	core_add_thread(&notes, 1, 0);
	core_add_auxv(&notes, AT_ENTRY, 0x401000);
	core_add_files(&notes, files, ARRAY_SIZE(files));
	struct hg_core_writer writer = {.fd = core_create("exe.core"), .path = "exe.core"};
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++)
		core_ok(hg_core_add_segment(&writer, segments[i]));
	core_ok(hg_core_write_headers(&writer, &hg_arch_x86_64, notes.data, notes.count));
	uint8_t exe[3 * CORE_PAGE];
	core_make_exe(exe, 1);
	core_ok(hg_core_write_memory(&writer, 0x400000, exe, CORE_PAGE));
	core_pattern(exe, 0x800000, CORE_PAGE);
	core_ok(hg_core_write_memory(&writer, 0x800000, exe, CORE_PAGE));
	close(writer.fd);
	hg_core_writer_deinit(&writer);
	hg_vec_deinit(&notes);
}

static void write_exe(const char *path, uint8_t build)
{
	uint8_t exe[3 * CORE_PAGE];
	core_make_exe(exe, build);
	core_write_file(path, exe, sizeof(exe));
}

static void assert_filled(const struct hg_image *image)
{
	assert_int_equal(image->missing_bytes, 0);
	const uint8_t *text = hg_image_view(image, 0x401000, CORE_PAGE);
	const uint8_t *data = hg_image_view(image, 0x402000, CORE_PAGE);
	assert_true(text && core_is_pattern(text, 0x401000, CORE_PAGE));
	assert_true(data && core_is_pattern(data, 0x402000, CORE_PAGE));
	assert_true(hg_image_segment(image, 0x401000)->from_file);
}

static void test_fills_from_exe(void **state)
{
	const char *folder = *state;
	hg_autofree char *path = NULL;
	assert_true(asprintf(&path, "%s/exe", folder) > 0);
	write_exe("exe", 1);
	make_with_exe(path, CORE_PAGE);
	struct hg_image *image = open_core("exe.core", NULL);
	assert_filled(image);
	assert_string_equal(image->exe, path);
	assert_int_equal(image->notes.count, 0);
	const char *problem;
	assert_non_null(hg_image_elf(image, path, &problem));
	assert_null(problem);
	assert_null(hg_image_elf(image, "/nowhere", &problem));
	assert_non_null(problem);
	hg_image_destroy(image);
}

static void test_missing_exe(void **state)
{
	(void)state;
	make_with_exe("/gone/app", CORE_PAGE);
	struct hg_image *image = open_core("exe.core", NULL);
	assert_null(image->exe);
	assert_null(hg_image_view(image, 0x401000, 1));
	assert_int_equal(image->missing_bytes, 0x2000);
	assert_true(has_note(image, "/gone/app"));
	hg_image_destroy(image);

	write_exe("moved", 1);
	image = open_core("exe.core", &(struct hg_image_options){.exe = "moved"});
	assert_filled(image);
	assert_string_equal(image->exe, "moved");
	hg_image_destroy(image);

	assert_true(!mkdir("root", 0700) || access("root", F_OK) == 0);
	assert_true(!mkdir("root/gone", 0700) || access("root/gone", F_OK) == 0);
	write_exe("root/gone/app", 1);
	image = open_core("exe.core", &(struct hg_image_options){.sysroot = "root"});
	assert_filled(image);
	assert_string_equal(image->exe, "root/gone/app");
	hg_image_destroy(image);
}

static void test_other_build(void **state)
{
	const char *folder = *state;
	hg_autofree char *path = NULL;
	assert_true(asprintf(&path, "%s/exe", folder) > 0);
	write_exe("exe", 2);
	make_with_exe(path, CORE_PAGE);
	struct hg_image *image = open_core("exe.core", NULL);
	assert_null(image->exe);
	assert_int_equal(image->missing_bytes, 0x2000);
	assert_true(has_note(image, "is of another build"));
	const char *problem;
	assert_null(hg_image_elf(image, path, &problem));
	assert_true(strstr(problem, "another build") != NULL);
	hg_image_destroy(image);
	expect_error("exe.core", &(struct hg_image_options){.exe = "exe"}, "is of another build");
	expect_error("exe.core", &(struct hg_image_options){.exe = "none"}, "cannot open 'none'");
}

/** What was cut off a truncated core is never taken from the file: it may have been written to. */
static void test_truncated_is_not_filled(void **state)
{
	const char *folder = *state;
	hg_autofree char *path = NULL;
	assert_true(asprintf(&path, "%s/exe", folder) > 0);
	write_exe("exe", 1);
	const struct hg_core_segment segments[] = {
		{.addr = 0x402000, .size = 0x1000, .file_size = 0x1000, .prot = RW},
	};
	const struct core_mapped files[] = {{0x402000, 0x403000, 2, path}};
	hg_note_buffer notes = {0};
	core_add_files(&notes, files, 1);
	core_write("exe.core", segments, 1, &notes);
	hg_vec_deinit(&notes);
	size_t size;
	hg_autofree uint8_t *data = core_read_file("exe.core", &size);
	core_write_file("exe.core", data, size - 0x1000);
	struct hg_image *image = open_core("exe.core", NULL);
	assert_null(hg_image_view(image, 0x402000, 1));
	assert_int_equal(image->missing_bytes, 0x1000);
	hg_image_destroy(image);
}

static void test_hostile_segments(void **state)
{
	(void)state;
	make_plain("plain.core");
	size_t size;
	hg_autofree uint8_t *data = core_read_file("plain.core", &size);
	srand(1);
	for (unsigned round = 0; round < 3000; round++) {
		hg_autofree uint8_t *copy = malloc(size);
		assert_non_null(copy);
		memcpy(copy, data, size);
		for (unsigned i = 0; i < 1 + round % 8; i++) {
			static const uint64_t values[] = {0,
							  1,
							  0x1000,
							  UINT64_MAX,
							  (uint64_t)1 << 63,
							  0xffffffff,
							  0x11fff,
							  0xfffffffffffff000};
			const size_t at = 16 + (size_t)rand() % 0x600;
			if (rand() % 2)
				core_put_u64(copy + (at & ~(size_t)7),
					     values[(size_t)rand() % ARRAY_SIZE(values)]);
			else
				copy[at] = (uint8_t)rand();
		}
		core_write_file("bad", copy, size);
		struct hg_image *image = NULL;
		hg_error_destroy(hg_image_open_core("bad", NULL, &image));
		for (size_t i = 0; image && i < image->segment_count; i++) {
			const struct hg_segment *segment = &image->segments[i];
			assert_true(segment->size && segment->present <= segment->size);
			assert_true(!i || segment[-1].addr + segment[-1].size <= segment->addr);
			volatile uint8_t sum = 0;
			for (uint64_t j = 0; j < segment->present; j += 64)
				sum = (uint8_t)(sum + segment->bytes[j]);
		}
		hg_image_destroy(image);
	}
}

static size_t gzip(const uint8_t *data, size_t size, uint8_t *packed, size_t room)
{
	z_stream stream = {.next_in = (Bytef *)data,
			   .avail_in = (unsigned)size,
			   .next_out = packed,
			   .avail_out = (unsigned)room};
	assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	return stream.total_out;
}

/** Opens what was compressed, cut at 50 places: the more there is, the less is missing. */
static void check_compressed(const uint8_t *packed, size_t size)
{
	uint64_t before = 0;
	for (unsigned i = 0; i <= 50; i++) {
		core_write_file("packed", packed, size * i / 50);
		struct hg_image *image = NULL;
		hg_cleanup(hg_error_destroyp) struct hg_error *err =
			hg_image_open_core("packed", NULL, &image);
		const uint64_t present = err ? 0 : present_bytes(image);
		assert_true(present >= before);
		before = present;
		assert_true(err || (i < 50) == has_note(image, "is cut short or damaged"));
		hg_image_destroy(image);
	}
	assert_int_equal(before, 0x6000);
}

static void test_compressed(void **state)
{
	(void)state;
	make_plain("plain.core");
	size_t size;
	hg_autofree uint8_t *data = core_read_file("plain.core", &size);
	const size_t room = size * 2 + 4096;
	hg_autofree uint8_t *packed = malloc(room);
	assert_non_null(packed);
	size_t packed_size = gzip(data, size, packed, room);
	check_compressed(packed, packed_size);
	// Two members, one behind the other, and filling behind them.
	packed_size = gzip(data, size / 2, packed, room);
	packed_size +=
		gzip(data + size / 2, size - size / 2, packed + packed_size, room - packed_size);
	memset(packed + packed_size, 0, 100);
	core_write_file("packed", packed, packed_size + 100);
	struct hg_image *image = open_core("packed", NULL);
	assert_int_equal(present_bytes(image), 0x6000);
	assert_int_equal(image->notes.count, 0);
	hg_image_destroy(image);
	check_compressed(packed, ZSTD_compress(packed, room, data, size, 3));
	core_write_file("packed", packed, gzip((const uint8_t *)"hello", 5, packed, room));
	expect_error("packed", NULL, "is not an ELF file");
}

static int enter_folder(void **state)
{
	char folder[] = "/tmp/test_image_core.XXXXXX";
	if (!mkdtemp(folder) || chdir(folder))
		return -1;
	*state = strdup(folder);
	return 0;
}

static int leave_folder(void **state)
{
	static const char *const files[] = {"plain.core", "cut.core", "bad",	       "exe",
					    "moved",	  "exe.core", "root/gone/app", "packed"};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlink(files[i]);
	rmdir("root/gone");
	rmdir("root");
	const int failed = rmdir(*state);
	free(*state);
	return failed;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_notes),
		cmocka_unit_test(test_reads_memory),
		cmocka_unit_test(test_many_segments),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_fills_from_exe),
		cmocka_unit_test(test_missing_exe),
		cmocka_unit_test(test_other_build),
		cmocka_unit_test(test_truncated_is_not_filled),
		cmocka_unit_test(test_hostile_segments),
		cmocka_unit_test(test_compressed),
	};
	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
