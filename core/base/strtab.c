#include "core/base/strtab.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static size_t slot_of(const struct hg_strtab *tab, const char *text, size_t length)
{
	size_t i = XXH3_64bits(text, length) & tab->mask;
	while (tab->slots[i]) {
		const char *other = tab->texts.data[tab->slots[i]];
		if (!strncmp(other, text, length) && !other[length])
			break;
		i = (i + 1) & tab->mask;
	}
	return i;
}

static bool grow(struct hg_strtab *tab)
{
	size_t capacity = tab->slots ? (tab->mask + 1) * 2 : 256;
	uint32_t *slots = calloc(capacity, sizeof(*slots));
	if (!slots)
		return false;
	free(tab->slots);
	tab->slots = slots;
	tab->mask = capacity - 1;
	for (size_t i = 1; i < tab->texts.count; i++)
		tab->slots[slot_of(tab, tab->texts.data[i], strlen(tab->texts.data[i]))] =
			(uint32_t)i;
	return true;
}

uint32_t hg_strtab_addn(struct hg_strtab *tab, const char *text, size_t length)
{
	if (!length || tab->texts.count >= UINT32_MAX)
		return 0;
	if (!tab->texts.count) {
		const char **empty = hg_vec_push(&tab->texts);
		if (!empty)
			return 0;
		*empty = "";
	}
	if ((!tab->slots || tab->texts.count > tab->mask / 4 * 3) && !grow(tab))
		return 0;
	size_t slot = slot_of(tab, text, length);
	if (tab->slots[slot])
		return tab->slots[slot];
	const char *copy = hg_arena_strndup(&tab->arena, text, length);
	const char **place = copy ? hg_vec_push(&tab->texts) : NULL;
	if (!place)
		return 0;
	*place = copy;
	tab->slots[slot] = (uint32_t)(tab->texts.count - 1);
	return tab->slots[slot];
}

uint32_t hg_strtab_add(struct hg_strtab *tab, const char *text)
{
	return hg_strtab_addn(tab, text, strlen(text));
}

uint32_t hg_strtab_find(const struct hg_strtab *tab, const char *text)
{
	return tab->slots && *text ? tab->slots[slot_of(tab, text, strlen(text))] : 0;
}

const char *hg_strtab_text(const struct hg_strtab *tab, uint32_t number)
{
	return number && number < tab->texts.count ? tab->texts.data[number] : "";
}

void hg_strtab_deinit(struct hg_strtab *tab)
{
	hg_arena_deinit(&tab->arena);
	hg_vec_deinit(&tab->texts);
	free(tab->slots);
	*tab = (struct hg_strtab){0};
}
