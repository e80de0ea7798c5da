/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include <math.h>

#include "base/json.h"

static struct json_t *
parsed(const char *s)
{
	struct json_t *v = NULL;

	assert_ok(json_parse(s, strlen(s), &v));
	return v;
}

static void
writes_members_of_every_kind(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(4096);
	struct json_writer w = JSON_WRITER(&b);
	struct digest d = { { 0xab } };

	(void)state;
	json_open(&w, NULL);
	json_str(&w, "schema", "x/1");
	json_int(&w, "least", INT64_MIN);
	json_uint(&w, "most", UINT64_MAX);
	json_bool(&w, "yes", true);
	json_null(&w, "none");
	json_str(&w, "nothing", NULL);
	json_open_array(&w, "list");
	json_real(&w, NULL, 1.5);
	json_real(&w, NULL, -0.0004);
	json_real(&w, NULL, -2.0006);
	json_real(&w, NULL, (double)NAN);
	json_open(&w, NULL);
	json_close(&w);
	json_close_array(&w);
	json_open_array(&w, "empty");
	json_close_array(&w);
	json_time(&w, "at", 0);
	json_time(&w, "then", 1000000000);
	json_digest(&w, "digest", &d);
	json_close(&w);
	assert_ok(buf_done(&b));
	assert_string_equal(
	    buf_cstr(&b),
	    "{\"schema\":\"x/1\",\"least\":-9223372036854775808,"
	    "\"most\":18446744073709551615,\"yes\":true,\"none\":null,"
	    "\"nothing\":null,\"list\":[1.500,0.000,-2.001,null,{}],"
	    "\"empty\":[],\"at\":null,\"then\":\"1970-01-01T00:00:01Z\","
	    "\"digest\":\"sha256:ab00000000000000000000000000000000000000000000"
	    "000000000000000000\"}");
}

static void
indents_for_people(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(4096);
	struct json_writer w = JSON_WRITER(&b);

	(void)state;
	w.indent = 2;
	json_open(&w, NULL);
	json_open_array(&w, "a");
	json_int(&w, NULL, 1);
	json_int(&w, NULL, 2);
	json_close_array(&w);
	json_open(&w, "o");
	json_close(&w);
	json_close(&w);
	assert_string_equal(buf_cstr(&b),
	                    "{\n  \"a\": [\n    1,\n    2\n  ],\n"
	                    "  \"o\": {}\n}");
}

static void
escapes_so_that_the_reader_gets_the_same_text(void **state)
{
	static const char text[] = "\"\\\b\f\n\r\t\x01\x1f\x7f/ \xc3\xa4 "
				   "\xe2\x82\xac \xf0\x9f\x8f\xb0 \\x41";
	AUTO(buf_release) struct buf b = BUF_MAX(4096);
	AUTO(json_freep) struct json_t *v = NULL;
	struct json_writer w = JSON_WRITER(&b);

	(void)state;
	json_open(&w, NULL);
	json_str(&w, "a\"b\n", text);
	json_close(&w);
	v = parsed(buf_cstr(&b));
	assert_string_equal(json_get_str(v, "a\"b\n"), text);
}

static void
spells_stray_bytes_in_hex(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(4096);
	AUTO(json_freep) struct json_t *v = NULL;
	struct json_writer w = JSON_WRITER(&b);

	(void)state;
	json_open(&w, NULL);
	json_strn(&w, "s", "a\xff\xe2\x82z\xc3", 6);
	json_close(&w);
	assert_string_equal(buf_cstr(&b),
	                    "{\"s\":\"a\\\\xff\\\\xe2\\\\x82z\\\\xc3\"}");
	v = parsed(buf_cstr(&b));
	assert_string_equal(json_get_str(v, "s"), "a\\xff\\xe2\\x82z\\xc3");
}

static void
says_at_the_end_that_the_buffer_was_full(void **state)
{
	AUTO(buf_release) struct buf b = BUF_MAX(10);
	struct json_writer w = JSON_WRITER(&b);

	(void)state;
	json_open(&w, NULL);
	json_str(&w, "key", "longer than the buffer");
	json_close(&w);
	assert_err(E_LIMIT, buf_done(&b));
}

static void
reads_members_and_elements(void **state)
{
	AUTO(json_freep)
	struct json_t *v = parsed("{\"s\":\"x\",\"i\":-7,\"b\":true,\"r\":1.25,"
	                          "\"l\":[1,\"two\"],\"n\":null}");

	(void)state;
	assert_string_equal(json_get_str(v, "s"), "x");
	assert_null(json_get_str(v, "i"));
	assert_null(json_get_str(v, "absent"));
	assert_int_equal(json_get_int(v, "i", 3), -7);
	assert_int_equal(json_get_int(v, "r", 3), 3);
	assert_int_equal(json_get_int(v, "s", 3), 3);
	assert_int_equal(json_get_int(v, "absent", 3), 3);
	assert_true(json_get_bool(v, "b", false));
	assert_true(json_get_bool(v, "n", true));
	assert_int_equal(json_len(json_get(v, "l")), 2);
	assert_non_null(json_at(json_get(v, "l"), 1));
	assert_null(json_at(json_get(v, "l"), 2));
	assert_int_equal(json_len(v), 0);
	assert_int_equal(json_len(NULL), 0);
	assert_null(json_get(NULL, "s"));
}

