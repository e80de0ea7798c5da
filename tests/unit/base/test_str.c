/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "base/str.h"

static const char *const keys[] = { "assets",     "vault", "keep",
	                            "objectives", "rpo",   NULL };

static void
finds_the_key_that_was_meant(void **state)
{
	(void)state;
	assert_string_equal(str_nearest("asets", keys), "assets");
	assert_string_equal(str_nearest("vualt", keys), "vault");
	assert_string_equal(str_nearest("Keep", keys), "keep");
	assert_string_equal(str_nearest("objectivs", keys), "objectives");
	assert_string_equal(str_nearest("rto", keys), "rpo");
}

static void
guesses_nothing_where_nothing_is_near(void **state)
{
	char longer[200];

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_null(str_nearest("banana", keys));
	assert_null(str_nearest("", keys));
	assert_null(str_nearest("x", keys));
	assert_null(str_nearest(longer, keys));
	assert_null(str_nearest("vault", &keys[5]));
}

static void
measures_characters_of_every_length(void **state)
{
	(void)state;
	assert_int_equal(str_utf8("a", 1), 1);
	assert_int_equal(str_utf8("\xc3\xa4", 2), 2);
	assert_int_equal(str_utf8("\xe2\x82\xac", 3), 3);
	assert_int_equal(str_utf8("\xf0\x9f\x8f\xb0", 4), 4);
	assert_int_equal(str_utf8("\xf4\x8f\xbf\xbf", 4), 4);
}

static void
refuses_what_is_not_utf8(void **state)
{
	static const char *const bad[] = {
		"\x80",             /* A tail without a head. */
		"\xc0\x80",         /* Overlong. */
		"\xc1\xbf",         /* Overlong. */
		"\xe0\x9f\xbf",     /* Overlong. */
		"\xf0\x8f\xbf\xbf", /* Overlong. */
		"\xed\xa0\x80",     /* A surrogate. */
		"\xf4\x90\x80\x80", /* Above U+10FFFF. */
		"\xf5\x80\x80\x80", /* Above U+10FFFF. */
		"\xc3(",            /* A head without its tail. */
		"\xe2\x82(",        /* A head without all of its tail. */
		"\xff",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(str_utf8(bad[i], strlen(bad[i])), 0);
	assert_int_equal(str_utf8("\xe2\x82\xac", 2), 0);
	assert_int_equal(str_utf8("a", 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_key_that_was_meant),
		cmocka_unit_test(guesses_nothing_where_nothing_is_near),
		cmocka_unit_test(measures_characters_of_every_length),
		cmocka_unit_test(refuses_what_is_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
