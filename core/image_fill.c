// Fills from the executable and the libraries what a dump leaves out, after checking that they are of the same build.

#include <elf.h>
#include <string.h>

#include "core/base/limits.h"
#include "core/image_build.h"
#include "core/note.h"

static struct hg_image_file *find_file(const struct hg_image *image, const char *path)
{
	const uint32_t number = hg_strtab_find(&image->priv->paths, path);
	return number ? &image->priv->files.data[number] : NULL;
}

struct hg_elf *hg_image_elf(const struct hg_image *image, const char *path, const char **problem)
{
	const struct hg_image_file *file = find_file(image, path);
	if (problem && (!file || !file->elf))
		*problem = file && file->problem ? file->problem
						 : "the process has no such executable or library";
	else if (problem)
		*problem = NULL;
	return file ? file->elf : NULL;
}

static bool dump_has_elf_header(const struct hg_image *image, const struct hg_mapping *first)
{
	const void *header = first ? hg_image_view(image, first->start, SELFMAG) : NULL;
	return header && !memcmp(header, ELFMAG, SELFMAG);
}

struct id { // of a build
	const char *kind;
	const uint8_t *data;
	uint64_t size;
};

/** Finds the GNU build id, else the Go one, among notes. */
static bool id_of_notes(const void *notes, uint64_t size, struct id *ret)
{
	static const struct {
		const char *name;
		uint32_t type;
		const char *kind;
	} kinds[] = {{"GNU", NT_GNU_BUILD_ID, "GNU"}, {"Go", 4, "Go"}};
	for (size_t i = 0; notes && i < ARRAY_SIZE(kinds); i++) {
		struct hg_note note;
		if (!hg_note_find(notes, size, kinds[i].name, kinds[i].type, &note))
			continue;
		*ret = (struct id){kinds[i].kind, note.desc, note.desc_size};
		return true;
	}
	return false;
}

enum same { SAME, DIFFERENT, UNKNOWN };

/** Compares a note segment of the file with the target's copy of it. */
static enum same compare_notes(const struct hg_image *image, const struct hg_mapping *first,
			       const struct hg_elf *elf, const struct hg_elf_segment *segment)
{
	if (segment->offset > elf->map_size || segment->filesz > elf->map_size - segment->offset ||
	    segment->offset >= first->end - first->start)
		return UNKNOWN;
	struct id ours, theirs;
	const void *notes = hg_image_view(image, first->start + segment->offset, segment->filesz);
	if (!notes || !id_of_notes(elf->map + segment->offset, segment->filesz, &ours))
		return UNKNOWN;
	// No such note at the same place of a page that is there: the files are laid out differently.
	if (!id_of_notes(notes, segment->filesz, &theirs))
		return DIFFERENT;
	return ours.kind == theirs.kind && ours.size == theirs.size &&
			       !memcmp(ours.data, theirs.data, ours.size)
		       ? SAME
		       : DIFFERENT;
}

/** Compares the program headers, which say what lies where, with the target's copy of them. */
static enum same compare_headers(const struct hg_image *image, const struct hg_mapping *first,
				 const struct hg_elf *elf)
{
	Elf64_Ehdr ours, theirs;
	if (elf->map_size < sizeof(ours) ||
	    !hg_image_read(image, first->start, &theirs, sizeof(theirs)))
		return UNKNOWN;
	memcpy(&ours, elf->map, sizeof(ours));
	if (ours.e_phoff != theirs.e_phoff || ours.e_phnum != theirs.e_phnum ||
	    ours.e_entry != theirs.e_entry || ours.e_machine != theirs.e_machine)
		return DIFFERENT;
	const uint64_t size = (uint64_t)ours.e_phnum * sizeof(Elf64_Phdr);
	if (ours.e_phoff > elf->map_size || size > elf->map_size - ours.e_phoff ||
	    ours.e_phoff >= first->end - first->start)
		return UNKNOWN;
	const void *table = hg_image_view(image, first->start + ours.e_phoff, size);
	if (!table)
		return UNKNOWN;
	return memcmp(table, elf->map + ours.e_phoff, size) ? DIFFERENT : SAME;
}

