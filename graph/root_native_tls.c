#include <elf.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "dwarf/phdr.h"
#include "graph/root_native_private.h"

// Thread-local storage of glibc on x86-64. The thread pointer leads to the header of the thread's descriptor:
//
//   OFFSET  SIZE  MEANING
//        0     8  the thread pointer itself
//        8     8  DTV
//       16     8  the thread pointer itself
//
// The storage of modules that were there at the start lies below the thread pointer, that of others where the DTV says:
//
//   DTV-16     8  entries it has room for
//   DTV+16n    8  address of the storage of module n; all bits set: the thread has not used it yet
//   DTV+16n+8  8  what to free when the thread ends
//
// Which module has which number, only the dynamic loader knows. It keeps it in the link_map of the module, behind what
// it took from the module's PT_TLS header, by which we find it:
//
//   { address of the image, file size, memory size, alignment, 1 word, offset below the thread pointer, number }

#define MAX_LINK_MAP_WORDS 192
#define MAX_DTV 65536
#define MAX_STATIC_TLS ((uint64_t)64 << 20)

struct loader { // what the dynamic loader keeps where no block is
	struct native_rooter *r;
	uint32_t root;
};

static void loader_word(void *arg, uint64_t addr, uint64_t value)
{
	struct loader *loader = arg;
	(void)addr;
	if (!loader->root)
		loader->root = native_root(
			loader->r, &(struct hg_root){
					   .kind = HG_ROOT_DATA,
					   .name = hg_program_string(loader->r->prog,
								     "lists of the dynamic loader"),
				   });
	native_edge(loader->r, &(struct hg_root_edge){
				       .target = value,
				       .root = loader->root,
				       .flags = HG_EDGE_CONSERVATIVE,
			       });
}

/* ---- modules ---- */

static void add_module(struct native_rooter *r, const struct native_module_tls *tls)
{
	struct native_module_tls *place = hg_vec_push(&r->tls);
	r->failed |= !place;
	if (place)
		*place = *tls;
}

// A list that leads back to itself names a module again and again.
static bool has_module(const struct native_rooter *r, uint16_t module)
{
	for (size_t i = 0; i < r->tls.count; i++)
		if (r->tls.data[i].module == module)
			return true;
	return false;
}

static void find_in_link_map(struct native_rooter *r, const struct hg_module *module, uint64_t map)
{
	hg_phdrs phdrs = {0};
	uint64_t bias, words[MAX_LINK_MAP_WORDS];
	struct hg_error *err = hg_phdr_read(r->prog, module, &phdrs, &bias);
	const struct hg_elf_segment *header = err ? NULL : hg_phdr_find(&phdrs, PT_TLS);
	size_t count = 0;
	while (header && count < MAX_LINK_MAP_WORDS &&
	       hg_image_u64(r->prog->image, map + count * 8, &words[count]))
		count++;
	for (size_t i = 5; i + 6 < count; i++) {
		const uint64_t *at = &words[i];
		if (at[0] != header->vaddr + bias || at[1] != header->filesz ||
		    at[2] != header->memsz || !at[3] || (at[3] & (at[3] - 1)) || !at[6] ||
		    at[6] >= MAX_DTV)
			continue;
		const bool is_static = at[5] >= header->memsz && at[5] < MAX_STATIC_TLS;
		add_module(r, &(struct native_module_tls){
				      .module = (uint16_t)(module - r->prog->modules.data),
				      .id = at[6],
				      .size = header->memsz,
				      .offset = is_static ? at[5] : 0,
			      });
		break;
	}
	r->failed |= err != NULL;
	hg_error_destroy(err);
	hg_vec_deinit(&phdrs);
}

// The list of modules, by DT_DEBUG of the executable: struct r_debug { int version; struct link_map *map; }.
static uint64_t first_link_map(struct native_rooter *r, uint64_t *dynamic)
{
	const struct hg_module *exe = r->prog->modules.count ? &r->prog->modules.data[0] : NULL;
	hg_phdrs phdrs = {0};
	uint64_t bias, map = 0;
	if (!exe)
		return 0;
	struct hg_error *err = hg_phdr_read(r->prog, exe, &phdrs, &bias);
	const struct hg_elf_segment *header = err ? NULL : hg_phdr_find(&phdrs, PT_DYNAMIC);
	*dynamic = header ? header->vaddr + bias : 0;
	for (uint64_t at = 0; header && at + 16 <= header->memsz; at += 16) {
		uint64_t tag, value;
		if (!hg_image_u64(r->prog->image, *dynamic + at, &tag) ||
		    !hg_image_u64(r->prog->image, *dynamic + at + 8, &value) || tag == DT_NULL)
			break;
		if (tag == DT_DEBUG && value)
			hg_image_u64(r->prog->image, value + 8, &map);
	}
	r->failed |= err != NULL;
	hg_error_destroy(err);
	hg_vec_deinit(&phdrs);
	return map;
}

