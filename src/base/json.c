/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The JSON writer, and the reader over jansson.  jansson.h comes first: it has
 * functions of its own under two names that json.h gives away.
 */

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/time.h"

#define DEPTH_MAX 64
#define PARSE_MAX (64 * MiB)

/* Add one character, escaped; return the bytes it took. */
static size_t
put_char(struct buf *b, const char *p, size_t n)
{
	unsigned char c = (unsigned char)*p;
	size_t len = str_utf8(p, n);

	if (len == 0) {
		/* A backslash in the text, hence two in JSON. */
		buf_fmt(b, "\\\\x%02x", c);
		return 1;
	}
	if (c == '"' || c == '\\')
		buf_fmt(b, "\\%c", c);
	else if (c == '\n')
		buf_str(b, "\\n");
	else if (c == '\t')
		buf_str(b, "\\t");
	else if (c < 0x20 || c == 0x7f)
		buf_fmt(b, "\\u%04x", c);
	else
		buf_add(b, p, len);
	return len;
}

static void
put_text(struct buf *b, const char *s, size_t n)
{
	buf_u8(b, '"');
	while (n > 0) {
		size_t plain = 0, len;

		/* Runs of harmless ASCII are nearly everything. */
		while (plain < n && s[plain] >= 0x20 && s[plain] < 0x7f &&
		       s[plain] != '"' && s[plain] != '\\')
			plain++;
		buf_add(b, s, plain);
		s += plain;
		n -= plain;
		if (n == 0)
			break;
		len = put_char(b, s, n);
		s += len;
		n -= len;
	}
	buf_u8(b, '"');
}

static void
put_newline(struct json_writer *w)
{
	static const char spaces[] = "        ";
	size_t n = (size_t)w->indent * (size_t)w->depth;

	if (w->indent == 0)
		return;
	buf_u8(w->b, '\n');
	for (size_t step; n > 0; n -= step) {
		step = MIN(n, sizeof(spaces) - 1);
		buf_add(w->b, spaces, step);
	}
}

/* What stands before a member: comma, line, key. */
static void
put_key(struct json_writer *w, const char *key)
{
	if (!w->first)
		buf_u8(w->b, ',');
	w->first = false;
	if (w->depth > 0)
		put_newline(w);
	if (key != NULL) {
		put_text(w->b, key, strlen(key));
		buf_str(w->b, w->indent ? ": " : ":");
	}
}

static void
open_with(struct json_writer *w, const char *key, uint8_t bracket)
{
	assert(w->depth < JSON_DEPTH);
	put_key(w, key);
	buf_u8(w->b, bracket);
	w->depth++;
	w->first = true;
}

static void
close_with(struct json_writer *w, uint8_t bracket)
{
	assert(w->depth > 0);
	w->depth--;
	if (!w->first)
		put_newline(w);
	buf_u8(w->b, bracket);
	w->first = false;
}

void
json_open(struct json_writer *w, const char *key)
{
	open_with(w, key, '{');
}

void
json_close(struct json_writer *w)
{
	close_with(w, '}');
}

void
json_open_array(struct json_writer *w, const char *key)
{
	open_with(w, key, '[');
}

void
json_close_array(struct json_writer *w)
{
	close_with(w, ']');
}

void
json_str(struct json_writer *w, const char *key, const char *s)
{
	if (s == NULL)
		json_null(w, key);
	else
		json_strn(w, key, s, strlen(s));
}

void
json_strn(struct json_writer *w, const char *key, const char *s, size_t n)
{
	put_key(w, key);
	put_text(w->b, s, n);
}

void
json_int(struct json_writer *w, const char *key, int64_t v)
{
	put_key(w, key);
	buf_fmt(w->b, "%lld", (long long)v);
}

void
json_uint(struct json_writer *w, const char *key, uint64_t v)
{
	put_key(w, key);
	buf_fmt(w->b, "%llu", (unsigned long long)v);
}

void
json_bool(struct json_writer *w, const char *key, bool v)
{
	put_key(w, key);
	buf_str(w->b, v ? "true" : "false");
}

void
json_real(struct json_writer *w, const char *key, double v)
{
	double abs = v < 0 ? -v : v;
	long long milli;

	/* JSON knows no infinities; and the point is no matter of locale. */
	if (!isfinite(v)) {
		json_null(w, key);
		return;
	}
	put_key(w, key);
	if (abs >= 1e15) {
		buf_fmt(w->b, "%.0f.000", v);
		return;
	}
	milli = (long long)(abs * 1000 + 0.5);
	buf_fmt(w->b, "%s%lld.%03lld", v < 0 && milli > 0 ? "-" : "",
	        milli / 1000, milli % 1000);
}

void
json_null(struct json_writer *w, const char *key)
{
	put_key(w, key);
	buf_str(w->b, "null");
}

void
json_time(struct json_writer *w, const char *key, int64_t ns)
{
	json_str(w, key, ns == 0 ? NULL : time_str(ns));
}

void
json_digest(struct json_writer *w, const char *key, const struct digest *d)
{
	put_key(w, key);
	buf_fmt(w->b, "\"sha256:%s\"", digest_str(d));
}

/* Refuse what jansson would recurse into too deep, before it sees it. */
static err
check_depth(const char *p, size_t n)
{
	size_t depth = 0, line = 1, start = 0;
	bool in_string = false;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '\n') {
			line++;
			start = i + 1;
		} else if (c == '\0') {
			return err_new(E_INVALID,
			               "line %zu, column %zu: zero byte", line,
			               i - start + 1);
		} else if (in_string) {
			i += c == '\\' && i + 1 < n && p[i + 1] != '\0';
			in_string = c != '"';
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > DEPTH_MAX)
				return err_new(E_INVALID,
				               "line %zu, column %zu: nested "
				               "deeper than %d",
				               line, i - start + 1, DEPTH_MAX);
		} else if (c == ']' || c == '}') {
			depth -= depth > 0;
		}
	}
	return OK;
}

err
json_parse(const void *p, size_t n, struct json_t **ret)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
	json_error_t why;
	json_t *v;
	err e;

	if (n > PARSE_MAX)
		return err_new(E_LIMIT, "JSON of more than %zu bytes",
		               (size_t)PARSE_MAX);
	if (n == 0)
		return err_new(E_INVALID, "line 1, column 1: empty, no JSON");
	if ((e = check_depth(p, n)).code)
		return e;
	if ((v = json_loadb(p, n, flags, &why)) == NULL) {
		if (json_error_code(&why) == json_error_out_of_memory)
			return err_nomem();
		return err_new(E_INVALID, "line %d, column %d: %s",
		               MAX(why.line, 1), MAX(why.column, 1), why.text);
	}
	*ret = v;
	return OK;
}

void
json_free(struct json_t *v)
{
	json_decref(v);
}

void
json_freep(struct json_t **v)
{
	json_decref(*v);
}

struct json_t *
json_get(const struct json_t *v, const char *key)
{
	return json_object_get(v, key);
}

const char *
json_get_str(const struct json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

int64_t
json_get_int(const struct json_t *v, const char *key, int64_t fallback)
{
	const json_t *m = json_object_get(v, key);

	return json_is_integer(m) ? json_integer_value(m) : fallback;
}

bool
json_get_bool(const struct json_t *v, const char *key, bool fallback)
{
	const json_t *m = json_object_get(v, key);

	return json_is_boolean(m) ? json_is_true(m) : fallback;
}

size_t
json_len(const struct json_t *v)
{
	return json_array_size(v);
}

struct json_t *
json_at(const struct json_t *v, size_t i)
{
	return json_array_get(v, i);
}
