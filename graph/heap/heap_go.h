/**
 * The Go runtime's heap: private to the heap_go*.c files.
 *
 *   heap_go.c        row of the table, layouts, modules
 *   heap_go_span.c   spans, slots, sweep state
 *   heap_go_mask.c   pointer masks
 *   heap_go_type.c   runtime type descriptors -> type table
 *   heap_go_closure.c  which closures hold what
 *   heap_go_pcln.c   pclntab: pc -> function, line, stack maps
 *   heap_go_stack.c  goroutines: states, frames, stack roots
 *   heap_go_root.c   globals, specials, queues, timers, pools
 */
#ifndef HG_GRAPH_HEAP_HEAP_GO_H
#define HG_GRAPH_HEAP_HEAP_GO_H

#include "core/base/map.h"
#include "dwarf/layout.h"
#include "graph/heap/heap.h"

struct go_module { /* runtime.moduledata */
	uint64_t addr;
	uint64_t pclntab, funcnametab, cutab, filetab, pctab, pclntable; /* start addresses */
	uint64_t funcnametab_size, cutab_count, filetab_size, pctab_size, pclntable_size;
	uint64_t ftab, ftab_count;
	uint64_t minpc, maxpc, text, etext;
	uint64_t data, edata, bss, ebss, noptrdata, enoptrdata, noptrbss, enoptrbss;
	uint64_t types, etypes, rodata, gofunc;
	uint64_t textsectmap, textsectmap_count;
	uint64_t gcdatamask, gcdatamask_bits, gcbssmask, gcbssmask_bits;
	uint16_t module; /* index into the program's modules */
};

enum go_mask_kind {
	GO_MASK_NONE, /* no pointers */
	GO_MASK_BITS, /* a bitmap of the span: bits */
	GO_MASK_HEADER, /* each slot starts with its type's address (8 bytes), whose mask repeats behind it */
	GO_MASK_TYPE,  /* mask of large_type, repeated from the start */
	GO_MASK_ARENA, /* bitmap of the arena (to Go 1.21) */
};

struct go_span {
	uint64_t addr, size; /* start, pages */
	uint64_t elem_size;
	uint64_t struct_addr; /* of the mspan */
	uint64_t specials;    /* list head in the target; 0 none */
	const uint8_t *bits;  /* GO_MASK_BITS: bit k is the word at addr + 8 k */
	uint64_t bit_count;   /* GO_MASK_BITS: words behind are no pointers */
	uint32_t elems;	      /* nelems */
	uint32_t large_type;  /* type id of largeType; 0 none */
	uint8_t state;	      /* 1 in use, 2 manual */
	uint8_t span_class;
	uint8_t mask_kind; /* enum go_mask_kind */
};

struct go_layouts; /* heap_go.c: every field that is asked from the target */

struct go_read { /* a part of a type descriptor */
	uint64_t addr, size;
};

struct heap_go {
	struct hg_heap heap;
	uint16_t index; /* among the analysis's heaps: of its extents */
	struct hg_program *prog;
	struct hg_coverage *coverage;
	char version[64]; /* runtime.buildVersion: "go1.26.8" */
	unsigned minor;	  /* 26; for go_traits() alone */
	HG_VEC(struct go_module) modules;
	HG_VEC(struct go_span) spans; /* in use and manual, sorted by address */
	struct hg_heap_totals totals;
	uint64_t mheap; /* address of runtime.mheap_ */
	uint64_t arena_base_offset;
	/* masks: type id -> bits */
	struct go_masks *masks;
	struct go_pcln *pcln;		  /* heap_go_pcln.c: caches */
	HG_VEC(struct go_read) reads;	  /* outside of the program's files */
	struct hg_map type_of_descriptor; /* descriptor address -> type id */
	struct hg_map closure_types;	  /* code address -> descriptor; see heap_go_closure.c */
	bool closures_searched;
	struct go_layouts *layouts;
	bool direct_flag; /* "direct interface" is a flag of its own (Go 1.26), else a bit of the kind */
	bool mask_on_demand;  /* flag 16 means a mask that is built when first needed (Go 1.24) */
	bool shifted_offsets; /* field offsets are shifted by the embedded bit (Go 1.18) */
};

/* heap_go.c */
extern const struct hg_heap_ops hg_heap_go;
bool go_global_u64(struct heap_go *go, const char *name,
		   uint64_t *ret); /* value of an integer or pointer global */
bool go_global_addr(struct heap_go *go, const char *name, uint64_t *ret);

