/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "asset/source.h"

/* A workspace in ${dir} with one asset of ${source}. */
static struct workspace *
workspace_with(const char *dir, const char *source)
{
	struct workspace *ws = NULL;
	char text[512];

	(void)snprintf(text, sizeof(text),
	               "vault: {stores: [{name: here, url: data/vault},\n"
	               "  {name: there, url: /elsewhere}]}\n"
	               "assets: [{name: a, kind: dataset, source: '%s'}]\n",
	               source);
	assert_ok(workspace_parse(text, strlen(text), dir, &ws));
	return ws;
}

static void
put_file(const struct temp_dir *t, const char *name)
{
	assert_ok(fs_create(t->fd, name, "x", 1, 0644));
}

/* A directory with data/{a,b,.c}.csv, data/d.txt and data/sub/e.csv. */
static void
fill(const struct temp_dir *t)
{
	assert_ok(fs_mkdirs(t->fd, "data/sub", 0755));
	put_file(t, "data/b.csv");
	put_file(t, "data/a.csv");
	put_file(t, "data/.c.csv");
	put_file(t, "data/d.txt");
	put_file(t, "data/sub/e.csv");
	put_file(t, "one[1].csv");
}

static void
resolve(const struct temp_dir *t, const char *source, struct source *ret)
{
	AUTO(workspace_closep)
	struct workspace *ws = workspace_with(t->path, source);

	assert_ok(asset_source(ws, &ws->assets[0], ret));
}

static err
refusal(const struct temp_dir *t, const char *source)
{
	AUTO(workspace_closep)
	struct workspace *ws = workspace_with(t->path, source);
	struct source s = { 0 };
	err e = asset_source(ws, &ws->assets[0], &s);

	assert_null(s.base);
	return e;
}

static void
assert_below(const struct temp_dir *t, const char *path, const char *rest)
{
	assert_memory_equal(path, t->path, strlen(t->path));
	assert_string_equal(path + strlen(t->path), rest);
}

static void
takes_a_directory_whole_and_leaves_the_vault_out(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(source_release) struct source s = { 0 };

	(void)state;
	fill(&t);
	resolve(&t, "./data/", &s);
	assert_below(&t, s.base, "/data");
	assert_null(s.picks);
	assert_string_equal(s.own[0], "/vault");
	assert_null(s.own[1]);
}

static void
leaves_keys_and_vault_out_of_the_workspace_itself(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(source_release) struct source s = { 0 };

	(void)state;
	resolve(&t, ".", &s);
	assert_below(&t, s.base, "");
	assert_string_equal(s.own[0], "/.casemate");
	assert_string_equal(s.own[1], "/data/vault");
	assert_null(s.own[2]);
}

static void
takes_of_a_files_directory_that_file(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(source_release) struct source s = { 0 };

	(void)state;
	fill(&t);
	resolve(&t, "data/d.txt", &s);
	assert_below(&t, s.base, "/data");
	assert_string_equal(s.picks[0], "d.txt");
	assert_null(s.picks[1]);
}

static void
takes_a_file_with_brackets_in_its_name_for_that_file(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(source_release) struct source s = { 0 };

	(void)state;
	fill(&t);
	resolve(&t, "one[1].csv", &s);
	assert_string_equal(s.picks[0], "one[1].csv");
}

static void
sorts_what_a_glob_matches_and_skips_hidden_files(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(source_release) struct source s = { 0 };

	(void)state;
	fill(&t);
	resolve(&t, "data/*.csv", &s);
	assert_below(&t, s.base, "/data");
	assert_string_equal(s.picks[0], "a.csv");
	assert_string_equal(s.picks[1], "b.csv");
	assert_null(s.picks[2]);
}

static void
globs_across_directories_from_the_last_plain_one(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	AUTO(source_release) struct source s = { 0 };

	(void)state;
	fill(&t);
	resolve(&t, "data/s*/?.csv", &s);
	assert_below(&t, s.base, "/data");
	assert_string_equal(s.picks[0], "sub/e.csv");
	assert_null(s.picks[1]);
}

static void
refuses_what_is_not_there(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();

	(void)state;
	fill(&t);
	assert_err_says(E_NOTFOUND, "the source of \"a\"", refusal(&t, "no"));
	assert_err_says(E_NOTFOUND, "*.parquet", refusal(&t, "data/*.parquet"));
	assert_err(E_NOTFOUND, refusal(&t, "no/*.csv"));
	assert_err(E_INVALID, refusal(&t, "data/d.txt/"));
}

static void
refuses_live_sources_in_words(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();

	(void)state;
	assert_err_says(E_UNSUPPORTED, "\"sqlite:\"",
	                refusal(&t, "sqlite:features.db"));
	assert_err_says(E_UNSUPPORTED, "\"postgresql:\"",
	                refusal(&t, "postgresql://db/feast"));
	assert_err_says(E_UNSUPPORTED, "\"command:\"",
	                refusal(&t, "command:[pg_dump]"));
}

/* Where a snapshot of ${source}, taken below ${base}, goes. */
static void
assert_home(const struct temp_dir *t, const char *source, const char *base,
            const char *want)
{
	AUTO(workspace_closep)
	struct workspace *ws = workspace_with(t->path, source);
	AUTO(free_ptr) char *home = NULL;
	bool whole;

	assert_ok(asset_home(ws, &ws->assets[0], base, &home, &whole));
	assert_below(t, home, want);
}

static void
finds_home_when_the_source_is_gone(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();

	(void)state;
	assert_home(&t, "data/t", "/old/ws/data/t", "/data/t");
	assert_home(&t, "data/t", "/old/ws/data", "/data");
	assert_home(&t, "./data/t/", NULL, "/data/t");
	assert_home(&t, "models/", "/old/ws/models", "/models");
	assert_home(&t, "req.txt", "/old/ws", "");
	assert_home(&t, "*.py", "/old/ws", "");
	assert_home(&t, "data/*.csv", "/old/ws/data", "/data");
}

static void
trusts_the_snapshot_more_than_an_impostor(void **state)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();

	(void)state;
	fill(&t);

	/* A directory was saved; now a file has its name. */
	assert_home(&t, "data/d.txt", "/old/data/d.txt", "/data/d.txt");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    takes_a_directory_whole_and_leaves_the_vault_out),
		cmocka_unit_test(
		    leaves_keys_and_vault_out_of_the_workspace_itself),
		cmocka_unit_test(takes_of_a_files_directory_that_file),
		cmocka_unit_test(
		    takes_a_file_with_brackets_in_its_name_for_that_file),
		cmocka_unit_test(
		    sorts_what_a_glob_matches_and_skips_hidden_files),
		cmocka_unit_test(
		    globs_across_directories_from_the_last_plain_one),
		cmocka_unit_test(refuses_what_is_not_there),
		cmocka_unit_test(refuses_live_sources_in_words),
		cmocka_unit_test(finds_home_when_the_source_is_gone),
		cmocka_unit_test(trusts_the_snapshot_more_than_an_impostor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
