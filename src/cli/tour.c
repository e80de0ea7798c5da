/* SPDX-License-Identifier: Apache-2.0 */

/* The stage: a throwaway directory, commands that are run, claims. */

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/spawn.h"
#include "cli/out.h"
#include "cli/tour.h"
#include "crypto/crypto.h"

#define ARGS_MOST 16
#define EXAMPLE   "examples/credit-risk"

/* What the commands print where the answer is JSON; nobody reads it. */
#define OUTPUT_MOST (16 * MiB)

void
tour_say(const struct tour *t, const char *fmt, ...)
{
	va_list ap;

	if (t->c->json)
		return;
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	(void)fflush(stdout);
}

void
tour_claim(struct tour *t, bool holds, const char *fmt, ...)
{
	AUTO(buf_release) struct buf b = BUF_MAX(4 * KiB);
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	t->held += holds;
	t->broken += !holds;
	if (t->c->json) {
		json_open(&t->c->w, NULL);
		json_str(&t->c->w, "claim", buf_cstr(&b));
		json_bool(&t->c->w, "holds", holds);
		json_close(&t->c->w);
	}
	tour_say(t, "  %s %s", holds ? "[holds]" : "[DOES NOT HOLD]",
	         buf_cstr(&b));
}

static void
show_command(const struct tour *t, const char *const *argv)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);

	for (; *argv != NULL; argv++)
		buf_fmt(&b, " %s", *argv);
	tour_say(t, "$%s", buf_cstr(&b));
}

err
tour_run(struct tour *t, const char *const *argv, int *ret_status)
{
	AUTO(buf_release) struct buf out = BUF_MAX(OUTPUT_MOST);
	const char *args[ARGS_MOST + 1];
	struct spawn_end end = { 0 };
	size_t n = 0;
	err e;

	show_command(t, argv);
	for (; argv[n] != NULL && n < ARGS_MOST; n++)
		args[n] = argv[n];
	args[n] = NULL;
	if (strcmp(args[0], "casemate") == 0)
		args[0] = t->self;
	struct spawn_opts o = { .argv = args,
		                .dir = t->dir,
		                .out = t->c->json ? &out : NULL };
	if ((e = spawn_run(&o, &end)).code)
		return err_in(e, "running \"%s\"", argv[0]);
	if (end.signal != 0)
		return err_new(E_IO, "signal %d ended \"%s\"", end.signal,
		               argv[0]);
	*ret_status = end.status;
	return OK;
}

err
tour_must(struct tour *t, const char *const *argv)
{
	int status;
	err e;

	if ((e = tour_run(t, argv, &status)).code)
		return e;
	if (status != 0)
		return err_new(E_IO, "\"%s%s%s\" ended with status %d", argv[0],
		               argv[1] != NULL ? " " : "",
		               argv[1] != NULL ? argv[1] : "", status);
	return OK;
}

static err
find_self(char **ret)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return err_sys("finding this program");
	return mem_dup(path, (size_t)n, ret);
}

static bool
has_example(const char *dir)
{
	AUTO(free_ptr) char *path = NULL;
	struct stat st;
	err e = fs_path_join(&path, dir, WORKSPACE_FILE);

	if (e.code) {
		err_drop(e);
		return false;
	}
	return stat(path, &st) == 0;
}

/* Beside the installed program, or beside the tree it was built in. */
static err
find_example(const char *self, char **ret)
{
	static const char *const places[] = { "share/casemate/" EXAMPLE,
		                              EXAMPLE };
	AUTO(free_ptr) char *dir = NULL;
	char *slash;
	err e;

	if ((e = mem_dup(self, strlen(self), &dir)).code)
		return e;
	while ((slash = strrchr(dir, '/')) != NULL && slash != dir) {
		*slash = '\0';
		for (size_t i = 0; i < ARRAY_LEN(places); i++) {
			AUTO(free_ptr) char *path = NULL;
			if ((e = fs_path_join(&path, dir, places[i])).code)
				return e;
			if (has_example(path)) {
				*ret = take(path);
				return OK;
			}
		}
	}
	return err_new(
	    E_NOTFOUND,
	    "no example workspace near \"%s\"; --example DIR names one", self);
}

/* The kit's passphrase, made up here, in a file as a script would have it. */
static err
make_passphrase(const char *top)
{
	AUTO(free_ptr) char *path = NULL;
	uint8_t raw[16];
	char hex[2 * sizeof(raw) + 1];
	err e;

	if ((e = fs_path_join(&path, top, "away/passphrase")).code ||
	    (e = crypto_random(raw, sizeof(raw))).code)
		return e;
	hex_encode(raw, sizeof(raw), hex);
	e = fs_create(AT_FDCWD, path, hex, strlen(hex), 0600);
	if (e.code == E_OK &&
	    (setenv("CASEMATE_PASSPHRASE_FILE", path, 1) != 0 ||
	     unsetenv("CASEMATE_PASSPHRASE_FD") != 0 ||
	     unsetenv("CASEMATE_WORKSPACE") != 0))
		e = err_nomem();
	crypto_wipe(raw, sizeof(raw));
	crypto_wipe(hex, sizeof(hex));
	return e;
}

static err
make_top(struct tour *t)
{
	const char *tmp = getenv("TMPDIR");
	AUTO(free_ptr) char *away = NULL;
	AUTO(free_ptr) char *at = NULL;
	err e;

	if (tmp == NULL || tmp[0] != '/')
		tmp = "/tmp";
	if ((e = fs_path_join(&at, tmp, "casemate-demo-XXXXXX")).code)
		return e;
	if (mkdtemp(at) == NULL)
		return err_sys("making a directory in \"%s\"", tmp);
	t->top = take(at);
	if ((e = fs_path_join(&t->dir, t->top, "credit-risk")).code ||
	    (e = fs_path_join(&away, t->top, "away")).code ||
	    (e = fs_path_join(&t->kit, away, "recovery-kit.txt")).code ||
	    (e = fs_mkdirs(AT_FDCWD, away, 0700)).code)
		return e;
	return make_passphrase(t->top);
}

err
tour_open(struct cli *c, const char *example, struct tour *ret)
{
	struct tour t = { .c = c };
	err e;

	if ((e = find_self(&t.self)).code == E_OK) {
		if (example != NULL)
			e = cli_absolute(example, &t.example);
		else
			e = find_example(t.self, &t.example);
	}
	if (e.code == E_OK && !has_example(t.example))
		e = err_new(E_NOTFOUND, "no %s in \"%s\"", WORKSPACE_FILE,
		            t.example);
	if (e.code == E_OK)
		e = make_top(&t);
	if (e.code) {
		tour_close(&t, false);
		return e;
	}
	*ret = t;
	return OK;
}

void
tour_close(struct tour *t, bool keep)
{
	if (t->top != NULL && !keep)
		err_drop(fs_remove_tree(AT_FDCWD, t->top));
	tour_files_release(&t->before);
	workspace_close(t->ws);
	free(t->times);
	free(t->self);
	free(t->example);
	free(t->top);
	free(t->dir);
	free(t->kit);
	*t = (struct tour){ 0 };
}
