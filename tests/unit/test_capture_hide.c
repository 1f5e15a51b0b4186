#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/capture_hide.h"
#include "core/image.h"

#define PAGE 4096
#define START 0x10000ull
#define SIZE (600ull * PAGE) // more than two windows

/** A core of two segments, of which the second has one page in the file; all bytes that it has are x. */
static void make_core(struct hg_core_writer *writer)
{
	*writer = (struct hg_core_writer){.fd = memfd_create("core", 0), .path = "core"};
	const struct hg_core_segment segments[] = {
		{.addr = START, .size = SIZE, .file_size = SIZE, .prot = 3},
		{.addr = START + SIZE, .size = 2 * PAGE, .file_size = PAGE, .prot = 1},
	};
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++)
		assert_null(hg_core_add_segment(writer, segments[i]));
	assert_null(hg_core_write_headers(writer, hg_arch_host(), NULL, 0));
	hg_autofree uint8_t *bytes = malloc(SIZE);
	assert_non_null(bytes);
	memset(bytes, 'x', SIZE);
	assert_null(hg_core_write_memory(writer, START, bytes, SIZE));
	assert_null(hg_core_write_memory(writer, START + SIZE, bytes, PAGE));
}

static uint64_t blocks(const struct hg_core_writer *writer)
{
	struct stat status;
	assert_int_equal(fstat(writer->fd, &status), 0);
	return (uint64_t)status.st_blocks / 8;
}

static void fill(hg_hidden_list *list, uint8_t *expected)
{
	srand(1);
	for (unsigned i = 0; i < 500; i++) {
		const uint64_t addr = (uint64_t)rand() % SIZE;
		uint64_t size = (uint64_t)rand() % (i % 10 ? 60 : 4 * PAGE);
		size = addr + size > SIZE ? SIZE - addr : size;
		struct hg_hidden *place = hg_vec_push(list);
		assert_non_null(place);
		*place = (struct hg_hidden){START + addr, size};
		memset(expected + addr, 0, size);
	}
}

/** In the file and in an image, against the same done byte by byte. */
static void test_both(void **state)
{
	(void)state;
	struct hg_core_writer writer;
	make_core(&writer);
	hg_autofree uint8_t *expected = malloc(SIZE);
	hg_autofree uint8_t *got = malloc(SIZE);
	assert_true(expected && got);
	memset(expected, 'x', SIZE);
	hg_hidden_list list = {0};
	fill(&list, expected);
	hg_hide_tidy(&list);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writer.fd);
	struct hg_image *image;
	assert_null(hg_image_open_core(path, NULL, &image));
	assert_null(hg_image_hide(image, list.data, list.count));
	assert_true(hg_image_read(image, START, got, SIZE));
	assert_memory_equal(got, expected, SIZE);
	hg_image_destroy(image);
	assert_null(hg_image_open_core(path, NULL, &image));
	assert_true(hg_image_read(image, START, got, 1) &&
		    got[0] == 'x'); // the file has not changed
	hg_image_destroy(image);

	uint64_t hidden, sum = 0;
	for (size_t i = 0; i < list.count; i++)
		sum += list.data[i].size;
	assert_null(hg_hide_contents(&writer, &list, &hidden));
	assert_int_equal(hidden, sum);
	assert_int_equal(pread(writer.fd, got, SIZE, (off_t)writer.segments.data[0].offset), SIZE);
	assert_memory_equal(got, expected, SIZE);
	hg_vec_deinit(&list);
	close(writer.fd);
	hg_core_writer_deinit(&writer);
}

/** Over the end of what is in the file, and where no segment is; whole pages are given back. */
static void test_edges(void **state)
{
	(void)state;
	struct hg_core_writer writer;
	make_core(&writer);
	const uint64_t before = blocks(&writer);
	hg_hidden_list list = {0};
	const struct hg_hidden ranges[] = {
		{START + SIZE + PAGE - 1, 1 << 20}, {0, START + 10}, {START + 5, 0}};
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		*hg_vec_push(&list) = ranges[i];
	uint64_t hidden;
	assert_null(hg_hide_contents(&writer, &list, &hidden));
	assert_int_equal(hidden, 11);
	assert_int_equal(blocks(&writer), before);
	list.count = 0;
	*hg_vec_push(&list) = (struct hg_hidden){START + 1, SIZE / 2};
	assert_null(hg_hide_contents(&writer, &list, &hidden));
	assert_int_equal(hidden, SIZE / 2);
	assert_true(blocks(&writer) + SIZE / 2 / PAGE - 2 <= before);
	uint8_t byte = 0;
	assert_int_equal(pread(writer.fd, &byte, 1, (off_t)writer.segments.data[0].offset + 10), 1);
	assert_int_equal(byte, 0);
	hg_vec_deinit(&list);
	close(writer.fd);
	hg_core_writer_deinit(&writer);
}

/** Arguments and environment of this process, and a command line without them. */
static void test_arguments(void **state)
{
	(void)state;
	struct hg_snapshot snapshot = {.pid = (uint32_t)getpid(), .cmdline = strdup("a secret")};
	assert_null(hg_hide_arguments(&snapshot));
	const uint64_t home = (uint64_t)(uintptr_t)environ[0];
	assert_true(home - snapshot.arguments.addr < snapshot.arguments.size);
	assert_null(strstr(snapshot.cmdline, "secret"));
	assert_int_equal(snapshot.cmdline_size, strlen(snapshot.cmdline));
	free(snapshot.cmdline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
