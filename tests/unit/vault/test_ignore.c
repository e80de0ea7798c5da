/* SPDX-License-Identifier: Apache-2.0 */

/* What a backup leaves out, by patterns and by tags. */

#include <sys/resource.h>
#include <sys/stat.h>

#include "helper.h"
#include "vault/glob.h"
#include "vault/ignore.h"

#define TAG "Signature: 8a477f597d28d172789f06886806bc55\n# a comment\n"

static bool
name_like(const char *pattern, const char *name)
{
	return glob_name(pattern, strlen(pattern), name, strlen(name));
}

static bool
path_like(const char *pattern, const char *dir, const char *name)
{
	return glob_path(pattern, strlen(pattern), dir, strlen(dir), name,
	                 strlen(name));
}

/* A directory with the given content of its .casemateignore (NULL: none). */
static struct temp_dir
dir_with(const char *rules)
{
	struct temp_dir d = temp_dir_open();

	if (rules != NULL)
		assert_ok(
		    fs_write(d.fd, IGNORE_FILE, rules, strlen(rules), 0600));
	return d;
}

/* Whether the rules of the root leave out ${dir}/${name}. */
static bool
left_out(const char *rules, const char *dir, const char *name, bool is_dir)
{
	AUTO(temp_dir_close) struct temp_dir d = dir_with(rules);
	AUTO(ignore_freep) struct ignore *ig = NULL;

	assert_ok(ignore_new(NULL, &ig));
	assert_ok(ignore_enter(ig, d.fd, ""));
	return ignore_match(ig, dir, name, strlen(name), is_dir);
}

static void
matches_names_as_globs_do(void **state)
{
	(void)state;
	assert_true(name_like("*", "a"));
	assert_true(name_like("*.pyc", "x.pyc"));
	assert_true(name_like("*.pyc", ".pyc"));
	assert_false(name_like("*.pyc", "x.pycc"));
	assert_true(name_like("a*b*c", "a-b-b-c"));
	assert_false(name_like("a*b*c", "a-c-b"));
	assert_true(name_like("**", "x"));
	assert_true(name_like("?", "x"));
	assert_false(name_like("?", "xy"));
	assert_false(name_like("?", ""));
	assert_true(name_like("a\\*b", "a*b"));
	assert_false(name_like("a\\*b", "axb"));
	assert_true(name_like("\xff*", "\xff\xfe"));
	assert_false(name_like("", "a"));
	assert_false(name_like("a", ""));
}

static void
matches_sets_in_brackets(void **state)
{
	(void)state;
	assert_true(name_like("[abc]", "b"));
	assert_false(name_like("[abc]", "d"));
	assert_true(name_like("[a-c]x", "bx"));
	assert_false(name_like("[!a-c]", "b"));
	assert_true(name_like("[^a-c]", "d"));
	assert_true(name_like("[]x]", "]"));
	assert_true(name_like("[!]x]", "y"));
	assert_false(name_like("[!]x]", "]"));
	assert_true(name_like("[a-]", "-"));
	assert_true(name_like("[\\]]", "]"));
	assert_true(name_like("[[:digit:]]*", "7z"));
	assert_false(name_like("[[:digit:]]*", "z7"));
	assert_true(name_like("[![:space:]x]", "y"));
	assert_true(name_like("[[:what:]", ":"));
	assert_true(name_like("[\x80-\xff]", "\xc3"));
	assert_false(name_like("[c-a]", "b"));
	assert_false(name_like("[abc", "a"));
	assert_false(name_like("[", "["));
	assert_false(name_like("a\\", "a"));
}

