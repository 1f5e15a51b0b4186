#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/made_analysis.h"

static struct hg_report *ask(const char *name, struct hg_report_args args)
{
	struct hg_report *report = NULL;
	struct hg_error *err = hg_report_create(&made.a, name, &args, &report);
	if (err)
		fail_msg("%s", err->message);
	return report;
}

static void expect_error(const char *name, struct hg_report_args args, const char *message)
{
	struct hg_report *report = NULL;
	struct hg_error *err = hg_report_create(&made.a, name, &args, &report);
	assert_non_null(err);
	assert_string_equal(err->message, message);
	hg_error_destroy(err);
}

static const struct hg_cell *cell(const struct hg_report *report, unsigned table, uint32_t row,
				  const char *column)
{
	const struct hg_table *t = &report->tables[table];
	assert_true(row < t->row_count);
	for (unsigned i = 0; i < t->column_count; i++)
		if (!strcmp(t->columns[i].name, column))
			return &t->cells[row * t->column_count + i];
	fail_msg("no column %s", column);
	return NULL;
}

static uint64_t number(const struct hg_report *report, uint32_t row, const char *column)
{
	return cell(report, 0, row, column)->number;
}

static const char *words(const struct hg_report *report, uint32_t row, const char *column)
{
	return cell(report, 0, row, column)->text;
}

// A package variable whose map holds 1,000 users with a buffer each, and an unrelated small root.
static void make_cache(void)
{
	const uint32_t cache = made_root(0, HG_ROOT_GLOBAL, "main.userCache", 18);
	const uint32_t other = made_root(0, HG_ROOT_GLOBAL, "main.config", 3);
	const uint32_t map = made_map("map[string]*main.User", 48, 1000);
	const uint32_t groups = made_inner("map[string]*main.User (groups)", 8192);
	made_edge(cache, map, ".Cache");
	made_edge(map, groups, "");
	for (int i = 0; i < 1000; i++) {
		const uint32_t user = made_object("main.User", 64);
		const uint32_t buf = made_object("[]uint8", 1024);
		made_edge(groups, user, "[...]");
		made_edge(user, buf, ".buf");
	}
	made_edge(other, made_object("main.Config", 512), "");
	made_object("main.Garbage", 32);
	made_finish();
}

enum { CACHE_BYTES = 48 + 8192 + 1000 * (64 + 1024) };

static void names_the_map_that_holds_it_all(void **state)
{
	(void)state;
	make_cache();
	struct hg_report *report = ask("analyze", (struct hg_report_args){0});
	assert_string_equal(report->sentences[0],
			    "main.userCache (server.go:18) .Cache, a map[string]*main.User of "
			    "1,000 entries, retains 1.0 MiB: 99.9 % of the live heap.");
	assert_string_equal(report->sentences[1], "Mostly 1,000 []uint8 (1000.0 KiB) at "
						  "main.userCache.Cache[...].buf.");
	assert_string_equal(words(report, 0, "label"), "main.userCache.Cache");
	assert_string_equal(words(report, 0, "line"), "/src/app/server.go:18");
	assert_int_equal(number(report, 0, "entries"), 1000);
	assert_int_equal(number(report, 0, "retained"), CACHE_BYTES);
	assert_string_equal(report->trust,
			    "100.0 % of 1.0 MiB live bytes typed, 0.0 % by pointer mask alone; "
			    "32 B garbage not yet collected; nothing missing from the core");
	hg_report_destroy(report);
	made_end();
}

static void counts_a_map_as_one_object(void **state)
{
	(void)state;
	make_cache();
	struct hg_report *report = ask("top", (struct hg_report_args){0});
	assert_string_equal(words(report, 0, "type"), "map[string]*main.User");
	assert_int_equal(number(report, 0, "count"), 1);
	assert_int_equal(number(report, 0, "shallow"), 48 + 8192);
	assert_int_equal(number(report, 0, "retained"), CACHE_BYTES);
	assert_true(number(report, 0, "exact"));
	assert_string_equal(words(report, 1, "type"), "main.User");
	assert_int_equal(number(report, 1, "retained"), 1000 * (64 + 1024));
	assert_false(number(report, 1, "exact"));
	assert_string_equal(words(report, 2, "type"), "[]uint8");
	assert_true(number(report, 2, "exact")); // refers to nothing
	assert_int_equal(report->tables[0].row_count, 4);
	hg_report_destroy(report);
	made_end();
}

