/**
 * Languages: what a pointer in a typed value leads to, what a block's dynamic type is, which blocks are one thing for a
 * person (a map and its tables), and how to name it all. One file (or family) and one row of hg_lang_table each.
 */
#ifndef HG_GRAPH_LANG_LANG_H
#define HG_GRAPH_LANG_LANG_H

#include "core/base/text.h"
#include "graph/analysis.h"
#include "graph/lang/shape.h"

enum hg_container_kind {
	HG_CONTAINER_NONE,
	HG_CONTAINER_MAP,
	HG_CONTAINER_SLICE, /* the array behind a slice or pointer: it has a capacity, no length */
	HG_CONTAINER_CHAN,
	HG_CONTAINER_STRING, /* the bytes of a Go string */
	HG_CONTAINER_SYNC_MAP,
	HG_CONTAINER_SEQUENCE, /* C++: vector, deque, list, array, span ... */
	HG_CONTAINER_SET,
	HG_CONTAINER_TEXT,   /* C++: string, string_view */
	HG_CONTAINER_OWNER,  /* C++: unique_ptr, shared_ptr, weak_ptr: of one thing or none */
	HG_CONTAINER_BOX,    /* C++: optional, variant, any, function: one value within it */
	HG_CONTAINER_RECORD, /* C++: pair, tuple: as much a struct as a container */
	HG_CONTAINER_KINDS,
};

enum {
	HG_HAS_LENGTH = 1,
	HG_HAS_CAPACITY = 2,
	HG_HAS_OWNERS = 4,
};

/** A block that lies behind a container and belongs to it alone. */
struct hg_stored {
	uint64_t addr; /* somewhere in the block */
	uint64_t from,
		to; /* where its elements lie in it; equal where it is a node, for its own type tells */
	uint32_t element;
};

struct hg_container {
	enum hg_container_kind kind;
	const char *word;  /* "map", "vector", "unordered_map": stable, for JSON */
	uint8_t has;	   /* HG_HAS_*: which of the numbers are known */
	bool broken;	   /* it contradicts itself: only kind and word are told */
	uint64_t length;   /* elements in use; entries of a map; bits of a vector<bool> */
	uint64_t capacity; /* elements that there is room for; buckets of a hash table */
	uint64_t owners;   /* of what a shared_ptr or weak_ptr points to */
	uint64_t slack;	   /* bytes allocated for elements that are not there */
	uint32_t element;  /* type id; 0 unknown */
	uint64_t element_size;
	uint32_t
		inside; /* the type of the value that it holds within itself (optional, variant); 0 none */
	uint64_t inside_at; /* its offset */
};

/** Is told of each block that belongs to a container. */
struct hg_storage {
	void (*add)(void *arg, const struct hg_stored *stored);
	void *arg;
};

/** What is believed of the block that a pointer leads to. */
struct hg_guess {
	uint32_t type;	/* 0: nothing */
	uint64_t count; /* values of it from the pointer on; 0: as many as fit */
	uint64_t sure; /* how many of them are more than a guess (C: T * may lead to one); 0: all */
	uint64_t back; /* the pointer leads this far behind the value's start (a base class) */
};

/** A pointer into the middle of a block of a heap without pointer masks. */
struct hg_inside {
	uint64_t addr, size; /* of the block */
	uint64_t offset;     /* of where the pointer leads, above 0 and below size */
	uint32_t type;	     /* of the block; 0 unknown */
};

/** How a path goes on behind a step. */
enum hg_step {
	HG_STEP_ORDINARY,   /* nothing was written: ".name" is right */
	HG_STEP_INTO,	    /* into the member's type */
	HG_STEP_SKIP_ARRAY, /* into the elements of the member, an array, without "[...]" for them */
	HG_STEP_STOP,	    /* it ends here */
};

struct hg_lang {
	const struct hg_lang_ops *ops;
	struct hg_analysis *a;
	struct hg_shapes *shapes; /* the analysis's */
};