static void
knows_patterns_that_can_never_match(void **state)
{
	static const char *const good[] = { "",         "a",   "[a]",   "[]]",
		                            "[[]",      "\\[", "a\\\\", "[\\]]",
		                            "[a]*[!b]", "]" };
	static const char *const bad[] = { "\\",        "a\\",  "[",
		                           "[]",        "[a",   "[!",
		                           "[!]",       "[\\]", "x[a]y[b",
		                           "[[:digit:]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(glob_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(glob_valid(bad[i], strlen(bad[i])));
}

static void
matches_paths_part_by_part(void **state)
{
	(void)state;
	assert_true(path_like("a/b", "a", "b"));
	assert_false(path_like("a/b", "x/a", "b"));
	assert_false(path_like("a*b", "a", "b"));
	assert_true(path_like("*/b", "a", "b"));
	assert_false(path_like("*/b", "x/a", "b"));
	assert_true(path_like("**/b", "", "b"));
	assert_true(path_like("**/b", "x/y/z", "b"));
	assert_true(path_like("a/**", "a", "b"));
	assert_true(path_like("a/**", "a/x/y", "b"));
	assert_false(path_like("a/**", "", "a"));
	assert_true(path_like("a/**/b", "a", "b"));
	assert_true(path_like("a/**/b", "a/x/y", "b"));
	assert_false(path_like("a/**/b", "a/x/y", "c"));
	assert_true(path_like("**/a/**/b", "x/a/a/y", "b"));
	assert_true(path_like("**/x/**/y/**", "a/x/y/x/y", "z"));
	assert_false(path_like("**/x/**/y/**", "a/x/z/x", "y"));
	assert_true(path_like("a**/b", "axx", "b"));
	assert_false(path_like("a**/b", "a/x", "b"));
	assert_true(path_like("**", "", "a"));
	assert_false(path_like("a//b", "a", "b"));
}

static void
takes_no_exponential_time(void **state)
{
	char pattern[3000], text[4000];
	struct rlimit was, limit;
	size_t n = 0;

	(void)state;
	/* A test that hangs ends by SIGXCPU. */
	assert_int_equal(getrlimit(RLIMIT_CPU, &was), 0);
	limit = was;
	limit.rlim_cur = 20;
	assert_int_equal(setrlimit(RLIMIT_CPU, &limit), 0);
	for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "*a", 2), n = i + 2;
	pattern[n++] = 'b';
	memset(text, 'a', sizeof(text));
	assert_false(glob_name(pattern, n, text, sizeof(text)));
	n = 0;
	for (size_t i = 0; i + 5 < sizeof(pattern); i += 5)
		memcpy(pattern + i, "**/a/", 5), n = i + 5;
	pattern[n++] = 'b';
	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "a/", 2);
	assert_false(glob_path(pattern, n, text, sizeof(text) - 1, "c", 1));
	memcpy(pattern, "*[", 2);
	n = 2;
	for (size_t i = 2; i + 3 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "[:", 2), n = i + 2;
	pattern[n++] = ']';
	assert_false(glob_name(pattern, n, text, sizeof(text)));
	assert_int_equal(setrlimit(RLIMIT_CPU, &was), 0);
}

static void
reads_a_file_as_gitignore_is_read(void **state)
{
	(void)state;
	assert_false(left_out(NULL, "", "a", false));
	assert_false(left_out("", "", "a", false));
	assert_false(left_out("# a\n\n#a\n", "", "a", false));
	assert_true(left_out("\\#a\n", "", "#a", false));
	assert_true(left_out("\\!a\n", "", "!a", false));
	assert_true(left_out("a", "", "a", false));
	assert_true(left_out("a\r\nb\r\n", "", "a", false));
	assert_true(left_out("\xef\xbb\xbf"
	                     "a\n",
	                     "", "a", false));
	assert_true(left_out("a  \n", "", "a", false));
	assert_true(left_out("a\\ \n", "", "a ", false));
	assert_false(left_out("a\\ \n", "", "a", false));
	assert_true(left_out("a b\n", "", "a b", false));
	assert_false(left_out("/\n!\n!/\n \n", "", "a", true));
	assert_true(left_out("a\n", "x/y", "a", false));
	assert_true(left_out("*\n", "x/y", "a", false));
}

static void
takes_a_trailing_slash_for_directories(void **state)
{
	(void)state;
	assert_true(left_out("build/\n", "", "build", true));
	assert_true(left_out("build/\n", "x/y", "build", true));
	assert_false(left_out("build/\n", "", "build", false));
	assert_true(left_out("x/build/\n", "x", "build", true));
	assert_false(left_out("x/build/\n", "y/x", "build", true));
}

static void
anchors_patterns_with_a_slash(void **state)
{
	(void)state;
	assert_true(left_out("/a\n", "", "a", false));
	assert_false(left_out("/a\n", "x", "a", false));
	assert_true(left_out("x/a\n", "x", "a", false));
	assert_false(left_out("x/a\n", "y/x", "a", false));
	assert_true(left_out("**/x/a\n", "y/x", "a", false));
	assert_true(left_out("/data/**/*.tmp\n", "data/1/2", "x.tmp", false));
	assert_false(left_out("/data/**/*.tmp\n", "other", "x.tmp", false));
}

