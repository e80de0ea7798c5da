/* SPDX-License-Identifier: Apache-2.0 */

/* Which snapshots a policy keeps. */

#include "base/time.h"
#include "helper.h"
#include "vault/vault.h"

#define MOST 64

static struct snapshot rows[MOST];
static struct vault_keep_line lines[MOST];

/* Judge snapshots of these times, which end with NULL, by ${keep}. */
static size_t
plan(const struct vault_keep *keep, const char *const *times)
{
	struct snapshot_list l = { .v = rows };

	for (; times[l.n] != NULL; l.n++)
		assert_true(time_parse(times[l.n], &rows[l.n].finished_ns));
	memset(lines, 0xff, sizeof(lines));
	vault_keep_plan(&l, keep, lines);
	return l.n;
}

static void
expect(size_t i, bool keep, const char *why)
{
	assert_int_equal(lines[i].keep, keep);
	assert_string_equal(lines[i].why, why);
}

static void
keeps_everything_without_a_policy(void **state)
{
	const char *times[] = { "2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z",
		                NULL };
	struct vault_keep keep = { 0 };

	(void)state;
	plan(&keep, times);
	expect(0, true, "no policy");
	expect(1, true, "no policy");
}

static void
keeps_the_last_ones(void **state)
{
	const char *times[] = { "2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z",
		                "2020-01-01T00:00:02Z", NULL };
	struct vault_keep keep = { .last = 2 };

	(void)state;
	plan(&keep, times);
	expect(0, false, "");
	expect(1, true, "last");
	expect(2, true, "last");
}

static void
keeps_the_newest_of_each_day(void **state)
{
	const char *times[] = { "2020-01-01T10:00:00Z", "2020-01-01T23:59:59Z",
		                "2020-01-02T00:00:00Z", "2020-01-02T09:00:00Z",
		                NULL };
	struct vault_keep keep = { .daily = 7 };

	(void)state;
	plan(&keep, times);
	expect(0, false, "");
	expect(1, true, "daily 2020-01-01");
	expect(2, false, "");
	expect(3, true, "daily 2020-01-02");
}

static void
counts_slots_that_have_snapshots(void **state)
{
	const char *times[] = { "2018-01-01T00:00:00Z", "2019-06-01T00:00:00Z",
		                "2020-01-02T00:00:00Z", NULL };
	struct vault_keep keep = { .daily = 2 };

	(void)state;
	plan(&keep, times);
	expect(0, false, "");
	expect(1, true, "daily 2019-06-01");
	expect(2, true, "daily 2020-01-02");
}

static void
gives_all_reasons(void **state)
{
	const char *times[] = { "2020-05-06T07:08:09Z", NULL };
	struct vault_keep keep = { .last = 1, .hourly = 1, .yearly = 1 };

	(void)state;
	plan(&keep, times);
	expect(0, true, "last, hourly 2020-05-06T07, yearly 2020");
}

static void
leaves_out_reasons_that_do_not_fit(void **state)
{
	const char *times[] = { "2020-05-06T07:08:09Z", NULL };
	struct vault_keep keep = { 1, 1, 1, 1, 1, 1 };

	(void)state;
	plan(&keep, times);
	assert_true(lines[0].keep);
	assert_true(strlen(lines[0].why) < sizeof(lines[0].why));
	assert_memory_equal(lines[0].why, "last, hourly 2020-05-06T07, ", 28);
}

static void
counts_weeks_as_iso_8601_does(void **state)
{
	const char *times[] = { "2020-12-28T00:00:00Z", "2021-01-03T00:00:00Z",
		                "2021-01-04T00:00:00Z", NULL };
	struct vault_keep keep = { .weekly = 5 };

	(void)state;
	plan(&keep, times);
	expect(0, false, "");
	expect(1, true, "weekly 2020-W53");
	expect(2, true, "weekly 2021-W01");
}

static void
a_rule_of_months_and_years(void **state)
{
	const char *times[] = { "2019-12-31T00:00:00Z", "2020-01-31T00:00:00Z",
		                "2020-02-01T00:00:00Z", NULL };
	struct vault_keep keep = { .monthly = 2, .yearly = 2 };

	(void)state;
	plan(&keep, times);
	expect(0, true, "yearly 2019");
	expect(1, true, "monthly 2020-01");
	expect(2, true, "monthly 2020-02, yearly 2020");
}

static void
takes_nothing_from_others_for_a_snapshot_of_the_future(void **state)
{
	const char *times[] = { "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z",
		                "2090-01-01T00:00:00Z", "2091-01-01T00:00:00Z",
		                NULL };
	struct vault_keep keep = { .last = 1 };

	(void)state;
	plan(&keep, times);
	expect(0, false, "");
	expect(1, true, "last");
	expect(2, true, "dated in the future");
	expect(3, true, "dated in the future");
}

static void
does_nothing_to_an_empty_list(void **state)
{
	struct snapshot_list l = { 0 };
	struct vault_keep keep = { .last = 1 };

	(void)state;
	vault_keep_plan(&l, &keep, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_everything_without_a_policy),
		cmocka_unit_test(keeps_the_last_ones),
		cmocka_unit_test(keeps_the_newest_of_each_day),
		cmocka_unit_test(counts_slots_that_have_snapshots),
		cmocka_unit_test(gives_all_reasons),
		cmocka_unit_test(leaves_out_reasons_that_do_not_fit),
		cmocka_unit_test(counts_weeks_as_iso_8601_does),
		cmocka_unit_test(a_rule_of_months_and_years),
		cmocka_unit_test(
		    takes_nothing_from_others_for_a_snapshot_of_the_future),
		cmocka_unit_test(does_nothing_to_an_empty_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