struct hg_lang_ops {
	const char *name;
	uint32_t languages; /* bit per enum hg_language: whose types are its */
	bool (*probe)(const struct hg_analysis *a);
	struct hg_error *(*open)(struct hg_analysis *a, struct hg_lang **ret);
	/** What is more than its members in a struct; see struct hg_shapes. Optional. */
	unsigned (*special)(struct hg_lang *lang, uint32_t type, struct hg_piece *pieces,
			    bool *whole);
	/** What is at `offset` in a struct at addr that special() has called a choice; see struct hg_shapes. Optional. */
	bool (*choose)(struct hg_lang *lang, uint32_t type, uint64_t addr, uint64_t offset,
		       struct hg_piece *ret);
	/** What does the pointer `value`, found at `offset` in a value at base, lead to? leaf: hg_shape_leaf() of it. base 0:
	 * the value is not in memory in one piece. */
	struct hg_guess (*resolve)(struct hg_lang *lang, const struct hg_leaf *leaf, uint64_t base,
				   uint64_t offset, uint64_t value);
	/** The type that a value of `type` really is where its block has room for more (a timer inside another). */
	uint32_t (*enlarge)(struct hg_lang *lang, uint32_t type, uint64_t room);
	/** May a value of a type that declares pointers lie where the heap says that there are none? Optional. */
	bool (*hides_pointers)(struct hg_lang *lang, uint32_t type);
	/** Is that how the language itself refers to the whole block, so that it counts as a pointer to its start? Told by what
	 * is in the block, and its type where that is known. Optional. */
	bool (*refers_to_start)(struct hg_lang *lang, const struct hg_inside *inside);
	/** Writes the name of a type as a person would. */
	void (*name_type)(struct hg_lang *lang, uint32_t type, struct hg_text *out);
	/** Is a block of this type an inner part of a container? */
	bool (*is_inner)(struct hg_lang *lang, uint32_t type);
	/** Writes the step from a struct to its member ("" for the inner parts of containers, "[...]" for elements), or
	 * nothing and ORDINARY where ".name" is right. */
	enum hg_step (*name_member)(struct hg_lang *lang, uint32_t type,
				    const struct hg_member *member, struct hg_text *out);
	/** Describes a value of `type` that lies in the `size` bytes at addr. storage: NULL, or who wants to know the blocks
	 * behind it; they are told only of a container that does not contradict itself. */
	struct hg_container (*container)(struct hg_lang *lang, uint32_t type, uint64_t addr,
					 uint64_t size, const struct hg_storage *storage);
	/** Is a value of this type a container, wherever it lies, and may others lie within it? NULL where the containers of
	 * a language are always blocks of their own. */
	enum hg_container_kind (*value_kind)(struct hg_lang *lang, uint32_t type, bool *enter);
	void (*close)(struct hg_lang *lang);
};

extern const struct hg_lang_ops *const hg_lang_table[]; /* ends with NULL */

/** Opens the languages of a process and the shapes of their types. */
struct hg_error *hg_langs_open(struct hg_analysis *a);
void hg_langs_close(struct hg_analysis *a);

/** The language of a type; a type of no known language is taken for one of the first that the process has. NULL where it has
 * none. */
struct hg_lang *hg_lang_of(const struct hg_analysis *a, uint32_t type);

/** Does any language of the process refer to whole blocks so? */
bool hg_langs_refer_to_start(const struct hg_analysis *a, const struct hg_inside *inside);

/** A step into a member of a library's type, as a person would write it. */
struct hg_step_name {
	const char *type, *member; /* the type's name starts so; "" for all members */
	const char *text;
	enum hg_step step;
};

/** Writes the text of the first entry that fits and returns its step; ORDINARY where none does. */
enum hg_step hg_step_find(const struct hg_step_name *names, size_t count, const char *type,
			  const char *member, struct hg_text *out);

/** Writes the type of a node as a person would ("main.User", "map[string]*main.User", "[]uint8", "string"); for root nodes
 * the type of their value; "" for roots without a type; "unknown, 48 bytes" or "unknown, pointer-free" for untyped blocks. */
void hg_name_type(const struct hg_analysis *a, uint32_t node, struct hg_text *out);

/** Writes the name of a type likewise; false where no language has it. */
bool hg_name_of_type(const struct hg_analysis *a, uint32_t type, struct hg_text *out);

/** Writes what leads from a node to the pointer at `offset` in it: ".Cache", ".items[...]", "[...]" for a map's or
 * slice's element, "" where nothing helps (inner parts of containers). Offset is from the start of the slot. */
void hg_name_field(const struct hg_analysis *a, uint32_t node, uint64_t offset,
		   struct hg_text *out);

/** May the field at an offset have another name in another object of the node's type (an alternative of a variant)? */
bool hg_fields_vary(const struct hg_analysis *a, uint32_t node);

/** Is the node an inner part of a container (a map's tables and groups), to be shown as one with its dominator? */
bool hg_node_is_inner(const struct hg_analysis *a, uint32_t node);

/** Describes a node that is a container; kind NONE where it is not. Reads the target's memory. */
struct hg_container hg_node_container(const struct hg_analysis *a, uint32_t node);

/** Describes the value of a type at addr, which may lie anywhere. */
struct hg_container hg_value_container(const struct hg_analysis *a, uint32_t type, uint64_t addr);

/** Calls `stored` for each block behind each container of many elements that lies in a node, in variables as in blocks: the
 * container's type, its offset in the node (as for hg_name_field()), the block's node. */
void hg_node_stored(const struct hg_analysis *a, uint32_t node,
		    void (*stored)(void *arg, uint32_t type, uint64_t offset, uint32_t to),
		    void *arg);

/** Describes the container within a node whose bytes cover `offset` (as for hg_name_field()): the one that an edge leaves.
 * *type gets its type. Kind NONE where there is none, as in languages whose containers are blocks of their own. */
struct hg_container hg_edge_container(const struct hg_analysis *a, uint32_t node, uint64_t offset,
				      uint32_t *type);

#endif