static void
lets_the_last_rule_decide(void **state)
{
	(void)state;
	assert_false(left_out("*.log\n!keep.log\n", "", "keep.log", false));
	assert_true(left_out("*.log\n!keep.log\n", "", "other.log", false));
	assert_true(left_out("!keep.log\n*.log\n", "", "keep.log", false));
	assert_false(left_out("/*\n!/src\n", "", "src", true));
	assert_true(left_out("/*\n!/src\n", "", "doc", true));
}

static void
lets_deeper_files_overrule(void **state)
{
	AUTO(temp_dir_close) struct temp_dir top = dir_with("*.bin\n/x\n");
	AUTO(temp_dir_close) struct temp_dir none = dir_with(NULL);
	AUTO(temp_dir_close)
	struct temp_dir deep = dir_with("!*.bin\n/only\nsub/this\n");
	AUTO(ignore_freep) struct ignore *ig = NULL;

	(void)state;
	assert_ok(ignore_new(NULL, &ig));
	assert_ok(ignore_enter(ig, top.fd, ""));
	assert_true(ignore_match(ig, "", "a.bin", 5, false));
	assert_ok(ignore_enter(ig, none.fd, "m"));
	assert_true(ignore_match(ig, "m", "a.bin", 5, false));
	assert_ok(ignore_enter(ig, deep.fd, "m/d"));
	assert_false(ignore_match(ig, "m/d", "a.bin", 5, false));
	assert_true(ignore_match(ig, "m/d", "only", 4, false));
	assert_false(ignore_match(ig, "m/d", "x", 1, false));
	assert_ok(ignore_enter(ig, none.fd, "m/d/sub"));
	assert_false(ignore_match(ig, "m/d/sub", "only", 4, false));
	assert_true(ignore_match(ig, "m/d/sub", "this", 4, false));
	ignore_leave(ig);
	ignore_leave(ig);
	assert_true(ignore_match(ig, "m", "a.bin", 5, false));
	assert_false(ignore_match(ig, "m", "only", 4, false));
	ignore_leave(ig);
	assert_true(ignore_match(ig, "", "x", 1, false));
	ignore_leave(ig);
	assert_false(ignore_match(ig, "", "x", 1, false));
}

static void
puts_the_command_line_first(void **state)
{
	char *exclude[] = { (char *)(uintptr_t) "*.tmp",
		            (char *)(uintptr_t) "!keep.tmp",
		            (char *)(uintptr_t) "/a/b", NULL };
	AUTO(temp_dir_close) struct temp_dir d = dir_with("!*.tmp\nkeep.tmp\n");
	AUTO(ignore_freep) struct ignore *ig = NULL;

	(void)state;
	assert_ok(ignore_new(exclude, &ig));
	assert_ok(ignore_enter(ig, d.fd, ""));
	assert_true(ignore_match(ig, "", "x.tmp", 5, false));
	assert_false(ignore_match(ig, "", "keep.tmp", 8, false));
	assert_true(ignore_match(ig, "a", "b", 1, false));
	assert_false(ignore_match(ig, "c/a", "b", 1, false));
	assert_false(ignore_match(ig, "", "c", 1, true));
}

static void
refuses_patterns_that_end_too_early(void **state)
{
	char *exclude[] = { (char *)(uintptr_t) "a", (char *)(uintptr_t) "b[c",
		            NULL };
	AUTO(temp_dir_close) struct temp_dir d = dir_with("one\nt[wo\nthree\n");
	AUTO(ignore_freep) struct ignore *ig = NULL;

	(void)state;
	assert_err(E_INVALID, ignore_new(exclude, &ig));
	assert_ok(ignore_new(NULL, &ig));
	assert_err_says(E_INVALID, "line 2", ignore_enter(ig, d.fd, ""));
	assert_true(ignore_match(ig, "", "one", 3, false));
	assert_true(ignore_match(ig, "", "three", 5, false));
	ignore_leave(ig);
	assert_false(ignore_match(ig, "", "one", 3, false));
}

