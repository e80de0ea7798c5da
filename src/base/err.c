/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Errors by value.  The note is one heap string that grows outward as callers
 * add context.  Failing to allocate a note never hides the code.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct err_note {
	size_t len;
	char text[];
};

/* Notes are for people: longer ones are cut. */
#define NOTE_MAX 2048

static const struct {
	const char *name;
	const char *words;
	int exit_status;
	int http_status;
} codes[E_CODES] = {
	[E_OK] = { "ok", "done", 0, 200 },
	[E_NOMEM] = { "no_memory", "out of memory", 1, 500 },
	[E_IO] = { "io", "input/output error", 1, 500 },
	[E_NOSPACE] = { "no_space", "no space left", 1, 507 },
	[E_NOTFOUND] = { "not_found", "not found", 1, 404 },
	[E_EXISTS] = { "exists", "exists already", 1, 409 },
	[E_DENIED] = { "denied", "permission denied", 1, 403 },
	[E_INVALID] = { "invalid", "invalid input", 1, 400 },
	[E_USAGE] = { "usage", "wrong usage", 2, 400 },
	[E_CORRUPT] = { "corrupt", "stored data is corrupt", 3, 500 },
	[E_UNSUPPORTED] = { "unsupported", "not supported", 1, 501 },
	[E_BUSY] = { "busy", "busy, try again", 1, 409 },
	[E_LIMIT] = { "limit", "a limit was exceeded", 1, 413 },
	[E_PARTIAL] = { "partial", "done in part", 4, 500 },
	[E_UNREACHABLE] = { "unreachable", "no answer", 1, 502 },
	[E_CANCELLED] = { "cancelled", "cancelled", 1, 499 },
};

__attribute__((format(printf, 1, 0), nonnull(1))) static struct err_note *
note_make(const char *fmt, va_list ap, const char *sep, const char *tail)
{
	struct err_note *n;
	va_list again;
	size_t head, total;
	int r;

	va_copy(again, ap);
	r = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (r < 0)
		return NULL;
	head = (size_t)r < NOTE_MAX ? (size_t)r : NOTE_MAX;
	total = head + strlen(sep) + strlen(tail);
	if ((n = malloc(sizeof(*n) + total + 1)) == NULL)
		return NULL;
	(void)vsnprintf(n->text, head + 1, fmt, ap);
	memcpy(n->text + head, sep, strlen(sep));
	memcpy(n->text + head + strlen(sep), tail, strlen(tail) + 1);
	n->len = total;

	/* One line, whatever a hostile name brings along. */
	for (char *p = n->text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return n;
}

err
err_new(enum err_code code, const char *fmt, ...)
{
	err e = { .code = code };
	va_list ap;

	va_start(ap, fmt);
	e.note = note_make(fmt, ap, "", "");
	va_end(ap);
	return e;
}

static enum err_code
code_of_errno(int en)
{
	switch (en) {
	case ENOMEM:
		return E_NOMEM;
	case ENOSPC:
	case EDQUOT:
		return E_NOSPACE;
	case ENOENT:
	case ENOTDIR:
	case ESRCH:
		return E_NOTFOUND;
	case EEXIST:
	case ENOTEMPTY:
		return E_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return E_DENIED;
	case ELOOP:
	case ENAMETOOLONG:
	case EINVAL:
	case EISDIR:
		return E_INVALID;
	case EBUSY:
	case EAGAIN:
	case ETXTBSY:
		return E_BUSY;
	case EFBIG:
	case EMFILE:
	case ENFILE:
		return E_LIMIT;
	case ENOSYS:
	case EOPNOTSUPP:
		return E_UNSUPPORTED;
	case EINTR:
		return E_CANCELLED;
	default:
		return E_IO;
	}
}

err
err_sys(const char *fmt, ...)
{
	int en = errno;
	err e = { .code = code_of_errno(en) };
	char words[128];
	va_list ap;

	const char *w = strerror_r(en, words, sizeof(words));
	va_start(ap, fmt);
	e.note = note_make(fmt, ap, ": ", w);
	va_end(ap);
	errno = en;
	return e;
}

err
err_nomem(void)
{
	return (err){ .code = E_NOMEM };
}

err
err_in(err e, const char *fmt, ...)
{
	err out = e;
	va_list ap;

	if (e.code == E_OK)
		return e;
	va_start(ap, fmt);
	out.note = note_make(fmt, ap, ": ", err_text(e));
	va_end(ap);
	if (out.note == NULL)
		out.note = e.note;
	else
		free(e.note);
	return out;
}

const char *
err_text(err e)
{
	if (e.note != NULL)
		return e.note->text;
	return codes[e.code].words;
}

void
err_drop(err e)
{
	free(e.note);
}

void
err_keep(err *first, err e)
{
	if (first->code == E_OK)
		*first = e;
	else
		err_drop(e);
}

const char *
err_name(enum err_code code)
{
	return codes[code].name;
}

int
err_exit_status(enum err_code code)
{
	return codes[code].exit_status;
}

int
err_http_status(enum err_code code)
{
	return codes[code].http_status;
}