/** Returns what is wrong with an ELF file that should be the one the target has mapped, or NULL. */
static const char *difference(const struct hg_image *image, const struct hg_image_file *file,
			      const struct hg_elf *elf)
{
	const struct hg_mapping *first = file->first_page;
	if (elf->machine != image->arch->elf_machine)
		return "is for another machine than the process";
	if (!dump_has_elf_header(image, first))
		return NULL;
	enum same ids = UNKNOWN;
	for (size_t i = 0; ids == UNKNOWN && i < elf->segment_count; i++)
		if (elf->segments[i].type == PT_NOTE)
			ids = compare_notes(image, first, elf, &elf->segments[i]);
	if (ids == DIFFERENT)
		return "is of another build than the process";
	if (compare_headers(image, first, elf) != DIFFERENT)
		return NULL;
	return ids == SAME ? "is laid out in another way than in the process"
			   : "is of another build than the process";
}

/** Opens one file; where it cannot be used, file->problem says why. */
static struct hg_error *open_file(struct hg_image *image, struct hg_image_file *file,
				  const char *host_path)
{
	hg_cleanup(hg_elf_destroyp) struct hg_elf *elf = NULL;
	hg_cleanup(hg_error_destroyp) struct hg_error *err = hg_elf_open(host_path, &elf);
	const char *what = err ? NULL : difference(image, file, elf);
	if (!err && !what) {
		file->elf = hg_take(elf);
		return NULL;
	}
	file->problem =
		err ? hg_arena_strndup(&image->arena, err->message, strlen(err->message))
		    : hg_arena_printf(&image->arena, "%s '%s' %s",
				      file->is_exe ? "executable" : "library", host_path, what);
	return file->problem ? NULL : &hg_enomem;
}

static bool can_be_module(const struct hg_mapping *mapping)
{
	return *mapping->path == '/' && strncmp(mapping->path, "/dev/", 5) &&
	       strncmp(mapping->path, "/SYSV", 5) && strncmp(mapping->path, "/memfd:", 7);
}

/**
 * Where a file of a live process may still be had when its path leads elsewhere by now (deleted, replaced): the kernel
 * keeps it open. The executable has been opened by us.
 */
static char *kept_open(const struct hg_image *image, const struct hg_mapping *mapping, bool is_exe)
{
	char *path = NULL;
	const int length = is_exe ? asprintf(&path, "/proc/self/fd/%d", image->priv->exe_fd)
				  : asprintf(&path, "/proc/%u/map_files/%lx-%lx", image->pid,
					     mapping->start, mapping->end);
	return length < 0 ? NULL : path;
}

/**
 * Tries one place after the other: below the root of the process; as it is, for maps of a process in a folder of ours
 * (chroot) show it from our root; what the kernel keeps open. The first problem says the most.
 */
static struct hg_error *open_mapped(struct hg_image *image, struct hg_image_file *file,
				    const struct hg_mapping *mapping)
{
	const bool is_live = image->kind == HG_IMAGE_LIVE;
	hg_autofree char *path = hg_image_host_path(image, mapping->path);
	hg_autofree char *kept = is_live ? kept_open(image, mapping, file->is_exe) : NULL;
	if (!path || (is_live && !kept))
		return &hg_enomem;
	const char *const places[] = {path, is_live && *image->sysroot ? mapping->path : NULL,
				      kept};
	const char *problem = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(places) && !file->elf; i++) {
		struct hg_error *err = places[i] ? open_file(image, file, places[i]) : NULL;
		if (err)
			return err;
		if (!problem)
			problem = file->problem;
	}
	file->problem = file->elf ? NULL : problem;
	return NULL;
}

static struct hg_error *open_module(struct hg_image *image, struct hg_image_file *file,
				    const struct hg_mapping *mapping,
				    const struct hg_image_options *options)
{
	const bool is_given = file->is_exe && options && options->exe;
	struct hg_error *err =
		is_given ? open_file(image, file, options->exe) : open_mapped(image, file, mapping);
	if (err)
		return err;
	if (is_given && file->problem)
		return hg_error_create(HG_ERROR_USAGE, "%s", file->problem);
	if (file->is_exe)
		image->exe = file->elf ? file->elf->path : NULL;
	return NULL;
}

/** Makes a row for each path; a mapping that can be no executable or library has none. */
static struct hg_error *list_file(struct hg_image *image, const struct hg_mapping *mapping,
				  const struct hg_mapping *exe)
{
	if (!can_be_module(mapping))
		return NULL;
	const uint32_t number = hg_strtab_add(&image->priv->paths, mapping->path);
	if (!number)
		return &hg_enomem;
	while (image->priv->files.count <= number)
		if (!hg_vec_push(&image->priv->files))
			return &hg_enomem;
	struct hg_image_file *file = &image->priv->files.data[number];
	file->path = mapping->path;
	file->is_code |= (mapping->prot & HG_PROT_EXEC) != 0;
	file->is_exe |= mapping == exe;
	if (!mapping->file_offset && !file->first_page)
		file->first_page = mapping;
	return NULL;
}

