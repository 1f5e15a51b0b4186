// Names that hold what separates frames and lines; sums where rows were left out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/render/render_folded.c"
#include "cli/render/stacks.c"
#include "tests/unit/made_report.h"

static const struct hg_column columns[] = {
	{.name = "parent", .title = "PARENT", .kind = HG_COLUMN_ID},
	{.name = "label", .title = "LABEL", .kind = HG_COLUMN_TEXT},
	{.name = "retained", .title = "RETAINED", .kind = HG_COLUMN_BYTES},
	{.name = "objects", .title = "OBJECTS", .kind = HG_COLUMN_COUNT},
};

static char *fold(struct hg_cell *cells, uint32_t rows)
{
	struct hg_table table = {.name = "rows",
				 .columns = columns,
				 .column_count = 4,
				 .cells = cells,
				 .row_count = rows,
				 .tree = true};
	const struct hg_report report = {.name = "tree", .tables = &table, .table_count = 1};
	return made_render(&hg_render_folded, &report);
}

static void keeps_names_apart_and_sums(void **state)
{
	(void)state;
	struct hg_cell cells[] = {
		{.absent = true}, {.text = "a;b\nc"}, {.number = 100}, {.number = 1},
		{.number = 1},	  {.text = "d e"},    {.number = 30},  {.number = 2},
		{.number = 1},	  {.text = "... x"},  {.number = 70},  {.absent = true},
	};
	char *said = fold(cells, 3);
	assert_string_equal(said, "a:b?c;d e 30\na:b?c;(others) 70\n");
	free(said);
}

static void does_not_follow_parents_that_come_later(void **state)
{
	(void)state;
	struct hg_cell cells[] = {{.number = 1}, {.text = "a"}, {.number = 5}, {.number = 1}};
	char *said = fold(cells, 1);
	assert_string_equal(said, "a 5\n");
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_names_apart_and_sums),
		cmocka_unit_test(does_not_follow_parents_that_come_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
