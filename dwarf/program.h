/**
 * An image with its modules, types and variables: what graph/ works on.
 */
#ifndef HG_DWARF_PROGRAM_H
#define HG_DWARF_PROGRAM_H

#include "core/base/strtab.h"
#include "core/image.h"
#include "dwarf/module.h"
#include "dwarf/type.h"
#include "dwarf/variable.h"

struct hg_program {
	struct hg_image *image;		  /* owned */
	HG_VEC(struct hg_module) modules; /* [0] is the executable */
	struct hg_strtab strings;
	struct hg_types types;
	HG_VEC(struct hg_variable) globals; /* sorted by address */
	struct hg_map globals_by_name;	    /* string number -> index + 1 */
	HG_VEC(struct hg_tls_variable) tls; /* by module and offset */
	struct hg_map constants;	    /* string number -> value */
	struct hg_arena arena;
	const struct hg_log *log;
	uint64_t bad_dies;	/* entries of debug info that could not be read */
	uint64_t bad_locations; /* location expressions that could not be read */
	uint64_t bad_frames;	/* entries of call frame information that could not be read */
	HG_VEC(const char *)
	notes; /* one line each for the user: modules without debug info and so on */
	struct hg_program_private *priv;
};

/**
 * Finds the modules of an image and reads types, globals and constants of the executable and of modules with Go code:
 * of their Go units first, then of all others; function bodies lazily. Takes the image over, also on
 * failure. Debug info that is missing is noted, not an error: the caller decides what it cannot do without.
 */
struct hg_error *hg_program_create(struct hg_image *image, const struct hg_log *log,
				   struct hg_program **ret);

/**
 * Reads the debug info of all other modules too, but for those of the C and C++ runtime libraries. To be called when the
 * process has a heap of C, and before anything keeps pointers into the tables of types and globals. Once is enough.
 */
struct hg_error *hg_program_read_native(struct hg_program *prog);
void hg_program_destroy(struct hg_program *prog);
HG_DEFINE_CLEANUP(struct hg_program, hg_program_destroy)

/** Interns in / reads from the program's strings. */
uint32_t hg_program_string(struct hg_program *prog, const char *text);
const char *hg_program_text(const struct hg_program *prog, uint32_t number);

/** Returns the module whose mappings contain addr, or NULL. */
struct hg_module *hg_program_module_at(struct hg_program *prog, uint64_t addr);

/** Is it one of the C and C++ runtime libraries, whose debug info is not read? */
bool hg_program_is_runtime_library(const struct hg_module *module);

/** Adds a formatted line to prog->notes. */
void hg_program_note(struct hg_program *prog, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
