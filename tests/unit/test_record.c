#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/capture_record.h"
#include "core/image.h"
#include "core/image_build.h"
#include "core/record.h"

static struct hg_image *read_record(const char *text, size_t size)
{
	struct hg_image *image;
	assert_null(hg_image_create(HG_IMAGE_CORE, NULL, &image));
	assert_null(hg_record_read(image, text, size));
	return image;
}

static void test_notes(void **state)
{
	(void)state;
	static const char text[] =
		"heapgraph 0.1.0\nmode no-stop\nconsistent no\nnonsense\n"
		"left_out 1000 3000 asked\nleft_out 5000 6000 asked\n"
		"left_out 9000 8000 asked\nleft_out x y asked\n"
		"left_out 0 ffffffffffffffff moving\nleft_out 0 ffffffffffffffff moving\n"
		"hidden_bytes x\nhidden_bytes 2097152\n"
		"left_out 1 2 unheard-of\n\0left_out 1000 3000 device\n";
	struct hg_image *image = read_record(text, sizeof(text) - 1);
	assert_true(image->inconsistent);
	assert_int_equal(image->notes.count, 4);
	assert_non_null(strstr(image->notes.data[0], "no instant"));
	assert_non_null(strstr(image->notes.data[1], "left out (2.0 MiB)"));
	assert_non_null(strstr(image->notes.data[2], "12.0 KiB in 2 ranges: left out"));
	assert_non_null(strstr(image->notes.data[3], "2 ranges: of a later time"));
	hg_image_destroy(image);
	for (size_t size = 0; size < sizeof(text); size++)
		hg_image_destroy(read_record(text, size));
}

static void test_written(void **state)
{
	(void)state;
	struct hg_snapshot snapshot = {.mode = HG_CAPTURE_FORK, .stopped_us = 1234};
	struct hg_gap *gap = hg_vec_push(&snapshot.gaps);
	*gap = (struct hg_gap){0x1000, 0x1000};
	struct hg_absent *absent = hg_vec_push(&snapshot.omitted);
	*absent = (struct hg_absent){0x8000, 0x2000, HG_ABSENT_DEVICE};
	struct hg_text text = {0};
	hg_snapshot_record(&snapshot, 4096, &text);
	assert_non_null(strstr(hg_text_str(&text), "mode fork\n"));
	assert_null(strstr(hg_text_str(&text), "hidden"));
	assert_non_null(strstr(hg_text_str(&text), "pause_us 1234\n"));
	assert_non_null(strstr(hg_text_str(&text), "left_out 8000 a000 device\n"));
	assert_non_null(strstr(hg_text_str(&text), "left_out 1000 2000 failed\n"));
	struct hg_image *image = read_record(hg_text_str(&text), text.length);
	assert_false(image->inconsistent);
	assert_int_equal(image->notes.count, 2);
	hg_image_destroy(image);
	// Room for a few of many.
	for (uint64_t i = 0; i < 1000; i++) {
		gap = hg_vec_push(&snapshot.gaps);
		*gap = (struct hg_gap){0x100000 + i * 0x2000, 0x1000};
	}
	hg_text_cut(&text, 0);
	const size_t room = hg_snapshot_record_room(&snapshot);
	hg_snapshot_record(&snapshot, room, &text);
	assert_true(text.length <= room);
	assert_non_null(strstr(hg_text_str(&text), "\nmore "));
	hg_text_deinit(&text);
	hg_vec_deinit(&snapshot.gaps);
	hg_vec_deinit(&snapshot.omitted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
