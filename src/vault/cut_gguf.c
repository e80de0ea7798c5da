/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GGUF, versions 2 and 3, little-endian: counts, typed key-value pairs, one
 * record per tensor, then the tensors, each at a multiple of an alignment.  A
 * tensor is taken to reach up to the next: that spares a table of all the ways
 * to quantise, and takes in less than one alignment of zeroes.
 */

#include <string.h>

#include "vault/cut_find.h"

/* Everything before the tensors lies in the first bytes of the file. */
#define META_MAX (64 * MiB)

#define DEPTH_MAX  4
#define DIMS_MAX   8
#define STRING_MAX 65535

#define ALIGN_DEFAULT 32
#define ALIGN_MAX     65536

enum kind {
	KIND_U32 = 4,
	KIND_STRING = 8,
	KIND_ARRAY = 9,
};

/* Bytes of a value by kind; 0 where it is not fixed. */
static const uint8_t width[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

static void
skip_value(struct cut_in *in, uint32_t kind, int depth)
{
	uint64_t n, bytes;

	if (kind >= ARRAY_LEN(width) || depth == DEPTH_MAX) {
		cut_in_fail(in);
	} else if (kind == KIND_STRING) {
		cut_in_skip(in, cut_in_u64(in));
	} else if (kind != KIND_ARRAY) {
		cut_in_skip(in, width[kind]);
	} else {
		kind = cut_in_u32(in);
		n = cut_in_u64(in);
		if (kind < ARRAY_LEN(width) && width[kind] > 0) {
			if (__builtin_mul_overflow(n, width[kind], &bytes))
				bytes = UINT64_MAX;
			cut_in_skip(in, bytes);
			return;
		}

		/* Each of these takes at least 8 bytes: no need to bound n. */
		while (n-- > 0 && !in->bad)
			skip_value(in, kind, depth + 1);
	}
}

/* Read a string of which at most the first ${cap} bytes are kept; return how
 * long it is. */
static uint64_t
string(struct cut_in *in, uint8_t *s, size_t cap)
{
	uint64_t n = cut_in_u64(in);

	if (n > STRING_MAX) {
		cut_in_fail(in);
		return 0;
	}
	cut_in_copy(in, s, (size_t)MIN(n, (uint64_t)cap));
	if (n > cap)
		cut_in_skip(in, n - cap);
	return n;
}

static void
pair(struct cut_in *in, uint64_t *align)
{
	static const char key[] = "general.alignment";
	uint8_t s[sizeof(key) - 1];
	uint64_t n = string(in, s, sizeof(s));
	uint32_t kind = cut_in_u32(in);

	if (n != sizeof(s) || memcmp(s, key, n) != 0 || kind != KIND_U32) {
		skip_value(in, kind, 0);
		return;
	}
	*align = cut_in_u32(in);
	if (*align == 0 || *align > ALIGN_MAX || (*align & (*align - 1)) != 0)
		cut_in_fail(in);
}

/* One tensor; its offset counts from where the tensors begin. */
static void
tensor(struct cut_in *in, uint64_t align, struct cut_part *part)
{
	uint8_t name[256] = { 0 };
	uint64_t n = string(in, name, sizeof(name));
	uint32_t dims = cut_in_u32(in);

	if (dims > DIMS_MAX)
		cut_in_fail(in);
	else
		cut_in_skip(in, 8 * dims + 4);
	part->off = cut_in_u64(in);
	part->mark = cut_plan_mark(name, (size_t)MIN(n, (uint64_t)256));
	if (part->off % align != 0)
		cut_in_fail(in);
}

/* Give the sorted tensors their lengths, and let them count from the start of
 * the file. */
static bool
place(struct cut_parts *parts, uint64_t start, uint64_t size)
{
	uint64_t next = size - start;

	for (size_t i = parts->n; i-- > 0;) {
		struct cut_part *v = &parts->v[i];

		if (v->off > next)
			return false;
		v->len = next - v->off;
		next = v->off;
		v->off += start;
	}
	return true;
}

/* Everything before the tensors; return where they begin. */
static uint64_t
meta(struct cut_in *in, struct cut_parts *parts)
{
	uint64_t align = ALIGN_DEFAULT, tensors, pairs, at;
	struct cut_part part = { .len = 1, .how = CUT_FIXED };
	uint32_t version;

	cut_in_skip(in, 4);
	version = cut_in_u32(in);
	tensors = cut_in_u64(in);
	pairs = cut_in_u64(in);
	if ((version != 2 && version != 3) || tensors > CUTS_MAX)
		cut_in_fail(in);
	while (pairs-- > 0 && !in->bad)
		pair(in, &align);
	while (tensors-- > 0 && !in->bad) {
		tensor(in, align, &part);
		if (!in->bad)
			cut_plan_note(parts, part);
	}
	if (in->bad)
		return 0;
	at = cut_in_at(in);
	return at + (align - at % align) % align;
}

err
cut_gguf_find(struct cut_in *in, struct cut_plan *p)
{
	AUTO(cut_plan_release) struct cut_parts parts = { 0 };
	uint64_t start;

	cut_in_span(in, 0, MIN(p->size, (uint64_t)META_MAX));
	start = meta(in, &parts);
	if (parts.fail == E_NOMEM)
		return err_nomem();
	if (in->bad || start > p->size)
		return err_new(E_UNSUPPORTED, "its header is malformed");
	cut_plan_sort(&parts);
	if (!place(&parts, start, p->size))
		return err_new(E_UNSUPPORTED, "its tensors are not inside it");

	cut_plan_region(p, 0, start,
	                start > CUT_PLAN_GROUP ? CUT_STREAM : CUT_WHOLE);

	/* Tensors of no bytes share an offset with their successor. */
	for (size_t i = 0; i < parts.n && !p->fail; i++)
		if (parts.v[i].len > 0)
			cut_plan_part(p, parts.v[i]);
	return OK;
}
