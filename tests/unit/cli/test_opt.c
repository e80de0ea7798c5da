/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "cli/opt.h"

static const struct opt table[] = {
	{ "flag", NULL, "", OPT_FLAG, 'f' },
	{ "text", "T", "", OPT_TEXT, 't' },
	{ "list", "L", "", OPT_LIST, 0 },
	{ "count", "N", "", OPT_COUNT, 0 },
	{ "size", "S", "", OPT_SIZE, 0 },
	{ "part", "P%", "", OPT_PERCENT, 0 },
	{ NULL },
};

#define PARSE(o, ...)                                                          \
	parse((o), (const char *[]){ __VA_ARGS__, NULL }, false, &(int){ 0 })

static err
parse(struct opts **o, const char **argv, bool first, int *used)
{
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	opt_free(*o);
	*o = NULL;
	assert_ok(opt_new(o));
	opt_declare(*o, table);
	return opt_parse(*o, argc, (char **)(uintptr_t)argv, first, used);
}

static void
takes_values_behind_an_equals_sign_or_a_space(void **state)
{
	AUTO(opt_freep) struct opts *o = NULL;

	(void)state;
	assert_ok(PARSE(&o, "--text=a=b", "w", "--list", "1", "--list=2"));
	assert_string_equal(opt_text(o, "text"), "a=b");
	assert_string_equal(opt_list(o, "list")[0], "1");
	assert_string_equal(opt_list(o, "list")[1], "2");
	assert_null(opt_list(o, "list")[2]);
	assert_string_equal(opt_word(o, 0), "w");
	assert_null(opt_word(o, 1));
	assert_false(opt_flag(o, "flag"));
	assert_ok(PARSE(&o, "-f", "-t", "x"));
	assert_true(opt_flag(o, "flag"));
	assert_string_equal(opt_text(o, "text"), "x");
	assert_ok(PARSE(&o, "-ty"));
	assert_string_equal(opt_text(o, "text"), "y");
}

static void
lets_the_last_text_count(void **state)
{
	AUTO(opt_freep) struct opts *o = NULL;

	(void)state;
	assert_ok(
	    PARSE(&o, "--text", "a", "--text", "b", "--count=1", "--count=2"));
	assert_string_equal(opt_text(o, "text"), "b");
	assert_int_equal(opt_number(o, "count", 9), 2);
}

static void
takes_everything_behind_two_dashes_for_words(void **state)
{
	AUTO(opt_freep) struct opts *o = NULL;
	size_t n;

	(void)state;
	assert_ok(PARSE(&o, "--flag", "--", "--flag", "-x", "--"));
	assert_string_equal(opt_words(o, &n)[0], "--flag");
	assert_string_equal(opt_words(o, &n)[2], "--");
	assert_int_equal(n, 3);
	assert_ok(PARSE(&o, "-"));
	assert_string_equal(opt_word(o, 0), "-");
}

static void
stops_at_the_first_word_if_asked(void **state)
{
	const char *argv[] = { "--flag", "vault", "--nonsense", NULL };
	AUTO(opt_freep) struct opts *o = NULL;
	int used = 0;

	(void)state;
	assert_ok(parse(&o, argv, true, &used));
	assert_int_equal(used, 1);
}

static void
refuses_what_it_does_not_know(void **state)
{
	AUTO(opt_freep) struct opts *o = NULL;

	(void)state;
	assert_err_says(E_USAGE, "did you mean \"--flag\"",
	                PARSE(&o, "--flga"));
	assert_err_says(E_USAGE, "\"--txet\"", PARSE(&o, "--txet=1"));
	assert_err_says(E_USAGE, "\"-z\"", PARSE(&o, "-z"));
	assert_err_says(E_USAGE, "\"--flagx\"", PARSE(&o, "--flagx"));
	assert_err(E_USAGE, PARSE(&o, "--=x"));
}

static void
refuses_values_that_are_missing_or_too_many(void **state)
{
	AUTO(opt_freep) struct opts *o = NULL;

	(void)state;
	assert_err_says(E_USAGE, "wants T", PARSE(&o, "--text"));
	assert_err_says(E_USAGE, "takes no value", PARSE(&o, "--flag=1"));
	assert_err_says(E_USAGE, "takes no value", PARSE(&o, "-fx"));
	assert_err(E_USAGE, PARSE(&o, "--text="));
	assert_err(E_USAGE, PARSE(&o, "--list", ""));
}

static void
refuses_numbers_that_are_none(void **state)
{
	static const char *const bad[] = { "",    "x",   "-1",
		                           "+1",  " 1",  "1 ",
		                           "0x1", "1.5", "18446744073709551616",
		                           NULL };
	AUTO(opt_freep) struct opts *o = NULL;

	(void)state;
	for (size_t i = 0; bad[i] != NULL; i++)
		assert_err(E_USAGE, PARSE(&o, "--count", bad[i]));
	assert_ok(PARSE(&o, "--count", "18446744073709551615"));
	assert_true(opt_number(o, "count", 0) == UINT64_MAX);
}

static void
reads_sizes_in_powers_of_1024(void **state)
{
	static const struct {
		const char *s;
		uint64_t n;
	} good[] = { { "0", 0 },
		     { "512", 512 },
		     { "512B", 512 },
		     { "1k", 1024 },
		     { "64K", 65536 },
		     { "10MiB/s", 10485760 },
		     { "2M/s", 2097152 },
		     { "1GB", 1073741824 },
		     { "16777215T", 16777215ULL << 40 } };
	static const char *const bad[] = { "",    "K",    "-1",  "1Q",
		                           "1KK", "1i",   "1/h", "16777216T",
		                           "1 K", "1KiBB" };
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(opt_parse_size(good[i].s, &n));
		assert_true(n == good[i].n);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (opt_parse_size(bad[i], &n))
			fail_msg("took \"%s\"", bad[i]);
}

static void
reads_percentages(void **state)
{
	static const char *const bad[] = { "101", "-1",    "x", "5%%",
		                           "nan", "1e999", "%", NULL };
	AUTO(opt_freep) struct opts *o = NULL;

	(void)state;
	assert_ok(PARSE(&o, "--part", "5%"));
	assert_true(opt_percent(o, "part", 1) == 0.05);
	assert_ok(PARSE(&o, "--part=100"));
	assert_true(opt_percent(o, "part", 0) == 1.0);
	assert_ok(PARSE(&o, "w"));
	assert_true(opt_percent(o, "part", 0.5) == 0.5);
	for (size_t i = 0; bad[i] != NULL; i++)
		assert_err(E_USAGE, PARSE(&o, "--part", bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_values_behind_an_equals_sign_or_a_space),
		cmocka_unit_test(lets_the_last_text_count),
		cmocka_unit_test(takes_everything_behind_two_dashes_for_words),
		cmocka_unit_test(stops_at_the_first_word_if_asked),
		cmocka_unit_test(refuses_what_it_does_not_know),
		cmocka_unit_test(refuses_values_that_are_missing_or_too_many),
		cmocka_unit_test(refuses_numbers_that_are_none),
		cmocka_unit_test(reads_sizes_in_powers_of_1024),
		cmocka_unit_test(reads_percentages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
