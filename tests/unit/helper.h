/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HELPER_H
#define HELPER_H

/*
 * What every unit test needs: cmocka behind the headers that it wants, checks
 * of errors, and a directory to work in.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"

/* assert_ok(expr): the err that ${expr} yields is a success. */
#define assert_ok(expr)                                                        \
	do {                                                                   \
		err helper_e_ = (expr);                                        \
		if (helper_e_.code != E_OK)                                    \
			print_error("%s: %s\n", #expr, err_text(helper_e_));   \
		assert_string_equal(err_name(helper_e_.code), "ok");           \
	} while (0)

/* assert_err(want, expr): the err that ${expr} yields has the code ${want}. */
#define assert_err(want, expr)                                                 \
	do {                                                                   \
		err helper_e_ = (expr);                                        \
		if (helper_e_.code != (want))                                  \
			print_error("%s: %s\n", #expr, err_text(helper_e_));   \
		assert_string_equal(err_name(helper_e_.code), err_name(want)); \
		err_drop(helper_e_);                                           \
	} while (0)

/* assert_err_says(want, text, expr): and its note contains ${text}. */
#define assert_err_says(want, text, expr)                                      \
	do {                                                                   \
		err helper_e_ = (expr);                                        \
		assert_string_equal(err_name(helper_e_.code), err_name(want)); \
		if (strstr(err_text(helper_e_), (text)) == NULL)               \
			fail_msg("\"%s\" does not say \"%s\"",                 \
			         err_text(helper_e_), (text));                 \
		err_drop(helper_e_);                                           \
	} while (0)

/* A directory of a test's own. */
struct temp_dir {
	char path[64];
	int fd;
};

/**
 * temp_dir_open():
 * Make an empty directory below $TMPDIR or /tmp, or end the test program.
 */
static inline struct temp_dir
temp_dir_open(void)
{
	const char *base = getenv("TMPDIR");
	struct temp_dir t;

	if (base == NULL || strlen(base) > 32)
		base = "/tmp";
	(void)snprintf(t.path, sizeof(t.path), "%s/casemate-unit-XXXXXX", base);
	if (mkdtemp(t.path) == NULL ||
	    (t.fd = open(t.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror(t.path);
		abort();
	}
	return t;
}

/**
 * temp_dir_close(t):
 * Remove the directory and what is in it; for AUTO().
 */
static inline void
temp_dir_close(struct temp_dir *t)
{
	(void)close(t->fd);
	err_drop(fs_remove_tree(AT_FDCWD, t->path));
}

#endif /* HELPER_H */
