/* SPDX-License-Identifier: Apache-2.0 */

#include "helper.h"

#include "cli/pass.h"

/* What pass_ask() makes of ${n} bytes in the file that it is told of. */
static err
ask_file(const void *p, size_t n, char **ret)
{
	AUTO(temp_dir_close) struct temp_dir t = temp_dir_open();
	char path[128];
	err e;

	assert_ok(fs_create(t.fd, "pass", p, n, 0600));
	(void)snprintf(path, sizeof(path), "%s/pass", t.path);
	(void)setenv("CASEMATE_PASSPHRASE_FILE", path, 1);
	e = pass_ask("?", false, ret);
	(void)unsetenv("CASEMATE_PASSPHRASE_FILE");
	return e;
}

static void
takes_a_file_without_its_line_end(void **state)
{
	AUTO(pass_freep) char *a = NULL, *b = NULL, *c = NULL;

	(void)state;
	assert_ok(ask_file("open sesame\n", 12, &a));
	assert_string_equal(a, "open sesame");
	assert_ok(ask_file("open sesame\r\n", 13, &b));
	assert_string_equal(b, "open sesame");
	assert_ok(ask_file(" two\nlines ", 11, &c));
	assert_string_equal(c, " two\nlines ");
}

static void
takes_a_descriptor(void **state)
{
	AUTO(pass_freep) char *a = NULL;
	char number[16];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "secret\n", 7), 7);
	(void)close(fds[1]);
	(void)snprintf(number, sizeof(number), "%d", fds[0]);
	(void)setenv("CASEMATE_PASSPHRASE_FD", number, 1);
	assert_ok(pass_ask("?", false, &a));
	(void)unsetenv("CASEMATE_PASSPHRASE_FD");
	(void)close(fds[0]);
	assert_string_equal(a, "secret");
}

static void
refuses_what_is_no_passphrase(void **state)
{
	AUTO(pass_freep) char *s = NULL;
	char big[PASS_MAX + 2];

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_err_says(E_INVALID, "empty", ask_file("", 0, &s));
	assert_err_says(E_INVALID, "empty", ask_file("\n", 1, &s));
	assert_err_says(E_INVALID, "zero byte", ask_file("a\0b", 3, &s));
	assert_err_says(E_INVALID, "longer", ask_file(big, sizeof(big), &s));
	assert_ok(ask_file(big, PASS_MAX, &s));
}

static void
refuses_a_source_that_is_none(void **state)
{
	char *s = NULL;

	(void)state;
	(void)setenv("CASEMATE_PASSPHRASE_FILE", "/nowhere/pass", 1);
	assert_err_says(E_NOTFOUND, "/nowhere/pass", pass_ask("?", false, &s));
	(void)unsetenv("CASEMATE_PASSPHRASE_FILE");
	(void)setenv("CASEMATE_PASSPHRASE_FD", "three", 1);
	assert_err_says(E_INVALID, "three", pass_ask("?", false, &s));
	(void)unsetenv("CASEMATE_PASSPHRASE_FD");
	assert_null(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_file_without_its_line_end),
		cmocka_unit_test(takes_a_descriptor),
		cmocka_unit_test(refuses_what_is_no_passphrase),
		cmocka_unit_test(refuses_a_source_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
