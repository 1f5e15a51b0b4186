#include "core/base/vec.h"

#include <stdlib.h>
#include <string.h>

bool hg_vec_grow(void **data, size_t *capacity, size_t count, size_t more, size_t size)
{
	if (*capacity - count >= more)
		return true;
	if (more > SIZE_MAX - count)
		return false;
	size_t wanted = count + more;
	size_t larger = *capacity + *capacity / 2;
	if (larger < wanted)
		larger = wanted;
	if (larger < 8)
		larger = 8;
	void *moved = reallocarray(*data, larger, size);
	if (!moved)
		return false;
	*data = moved;
	*capacity = larger;
	return true;
}

void *hg_vec_zero(void *element, size_t size)
{
	return memset(element, 0, size);
}