static void
takes_any_one_value(void **state)
{
	static const char *const good[] = { "1", " null ", "\"x\"", "[]",
		                            "-0.5e3" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		json_free(parsed(good[i]));
	json_free(NULL);
}

static void
refuses_what_is_no_json(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"{}{}",
		"{},",
		"[1,]",
		"{\"a\":1,}",
		"{a:1}",
		"'a'",
		"[01]",
		"[1.]",
		"[+1]",
		"[nan]",
		"\"a\nb\"",
		"\"\\x41\"",
		"\"\xff\"",
		"\"\\ud800\"",
		"{\"a\"}",
		"{\"a\":1 \"b\":2}",
		"\"\\u0000\"",
		"[\"a\\",
		"// x\n1",
		"[99999999999999999999]",
		"[1e999]",
		"\"open",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct json_t *v = NULL;

		assert_err(E_INVALID, json_parse(bad[i], strlen(bad[i]), &v));
		assert_null(v);
	}
}

static void
refuses_duplicate_keys_at_every_level(void **state)
{
	static const char top[] = "{\"a\":1,\"a\":2}";
	static const char below[] = "{\"x\":[{\n\"a\":1,\"\\u0061\":2}]}";
	struct json_t *v = NULL;

	(void)state;
	assert_err(E_INVALID, json_parse(top, strlen(top), &v));
	assert_err_says(E_INVALID, "line 2, column",
	                json_parse(below, strlen(below), &v));
	assert_null(v);
}

static void
refuses_zero_bytes(void **state)
{
	struct json_t *v = NULL;

	(void)state;
	assert_err(E_INVALID, json_parse("{}\0", 3, &v));
	assert_err(E_INVALID, json_parse("\0{}", 3, &v));
	assert_err(E_INVALID, json_parse("\"\0\"", 3, &v));
	assert_err(E_INVALID, json_parse("\"\\\0\"", 4, &v));
	assert_null(v);
}

static void
nests_to_64_levels_and_no_deeper(void **state)
{
	char text[2 * 65 + 1];
	struct json_t *v = NULL;

	(void)state;
	memset(text, '[', 65);
	memset(text + 64, ']', 64);
	assert_ok(json_parse(text, 128, &v));
	json_free(v);
	v = NULL;
	memset(text, '[', 65);
	memset(text + 65, ']', 65);
	assert_err_says(E_INVALID, "line 1, column 65: nested deeper",
	                json_parse(text, 130, &v));
	assert_null(v);

	/* Brackets in strings are no levels. */
	memset(text, '[', sizeof(text));
	text[0] = text[100] = '"';
	text[1] = '\\';
	text[2] = '"';
	assert_ok(json_parse(text, 101, &v));
	json_free(v);
}

static void
survives_a_bomb_of_brackets(void **state)
{
	const size_t n = 4 * MiB;
	char *text = malloc(n);
	struct json_t *v = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, '[', n);
	assert_err(E_INVALID, json_parse(text, n, &v));
	for (size_t i = 0; i + 5 <= n; i += 5)
		memcpy(text + i, "{\"a\":", 5);
	assert_err(E_INVALID, json_parse(text, n, &v));
	free(text);
}

static void
refuses_every_truncation(void **state)
{
	static const char text[] = "{\"a\":[1,{\"b\":\"\\u00e4\"},true,null]}";

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		struct json_t *v = NULL;
		char *copy = malloc(n + 1);

		/* A copy of its own, so that a read past it is seen. */
		assert_non_null(copy);
		memcpy(copy, text, n);
		assert_err(E_INVALID, json_parse(copy, n, &v));
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_members_of_every_kind),
		cmocka_unit_test(indents_for_people),
		cmocka_unit_test(escapes_so_that_the_reader_gets_the_same_text),
		cmocka_unit_test(spells_stray_bytes_in_hex),
		cmocka_unit_test(says_at_the_end_that_the_buffer_was_full),
		cmocka_unit_test(reads_members_and_elements),
		cmocka_unit_test(takes_any_one_value),
		cmocka_unit_test(refuses_what_is_no_json),
		cmocka_unit_test(refuses_duplicate_keys_at_every_level),
		cmocka_unit_test(refuses_zero_bytes),
		cmocka_unit_test(nests_to_64_levels_and_no_deeper),
		cmocka_unit_test(survives_a_bomb_of_brackets),
		cmocka_unit_test(refuses_every_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
