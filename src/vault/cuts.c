/* SPDX-License-Identifier: Apache-2.0 */

/* Plans: which format a file is of, what makes a plan valid, walking one. */

#include "vault/cuts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "vault/cut_find.h"

/* What a cheap look sees of a file. */
struct look {
	const uint8_t *head; /* 16 bytes. */
	const uint8_t *tail; /* 8 bytes. */
	uint64_t size;
};

#define HEAD 16
#define TAIL 8

static bool
looks_safetensors(const struct look *l)
{
	uint64_t n = le64(l->head);

	return n >= 2 && n <= 100000000 && n <= l->size - 8 &&
	    l->head[8] == '{';
}

static bool
looks_zip(const struct look *l)
{
	return memcmp(l->head, "PK\3\4", 4) == 0;
}

static bool
looks_numpy(const struct look *l)
{
	return memcmp(l->head, "\x93NUMPY", 6) == 0;
}

static bool
looks_parquet(const struct look *l)
{
	return memcmp(l->head, "PAR1", 4) == 0 &&
	    memcmp(l->tail + 4, "PAR1", 4) == 0;
}

static bool
looks_gguf(const struct look *l)
{
	return memcmp(l->head, "GGUF", 4) == 0;
}

static const struct format {
	bool (*looks)(const struct look *l);
	err (*find)(struct cut_in *in, struct cut_plan *p);
} formats[] = {
	{ looks_safetensors, cut_safetensors_find },
	{ looks_zip, cut_zip_find },
	{ looks_numpy, cut_numpy_find },
	{ looks_parquet, cut_parquet_find },
	{ looks_gguf, cut_gguf_find },
};

static const struct format *
format_of(const struct look *l)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (formats[i].looks(l))
			return &formats[i];
	return NULL;
}

void
cuts_release(struct cuts *c)
{
	free(c->v);
	*c = (struct cuts){ 0 };
}

bool
cuts_sniff(const uint8_t *head, size_t n, const uint8_t tail[8], uint64_t size)
{
	struct look l = { .head = head, .tail = tail, .size = size };

	return n >= HEAD && size >= HEAD && format_of(&l) != NULL;
}

err
cuts_find(int fd, uint64_t size, struct cuts *ret)
{
	AUTO(cuts_release) struct cuts c = { 0 };
	struct cut_in in;
	struct cut_plan plan = CUT_PLAN(&c, size);
	uint8_t head[HEAD], tail[TAIL];
	struct look l = { .head = head, .tail = tail, .size = size };
	const struct format *f;
	err e;

	if (size < HEAD || size > INT64_MAX)
		return err_new(E_UNSUPPORTED, "no known format");
	cut_in_init(&in, fd, size);
	cut_in_span(&in, size - TAIL, TAIL);
	cut_in_copy(&in, tail, TAIL);
	cut_in_span(&in, 0, size);
	cut_in_copy(&in, head, HEAD);
	if (in.bad || (f = format_of(&l)) == NULL)
		return err_new(E_UNSUPPORTED, "no known format");

	cut_in_span(&in, 0, size);
	if ((e = f->find(&in, &plan)).code)
		return e;
	if ((e = cut_plan_end(&plan)).code)
		return e;
	assert(cuts_valid(&c, size));
	*ret = take_struct(c);
	return OK;
}

bool
cuts_valid(const struct cuts *c, uint64_t size)
{
	uint64_t at = 0;

	if (c->n > CUTS_MAX)
		return false;
	for (size_t i = 0; i < c->n; i++) {
		const struct cut *v = &c->v[i];

		if (v->off != at || v->len == 0 || v->len > size - at)
			return false;
		switch (v->how) {
		case CUT_STREAM:
		case CUT_FIXED:
			break;
		case CUT_WHOLE:
			if (v->len > CUTS_WHOLE_MAX)
				return false;
			break;
		default:
			return false;
		}
		at += v->len;
	}
	return at == size;
}

bool
cuts_next(struct cuts_iter *it, struct cut *ret)
{
	const struct cut *v;
	uint64_t len;

	if (it->i == it->plan->n)
		return false;
	v = &it->plan->v[it->i];
	len = v->len - it->done;
	if (v->how == CUT_FIXED)
		len = MIN(len, (uint64_t)CUTS_BLOCK);
	*ret = (struct cut){
		.off = v->off + it->done,
		.len = len,
		.how = v->how == CUT_STREAM ? CUT_STREAM : CUT_WHOLE,
	};

	it->done += len;
	if (it->done == v->len) {
		it->i++;
		it->done = 0;
	}
	return true;
}
