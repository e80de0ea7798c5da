/* SPDX-License-Identifier: Apache-2.0 */

/*
 * safetensors: a length (u64), a JSON object of that length, the tensors.
 *     {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 * The offsets count from the end of the header, and the format demands that
 * the tensors cover what follows exactly.  The JSON is read as it streams by:
 * of a name only a hash remains.
 */

#include <string.h>

#include "vault/cut_find.h"

/* The longest header that is parsed; the format allows 100 MB. */
#define HEADER_MAX (16 * MiB)

/* Objects and arrays inside each other. */
#define DEPTH_MAX 16

/* A string of the header: its first characters, and a hash of them all. */
struct word {
	char s[16];
	size_t n;
	uint32_t mark;
};

/* The next byte that is no space, not stepped over; 0 at the end. */
static uint8_t
peek(struct cut_in *in)
{
	uint8_t c;

	while (cut_in_left(in) > 0) {
		c = cut_in_u8(in);
		if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
			cut_in_back(in);
			return c;
		}
	}
	return 0;
}

/* Step over c if it comes next. */
static bool
have(struct cut_in *in, char c)
{
	if (peek(in) != (uint8_t)c)
		return false;
	in->i++;
	return true;
}

/* The same where nothing else may come. */
static void
need(struct cut_in *in, char c)
{
	if (!have(in, c))
		cut_in_fail(in);
}

static void
string(struct cut_in *in, struct word *w)
{
	uint32_t mark = 0;
	uint8_t c;

	need(in, '"');
	for (w->n = 0; !in->bad; w->n++) {
		if ((c = cut_in_u8(in)) == '"')
			break;
		if (c < 0x20)
			cut_in_fail(in);
		if (w->n < sizeof(w->s))
			w->s[w->n] = (char)c;
		mark = (mark ^ c) * 0x01000193;
		if (c == '\\')
			mark = (mark ^ cut_in_u8(in)) * 0x01000193;
	}
	w->mark = cut_plan_mark(&mark, sizeof(mark));
}

static bool
is(const struct word *w, const char *s)
{
	return w->n == strlen(s) && memcmp(w->s, s, w->n) == 0;
}

static uint64_t
number(struct cut_in *in)
{
	uint64_t v = 0;
	uint8_t c = peek(in);

	if (c < '0' || c > '9')
		cut_in_fail(in);
	while (!in->bad && cut_in_left(in) > 0) {
		c = cut_in_u8(in);
		if (c < '0' || c > '9') {
			cut_in_back(in);
			break;
		}
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, c - '0', &v))
			cut_in_fail(in);
	}
	return v;
}

/* A number that nobody asks for, true, false or null. */
static void
skip_scalar(struct cut_in *in)
{
	static const char allowed[] = "+-.0123456789Eaeflnrstu";
	size_t n = 0;
	uint8_t c;

	peek(in);
	while (cut_in_left(in) > 0) {
		c = cut_in_u8(in);
		if (c == 0 || strchr(allowed, c) == NULL) {
			cut_in_back(in);
			break;
		}
		n++;
	}
	if (n == 0)
		cut_in_fail(in);
}

static void
skip_value(struct cut_in *in, int depth)
{
	struct word w;
	bool object = false;
	char close;

	if (depth == DEPTH_MAX)
		cut_in_fail(in);
	switch (peek(in)) {
	case '"':
		string(in, &w);
		return;
	case '{':
		object = true;
		break;
	case '[':
		break;
	default:
		skip_scalar(in);
		return;
	}

	in->i++;
	close = object ? '}' : ']';
	if (have(in, close))
		return;
	do {
		if (object) {
			string(in, &w);
			need(in, ':');
		}
		skip_value(in, depth + 1);
	} while (!in->bad && have(in, ','));
	need(in, close);
}

/* One tensor; its offsets count from the end of the header. */
static void
tensor(struct cut_in *in, struct cut_part *part)
{
	uint64_t begin = 0, end = 0;
	bool seen = false;
	struct word key;

	need(in, '{');
	do {
		string(in, &key);
		need(in, ':');
		if (!is(&key, "data_offsets")) {
			skip_value(in, 2);
			continue;
		}
		need(in, '[');
		begin = number(in);
		need(in, ',');
		end = number(in);
		need(in, ']');
		if (seen || begin > end)
			cut_in_fail(in);
		seen = true;
	} while (!in->bad && have(in, ','));
	need(in, '}');
	if (!seen)
		cut_in_fail(in);
	part->off = begin;
	part->len = end - begin;
}

static void
header(struct cut_in *in, struct cut_parts *parts)
{
	struct cut_part part = { .how = CUT_FIXED };
	struct word key;

	need(in, '{');
	if (!have(in, '}')) {
		do {
			string(in, &key);
			need(in, ':');
			if (is(&key, "__metadata__")) {
				skip_value(in, 1);
				continue;
			}
			tensor(in, &part);
			part.mark = key.mark;
			if (!in->bad)
				cut_plan_note(parts, part);
		} while (!in->bad && have(in, ','));
		need(in, '}');
	}
	if (!in->bad && (peek(in) != 0 || cut_in_left(in) > 0))
		cut_in_fail(in);
}

/* Do the sorted parts cover ${size} bytes exactly?  If so, let them count from
 * the start of the file. */
static bool
place(struct cut_parts *parts, uint64_t start, uint64_t size)
{
	uint64_t at = 0;

	for (size_t i = 0; i < parts->n; i++) {
		struct cut_part *v = &parts->v[i];

		if (v->off != at || v->len > size - at)
			return false;
		at += v->len;
		v->off += start;
	}
	return at == size;
}

err
cut_safetensors_find(struct cut_in *in, struct cut_plan *p)
{
	AUTO(cut_plan_release) struct cut_parts parts = { 0 };
	uint64_t n = cut_in_u64(in);

	if (n > HEADER_MAX)
		return err_new(E_UNSUPPORTED, "its header is too long");
	cut_in_span(in, 8, n);
	header(in, &parts);
	if (in->bad)
		return err_new(E_UNSUPPORTED, "its header is malformed");
	if (parts.fail)
		return err_new(E_UNSUPPORTED, "it has too many tensors");
	cut_plan_sort(&parts);
	if (!place(&parts, 8 + n, p->size - 8 - n))
		return err_new(E_UNSUPPORTED, "its tensors do not cover it");

	/* The header changes when a tensor does; keep it from the tensors. */
	cut_plan_region(p, 0, 8 + n,
	                8 + n > CUT_PLAN_GROUP ? CUT_STREAM : CUT_WHOLE);
	cut_plan_parts(p, &parts);
	return OK;
}
