#include "core/base/quantity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/cleanup.h"

struct unit {
	const char *name;
	double factor;
};

static const struct unit sizes[] = {
	{"", 1},
	{"B", 1},
	{"K", 1024.0},
	{"M", 1048576.0},
	{"G", 1073741824.0},
	{"T", 1099511627776.0},
};

static const struct unit times[] = {
	{"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6},
};

/** Plain digits with a point among them: what strtod() reads besides (hexadecimal, "inf", signs) is no quantity. */
static bool read_number(const char *words, const char **end, double *ret)
{
	const size_t digits = strspn(words, "0123456789.");
	char copy[32];
	if (!digits || digits >= sizeof(copy))
		return false;
	memcpy(copy, words, digits);
	copy[digits] = 0;
	char *stop;
	*ret = strtod(copy, &stop);
	*end = words + digits;
	return !*stop;
}

static bool scale(double number, double factor, uint64_t *ret)
{
	const double value = rint(number * factor);
	if (!(value < 18446744073709549568.0)) // the largest double below 2^64
		return false;
	*ret = (uint64_t)value;
	return true;
}

bool hg_quantity_bytes(const char *words, uint64_t *ret)
{
	const char *name;
	double number;
	if (!read_number(words, &name, &number))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		const size_t length = strlen(sizes[i].name);
		const char *rest = name + length;
		if (strncasecmp(name, sizes[i].name, length))
			continue;
		const bool long_form = i > 1 && (!strcasecmp(rest, "B") || !strcasecmp(rest, "iB"));
		if (!*rest || long_form)
			return scale(number, sizes[i].factor, ret);
	}
	return false;
}

bool hg_quantity_time(const char *words, uint64_t *ret)
{
	const char *name;
	double number;
	if (!read_number(words, &name, &number))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (!strcmp(name, times[i].name))
			return scale(number, times[i].factor, ret);
	*ret = 0;
	return !*name && number == 0;
}
