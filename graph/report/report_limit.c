#include "graph/report/report_limit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/quantity.h"

#define DIGITS 16 // of a fingerprint
#define MAX_LINE 4096

static bool read_fingerprint(const char *words, uint64_t *ret)
{
	if (strspn(words, "0123456789abcdef") < DIGITS)
		return false;
	char digits[DIGITS + 1] = {0};
	memcpy(digits, words, DIGITS);
	*ret = strtoull(digits, NULL, 16);
	return !words[DIGITS] || strchr(" \t\r\n#", words[DIGITS]);
}

// "12.5%" in thousandths of a whole.
static bool read_share(const char *words, uint64_t whole, uint64_t *ret)
{
	char *end;
	if (*words < '0' || *words > '9')
		return false;
	const double share = strtod(words, &end);
	if (strcmp(end, "%") || !(share >= 0 && share <= 1e6))
		return false;
	*ret = (uint64_t)((long double)whole * (long double)share / 100);
	return true;
}

static struct hg_error *read_amount(const char *words, uint64_t whole, uint64_t *ret)
{
	if (read_share(words, whole, ret) || hg_quantity_bytes(words, ret))
		return NULL;
	return hg_error_create(
		HG_ERROR_USAGE,
		"--fail-over wants a size or a share as in '64M' or '10%%', not '%s'", words);
}

struct hg_error *hg_limit_check(const struct hg_report_args *args)
{
	uint64_t bytes;
	return args->fail_over ? read_amount(args->fail_over, 0, &bytes) : NULL;
}

static struct hg_error *add_known(struct hg_limit *limit, uint64_t fingerprint)
{
	uint64_t *known = hg_map_put(&limit->known, fingerprint);
	if (!known)
		return &hg_enomem;
	*known = 1;
	return NULL;
}

// Lines of a fingerprint each, with words behind it if need be; those that begin with # are not read.
static struct hg_error *read_file(struct hg_limit *limit, const char *path)
{
	char line[MAX_LINE];
	FILE *file = fopen(path, "re");
	if (!file)
		return hg_error_errno(errno, "cannot open '%s'", path);
	struct hg_error *err = NULL;
	while (!err && fgets(line, sizeof(line), file)) {
		uint64_t fingerprint;
		const char *words = line + strspn(line, " \t\r\n");
		if (!*words || *words == '#')
			continue;
		if (read_fingerprint(words, &fingerprint))
			err = add_known(limit, fingerprint);
		else
			err = hg_error_create(
				HG_ERROR_FORMAT,
				"'%s' is no file of fingerprints (16 hex digits each)", path);
	}
	if (!err && ferror(file))
		err = hg_error_errno(EIO, "cannot read '%s'", path);
	fclose(file);
	return err;
}

struct hg_error *hg_limit_init(struct hg_limit *limit, const struct hg_report_args *args,
			       uint64_t whole)
{
	*limit = (struct hg_limit){.active = args->fail_over};
	struct hg_error *err =
		limit->active ? read_amount(args->fail_over, whole, &limit->bytes) : NULL;
	for (unsigned i = 0; i < args->known_count && !err; i++) {
		uint64_t fingerprint;
		err = read_fingerprint(args->known[i], &fingerprint)
			      ? add_known(limit, fingerprint)
			      : read_file(limit, args->known[i]);
	}
	return err;
}

void hg_limit_deinit(struct hg_limit *limit)
{
	hg_map_deinit(&limit->known);
}

bool hg_limit_knows(const struct hg_limit *limit, uint64_t fingerprint)
{
	return hg_map_get(&limit->known, fingerprint);
}

const char *hg_limit_words(struct hg_report *report, uint64_t fingerprint)
{
	char words[DIGITS + 1];
	snprintf(words, sizeof(words), "%016" PRIx64, fingerprint);
	return hg_report_words(report, words);
}
