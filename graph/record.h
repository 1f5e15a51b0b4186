/**
 * Records on disk: the fields of a struct packed one behind the other, as a table of rows says. A new field is a new row.
 * Numbers are little-endian, as on both of our machines.
 */
#ifndef HG_GRAPH_RECORD_H
#define HG_GRAPH_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a field may hold: a number below the limit of its kind, which the reader gives. */
enum hg_record_check {
	HG_RECORD_ANY,
	HG_RECORD_BOOL,
	HG_RECORD_STRING,    /* number of a string */
	HG_RECORD_TYPE,	     /* type id */
	HG_RECORD_ROOT,	     /* root id */
	HG_RECORD_HEAP,	     /* index of a heap */
	HG_RECORD_TYPE_KIND, /* enum hg_type_kind */
	HG_RECORD_ROOT_KIND, /* enum hg_root_kind */
	HG_RECORD_CONTAINER, /* enum hg_container_kind */
	HG_RECORD_LEAF,	     /* enum hg_leaf_kind */
	HG_RECORD_CHECKS,
};

struct hg_record_row {
	uint16_t offset, size; /* in the struct; size 1, 2, 4 or 8 */
	uint16_t check;	       /* enum hg_record_check */
};

struct hg_record_table {
	const struct hg_record_row *rows;
	unsigned count;
	size_t stride; /* of the struct in memory */
};

#define HG_ROW(type, field, check)                                                                 \
	{                                                                                          \
		offsetof(type, field), sizeof(((type *)0)->field), check                           \
	}
#define HG_RECORD_TABLE(type, rows)                                                                \
	{                                                                                          \
		rows, ARRAY_SIZE(rows), sizeof(type)                                               \
	}

struct hg_record_limits {
	uint64_t below[HG_RECORD_CHECKS]; /* a value is smaller; of ANY not looked at */
};

/** Bytes of one record on disk. */
size_t hg_record_size(const struct hg_record_table *table);

/** Packs `count` structs that lie one behind the other. */
void hg_record_pack(const struct hg_record_table *table, const void *from, size_t count,
		    uint8_t *to);

/** Unpacks `count` records into structs, whose other fields stay; false where a value is not below its limit. */
bool hg_record_unpack(const struct hg_record_table *table, const struct hg_record_limits *limits,
		      const uint8_t *from, size_t count, void *to);

#endif
