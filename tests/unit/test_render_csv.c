// Quotes, separators and line ends within fields; what is absent is empty.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/render/render_csv.c"
#include "tests/unit/made_report.h"

static void quotes_what_separates(void **state)
{
	(void)state;
	static const struct hg_column columns[] = {
		{.name = "a", .title = "A", .kind = HG_COLUMN_TEXT},
		{.name = "b", .title = "B", .kind = HG_COLUMN_COUNT},
		{.name = "c", .title = "C", .kind = HG_COLUMN_TEXT, .text_only = true},
	};
	struct hg_cell cells[] = {
		{.text = "x,\"y\"\n"}, {.number = 7},	 {.text = "no"},
		{.text = NULL},	       {.absent = true}, {.text = "no"},
	};
	struct hg_table table = {.name = "rows",
				 .columns = columns,
				 .column_count = 3,
				 .cells = cells,
				 .row_count = 2};
	const struct hg_report report = {.name = "top", .tables = &table, .table_count = 1};
	char *said = made_render(&hg_render_csv, &report);
	assert_string_equal(said, "a,b\r\n\"x,\"\"y\"\"\n\",7\r\n,\r\n");
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(quotes_what_separates)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
