/**
 * A hash table from uint64_t to uint64_t (open addressing, linear probing). A zeroed struct is an empty map.
 * Keys may be any value; iteration order is not defined, so nothing that is printed may depend on it.
 */
#ifndef HG_BASE_MAP_H
#define HG_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hg_map_slot {
	uint64_t key;
	uint64_t value;
};

struct hg_map {
	struct hg_map_slot *slots;
	uint8_t *used;
	size_t mask; /* capacity - 1; capacity is a power of two */
	size_t count;
};

/** Returns the address of the value of key, or NULL. Valid until the next hg_map_put(). */
uint64_t *hg_map_get(const struct hg_map *map, uint64_t key);

/** Returns the address of the value of key, which is 0 when the key is new; NULL when memory is exhausted. */
uint64_t *hg_map_put(struct hg_map *map, uint64_t key);

void hg_map_deinit(struct hg_map *map);

#endif
