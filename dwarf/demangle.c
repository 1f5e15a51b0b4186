// Mangled names of the Itanium C++ ABI, as far as names of types and variables go: the parameters of functions are left
// out, and what stands in expressions of templates is refused.

#include "dwarf/demangle.h"

#include <stdint.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/vec.h"

#define MAX_DEPTH 64
#define MAX_SUBSTITUTIONS 256
#define MAX_OUTPUT 16384
#define MAX_ARGUMENTS 64

struct piece { // of the output, to be written again
	char *text;
};

struct demangler {
	const char *at;
	struct hg_text out;
	HG_VEC(struct piece) substitutions;
	HG_VEC(struct piece) arguments; // of the newest template
	unsigned depth;
	bool bad;
};

static void type(struct demangler *d);
static void name(struct demangler *d);

static bool take(struct demangler *d, const char *words)
{
	const size_t length = strlen(words);
	if (strncmp(d->at, words, length))
		return false;
	d->at += length;
	return true;
}

static void fail(struct demangler *d)
{
	d->bad = true;
	d->at = "";
}

static void put(struct demangler *d, const char *words)
{
	if (d->out.length + strlen(words) > MAX_OUTPUT)
		fail(d);
	else
		hg_text_add(&d->out, words);
}

static void remember(struct demangler *d, size_t from)
{
	struct piece *piece =
		d->substitutions.count < MAX_SUBSTITUTIONS ? hg_vec_push(&d->substitutions) : NULL;
	if (!piece || d->bad) {
		fail(d);
		return;
	}
	piece->text = strdup(hg_text_str(&d->out) + from);
	if (!piece->text)
		fail(d);
}

static uint64_t number(struct demangler *d)
{
	uint64_t value = 0;
	while (*d->at >= '0' && *d->at <= '9' && value < 1u << 20)
		value = value * 10 + (uint64_t)(*d->at++ - '0');
	return value;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

// <source-name> ::= <length> <identifier>, then tags of the ABI
static void source_name(struct demangler *d)
{
	const uint64_t length = number(d);
	if (!length || strnlen(d->at, length) < length || d->out.length + length > MAX_OUTPUT) {
		fail(d);
		return;
	}
	if (length >= 10 && !strncmp(d->at, "_GLOBAL__N", 10))
		hg_text_add(&d->out, "(anonymous namespace)");
	else
		hg_text_addn(&d->out, d->at, length);
	d->at += length;
	while (*d->at == 'B' && is_digit(d->at[1])) {
		d->at++;
		const uint64_t tag = number(d);
		if (strnlen(d->at, tag) < tag) {
			fail(d);
			return;
		}
		d->at += tag;
	}
}

// <seq-id> in base 36: S_ is the first, S0_ the second
static size_t sequence(struct demangler *d)
{
	size_t value = 0;
	if (take(d, "_"))
		return 0;
	for (; *d->at != '_'; d->at++) {
		if (is_digit(*d->at))
			value = value * 36 + (size_t)(*d->at - '0');
		else if (*d->at >= 'A' && *d->at <= 'Z')
			value = value * 36 + (size_t)(*d->at - 'A') + 10;
		else
			fail(d);
		if (d->bad || value > MAX_SUBSTITUTIONS) {
			fail(d);
			return 0;
		}
	}
	d->at++;
	return value + 1;
}

static const struct abbreviation {
	char letter;
	const char *words;
	const char *last; // what a constructor is called
} abbreviations[] = {
	{'t', "std", NULL},
	{'a', "std::allocator", "allocator"},
	{'b', "std::basic_string", "basic_string"},
	{'s', "std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
	 "basic_string"},
	{'i', "std::basic_istream<char, std::char_traits<char> >", "basic_istream"},
	{'o', "std::basic_ostream<char, std::char_traits<char> >", "basic_ostream"},
	{'d', "std::basic_iostream<char, std::char_traits<char> >", "basic_iostream"},
};

// Behind "S".
static void substitution(struct demangler *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(abbreviations); i++) {
		if (*d->at != abbreviations[i].letter)
			continue;
		d->at++;
		put(d, abbreviations[i].words);
		return;
	}
	const size_t index = sequence(d);
	if (index < d->substitutions.count)
		put(d, d->substitutions.data[index].text);
	else
		fail(d);
}

