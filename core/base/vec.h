/**
 * Growing lists. HG_VEC(int) list = {0}; *hg_vec_push(&list) = 3; list.data[0]; list.count; hg_vec_deinit(&list).
 * hg_vec_push() evaluates to a pointer to a new zeroed element, or NULL when memory is exhausted.
 */
#ifndef HG_BASE_VEC_H
#define HG_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HG_VEC(type)                                                                               \
	struct {                                                                                   \
		type *data;                                                                        \
		size_t count;                                                                      \
		size_t capacity;                                                                   \
	}

/** Makes room for `more` elements behind the last; false when memory is exhausted (the list stays as it was). */
#define hg_vec_reserve(vec, more)                                                                  \
	hg_vec_grow((void **)&(vec)->data, &(vec)->capacity, (vec)->count, (more),                 \
		    sizeof(*(vec)->data))

#define hg_vec_push(vec)                                                                           \
	(hg_vec_reserve(vec, 1) ? (__typeof__((vec)->data))hg_vec_zero(                            \
					  &(vec)->data[(vec)->count++], sizeof(*(vec)->data))      \
				: NULL)

#define hg_vec_deinit(vec)                                                                         \
	do {                                                                                       \
		free((vec)->data);                                                                 \
		(vec)->data = NULL;                                                                \
		(vec)->count = (vec)->capacity = 0;                                                \
	} while (0)

bool hg_vec_grow(void **data, size_t *capacity, size_t count, size_t more, size_t size);
void *hg_vec_zero(void *element, size_t size);

#endif
