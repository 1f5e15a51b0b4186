/**
 * Inlays: where containers lie within a value of a type (a string in an element in a struct), made flat once per type. Only
 * languages whose containers are values have them.
 */
#ifndef HG_GRAPH_LANG_INLAY_H
#define HG_GRAPH_LANG_INLAY_H

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/vec.h"

struct hg_analysis;

struct hg_inlay {
	uint64_t start, end; /* bytes of the value */
	uint32_t type;	     /* of the container, or of the elements of an array that hold some */
	bool array;
};

struct hg_inlay_list {
	HG_VEC(struct hg_inlay) list;
	bool busy; /* being made */
};

struct hg_inlays {
	struct hg_map by_type; /* type -> struct hg_inlay_list */
	struct hg_arena arena;
	HG_VEC(struct hg_inlay_list *) all;
	unsigned depth; /* lists being made */
};

/** Does a value of the type hold containers, or is it one? */
bool hg_inlays_any(const struct hg_analysis *a, uint32_t type);

/** Calls `found` for each container within the `size` bytes at addr, where as many values of `type` lie as the type says (an
 * open array: as fit). What containers hold is not looked at. */
void hg_inlays_each(const struct hg_analysis *a, uint32_t type, uint64_t addr, uint64_t size,
		    void (*found)(void *arg, uint32_t type, uint64_t addr), void *arg);

/** Finds the container that covers an offset of a value; false where there is none. *start: where it starts. */
bool hg_inlays_at(const struct hg_analysis *a, uint32_t type, uint64_t offset, uint32_t *ret,
		  uint64_t *start);

void hg_inlays_deinit(struct hg_inlays *inlays);

#endif
