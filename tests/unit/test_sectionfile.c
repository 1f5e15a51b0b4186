#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "graph/sectionfile.h"

struct bytes {
	uint8_t *data;
	uint64_t size;
};

/** A file of three sections: text, nothing, and 100,000 numbers. */
static struct bytes make(bool compress)
{
	static uint32_t numbers[100000];
	for (uint32_t i = 0; i < 100000; i++)
		numbers[i] = i / 7;
	const int fd = memfd_create("sections", MFD_CLOEXEC);
	assert_true(fd >= 0);
	struct hg_section_writer writer = {.fd = fd, .path = "made", .compress = compress};
	assert_null(hg_section_write(&writer, "text", "hello", 5));
	assert_null(hg_section_write(&writer, "nothing", NULL, 0));
	assert_null(hg_section_write(&writer, "numbers", numbers, sizeof(numbers)));
	assert_null(hg_section_finish(&writer));
	struct bytes ret = {.size = (uint64_t)lseek(fd, 0, SEEK_END)};
	ret.data = malloc(ret.size);
	assert_non_null(ret.data);
	assert_int_equal(pread(fd, ret.data, ret.size, 0), ret.size);
	close(fd);
	return ret;
}

static void check_all(const struct bytes *made)
{
	struct hg_section_file *file;
	const void *data;
	uint64_t size;
	assert_null(hg_section_file_open_bytes("made", made->data, made->size, &file));
	assert_null(hg_section_get(file, "text", &data, &size));
	assert_int_equal(size, 5);
	assert_memory_equal(data, "hello", 5);
	assert_null(hg_section_get(file, "nothing", &data, &size));
	assert_null(data);
	assert_null(hg_section_get(file, "absent", &data, &size));
	assert_null(data);
	for (unsigned twice = 0; twice < 2; twice++) {
		assert_null(hg_section_get(file, "numbers", &data, &size));
		assert_int_equal(size, 400000);
		assert_int_equal((uintptr_t)data % 8, 0);
		assert_int_equal(((const uint32_t *)data)[99999], 99999 / 7);
	}
	hg_section_file_close(file);
}

static void gives_back_what_was_written(void **state)
{
	(void)state;
	struct bytes plain = make(false), packed = make(true);
	check_all(&plain);
	check_all(&packed);
	assert_true(packed.size < plain.size / 2);
	free(plain.data);
	free(packed.data);
}

/** Opens a copy of that many bytes and reads all of it: true where nothing was found wrong. */
static bool is_accepted(const struct bytes *made, uint64_t size)
{
	static const char *const names[] = {"text", "nothing", "numbers"};
	uint8_t *copy = malloc(size + 1);
	assert_non_null(copy);
	memcpy(copy, made->data, size);
	struct hg_section_file *file = NULL;
	struct hg_error *err = hg_section_file_open_bytes("made", copy, size, &file);
	for (unsigned i = 0; i < 3 && !err; i++) {
		const void *data;
		uint64_t length;
		err = hg_section_get(file, names[i], &data, &length);
	}
	const bool accepted = !err;
	assert_true(!err || (err->code == HG_ERROR_FORMAT || err->code == HG_ERROR_UNSUPPORTED));
	hg_error_destroy(err);
	hg_section_file_close(file);
	free(copy);
	return accepted;
}

static void refuses_what_is_cut(void **state)
{
	(void)state;
	struct bytes made = make(false);
	assert_true(is_accepted(&made, made.size));
	for (uint64_t size = 0; size < made.size; size += size < 5000 ? 7 : 9973)
		assert_false(is_accepted(&made, size));
	free(made.data);
}

/** Every bit of a section and of the table counts; gaps between sections may hold anything. */
static void refuses_flipped_bits(void **state)
{
	(void)state;
	for (unsigned compress = 0; compress < 2; compress++) {
		struct bytes made = make(compress);
		const uint64_t sections = (32 + 64 * HG_SECTIONS_MAX + 63) / 64 * 64;
		for (uint64_t at = 0; at < made.size; at += at < 600 ? 1 : 997) {
			const bool gap = (at >= sections + 5 && at < sections + 64) ||
					 (at >= 32 + 64 * HG_SECTIONS_MAX && at < sections);
			made.data[at] ^= 0x10;
			assert_true(gap || !is_accepted(&made, made.size));
			made.data[at] ^= 0x10;
		}
		free(made.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_was_written),
		cmocka_unit_test(refuses_what_is_cut),
		cmocka_unit_test(refuses_flipped_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
