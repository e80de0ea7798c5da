/* SPDX-License-Identifier: Apache-2.0 */

/* Numbers for people, and tables of them. */

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "cli/text.h"

#define COLUMNS_MAX 16

struct table {
	size_t columns;
	unsigned right;
	char **cells; /* Row by row. */
	size_t n, cap;
	int width[COLUMNS_MAX];
};

struct text
text_size(uint64_t bytes)
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB",
		                             "TiB", "PiB", "EiB" };
	double d = (double)bytes;
	struct text t;
	size_t u = 0;

	for (; d >= 1023.95 && u + 1 < ARRAY_LEN(units); u++)
		d /= 1024;
	int digits = u == 0 || d >= 99.95 ? 0 : 1;
	(void)snprintf(t.s, sizeof(t.s), "%.*f %s", digits, d, units[u]);
	return t;
}

struct text
text_id(const struct digest *d)
{
	struct text t;

	hex_encode(d->b, 6, t.s);
	return t;
}

struct text
text_took(int64_t ns)
{
	long long s = ns / NS_PER_S;
	struct text t;

	if (s < 60)
		(void)snprintf(t.s, sizeof(t.s), "%.2f s", (double)ns / 1e9);
	else if (s < 3600)
		(void)snprintf(t.s, sizeof(t.s), "%lld min %lld s", s / 60,
		               s % 60);
	else
		(void)snprintf(t.s, sizeof(t.s), "%lld h %lld min", s / 3600,
		               s / 60 % 60);
	return t;
}

const char *
text_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* Columns on a terminal: code points, for want of anything better. */
static int
width_of(const char *s)
{
	int n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

err
table_new(size_t columns, unsigned right, struct table **ret)
{
	struct table *t;
	err e;

	assert(columns <= COLUMNS_MAX);
	if ((e = mem_alloc(1, sizeof(*t), &t)).code)
		return e;
	t->columns = columns;
	t->right = right;
	*ret = t;
	return OK;
}

void
table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

void
table_freep(struct table **t)
{
	table_free(*t);
}

err
table_row(struct table *t, ...)
{
	va_list ap;
	err e = OK;

	if ((e = mem_grow(&t->cells, t->n + t->columns, &t->cap,
	                  sizeof(*t->cells)))
	        .code)
		return e;
	va_start(ap, t);
	for (size_t i = 0; i < t->columns; i++) {
		const char *s = va_arg(ap, const char *);
		s = s != NULL ? s : "";
		t->cells[t->n + i] = NULL;
		if (e.code == E_OK)
			e = mem_dup(s, strlen(s), &t->cells[t->n + i]);
		t->width[i] = MAX(t->width[i], width_of(s));
	}
	va_end(ap);
	t->n += t->columns;
	return e;
}

void
table_print(const struct table *t, int indent)
{
	int blanks = 0;

	/* Blanks wait for a cell behind them: no line ends in any. */
	for (size_t i = 0; i < t->n; i++) {
		size_t col = i % t->columns;
		const char *s = t->cells[i] != NULL ? t->cells[i] : "";
		int pad = t->width[col] - width_of(s);
		bool right = (t->right & 1U << col) != 0;

		blanks += col == 0 ? indent : 2;
		if (*s != '\0') {
			blanks += right ? pad : 0;
			(void)printf("%*s%s", blanks, "", s);
			blanks = right ? 0 : pad;
		} else {
			blanks += pad;
		}
		if (col + 1 == t->columns) {
			(void)putchar('\n');
			blanks = 0;
		}
	}
}