static void tops_obey_their_options(void **state)
{
	(void)state;
	make_cache();
	struct hg_report *report = ask(
		"top", (struct hg_report_args){.sort = "count", .filter = "^main\\.", .limit = 1});
	assert_string_equal(words(report, 0, "type"), "main.User");
	assert_int_equal(report->tables[0].row_count, 1);
	assert_int_equal(report->tables[0].rows_left_out, 1);
	hg_report_destroy(report);
	expect_error("top", (struct hg_report_args){.sort = "colour"},
		     "cannot sort by 'colour': count, shallow, retained");
	expect_error("top", (struct hg_report_args){.by = "age"},
		     "cannot show the top by 'age': type, object, root, package, goroutine, "
		     "thread, container");
	expect_error("flop", (struct hg_report_args){0}, "no report is called 'flop'");
	made_end();
}

static void lists_objects_with_their_holders(void **state)
{
	(void)state;
	make_cache();
	struct hg_report *report = ask("top", (struct hg_report_args){.by = "object", .limit = 2});
	assert_string_equal(words(report, 0, "type"), "map[string]*main.User");
	assert_string_equal(words(report, 0, "holder"), "main.userCache");
	assert_string_equal(words(report, 1, "type"), "main.User");
	assert_int_equal(number(report, 1, "retained"), 64 + 1024);
	assert_int_equal(report->tables[0].rows_left_out, 2000); // the groups are part of the map
	hg_report_destroy(report);
	made_end();
}

static void sums_packages(void **state)
{
	(void)state;
	make_cache();
	struct hg_report *report = ask("top", (struct hg_report_args){.by = "package"});
	assert_string_equal(words(report, 0, "package"), "main");
	assert_int_equal(number(report, 0, "retained"), CACHE_BYTES + 512);
	assert_int_equal(number(report, 0, "variables_retained"), CACHE_BYTES + 512);
	assert_string_equal(words(report, 1, "package"), "(built in)");
	hg_report_destroy(report);
	made_end();
}

static void explains_a_type_step_by_step(void **state)
{
	(void)state;
	make_cache();
	struct hg_report *report = ask("why", (struct hg_report_args){.target = "User"});
	assert_string_equal(report->sentences[1], "shortest path: main.userCache.Cache[...]");
	assert_string_equal(words(report, 0, "label"), "main.userCache");
	assert_true(cell(report, 0, 0, "parent")->absent);
	assert_string_equal(words(report, 1, "via"), ".Cache");
	assert_string_equal(words(report, 1, "label"), "map[string]*main.User");
	assert_int_equal(number(report, 1, "parent"), 1);
	assert_string_equal(words(report, 2, "via"), "[...]");
	assert_string_equal(words(report, 2, "path"), "main.userCache.Cache[...]");
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(number(report, i, "count"), 1000);
		assert_int_equal(number(report, i, "shallow"), 64000);
		assert_int_equal(number(report, i, "retained"), 1000 * (64 + 1024));
	}
	assert_int_equal(report->tables[0].row_count, 3);
	hg_report_destroy(report);
	made_end();
}

static void tells_what_a_variable_holds(void **state)
{
	(void)state;
	make_cache();
	struct hg_report *report = ask("why", (struct hg_report_args){.target = "userCache"});
	assert_string_equal(report->sentences[0], "main.userCache (server.go:18) retains 1.0 MiB: "
						  "99.9 % of the live heap.");
	assert_int_equal(report->tables[0].row_count, 4);
	assert_int_equal(number(report, 0, "retained"), CACHE_BYTES);
	assert_int_equal(number(report, 0, "count"), 2001);
	assert_string_equal(words(report, 3, "path"), "main.userCache.Cache[...].buf");
	assert_int_equal(number(report, 3, "retained"), 1024000);
	assert_string_equal(cell(report, 1, 0, "type")->text, "[]uint8");
	hg_report_destroy(report);
	made_end();
}