// Behind "T".
static void template_parameter(struct demangler *d)
{
	const size_t index = sequence(d);
	if (index < d->arguments.count)
		put(d, d->arguments.data[index].text);
	else
		fail(d);
}

// <expr-primary> ::= L <type> <value> E; behind "L"
static void literal(struct demangler *d)
{
	if (take(d, "b0E") || take(d, "b1E")) {
		put(d, d->at[-2] == '1' ? "true" : "false");
		return;
	}
	// The type of an integer is not written, that of an enumerator is.
	if (*d->at >= 'a' && *d->at <= 'z') {
		d->at++;
	} else {
		put(d, "(");
		type(d);
		put(d, ")");
	}
	if (take(d, "n"))
		put(d, "-");
	while (is_digit(*d->at) && !d->bad) {
		const char digit[2] = {*d->at++, 0};
		put(d, digit);
	}
	if (!take(d, "E"))
		fail(d);
}

static void template_argument(struct demangler *d)
{
	if (take(d, "L"))
		literal(d);
	else if (take(d, "X"))
		fail(d);
	else
		type(d);
}

static void drop_arguments(struct demangler *d)
{
	for (size_t i = 0; i < d->arguments.count; i++)
		free(d->arguments.data[i].text);
	d->arguments.count = 0;
}

// <template-args> ::= I <arg>+ E; behind "I"
static void template_arguments(struct demangler *d)
{
	HG_VEC(struct piece) own = {0};
	unsigned packs = 0;
	bool first = true;
	put(d, "<");
	while (!d->bad && (packs || *d->at != 'E')) {
		if (packs && take(d, "E")) {
			packs--;
			continue;
		}
		if (take(d, "J")) {
			packs++;
			continue;
		}
		if (!first)
			put(d, ", ");
		first = false;
		const size_t from = d->out.length;
		template_argument(d);
		struct piece *piece = own.count < MAX_ARGUMENTS ? hg_vec_push(&own) : NULL;
		if (d->bad || !piece || !(piece->text = strdup(hg_text_str(&d->out) + from)))
			fail(d);
	}
	if (!take(d, "E"))
		fail(d);
	if (d->out.length && d->out.data[d->out.length - 1] == '>')
		put(d, " ");
	put(d, ">");
	drop_arguments(d);
	hg_vec_deinit(&d->arguments);
	memcpy(&d->arguments, &own, sizeof(d->arguments));
}

static void constructor(struct demangler *d, size_t class_from, bool destructor)
{
	char last[512];
	const char *start = hg_text_str(&d->out) + class_from;
	const char *end = strchrnul(start, '<');
	const char *colon = end;
	while (colon > start && colon[-1] != ':')
		colon--;
	snprintf(last, sizeof(last), "%s%.*s", destructor ? "~" : "", (int)(end - colon), colon);
	d->at += 2;
	put(d, "::");
	put(d, last);
}

// Lambdas and classes without a name: Ul <parameters> E <number> _ and Ut <number> _
static void unnamed(struct demangler *d)
{
	if (take(d, "Ut")) {
		put(d, "{unnamed type#");
	} else {
		d->at += 2;
		put(d, "{lambda(");
		for (bool first = true; *d->at != 'E' && !d->bad; first = false) {
			if (!first)
				put(d, ", ");
			if (!take(d, "v"))
				type(d);
		}
		if (!take(d, "E"))
			fail(d);
		put(d, ")#");
	}
	char text[32];
	const bool is_first = *d->at == '_';
	snprintf(text, sizeof(text), "%u}", is_first ? 1 : (unsigned)number(d) + 2);
	if (!take(d, "_"))
		fail(d);
	put(d, text);
}

