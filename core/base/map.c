#include "core/base/map.h"

#include <stdlib.h>
#include <xxhash.h>

static size_t slot_of(const struct hg_map *map, uint64_t key)
{
	size_t i = XXH3_64bits(&key, sizeof(key)) & map->mask;
	while (map->used[i] && map->slots[i].key != key)
		i = (i + 1) & map->mask;
	return i;
}

uint64_t *hg_map_get(const struct hg_map *map, uint64_t key)
{
	if (!map->slots)
		return NULL;
	size_t i = slot_of(map, key);
	return map->used[i] ? &map->slots[i].value : NULL;
}

static bool grow(struct hg_map *map)
{
	size_t capacity = map->slots ? (map->mask + 1) * 2 : 64;
	struct hg_map larger = {
		.slots = calloc(capacity, sizeof(*larger.slots)),
		.used = calloc(capacity, 1),
		.mask = capacity - 1,
		.count = map->count,
	};
	if (!larger.slots || !larger.used) {
		hg_map_deinit(&larger);
		return false;
	}
	for (size_t i = 0; map->slots && i <= map->mask; i++) {
		if (!map->used[i])
			continue;
		size_t at = slot_of(&larger, map->slots[i].key);
		larger.used[at] = 1;
		larger.slots[at] = map->slots[i];
	}
	hg_map_deinit(map);
	*map = larger;
	return true;
}

uint64_t *hg_map_put(struct hg_map *map, uint64_t key)
{
	if ((!map->slots || map->count >= (map->mask + 1) / 4 * 3) && !grow(map))
		return NULL;
	size_t i = slot_of(map, key);
	if (!map->used[i]) {
		map->used[i] = 1;
		map->slots[i] = (struct hg_map_slot){key, 0};
		map->count++;
	}
	return &map->slots[i].value;
}

void hg_map_deinit(struct hg_map *map)
{
	free(map->slots);
	free(map->used);
	*map = (struct hg_map){0};
}
