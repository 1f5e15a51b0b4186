/**
 * Containers of the C++ library as their own members tell them: private to the lang_cxx_*.c files.
 *
 *   lang_cxx_container.c  the rows: which members of which library; sizes and owners
 *   lang_cxx_array.c      those whose elements lie side by side: vector, string, deque
 *   lang_cxx_walk.c       those whose elements hang on one another: lists, trees, hash tables
 */
#ifndef HG_GRAPH_LANG_LANG_CXX_CONTAINER_H
#define HG_GRAPH_LANG_LANG_CXX_CONTAINER_H

#include "graph/lang/lang_cxx.h"

#define CXX_FIELDS 11
#define CXX_LINKS 3

/** A member of a container, found once a type. */
struct cxx_field {
	bool known;
	uint32_t size; /* bytes */
	uint32_t type;
	uint64_t at; /* offset in the container */
};

struct cxx_reading;

struct cxx_container_rule {
	const char *name; /* "vector": "std::vector<...>", in whatever inline namespace */
	enum hg_container_kind kind;
	unsigned
		value; /* the template argument that tells the elements' type; see argument_element() */
	bool (*read)(struct cxx_reading *r); /* false: it contradicts itself */
	/** Ways to its members: parts with '.' between them, "a|b" for either, '?' first where it may lack; the text behind '@'
	 * is how the name of a member's type begins. */
	const char *fields[CXX_FIELDS];
	/** Members of what field 0 points to, or of what it is. */
	const char *links[CXX_LINKS];
};

/** A type that is a container, with all that can be known without a value of it. */
struct cxx_plan {
	const struct cxx_container_rule *rule;
	uint32_t type;
	uint32_t element;
	uint64_t element_size;
	struct cxx_field fields[CXX_FIELDS];
	struct cxx_field links[CXX_LINKS]; /* offsets in what holds them */
};

/** One container being read. */
struct cxx_reading {
	struct lang_cxx *cxx;
	const struct hg_analysis *a;
	const struct cxx_plan *plan;
	uint64_t addr;
	const struct hg_storage *storage; /* NULL: nobody asks */
	struct hg_container c;
};

/** Reads a member: an integer or pointer of 1, 2, 4 or 8 bytes. */
bool cxx_get(const struct cxx_reading *r, unsigned field, uint64_t *ret);

/** Do the bytes lie in one block, or in readable memory outside of all heaps (another allocator, a variable)? */
bool cxx_is_storage(const struct cxx_reading *r, uint64_t addr, uint64_t size);

/** Tells whoever asks of elements in [from, to) of the block at addr; of a node where from is to. */
void cxx_store(const struct cxx_reading *r, uint64_t addr, uint64_t from, uint64_t to);

/** Sets length and capacity, and the slack of what was allocated for elements. */
void cxx_fill(struct cxx_reading *r, uint64_t length, uint64_t capacity);

/** Takes n steps from what all walks together may take; false when there are none left. */
bool cxx_take_steps(struct cxx_reading *r, uint64_t n);

/* lang_cxx_array.c */
bool cxx_read_vector(struct cxx_reading *r);
bool cxx_read_bits(struct cxx_reading *r);
bool cxx_read_bits_counted(struct cxx_reading *r);
bool cxx_read_string(struct cxx_reading *r);
bool cxx_read_string_packed(struct cxx_reading *r);
bool cxx_read_deque(struct cxx_reading *r);
bool cxx_read_deque_counted(struct cxx_reading *r);
bool cxx_read_view(struct cxx_reading *r);

/* lang_cxx_walk.c */
bool cxx_read_list(struct cxx_reading *r);
bool cxx_read_forward_list(struct cxx_reading *r);
bool cxx_read_tree(struct cxx_reading *r);
bool cxx_read_hash(struct cxx_reading *r);

#endif
