#include "core/capture_record.h"

#include <inttypes.h>
#include <time.h>

#include "core/base/version.h"

#define LINE_MAX_BYTES 64
#define RANGES_MAX 1024

static void add_figures(const struct hg_snapshot *snapshot, struct hg_text *ret)
{
	const struct hg_proc_status *status = &snapshot->at_stop;
	const struct {
		const char *name;
		uint64_t bytes;
	} figures[] = {
		{"rss", status->rss_bytes},	      {"anonymous", status->anonymous_bytes},
		{"file", status->file_bytes},	      {"shared", status->shared_bytes},
		{"swap", status->swap_bytes},	      {"huge", snapshot->facts.huge},
		{"hugetlb", snapshot->facts.hugetlb}, {"locked", snapshot->facts.locked},
		{"missing", snapshot->missing_bytes},
	};
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		hg_text_printf(ret, "%s_bytes %" PRIu64 "\n", figures[i].name, figures[i].bytes);
	hg_text_printf(ret, "threads %zu\n", snapshot->threads.count);
}

struct listing {
	struct hg_text *text;
	size_t room, left;
	uint64_t left_bytes;
};

static void add_range(struct listing *listing, uint64_t addr, uint64_t size, enum hg_absence why)
{
	static const char *const words[] = {"asked", "device", "copy", "moving", "failed"};
	if (listing->text->length + 2 * LINE_MAX_BYTES > listing->room) {
		listing->left++;
		listing->left_bytes += size;
		return;
	}
	hg_text_printf(listing->text, "left_out %" PRIx64 " %" PRIx64 " %s\n", addr, addr + size,
		       words[why]);
}

static void add_ranges(const struct hg_snapshot *snapshot, struct listing *listing)
{
	for (size_t i = 0; i < snapshot->omitted.count; i++) {
		const struct hg_absent *absent = &snapshot->omitted.data[i];
		add_range(listing, absent->addr, absent->size, absent->why);
	}
	for (size_t i = 0; i < snapshot->specials.count; i++) {
		const struct hg_special *special = &snapshot->specials.data[i];
		if (snapshot->mode == HG_CAPTURE_FORK && !special->is_saved)
			add_range(listing, special->start, special->end - special->start,
				  special->shared ? HG_ABSENT_MOVING : HG_ABSENT_COPY);
	}
	for (size_t i = 0; i < snapshot->gaps.count; i++)
		add_range(listing, snapshot->gaps.data[i].addr, snapshot->gaps.data[i].size,
			  HG_ABSENT_FAILED);
}

size_t hg_snapshot_record_room(const struct hg_snapshot *snapshot)
{
	size_t ranges = snapshot->omitted.count + snapshot->specials.count + 64;
	if (ranges > RANGES_MAX)
		ranges = RANGES_MAX;
	return 1024 + ranges * LINE_MAX_BYTES;
}

void hg_snapshot_record(const struct hg_snapshot *snapshot, size_t room, struct hg_text *ret)
{
	hg_text_printf(ret,
		       "heapgraph %s\nmode %s\ntime %lld\npause_us %" PRIu64 "\nconsistent %s\n",
		       HG_VERSION, hg_capture_mode_name(snapshot->mode), (long long)time(NULL),
		       snapshot->stopped_us, snapshot->mode == HG_CAPTURE_NO_STOP ? "no" : "yes");
	if (snapshot->hidden_bytes)
		hg_text_printf(ret, "hidden_bytes %" PRIu64 "\n", snapshot->hidden_bytes);
	add_figures(snapshot, ret);
	struct listing listing = {.text = ret, .room = room};
	add_ranges(snapshot, &listing);
	if (listing.left)
		hg_text_printf(ret, "more %zu %" PRIu64 "\n", listing.left, listing.left_bytes);
}
