/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "cli/cmd.h"

#define FIND(...) find((const char *[]){ __VA_ARGS__, NULL })

static const struct cmd *found;
static int used;

static err
find(const char **argv)
{
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	found = NULL;
	return cmd_find(argc, (char **)(uintptr_t)argv, &found, &used);
}

static void
finds_commands_of_one_and_of_two_words(void **state)
{
	(void)state;
	assert_ok(FIND("backup", "vault"));
	assert_string_equal(found->name, "backup");
	assert_int_equal(used, 1);
	assert_ok(FIND("vault", "list", "x"));
	assert_string_equal(found->name, "vault list");
	assert_int_equal(used, 2);
}

static void
names_the_command_that_was_meant(void **state)
{
	(void)state;
	assert_err_says(E_USAGE, "did you mean \"backup\"", FIND("bakcup"));
	assert_err_says(E_USAGE, "did you mean \"vault\"", FIND("vualt"));
	assert_err_says(E_USAGE, "did you mean \"vault prune\"",
	                FIND("vault", "prun"));
	assert_err_says(E_USAGE, "did you mean \"vault prune\"", FIND("prune"));
	assert_err_says(E_USAGE, "casemate help", FIND("xyzzy"));
	assert_err_says(E_USAGE, "list", FIND("vault"));
	assert_err_says(E_USAGE, "list", FIND("vault", "--json"));
}

static void
counts_words_as_the_declaration_says(void **state)
{
	static const struct cmd none = { .name = "x", .args = "" };
	static const struct cmd some = { .name = "x", .args = "A B [C]" };
	static const struct cmd many = { .name = "x", .args = "[A]..." };

	(void)state;
	assert_ok(cmd_check_words(&none, 0));
	assert_err(E_USAGE, cmd_check_words(&none, 1));
	assert_err(E_USAGE, cmd_check_words(&some, 1));
	assert_ok(cmd_check_words(&some, 2));
	assert_ok(cmd_check_words(&some, 3));
	assert_err(E_USAGE, cmd_check_words(&some, 4));
	assert_ok(cmd_check_words(&many, 0));
	assert_ok(cmd_check_words(&many, 99));
}

static void
declares_every_command_whole(void **state)
{
	(void)state;
	for (size_t i = 0; cmd_all[i] != NULL; i++) {
		const struct cmd *c = cmd_all[i];
		assert_non_null(c->name);
		assert_non_null(c->args);
		assert_non_null(c->brief);
		assert_non_null(c->run);
		assert_true(c->group < GROUPS);
		assert_memory_equal(c->example, "casemate ", 9);
		assert_non_null(strstr(c->example, c->name));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(c->name, cmd_all[j]->name);
	}
}

static void
declares_no_option_twice(void **state)
{
	(void)state;
	for (size_t i = 0; cmd_all[i] != NULL; i++) {
		const struct opt *o = cmd_all[i]->opts;
		for (; o != NULL && o->name != NULL; o++) {
			const struct opt *g = cmd_global;
			for (; g->name != NULL; g++) {
				assert_string_not_equal(o->name, g->name);
				assert_true(o->letter == 0 ||
				            o->letter != g->letter);
			}
			assert_true((o->arg == NULL) == (o->kind == OPT_FLAG));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_commands_of_one_and_of_two_words),
		cmocka_unit_test(names_the_command_that_was_meant),
		cmocka_unit_test(counts_words_as_the_declaration_says),
		cmocka_unit_test(declares_every_command_whole),
		cmocka_unit_test(declares_no_option_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