static struct hg_error *open_files(struct hg_image *image, const struct hg_image_options *options)
{
	const struct hg_mapping *exe = hg_image_exe_mapping(image);
	for (size_t i = 0; i < image->mappings.count; i++) {
		struct hg_error *err = list_file(image, &image->mappings.data[i], exe);
		if (err)
			return err;
	}
	size_t modules = 0;
	for (size_t i = 0; i < image->mappings.count; i++) {
		const struct hg_mapping *mapping = &image->mappings.data[i];
		struct hg_image_file *file = find_file(image, mapping->path);
		if (!file || file->elf || file->problem)
			continue;
		// Data files are not opened: nothing tells whether they still are what they were.
		if (!file->is_exe && !file->is_code &&
		    !dump_has_elf_header(image, file->first_page))
			continue;
		if (++modules > HG_MAX_MODULES)
			return hg_error_create(HG_ERROR_LIMIT,
					       "more than %d executables and libraries",
					       HG_MAX_MODULES);
		struct hg_error *err = open_module(image, file, mapping, options);
		if (err)
			return err;
	}
	return NULL;
}

/**
 * A private writable mapping that the dump leaves out was never written, if the dump has the other private memory:
 * the kernel and gdb dump a mapping when it has a page of its own.
 */
static bool has_private_memory(const struct hg_image *image)
{
	for (size_t i = 0; i < image->priv->pieces.count; i++) {
		const struct hg_segment *piece = &image->priv->pieces.data[i];
		const struct hg_mapping *mapping = hg_image_mapping(image, piece->addr);
		if (piece->prot & HG_PROT_WRITE && (!mapping || *mapping->path != '/'))
			return true;
	}
	return false;
}

/** Returns the file's bytes for [addr, addr + *size) of a mapping; *size becomes what there is of them. */
static const uint8_t *file_bytes(const struct hg_elf *elf, const struct hg_mapping *mapping,
				 uint64_t addr, uint64_t *size)
{
	const uint64_t page =
		4096; // the last page is mapped whole here as there, and ends in zeros
	const uint64_t end = (elf->map_size + page - 1) & ~(page - 1);
	uint64_t offset;
	if (__builtin_add_overflow(mapping->file_offset, addr - mapping->start, &offset) ||
	    offset >= end)
		return NULL;
	if (*size > end - offset)
		*size = end - offset;
	return elf->map + offset;
}

static struct hg_error *push(hg_segments *segments, struct hg_segment segment)
{
	struct hg_segment *slot = hg_vec_push(segments);
	if (!slot)
		return &hg_enomem;
	*slot = segment;
	return NULL;
}

/**
 * The dump has the beginning of a mapping, mostly its first page, and the file the rest: where the file has that
 * beginning as well, the whole is taken from there, so that it can be viewed in one. Returns where to begin.
 */
static uint64_t include_beginning(const struct hg_image *image, const struct hg_elf *elf,
				  const struct hg_mapping *mapping, uint64_t addr)
{
	uint64_t size = addr - mapping->start;
	const void *dumped = hg_image_view(image, mapping->start, size);
	const uint8_t *bytes = file_bytes(elf, mapping, mapping->start, &size);
	const bool same =
		dumped && bytes && size == addr - mapping->start && !memcmp(dumped, bytes, size);
	return same ? mapping->start : addr;
}

/** Fills [addr, end), of which the dump has nothing and which lies in one mapping, as far as its file can. */
static struct hg_error *fill_range(struct hg_image *image, const struct hg_mapping *mapping,
				   const struct hg_segment *gap, uint64_t addr, uint64_t end,
				   hg_segments *ret)
{
	struct hg_image_file *file = find_file(image, mapping->path);
	if (file && file->problem)
		file->missing += end - addr;
	uint64_t start = addr;
	if (file && file->elf && !(gap->prot & HG_PROT_WRITE))
		start = include_beginning(image, file->elf, mapping, addr);
	uint64_t size = end - start;
	const uint8_t *bytes =
		file && file->elf ? file_bytes(file->elf, mapping, start, &size) : NULL;
	return push(ret, (struct hg_segment){
				 .addr = start,
				 .size = end - start,
				 .present = bytes ? size : 0,
				 .bytes = bytes,
				 .prot = gap->prot,
				 .from_file = bytes != NULL,
			 });
}

