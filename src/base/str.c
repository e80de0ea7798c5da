/* SPDX-License-Identifier: Apache-2.0 */

/* UTF-8 by the table of the Unicode standard; edit distance in three rows. */

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Longer words are nobody's misspelling. */
#define WORD_MAX 64

size_t
str_utf8(const char *p, size_t n)
{
	const uint8_t *s = (const uint8_t *)p;
	uint8_t lo = 0x80, hi = 0xbf;
	size_t len;

	if (n == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;

	/* The second byte alone bars overlong forms, surrogates, > 10FFFF. */
	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f;
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;
	if (s[1] < lo || s[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static bool
same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment distance; both words are at most WORD_MAX long. */
static unsigned
distance(const char *a, size_t an, const char *b, size_t bn)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *older = rows[0], *old = rows[1], *now = rows[2];

	for (size_t j = 0; j <= bn; j++)
		now[j] = (unsigned)j;
	for (size_t i = 1; i <= an; i++) {
		unsigned *reuse = older;

		older = old;
		old = now;
		now = reuse;
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= bn; j++) {
			unsigned d = old[j - 1] + !same(a[i - 1], b[j - 1]);

			d = MIN(d, old[j] + 1);
			d = MIN(d, now[j - 1] + 1);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]))
				d = MIN(d, older[j - 2] + 1);
			now[j] = d;
		}
	}
	return now[bn];
}

const char *
str_nearest(const char *word, const char *const *list)
{
	size_t n = strlen(word);
	unsigned best = n < 3 ? 1 : (unsigned)(n + 2) / 3;
	const char *found = NULL;

	if (n == 0 || n > WORD_MAX)
		return NULL;
	for (; *list != NULL; list++) {
		size_t len = strlen(*list);
		unsigned d;

		if (len > WORD_MAX)
			continue;
		d = distance(word, n, *list, len);
		if (d < n && d < best + (found == NULL)) {
			best = d;
			found = *list;
		}
	}
	return found;
}