static void
bounds_what_it_reads(void **state)
{
	AUTO(temp_dir_close) struct temp_dir d = temp_dir_open();
	AUTO(ignore_freep) struct ignore *ig = NULL;
	AUTO(free_ptr) char *p = NULL;

	(void)state;
	assert_ok(mem_alloc(1, IGNORE_FILE_MAX + 1, &p));
	memset(p, 'a', IGNORE_FILE_MAX + 1);
	assert_ok(ignore_new(NULL, &ig));
	assert_ok(fs_write(d.fd, IGNORE_FILE, p, IGNORE_FILE_MAX + 1, 0600));
	assert_err(E_LIMIT, ignore_enter(ig, d.fd, ""));
	ignore_leave(ig);
	assert_ok(fs_write(d.fd, IGNORE_FILE, p, IGNORE_FILE_MAX, 0600));
	assert_err(E_INVALID, ignore_enter(ig, d.fd, ""));
	ignore_leave(ig);
	for (size_t i = 1; i < IGNORE_FILE_MAX; i += 2)
		p[i] = '\n';
	assert_ok(fs_write(d.fd, IGNORE_FILE, p, IGNORE_FILE_MAX, 0600));
	assert_ok(ignore_enter(ig, d.fd, ""));
	assert_ok(ignore_enter(ig, d.fd, "b"));
	assert_err(E_LIMIT, ignore_enter(ig, d.fd, "b/b"));
	assert_true(ignore_match(ig, "b/b", "a", 1, false));
}

static void
follows_no_link_and_opens_no_fifo(void **state)
{
	AUTO(temp_dir_close) struct temp_dir d = dir_with(NULL);
	AUTO(ignore_freep) struct ignore *ig = NULL;

	(void)state;
	assert_ok(fs_write(d.fd, "rules", "a\n", 2, 0600));
	assert_int_equal(symlinkat("rules", d.fd, IGNORE_FILE), 0);
	assert_ok(ignore_new(NULL, &ig));
	assert_err(E_INVALID, ignore_enter(ig, d.fd, ""));
	assert_false(ignore_match(ig, "", "a", 1, false));
	ignore_leave(ig);
	assert_int_equal(unlinkat(d.fd, IGNORE_FILE, 0), 0);
	assert_int_equal(mkfifoat(d.fd, IGNORE_FILE, 0600), 0);
	assert_int_equal(mkfifoat(d.fd, "CACHEDIR.TAG", 0600), 0);
	assert_err(E_INVALID, ignore_enter(ig, d.fd, "x"));
	assert_false(ignore_match(ig, "x", "a", 1, false));
}

static void
keeps_of_a_cache_its_tag_alone(void **state)
{
	AUTO(temp_dir_close) struct temp_dir cache = dir_with("!*\n");
	AUTO(temp_dir_close) struct temp_dir other = dir_with(NULL);
	AUTO(ignore_freep) struct ignore *ig = NULL;

	(void)state;
	assert_ok(fs_write(cache.fd, "CACHEDIR.TAG", TAG, strlen(TAG), 0600));
	assert_ok(fs_write(other.fd, "CACHEDIR.TAG", TAG, 20, 0600));
	assert_ok(ignore_new(NULL, &ig));

	/* The root was asked for by name. */
	assert_ok(ignore_enter(ig, cache.fd, ""));
	assert_false(ignore_match(ig, "", "a", 1, false));
	assert_ok(ignore_enter(ig, cache.fd, "c"));
	assert_true(ignore_match(ig, "c", "a", 1, false));
	assert_true(ignore_match(ig, "c", "d", 1, true));
	assert_true(ignore_match(ig, "c", "CACHEDIR.TA", 11, false));
	assert_false(ignore_match(ig, "c", "CACHEDIR.TAG", 12, false));
	ignore_leave(ig);
	assert_false(ignore_match(ig, "", "a", 1, false));

	/* A tag without the signature is a file like any other. */
	assert_ok(ignore_enter(ig, other.fd, "o"));
	assert_false(ignore_match(ig, "o", "a", 1, false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_names_as_globs_do),
		cmocka_unit_test(matches_sets_in_brackets),
		cmocka_unit_test(knows_patterns_that_can_never_match),
		cmocka_unit_test(matches_paths_part_by_part),
		cmocka_unit_test(takes_no_exponential_time),
		cmocka_unit_test(reads_a_file_as_gitignore_is_read),
		cmocka_unit_test(takes_a_trailing_slash_for_directories),
		cmocka_unit_test(anchors_patterns_with_a_slash),
		cmocka_unit_test(lets_the_last_rule_decide),
		cmocka_unit_test(lets_deeper_files_overrule),
		cmocka_unit_test(puts_the_command_line_first),
		cmocka_unit_test(refuses_patterns_that_end_too_early),
		cmocka_unit_test(bounds_what_it_reads),
		cmocka_unit_test(follows_no_link_and_opens_no_fifo),
		cmocka_unit_test(keeps_of_a_cache_its_tag_alone),
	};

	return cmocka_run_group_tests_name("vault/ignore", tests, NULL, NULL);
}
