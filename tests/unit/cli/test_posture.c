/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "base/time.h"
#include "cli/posture.h"

#define HOUR (3600 * NS_PER_S)
#define NOW  (1000 * HOUR)

static struct vault_store_config stores[] = {
	{ .name = (char *)"here" },
	{ .name = (char *)"there" },
};
static const struct vault_config config = { .stores = stores, .nstores = 2 };

/* A workspace of one asset that is saved, whole and fresh, in two stores. */
static void
make_good(struct posture *p)
{
	*p = (struct posture){
		.now_ns = NOW, .nassets = 1, .nstores = 2, .config = &config
	};
	assert_ok(mem_alloc(1, sizeof(*p->assets), &p->assets));
	assert_ok(mem_alloc(2, sizeof(char *), &p->stores_why));
	p->assets[0] = (struct posture_asset){ .name = "a",
		                               .kind = "dataset",
		                               .rpo_ns = HOUR,
		                               .newest.finished_ns = NOW -
		                                   HOUR / 2,
		                               .copies = 2,
		                               .snapshots = 1,
		                               .compared = true,
		                               .drift.same = 10 };
}

static void
assert_judged(struct posture *p, enum posture_colour colour, const char *why,
              const char *mend)
{
	assert_ok(posture_judge(p));
	assert_string_equal(posture_colour(p->colour), posture_colour(colour));
	if (why == NULL) {
		assert_int_equal(p->nreasons, 0);
	} else {
		assert_non_null(strstr(p->reasons[0].why, why));
		assert_non_null(strstr(p->reasons[0].mend, mend));
	}
	posture_release(p);
}

static void
is_green_when_all_is_met(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	assert_judged(&p, POSTURE_GREEN, NULL, NULL);
}

static void
is_red_without_a_snapshot(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	p.assets[0].newest.finished_ns = 0;
	p.assets[0].compared = false;
	assert_judged(&p, POSTURE_RED, "no snapshot", "casemate backup a");
}

static void
is_red_without_a_source(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	p.assets[0].source_missing = true;
	p.assets[0].compared = false;
	assert_judged(&p, POSTURE_RED, "missing", "casemate restore a");
}

static void
is_red_when_half_of_the_files_are_gone_or_rewritten(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	p.assets[0].drift = (struct vault_drift){ .same = 4,
		                                  .changed = 3,
		                                  .missing = 1 };
	assert_judged(&p, POSTURE_RED, "4 of 8 files",
	              "casemate restore a --in-place");
	make_good(&p);
	p.assets[0].drift = (struct vault_drift){ .same = 5, .changed = 4 };
	assert_judged(&p, POSTURE_AMBER, "4 changed", "casemate backup a");
}

static void
is_amber_when_one_file_of_one_was_edited(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	p.assets[0].drift = (struct vault_drift){ .changed = 1 };
	assert_judged(&p, POSTURE_AMBER, "1 changed", "casemate backup a");
}

static void
is_red_when_all_files_are_missing_be_it_one(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	p.assets[0].drift = (struct vault_drift){ .missing = 1, .added = 1 };
	assert_judged(&p, POSTURE_RED, "1 of 1 files", "casemate restore a");
}

static void
is_red_when_the_objective_is_exceeded_and_not_before(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	p.assets[0].newest.finished_ns = NOW - HOUR;
	assert_judged(&p, POSTURE_GREEN, NULL, NULL);
	make_good(&p);
	p.assets[0].newest.finished_ns = NOW - HOUR - 1;
	assert_judged(&p, POSTURE_RED, "rpo", "casemate backup a");
}

static void
is_amber_when_a_store_lags_or_is_away(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	p.assets[0].copies = 1;
	assert_judged(&p, POSTURE_AMBER, "1 of 2 stores", "casemate backup a");
	make_good(&p);
	assert_ok(mem_dup("no answer", 9, &p.stores_why[1]));
	assert_judged(&p, POSTURE_AMBER, "\"there\" is not open", "doctor");
}

static void
is_red_when_no_store_answers(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	assert_ok(mem_dup("no answer", 9, &p.stores_why[0]));
	assert_ok(mem_dup("no answer", 9, &p.stores_why[1]));
	assert_judged(&p, POSTURE_RED, "\"here\" is not open", "doctor");
}

static void
is_amber_with_one_store_only(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	p.nstores = 1;
	p.assets[0].copies = 1;
	assert_judged(&p, POSTURE_AMBER, "one store only", "another device");
}

static void
is_amber_while_the_bearer_kit_lies_there(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	p.kit = MACHINE_KIT_BEARER;
	assert_judged(&p, POSTURE_AMBER, "kit", "off this machine");
	make_good(&p);
	p.kit = MACHINE_KIT_GUARDED;
	assert_judged(&p, POSTURE_GREEN, NULL, NULL);
}

static void
is_red_when_a_snapshot_cannot_be_trusted(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	p.bad.total = 1;
	assert_judged(&p, POSTURE_RED, "1 snapshot cannot", "casemate check");
}

static void
tells_the_worst_first(void **state)
{
	struct posture p;

	(void)state;
	make_good(&p);
	p.kit = MACHINE_KIT_BEARER;
	p.assets[0].copies = 1;
	p.bad.total = 2;
	assert_ok(posture_judge(&p));
	assert_int_equal(p.nreasons, 3);
	assert_int_equal(p.reasons[0].colour, POSTURE_RED);
	assert_int_equal(p.reasons[2].colour, POSTURE_AMBER);
	assert_int_equal(p.assets[0].colour, POSTURE_AMBER);
	posture_release(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_green_when_all_is_met),
		cmocka_unit_test(is_red_without_a_snapshot),
		cmocka_unit_test(is_red_without_a_source),
		cmocka_unit_test(
		    is_red_when_half_of_the_files_are_gone_or_rewritten),
		cmocka_unit_test(is_amber_when_one_file_of_one_was_edited),
		cmocka_unit_test(is_red_when_all_files_are_missing_be_it_one),
		cmocka_unit_test(
		    is_red_when_the_objective_is_exceeded_and_not_before),
		cmocka_unit_test(is_amber_when_a_store_lags_or_is_away),
		cmocka_unit_test(is_red_when_no_store_answers),
		cmocka_unit_test(is_amber_with_one_store_only),
		cmocka_unit_test(is_amber_while_the_bearer_kit_lies_there),
		cmocka_unit_test(is_red_when_a_snapshot_cannot_be_trusted),
		cmocka_unit_test(tells_the_worst_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
