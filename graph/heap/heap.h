/**
 * Allocators: which blocks exist. One file (or family of files) and one row of hg_heap_table each.
 */
#ifndef HG_GRAPH_HEAP_HEAP_H
#define HG_GRAPH_HEAP_HEAP_H

#include "dwarf/program.h"
#include "graph/block.h"
#include "graph/coverage.h"
#include "graph/root.h"

struct hg_heap {
	const struct hg_heap_ops *ops;
};

struct hg_heap_totals {
	uint64_t
		inuse_bytes; /* memory the allocator has handed to spans or arenas that hold blocks */
	uint64_t
		dead_objects; /* known to be garbage though their slots are not yet free (not blocks) */
	uint64_t dead_bytes;
};

struct hg_heap_ops {
	const char *name;    /* "go" */
	const char *runtime; /* for messages: "Go" */
	/** Is this allocator in the process? */
	bool (*probe)(struct hg_program *prog);
	/** An error: the allocator is here but cannot be read (no debug info, damaged beyond use). */
	struct hg_error *(*open)(struct hg_program *prog, struct hg_coverage *coverage,
				 struct hg_heap **ret);
	/** Adds the extents of all blocks. `index` goes into each extent's heap field. */
	struct hg_error *(*walk)(struct hg_heap *heap, uint16_t index, struct hg_blocks *blocks);
	/** Sets blocks->types[] of blocks whose type the allocator itself knows. Optional. */
	struct hg_error *(*types)(struct hg_heap *heap, struct hg_blocks *blocks);
	/** Adds the roots that this runtime defines. Optional. */
	struct hg_error *(*roots)(struct hg_heap *heap, const struct hg_blocks *blocks,
				  struct hg_roots *roots);
	/** Which of the 64 words from word number `word` (a multiple of 64) of a block are pointers: bit i = word + i; words
	 * behind the block are undefined. *last: none follow behind these. Thread-safe. NULL: all may be. */
	uint64_t (*pointer_bits)(const struct hg_heap *heap, const struct hg_extent *extent,
				 uint64_t slot_addr, uint64_t word, bool *last);
	void (*totals)(const struct hg_heap *heap, struct hg_heap_totals *ret);
	/** Has this runtime looked at addr itself (its globals, its stacks)? No roots are to be sought there. Optional. */
	bool (*covers)(const struct hg_heap *heap, uint64_t addr);
	/** "go1.26.8" */
	const char *(*version)(const struct hg_heap *heap);
	/** file:line of an address of code; false where unknown. *file is owned by the program. Optional. */
	bool (*line)(struct hg_heap *heap, uint64_t pc, const char **function, const char **file,
		     uint32_t *line);
	/** Declaration line of a global that debug info does not tell. Optional. */
	bool (*variable_line)(struct hg_heap *heap, const struct hg_variable *variable,
			      const char **file, uint32_t *line);
	/** Type id of a runtime type descriptor (the type word of an interface); *direct: such a value is stored in
	 * the data word itself. 0 where it is none. Optional. */
	uint32_t (*type_at)(struct hg_heap *heap, uint64_t descriptor, bool *direct);
	/** Type id of the struct {code; captured variables} that closures over the code at pc are; 0 unknown. Optional. */
	uint32_t (*closure_type)(struct hg_heap *heap, uint64_t pc);
	/** Tells what was read of the contents of objects without pointers: names and masks of types that the program itself
	 * made. Optional. */
	void (*reads)(const struct hg_heap *heap,
		      void (*add)(void *arg, uint64_t addr, uint64_t size), void *arg);
	void (*close)(struct hg_heap *heap);
};

extern const struct hg_heap_ops *const hg_heap_table[]; /* ends with NULL */

#endif
