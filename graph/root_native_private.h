/**
 * What the root_native*.c files share.
 */
#ifndef HG_GRAPH_ROOT_NATIVE_PRIVATE_H
#define HG_GRAPH_ROOT_NATIVE_PRIVATE_H

#include "graph/root_native.h"

#define NATIVE_PAGE 4096ull
#define NATIVE_DESCRIPTOR_ROOM 4096 /* struct pthread has 2304 bytes in glibc 2.36 */

struct native_module_tls { // thread-local storage of a module
	uint16_t module;
	uint64_t id; // index into the DTV
	uint64_t size;
	uint64_t offset; // below the thread pointer; 0: not in the static block
};

struct native_thread {
	const struct hg_thread *thread;
	struct hg_thread_info *info;
	uint32_t root;
	uint64_t tls_start; // of its static thread-local memory; 0 where it has none
};

struct native_rooter {
	struct hg_program *prog;
	const struct hg_blocks *blocks;
	struct hg_coverage *coverage;
	struct hg_roots *roots;
	const struct hg_native_options *options;
	HG_VEC(struct native_thread) threads;
	HG_VEC(struct native_module_tls) tls;
	uint64_t storage_left; // bytes of thread-local storage that there may be yet
	bool in_block;	       // what is scanned may lie in a block
	uint64_t *noted;       // bit per module: the user knows that it has no debug info
	bool failed;	       // out of memory
};

uint32_t native_root(struct native_rooter *r, const struct hg_root *root);
void native_edge(struct native_rooter *r, const struct hg_root_edge *edge);

/** Does a value lead to a block of native code? */
static inline bool native_is_block(const struct native_rooter *r, uint64_t value)
{
	const struct hg_extent *extent = hg_blocks_extent_at(r->blocks, value);
	return extent && extent->heap < 64 && (r->options->heaps >> extent->heap & 1) &&
	       hg_blocks_find_in(r->blocks, extent, value) != HG_NO_BLOCK;
}

static inline bool native_skips(const struct native_rooter *r, uint64_t addr)
{
	return r->options->skip && r->options->skip(r->options->arg, addr);
}

/** Is a word not to be looked at? */
static inline bool native_skips_word(const struct native_rooter *r, uint64_t addr)
{
	return native_skips(r, addr) ||
	       (!r->in_block && r->options->in_heap && r->options->in_heap(r->options->arg, addr));
}

/** Calls fn for each aligned word of [start, end) whose value lies in a block. Returns how many bytes are missing. */
typedef void native_word_fn(void *arg, uint64_t addr, uint64_t value);
uint64_t native_scan(struct native_rooter *r, uint64_t start, uint64_t end, native_word_fn *fn,
		     void *arg);

/** The last part of its path. */
const char *native_module_name(const struct hg_module *module);

/** HG_EDGE_* for the word at an offset of a value at addr (0: not in memory): none where it is a pointer that owns. */
uint8_t native_flags(const struct native_rooter *r, uint32_t type, uint64_t addr, uint64_t offset);

/** Tells the user of a module that counts and has no debug info, once. */
void native_note_module(struct native_rooter *r, const struct hg_module *module);

/* root_native_section.c */
struct native_word {
	uint64_t addr, value;
};
typedef HG_VEC(struct native_word) native_words;

/** Adds the words of a module's data that neither a variable nor a symbol covers, named by their sections. Sorts them. */
void native_section_words(struct native_rooter *r, const struct hg_module *module,
			  native_words *words);

/* root_native_global.c */
void native_globals(struct native_rooter *r);

/* root_native_anonymous.c */
void native_anonymous(struct native_rooter *r);

/* root_native_tls.c */
/** Finds the thread-local storage of modules, and what the dynamic loader keeps of them. */
void native_find_tls(struct native_rooter *r);
/** Adds the roots of a thread's storage, and sets thread->tls_start. */
void native_tls(struct native_rooter *r, struct native_thread *thread);

/* root_native_stack.c */
void native_stack(struct native_rooter *r, const struct native_thread *thread);
/** Returns where the stack ends whose top is at sp. */
uint64_t native_stack_end(const struct native_rooter *r, uint64_t sp);

#endif
