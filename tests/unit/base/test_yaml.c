/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "base/buf.h"
#include "base/yaml.h"

static struct yaml_node *
parsed(const char *s)
{
	struct yaml_node *v = NULL;

	assert_ok(yaml_read(s, strlen(s), &v));
	return v;
}

static err
refusal(const char *s)
{
	struct yaml_node *v = NULL;
	err e = yaml_read(s, strlen(s), &v);

	yaml_drop(v);
	return e;
}

static void
reads_a_workspace_and_knows_every_place(void **state)
{
	AUTO(yaml_dropp)
	struct yaml_node *v = parsed("# a comment\n"
	                             "name: credit-risk\n"
	                             "copies: 3\n"
	                             "strict: true\n"
	                             "assets:\n"
	                             "  - path: data/train.csv\n"
	                             "    note: \"100\"\n"
	                             "  - {path: models, keep: [7d, 4w]}\n"
	                             "nothing: ~\n");
	const struct yaml_node *assets = yaml_get(v, "assets"), *keep;
	const char *s;
	int64_t n;
	bool b;

	(void)state;
	assert_ok(yaml_str(yaml_get(v, "name"), &s));
	assert_string_equal(s, "credit-risk");
	assert_ok(yaml_int(yaml_get(v, "copies"), &n));
	assert_int_equal(n, 3);
	assert_ok(yaml_bool(yaml_get(v, "strict"), &b));
	assert_true(b);
	assert_null(yaml_get(v, "nothing"));
	assert_null(yaml_get(v, "absent"));
	assert_null(yaml_get(NULL, "absent"));
	assert_ok(yaml_want(assets, YAML_SEQUENCE));
	assert_int_equal(assets->n, 2);
	assert_int_equal(assets->items[1]->line, 8);
	assert_int_equal(assets->items[1]->column, 5);
	keep = yaml_get(assets->items[1], "keep");
	assert_int_equal(keep->n, 2);
	assert_string_equal(keep->items[1]->text, "4w");
	assert_int_equal(keep->items[1]->column, 31);
}

static void
keeps_text_apart_from_numbers_truth_and_null(void **state)
{
	AUTO(yaml_dropp)
	struct yaml_node *v = parsed(
	    "[\"7\", yes, 0x10, 1.5, 010, 99999999999999999999, -5, "
	    "\"null\", null, 'true', [], '']");
	const char *s;
	int64_t n = 42;
	bool b;

	(void)state;
	assert_err(E_INVALID, yaml_int(v->items[0], &n));
	assert_err(E_INVALID, yaml_bool(v->items[1], &b));
	for (size_t i = 1; i < 6; i++)
		assert_err(E_INVALID, yaml_int(v->items[i], &n));
	assert_int_equal(n, 42);
	assert_ok(yaml_int(v->items[6], &n));
	assert_int_equal(n, -5);
	assert_ok(yaml_str(v->items[7], &s));
	assert_string_equal(s, "null");
	assert_err(E_INVALID, yaml_str(v->items[8], &s));
	assert_err(E_INVALID, yaml_bool(v->items[9], &b));
	assert_err(E_INVALID, yaml_str(v->items[10], &s));
	assert_ok(yaml_str(v->items[11], &s));
	assert_string_equal(s, "");
}

static void
names_the_line_and_the_column(void **state)
{
	AUTO(yaml_dropp) struct yaml_node *v = parsed("a:\n  b: x\n");
	int64_t n;

	(void)state;
	assert_err_says(E_INVALID, "line 2, column 6: 'x' is no whole number",
	                yaml_int(yaml_get(yaml_get(v, "a"), "b"), &n));
	assert_err_says(E_INVALID, "line 2, column 3: a list",
	                yaml_want(yaml_get(v, "a"), YAML_SEQUENCE));
	assert_err_says(E_INVALID, "line 2, column 4", refusal("a: 1\nb: : 2"));
	assert_err_says(E_INVALID, "line 2, column", refusal("a: 1\n\tb: 2"));
	assert_err_says(E_INVALID,
	                "line 2, column 3: ", refusal("a:\n \"\xff\""));
}

static void
refuses_anchors_aliases_and_tags(void **state)
{
	(void)state;
	assert_err_says(E_INVALID, "anchors", refusal("a: &x 1"));
	assert_err_says(E_INVALID, "anchors", refusal("a: &x [1]"));
	assert_err_says(E_INVALID, "anchors", refusal("a: &x {b: 1}"));
	assert_err_says(E_INVALID, "line 1, column 4: aliases",
	                refusal("a: *x"));
	assert_err_says(E_INVALID, "tags", refusal("a: !!int 1"));
	assert_err_says(E_INVALID, "tags", refusal("a: ! x"));
	assert_err_says(E_INVALID, "tags", refusal("a: !!seq [1]"));
	assert_err_says(E_INVALID, "tags", refusal("a: !x {b: 1}"));
	assert_err_says(E_INVALID, "tags", refusal("%TAG ! !x-\n---\na: 1"));
	assert_err_says(E_INVALID, "line 2, column 1: tags",
	                refusal("%YAML 1.1\n%TAG ! !x-\n---\na: 1"));
	yaml_drop(parsed("a: 100%TAG"));
}