/* heap_go_span.c: calls for all spans; see go_span. */
struct hg_error *go_spans_open(struct heap_go *go);
struct hg_error *go_spans_walk(struct heap_go *go, uint16_t index, struct hg_blocks *blocks);
struct hg_error *go_spans_types(struct hg_heap *heap, struct hg_blocks *blocks);
const struct go_span *go_span_at(const struct heap_go *go,
				 uint64_t addr); /* in use or manual, or NULL */

/* heap_go_mask.c */
/** Decides how the pointers of a span's objects are known; large_type is the address of mspan.largeType or 0. */
struct hg_error *go_masks_span(struct heap_go *go, struct go_span *span, uint64_t large_type,
			       bool user_arena);
/** Makes the mask of a descriptor known under its type id; `room` bytes are all that a value of it can have. */
struct hg_error *go_masks_type(struct heap_go *go, uint32_t type, uint64_t descriptor,
			       uint64_t room);
struct hg_error *go_masks_open(struct heap_go *go);
void go_masks_close(struct heap_go *go);
uint64_t go_pointer_bits(const struct hg_heap *heap, const struct hg_extent *extent,
			 uint64_t slot_addr, uint64_t word, bool *last);

/* heap_go_type.c */
void go_types_open(struct heap_go *go);
/** Returns the type id of a runtime descriptor at addr: by DWARF, else built from the descriptor; 0 where it is not one. */
uint32_t go_type_at(struct heap_go *go, uint64_t descriptor);
uint32_t go_heap_type_at(struct hg_heap *heap, uint64_t descriptor, bool *direct);

/** Remembers that a part of a type descriptor was read; not where it lies in a file. */
void go_note_read(struct heap_go *go, uint64_t addr, uint64_t size);
void go_heap_reads(const struct hg_heap *heap, void (*add)(void *arg, uint64_t addr, uint64_t size),
		   void *arg);

/* heap_go_closure.c */
uint32_t go_heap_closure_type(struct hg_heap *heap, uint64_t pc);

/* heap_go_pcln.c */
enum go_func_role { /* functions that stacks treat in their own way */
		    GO_FUNC_PLAIN,
		    GO_FUNC_ASYNC_PREEMPT, /* asyncPreempt, debugCallV2: hold the registers of the frame below */
		    GO_FUNC_SIGPANIC,
		    GO_FUNC_CGOCALLBACK,
		    GO_FUNC_REFLECT_STUB, /* makeFuncStub, methodValueCall: their maps are made at run time */
};

struct go_func {
	const struct go_module *module;
	const struct go_pcln_module *tables; /* of the module; see heap_go_pcln.h */
	uint64_t addr;			     /* of the _func */
	uint64_t entry;
	uint64_t end;	  /* entry of the next function */
	const char *name; /* full, in the program's strings */
	int32_t args;
	uint32_t deferreturn, pcsp, pcfile, pcln, npcdata, cu_offset;
	uint8_t func_id, flag, nfuncdata;
	uint8_t role; /* enum go_func_role */
};

struct hg_error *go_pcln_open(struct heap_go *go);
void go_pcln_close(struct heap_go *go);
/** Returns the function that contains pc, or NULL; cached, valid until go_pcln_close(). */
const struct go_func *go_func_at(struct heap_go *go, uint64_t pc);
/** pc-value tables; false where the table is absent or damaged. */
bool go_pcvalue(struct heap_go *go, const struct go_func *func, uint32_t table, uint64_t pc,
		int32_t *ret);
bool go_pcdata(struct heap_go *go, const struct go_func *func, unsigned index, uint64_t pc,
	       int32_t *ret);
/** Address of a FUNCDATA, 0 where absent. */
uint64_t go_funcdata(struct heap_go *go, const struct go_func *func, unsigned index);
/** Innermost (inlined) function, file and line at pc. Names are in the program's strings. */
bool go_line(struct heap_go *go, uint64_t pc, const char **function, const char **file,
	     uint32_t *line);
/** Line of a package variable's declaration, found through the package's init code that writes it; false unknown. */
bool go_variable_line(struct heap_go *go, const struct hg_variable *variable, const char **file,
		      uint32_t *line);

/* heap_go_stack.c */
struct hg_error *go_stacks_roots(struct heap_go *go, const struct hg_blocks *blocks,
				 struct hg_roots *roots);

/* heap_go_root.c */
struct hg_error *go_roots(struct hg_heap *heap, const struct hg_blocks *blocks,
			  struct hg_roots *roots);

#endif
