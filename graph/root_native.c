#include "graph/root_native.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "graph/root_native_private.h"
#include "graph/root_thread.h"

uint32_t native_root(struct native_rooter *r, const struct hg_root *root)
{
	const uint32_t id = hg_roots_add(r->roots, root);
	r->failed |= !id;
	return id;
}

void native_edge(struct native_rooter *r, const struct hg_root_edge *edge)
{
	r->failed |= !hg_roots_edge(r->roots, edge);
}

// Where the next bytes are, from an address on that has none.
static uint64_t behind_hole(const struct hg_image *image, uint64_t addr)
{
	size_t low = 0, high = image->segment_count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (image->segments[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	while (low < image->segment_count && !image->segments[low].present)
		low++;
	return low < image->segment_count ? (image->segments[low].addr + 7) & ~7ull : UINT64_MAX;
}

uint64_t native_scan(struct native_rooter *r, uint64_t start, uint64_t end, native_word_fn *fn,
		     void *arg)
{
	uint64_t missing = 0;
	for (uint64_t at = (start + 7) & ~7ull; at < end && end - at >= 8;) {
		uint64_t size = 0;
		const uint8_t *bytes = hg_image_view_some(r->prog->image, at, &size);
		if (!bytes || size < 8) {
			const uint64_t next = behind_hole(r->prog->image, at);
			missing += (next < end ? next : end) - at;
			at = next;
			continue;
		}
		if (size > end - at)
			size = end - at;
		for (uint64_t i = 0; i + 8 <= size; i += 8) {
			const uint64_t value = hg_load_u64(bytes + i);
			if (native_is_block(r, value) && !native_skips_word(r, at + i))
				fn(arg, at + i, value);
		}
		at += size & ~7ull;
	}
	return missing;
}

const char *native_module_name(const struct hg_module *module)
{
	const char *slash = strrchr(module->path, '/');
	return slash ? slash + 1 : module->path;
}

void native_note_module(struct native_rooter *r, const struct hg_module *module)
{
	const size_t i = (size_t)(module - r->prog->modules.data);
	if (r->noted[i / 64] >> (i % 64) & 1 || module->debug ||
	    hg_program_is_runtime_library(module) || (module->is_exe && module->problem))
		return; // what is wrong with the executable is told already
	r->noted[i / 64] |= (uint64_t)1 << (i % 64);
	hg_coverage_note(r->coverage,
			 "'%s' has no debug info: names are those of its symbols and sections, "
			 "and all its words may be pointers",
			 module->path);
}

uint8_t native_flags(const struct native_rooter *r, uint32_t type, uint64_t addr, uint64_t offset)
{
	const struct hg_native_options *options = r->options;
	return options->owns && options->owns(options->arg, type, addr, offset)
		       ? 0
		       : HG_EDGE_CONSERVATIVE;
}

static void add_thread(struct native_rooter *r, const struct hg_thread *thread,
		       struct hg_thread_info *info)
{
	struct native_thread *place = hg_vec_push(&r->threads);
	char name[64];
	if (!place) {
		r->failed = true;
		return;
	}
	snprintf(name, sizeof(name), "thread %u%s%.16s", thread->tid, *thread->name ? " " : "",
		 thread->name);
	place->thread = thread;
	place->root = native_root(r, &(struct hg_root){
					     .kind = HG_ROOT_THREAD,
					     .name = hg_program_string(r->prog, name),
				     });
	place->info = info;
	info->root = place->root;
}

static void run(struct native_rooter *r)
{
	const struct hg_image *image = r->prog->image;
	native_globals(r);
	native_find_tls(r);
	for (size_t i = 0; i < image->threads.count && !r->failed; i++)
		add_thread(r, &image->threads.data[i], &r->roots->threads.data[i]);
	// Where storage lies is where stacks end, so all of it comes first.
	for (size_t i = 0; i < r->threads.count && !r->failed; i++)
		native_tls(r, &r->threads.data[i]);
	for (size_t i = 0; i < r->threads.count && !r->failed; i++)
		if (!native_skips(r, r->threads.data[i].thread->sp))
			native_stack(r, &r->threads.data[i]);
	native_anonymous(r);
}

struct hg_error *hg_roots_native(struct hg_program *prog, const struct hg_blocks *blocks,
				 const struct hg_native_options *options,
				 struct hg_coverage *coverage, struct hg_roots *roots)
{
	struct native_rooter r = {
		.prog = prog,
		.blocks = blocks,
		.coverage = coverage,
		.roots = roots,
		.options = options,
	};
	struct hg_error *err = roots->threads.count ? NULL : hg_roots_threads(prog, roots);
	r.noted = calloc(prog->modules.count / 64 + 1, sizeof(*r.noted));
	if (err || !r.noted)
		return err ? err : &hg_enomem;
	run(&r);
	free(r.noted);
	hg_vec_deinit(&r.threads);
	hg_vec_deinit(&r.tls);
	return r.failed ? &hg_enomem : NULL;
}