static void answers_for_every_address(void **state)
{
	(void)state;
	make_cache();
	struct hg_report *report = ask("why", (struct hg_report_args){.target = "0xc000000008"});
	assert_string_equal(report->sentences[0],
			    "0xc000000008 is in a map[string]*main.User of 1,000 entries (48 B at "
			    "0xc000000000) and retains 1.0 MiB: 99.9 % of the live heap.");
	hg_report_destroy(report);
	expect_error("why", (struct hg_report_args){.target = "0xc000000030"},
		     "no object at 0xc000000030: a free slot of the heap");
	expect_error("why", (struct hg_report_args){.target = "0x10"},
		     "no object at 0x10: not in the process");
	expect_error("why", (struct hg_report_args){.target = "0xzz"}, "'0xzz' is not an address");
	report = ask("why", (struct hg_report_args){.target = "main.Garbage"});
	assert_string_equal(report->sentences[0], "No root reaches any main.Garbage; 1 (32 B) is "
						  "garbage not yet collected.");
	assert_int_equal(report->tables[0].row_count, 0);
	hg_report_destroy(report);
	made_end();
}

static void asks_back_when_a_name_is_ambiguous(void **state)
{
	(void)state;
	make_cache();
	expect_error("why", (struct hg_report_args){.target = "onfig"},
		     "'onfig' may be any of: main.config, main.Config");
	expect_error("why", (struct hg_report_args){.target = "nothing"},
		     "no type or variable is called 'nothing' (see 'heapgraph top')");
	struct hg_report *report = ask("why", (struct hg_report_args){.target = "config"});
	assert_string_equal(words(report, 0, "label"), "main.config");
	hg_report_destroy(report);
	made_end();
}

// Two variables reach one graph: neither holds it.
static void make_shared(void)
{
	const uint32_t a = made_root(0, HG_ROOT_GLOBAL, "main.ownerA", 1);
	const uint32_t b = made_root(0, HG_ROOT_GLOBAL, "main.ownerB", 2);
	const uint32_t first = made_object("main.Owner", 32),
		       second = made_object("main.Owner", 32);
	made_edge(a, first, "");
	made_edge(b, second, "");
	uint32_t nodes[100];
	for (int i = 0; i < 100; i++)
		nodes[i] = made_object("main.Node", 80);
	for (int i = 0; i + 1 < 100; i++)
		made_edge(nodes[i], nodes[i + 1], ".next");
	made_edge(first, nodes[0], ".graph");
	made_edge(second, nodes[0], ".nodes[...]");
	made_finish();
}

static void says_who_shares(void **state)
{
	(void)state;
	make_shared();
	struct hg_report *report = ask("analyze", (struct hg_report_args){0});
	assert_string_equal(report->sentences[0],
			    "100 linked main.Node, shared by main.ownerA and main.ownerB, retain "
			    "7.8 KiB: 99.2 % of the live heap; neither alone holds it.");
	hg_report_destroy(report);
	report = ask("top", (struct hg_report_args){.by = "root"});
	assert_string_equal(words(report, 0, "root"), "(shared by main.ownerA and main.ownerB)");
	assert_string_equal(words(report, 0, "kind"), "shared");
	assert_int_equal(number(report, 0, "retained"), 8000);
	assert_string_equal(words(report, 1, "root"), "main.ownerA");
	assert_int_equal(number(report, 1, "retained"), 32);
	hg_report_destroy(report);
	report = ask("why", (struct hg_report_args){.target = "main.Node"});
	assert_string_equal(report->sentences[1],
			    "100 have no single owner: shared by main.ownerA and main.ownerB.");
	assert_string_equal(report->sentences[2], "shortest path: main.ownerA.graph");
	assert_string_equal(report->sentences[3], "most different path: main.ownerB.nodes[...]");
	assert_string_equal(words(report, 0, "label"), "shared by main.ownerA and main.ownerB");
	assert_int_equal(number(report, 1, "objects"), 100);
	assert_true(number(report, 1, "recursive"));
	hg_report_destroy(report);
	made_end();
}

static void folds_long_lists(void **state)
{
	(void)state;
	enum { LENGTH = 100000 };
	const uint32_t root = made_root(0, HG_ROOT_GLOBAL, "main.list", 7);
	uint32_t last = root;
	for (int i = 0; i < LENGTH; i++) {
		const uint32_t node = made_object("main.Node", 16);
		made_edge(last, node, i ? ".next" : ".head");
		last = node;
	}
	made_edge(last, made_object("main.Payload", 1000), ".payload");
	made_finish();
	struct hg_report *report = ask("why", (struct hg_report_args){.target = "Payload"});
	assert_string_equal(report->sentences[1],
			    "shortest path: main.list.head(.next x99,999).payload");
	assert_int_equal(report->tables[0].row_count, 3);
	assert_int_equal(number(report, 1, "objects"), LENGTH);
	assert_string_equal(words(report, 2, "path"), "main.list.head.payload");
	hg_report_destroy(report);
	report = ask("analyze", (struct hg_report_args){0});
	assert_string_equal(report->sentences[0],
			    "main.list (server.go:7) .head, 100,000 linked "
			    "main.Node, retain 1.5 MiB: 100.0 % of the live heap.");
	hg_report_destroy(report);
	made_end();
}

