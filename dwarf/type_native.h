/**
 * How types of C, C++ and Rust are read: private to the type_native*.c files.
 *
 * A type of a header stands in each unit that includes it. So a unit is read into tables of its own first (a batch),
 * then each of its types is looked up among all that are known, and only new ones enter the program. Modules whose
 * units refer to each other (link time optimization, dwz) are one batch.
 */
#ifndef HG_DWARF_TYPE_NATIVE_H
#define HG_DWARF_TYPE_NATIVE_H

#include "dwarf/line.h"
#include "dwarf/program_private.h"

enum hg_native_form {		       /* how a type gets its name, and what makes two the same */
		      HG_NATIVE_NAMED, /* struct, class, union, enum, base type: by name and contents */
		      HG_NATIVE_TYPEDEF,
		      HG_NATIVE_POINTER,
		      HG_NATIVE_REFERENCE,
		      HG_NATIVE_RVALUE_REFERENCE,
		      HG_NATIVE_MEMBER_POINTER,
		      HG_NATIVE_CONST,
		      HG_NATIVE_VOLATILE,
		      HG_NATIVE_RESTRICT,
		      HG_NATIVE_ATOMIC,
		      HG_NATIVE_ARRAY,
		      HG_NATIVE_FUNCTION,
};

struct hg_native_scope { /* what a name stands in */
	uint32_t parent;
	uint32_t type; /* index + 1 of the class that it is */
	const char *
		name; /* of a namespace or function; NULL: of an anonymous namespace, or see function */
	uint64_t function; /* offset of its entry when it is a function */
	uint32_t full;	   /* number of the full name once it is known, with has_full */
	bool has_full;
	bool transparent; /* adds nothing to names: C's structs */
};

struct hg_native_type {
	uint64_t offset; /* of its entry */
	uint64_t ref;	 /* DW_AT_type: offset of an entry */
	uint64_t
		origin; /* of the declaration that holds its name, or of its definition in a type unit */
	uint64_t size, count;
	const char *own; /* DW_AT_name */
	uint32_t full;	 /* name: number in the program's strings */
	uint32_t scope;
	uint32_t file, line;
	const char *basename; /* of the file */
	uint32_t members, member_count;
	uint32_t arguments, argument_count;
	uint32_t id;  /* in the type table, once it is known */
	uint8_t kind; /* enum hg_type_kind */
	uint8_t form; /* enum hg_native_form */
	uint8_t language;
	bool is_class; /* for the name of an anonymous one */
	bool declaration;
	bool is_new; /* first of its kind: its members are to be filled in */
	bool has_full;
	bool busy, done;
};

struct hg_native_member { /* of a struct; parameter of a function; dimension of an array (its count in offset) */
	uint32_t owner; /* index of the type */
	uint64_t ref;
	uint64_t offset;
	const char *name;
	bool embedded;
};

struct hg_native_argument {
	uint32_t owner;
	uint64_t ref;
	bool is_value;
	int64_t value;
};

struct hg_native_entry { /* a function or variable that others may take their name from */
	uint64_t offset;
	uint32_t scope;
};

struct hg_native_variable {
	uint64_t ref, origin;
	const char *name;
	uint64_t place; /* address in the target, or offset in the TLS block */
	uint32_t scope;
	uint32_t file, line;
	uint8_t language;
	bool is_tls;
};

struct hg_native { /* a batch */
	struct hg_program *prog;
	uint32_t module;
	struct hg_module_index *index;
	struct hg_dwarf *dwarf;
	struct hg_line_files files;
	HG_VEC(struct hg_native_scope) scopes; /* [0] is the unit */
	HG_VEC(struct hg_native_type) types;   /* in the order of their entries */
	HG_VEC(struct hg_native_member) members;
	HG_VEC(struct hg_native_argument) arguments;
	HG_VEC(struct hg_native_entry) entries;
	HG_VEC(struct hg_native_variable) variables;
	uint64_t names_left; /* bytes that may still be made of new names */
	bool nomem;
};

/** Returns the index + 1 of a type of the batch by the offset of its entry, or 0. */
uint32_t hg_native_find(const struct hg_native *batch, uint64_t offset);

/** True and the entry that something takes its name from, and the scope where that stands. */
bool hg_native_declaration(const struct hg_native *batch, uint64_t origin, struct hg_die *ret,
			   uint32_t *scope);

/* type_native_name.c */

/** Names the types of the batch that have a name of their own, anonymous ones by a typedef or their place. */
void hg_native_name_all(struct hg_native *batch);

/** Number of the full name of something in a scope. */
uint32_t hg_native_full_name(struct hg_native *batch, uint32_t scope, const char *name);

/** Number of the name of a type that is made of another ("Session *", "int[16]"), by the id of that. */
uint32_t hg_native_derived_name(struct hg_native *batch, const struct hg_native_type *type,
				uint32_t elem, const uint32_t *parameters);

/* type_native_merge.c */

/** Finds or makes the id of every type of the batch. */
void hg_native_merge(struct hg_native *batch);

/** The id of a type by the offset of its entry, in this batch or an earlier one of the module; 0 where there is none. */
uint32_t hg_native_id(const struct hg_native *batch, uint64_t offset);

#endif
