// Packages: what objects of a package's types hold, and what hangs on its variables. The two are different questions:
// a cache may hold nothing but types of other packages.
#include <stdlib.h>
#include <string.h>

#include "dwarf/program.h"
#include "graph/report/report_tables.h"
#include "graph/report/report_top.h"
#include "graph/retained.h"

static const struct hg_column columns[] = {
	{.name = "package", .title = "PACKAGE", .kind = HG_COLUMN_TEXT},
	{.name = "count", .title = "COUNT", .kind = HG_COLUMN_COUNT},
	{.name = "shallow", .title = "SHALLOW", .kind = HG_COLUMN_BYTES},
	{.name = "variables_retained", .title = "BY VARIABLES", .kind = HG_COLUMN_BYTES},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES, .exact_column = 5},
	{.name = "exact", .title = "EXACT", .kind = HG_COLUMN_BOOL},
};

enum {
	COLUMN_PACKAGE,
	COLUMN_COUNT,
	COLUMN_SHALLOW,
	COLUMN_VARIABLES,
	COLUMN_RETAINED,
	COLUMN_EXACT,
};

struct package {
	uint64_t count, shallow, variables, retained;
};

struct packages {
	struct hg_strtab names;
	HG_VEC(struct package) list; /* by number of name */
	uint32_t *of;		     /* per node: number of the package of its type */
};

static const char *skip_brackets(const char *at)
{
	unsigned depth = 0;
	for (; *at; at++) {
		if (*at == '[')
			depth++;
		else if (*at == ']' && --depth == 0)
			return at + 1;
	}
	return at;
}

// Looks through what is built in: pointers, slices, arrays, channels and, to their element, maps.
static const char *skip_composite(const char *name)
{
	for (;;) {
		if (*name == '*')
			name++;
		else if (*name == '[')
			name = skip_brackets(name);
		else if (!strncmp(name, "map[", 4))
			name = skip_brackets(name + 3);
		else if (!strncmp(name, "chan ", 5))
			name += 5;
		else if (!strncmp(name, "<-chan ", 7))
			name += 7;
		else if (!strncmp(name, "chan<- ", 7))
			name += 7;
		else
			return name;
	}
}

// The length of the import path in "example.com/a/b.Type[int]" or "main.variable": up to the first dot behind the last
// slash that is not inside type arguments.
static size_t package_length(const char *name)
{
	const size_t end = strcspn(name, "[{( ");
	size_t start = 0;
	for (size_t i = 0; i < end; i++)
		if (name[i] == '/')
			start = i + 1;
	for (size_t i = start; i < end; i++)
		if (name[i] == '.')
			return i;
	return 0;
}

static uint32_t package_of(struct packages *p, const char *type)
{
	if (!strncmp(type, "unknown", 7) || *type == '(')
		return hg_strtab_add(&p->names, "(no type)");
	const char *name = skip_composite(type);
	size_t length = package_length(name);
	if (!length &&
	    !strncmp(type, "map[", 4)) { // of a map to something built in, the key decides
		name = skip_composite(type + 4);
		length = package_length(name);
	}
	return length ? hg_strtab_addn(&p->names, name, length)
		      : hg_strtab_add(&p->names, "(built in)");
}

static struct package *get_package(struct packages *p, uint32_t number)
{
	while (number && p->list.count <= number)
		if (!hg_vec_push(&p->list))
			return NULL;
	return number ? &p->list.data[number] : NULL;
}

static struct hg_error *add_types(const struct hg_analysis *a, const struct hg_classes *classes,
				  struct packages *p)
{
	hg_autofree uint32_t *package = calloc(classes->count, sizeof(*package));
	p->of = calloc(a->graph.nodes, sizeof(*p->of));
	if (!package || !p->of)
		return &hg_enomem;
	for (uint32_t i = 1; i < classes->count; i++) {
		package[i] = package_of(p, hg_class_name(classes, i));
		struct package *place = get_package(p, package[i]);
		if (!place)
			return &hg_enomem;
		place->count += classes->list[i].count;
		place->shallow += classes->list[i].shallow;
	}
	for (uint32_t node = a->graph.first_block; node < a->graph.nodes; node++)
		p->of[node] = package[classes->of[node]];
	return NULL;
}

