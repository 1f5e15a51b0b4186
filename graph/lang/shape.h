/**
 * Shapes: where pointers lie in a value of a type and what they lead to, made flat once per type so that typing an edge
 * costs a table lookup.
 */
#ifndef HG_GRAPH_LANG_SHAPE_H
#define HG_GRAPH_LANG_SHAPE_H

#include "dwarf/program.h"

enum hg_leaf_kind {
	HG_LEAF_NONE,
	HG_LEAF_POINTER, /* to one `type` (0: not known, as unsafe.Pointer) */
	HG_LEAF_WEAK,	 /* to one `type` that it does not own (weak_ptr) */
	HG_LEAF_ARRAY,	 /* to as many `type` as fit */
	HG_LEAF_SLICE,	 /* Go slice {array, len, cap} of `type` */
	HG_LEAF_STRING,	 /* Go string {str, len} */
	HG_LEAF_EFACE,	 /* Go interface {type descriptor, data} */
	HG_LEAF_IFACE,	 /* Go interface {itab, data} */
	HG_LEAF_FUNC,	 /* Go func value: to a closure */
	HG_LEAF_MAP_DIR, /* Go 1.24 map's dirPtr: to one group, or to an array of pointers to `type` (a table) */
	HG_LEAF_TRIE_NODE, /* Go hash trie: from an indirect node, `type`, to a node that says itself whether it is one, too */
	HG_LEAF_REFLECT, /* Go reflect.Value {type descriptor, ptr, flag}: its ptr */
	HG_LEAF_RANGE, /* C++ container that keeps its elements in a row: to as many `type` as it says; see form */
	HG_LEAF_CHOICE, /* in pieces only: what lies here depends on the value; see hg_shapes.choose */
};

struct hg_leaf {
	uint8_t kind;	 /* enum hg_leaf_kind */
	uint8_t form;	 /* the piece's */
	uint32_t type;	 /* what it leads to */
	uint64_t offset; /* of the leaf's value (a slice's first word) in the outermost value */
};

/** A piece of a flattened type. */
struct hg_piece {
	uint64_t start, end; /* bytes */
	uint32_t
		type; /* leaf: what it leads to; array: the element; choice: the struct that it is a part of */
	uint8_t kind; /* enum hg_leaf_kind; HG_LEAF_NONE: an array of `type` lies here */
	uint8_t form; /* RANGE: the language's own, how it is built; CHOICE: not 0 where types differ */
	uint64_t inner; /* choice: where in the struct it starts */
	uint32_t order; /* of being found: of two that start together the first counts */
};

struct hg_shape {
	HG_VEC(struct hg_piece) pieces; /* sorted, disjoint */
	unsigned steps;			/* that its making took */
	bool has_pointers;
	bool varies; /* hg_shape_varies() */
	bool open;   /* hg_shape_is_open() */
	bool busy;   /* being made: a type that contains itself is damaged */
};

#define HG_MAX_SPECIAL 4

struct hg_shapes {
	struct hg_program *prog;
	unsigned depth;			   /* shapes being made */
	HG_VEC(struct hg_shape *) by_type; /* NULL until asked */
	struct hg_map open_arrays;	   /* element type -> type "as many of it as fit" */
	struct hg_map guessed;		   /* type -> the same, marked as a guess */
	struct hg_map combined;		   /* hash of what is in it -> type */
	struct hg_map composites;	   /* those types -> 1 */
	struct hg_map interiors;	   /* type | offset << 32 -> type "contains it at offset" */
	struct hg_arena arena;
	/** Says what parts of a struct are more than their declared types (a Go slice, a map's tables). Fills up to
	 * HG_MAX_SPECIAL pieces with offsets in the struct and returns how many; *whole: the struct has no others.
	 * NULL where the language has none. */
	unsigned (*special)(struct hg_shapes *shapes, uint32_t type, struct hg_piece *pieces,
			    bool *whole);
	/** What is at `offset` in the value of a struct at addr, of whose pieces one is a choice (the alternative of a
	 * variant): fills the piece that covers it, with offsets in the struct, or returns false where nothing is.
	 * NULL where no language has choices. */
	bool (*choose)(struct hg_shapes *shapes, uint32_t type, uint64_t addr, uint64_t offset,
		       struct hg_piece *ret);
	void *lang; /* for special() and choose() */
};

/** Where a value lies, for what its type alone does not tell. */
struct hg_place {
	uint64_t addr; /* 0: not in memory, or not in one piece; choices are then taken for empty */
	uint64_t room; /* bytes from there on: elements that do not fit are none */
};

/** Finds the leaf that covers the pointer at `offset` of a value of `type`. Kind NONE where no pointer is declared there. */
struct hg_leaf hg_shape_leaf(struct hg_shapes *shapes, uint32_t type, uint64_t offset);
/** The same for a value in memory. */
struct hg_leaf hg_shape_leaf_at(struct hg_shapes *shapes, uint32_t type, struct hg_place place,
				uint64_t offset);
bool hg_shape_has_pointers(struct hg_shapes *shapes, uint32_t type);
/** Does the type end with an array of no fixed length, or of one as it was written before C99? It stands alone: its block has
 * room for more of them. */
bool hg_shape_is_open(struct hg_shapes *shapes, uint32_t type);
/** May values of the type hold values of different types at one place? */
bool hg_shape_varies(struct hg_shapes *shapes, uint32_t type);

/** May a value of a type of C or C++ lie there? What holds pointers at whole words is aligned to them. */
bool hg_shape_aligned(const struct hg_program *prog, uint32_t type, uint64_t addr);

/** The type "as many of elem as fit into the block" (an array whose count is 0); 0 when memory is exhausted. */
uint32_t hg_shape_open_array(struct hg_shapes *shapes, uint32_t elem);
/** The same type under a name that says that it is a guess: "Session?". */
uint32_t hg_shape_guessed(struct hg_shapes *shapes, uint32_t type);
/** The type "unknown, but with a `type` at offset". */
uint32_t hg_shape_interior(struct hg_shapes *shapes, uint32_t type, uint64_t offset);
/** The type of a block that holds what `known` says, and a `type` at `offset` besides, behind or before it; 0 where they overlap,
 * or where so many are together already that it says nothing any more. */
uint32_t hg_shape_combined(struct hg_shapes *shapes, uint32_t known, uint32_t type,
			   uint64_t offset);
void hg_shapes_deinit(struct hg_shapes *shapes);

#endif