static void unqualified(struct demangler *d)
{
	if (*d->at == 'L') // of internal linkage
		d->at++;
	if (is_digit(*d->at))
		source_name(d);
	else if (*d->at == 'U' && (d->at[1] == 'l' || d->at[1] == 't'))
		unnamed(d);
	else
		fail(d);
}

// <nested-name> ::= N [<qualifiers>] <prefix> E; behind "N"
static void nested(struct demangler *d)
{
	const size_t from = d->out.length;
	bool first = true;
	d->at += strspn(d->at, "rVK");
	d->at += strspn(d->at, "RO");
	while (*d->at != 'E' && !d->bad) {
		if (*d->at == 'I' && !first) {
			d->at++;
			template_arguments(d);
		} else if ((*d->at == 'C' || *d->at == 'D') && is_digit(d->at[1]) && !first) {
			constructor(d, from, *d->at == 'D');
			continue;
		} else if (*d->at == 'S' && first) {
			d->at++;
			substitution(d);
			first = false;
			continue; // stands among the substitutions already
		} else if (*d->at == 'T' && first) {
			d->at++;
			template_parameter(d);
		} else {
			if (!first)
				put(d, "::");
			unqualified(d);
		}
		first = false;
		if (*d->at != 'E')
			remember(d, from);
	}
	if (!take(d, "E") || first)
		fail(d);
}

// <local-name> ::= Z <function> E <name>; behind "Z"
static void local(struct demangler *d)
{
	name(d);
	while (*d->at && *d->at != 'E' && !d->bad) { // its parameters
		const size_t before = d->out.length;
		if (!take(d, "v"))
			type(d);
		hg_text_cut(&d->out, before);
	}
	if (!take(d, "E"))
		fail(d);
	put(d, "()::");
	if (take(d, "s"))
		fail(d);
	else
		name(d);
	if (take(d, "__")) {
		number(d);
		take(d, "_");
	} else if (*d->at == '_' && is_digit(d->at[1])) {
		d->at += 2;
	}
}

static void name(struct demangler *d)
{
	const size_t from = d->out.length;
	if (++d->depth > MAX_DEPTH)
		fail(d);
	if (take(d, "N")) {
		nested(d);
	} else if (take(d, "Z")) {
		local(d);
	} else {
		bool known = false;
		if (take(d, "St")) {
			put(d, "std::");
			unqualified(d);
		} else if (take(d, "S")) {
			substitution(d);
			known = true;
		} else {
			unqualified(d);
		}
		if (*d->at == 'I') {
			if (!known)
				remember(d, from);
			d->at++;
			template_arguments(d);
		}
	}
	d->depth--;
}

static const char *builtin(char letter)
{
	static const char *const words[26] = {
		['a' - 'a'] = "signed char", ['b' - 'a'] = "bool",
		['c' - 'a'] = "char",	     ['d' - 'a'] = "double",
		['e' - 'a'] = "long double", ['f' - 'a'] = "float",
		['g' - 'a'] = "__float128",  ['h' - 'a'] = "unsigned char",
		['i' - 'a'] = "int",	     ['j' - 'a'] = "unsigned int",
		['l' - 'a'] = "long",	     ['m' - 'a'] = "unsigned long",
		['n' - 'a'] = "__int128",    ['o' - 'a'] = "unsigned __int128",
		['s' - 'a'] = "short",	     ['t' - 'a'] = "unsigned short",
		['v' - 'a'] = "void",	     ['w' - 'a'] = "wchar_t",
		['x' - 'a'] = "long long",   ['y' - 'a'] = "unsigned long long",
		['z' - 'a'] = "...",
	};
	return letter >= 'a' && letter <= 'z' ? words[letter - 'a'] : NULL;
}

// <function-type> ::= F <result> <parameter>+ E; behind "F". Writes it so that a star may be put in: "int (char)".
static void function(struct demangler *d)
{
	type(d);
	put(d, " (");
	for (bool first = true; *d->at != 'E' && !d->bad; first = false) {
		if (!first)
			put(d, ", ");
		if (!take(d, "v"))
			type(d);
	}
	if (!take(d, "E"))
		fail(d);
	put(d, ")");
}

