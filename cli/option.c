#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/render/render.h"
#include "cli/schedule.h"
#include "core/base/quantity.h"

struct option_row {
	enum hg_option_bit bit;
	char letter; /* 0: long form only */
	const char *name;
	const char *argument; /* NULL: takes none */
	const char *help;
	bool hidden;
};

static const struct option_row rows[] = {
	{HG_OPTION_OUTPUT, 'o', "output", "FILE", "write to FILE (default: core.PID)", false},
	{HG_OPTION_EVERY, 0, "every", "TIME", "a snapshot every TIME (10m, 30s, 1h)", false},
	{HG_OPTION_WHEN, 0, "when", "rss>SIZE",
	 "a snapshot when the process has more than SIZE (8G)", false},
	{HG_OPTION_COUNT, 0, "count", "N", "end after N snapshots", false},
	{HG_OPTION_KEEP, 0, "keep", "N", "keep only the newest N files of this run", false},
	{HG_OPTION_BY, 0, "by", "WHAT",
	 "type (default), object, root, package, goroutine, thread, container", false},
	{HG_OPTION_LIMIT, 'n', "limit", "N", "show at most N rows", false},
	{HG_OPTION_MIN, 0, "min", "SIZE", "leave out what retains less (64K, 1M)", false},
	{HG_OPTION_DEPTH, 0, "depth", "N", "show N levels of the tree", false},
	{HG_OPTION_SORT, 0, "sort", "COLUMN", "sort by a column of numbers, largest first", false},
	{HG_OPTION_FILTER, 0, "filter", "REGEX",
	 "only rows whose label matches (POSIX extended regular expression)", false},
	{HG_OPTION_EXACT, 0, "exact", NULL, "exact retained sizes instead of lower bounds (slower)",
	 false},
	{HG_OPTION_VERIFY, 0, "verify", NULL, "check every edge against the dominator tree", false},
	{HG_OPTION_FORMAT, 0, "format", "FORMAT", "text or json (default: text)", false},
	{HG_OPTION_MODE, 0, "mode", "MODE", "auto, fork or stop (default: auto, what is safe)",
	 false},
	{HG_OPTION_MAX_PAUSE, 0, "max-pause", "MS",
	 "refuse to stop the process for longer (default: 250; 0: no limit)", false},
	{HG_OPTION_MAX_GROWTH, 0, "max-growth", "MIB",
	 "give the copy up when it has taken more memory", false},
	{HG_OPTION_NO_STOP, 0, "no-stop", NULL,
	 "do not stop the process: what comes out is no instant of it", false},
	{HG_OPTION_OMIT_DATA, 0, "omit-data", NULL,
	 "leave out texts and numbers: what has no pointers, arguments, environment", false},
	{HG_OPTION_EXE, 0, "exe", "FILE", "the executable, when it is not where the core says",
	 false},
	{HG_OPTION_SYSROOT, 0, "sysroot", "FOLDER", "look for the target's files under FOLDER",
	 false},
	{HG_OPTION_VERBOSE, 'v', "verbose", NULL,
	 "time and memory of each phase on stderr; twice for more", false},
	{HG_OPTION_HELP, 'h', "help", NULL, "show this help", false},
	{HG_OPTION_OPTIONS, 0, "options", NULL, "list options for machines", true},
};

#define DEFAULT_MAX_PAUSE_US 250000
#define ROW_VALUE 1000 // what getopt returns for rows[i] is ROW_VALUE + i

static struct hg_error *parse_count(const char *option, const char *words, uint64_t *ret)
{
	char *end;
	errno = 0;
	const unsigned long long value = strtoull(words, &end, 10);
	if (words[0] < '0' || words[0] > '9' || *end || errno || !value)
		return hg_error_create(HG_ERROR_USAGE, "--%s wants a positive number, not '%s'",
				       option, words);
	*ret = value;
	return NULL;
}

/** 0 is none. */
static struct hg_error *parse_scaled(const char *option, const char *words, uint64_t scale,
				     uint64_t *ret)
{
	*ret = 0;
	if (!strcmp(words, "0"))
		return NULL;
	uint64_t count = 0;
	struct hg_error *err = parse_count(option, words, &count);
	if (!err && __builtin_mul_overflow(count, scale, ret))
		err = hg_error_create(HG_ERROR_USAGE, "--%s wants a smaller number than '%s'",
				      option, words);
	return err;
}

static struct hg_error *set_format(const char *name, struct hg_args *ret)
{
	ret->format = hg_render_find(name);
	if (ret->format)
		return NULL;
	return hg_error_create(HG_ERROR_USAGE, "unknown format '%s': text or json", name);
}

static struct hg_error *parse_size(const char *option, const char *words, uint64_t *ret)
{
	if (hg_quantity_bytes(words, ret))
		return NULL;
	return hg_error_create(HG_ERROR_USAGE, "--%s wants a size as in '64K', not '%s'", option,
			       words);
}

/** Options that are words as they are. */
static const char **word_of(enum hg_option_bit bit, struct hg_args *args)
{
	switch (bit) {
	case HG_OPTION_OUTPUT:
		return &args->output;
	case HG_OPTION_EXE:
		return &args->exe;
	case HG_OPTION_SYSROOT:
		return &args->sysroot;
	case HG_OPTION_MODE:
		return &args->live.mode;
	case HG_OPTION_SORT:
		return &args->sort;
	case HG_OPTION_FILTER:
		return &args->filter;
	case HG_OPTION_BY:
		return &args->by;
	default:
		return NULL;
	}
}

