/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "asset/workspace.h"
#include "base/time.h"

#define STORES "vault: {stores: [{name: here, url: ./v}]}\n"

static struct workspace *
parsed(const char *text)
{
	struct workspace *ws = NULL;

	assert_ok(workspace_parse(text, strlen(text), "/ws", &ws));
	return ws;
}

/* The complaint about ${text} names ${place} and says ${words}. */
static void
refuses(const char *text, const char *place, const char *words)
{
	struct workspace *ws = NULL;
	err e = workspace_parse(text, strlen(text), "/ws", &ws);

	assert_string_equal(err_name(e.code), "invalid");
	if (strstr(err_text(e), place) == NULL ||
	    strstr(err_text(e), words) == NULL)
		fail_msg("\"%s\" does not say \"%s\" and \"%s\"", err_text(e),
		         place, words);
	assert_null(ws);
	err_drop(e);
}

static void
reads_all_that_the_contract_with_users_shows(void **state)
{
	static const char text[] =
	    "workspace: credit-risk\n"
	    "vault:\n"
	    "  stores:\n"
	    "    - {name: here, url: ./.casemate/vault, medium: disk,\n"
	    "       site: office}\n"
	    "    - {name: nas, url: \"casemate://nas.example.org:8443/vault\",\n"
	    "       medium: nas, lock: {days: 14}}\n"
	    "    - {name: offsite, url: \"s3://ml-vault/credit-risk\",\n"
	    "       endpoint: \"https://s3.example.org\", medium: object,\n"
	    "       lock: {mode: compliance, days: 30, cap: 400},\n"
	    "       transient: \"s3://ml-vault-transient/credit-risk\"}\n"
	    "  keep: {hourly: 24, daily: 14, weekly: 8, monthly: 12}\n"
	    "assets:\n"
	    "  - {name: transactions, kind: dataset, source: data/t,\n"
	    "     contract: contracts/t.yaml, objective: {rpo: 1h, rto: 30m}}\n"
	    "  - {name: scorer, kind: model, source: models/scorer,\n"
	    "     rebuild: {command: [python3, train.py], takes: 4h,\n"
	    "       needs: [transactions]}, smoke: [python3, smoke.py]}\n"
	    "  - {name: customer, kind: feature-store,\n"
	    "     source: \"postgresql://feast@db/feast\"}\n"
	    "people:\n"
	    "  - {name: ana, roles: [approver, owner], key: keys/ana.pub}\n"
	    "roles: {owner: [vault.read]}\n"
	    "approvals: {vault.forget: 2, model.promote: 1}\n"
	    "guard: {protect: [transactions, scorer], response: freeze}\n"
	    "alerts:\n"
	    "  - {to: file, path: alerts.ndjson, format: ocsf}\n"
	    "  - {to: webhook, url: \"https://h.example.org/x\",\n"
	    "     secret_file: hook.secret}\n";
	AUTO(workspace_closep) struct workspace *ws = parsed(text);

	(void)state;
	assert_string_equal(ws->name, "credit-risk");
	assert_int_equal(ws->vault.nstores, 3);
	assert_string_equal(ws->vault.stores[0].url, "/ws/.casemate/vault");
	assert_string_equal(ws->vault.stores[0].site, "office");
	assert_string_equal(ws->vault.stores[2].url,
	                    "s3://ml-vault/credit-risk");
	assert_int_equal(ws->vault.keep.hourly, 24);
	assert_int_equal(ws->vault.keep.last, 0);
	assert_int_equal(ws->nassets, 3);
	assert_true(ws->assets[0].rpo_ns == 3600 * NS_PER_S);
	assert_true(ws->assets[0].rto_ns == 1800 * NS_PER_S);
	assert_true(ws->assets[0].line == 14);
	assert_string_equal(ws->assets[1].rebuild[1], "train.py");
	assert_null(ws->assets[1].rebuild[2]);
	assert_string_equal(ws->assets[1].smoke[0], "python3");

	/* Two locks and five sections have no effect yet. */
	assert_int_equal(ws->nlater, 7);
}

static void
reads_the_least_there_can_be(void **state)
{
	AUTO(workspace_closep) struct workspace *ws = parsed(STORES);

	(void)state;
	assert_string_equal(ws->name, "ws");
	assert_int_equal(ws->nassets, 0);
	assert_int_equal(ws->nlater, 0);
}

static void
names_the_key_that_was_meant(void **state)
{
	(void)state;
	refuses("vaul: {}\n", "line 1, column 1", "did you mean");
	refuses("vault: {store: []}\n", "line 1, column 9", "stores");
	refuses("vault:\n  stores:\n    - {name: a, ulr: b}\n",
	        "line 3, column 17", "url");
	refuses("vault: {stores: [{name: a, url: b, lock: {day: 3}}]}\n",
	        "column 43", "days");
	refuses("vault: {stores: [{name: a, url: b}], keep: {dayly: 3}}\n",
	        "column 45", "daily");
	refuses(STORES "assets:\n  - {name: a, kind: model, sorce: b}\n",
	        "line 3, column 28", "source");
	refuses(STORES "assets:\n  - {name: a, kind: modle, source: b}\n",
	        "line 3, column 21", "\"model\"");
	refuses(STORES "assets:\n  - {name: a, kind: model, source: b,\n"
	               "     objective: {rpt: 1h}}\n",
	        "line 4, column 18", "did you mean");
	refuses(STORES "approvals: {vault.forgot: 1}\n", "line 2, column 13",
	        "vault.forget");
	refuses(STORES "guard: {protec: []}\n", "line 2, column 9", "protect");
	refuses(STORES "alerts: [{to: webhok}]\n", "line 2, column 15",
	        "\"webhook\"");
	refuses(STORES "people: [{name: a, roles: [aprover]}]\n",
	        "line 2, column 28", "\"approver\"");
}

