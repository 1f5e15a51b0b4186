/**
 * Scope guards: a local is destroyed when it leaves its scope, unless hg_take() hands it over.
 */
#ifndef HG_BASE_CLEANUP_H
#define HG_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define hg_cleanup(fn) __attribute__((cleanup(fn)))

/** Moves a guarded pointer out of its guard: evaluates to the pointer and leaves NULL behind. */
#define hg_take(ptr)                                                                               \
	({                                                                                         \
		__typeof__(ptr) hg_taken_ = (ptr);                                                 \
		(ptr) = NULL;                                                                      \
		hg_taken_;                                                                         \
	})

/** Defines name##p(T **) for hg_cleanup() from a destroy function that accepts NULL. */
#define HG_DEFINE_CLEANUP(type, destroy)                                                           \
	static inline void destroy##p(type **ptr)                                                  \
	{                                                                                          \
		destroy(*ptr);                                                                     \
	}

#define hg_autofree hg_cleanup(hg_freep)
#define hg_autoclose hg_cleanup(hg_closep)

static inline void hg_freep(void *ptr)
{
	free(*(void **)ptr);
}

static inline void hg_closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
