/**
 * Runtime type descriptors (internal/abi.Type, runtime._type): read in place, every field checked.
 */
#ifndef HG_GRAPH_HEAP_HEAP_GO_DESCRIPTOR_H
#define HG_GRAPH_HEAP_HEAP_GO_DESCRIPTOR_H

#include "graph/heap/heap_go.h"

struct go_descriptor {
	uint64_t addr;
	uint64_t size, ptr_bytes;
	uint64_t gc_data;
	int32_t name; /* name offset */
	uint8_t kind; /* enum hg_go_kind */
	uint8_t flags;
	bool direct; /* a value in an interface is the data word itself */
	bool mask_from_parts; /* GCData is a program or not built yet: make the mask from elements and fields */
};

struct go_descriptor_field {
	uint64_t type; /* descriptor */
	uint64_t offset;
	uint64_t name; /* address of its name */
};

/** Reads a descriptor; false where addr is not one (unreadable, kind or sizes out of range). */
bool go_descriptor_read(struct heap_go *go, uint64_t addr, struct go_descriptor *ret);

/** Reads the dummy descriptor that large objects of Go 1.22 and 1.23 and user arenas have: kind 0, GCData is the object's
 * own bitmap. False where it is an ordinary one. */
bool go_descriptor_read_dummy(struct heap_go *go, uint64_t addr, struct go_descriptor *ret);

bool go_descriptor_array(struct heap_go *go, const struct go_descriptor *d, uint64_t *elem,
			 uint64_t *count);
uint64_t go_descriptor_elem(struct heap_go *go, const struct go_descriptor *d); /* 0 none */
uint64_t go_descriptor_field_count(struct heap_go *go, const struct go_descriptor *d);
bool go_descriptor_field(struct heap_go *go, const struct go_descriptor *d, uint64_t index,
			 struct go_descriptor_field *ret);

/* heap_go_type.c */
/** go_type_at() for the parts of another type; 0 where that nests too deep. */
uint32_t go_type_within(struct heap_go *go, uint64_t descriptor, unsigned depth);

/* heap_go_type_map.c */
/** Makes the type of what a map points to: its header; 0 where that is not known. */
uint32_t go_type_map_header(struct heap_go *go, const struct go_descriptor *d, unsigned depth);

#endif
