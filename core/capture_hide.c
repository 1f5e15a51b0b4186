#include "core/capture_hide.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/limits.h"

#define PAGE ((uint64_t)4096)
#define WINDOW ((uint64_t)1 << 20)
#define ARGUMENTS_MAX ((uint64_t)16 << 20) // the system allows 6 MiB
#define FIRST_PLACE 48			   // of arg_start among the fields of stat, counted from 1
#define PLACES 4			   // arg_start, arg_end, env_start, env_end

/* ---- arguments ---- */

/** Reads from /proc/PID/stat where arguments and environment lie; they are neighbours, the arguments first. */
static struct hg_error *read_places(uint32_t pid, uint64_t places[PLACES])
{
	hg_autofree char *text = NULL;
	size_t size;
	struct hg_error *err = hg_proc_read(&text, &size, "/proc/%u/stat", pid);
	if (err)
		return err;
	const char *at = strrchr(text, ')'); // the name, field 2, may hold anything
	for (unsigned field = 2; at && field < FIRST_PLACE; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &places[0],
			  &places[1], &places[2], &places[3]) != PLACES)
		return hg_error_create(HG_ERROR_UNSUPPORTED,
				       "'/proc/%u/stat' does not tell where arguments are", pid);
	return NULL;
}

/** The name of the program is all that stays of its command line: debuggers compare it with the executable's. */
static struct hg_error *shorten_cmdline(struct hg_snapshot *snapshot)
{
	char link[64], path[HG_MAX_PATH];
	snprintf(link, sizeof(link), "/proc/%u/exe", snapshot->pid);
	const ssize_t length = readlink(link, path, sizeof(path) - 1);
	path[length < 0 ? 0 : length] = 0;
	const char *slash = strrchr(path, '/');
	char *name = strdup(slash ? slash + 1 : snapshot->status.name);
	if (!name)
		return &hg_enomem;
	free(snapshot->cmdline);
	snapshot->cmdline = name;
	snapshot->cmdline_size = strlen(name);
	return NULL;
}

struct hg_error *hg_hide_arguments(struct hg_snapshot *snapshot)
{
	uint64_t places[PLACES];
	struct hg_error *err = read_places(snapshot->pid, places);
	if (err)
		return err;
	uint64_t start = UINT64_MAX, end = 0;
	for (unsigned i = 0; i < PLACES; i++) {
		start = places[i] && places[i] < start ? places[i] : start;
		end = places[i] > end ? places[i] : end;
	}
	// A program may have moved them (PR_SET_MM): then each of the two would have to be sought.
	if (!end || end - start > ARGUMENTS_MAX)
		return hg_error_create(HG_ERROR_UNSUPPORTED,
				       "process %u does not tell where its arguments and its "
				       "environment are",
				       snapshot->pid);
	snapshot->arguments = (struct hg_hidden){start, end - start};
	return shorten_cmdline(snapshot);
}

/* ---- contents ---- */

static int by_addr(const void *left, const void *right)
{
	const struct hg_hidden *a = left, *b = right;
	return (a->addr > b->addr) - (a->addr < b->addr);
}

void hg_hide_tidy(hg_hidden_list *list)
{
	size_t kept = 0;
	if (list->count)
		qsort(list->data, list->count, sizeof(*list->data), by_addr);
	for (size_t i = 0; i < list->count; i++) {
		const struct hg_hidden next = list->data[i];
		struct hg_hidden *last = kept ? &list->data[kept - 1] : NULL;
		if (last && next.addr <= last->addr + last->size) {
			const uint64_t end = next.addr + next.size;
			if (end > last->addr + last->size)
				last->size = end - last->addr;
		} else if (next.size) {
			list->data[kept++] = next;
		}
	}
	list->count = kept;
}

/** A part of the file that is being changed, so that thousands of small ranges are one write. */
struct window {
	const struct hg_core_writer *writer;
	uint8_t *data;
	uint64_t at, size;
	bool changed[WINDOW /
		     PAGE]; // others are left alone, for a hole would become memory on the disk
};

static struct hg_error *failed(const struct window *window, const char *what)
{
	return hg_error_errno(errno ? errno : EIO, "cannot %s '%s'", what, window->writer->path);
}

static struct hg_error *put(struct window *window, uint64_t at, uint64_t end)
{
	while (at < end) {
		errno = 0;
		const ssize_t put = pwrite(window->writer->fd, window->data + at, end - at,
					   (off_t)(window->at + at));
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return failed(window, "write");
		at += (uint64_t)put;
	}
	return NULL;
}

