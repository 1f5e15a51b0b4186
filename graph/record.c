#include "graph/record.h"

#include <string.h>

size_t hg_record_size(const struct hg_record_table *table)
{
	size_t size = 0;
	for (unsigned i = 0; i < table->count; i++)
		size += table->rows[i].size;
	return size;
}

void hg_record_pack(const struct hg_record_table *table, const void *from, size_t count,
		    uint8_t *to)
{
	const uint8_t *in = from;
	for (size_t i = 0; i < count; i++, in += table->stride)
		for (unsigned k = 0; k < table->count; k++) {
			const struct hg_record_row *row = &table->rows[k];
			memcpy(to, in + row->offset, row->size);
			to += row->size;
		}
}

static bool is_allowed(const struct hg_record_row *row, const struct hg_record_limits *limits,
		       const uint8_t *from)
{
	uint64_t value = 0;
	if (row->check == HG_RECORD_ANY)
		return true;
	memcpy(&value, from, row->size);
	return value < (row->check == HG_RECORD_BOOL ? 2 : limits->below[row->check]);
}

bool hg_record_unpack(const struct hg_record_table *table, const struct hg_record_limits *limits,
		      const uint8_t *from, size_t count, void *to)
{
	uint8_t *out = to;
	for (size_t i = 0; i < count; i++, out += table->stride)
		for (unsigned k = 0; k < table->count; k++) {
			const struct hg_record_row *row = &table->rows[k];
			if (!is_allowed(row, limits, from))
				return false;
			memcpy(out + row->offset, from, row->size);
			from += row->size;
		}
	return true;
}
