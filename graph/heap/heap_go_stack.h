/**
 * Goroutine stacks: private to the heap_go_stack*.c files.
 *
 *   heap_go_stack.c         goroutines, what stands in a g, the roots they become
 *   heap_go_stack_thread.c  threads: where a running goroutine really is
 *   heap_go_stack_frame.c   frames: unwinding, live words by stack maps, stack objects
 *   heap_go_stack_name.c    frames and variables by name
 *   heap_go_stack_guess.c   names for what no variable covers: temporaries
 *   heap_go_stack_region.c  types of temporaries that nothing named points to
 *   heap_go_stack_code.c    types that a function's code names
 */
#ifndef HG_GRAPH_HEAP_HEAP_GO_STACK_H
#define HG_GRAPH_HEAP_HEAP_GO_STACK_H

#include "graph/heap/heap_go_pcln.h"
#include "graph/heap/heap_go_root.h"

struct go_stack_layout {
	struct hg_field g_lo, g_hi, g_sched_sp, g_sched_pc, g_sched_ctxt, g_syscallsp, g_syscallpc;
	struct hg_field g_status, g_goid, g_m, g_waitreason, g_waitsince, g_gopc, g_startpc;
	struct hg_field g_defer, g_panic, g_async_safe, g_xregs;
	struct hg_field m_g0, m_gsignal, m_curg, m_procid, m_alllink, m_vdso_sp, m_vdso_pc;
	struct hg_field defer_heap, defer_fn, defer_link;
	struct hg_field g_waiting, sudog_g, sudog_waitlink, sudog_elem, sudog_c;
	struct hg_field chan_elem_type, chan_elem_size;
	struct hg_field xregs_size;
};

struct go_g {
	uint64_t addr, lo, hi;
	uint64_t sched_sp, sched_pc, ctxt, syscallsp, syscallpc;
	uint64_t goid, m, gopc, startpc, waitsince, first_defer, panic, xregs;
	unsigned status, waitreason;
};

enum { /* g.atomicstatus without its scan bit */
       GO_IDLE = 0,
       GO_RUNNABLE = 1,
       GO_RUNNING = 2,
       GO_SYSCALL = 3,
       GO_WAITING = 4,
       GO_DEAD = 6,
       GO_COPYSTACK = 8,
       GO_PREEMPTED = 9,
       GO_LEAKED = 10,
       GO_DEADEXTRA = 11,
};

struct go_m {
	uint64_t addr, g0, gsignal, curg;
	uint64_t vdso_sp, vdso_pc;
	uint64_t signal_lo, signal_hi; /* the stack of gsignal */
	uint32_t procid;
	const struct hg_thread *thread; /* NULL: not in the dump */
};

/** Where the walk over a goroutine's stack starts. */
struct go_start {
	uint64_t pc, sp;
	bool exact; /* pc is where a thread stands, not where a call returns to */
	bool words; /* no frames can be told: every word from sp on */
	bool has_regs;
	uint64_t regs[HG_ARCH_MAX_REGS];
};

enum go_site_mode {
	GO_SITE_CALL,  /* pc is a return address */
	GO_SITE_EXACT, /* pc was interrupted */
	GO_SITE_FAULT, /* pc faulted: the frame goes on at its deferred calls, or not at all */
};

struct go_slot {		   /* a piece of a variable, or of a temporary, at a site */
	uint32_t name, type, line; /* name 0: nobody knows what it is */
	uint64_t piece_at, piece_size;
	int64_t at;   /* from the CFA */
	uint8_t call; /* index of the call level it belongs to */
	uint8_t reg;  /* DWARF number */
	bool in_register;
	bool whole;
};

/** A place in the code where frames stand, with all that is the same for all of them. */
struct go_site {
	const struct go_func *func;
	uint64_t pc;
	uint32_t number;
	uint32_t delta; /* CFA - sp */
	uint8_t mode;
	bool usable; /* delta is known */
	bool dead;   /* after a fault without deferred calls: nothing in it is live */
	bool named;
	uint32_t locals_bits, args_bits, objects;
	const uint8_t *locals, *args; /* NULL: none */
	const uint8_t *object_records;
	uint32_t slot_count, slot_capacity, call_count;
	struct go_slot *slots;
	struct go_call *calls;
};

struct go_frame {
	struct go_site *site;
	uint64_t sp, fp; /* fp: the CFA */
};

struct go_hit {	       /* a live word that points into the heap */
	uint64_t addr; /* 0: a register */
	uint64_t value;
	uint32_t frame; /* index into frames; UINT32_MAX none */
	uint8_t reg;
	bool conservative;
};

struct go_object { /* an address-taken variable: live when something live points to it */
	uint64_t addr;
	const uint8_t *record;
	uint32_t frame;
	bool seen;
	bool unknown; /* go_region_guess() has failed */
};

struct go_inner { /* a pointer into the goroutine's own stack */
	uint64_t value;
	bool conservative;
};

struct go_link { /* where such a pointer was found */
	uint64_t addr, value;
	uint32_t frame;
};

struct go_wait { /* a value that the goroutine waits to hand over, or the place for one to take */
	uint64_t addr, size;
	uint32_t type;
};

