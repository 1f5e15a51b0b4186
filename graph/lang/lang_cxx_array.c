// Containers whose elements lie side by side.
#include "graph/lang/lang_cxx_container.h"

#define MAX_BITS ((uint64_t)1 << 50)

/** Fields 0: first element, 1: behind the last, 2: behind the room for more. */
bool cxx_read_vector(struct cxx_reading *r)
{
	uint64_t begin, end, limit, size = r->plan->element_size;
	if (!cxx_get(r, 0, &begin) || !cxx_get(r, 1, &end) || !cxx_get(r, 2, &limit))
		return false;
	if (begin > end || end > limit || !cxx_is_storage(r, begin, limit - begin))
		return false;
	if (!size)
		return true; // elements of an unknown type
	if ((end - begin) % size || (limit - begin) % size)
		return false;
	if (limit > begin)
		cxx_store(r, begin, begin, end);
	cxx_fill(r, (end - begin) / size, (limit - begin) / size);
	return true;
}

static void fill_bits(struct cxx_reading *r, uint64_t length, uint64_t capacity)
{
	cxx_fill(r, length, capacity);
	r->c.slack = (capacity - length) / 8;
}

/** Fields 0, 1: word and bit of the first; 2, 3: behind the last; 4: behind the last word. */
bool cxx_read_bits(struct cxx_reading *r)
{
	uint64_t begin, first, end, last, limit;
	if (!cxx_get(r, 0, &begin) || !cxx_get(r, 1, &first) || !cxx_get(r, 2, &end) ||
	    !cxx_get(r, 3, &last) || !cxx_get(r, 4, &limit))
		return false;
	if (begin > end || end > limit || limit - begin > MAX_BITS / 8 || first || last >= 64)
		return false;
	uint64_t length = (end - begin) * 8 + last, capacity = (limit - begin) * 8;
	if (length > capacity || !cxx_is_storage(r, begin, limit - begin))
		return false;
	if (limit > begin)
		cxx_store(r, begin, 0, 0);
	fill_bits(r, length, capacity);
	return true;
}

/** Fields 0: the words, 1: bits in use, 2: words. */
bool cxx_read_bits_counted(struct cxx_reading *r)
{
	uint64_t begin, length, words;
	if (!cxx_get(r, 0, &begin) || !cxx_get(r, 1, &length) || !cxx_get(r, 2, &words))
		return false;
	if (words > MAX_BITS / 64 || length > words * 64 || !cxx_is_storage(r, begin, words * 8))
		return false;
	if (words)
		cxx_store(r, begin, 0, 0);
	fill_bits(r, length, words * 64);
	return true;
}

/** Characters that end with a zero, which nobody counts. */
static bool read_long(struct cxx_reading *r, uint64_t data, uint64_t length, uint64_t capacity)
{
	uint64_t size = r->plan->element_size;
	if (!size || length > capacity || capacity >= MAX_BITS / size ||
	    !cxx_is_storage(r, data, (capacity + 1) * size))
		return false;
	cxx_store(r, data, 0, 0);
	cxx_fill(r, length, capacity);
	return true;
}

static bool read_short(struct cxx_reading *r, uint64_t length, const struct cxx_field *buffer)
{
	uint64_t size = r->plan->element_size;
	if (!size || buffer->size < size || length > buffer->size / size - 1)
		return false;
	cxx_fill(r, length, buffer->size / size - 1);
	r->c.slack = 0; // it was not allocated
	return true;
}

/** Fields 0: the characters, 1: how many, 2: room for how many, 3: where short ones lie. */
bool cxx_read_string(struct cxx_reading *r)
{
	uint64_t data, length, capacity;
	if (!cxx_get(r, 0, &data) || !cxx_get(r, 1, &length))
		return false;
	if (data == r->addr + r->plan->fields[3].at)
		return read_short(r, length, &r->plan->fields[3]);
	return cxx_get(r, 2, &capacity) && read_long(r, data, length, capacity);
}

/**
 * Fields 0 to 2: characters, how many, bytes of them; 3, 4: short characters, and how many; 5: where the bit that tells the
 * two apart has a name. It is the lowest of the first byte, which is where the others begin, or the highest of the last:
 *
 *   OFFSET SIZE  SHORT                      LONG
 *   0      1     length << 1 | 0            lowest byte of room | 1
 *   or
 *   23     1     length                     highest byte of room | 0x80
 */
bool cxx_read_string_packed(struct cxx_reading *r)
{
	const struct cxx_field *fields = r->plan->fields;
	uint64_t flag, data, length, capacity;
	bool low = !fields[4].at;
	if (!hg_image_uint(r->a->prog->image, r->addr + fields[4].at, 1, &flag))
		return false;
	uint64_t mask = low ? 1 : 0x80;
	if (!(flag & mask))
		return read_short(r, low ? flag >> 1 : flag, &fields[3]);
	if (!cxx_get(r, 0, &data) || !cxx_get(r, 1, &length) || !cxx_get(r, 2, &capacity))
		return false;
	capacity &= low ? ~(uint64_t)1 : ~((uint64_t)1 << 63);
	return capacity && read_long(r, data, length, capacity - 1);
}

