/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "asset/workspace.h"

static void
makes_a_workspace_that_it_can_read(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(workspace_closep) struct workspace *ws = NULL;

	(void)state;
	assert_ok(workspace_make(t.path, NULL));
	assert_ok(workspace_open(t.path, &ws));
	assert_int_equal(ws->vault.nstores, 1);
	assert_string_equal(ws->vault.stores[0].url + strlen(t.path),
	                    "/.casemate/vault");
	assert_int_equal(ws->vault.keep.daily, 14);
	assert_int_equal(ws->nassets, 0);
}

static void
makes_a_workspace_around_a_store_of_any_name(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(workspace_closep) struct workspace *ws = NULL;

	(void)state;
	assert_ok(workspace_make(t.path, "/mnt/a \"b\" \\ #c\n: d"));
	assert_ok(workspace_open(t.path, &ws));
	assert_string_equal(ws->vault.stores[0].url, "/mnt/a \"b\" \\ #c\n: d");
}

static void
replaces_no_casemate_yaml(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(buf_release) struct buf b = BUF_MAX(KiB);

	(void)state;
	assert_ok(fs_create(t.fd, WORKSPACE_FILE, "mine", 4, 0644));
	assert_err(E_EXISTS, workspace_make(t.path, NULL));
	assert_ok(fs_read(t.fd, WORKSPACE_FILE, &b));
	assert_string_equal(buf_cstr(&b), "mine");
}

static void
finds_the_nearest_one_upward(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(free_ptr) char *found = NULL, *here = getcwd(NULL, 0);
	AUTO(free_ptr) char *real = realpath(t.path, NULL);

	(void)state;
	(void)unsetenv("CASEMATE_WORKSPACE");
	assert_ok(fs_mkdirs(t.fd, "a/b/c", 0755));
	assert_ok(fs_create(t.fd, WORKSPACE_FILE, "", 0, 0644));
	assert_ok(fs_create(t.fd, "a/" WORKSPACE_FILE, "", 0, 0644));
	assert_int_equal(fchdir(t.fd), 0);
	assert_int_equal(chdir("a/b/c"), 0);
	assert_ok(workspace_find(NULL, &found));
	assert_int_equal(chdir(here), 0);
	assert_memory_equal(found, real, strlen(real));
	assert_string_equal(found + strlen(real), "/a");
}

static void
prefers_the_option_to_the_environment(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(free_ptr) char *found = NULL;

	(void)state;
	assert_ok(fs_create(t.fd, WORKSPACE_FILE, "", 0, 0644));
	(void)setenv("CASEMATE_WORKSPACE", "/nowhere", 1);
	assert_ok(workspace_find(t.path, &found));
	assert_string_equal(found, t.path);
	assert_err_says(E_NOTFOUND, "CASEMATE_WORKSPACE",
	                workspace_find(NULL, &found));
	(void)unsetenv("CASEMATE_WORKSPACE");
}

static void
names_the_asset_that_was_meant(void **state)
{
	static const char text[] =
	    "vault: {stores: [{name: here, url: v}]}\n"
	    "assets: [{name: transactions, kind: dataset, source: d}]\n";
	AUTO(workspace_closep) struct workspace *ws = NULL;
	const struct asset *a = NULL;

	(void)state;
	assert_ok(workspace_parse(text, sizeof(text) - 1, "/ws", &ws));
	assert_ok(workspace_asset(ws, "transactions", &a));
	assert_ptr_equal(a, &ws->assets[0]);
	assert_err_says(E_NOTFOUND, "did you mean \"transactions\"",
	                workspace_asset(ws, "transaction", &a));
	assert_err_says(E_NOTFOUND, "no asset \"zz\"",
	                workspace_asset(ws, "zz", &a));
}

static void
says_which_file_is_missing(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	struct workspace *ws = NULL;

	(void)state;
	assert_err_says(E_NOTFOUND, WORKSPACE_FILE,
	                workspace_open(t.path, &ws));
	assert_err_says(E_NOTFOUND, "casemate init",
	                workspace_find(t.path, &(char *){ NULL }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_workspace_that_it_can_read),
		cmocka_unit_test(makes_a_workspace_around_a_store_of_any_name),
		cmocka_unit_test(replaces_no_casemate_yaml),
		cmocka_unit_test(finds_the_nearest_one_upward),
		cmocka_unit_test(prefers_the_option_to_the_environment),
		cmocka_unit_test(names_the_asset_that_was_meant),
		cmocka_unit_test(says_which_file_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