struct go_stacks {
	struct go_rooter r;
	struct go_stack_layout at;
	HG_VEC(struct go_m) ms;
	struct hg_map m_by_addr, m_by_g; /* -> index + 1 */
	struct hg_map sites;		 /* pc and mode -> struct go_site * */
	struct hg_map homes; /* address of a _func -> struct homes * of heap_go_stack_guess.c */
	struct hg_map codes; /* address of a _func -> struct go_code_types * */
	uint32_t site_count;
	uint32_t guesses; /* see heap_go_stack_region.c */
	struct hg_arena arena;
	uint64_t wait_reasons, wait_reason_count;
	uint64_t budget; /* words that may still be scanned: stacks that overlap are damage */
	uint32_t dead_root;
	uint32_t g_type, sudog_type, func_type; /* runtime.g, runtime.sudog, func() */
	/* of the goroutine at hand: */
	const struct go_g *g;
	const uint8_t *bytes; /* [base, end) of its stack */
	uint64_t base, end;
	HG_VEC(struct go_frame) frames;
	HG_VEC(struct go_hit) hits;
	HG_VEC(struct go_object) objects;
	HG_VEC(struct go_inner) inner, inner_conservative;
	HG_VEC(struct go_link) links;
	HG_VEC(struct go_wait) waits;
	HG_VEC(uint32_t) slot_roots; /* of the frame at hand */
	struct hg_map deep_roots;    /* of frames far down a recursion, by site */
};

/* heap_go_stack_thread.c */
struct hg_error *go_threads_open(struct go_stacks *s);
/** Where the goroutine's stack is to be walked from; false where it has none. */
bool go_stack_start(struct go_stacks *s, const struct go_g *g, struct go_start *ret);

/* heap_go_stack.c */
void go_stacks_close(struct go_stacks *s);
bool go_g_read(struct go_stacks *s, uint64_t addr, struct go_g *ret);
/** Is there a record at addr of the goroutine at hand waiting for something? It belongs to no one else, though channels and
 * the records of others point to it. */
bool go_is_own_sudog(const struct go_stacks *s, uint64_t addr);

/* heap_go_stack_frame.c */
/** Finds the frames of s->g and all live words of its stack: s->frames, s->hits. go_stack_finish() must follow. */
void go_stack_scan(struct go_stacks *s, const struct go_start *start);
/** A word that is live: goes to s->hits, or for the stack objects. */
void go_stack_word(struct go_stacks *s, const struct go_hit *hit);
/** Reads a word of the stack at hand; false where it is missing. */
bool go_stack_read(const struct go_stacks *s, uint64_t addr, uint64_t *ret);
/** The stack object that contains addr, once go_stack_finish() has sorted them; NULL none. */
struct go_object *go_object_at(struct go_stacks *s, uint64_t addr);
uint64_t go_object_size(const struct go_object *object);
/** The pointer mask of a stack object and how many words it has; NULL where it is not told. */
const uint8_t *go_object_mask(const struct go_stacks *s, const struct go_object *object,
			      uint64_t *words);
/** Follows the pointers into the stack itself to its stack objects. */
void go_stack_finish(struct go_stacks *s);

/* heap_go_stack_name.c */
/** Makes frame and variable roots below `root` for s->hits. */
void go_stack_emit(struct go_stacks *s, uint32_t root);
/** Variables of a site, told from a frame that stands there; filled on first use. */
void go_site_names(struct go_stacks *s, struct go_site *site, const struct go_frame *frame);
/** Index of the slot that covers a word at an offset from the CFA; slot_count where there is none. */
uint32_t go_slot_at(const struct go_site *site, int64_t at);
/** Adds a slot to a site; false where there are too many. */
bool go_slot_add(struct go_stacks *s, struct go_site *site, const struct go_slot *slot);

/** What lies in a part of a frame. */
struct go_guess {
	uint64_t addr, size, piece_at;
	uint32_t name, type, line;
	uint8_t call;
};

/* heap_go_stack_code.c */
struct go_code_map {   /* a map whose header lies in the frame */
	int64_t at;    /* from sp */
	uint32_t type; /* of the header */
	uint32_t map;  /* of the map */
};

struct go_code_types {
	HG_VEC(uint32_t) types; /* each once, in order of the code */
	HG_VEC(struct go_code_map) maps;
};

/** What a function's code says of types; made on first use. NULL when memory is exhausted. */
const struct go_code_types *go_code_types(struct go_stacks *s, const struct go_func *func);
void go_codes_close(struct go_stacks *s);

/* heap_go_stack_region.c */
/** Where nothing named leads to the hit's word: what it is, by the function's code and by what it points to. */
bool go_region_guess(struct go_stacks *s, const struct go_hit *hit, struct go_guess *ret);

/* heap_go_stack_guess.c */
/** The type of `size` bytes of elements of a type. */
uint32_t go_type_repeated(struct go_stacks *s, uint32_t type, uint64_t size);
/** Adds to the hit's site a slot for the word, which no slot covers. It holds for all frames at that site. */
void go_slot_guess(struct go_stacks *s, const struct go_hit *hit);
/** What a word that no variable covers points to, where one type alone that the function's variables point to
 * fits the block by size and pointers; else 0. */
uint32_t go_fitting_type(struct go_stacks *s, const struct go_hit *hit);
void go_homes_close(struct go_stacks *s);

/* heap_go_stack_name.c */
/** Call levels of a site, filled on first use. */
void go_site_calls(struct go_stacks *s, struct go_site *site);

#endif