// A tree whose nodes keep their children in slices: two types hold each other in turn.
static void folds_types_that_alternate(void **state)
{
	(void)state;
	const uint32_t root = made_root(0, HG_ROOT_GLOBAL, "main.tree", 7);
	uint32_t last = root;
	for (int i = 0; i < 50; i++) {
		const uint32_t node = made_object("main.Node", 16);
		const uint32_t children = made_object("[]*main.Node", 32);
		made_edge(last, node, i ? "[...]" : "");
		made_edge(node, children, ".children");
		last = children;
	}
	made_finish();
	struct hg_report *report = ask("why", (struct hg_report_args){.target = "main.tree"});
	assert_int_equal(report->tables[0].row_count, 3);
	assert_int_equal(number(report, 1, "objects"), 50);
	assert_int_equal(number(report, 1, "retained"), 50 * 48);
	assert_int_equal(number(report, 2, "retained"), 50 * 48 - 16);
	hg_report_destroy(report);
	report = ask("why", (struct hg_report_args){.target = "0xc000620000"});
	assert_string_equal(report->sentences[1], "shortest path: main.tree(.children[...] x49)");
	hg_report_destroy(report);
	report = ask("analyze", (struct hg_report_args){0});
	assert_string_equal(report->sentences[0], "main.tree (server.go:7), 50 linked main.Node, "
						  "retain 2.3 KiB: 100.0 % of the live heap.");
	assert_int_equal(report->sentence_count, 1);
	hg_report_destroy(report);
	made_end();
}

static void groups_goroutines(void **state)
{
	(void)state;
	const uint32_t shared = made_object("main.Log", 4096);
	for (int i = 0; i < 30; i++) {
		const uint32_t g = made_goroutine((uint64_t)i + 5, "chan receive", "main.serve");
		const uint32_t frame = made_root(g, HG_ROOT_FRAME, "main.handle", 0);
		const uint32_t buf = made_root(frame, HG_ROOT_LOCAL, "buf", 0);
		made_edge(buf, made_object("[]uint8", 1024), "");
		made_edge(frame, shared, "");
	}
	made_goroutine(99, "select", "main.main");
	made_finish();
	struct hg_report *report = ask("top", (struct hg_report_args){.by = "goroutine"});
	assert_int_equal(number(report, 0, "goroutines"), 30);
	assert_string_equal(words(report, 0, "state"), "chan receive");
	assert_string_equal(words(report, 0, "created_by"), "main.serve");
	assert_int_equal(number(report, 0, "stack_bytes"), 30 * 2048);
	assert_int_equal(number(report, 0, "retained"), 30 * 1024);
	assert_false(number(report, 0, "exact"));
	hg_report_destroy(report);
	report = ask("top", (struct hg_report_args){.by = "goroutine", .exact = true});
	assert_int_equal(number(report, 0, "retained"), 30 * 1024 + 4096);
	assert_true(number(report, 0, "exact"));
	hg_report_destroy(report);
	report = ask("analyze", (struct hg_report_args){0});
	assert_string_equal(report->sentences[0],
			    "30 goroutines [chan receive, created by main.serve (server.go:10)] "
			    "retain 30.0 KiB: 88.2 % of the live heap.");
	assert_string_equal(report->sentences[2], "a main.Log, shared by goroutines created by "
						  "main.serve, retains 4.0 KiB: 11.8 % of the live "
						  "heap; none alone holds it.");
	hg_report_destroy(report);
	report = ask("why", (struct hg_report_args){.target = "main.handle.buf"});
	assert_int_equal(number(report, 0, "retained"), 1024);
	assert_string_equal(words(report, 2, "path"), "goroutine 5 main.handle.buf");
	hg_report_destroy(report);
	made_end();
}

static uint64_t dice;

static uint32_t throw_dice(uint32_t sides)
{
	dice = dice * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(dice >> 33) % sides;
}

