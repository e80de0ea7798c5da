/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Envelopes and markers: the first byte is the kind of a record, the rest its
 * body, which is signed here; or (with any other first byte) a record as it
 * lies in a store.  What is accepted is written and read again as the same.
 */

#include "known_keys.h"
#include "target.h"

#define TYPE_RECORD "application/vnd.casemate.record"

static void
sign(uint32_t kind, const uint8_t *body, size_t n, struct buf *b)
{
	const struct sign_key *k = &fuzz_vault()->keys.sign;
	uint8_t sig[SIG_LEN];

	buf_str(b, "caserecd");
	buf_u32(b, 0);
	buf_u32(b, 0);
	buf_u32(b, 0);
	buf_u32(b, kind);
	buf_u32(b, (uint32_t)n);
	buf_add(b, body, n);
	buf_add(b, k->id.b, DIGEST_LEN);
	must(dsse_sign(k, TYPE_RECORD, b->p, b->len, sig));
	buf_add(b, sig, SIG_LEN);
	must(buf_done(b));
}

static void
again(const struct record *r, const struct buf *from)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	AUTO(record_release) struct record t = { 0 };

	for (size_t i = 1; i < r->packs.n; i++)
		assert(digest_cmp(&r->packs.v[i - 1], &r->packs.v[i]) < 0);
	must(record_encode(r, &fuzz_vault()->keys.sign, &b));
	must(record_decode(r->kind, &fuzz_vault()->statements, b.p, b.len, &t));
	assert(memcmp(t.session, r->session, ID_LEN) == 0);
	assert(t.time_ns == r->time_ns && t.packs.n == r->packs.n);
	if (r->kind == RECORD_ENVELOPE)
		assert(digest_eq(&t.snapshot, &r->snapshot) &&
		       t.lock == r->lock && t.sequence == r->sequence &&
		       t.promised_until_ns == r->promised_until_ns);

	/* What has no items of later versions, nor of other kinds, has one
	 * spelling. */
	assert(b.len <= from->len);
	if (b.len == from->len)
		assert(memcmp(b.p, from->p, b.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_MAX(STORE_OBJECT_MAX);
	AUTO(record_release) struct record r = { 0 };
	enum record_kind kind = RECORD_ENVELOPE;
	err e;

	if (n == 0)
		return 0;
	if (p[0] >= RECORD_ENVELOPE && p[0] <= RECORD_CONDEMNED) {
		kind = (enum record_kind)p[0];
		sign(p[0], p + 1, n - 1, &b);
	} else {
		buf_add(&b, p, n);
	}
	e = record_decode(kind, &fuzz_vault()->statements, b.p, b.len, &r);
	if (e.code) {
		fuzz_refused(e);
		assert(r.packs.v == NULL);
	} else {
		again(&r, &b);
	}
	return 0;
}