/** Divides a gap into what files fill and what they do not. */
static struct hg_error *fill_gap(struct hg_image *image, const struct hg_segment *gap,
				 hg_segments *ret)
{
	const uint64_t end = gap->addr + gap->size;
	uint64_t addr = gap->addr;
	while (addr < end) {
		const struct hg_mapping *mapping = hg_image_mapping(image, addr);
		if (!mapping) { // mappings that end within a gap come from damaged notes
			struct hg_segment rest = *gap;
			rest.addr = addr;
			rest.size = end - addr;
			return push(ret, rest);
		}
		const uint64_t stop = mapping->end < end ? mapping->end : end;
		struct hg_error *err = fill_range(image, mapping, gap, addr, stop, ret);
		if (err)
			return err;
		addr = stop;
	}
	return NULL;
}

/** What the program headers of its file say of the protection of a mapping. */
static uint8_t prot_of_file(const struct hg_image *image, const struct hg_mapping *mapping)
{
	const struct hg_image_file *file = find_file(image, mapping->path);
	for (size_t i = 0; file && file->elf && i < file->elf->segment_count; i++) {
		const struct hg_elf_segment *segment = &file->elf->segments[i];
		// The first bytes of a mapping may be the end of the segment before, so its last are asked.
		const uint64_t last = mapping->file_offset + (mapping->end - mapping->start - 1);
		const uint64_t end = (segment->offset + segment->filesz + 4095) & ~(uint64_t)4095;
		if (segment->type == PT_LOAD && segment->offset <= last && last < end)
			return (uint8_t)((segment->flags & PF_R ? HG_PROT_READ : 0) |
					 (segment->flags & PF_W ? HG_PROT_WRITE : 0) |
					 (segment->flags & PF_X ? HG_PROT_EXEC : 0));
	}
	return HG_PROT_READ;
}

/** gdb leaves out some mappings without a program header that would say so: they become gaps as well. */
static struct hg_error *add_unmentioned(struct hg_image *image)
{
	size_t at = 0;
	for (size_t i = 0; i < image->mappings.count; i++) {
		struct hg_mapping *mapping = &image->mappings.data[i];
		uint64_t addr = mapping->start;
		while (addr < mapping->end) {
			const struct hg_segment *next =
				at < image->segment_count ? &image->segments[at] : NULL;
			if (next && next->addr + next->size <= addr) {
				at++;
				continue;
			}
			uint64_t stop = mapping->end;
			if (next && next->addr < stop)
				stop = next->addr;
			if (stop <= addr) {
				addr = next->addr + next->size;
				continue;
			}
			if (!mapping->prot)
				mapping->prot = prot_of_file(image, mapping);
			struct hg_error *err =
				push(&image->priv->gaps, (struct hg_segment){
								 .addr = addr,
								 .size = stop - addr,
								 .prot = mapping->prot,
							 });
			if (err)
				return err;
			addr = stop;
		}
	}
	return NULL;
}

static struct hg_error *fill_gaps(struct hg_image *image)
{
	const bool writable_too = has_private_memory(image);
	hg_segments_tidy(
		&image->priv->gaps); // a damaged core may have the same gap a million times
	hg_segments filled = {0};
	struct hg_error *err = NULL;
	for (size_t i = 0; i < image->priv->gaps.count && !err; i++) {
		const struct hg_segment *gap = &image->priv->gaps.data[i];
		if (gap->prot & HG_PROT_READ && (!(gap->prot & HG_PROT_WRITE) || writable_too))
			err = fill_gap(image, gap, &filled);
		else
			err = push(&filled, *gap);
	}
	hg_vec_deinit(&image->priv->gaps);
	image->priv->gaps = filled;
	return err;
}

static struct hg_error *note_problems(struct hg_image *image)
{
	for (size_t i = 0; i < image->priv->files.count; i++) {
		const struct hg_image_file *file = &image->priv->files.data[i];
		if (!file->problem || (!file->missing && !file->is_exe))
			continue;
		image->missing_bytes += file->missing;
		struct hg_error *err =
			file->missing ? hg_image_notef(image, "%s (%lu bytes of it are missing)",
						       file->problem, file->missing)
				      : hg_image_notef(image, "%s", file->problem);
		if (err)
			return err;
	}
	return NULL;
}

struct hg_error *hg_image_fill(struct hg_image *image, const struct hg_image_options *options)
{
	struct hg_error *err = open_files(image, options);
	if (!err)
		err = add_unmentioned(image);
	if (!err)
		err = fill_gaps(image);
	if (!err)
		err = note_problems(image);
	return err ? err : hg_image_finish(image);
}