static void make_random(uint64_t seed)
{
	static const char *const types[] = {"main.A", "main.B", "[]*main.A", "map[int]*main.B"};
	dice = seed;
	const uint32_t roots = 1 + throw_dice(4), objects = 1 + throw_dice(40);
	for (uint32_t i = 0; i < roots; i++)
		made_root(i && !throw_dice(3) ? i : 0, HG_ROOT_GLOBAL, i % 2 ? "main.x" : "main.y",
			  0);
	for (uint32_t i = 0; i < objects; i++)
		made_object(types[throw_dice(4)], 16 * (1 + throw_dice(8)));
	const uint32_t edges = throw_dice(3 * objects);
	for (uint32_t i = 0; i < edges; i++) {
		const uint32_t from = throw_dice(roots + objects);
		made_edge(from < roots ? from + 1 : MADE_OBJECT + from - roots,
			  MADE_OBJECT + throw_dice(objects), throw_dice(2) ? ".left" : ".right");
	}
	made_finish();
}

// Of all steps at the top: what they say together of one column.
static uint64_t sum_of_tops(const struct hg_report *report, const char *column)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < report->tables[0].row_count; i++)
		if (cell(report, 0, i, "parent")->absent)
			sum += number(report, i, column);
	return sum;
}

// Every live object stands below exactly one step of the top; no byte is lost or counted twice.
static void loses_nothing_on_random_heaps(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		make_random(seed);
		struct hg_report *roots = ask("top", (struct hg_report_args){.by = "root"});
		uint64_t sum = 0;
		for (uint32_t i = 0; i < roots->tables[0].row_count; i++)
			sum += number(roots, i, "retained");
		assert_int_equal(sum, made.a.totals.live_bytes);
		struct hg_report *bounds = ask("top", (struct hg_report_args){0});
		struct hg_report *exact = ask("top", (struct hg_report_args){.exact = true});
		for (uint32_t i = 0; i < bounds->tables[0].row_count; i++) {
			const char *type = words(bounds, i, "type");
			struct hg_report *why = ask("why", (struct hg_report_args){.target = type});
			assert_int_equal(sum_of_tops(why, "count"), number(bounds, i, "count"));
			assert_int_equal(sum_of_tops(why, "shallow"), number(bounds, i, "shallow"));
			assert_int_equal(sum_of_tops(why, "retained"),
					 number(bounds, i, "retained"));
			hg_report_destroy(why);
			for (uint32_t k = 0; k < exact->tables[0].row_count; k++)
				if (!strcmp(words(exact, k, "type"), type))
					assert_true(number(exact, k, "retained") >=
						    number(bounds, i, "retained"));
		}
		hg_report_destroy(roots);
		hg_report_destroy(bounds);
		hg_report_destroy(exact);
		hg_report_destroy(ask("analyze", (struct hg_report_args){0}));
		hg_report_destroy(ask("why", (struct hg_report_args){.target = "main.y"}));
		made_end();
	}
}

static void reports_an_empty_heap(void **state)
{
	(void)state;
	made_root(0, HG_ROOT_GLOBAL, "main.x", 1);
	made_finish();
	struct hg_report *report = ask("analyze", (struct hg_report_args){0});
	assert_string_equal(report->sentences[0], "The heap holds nothing that a root reaches.");
	hg_report_destroy(report);
	static const char *const tables[] = {"type", "object", "root", "package", "goroutine"};
	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++) {
		report = ask("top", (struct hg_report_args){.by = tables[i], .exact = true});
		assert_int_equal(report->tables[0].row_count, 0);
		hg_report_destroy(report);
	}
	report = ask("why", (struct hg_report_args){.target = "main.x"});
	assert_string_equal(report->sentences[0],
			    "main.x (server.go:1) retains 0 B: 0.0 % of the live heap.");
	hg_report_destroy(report);
	made_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_map_that_holds_it_all),
		cmocka_unit_test(counts_a_map_as_one_object),
		cmocka_unit_test(tops_obey_their_options),
		cmocka_unit_test(lists_objects_with_their_holders),
		cmocka_unit_test(sums_packages),
		cmocka_unit_test(explains_a_type_step_by_step),
		cmocka_unit_test(tells_what_a_variable_holds),
		cmocka_unit_test(answers_for_every_address),
		cmocka_unit_test(asks_back_when_a_name_is_ambiguous),
		cmocka_unit_test(says_who_shares),
		cmocka_unit_test(folds_long_lists),
		cmocka_unit_test(folds_types_that_alternate),
		cmocka_unit_test(groups_goroutines),
		cmocka_unit_test(loses_nothing_on_random_heaps),
		cmocka_unit_test(reports_an_empty_heap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
