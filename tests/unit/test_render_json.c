#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/render/render_json.c"
#include "tests/unit/made_report.h"

static void keeps_the_contract(void **state)
{
	(void)state;
	char *said = made_render(&hg_render_json, &made_report);
	assert_string_equal(
		said, "{\"report\":\"top\",\"version\":1,\n"
		      "\"source\":{\"kind\":\"core\",\"path\":\"dir\\\\core \\\"1\\\"\",\"pid\":7,"
		      "\"runtime\":\"go1.26.8\",\"build_id\":\"ab\"},\n"
		      "\"totals\":{\"live_objects\":12346,\"live_bytes\":18446744073709551615},\n"
		      "\"coverage\":{\"typed_bytes\":5,\"notes\":[\"a\\u000anote\"]},\n"
		      "\"rows\":[\n"
		      "{\"type\":\"main.User\",\"address\":\"0xc000010000\",\"count\":12345,"
		      "\"retained\":1048576000,\"exact\":false},\n"
		      "{\"type\":\"bad\\u001b[31m\\ufffdname\",\"count\":1,\"retained\":512,"
		      "\"exact\":true}\n"
		      "],\n"
		      "\"tree\":[\n"
		      "{\"id\":1,\"bytes\":10,\"step\":\"main.root\"},\n"
		      "{\"id\":2,\"parent\":1,\"bytes\":8,\"step\":\".left\"},\n"
		      "{\"id\":3,\"parent\":2,\"bytes\":4,\"step\":\".left\"},\n"
		      "{\"id\":4,\"parent\":1,\"bytes\":2,\"step\":\".right\"}\n"
		      "],\n"
		      "\"rows_left_out\":1234,\n"
		      "\"summary\":[\"main.cache holds it.\"],\n"
		      "\"trust\":\"all of it\"}\n");
	free(said);
}

static void shows_a_live_source_without_rows(void **state)
{
	(void)state;
	struct hg_table table = made_tables[0];
	table.row_count = 0;
	table.rows_left_out = 0;
	const struct hg_report report = {.name = "top",
					 .source = {.kind = "live", .pid = 9},
					 .tables = &table,
					 .table_count = 1};
	char *said = made_render(&hg_render_json, &report);
	assert_string_equal(said, "{\"report\":\"top\",\"version\":1,\n"
				  "\"source\":{\"kind\":\"live\",\"path\":null,\"pid\":9,"
				  "\"runtime\":\"\",\"build_id\":\"\"},\n"
				  "\"totals\":{},\n"
				  "\"coverage\":{\"notes\":[]},\n"
				  "\"rows\":[],\n"
				  "\"rows_left_out\":0,\n"
				  "\"summary\":[],\n"
				  "\"trust\":\"\"}\n");
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_contract),
		cmocka_unit_test(shows_a_live_source_without_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
