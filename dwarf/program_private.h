/**
 * What the files of dwarf/ share and nobody else needs: how modules are found and read, and what is kept of the debug
 * info of each, so that functions can be looked up later.
 */
#ifndef HG_DWARF_PROGRAM_PRIVATE_H
#define HG_DWARF_PROGRAM_PRIVATE_H

#include "dwarf/die.h"
#include "dwarf/line.h"
#include "dwarf/program.h"
#include "dwarf/symbol.h"

struct hg_function_range {  /* where the code of a function lies; one with ranges has several */
	uint64_t low, high; /* link-time addresses */
	uint64_t die;
};

struct hg_type_entry {
	uint64_t offset;
	uint32_t id;
};

struct hg_module_index {		      /* what is known of the debug info of a module */
	struct hg_map types;		      /* Go: offset of a type's entry -> type id */
	HG_VEC(struct hg_type_entry) entries; /* the others', in the order of their offsets */
	HG_VEC(struct hg_function_range) functions; /* sorted by low once functions_sorted */
	bool functions_sorted;
	HG_VEC(struct hg_function *) functions_read;
	struct hg_map function_at; /* offset of its entry -> index in functions_read + 1 */
	uint64_t counted_damage;   /* of hg_dwarf_damage(), already in prog->bad_dies */
	uint64_t descriptor_limit; /* go_descriptor is below it */
	struct hg_symbols *symbols;
	struct hg_line_files files;    /* of the unit whose variables were read last */
	struct hg_frame_table *frames; /* in the program's arena; NULL until asked for */
};

struct hg_program_private {
	struct hg_module_index *indexes; /* one per module */
	uint32_t *by_start;		 /* modules sorted by start */
	struct hg_map locals;		 /* pc -> struct hg_pc_locals *, in the program's arena */
	struct hg_frame_table *vdso;	 /* in the program's arena; NULL until asked for */
	struct hg_map native_types;	 /* what a type of C is -> type id */
	struct hg_map native_names; /* its name | kind << 32 -> type id, the first of that name */
	struct hg_map classes;	    /* hash of the name of a class of C++ -> type id */
	size_t classes_of;	    /* types below this id are in it */
	struct hg_map vtables;	    /* address of a virtual table -> what is known of it */
	bool native_read;	    /* hg_program_read_native() has been here */
};

/* module.c */

/** Finds the modules of the program's image, opens their files and debug files. Problems are noted, not errors. */
struct hg_error *hg_module_find_all(struct hg_program *prog);
void hg_module_deinit(struct hg_module *module);

/* debugfile.c */

/** Finds the file with the debug info of a module (maybe elf itself) and sets module->debug, or module->problem. */
void hg_debugfile_find(struct hg_program *prog, struct hg_module *module);

/* type_read.c */

/** Reads types, globals, constants and function ranges of a module. Damage is counted in prog->bad_dies. */
struct hg_error *hg_type_read(struct hg_program *prog, uint32_t module);

/** The type whose entry stands at an offset of the debug info of a module, 0 where there is none. */
uint32_t hg_type_at_entry(const struct hg_module_index *index, uint64_t offset);
enum hg_language hg_type_language(uint64_t dwarf_language);
enum hg_type_kind hg_type_base_kind(uint64_t encoding);

/* type_native.c */

/** Reads types, globals and function ranges of all units of a module but Go's. */
struct hg_error *hg_native_read(struct hg_program *prog, uint32_t module);

/* type.c */

/** hg_type_add() of a type that is not to be found by its name, or not yet; and that then is. */
uint32_t hg_type_add_unnamed(struct hg_program *prog, const struct hg_type *type);
bool hg_type_enter_name(struct hg_program *prog, uint32_t id);

/* variable.c */

/** Sorts the globals and enters them by name, when all modules are read, and again when more are. */
struct hg_error *hg_variable_finish(struct hg_program *prog);

/* scope.c */

/** The entry of the function whose code contains a pc; false where none is known. */
bool hg_scope_entry(struct hg_program *prog, uint64_t pc, uint32_t *module, uint64_t *die);
void hg_scope_deinit(struct hg_module_index *index);

/* symbol.c */
void hg_symbol_deinit(struct hg_symbols *symbols);

/* frame.c */
void hg_frame_deinit(struct hg_frame_table *table);

/* program.c */

/** A program without modules on an image (may be NULL), which it takes over. */
struct hg_error *hg_program_create_bare(struct hg_image *image, const struct hg_log *log,
					struct hg_program **ret);

/** Makes the per-module part, when prog->modules is complete. */
struct hg_error *hg_program_index_modules(struct hg_program *prog);

/** Moves damage found since the last call to prog->bad_dies. */
void hg_program_count_damage(struct hg_program *prog, uint32_t module);

#endif