static void
refuses_a_wrong_type(void **state)
{
	(void)state;
	refuses("- a\n", "line 1, column 1", "");
	refuses("vault: here\n", "line 1, column 8", "");
	refuses("vault: {stores: here}\n", "line 1, column 17", "");
	refuses("vault: {stores: [here]}\n", "line 1, column 18", "");
	refuses("vault: {stores: [{name: [a], url: b}]}\n", "column 25", "");
	refuses(STORES "assets: all\n", "line 2, column 9", "");
	refuses(STORES "assets: [{name: a, kind: model, source: [b]}]\n",
	        "line 2, column 41", "");
	refuses(STORES "assets: [{name: a, kind: model, source: b,\n"
	               "  smoke: python3 smoke.py}]\n",
	        "line 3, column 10", "");
	refuses("vault: {stores: [{name: a, url: b}], keep: {daily: many}}\n",
	        "column 52", "");
	refuses(STORES "people: {name: ana}\n", "line 2, column 9", "");
	refuses(STORES "roles: [admin]\n", "line 2, column 8", "");
	refuses(STORES "alerts: {to: file}\n", "line 2, column 9", "");
}

static void
refuses_what_cannot_be_meant(void **state)
{
	(void)state;
	refuses("workspace: a\n", "line 1, column 1", "\"vault\" is missing");
	refuses("vault: {keep: {}}\n", "line 1, column 8", "\"stores\"");
	refuses("vault: {stores: []}\n", "line 1, column 17", "no store");
	refuses("vault: {stores: [{name: a}]}\n", "column 18", "\"url\"");
	refuses("vault: {stores: [{name: A, url: b}]}\n", "column 25",
	        "no name");
	refuses("vault: {stores: [{name: a, url: b},\n"
	        "  {name: a, url: c}]}\n",
	        "line 2, column 10", "already");
	refuses("vault: {stores: [{name: a, url: ./b/},\n"
	        "  {name: c, url: b}]}\n",
	        "line 2, column 18", "same place");
	refuses("vault: {stores: [{name: a, url: \"ftp://x/y\"}]}\n",
	        "column 33", "no store speaks \"ftp\"");
	refuses("vault: {stores: [{name: a, url: \"file://x/y\"}]}\n",
	        "column 33", "three slashes");
	refuses("vault: {stores: [{name: a, url: b, lock: {days: 0}}]}\n",
	        "column 49", "\"days\"");
	refuses("vault: {stores: [{name: a, url: b,\n"
	        "  lock: {days: 9, cap: 3}}]}\n",
	        "line 2, column 24", "shorter");
	refuses("vault: {stores: [{name: a, url: b}], keep: {daily: -1}}\n",
	        "column 52", "\"daily\"");
}

static void
refuses_an_asset_that_cannot_be(void **state)
{
#define ASSET(rest) STORES "assets: [{name: a, kind: model, source: b" rest
	(void)state;
	refuses(STORES "assets: [{kind: model, source: b}]\n", "line 2",
	        "\"name\"");
	refuses(STORES "assets: [{name: a, source: b}]\n", "line 2",
	        "\"kind\"");
	refuses(STORES "assets: [{name: a, kind: model}]\n", "line 2",
	        "\"source\"");
	refuses(STORES "assets: [{name: -a, kind: model, source: b}]\n",
	        "line 2, column 17", "no name");
	refuses(STORES "assets: [{name: a@b, kind: model, source: b}]\n",
	        "line 2, column 17", "no name");
	refuses(ASSET("},\n  {name: a, kind: model, source: c}]\n"),
	        "line 3, column 10", "already, in line 2");
	refuses(STORES
	        "assets: [{name: a, kind: model, source: \"ftp://x\"}]\n",
	        "line 2, column 41", "no source");
	refuses(ASSET(", objective: {rpo: soon}}]\n"), "line 2, column 61",
	        "\"rpo\"");
	refuses(ASSET(", objective: {rto: 0s}}]\n"), "line 2, column 61",
	        "\"rto\"");
	refuses(ASSET(", smoke: []}]\n"), "line 2, column 51", "no program");
	refuses(ASSET(", rebuild: {takes: 1h}}]\n"), "line 2, column 53",
	        "\"command\"");
	refuses(ASSET(", rebuild: {command: [x], needs: [a]}}]\n"),
	        "line 2, column 76", "itself");
	refuses(ASSET(", rebuild: {command: [x], needs: [aa]}}]\n"),
	        "line 2, column 76", "did you mean \"a\"");
#undef ASSET
}

static void
refuses_a_name_of_65_letters_and_takes_64(void **state)
{
	char name[66], text[256];
	struct workspace *ws = NULL;

	(void)state;
	memset(name, 'a', 65);
	name[65] = '\0';
	(void)snprintf(text, sizeof(text), "workspace: %s\n" STORES, name);
	refuses(text, "line 1, column 12", "at most 64");
	name[64] = '\0';
	(void)snprintf(text, sizeof(text), "workspace: %s\n" STORES, name);
	assert_ok(workspace_parse(text, strlen(text), "/ws", &ws));
	workspace_close(ws);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_that_the_contract_with_users_shows),
		cmocka_unit_test(reads_the_least_there_can_be),
		cmocka_unit_test(names_the_key_that_was_meant),
		cmocka_unit_test(refuses_a_wrong_type),
		cmocka_unit_test(refuses_what_cannot_be_meant),
		cmocka_unit_test(refuses_an_asset_that_cannot_be),
		cmocka_unit_test(refuses_a_name_of_65_letters_and_takes_64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
