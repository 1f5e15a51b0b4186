/**
 * Roots: a tree of names that a person knows (variable; goroutine > frame > variable; timer; finalizer ...) and the
 * pointers that leave them. Root id r becomes node r of the graph; 0 is the super-root.
 */
#ifndef HG_GRAPH_ROOT_H
#define HG_GRAPH_ROOT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/vec.h"

enum hg_root_kind {
	HG_ROOT_SUPER,
	HG_ROOT_GLOBAL,	   /* package variable, C global */
	HG_ROOT_DATA,	   /* global memory that no variable covers */
	HG_ROOT_GOROUTINE, /* frames below it */
	HG_ROOT_FRAME,	   /* variables below it */
	HG_ROOT_LOCAL,	   /* local variable, parameter, or an unnamed slot of a frame */
	HG_ROOT_REGISTER,
	HG_ROOT_TIMER,
	HG_ROOT_FINALIZER,
	HG_ROOT_CLEANUP,
	HG_ROOT_WEAK,	 /* weak handles: the handle's word, never its target */
	HG_ROOT_POOL,	 /* what sync.Pool bookkeeping alone holds */
	HG_ROOT_RUNTIME, /* runtime queues and other holders inside the runtime */
	HG_ROOT_THREAD,	 /* frames, registers and thread-local variables below it */
	HG_ROOT_TLS,	 /* thread-local variable, or thread-local memory that none covers */
	HG_ROOT_STATIC,	 /* static variable of a function */
	HG_ROOT_STACK,	 /* local variable or parameter of a native frame */
	HG_ROOT_WORDS,	 /* words of a native stack that no variable covers */
	HG_ROOT_KINDS,
};

/** "global", "goroutine", ...: stable words for JSON. */
const char *hg_root_kind_name(enum hg_root_kind kind);

/** Is it a variable of the frame above it, named "frame.variable"? */
static inline bool hg_root_kind_is_local(unsigned kind)
{
	return kind == HG_ROOT_LOCAL || kind == HG_ROOT_STACK;
}

struct hg_root {
	uint32_t parent; /* root id, 0 for the top level */
	uint32_t
		name; /* in the program's strings: "main.userCache", "goroutine 18", "main.serve", "buf" */
	uint32_t type;	     /* of the value at addr, 0 unknown */
	uint32_t file, line; /* in the program's strings; 0 when unknown */
	uint64_t addr;	     /* where the value lies; 0 when it is not in one piece in memory */
	uint8_t kind;	     /* enum hg_root_kind */
	bool conservative;   /* a frame or register whose words may or may not be pointers */
};

enum {
	HG_EDGE_CONSERVATIVE = 1, /* the word may not be a pointer */
	HG_EDGE_SECONDARY =
		2,	   /* finalizer referents, pools: what holds only what nothing else does */
	HG_EDGES_WEAK = 3, /* either of them; see graph/weak.h */
	HG_EDGE_STALE =
		8, /* with CONSERVATIVE: may be left from a call that is over; counts only where no
			      other conservative edge leads either */
	HG_EDGE_OWNER =
		4, /* the target is this root's alone: every other edge into it is left out */
};

struct hg_root_edge {
	uint64_t
		target; /* address in the target process; edges to no block are dropped (conservative: silently) */
	uint32_t root;	 /* its source */
	uint32_t offset; /* of the pointer in the root's value, for its field name */
	uint32_t
		type; /* of what is at target where the emitter knows better than root.type and offset; else 0 */
	uint8_t flags; /* HG_EDGE_* */
};

struct hg_goroutine {
	uint32_t root; /* its root node */
	uint64_t id;
	uint64_t addr;	      /* of its g */
	uint32_t state;	      /* string: "running", "waiting", "syscall", "runnable", "dead" ... */
	uint32_t wait_reason; /* string: "chan receive"; 0 none */
	uint32_t created_by;  /* string: function that has the go statement; 0 unknown */
	uint32_t file, line;  /* of the go statement */
	uint32_t start;	      /* string: function it runs */
	uint64_t stack_bytes; /* its stack segment */
	uint64_t wait_since;  /* ns of the target's monotonic clock; 0 unknown */
};

struct hg_thread_info {
	uint32_t
		root; /* its root node; 0: the thread runs on the stack of a goroutine, and has no roots of its own */
	uint32_t tid;
	uint32_t name;	/* string; 0 unknown */
	uint32_t state; /* string: "system call", "running", "signal 11" */
	uint32_t
		function; /* string: the innermost function on its stack that has a name; 0 unknown */
	uint32_t start;	  /* string: the function it runs */
	uint64_t stack_bytes; /* from its stack pointer to the end */
	uint64_t tls_bytes;   /* of thread-local storage */
};

struct hg_roots {
	HG_VEC(struct hg_root) list; /* [0] is the super-root */
	HG_VEC(struct hg_root_edge) edges;
	HG_VEC(uint64_t)
	folded; /* addresses of blocks whose own edges are not followed (allgs' array, timer heaps):
	                          * whoever folds a block adds what it holds under proper roots */
	HG_VEC(struct hg_goroutine) goroutines;
	HG_VEC(struct hg_thread_info) threads;
};

/** Adds a root and returns its id; 0 when memory is exhausted. */
uint32_t hg_roots_add(struct hg_roots *roots, const struct hg_root *root);
/** Adds an edge; false when memory is exhausted. */
bool hg_roots_edge(struct hg_roots *roots, const struct hg_root_edge *edge);
bool hg_roots_fold(struct hg_roots *roots, uint64_t block_addr);
void hg_roots_deinit(struct hg_roots *roots);

#endif
