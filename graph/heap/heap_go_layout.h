/**
 * Where the fields of the Go runtime's structures lie in this target: asked once, in heap_go.c.
 */
#ifndef HG_GRAPH_HEAP_HEAP_GO_LAYOUT_H
#define HG_GRAPH_HEAP_HEAP_GO_LAYOUT_H

#include "dwarf/layout.h"

struct go_module_layout {
	struct hg_field size, pc_header, funcnametab, cutab, filetab, pctab, pclntable, ftab;
	struct hg_field minpc, maxpc, text, etext, data, edata, bss, ebss;
	struct hg_field noptrdata, enoptrdata, noptrbss, enoptrbss;
	struct hg_field types, etypes, rodata, gofunc, textsectmap;
	struct hg_field gcdatamask, gcdatamask_n, gcbssmask, gcbssmask_n, next;
};

struct go_layouts {
	struct {
		struct hg_field size, start, npages, state, span_class, elem_size, nelems;
		struct hg_field free_index, alloc_bits, mark_bits, sweepgen, specials;
		struct hg_field large_type;    /* Go 1.22 */
		struct hg_field is_user_arena; /* Go 1.20 */
	} span;
	struct {
		struct hg_field sweepgen, allspans, arenas;
	} mheap;
	struct {
		struct hg_field bitmap;	      /* to Go 1.21: pointer bits of the arena */
		struct hg_field no_more_ptrs; /* Go 1.20 and 1.21 */
	} arena;
	struct hg_field inline_marks; /* Green Tea: the last bytes of a span */
	struct go_module_layout module;
};

#endif