/** Part of a deque: pointers to its nodes, and which of their elements are in use. */
struct deque {
	uint64_t map, map_size; /* pointers to nodes, most of which may be none */
	uint64_t first, nodes;	/* the first pointer in use, how many are */
	uint64_t start, length; /* the first element's number in the first node; how many */
	uint64_t per;		/* elements of a node */
};

static bool read_nodes(struct cxx_reading *r, const struct deque *d)
{
	uint64_t size = r->plan->element_size, left = d->length, skip = d->start;
	if (!cxx_take_steps(r, d->nodes))
		return false;
	for (uint64_t i = 0; i < d->nodes; i++) {
		uint64_t node;
		if (!hg_image_u64(r->a->prog->image, d->first + i * 8, &node) ||
		    !cxx_is_storage(r, node, d->per * size))
			return false;
		uint64_t here = d->per > skip ? d->per - skip : 0;
		here = here < left ? here : left;
		cxx_store(r, node, node + skip * size, node + (skip + here) * size);
		left -= here;
		skip -= skip < d->per ? skip : d->per;
	}
	return !left;
}

static bool fill_deque(struct cxx_reading *r, const struct deque *d)
{
	uint64_t size = r->plan->element_size;
	if (!size || d->map_size > MAX_BITS / 8 || !d->per || d->per > MAX_BITS / size ||
	    !cxx_is_storage(r, d->map, d->map_size * 8) || d->nodes > d->map_size ||
	    d->nodes > MAX_BITS / d->per)
		return false;
	uint64_t capacity = d->nodes * d->per;
	if (d->start > capacity || d->length > capacity - d->start)
		return false;
	if (d->map_size)
		cxx_store(r, d->map, 0, 0);
	if (!read_nodes(r, d))
		return false;
	cxx_fill(r, d->length, capacity);
	r->c.slack += (d->map_size - d->nodes) * 8;
	return true;
}

/** Fields 0 to 3 and 4 to 7: the first element and the place behind the last: itself, its node's first element, behind the
 * node's last, where the pointer to the node stands; 8, 9: those pointers. */
bool cxx_read_deque(struct cxx_reading *r)
{
	uint64_t v[10], size = r->plan->element_size;
	for (unsigned i = 0; i < ARRAY_SIZE(v); i++)
		if (!cxx_get(r, i, &v[i]))
			return false;
	if (!v[8]) // moved from
		return false;
	if (!size || v[1] > v[0] || v[0] > v[2] || v[5] > v[4] || v[4] > v[6] || v[3] > v[7] ||
	    v[8] > v[3] || (v[0] - v[1]) % size || (v[4] - v[5]) % size || (v[3] - v[8]) % 8 ||
	    (v[7] - v[3]) % 8)
		return false;
	struct deque d = {.map = v[8],
			  .map_size = v[9],
			  .first = v[3],
			  .nodes = (v[7] - v[3]) / 8 + 1,
			  .start = (v[0] - v[1]) / size,
			  .per = (v[2] - v[1]) / size};
	if (!d.per || v[6] - v[5] != v[2] - v[1] || d.nodes > MAX_BITS / d.per ||
	    (v[3] - v[8]) / 8 + d.nodes > d.map_size)
		return false;
	uint64_t end = (d.nodes - 1) * d.per + (v[4] - v[5]) / size;
	if (end < d.start)
		return false;
	d.length = end - d.start;
	return fill_deque(r, &d);
}

/** Fields 0, 1: the pointers to nodes in use; 2, 3: all of them; 4: the first element's number, 5: how many. */
bool cxx_read_deque_counted(struct cxx_reading *r)
{
	uint64_t v[6], size = r->plan->element_size;
	for (unsigned i = 0; i < ARRAY_SIZE(v); i++)
		if (!cxx_get(r, i, &v[i]))
			return false;
	if (v[2] > v[0] || v[0] > v[1] || v[1] > v[3] || (v[1] - v[0]) % 8 || (v[3] - v[2]) % 8)
		return false;
	const struct deque d = {.map = v[2],
				.map_size = (v[3] - v[2]) / 8,
				.first = v[0],
				.nodes = (v[1] - v[0]) / 8,
				.start = v[4],
				.length = v[5],
				.per = size && size < 256 ? 4096 / size : 16};
	return fill_deque(r, &d);
}

/** Fields 0: the first element, 1: how many, unless the type says so. */
bool cxx_read_view(struct cxx_reading *r)
{
	uint64_t data, length;
	int64_t fixed = 0;
	if (!cxx_get(r, 0, &data))
		return false;
	if (!r->plan->fields[1].known) {
		if (!hg_type_argument_value(r->a->prog, r->plan->type, 1, &fixed) || fixed < 0)
			return true;
		length = (uint64_t)fixed;
	} else if (!cxx_get(r, 1, &length)) {
		return false;
	}
	uint64_t size = r->plan->element_size ? r->plan->element_size : 1;
	if (length > MAX_BITS / size || !cxx_is_storage(r, data, length * size))
		return false;
	r->c.has |= HG_HAS_LENGTH;
	r->c.length = length;
	return true;
}