// A pointer or reference to what follows.
static void pointer(struct demangler *d, const char *star, size_t from)
{
	const bool is_function = d->at[0] == 'F';
	type(d);
	if (!is_function) {
		put(d, star);
		return;
	}
	const char *parameters = strchr(hg_text_str(&d->out) + from, '(');
	char *copy = parameters ? strdup(parameters) : NULL;
	if (!copy) {
		fail(d);
		return;
	}
	hg_text_cut(&d->out, (size_t)(parameters - d->out.data));
	put(d, "(");
	put(d, star);
	put(d, ")");
	put(d, copy);
	free(copy);
}

static bool simple_type(struct demangler *d)
{
	static const struct {
		const char *code, *words;
	} two[] = {{"Dn", "decltype(nullptr)"},
		   {"Di", "char32_t"},
		   {"Ds", "char16_t"},
		   {"Du", "char8_t"}};
	for (size_t i = 0; i < ARRAY_SIZE(two); i++) {
		if (!take(d, two[i].code))
			continue;
		put(d, two[i].words);
		return true;
	}
	const char *words = builtin(*d->at);
	if (!words)
		return false;
	d->at++;
	put(d, words);
	return true;
}

static void array(struct demangler *d)
{
	const char *digits = d->at;
	number(d);
	const size_t length = (size_t)(d->at - digits);
	if (!take(d, "_")) {
		fail(d);
		return;
	}
	type(d);
	char text[32];
	snprintf(text, sizeof(text), " [%.*s]", length < 20 ? (int)length : 0, digits);
	put(d, text);
}

static void type(struct demangler *d)
{
	const size_t from = d->out.length;
	bool known = false;
	if (++d->depth > MAX_DEPTH)
		fail(d);
	if (!d->bad && simple_type(d)) {
		d->depth--;
		return;
	}
	if (take(d, "P")) {
		pointer(d, "*", from);
	} else if (take(d, "R")) {
		pointer(d, "&", from);
	} else if (take(d, "O")) {
		pointer(d, "&&", from);
	} else if (take(d, "K")) {
		type(d);
		put(d, " const");
	} else if (take(d, "V")) {
		type(d);
		put(d, " volatile");
	} else if (take(d, "F")) {
		function(d);
	} else if (take(d, "A")) {
		array(d);
	} else if (take(d, "Dp")) {
		type(d);
		known = true;
	} else if (take(d, "T")) {
		template_parameter(d);
	} else if (*d->at == 'S' && d->at[1] != 't') {
		d->at++;
		substitution(d);
		known = *d->at != 'I';
		if (!known) {
			d->at++;
			template_arguments(d);
		}
	} else {
		name(d);
	}
	if (!known && !d->bad)
		remember(d, from);
	d->depth--;
}

static bool finish(struct demangler *d, bool whole, struct hg_text *out)
{
	const bool ok = !d->bad && !d->out.failed && d->out.length && (!whole || !*d->at);
	if (ok)
		hg_text_addn(out, d->out.data, d->out.length);
	for (size_t i = 0; i < d->substitutions.count; i++)
		free(d->substitutions.data[i].text);
	hg_vec_deinit(&d->substitutions);
	drop_arguments(d);
	hg_vec_deinit(&d->arguments);
	hg_text_deinit(&d->out);
	return ok;
}

bool hg_demangle_symbol(const char *mangled, struct hg_text *out)
{
	static const char *const tables[] = {"_ZTV", "_ZTI", "_ZTS", "_ZTT", "_ZGV"};
	struct demangler d = {.at = mangled};
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (take(&d, tables[i])) {
			name(&d);
			return finish(&d, true, out);
		}
	if (!take(&d, "_Z") || *d.at == 'T' || *d.at == 'G')
		return false;
	name(&d);
	return finish(&d, false, out);
}

bool hg_demangle_type(const char *mangled, struct hg_text *out)
{
	struct demangler d = {.at = mangled};
	type(&d);
	return finish(&d, true, out);
}
