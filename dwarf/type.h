/**
 * The type table: every type of the program as a u32. Id 0 is "unknown". Typedefs stay in the table; ask
 * hg_type_strip() for what lies behind them.
 */
#ifndef HG_DWARF_TYPE_H
#define HG_DWARF_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/map.h"
#include "core/base/vec.h"

struct hg_program;

enum hg_type_kind {
	HG_TYPE_UNKNOWN,
	HG_TYPE_VOID,
	HG_TYPE_BOOL,
	HG_TYPE_INT,
	HG_TYPE_UINT,
	HG_TYPE_FLOAT,
	HG_TYPE_COMPLEX,
	HG_TYPE_POINTER, /* elem: what it points to; 0 for void* and unsafe.Pointer */
	HG_TYPE_STRUCT,	 /* structs and classes */
	HG_TYPE_UNION,
	HG_TYPE_ARRAY, /* elem, count */
	HG_TYPE_ENUM,
	HG_TYPE_FUNC,	 /* Go: a func value, one pointer to a funcval; C: a function */
	HG_TYPE_TYPEDEF, /* elem: what it names; also const, volatile */
};

/** reflect.Kind numbers, which Go compilers write as DW_AT_go_kind and runtime descriptors hold. */
enum hg_go_kind {
	HG_GO_NONE = 0,
	HG_GO_BOOL = 1,
	HG_GO_INT = 2,
	HG_GO_UINTPTR = 12,
	HG_GO_ARRAY = 17,
	HG_GO_CHAN = 18,
	HG_GO_FUNC = 19,
	HG_GO_INTERFACE = 20,
	HG_GO_MAP = 21,
	HG_GO_POINTER = 22,
	HG_GO_SLICE = 23,
	HG_GO_STRING = 24,
	HG_GO_STRUCT = 25,
	HG_GO_UNSAFE_POINTER = 26,
};

/** The language of the unit that a type or variable comes from. */
enum hg_language {
	HG_LANGUAGE_UNKNOWN,
	HG_LANGUAGE_GO,
	HG_LANGUAGE_C, /* assembler too */
	HG_LANGUAGE_CXX,
	HG_LANGUAGE_RUST,
	HG_LANGUAGES,
};

struct hg_type {
	uint32_t name; /* in the program's strings; 0 for none */
	uint8_t kind;  /* enum hg_type_kind */
	uint8_t go_kind;
	uint8_t language; /* enum hg_language */
	bool incomplete;  /* declared, but defined nowhere that was read */
	uint16_t module;  /* index into the program's modules */
	uint64_t size;	  /* bytes */
	uint64_t count;	  /* elements of an array */
	uint32_t elem;	  /* pointee, element, or target of a typedef */
	uint32_t go_key;  /* DW_AT_go_key: key of a map */
	uint32_t go_elem; /* DW_AT_go_elem: element of slice, chan, map */
	uint32_t members; /* first in the member table */
	uint32_t member_count;
	uint32_t arguments; /* of a template: first in the argument table */
	uint32_t argument_count;
	uint32_t file, line; /* declaration; file in the program's strings; 0 when unknown */
	uint64_t
		go_descriptor; /* DW_AT_go_runtime_type: offset of the descriptor from runtime.types; 0 none */
};

struct hg_member {
	uint32_t name; /* in the program's strings */
	uint32_t type;
	uint64_t offset; /* bytes from the start of the struct */
	/* Go: DW_AT_go_embedded_field. C++: a base class, without a name; virtual ones are left out, since only the object
	 * knows where they lie. C and C++: an anonymous struct or union. */
	bool embedded;
};

struct hg_type_argument { /* of a template; those of a parameter pack follow one another */
	uint32_t type;	  /* the argument, or what type the value has */
	bool is_value;
	int64_t value;
};

struct hg_types {
	HG_VEC(struct hg_type) types; /* [0] is the unknown type */
	HG_VEC(struct hg_member) members;
	HG_VEC(struct hg_type_argument) arguments;
	struct hg_map
		by_name; /* name (string number) -> type id; first struct or typedef of that name wins */
	struct hg_map by_descriptor; /* go_descriptor | module << 48 -> type id; first wins */
};

/** Returns the type of an id; the unknown type for ids that do not exist. */
const struct hg_type *hg_type_get(const struct hg_program *prog, uint32_t id);
const char *hg_type_name(const struct hg_program *prog, uint32_t id);

/** Returns the id behind all typedefs (and const, volatile), 0 where they form a loop. */
uint32_t hg_type_strip(const struct hg_program *prog, uint32_t id);

/** Is there a number at `offset` of a value of this type that may stand for an address (Go's uintptr)? Of an array without a
 * count, an element follows the other. */
bool hg_type_is_address(const struct hg_program *prog, uint32_t id, uint64_t offset);

/** Returns the id of a type by its full name ("runtime.mspan", "main.User"), or 0. */
uint32_t hg_type_find(const struct hg_program *prog, const char *name);

/** Returns the type of a Go runtime descriptor by its offset from the module's runtime.types, or 0. */
uint32_t hg_type_by_descriptor(const struct hg_program *prog, uint32_t module, uint64_t offset);

/** Returns the member of that name of a struct or union (typedefs are looked through), or NULL. */
const struct hg_member *hg_type_member(const struct hg_program *prog, uint32_t id,
				       const char *name);

/** Returns the n-th template argument of a type if it is a type ("std::vector<int>" has int first), else 0. */
uint32_t hg_type_argument(const struct hg_program *prog, uint32_t id, uint32_t n);

/** True and the n-th template argument if it is a number. */
bool hg_type_argument_value(const struct hg_program *prog, uint32_t id, uint32_t n, int64_t *ret);

/** Adds a type (its members must follow by hg_type_add_member() at once); 0 when memory is exhausted. */
uint32_t hg_type_add(struct hg_program *prog, const struct hg_type *type);
bool hg_type_add_member(struct hg_program *prog, uint32_t id, const struct hg_member *member);

#endif