static void
refuses_a_key_that_is_there_twice(void **state)
{
	(void)state;
	assert_err_says(E_INVALID,
	                "line 3, column 1: 'a' is there twice, first in line 1",
	                refusal("a: 1\nb: 2\na: 3\nc: 4\n"));
	assert_err_says(E_INVALID, "twice", refusal("x: [{a: 1, \"a\": 2}]"));
	assert_err_says(E_INVALID, "twice", refusal("? a\n? a\n"));
}

static void
refuses_what_is_no_one_document(void **state)
{
	static const char *const bad[] = {
		"",
		"# only a comment\n",
		"---\na: 1\n---\nb: 2\n",
		"[1",
		"{a: 1",
		"a: 'open",
		"a: b: c",
		"- 1\nb: 2\n",
		"[a]: 1",
		"{a: 1}: 1",
		"a: \"x\\0y\"",
		"a: \x01",
		"\xff\xfe",
		"a: \"\\xZZ\"",
		"%YAML 3.0\n---\na: 1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(E_INVALID, refusal(bad[i]));
}

static void
nests_to_32_levels_and_no_deeper(void **state)
{
	char text[80] = "";

	(void)state;
	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	yaml_drop(parsed(text));
	memset(text, '[', 33);
	memset(text + 33, ']', 33);
	assert_err_says(E_LIMIT, "line 1, column 33: nested too deep",
	                refusal(text));
}

static void
bounds_bytes_nodes_and_bombs(void **state)
{
	const size_t n = YAML_BYTES_MAX;
	char *text = malloc(n + 1);
	struct yaml_node *v = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', n + 1);
	assert_err(E_LIMIT, yaml_read(text, n + 1, &v));
	memset(text, '[', n);
	assert_err(E_LIMIT, yaml_read(text, n, &v));
	for (size_t i = 0; i < n; i += 2)
		memcpy(text + i, i == 0 ? "[ " : "1,", 2);
	assert_err(E_LIMIT, yaml_read(text, n, &v));
	for (size_t i = 0; i < n; i += 2)
		memcpy(text + i, "- ", 2);
	assert_err(E_LIMIT, yaml_read(text, n, &v));
	for (size_t i = 0; i < n; i += 2)
		memcpy(text + i, "? ", 2);
	assert_err(E_INVALID, yaml_read(text, n, &v));
	assert_null(v);
	free(text);
}

static void
suggests_the_key_that_was_meant(void **state)
{
	static const char *const known[] = { "assets", "keep", NULL };
	AUTO(yaml_dropp) struct yaml_node *v = parsed("keep: 1\nasets: 2\n");
	AUTO(yaml_dropp) struct yaml_node *far = parsed("banana: 1\n");
	AUTO(yaml_dropp) struct yaml_node *fine = parsed("keep:\nassets:\n");
	AUTO(yaml_dropp) struct yaml_node *list = parsed("- keep\n");

	(void)state;
	assert_err_says(E_INVALID,
	                "line 2, column 1: unknown key 'asets': did you mean "
	                "'assets'?",
	                yaml_check_keys(v, known));
	assert_err_says(E_INVALID, "unknown key 'banana'",
	                yaml_check_keys(far, known));
	assert_err(E_INVALID, yaml_check_keys(list, known));
	assert_ok(yaml_check_keys(fine, known));
}

/* A deterministic walk: nothing but OK, E_INVALID and E_LIMIT may come out. */
static void
survives_flips_and_truncations(void **state)
{
	static const char text[] =
	    "a: [1, {b: 'c'}]\nd:\n- |\n  e\n- \"f\\n\"\n"
	    "? g\n: h # i\n";
	const size_t n = sizeof(text) - 1;

	(void)state;
	for (size_t i = 0; i < n * 8; i++) {
		struct yaml_node *v = NULL;
		char *copy = malloc(n);
		size_t len = i % 8 == 0 ? i / 8 : n;
		err e;

		assert_non_null(copy);
		memcpy(copy, text, n);
		copy[i / 8] = (char)(copy[i / 8] ^ 1 << i % 8);
		e = yaml_read(copy, len, &v);
		assert_true(e.code == E_OK || e.code == E_INVALID ||
		            e.code == E_LIMIT);
		assert_true((v != NULL) == (e.code == E_OK));
		err_drop(e);
		yaml_drop(v);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_workspace_and_knows_every_place),
		cmocka_unit_test(keeps_text_apart_from_numbers_truth_and_null),
		cmocka_unit_test(names_the_line_and_the_column),
		cmocka_unit_test(refuses_anchors_aliases_and_tags),
		cmocka_unit_test(refuses_a_key_that_is_there_twice),
		cmocka_unit_test(refuses_what_is_no_one_document),
		cmocka_unit_test(nests_to_32_levels_and_no_deeper),
		cmocka_unit_test(bounds_bytes_nodes_and_bombs),
		cmocka_unit_test(suggests_the_key_that_was_meant),
		cmocka_unit_test(survives_flips_and_truncations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
