/* SPDX-License-Identifier: Apache-2.0 */

/* Results, messages, questions. */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/out.h"

/* The longest line of JSON: a check report with all that it found. */
#define JSON_MAX (256 * MiB)

__attribute__((format(printf, 3, 0))) static void
say(FILE *f, const char *prefix, const char *fmt, va_list ap)
{
	(void)fputs(prefix, f);
	(void)vfprintf(f, fmt, ap);
	(void)fputc('\n', f);
}

void
out_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(stdout, "", fmt, ap);
	va_end(ap);
}

struct json_writer *
out_json(struct cli *c)
{
	return out_json_schema(c, c->cmd->schema);
}

struct json_writer *
out_json_schema(struct cli *c, const char *schema)
{
	if (c->text.max == 0)
		c->text = BUF_MAX(JSON_MAX);
	buf_clear(&c->text);
	c->w = JSON_WRITER(&c->text);
	json_open(&c->w, NULL);
	json_str(&c->w, "schema", schema);
	return &c->w;
}

err
out_json_end(struct cli *c)
{
	err e;

	json_close(&c->w);
	if ((e = buf_done(&c->text)).code)
		return err_in(e, "writing the answer");
	(void)fwrite(c->text.p, 1, c->text.len, stdout);
	(void)fputc('\n', stdout);
	(void)fflush(stdout);
	return OK;
}

void
out_note(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet || c->json)
		return;
	va_start(ap, fmt);
	say(stderr, "", fmt, ap);
	va_end(ap);
}

void
out_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(stderr, "casemate: warning: ", fmt, ap);
	va_end(ap);
}

void
out_error(bool json, err e)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	struct json_writer w = JSON_WRITER(&b);

	(void)fflush(stdout);
	if (!json) {
		(void)fprintf(stderr, "casemate: %s\n", err_text(e));
		return;
	}
	json_open(&w, NULL);
	json_str(&w, "schema", "error/1");
	json_str(&w, "code", err_name(e.code));
	json_str(&w, "message", err_text(e));
	json_close(&w);
	(void)fprintf(stderr, "%s\n", buf_cstr(&b));
}

err
out_finish(void)
{
	bool bad = ferror(stdout) != 0;

	errno = 0;
	if (fflush(stdout) == 0 && !bad)
		return OK;

	/* The reader left: end as any filter does. */
	if (errno == EPIPE) {
		struct sigaction dfl = { .sa_handler = SIG_DFL };
		(void)sigaction(SIGPIPE, &dfl, NULL);
		(void)raise(SIGPIPE);
	}
	if (errno == 0)
		errno = EIO;
	return err_sys("writing the results to standard output");
}

bool
out_confirm(const struct cli *c, const char *question)
{
	char answer[16];

	if (c->yes)
		return true;
	if (c->json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	(void)fprintf(stderr, "%s [y/N] ", question);
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		return false;
	return strcasecmp(answer, "y\n") == 0 ||
	    strcasecmp(answer, "yes\n") == 0;
}

void
out_problems(const struct cli *c, const struct vault_problems *p,
             const char *title)
{
	if (c->json || p->total == 0)
		return;
	out_line("%s", title);
	for (size_t i = 0; i < p->n; i++)
		out_line("  %s: %s", p->v[i].path, p->v[i].why);
	if (p->total > p->n)
		out_line("  … and %llu more that are not listed",
		         (unsigned long long)(p->total - p->n));
}

void
out_json_problems(struct json_writer *w, const char *key,
                  const struct vault_problems *p)
{
	char count[64];

	json_open_array(w, key);
	for (size_t i = 0; i < p->n; i++) {
		json_open(w, NULL);
		json_str(w, "path", p->v[i].path);
		json_str(w, "why", p->v[i].why);
		json_close(w);
	}
	json_close_array(w);
	(void)snprintf(count, sizeof(count), "%s_count", key);
	json_uint(w, count, p->total);
}