/** Options without an argument. */
static void set_flag(enum hg_option_bit bit, struct hg_args *ret)
{
	ret->exact |= bit == HG_OPTION_EXACT;
	ret->verify |= bit == HG_OPTION_VERIFY;
	ret->omit_data |= bit == HG_OPTION_OMIT_DATA;
	ret->help |= bit == HG_OPTION_HELP;
	ret->options |= bit == HG_OPTION_OPTIONS;
	ret->verbose += bit == HG_OPTION_VERBOSE;
	if (bit == HG_OPTION_NO_STOP)
		ret->live.mode = "no-stop";
}

static struct hg_error *set_option(const struct option_row *row, const char *value,
				   struct hg_args *ret)
{
	const char **word = word_of(row->bit, ret);
	if (word)
		*word = value;
	if (word)
		return NULL;
	switch (row->bit) {
	case HG_OPTION_FORMAT:
		return set_format(value, ret);
	case HG_OPTION_LIMIT:
		return parse_count(row->name, value, &ret->limit);
	case HG_OPTION_MIN:
		return parse_size(row->name, value, &ret->min_bytes);
	case HG_OPTION_DEPTH:
		return parse_count(row->name, value, &ret->depth);
	case HG_OPTION_EVERY:
		return hg_schedule_every(value, &ret->schedule);
	case HG_OPTION_WHEN:
		return hg_schedule_when(value, &ret->schedule);
	case HG_OPTION_COUNT:
		return parse_count(row->name, value, &ret->schedule.count);
	case HG_OPTION_KEEP:
		return parse_count(row->name, value, &ret->schedule.keep);
	case HG_OPTION_MAX_PAUSE:
		return parse_scaled(row->name, value, 1000, &ret->live.max_pause_us);
	case HG_OPTION_MAX_GROWTH:
		return parse_scaled(row->name, value, 1 << 20, &ret->live.max_growth);
	default:
		set_flag(row->bit, ret);
		return NULL;
	}
}

// Fills what getopt_long() wants from the rows that the command takes.
static void make_getopt(const struct hg_command *command, char *letters, struct option *longs)
{
	*letters++ = ':'; // we print our own messages
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!(command->options & rows[i].bit))
			continue;
		const int has_arg = rows[i].argument ? required_argument : no_argument;
		*longs++ = (struct option){rows[i].name, has_arg, NULL, ROW_VALUE + (int)i};
		if (rows[i].letter)
			*letters++ = rows[i].letter;
		if (rows[i].letter && rows[i].argument)
			*letters++ = ':';
	}
	*letters = 0;
	*longs = (struct option){0};
}

static const struct option_row *find_row(int value)
{
	if (value >= ROW_VALUE)
		return &rows[value - ROW_VALUE];
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].letter == value)
			return &rows[i];
	return NULL;
}

static struct hg_error *bad_option(const char *problem, const char *word)
{
	if (optopt && optopt < ROW_VALUE)
		return hg_error_create(HG_ERROR_USAGE, "%s '-%c'", problem, optopt);
	return hg_error_create(HG_ERROR_USAGE, "%s '%s'", problem, word);
}

static struct hg_error *take_operands(const struct hg_command *command, int argc, char **argv,
				      struct hg_args *ret)
{
	const unsigned count = (unsigned)(argc - optind);
	if (count < command->min_operands)
		return hg_error_create(HG_ERROR_USAGE, "'%s' wants %s", command->name,
				       command->operands);
	if (count > command->max_operands)
		return hg_error_create(HG_ERROR_USAGE, "'%s' has no use for '%s'", command->name,
				       argv[optind + (int)command->max_operands]);
	for (unsigned i = 0; i < count; i++)
		ret->operands[i] = argv[optind + (int)i];
	return NULL;
}

struct hg_error *hg_option_parse(const struct hg_command *command, int argc, char **argv,
				 struct hg_args *ret)
{
	char letters[2 * ARRAY_SIZE(rows) + 2];
	struct option longs[ARRAY_SIZE(rows) + 1];
	make_getopt(command, letters, longs);
	*ret = (struct hg_args){.format = hg_render_find("text"),
				.live.max_pause_us = DEFAULT_MAX_PAUSE_US};
	optind = 0; // glibc: start anew
	for (;;) {
		optopt = 0;
		const int value = getopt_long(argc, argv, letters, longs, NULL);
		if (value == -1)
			break;
		if (value == ':')
			return bad_option("nothing given for option", argv[optind - 1]);
		if (value == '?')
			return bad_option("unknown option", argv[optind - 1]);
		struct hg_error *err = set_option(find_row(value), optarg, ret);
		if (err)
			return err;
	}
	return ret->help ? NULL : take_operands(command, argc, argv, ret);
}

static void print_row(const struct option_row *row, FILE *out)
{
	char words[64];
	const char *argument = row->argument ? row->argument : "";
	const char *equals = row->argument ? "=" : "";
	if (row->letter)
		snprintf(words, sizeof(words), "-%c, --%s%s%s", row->letter, row->name, equals,
			 argument);
	else
		snprintf(words, sizeof(words), "    --%s%s%s", row->name, equals, argument);
	fprintf(out, "  %-22s %s\n", words, row->help);
}

static void print_machine(const struct option_row *row, FILE *out)
{
	if (row->letter)
		fprintf(out, "-%c", row->letter);
	fprintf(out, "\t--%s\t%s\n", row->name, row->argument ? row->argument : "");
}

void hg_option_print(const struct hg_command *command, bool machine, FILE *out)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!(command->options & rows[i].bit) || rows[i].hidden)
			continue;
		if (machine)
			print_machine(&rows[i], out);
		else
			print_row(&rows[i], out);
	}
}