static struct hg_error *flush(struct window *window)
{
	struct hg_error *err = NULL;
	for (uint64_t page = 0, end; page * PAGE < window->size && !err; page = end) {
		for (end = page; end * PAGE < window->size && window->changed[end];)
			end++;
		const uint64_t to = end * PAGE < window->size ? end * PAGE : window->size;
		if (end > page)
			err = put(window, page * PAGE, to);
		else
			end++;
	}
	memset(window->changed, 0, sizeof(window->changed));
	return err;
}

static struct hg_error *load(struct window *window, uint64_t offset)
{
	struct hg_error *err = flush(window);
	if (err)
		return err;
	window->at = offset & ~(PAGE - 1);
	window->size = 0;
	while (window->size < WINDOW) {
		errno = 0;
		const ssize_t got =
			pread(window->writer->fd, window->data + window->size,
			      WINDOW - window->size, (off_t)(window->at + window->size));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return failed(window, "read");
		if (!got)
			break;
		window->size += (uint64_t)got;
	}
	return NULL;
}

/** Zeros of one page that is in the window. */
static void clear_in_page(struct window *window, uint64_t at, uint64_t size)
{
	uint8_t *const data = window->data + at;
	if (!*data && !memcmp(data, data + 1, size - 1))
		return;
	memset(data, 0, size);
	window->changed[at / PAGE] = true;
}

static struct hg_error *clear(struct window *window, uint64_t offset, uint64_t size)
{
	while (size) {
		if (offset < window->at || offset >= window->at + window->size) {
			struct hg_error *err = load(window, offset);
			if (err)
				return err;
			if (offset >= window->at + window->size)
				return NULL; // behind the end of the file
		}
		const uint64_t at = offset - window->at;
		uint64_t part = PAGE - at % PAGE;
		part = part < window->size - at ? part : window->size - at;
		part = part < size ? part : size;
		clear_in_page(window, at, part);
		offset += part;
		size -= part;
	}
	return NULL;
}

/** Whole pages become a hole where the file system knows holes. */
static struct hg_error *erase(struct window *window, uint64_t offset, uint64_t size)
{
	const uint64_t first = (offset + PAGE - 1) & ~(PAGE - 1),
		       end = (offset + size) & ~(PAGE - 1);
	if (first >= end)
		return clear(window, offset, size);
	struct hg_error *err = clear(window, offset, first - offset);
	if (!err)
		err = flush(window);
	if (err)
		return err;
	if (fallocate(window->writer->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)first,
		      (off_t)(end - first)))
		err = clear(window, first, end - first);
	else
		window->size = 0; // it may show what is gone
	return err ? err : clear(window, end, offset + size - end);
}

/** Erases what segments have of a range; *segment: the first that may. */
static struct hg_error *hide_range(struct window *window, const struct hg_hidden *range,
				   size_t *segment, uint64_t *bytes)
{
	const struct hg_core_writer *writer = window->writer;
	const uint64_t end = range->addr + range->size;
	while (*segment < writer->segments.count &&
	       writer->segments.data[*segment].addr + writer->segments.data[*segment].size <=
		       range->addr)
		++*segment;
	for (size_t i = *segment; i < writer->segments.count; i++) {
		const struct hg_core_segment *s = &writer->segments.data[i];
		const uint64_t from = range->addr > s->addr ? range->addr : s->addr;
		const uint64_t there = s->addr + s->file_size, to = there < end ? there : end;
		if (s->addr >= end)
			break;
		if (from >= to)
			continue;
		struct hg_error *err = erase(window, s->offset + (from - s->addr), to - from);
		if (err)
			return err;
		*bytes += to - from;
	}
	return NULL;
}

struct hg_error *hg_hide_contents(const struct hg_core_writer *writer, hg_hidden_list *list,
				  uint64_t *ret_bytes)
{
	hg_hide_tidy(list);
	hg_autofree uint8_t *data = malloc(WINDOW);
	if (!data)
		return &hg_enomem;
	struct window window = {.writer = writer, .data = data};
	size_t segment = 0;
	struct hg_error *err = NULL;
	*ret_bytes = 0;
	for (size_t i = 0; i < list->count && !err; i++)
		err = hide_range(&window, &list->data[i], &segment, ret_bytes);
	return err ? err : flush(&window);
}
