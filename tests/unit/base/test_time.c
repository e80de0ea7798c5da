/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "base/time.h"

static int64_t
parsed(const char *s)
{
	int64_t ns = -1;

	if (!time_parse(s, &ns))
		fail_msg("\"%s\" was refused", s);
	return ns;
}

static void
reads_times_of_every_spelling(void **state)
{
	const int64_t t = 1795168800 * NS_PER_S; /* 2026-11-20T10:00:00Z */

	(void)state;
	assert_int_equal(parsed("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(parsed("2026-11-20T10:00:00Z"), t);
	assert_int_equal(parsed("2026-11-20t10:00:00z"), t);
	assert_int_equal(parsed("2026-11-20T12:30:00+02:30"), t);
	assert_int_equal(parsed("2026-11-19T23:00:00-11:00"), t);
	assert_int_equal(parsed("2026-11-20T10:00:00-00:00"), t);
	assert_int_equal(parsed("2026-11-20T10:00:00.5Z"), t + 500000000);
	assert_int_equal(parsed("2026-11-20T10:00:00.1234567899Z"),
	                 t + 123456789);
	assert_int_equal(parsed("1969-12-31T23:59:59.25Z"), -750000000);
}

static void
knows_leap_years_and_leap_seconds(void **state)
{
	int64_t ns;

	(void)state;
	assert_int_equal(parsed("2000-02-29T00:00:00Z"), 951782400 * NS_PER_S);
	assert_int_equal(parsed("2024-02-29T00:00:00Z"), 1709164800 * NS_PER_S);
	assert_false(time_parse("1900-02-29T00:00:00Z", &ns));
	assert_false(time_parse("2100-02-29T00:00:00Z", &ns));
	assert_false(time_parse("2023-02-29T00:00:00Z", &ns));
	assert_int_equal(parsed("2016-12-31T23:59:60Z"),
	                 parsed("2017-01-01T00:00:00Z"));
	assert_int_equal(parsed("2017-01-01T00:59:60+01:00"),
	                 parsed("2017-01-01T00:00:00Z"));
	assert_false(time_parse("2016-12-31T22:59:60Z", &ns));
}

static void
refuses_what_is_no_time(void **state)
{
	static const char *const bad[] = {
		"",
		"2026",
		"2026-11-20",
		"2026-11-20T10:00:00",
		"2026-11-20 10:00:00Z",
		"2026-11-20T10:00Z",
		"2026-13-20T10:00:00Z",
		"2026-00-20T10:00:00Z",
		"2026-11-31T10:00:00Z",
		"2026-11-00T10:00:00Z",
		"2026-11-20T24:00:00Z",
		"2026-11-20T10:60:00Z",
		"2026-11-20T10:00:61Z",
		"2026-11-20T10:00:00.Z",
		"2026-11-20T10:00:00,5Z",
		"2026-11-20T10:00:00+24:00",
		"2026-11-20T10:00:00+01:60",
		"2026-11-20T10:00:00+0100",
		"2026-11-20T10:00:00+1:00",
		"2026-11-20T10:00:00ZZ",
		"2026-11-20T10:00:00Z ",
		" 2026-11-20T10:00:00Z",
		"-026-11-20T10:00:00Z",
		"+2026-11-20T10:00:00Z",
		"2026-1a-20T10:00:00Z",
		"0001-01-01T00:00:00Z", /* Not in 64 bits of nanoseconds. */
		"1677-09-21T00:12:43Z",
		"2262-04-11T23:47:16.854775808Z",
		"9999-12-31T23:59:59Z",
	};
	int64_t ns = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (time_parse(bad[i], &ns))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_int_equal(ns, 42);
	assert_int_equal(parsed("2262-04-11T23:47:16.854775807Z"), INT64_MAX);
}

static void
reads_back_what_it_writes(void **state)
{
	(void)state;

	/* A prime number of seconds, so that every field is met. */
	for (int64_t s = -9000000000; s < 9000000000; s += 49999991) {
		int64_t ns;

		assert_true(time_parse(time_str(s * NS_PER_S), &ns));
		assert_int_equal(ns, s * NS_PER_S);
	}
	assert_string_equal(time_str(INT64_MIN), "1677-09-21T00:12:43Z");
	assert_string_equal(time_str(INT64_MAX), "2262-04-11T23:47:16Z");
	assert_string_equal(time_str(-1), "1969-12-31T23:59:59Z");
}

static void
stands_still_at_the_clock_that_a_test_sets(void **state)
{
	(void)state;
	assert_int_equal(setenv("CASEMATE_CLOCK", "2001-02-03T04:05:06Z", 1),
	                 0);
	assert_string_equal(time_str(time_now()), "2001-02-03T04:05:06Z");
	assert_int_equal(setenv("CASEMATE_CLOCK", "soon", 1), 0);
	assert_true(time_now() > parsed("2026-01-01T00:00:00Z"));
	assert_int_equal(unsetenv("CASEMATE_CLOCK"), 0);
	assert_true(time_now() > parsed("2026-01-01T00:00:00Z"));
}

static void
never_steps_back(void **state)
{
	int64_t mono = time_mono(), boot = time_boot(), cpu = time_cpu();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_true(time_mono() >= mono);
		assert_true(time_boot() >= boot);
		assert_true(time_cpu() >= cpu);
		mono = time_mono();
		boot = time_boot();
		cpu = time_cpu();
	}
}

static void
reads_spans_of_every_unit(void **state)
{
	int64_t ns;

	(void)state;
	assert_true(time_span_parse("90s", &ns));
	assert_int_equal(ns, 90 * NS_PER_S);
	assert_true(time_span_parse("30m", &ns));
	assert_int_equal(ns, 1800 * NS_PER_S);
	assert_true(time_span_parse("1h", &ns));
	assert_int_equal(ns, 3600 * NS_PER_S);
	assert_true(time_span_parse("2d", &ns));
	assert_int_equal(ns, 172800 * NS_PER_S);
	assert_true(time_span_parse("3w", &ns));
	assert_int_equal(ns, 1814400 * NS_PER_S);
	assert_true(time_span_parse("0s", &ns));
	assert_int_equal(ns, 0);
}

static void
refuses_what_is_no_span(void **state)
{
	static const char *const bad[] = {
		"",       "s",           "10",
		"-1s",    "+1s",         " 1s",
		"1s ",    "1.5h",        "1y",
		"1h30m",  "1 h",         "1S",
		"0x10s",  "9223372037s", "99999999999999999999s",
		"15251w",
	};
	int64_t ns = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (time_span_parse(bad[i], &ns))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_int_equal(ns, 42);
}

static void
says_spans_in_the_unit_that_fits(void **state)
{
	(void)state;
	assert_string_equal(time_span_text(0).s, "0 s");
	assert_string_equal(time_span_text(350 * NS_PER_MS).s, "350 ms");
	assert_string_equal(time_span_text(42 * NS_PER_S).s, "42 s");
	assert_string_equal(time_span_text(119 * NS_PER_S).s, "119 s");
	assert_string_equal(time_span_text(180 * NS_PER_S).s, "3 min");
	assert_string_equal(time_span_text(5 * 3600 * NS_PER_S).s, "5 h");
	assert_string_equal(time_span_text(12 * 86400 * NS_PER_S).s, "12 d");
	assert_string_equal(time_span_text(-180 * NS_PER_S).s, "-3 min");
	assert_string_equal(time_span_text(INT64_MIN).s, "-106751 d");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_times_of_every_spelling),
		cmocka_unit_test(knows_leap_years_and_leap_seconds),
		cmocka_unit_test(refuses_what_is_no_time),
		cmocka_unit_test(reads_back_what_it_writes),
		cmocka_unit_test(stands_still_at_the_clock_that_a_test_sets),
		cmocka_unit_test(never_steps_back),
		cmocka_unit_test(reads_spans_of_every_unit),
		cmocka_unit_test(refuses_what_is_no_span),
		cmocka_unit_test(says_spans_in_the_unit_that_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
