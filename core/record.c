#include "core/record.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/human.h"
#include "core/image.h"
#include "core/image_build.h"

static const struct {
	const char *why, *words;
} reasons[] = {
	{"asked", "left out because the program wants that (MADV_DONTDUMP, MADV_WIPEONFORK)"},
	{"device", "left out: memory of a device"},
	{"copy", "left out: kept out of copies (MADV_DONTFORK), and too large to be copied while "
		 "the process stood"},
	{"moving",
	 "of a later time: shared memory, too large to be copied while the process stood"},
	{"failed", "missing: could not be read"},
};

struct sums {
	uint64_t bytes[ARRAY_SIZE(reasons)];
	uint64_t ranges[ARRAY_SIZE(reasons)];
};

static void add_range(struct sums *sums, const char *line)
{
	uint64_t start, end;
	char why[16];
	if (sscanf(line, "left_out %" SCNx64 " %" SCNx64 " %15s", &start, &end, why) != 3 ||
	    start >= end)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (strcmp(why, reasons[i].why))
			continue;
		sums->ranges[i]++;
		if (__builtin_add_overflow(sums->bytes[i], end - start, &sums->bytes[i]))
			sums->bytes[i] = UINT64_MAX;
	}
}

static struct hg_error *add_notes(struct hg_image *image, const struct sums *sums)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (!sums->ranges[i])
			continue;
		struct hg_text text = {0};
		hg_human_bytes(&text, sums->bytes[i]);
		hg_text_add(&text, " in ");
		hg_human_things(&text, sums->ranges[i], "range");
		struct hg_error *err =
			hg_image_notef(image, "%s: %s", hg_text_str(&text), reasons[i].words);
		hg_text_deinit(&text);
		if (err)
			return err;
	}
	return NULL;
}

static struct hg_error *add_hidden(struct hg_image *image, const char *line)
{
	uint64_t bytes;
	if (sscanf(line, "hidden_bytes %" SCNu64, &bytes) != 1)
		return NULL;
	struct hg_text text = {0};
	hg_human_bytes(&text, bytes);
	struct hg_error *err = hg_image_notef(image,
					      "contents of pointer-free objects were left out "
					      "(%s), and arguments and environment",
					      hg_text_str(&text));
	hg_text_deinit(&text);
	return err;
}

struct hg_error *hg_record_read(struct hg_image *image, const char *text, size_t size)
{
	struct sums sums = {0};
	char line[128];
	for (size_t at = 0; at < size && text[at];) {
		const char *end = memchr(text + at, '\n', size - at);
		const size_t length = end ? (size_t)(end - text) - at : size - at;
		snprintf(line, sizeof(line), "%.*s", (int)(length < 127 ? length : 127), text + at);
		at += length + 1;
		add_range(&sums, line);
		struct hg_error *err = add_hidden(image, line);
		if (err)
			return err;
		if (strcmp(line, "consistent no") || image->inconsistent)
			continue;
		image->inconsistent = true;
		err = hg_image_notef(image,
				     "copied while the process ran: this is no instant of it, and "
				     "references may lead astray");
		if (err)
			return err;
	}
	return add_notes(image, &sums);
}
