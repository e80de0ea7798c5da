/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Matching with one place to go back to: when a later star is reached, nothing
 * that an earlier one could take instead would help, so only the last one is
 * remembered.  The same holds for "**" among the parts of a path.
 */

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "vault/glob.h"

#define CLASS_NAME_MAX ((size_t)6)

static const struct {
	const char *name;
	int (*fn)(int c);
} classes[] = {
	{ "alnum", isalnum }, { "alpha", isalpha }, { "blank", isblank },
	{ "cntrl", iscntrl }, { "digit", isdigit }, { "graph", isgraph },
	{ "lower", islower }, { "print", isprint }, { "punct", ispunct },
	{ "space", isspace }, { "upper", isupper }, { "xdigit", isxdigit },
};

/* The length of "[:name:]" at ${p}, or 0; and whether ${c} is one of them. */
static size_t
class_match(const char *p, size_t n, unsigned char c, bool *ret)
{
	const char *end;
	size_t len;

	if (n < 4 || p[1] != ':' ||
	    (end = memmem(p + 2, MIN(n - 2, CLASS_NAME_MAX + 2), ":]", 2)) ==
	        NULL)
		return 0;
	len = (size_t)(end - p) - 2;
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (strlen(classes[i].name) == len &&
		    memcmp(classes[i].name, p + 2, len) == 0) {
			*ret |= c < 0x80 && classes[i].fn(c);
			return len + 4;
		}
	return 0;
}

/* One literal of a set, which a backslash may stand before. */
static unsigned char
literal(const char *p, size_t n, size_t *i)
{
	if (p[*i] == '\\' && *i + 1 < n)
		++*i;
	return (unsigned char)p[(*i)++];
}

/* The length of the set in brackets at ${p}, or 0 if it does not end. */
static size_t
set_match(const char *p, size_t n, unsigned char c, bool *ret)
{
	bool not = n > 1 && (p[1] == '!' || p[1] == '^'), in = false;
	size_t first = not ? 2 : 1, i = first, k;
	unsigned char low, high;

	while (i < n && (p[i] != ']' || i == first)) {
		if (p[i] == '[' &&
		    (k = class_match(p + i, n - i, c, &in)) > 0) {
			i += k;
			continue;
		}
		low = high = literal(p, n, &i);
		if (i + 1 < n && p[i] == '-' && p[i + 1] != ']') {
			i++;
			high = literal(p, n, &i);
		}
		in |= low <= c && c <= high;
	}
	if (i >= n)
		return 0;
	*ret = in != not ;
	return i + 1;
}

/* The length of the pattern's first element if it matches ${c}, or else 0. */
static size_t
one_match(const char *p, size_t n, char c)
{
	bool in;
	size_t k;

	switch (p[0]) {
	case '?':
		return 1;
	case '\\':
		return n > 1 && p[1] == c ? 2 : 0;
	case '[':
		k = set_match(p, n, (unsigned char)c, &in);
		return k > 0 && in ? k : 0;
	default:
		return p[0] == c;
	}
}

bool
glob_valid(const char *p, size_t n)
{
	bool in;

	for (size_t i = 0, k; i < n; i += k) {
		k = 1;
		if (p[i] == '\\')
			k = 2;
		else if (p[i] == '[')
			k = set_match(p + i, n - i, 0, &in);
		if (k == 0 || k > n - i)
			return false;
	}
	return true;
}

bool
glob_name(const char *p, size_t n, const char *name, size_t len)
{
	size_t i = 0, j = 0, k, star = 0, mark = 0;
	bool starred = false;

	while (j < len) {
		if (i < n && p[i] == '*') {
			starred = true;
			star = ++i;
			mark = j;
		} else if (i < n &&
		           (k = one_match(p + i, n - i, name[j])) > 0) {
			i += k;
			j++;
		} else if (starred) {
			i = star;
			j = ++mark;
		} else {
			return false;
		}
	}
	while (i < n && p[i] == '*')
		i++;
	return i == n;
}

/* --- paths ---------------------------------------------------------------- */

/* A place among the parts of a pattern or of a path, whose last part may stand
 * elsewhere. */
struct parts {
	const char *p; /* The part, and what comes behind it. */
	size_t n;
	const char *last; /* The last part; NULL: at p, or passed. */
	size_t last_len;
	bool end;
};

static struct parts
parts_of(const char *p, size_t n, const char *last, size_t last_len)
{
	if (n == 0 && last != NULL)
		return (struct parts){ .p = last, .n = last_len };
	return (struct parts){ p, n, last, last_len, false };
}

static size_t
part_len(const struct parts *s)
{
	const char *slash = memchr(s->p, '/', s->n);

	return slash != NULL ? (size_t)(slash - s->p) : s->n;
}

static void
part_skip(struct parts *s)
{
	size_t n = part_len(s);

	if (n < s->n) {
		s->p += n + 1;
		s->n -= n + 1;
	} else if (s->last != NULL) {
		*s = parts_of(NULL, 0, s->last, s->last_len);
	} else {
		s->end = true;
	}
}

/* Whether the part is of two or more stars and nothing else. */
static bool
any_depth(const struct parts *s)
{
	size_t n = part_len(s);

	for (size_t i = 0; i < n; i++)
		if (s->p[i] != '*')
			return false;
	return n >= 2;
}

bool
glob_path(const char *p, size_t n, const char *dir, size_t dir_len,
          const char *name, size_t len)
{
	struct parts pat = parts_of(p, n, NULL, 0), star_pat = pat;
	struct parts at = parts_of(dir, dir_len, name, len), star_at = at;
	bool starred = false;

	while (!pat.end || !at.end) {
		if (!pat.end && any_depth(&pat)) {
			part_skip(&pat);
			if (pat.end)
				return !at.end;
			starred = true;
			star_pat = pat;
			star_at = at;
		} else if (!pat.end && !at.end &&
		           glob_name(pat.p, part_len(&pat), at.p,
		                     part_len(&at))) {
			part_skip(&pat);
			part_skip(&at);
		} else if (starred && !star_at.end) {
			part_skip(&star_at);
			pat = star_pat;
			at = star_at;
		} else {
			return false;
		}
	}
	return true;
}
