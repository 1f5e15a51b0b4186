// The whole way from a Go program's memory to a report, over a small program made by hand (tests/synth/go_heap.h) whose
// words the input damages. References must agree with the dominator tree, and no more may be live than is in use.
//
// Input: 0  1  release
//        1  1  report
//        2  8  damage, repeated: 1 how (enum below, | ANY for any word instead of one that was in use, | PART for some
//              bytes of it), 2 which word, 4 value, 1 which bytes

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "graph/analysis.h"
#include "graph/analysis_private.h"
#include "tests/synth/go_heap.h"

enum {
	SET,
	SET_SIGNED,
	SET_BIT,
	SET_POINTER, // to any word
	SET_COPY,    // of another word
	ADD,
	SET_HIGH,
	ZEROS, // from there on
	ANY = 8,
	PART = 16,
	MAX_DAMAGE = 64,
	BITMAP_USED = 4096, // bytes of it that words of the heap have
};

static const unsigned releases[] = {18, 19, 21, 22, 23, 24, 25, 26};
static const struct {
	const char *name;
	struct hg_report_args args;
} reports[] = {
	{"analyze", {0}},
	{"top", {.by = "type", .exact = true}},
	{"top", {.by = "object"}},
	{"top", {.by = "root"}},
	{"top", {.by = "package"}},
	{"top", {.by = "goroutine"}},
	{"why", {.target = "main.T"}},
	{"why", {.target = "0xc000000040"}},
	{"why", {.target = "main.maps"}},
	{"why", {.target = "goroutine 1"}},
};

/** A made-up program, and what its memory was before the damage. */
struct subject {
	struct go_heap now, before;
	uint64_t words[1 << 13]; // addresses of those in use
	uint64_t word_count;
};

static uint64_t part_used(unsigned part, const struct go_heap_part *p)
{
	return part == GO_PART_BITMAP ? BITMAP_USED : p->size;
}

static struct subject *subject_of(unsigned release)
{
	static struct subject subjects[ARRAY_SIZE(releases)];
	struct subject *s = &subjects[release];
	if (s->word_count)
		return s;
	go_heap_init(&s->now, releases[release]);
	go_heap_init(&s->before, releases[release]);
	for (unsigned i = 0; i < GO_PARTS; i++) {
		const struct go_heap_part *part = &s->now.parts[i];
		for (uint64_t at = 0; at < part_used(i, part); at += 8) {
			if (hg_load_u64(part->bytes + at))
				s->words[s->word_count++] = part->addr + at;
		}
	}
	return s;
}

static uint64_t any_word(const struct subject *s, uint64_t number)
{
	uint64_t total = 0;
	for (unsigned i = 0; i < GO_PARTS; i++)
		total += part_used(i, &s->now.parts[i]) / 8;
	number %= total;
	unsigned part = 0;
	while (number >= part_used(part, &s->now.parts[part]) / 8) {
		number -= part_used(part, &s->now.parts[part]) / 8;
		part++;
	}
	return s->now.parts[part].addr + number * 8;
}

static uint64_t used_word(const struct subject *s, uint64_t number)
{
	return s->words[number % s->word_count];
}

static void damage(struct subject *s, const uint8_t *data)
{
	const uint32_t which = data[1] | (uint32_t)data[2] << 8, number = hg_load_u32(data + 3);
	const uint64_t addr = data[0] & ANY ? any_word(s, which) : used_word(s, which);
	uint8_t *at = go_heap_at(&s->now, addr, 8);
	uint64_t value = hg_load_u64(at);
	switch (data[0] & 7) {
	case SET:
		value = number;
		break;
	case SET_SIGNED:
		value = (uint64_t)(int64_t)(int32_t)number;
		break;
	case SET_BIT:
		value = 1ull << (number % 64);
		break;
	case SET_POINTER:
		value = any_word(s, number);
		break;
	case SET_COPY:
		value = hg_load_u64(go_heap_at(&s->now, used_word(s, number), 8));
		break;
	case ADD:
		value += (uint64_t)(int64_t)(int32_t)number;
		break;
	case SET_HIGH:
		value ^= (uint64_t)number << 32;
		break;
	case ZEROS:
		value = 0;
		break;
	}
	const unsigned offset = data[0] & PART ? data[7] & 7 : 0;
	const unsigned size = data[0] & PART ? 1 + (data[7] >> 3) % (8 - offset) : 8;
	memcpy(at + offset, &value, size);
}

static void restore(struct subject *s)
{
	for (unsigned i = 0; i < GO_PARTS; i++)
		memcpy(s->now.parts[i].bytes, s->before.parts[i].bytes,
		       part_used(i, &s->now.parts[i]));
}

static void ask(struct hg_analysis *a, unsigned report)
{
	hg_assert(a->totals.live_bytes <= a->totals.heap_inuse_bytes);
	struct hg_report *answer = NULL;
	hg_error_destroy(hg_report_create(a, reports[report].name, &reports[report].args, &answer));
	hg_report_destroy(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 2 + 8 * MAX_DAMAGE)
		return 0;
	struct subject *s = subject_of(data[0] % ARRAY_SIZE(releases));
	for (size_t i = 2; i + 8 <= size; i += 8)
		damage(s, data + i);
	struct hg_analysis *a = NULL;
	struct hg_error *err = hg_analysis_of_program(go_heap_program(&s->now),
						      &(struct hg_options){.verify = true}, &a);
	hg_assert(!err || strncmp(err->message, "verify", 6));
	if (!err)
		ask(a, data[1] % ARRAY_SIZE(reports));
	if (getenv("FUZZ_GO_SAY"))
		fprintf(stderr, "%s\n", err ? err->message : "answered");
	hg_error_destroy(err);
	hg_analysis_destroy(a);
	restore(s);
	return 0;
}
