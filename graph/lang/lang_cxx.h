/**
 * C++ as a language: private to the lang_cxx*.c files.
 *
 *   lang_cxx.c       row of the table; what a pointer leads to
 *   lang_cxx_std.c   containers of libstdc++ and libc++: their nodes and where those lead
 *   lang_cxx_start.c pointers into the middle of a block that stand for all of it
 *   lang_cxx_choice.c  structs of the library whose contents depend on the value: which there are, what has been said
 *   lang_cxx_smart.c   what one flag, number or function decides: smart pointers, optional, variant, any, function
 *   lang_cxx_range.c   elements in a row: vector, deque
 *   lang_cxx_link.c    nodes that lead to each other: list, map, unordered_map
 *   lang_cxx_container.c  what containers hold; see lang_cxx_container.h
 *   lang_cxx_name.c  names without default arguments, steps in and out of containers
 */
#ifndef HG_GRAPH_LANG_LANG_CXX_H
#define HG_GRAPH_LANG_LANG_CXX_H

#include "graph/lang/lang_c.h"

extern const struct hg_lang_ops hg_lang_cxx;

struct lang_cxx {
	struct hg_lang lang;
	struct hg_map choices; /* type -> struct cxx_choice *, or 1 where there is none */
	struct hg_map methods; /* code address -> class that it belongs to, + 1 */
	struct hg_map damaged; /* addresses of containers that have been counted as such */
	struct hg_map tables;  /* type -> has it virtual functions? see lang_cxx.c */
	struct hg_map plans;   /* type -> struct cxx_plan; 1 where it is no container */
	uint64_t steps;	       /* that walks along nodes may still take, all together */
	struct hg_arena arena; /* of the choices and plans */
	struct {
		uint32_t type; /* 0: none */
		uint64_t addr, size;
		struct hg_container c;
	} last; /* the container that was read last: reports ask for one several times, and it may be long */
};

#define CXX_NAMES 4

struct cxx_choice;

/** A struct of the library that is more than its members: how to recognize it and what to ask. */
struct cxx_rule {
	const char *type; /* how its name begins */
	const char *names
		[CXX_NAMES]; /* members; which, the file that has the rule knows. "a|b": either; "a|@8": where debug info has
				       * none, a word at that offset */
	/** Fills what is to be known of a type; false where it is built in another way. */
	bool (*prepare)(struct lang_cxx *cxx, struct cxx_choice *choice);
	/** See hg_lang_ops.choose. */
	bool (*choose)(struct lang_cxx *cxx, const struct cxx_choice *choice, uint64_t addr,
		       uint64_t offset, struct hg_piece *ret);
	int argument; /* the template argument that is the type of the value; -1: the member's own */
	uint64_t dead; /* value of the flag where there is no value */
	uint8_t form;
};

/** A rule, for one type. */
struct cxx_choice {
	const struct cxx_rule *rule;
	uint32_t type;
	uint64_t start, end; /* the part of the struct that it is about */
	bool whole;	     /* the struct has no other pointers */
	bool varies;	     /* what it holds may be of different types */
	uint32_t inlay; /* type of the value that it may hold; 0 where there is no single one */
	uint64_t at[CXX_NAMES];
	uint32_t types[CXX_NAMES];
	uint32_t element;
	uint64_t back, base; /* links: see lang_cxx_link.c */
};

/* lang_cxx_choice.c */
/** The choice that a type is, NULL where it is none. */
const struct cxx_choice *cxx_choice_of(struct lang_cxx *cxx, uint32_t type);
bool cxx_choose(struct hg_lang *lang, uint32_t type, uint64_t addr, uint64_t offset,
		struct hg_piece *ret);
/** Counts a container whose parts contradict each other, once. Returns false. */
bool cxx_is_damaged(struct lang_cxx *cxx, uint64_t addr, const char *what);
/** The class of a function of the target, by the address of its code; 0 unknown. */
uint32_t cxx_class_of_code(struct lang_cxx *cxx, uint64_t pc);
/** Finds a member by one of the names that a rule gives for it; false where it has none. *member_type 0: a word. */
bool cxx_find_either(const struct hg_program *prog, uint32_t type, const char *names,
		     uint64_t *offset, uint32_t *member_type);
/** Fills at[] and types[] of the rule's names up to the first that is NULL; false where one is missing. */
bool cxx_find_members(struct lang_cxx *cxx, struct cxx_choice *choice);

/* rules, each list ends with one that has no type */
extern const struct cxx_rule cxx_smart_rules[], cxx_range_rules[], cxx_link_rules[];

/* lang_cxx_range.c */
/** What a pointer of a vector or deque leads to; opens the windows of its blocks. */
struct hg_guess cxx_resolve_range(struct lang_cxx *cxx, const struct hg_leaf *leaf, uint64_t base,
				  uint64_t offset);

/* lang_cxx_std.c */
unsigned cxx_special(struct hg_lang *lang, uint32_t type, struct hg_piece *pieces, bool *whole);
bool cxx_is_node_base(const struct hg_program *prog, uint32_t type);
/** The type of the nodes of a container, by its argument; 0 where none was read. */
uint32_t cxx_node_of(const struct hg_program *prog, uint32_t container);
bool cxx_is_inner(struct hg_lang *lang, uint32_t type);
/** Finds a member by name in a struct, its base classes and its members' structs; false where it has none. */
bool cxx_find_member(const struct hg_program *prog, uint32_t type, const char *name,
		     uint64_t *offset, uint32_t *member_type);

/* lang_cxx_start.c */
bool cxx_refers_to_start(struct hg_lang *lang, const struct hg_inside *inside);
/* lang_cxx_container.c */
struct hg_container cxx_container(struct hg_lang *lang, uint32_t type, uint64_t addr, uint64_t size,
				  const struct hg_storage *storage);
enum hg_container_kind cxx_value_kind(struct hg_lang *lang, uint32_t type, bool *enter);

/* lang_cxx_name.c */
void cxx_name_type(struct hg_lang *lang, uint32_t type, struct hg_text *out);
enum hg_step cxx_name_member(struct hg_lang *lang, uint32_t type, const struct hg_member *member,
			     struct hg_text *out);
/** Copies template argument n of "name<a, b, c>"; NULL where it has fewer. malloc'd. */
char *cxx_argument(const char *name, unsigned n);

#endif
