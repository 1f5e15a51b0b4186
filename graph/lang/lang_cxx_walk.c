// Containers whose elements are nodes that hang on one another. Each walk ends: with the count that the container tells,
// where the links contradict each other, or when all walks together have taken more steps than the heap has room for.
#include "graph/lang/lang_cxx_container.h"

enum { NEXT, PREVIOUS };
enum { LEFT, RIGHT, PARENT };

static bool get_link(const struct cxx_reading *r, uint64_t node, unsigned link, uint64_t *ret)
{
	return hg_image_u64(r->a->prog->image, node + r->plan->links[link].at, ret);
}

/** A node has room for its links in one block. */
static bool is_node(const struct cxx_reading *r, uint64_t node)
{
	return node && node % 8 == 0 && cxx_is_storage(r, node, 16) &&
	       cxx_take_steps((struct cxx_reading *)r, 1);
}

static bool fill_nodes(struct cxx_reading *r, uint64_t length)
{
	r->c.has |= HG_HAS_LENGTH;
	r->c.length = length;
	return true;
}

/** Fields 0: the node that is none and stands at both ends, 1: how many. */
bool cxx_read_list(struct cxx_reading *r)
{
	const uint64_t head = r->addr + r->plan->fields[0].at;
	uint64_t length, count = 0, before = head, node, back;
	if (!cxx_get(r, 1, &length) || !get_link(r, head, NEXT, &node))
		return false;
	while (node != head) {
		if (count++ == length || !is_node(r, node) || !get_link(r, node, PREVIOUS, &back) ||
		    back != before)
			return false;
		cxx_store(r, node, 0, 0);
		before = node;
		if (!get_link(r, node, NEXT, &node))
			return false;
	}
	return count == length && get_link(r, head, PREVIOUS, &back) && back == before &&
	       fill_nodes(r, length);
}

/** Field 0: the first node. Nothing counts them: a mark that moves on at each power of two finds a circle. */
bool cxx_read_forward_list(struct cxx_reading *r)
{
	uint64_t node, count = 0, mark = 0;
	if (!cxx_get(r, 0, &node))
		return false;
	while (node) {
		if (node == mark || !is_node(r, node))
			return false;
		if (!(count & (count - 1)))
			mark = node;
		count++;
		cxx_store(r, node, 0, 0);
		if (!get_link(r, node, NEXT, &node))
			return false;
	}
	return fill_nodes(r, count);
}

/** Where a walk around a tree goes from a node that it came to from `from`; *fresh: for the first time. */
static bool go_around(const struct cxx_reading *r, uint64_t node, uint64_t from, uint64_t *next,
		      bool *fresh)
{
	uint64_t left, right, parent;
	if (!get_link(r, node, LEFT, &left) || !get_link(r, node, RIGHT, &right) ||
	    !get_link(r, node, PARENT, &parent))
		return false;
	if ((left && left == right) || left == parent || right == parent)
		return false;
	*fresh = from == parent;
	if (from == parent)
		*next = left ? left : right ? right : parent;
	else if (from == left)
		*next = right ? right : parent;
	else
		*next = parent;
	return from == parent || from == left || from == right;
}

/** Fields 0: the root, 1: how many, 2: the node that is none and is the root's parent. */
bool cxx_read_tree(struct cxx_reading *r)
{
	const uint64_t head = r->addr + r->plan->fields[2].at;
	uint64_t node, length, count = 0, from = head, next;
	if (!cxx_get(r, 0, &node) || !cxx_get(r, 1, &length))
		return false;
	if (!node)
		return !length && fill_nodes(r, 0);
	while (node != head) {
		bool fresh;
		if (!is_node(r, node) || !go_around(r, node, from, &next, &fresh))
			return false;
		if (fresh && count++ == length)
			return false;
		if (fresh)
			cxx_store(r, node, 0, 0);
		from = node;
		node = next;
	}
	return count == length && fill_nodes(r, length);
}

/** Counts the buckets without a node, where there is room for so many. */
static bool count_unused(struct cxx_reading *r, uint64_t buckets, uint64_t count, uint64_t *ret)
{
	*ret = 0;
	if (count > UINT64_MAX / 8 || !cxx_is_storage(r, buckets, count * 8) ||
	    !cxx_take_steps(r, count / 4))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t bucket;
		if (!hg_image_u64(r->a->prog->image, buckets + i * 8, &bucket))
			return false;
		*ret += !bucket;
	}
	return true;
}

/** Fields 0: the first node, 1: how many; 2, 3: the buckets, and how many; 4: the bucket of a table that has but one. */
bool cxx_read_hash(struct cxx_reading *r)
{
	const struct cxx_field *single = &r->plan->fields[4];
	uint64_t node, length, buckets, bucket_count, unused, count = 0;
	if (!cxx_get(r, 0, &node) || !cxx_get(r, 1, &length) || !cxx_get(r, 2, &buckets) ||
	    !cxx_get(r, 3, &bucket_count) || !count_unused(r, buckets, bucket_count, &unused))
		return false;
	for (; node; count++) {
		if (count == length || !is_node(r, node))
			return false;
		cxx_store(r, node, 0, 0);
		if (!get_link(r, node, NEXT, &node))
			return false;
	}
	if (count != length || (length && !bucket_count))
		return false;
	bool allocated = bucket_count && !(single->known && buckets == r->addr + single->at);
	if (allocated)
		cxx_store(r, buckets, 0, 0);
	r->c.has |= HG_HAS_CAPACITY;
	r->c.capacity = bucket_count;
	r->c.slack = allocated ? unused * 8 : 0;
	return fill_nodes(r, length);
}