void native_find_tls(struct native_rooter *r)
{
	const struct hg_image *image = r->prog->image;
	for (size_t i = 0; i < image->segment_count; i++)
		r->storage_left += image->segments[i].size;
	struct loader loader = {.r = r};
	uint64_t dynamic = 0, next, before = 0;
	uint64_t map = first_link_map(r, &dynamic);
	// struct link_map { l_addr; l_name; l_ld; l_next; l_prev; ... }
	// A list that comes back ends there: it meets the one that was kept last (Brent 1980).
	for (unsigned i = 0; map && map != before && i < HG_MAX_MODULES && !r->failed;
	     i++, map = next) {
		uint64_t ld;
		if (!(i & (i - 1)))
			before = map;
		if (!hg_image_u64(image, map + 16, &ld) || !hg_image_u64(image, map + 24, &next))
			break;
		const struct hg_module *module = hg_program_module_at(r->prog, ld);
		if (module && !has_module(r, (uint16_t)(module - r->prog->modules.data)))
			find_in_link_map(r, module, map);
		if (!native_is_block(r, map))
			native_scan(r, map, map + MAX_LINK_MAP_WORDS * 8, loader_word, &loader);
	}
	// A static program has itself alone.
	const struct hg_module *exe = r->prog->modules.count ? &r->prog->modules.data[0] : NULL;
	hg_phdrs phdrs = {0};
	uint64_t bias;
	struct hg_error *err =
		exe && !r->tls.count ? hg_phdr_read(r->prog, exe, &phdrs, &bias) : NULL;
	const struct hg_elf_segment *header = err ? NULL : hg_phdr_find(&phdrs, PT_TLS);
	if (header && !map && !dynamic)
		add_module(r, &(struct native_module_tls){.id = 1, .size = header->memsz});
	r->failed |= err != NULL;
	hg_error_destroy(err);
	hg_vec_deinit(&phdrs);
}

/* ---- one thread ---- */

struct storage { // of one thread
	struct native_rooter *r;
	const struct native_thread *thread;
	uint64_t dtv;
	uint64_t dtv_count;
	uint32_t rest;			     // root of what no variable covers
	HG_VEC(uint64_t) bases;		     // of each module's storage, 0 where there is none
	const struct hg_tls_variable *known; // that the last word lay in; NULL for none
	uint64_t known_addr;
	uint32_t known_root;
};

static uint32_t rest_root(struct storage *s)
{
	if (!s->rest) {
		s->rest = native_root(s->r,
				      &(struct hg_root){
					      .parent = s->thread->root,
					      .kind = HG_ROOT_TLS,
					      .name = hg_program_string(s->r->prog, "TLS words"),
					      .conservative = true,
				      });
	}
	return s->rest;
}

static const struct hg_tls_variable *variable_in(const struct native_rooter *r, uint16_t module,
						 uint64_t offset)
{
	size_t high, low = 0;
	const struct hg_tls_variable *all = hg_variable_tls(r->prog, &high);
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct hg_tls_variable *at = &all[middle];
		if (at->module < module || (at->module == module && at->offset <= offset))
			low = middle + 1;
		else
			high = middle;
	}
	const struct hg_tls_variable *found = low ? &all[low - 1] : NULL;
	return found && found->module == module && offset - found->offset < found->size ? found
											: NULL;
}

// Sets s->known to the variable at an address; false where there is none.
static bool find_variable(struct storage *s, uint64_t addr)
{
	if (s->known && addr - s->known_addr < s->known->size)
		return true;
	s->known = NULL;
	for (size_t i = 0; i < s->bases.count && !s->known; i++) {
		const struct native_module_tls *module = &s->r->tls.data[i];
		const uint64_t offset = addr - s->bases.data[i];
		if (s->bases.data[i] && offset < module->size)
			s->known = variable_in(s->r, module->module, offset);
		if (s->known)
			s->known_addr = s->bases.data[i] + s->known->offset;
	}
	if (!s->known)
		return false;
	s->known_root = native_root(s->r, &(struct hg_root){
						  .parent = s->thread->root,
						  .kind = HG_ROOT_TLS,
						  .name = s->known->name,
						  .type = s->known->type,
						  .file = s->known->file,
						  .line = s->known->line,
						  .addr = s->known_addr,
					  });
	return true;
}

static bool variable_word(struct storage *s, uint64_t addr, uint64_t value)
{
	if (!find_variable(s, addr))
		return false;
	const uint64_t offset = addr - s->known_addr;
	native_edge(s->r,
		    &(struct hg_root_edge){
			    .target = value,
			    .root = s->known_root,
			    .offset = (uint32_t)offset,
			    .flags = native_flags(s->r, s->known->type, s->known_addr, offset),
		    });
	return true;
}

static void rest_word(struct storage *s, uint64_t value)
{
	native_edge(s->r, &(struct hg_root_edge){
				  .target = value,
				  .root = rest_root(s),
				  .flags = HG_EDGE_CONSERVATIVE,
			  });
}