static struct hg_error *add_variables(const struct hg_analysis *a, struct packages *p)
{
	for (uint32_t i = 1; i < a->roots.list.count; i++) {
		const struct hg_root *root = &a->roots.list.data[i];
		if ((root->kind != HG_ROOT_GLOBAL && root->kind != HG_ROOT_STATIC) ||
		    root->parent || !hg_node_is_live(a, i) || !a->retained[i])
			continue;
		const char *name = hg_program_text(a->prog, root->name);
		struct package *place = get_package(p, package_of(p, name));
		if (!place)
			return &hg_enomem;
		place->variables += a->retained[i];
	}
	return NULL;
}

static struct hg_error *add_retained(const struct hg_analysis *a, struct packages *p)
{
	const uint32_t count = (uint32_t)p->list.count;
	hg_autofree uint64_t *retained = calloc((size_t)count + 1, sizeof(*retained));
	if (!retained)
		return &hg_enomem;
	struct hg_error *err =
		hg_retained_by_class(&a->dom, a->graph.nodes, p->of, count, a->retained, retained);
	for (uint32_t i = 0; i < count; i++)
		p->list.data[i].retained = retained[i];
	return err;
}

static struct hg_error *add_rows(const struct packages *p, const struct hg_filter *filter,
				 struct hg_rows *rows)
{
	for (uint32_t i = 1; i < p->list.count; i++) {
		const char *name = hg_strtab_text(&p->names, i);
		const struct package *package = &p->list.data[i];
		if ((!package->count && !package->variables) || !hg_filter_matches(filter, name))
			continue;
		struct hg_cell *cells = hg_rows_add(rows);
		if (!cells)
			return &hg_enomem;
		cells[COLUMN_PACKAGE].text = name;
		cells[COLUMN_COUNT].number = package->count;
		cells[COLUMN_SHALLOW].number = package->shallow;
		cells[COLUMN_VARIABLES].number = package->variables;
		cells[COLUMN_RETAINED].number = package->retained;
		cells[COLUMN_EXACT].number = package->count <= 1;
	}
	return NULL;
}

static struct hg_error *make_exact(const struct hg_analysis *a, const struct packages *p,
				   struct hg_rows *rows)
{
	hg_autofree uint64_t *sizes = NULL;
	struct hg_error *err = hg_node_sizes(a, &sizes);
	for (uint32_t i = 0; !err && i < hg_rows_count(rows); i++) {
		struct hg_cell *cells = hg_rows_at(rows, i);
		const uint32_t number = hg_strtab_find(&p->names, cells[COLUMN_PACKAGE].text);
		if (!cells[COLUMN_EXACT].number)
			err = hg_exact_retained(a, p->of, number, sizes,
						&cells[COLUMN_RETAINED].number);
		cells[COLUMN_EXACT].number = 1;
	}
	return err;
}

static struct hg_error *show(const struct hg_analysis *a, const struct packages *p,
			     const struct hg_report_args *args, struct hg_rows *rows,
			     struct hg_report *report)
{
	unsigned column;
	struct hg_error *err = hg_rows_column(rows, args->sort, &column);
	if (err)
		return err;
	hg_rows_sort(rows, column);
	const struct hg_table like = {.name = "rows",
				      .rows_left_out = hg_rows_cut(rows, args->limit)};
	if (args->exact) {
		err = make_exact(a, p, rows);
		if (err)
			return err;
		hg_rows_sort(rows, column);
	}
	for (uint32_t i = 0; i < hg_rows_count(rows); i++) {
		struct hg_cell *cells = hg_rows_at(rows, i);
		cells[COLUMN_PACKAGE].text = hg_report_words(report, cells[COLUMN_PACKAGE].text);
	}
	return hg_report_table(report, &like, rows);
}

static struct hg_error *make_top(struct hg_analysis *a, const struct hg_report_args *args,
				 struct hg_report *report)
{
	struct packages p = {0};
	struct hg_classes classes = {0};
	struct hg_rows rows = HG_ROWS(columns);
	struct hg_filter filter;
	struct hg_error *err = hg_filter_init(&filter, args->filter);
	if (!err)
		err = hg_classes_init(a, &classes);
	if (!err)
		err = add_types(a, &classes, &p);
	if (!err)
		err = add_variables(a, &p);
	if (!err)
		err = add_retained(a, &p);
	if (!err)
		err = add_rows(&p, &filter, &rows);
	if (!err)
		err = show(a, &p, args, &rows, report);
	hg_rows_deinit(&rows);
	hg_strtab_deinit(&p.names);
	hg_vec_deinit(&p.list);
	free(p.of);
	hg_classes_deinit(&classes);
	hg_filter_deinit(&filter);
	return err;
}

const struct hg_top_ops hg_top_packages = {
	.by = "package",
	.columns = columns,
	.column_count = ARRAY_SIZE(columns),
	.make = make_top,
};
