#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/render/render_text.c"
#include "tests/unit/made_report.h"

static void shows_numbers_first_and_the_label_last(void **state)
{
	(void)state;
	char *said = made_render(&hg_render_text, &made_report);
	assert_string_equal(said, "main.cache holds it.\n"
				  "\n"
				  "     RETAINED   COUNT  WHERE  TYPE\n"
				  ">= 1000.0 MiB  12,345  a.go   main.User\n"
				  "        512 B       1         bad\\x1b[31m\\xffname\n"
				  "... and 1,234 more (-n shows them)\n"
				  "\n"
				  "the tree\n"
				  "BYTES  STEP\n"
				  " 10 B  main.root\n"
				  "  8 B    .left\n"
				  "  4 B      .left\n"
				  "  2 B    .right\n"
				  "\n"
				  "trust: all of it\n"
				  "note: a\\x0anote\n");
	free(said);
}

static void shows_a_bare_sentence(void **state)
{
	(void)state;
	static const char *sentence = "wrote core.1";
	const struct hg_report report = {
		.name = "snapshot", .sentences = &sentence, .sentence_count = 1};
	char *said = made_render(&hg_render_text, &report);
	assert_string_equal(said, "wrote core.1\n");
	free(said);
}

static void survives_ids_that_make_no_tree(void **state)
{
	(void)state;
	struct hg_cell cells[] = {{.number = 1}, {.number = 7}, {.number = 1}, {.text = "x"},
				  {.number = 2}, {.number = 2}, {.number = 1}, {.text = "y"}};
	struct hg_table table = made_tables[1];
	table.cells = cells;
	table.row_count = 2;
	const struct hg_report report = {.name = "why", .tables = &table, .table_count = 1};
	char *said = made_render(&hg_render_text, &report);
	assert_non_null(strstr(said, "  x\n"));
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_numbers_first_and_the_label_last),
		cmocka_unit_test(shows_a_bare_sentence),
		cmocka_unit_test(survives_ids_that_make_no_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
