#include "cli/render/stacks.h"

#include <stdlib.h>
#include <string.h>

struct reader {
	const struct hg_table *table;
	const struct hg_cell *cells; // of the row
};

static const struct hg_cell *find(const struct reader *reader, const char *name)
{
	static const struct hg_cell none = {.absent = true};
	for (unsigned i = 0; i < reader->table->column_count; i++)
		if (!strcmp(reader->table->columns[i].name, name))
			return &reader->cells[i];
	return &none;
}

static const char *words(const struct reader *reader, const char *name)
{
	const struct hg_cell *cell = find(reader, name);
	return !cell->absent && cell->text ? cell->text : "";
}

static uint64_t number(const struct reader *reader, const char *name)
{
	const struct hg_cell *cell = find(reader, name);
	return cell->absent ? 0 : cell->number;
}

static void read_row(const struct reader *reader, uint32_t at, struct hg_stack_row *ret)
{
	const uint64_t parent = number(reader, "parent");
	*ret = (struct hg_stack_row){
		.parent = parent < at ? (uint32_t)parent : 0,
		.label = words(reader, "label"),
		.via = words(reader, "via"),
		.type = words(reader, "type"),
		.kind = words(reader, "kind"),
		.line = words(reader, "line"),
		.retained = number(reader, "retained"),
		.objects = number(reader, "objects"),
		.rest = find(reader, "objects")->absent,
	};
	ret->self = ret->retained;
	ret->name = ret->rest ? "(others)" : ret->label;
}

bool hg_stacks_init(struct hg_stacks *stacks, const struct hg_report *report)
{
	*stacks = (struct hg_stacks){0};
	if (!report->table_count)
		return true;
	struct reader reader = {.table = &report->tables[0]};
	stacks->rows = calloc((size_t)reader.table->row_count + 1, sizeof(*stacks->rows));
	if (!stacks->rows)
		return false;
	for (uint32_t i = 1; i <= reader.table->row_count; i++) {
		reader.cells = reader.table->cells + (size_t)(i - 1) * reader.table->column_count;
		read_row(&reader, i, &stacks->rows[i]);
		struct hg_stack_row *above = &stacks->rows[stacks->rows[i].parent];
		const uint64_t part = stacks->rows[i].retained;
		above->self -= part < above->self ? part : above->self;
		stacks->count = i;
	}
	return true;
}

void hg_stacks_deinit(struct hg_stacks *stacks)
{
	free(stacks->rows);
	*stacks = (struct hg_stacks){0};
}