static void word_found(void *arg, uint64_t addr, uint64_t value)
{
	struct storage *s = arg;
	if (!variable_word(s, addr, value))
		rest_word(s, value);
}

// Of storage that is a block: what no variable covers, the block tells itself.
static void dynamic_word_found(void *arg, uint64_t addr, uint64_t value)
{
	variable_word(arg, addr, value);
}

static bool module_storage(const struct storage *s, const struct native_module_tls *module,
			   uint64_t *ret)
{
	uint64_t value;
	if (module->id < s->dtv_count &&
	    hg_image_u64(s->r->prog->image, s->dtv + module->id * 16, &value) && value &&
	    value != UINT64_MAX) {
		*ret = value;
		return true;
	}
	*ret = s->thread->thread->tls - module->offset;
	return module->offset;
}

// Both pointers of a slot: storage of modules loaded later lies in blocks of its own.
static void dtv_words(struct storage *s)
{
	const struct hg_image *image = s->r->prog->image;
	for (uint64_t i = 1; i < s->dtv_count; i++) {
		uint64_t value, to_free;
		if (!hg_image_u64(image, s->dtv + i * 16, &value) ||
		    !hg_image_u64(image, s->dtv + i * 16 + 8, &to_free))
			break;
		if (native_is_block(s->r, value))
			rest_word(s, value);
		if (to_free != value && native_is_block(s->r, to_free))
			rest_word(s, to_free);
	}
}

// Right below the thread pointer, and not in a block that lies there by chance. Of a program that has no list of modules
// nobody tells the offset; but there is nothing between its storage and the thread pointer.
static bool is_static(const struct storage *s, const struct native_module_tls *module,
		      uint64_t base)
{
	const uint64_t below = s->thread->thread->tls - base;
	if (module->offset)
		return below == module->offset;
	return base < s->thread->thread->tls && below - module->size < NATIVE_PAGE &&
	       below >= module->size && below < MAX_STATIC_TLS && !native_is_block(s->r, base);
}

static void find_bases(struct storage *s, struct native_thread *thread)
{
	thread->tls_start = thread->thread->tls;
	for (size_t i = 0; i < s->r->tls.count; i++) {
		uint64_t *base = hg_vec_push(&s->bases);
		if (!base) {
			s->r->failed = true;
			return;
		}
		if (!module_storage(s, &s->r->tls.data[i], base))
			*base = 0;
		else if (is_static(s, &s->r->tls.data[i], *base) && *base < thread->tls_start)
			thread->tls_start = *base;
	}
}

// No two threads share storage: where they claim to, what is more than all memory is left out.
static void scan_storage(struct storage *s, uint64_t start, uint64_t end, native_word_fn *fn)
{
	const uint64_t size = end - start;
	if (size > s->r->storage_left) {
		hg_coverage_add(s->r->coverage,
				"bytes of thread-local storage that several threads claim", size);
		return;
	}
	s->r->storage_left -= size;
	native_scan(s->r, start, end, fn, s);
}

static void dynamic_words(struct storage *s)
{
	s->r->in_block = true;
	for (size_t i = 0; i < s->bases.count; i++) {
		const uint64_t base = s->bases.data[i], size = s->r->tls.data[i].size;
		if (base && !is_static(s, &s->r->tls.data[i], base) && base + size > base &&
		    size < MAX_STATIC_TLS)
			scan_storage(s, base, base + size, dynamic_word_found);
	}
	s->r->in_block = false;
}

static bool has_descriptor(const struct native_rooter *r, uint64_t tls)
{
	uint64_t self, again;
	return tls && r->prog->image->arch->elf_machine == EM_X86_64 &&
	       hg_image_u64(r->prog->image, tls, &self) && self == tls &&
	       hg_image_u64(r->prog->image, tls + 16, &again) && again == tls;
}

void native_tls(struct native_rooter *r, struct native_thread *thread)
{
	const struct hg_image *image = r->prog->image;
	const uint64_t tls = thread->thread->tls;
	struct storage s = {.r = r, .thread = thread};
	if (!has_descriptor(r, tls) || native_skips(r, tls))
		return;
	if (hg_image_u64(image, tls + 8, &s.dtv) && hg_image_u64(image, s.dtv - 16, &s.dtv_count))
		s.dtv_count = s.dtv_count < MAX_DTV ? s.dtv_count + 1 : 0;
	find_bases(&s, thread);
	for (size_t i = 0; i < s.bases.count; i++)
		thread->info->tls_bytes += s.bases.data[i] ? r->tls.data[i].size : 0;
	uint64_t end = tls + NATIVE_DESCRIPTOR_ROOM;
	while (end > tls && !hg_image_view(image, tls, end - tls))
		end -= 256;
	scan_storage(&s, thread->tls_start, end, word_found);
	dtv_words(&s);
	dynamic_words(&s);
	hg_vec_deinit(&s.bases);
}
