/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Snapshots: as they lie in a store, or (behind an 'o') the opened body of one,
 * which is sealed and signed here.  What is accepted is written and read again
 * as the same.
 */

#include "known_keys.h"
#include "target.h"

#define TYPE_SNAPSHOT "application/vnd.casemate.snapshot"
#define BODY_MAX      (64 * KiB)

static void
seal(const uint8_t *body, size_t n, struct buf *b)
{
	const struct session *s = fuzz_session();
	const struct sign_key *k = &fuzz_vault()->keys.sign;
	uint8_t nonce[NONCE_LEN] = { 1 }, sig[SIG_LEN];
	AUTO(aead_freep) struct aead *a = NULL;
	struct preamble pre;
	struct aead_ad ad = { .p = pre.hash.b, .n = DIGEST_LEN };
	uint8_t *p;

	must(preamble_write(MAGIC_SNAPSHOT, &fuzz_vault()->keys, s, LOCK_KEPT,
	                    b, &pre));
	buf_add(b, nonce, NONCE_LEN);
	buf_u32(b, (uint32_t)(n + TAG_LEN));
	must(aead_new(&s->key, &a));
	p = buf_room(b, n + TAG_LEN);
	assert(p != NULL);
	must(aead_seal(a, nonce, ad, body, n, p));
	b->len += n + TAG_LEN;
	buf_add(b, k->id.b, DIGEST_LEN);
	must(dsse_sign(k, TYPE_SNAPSHOT, b->p, b->len, sig));
	buf_add(b, sig, SIG_LEN);
	must(buf_done(b));
}

/* Write ${s}, read that, and see that it says the same. */
static void
again(const struct snapshot *s)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(snapshot_release) struct snapshot t = { 0 };
	struct digest id;
	err e;

	e = snapshot_encode(fuzz_vault(), s, fuzz_session(), &b, &id);
	if (e.code == E_LIMIT) {
		err_drop(e); /* Padding made it too long. */
		return;
	}
	must(e);
	must(snapshot_decode(fuzz_vault(), b.p, b.len, &t));
	assert(digest_eq(&t.id, &id) && digest_eq(&t.root, &s->root));
	assert(strcmp(t.asset, s->asset) == 0 && strcmp(t.kind, s->kind) == 0);
	assert(strcmp(t.node, s->node) == 0 && strcmp(t.base, s->base) == 0);
	assert(t.started_ns == s->started_ns &&
	       t.finished_ns == s->finished_ns);
	assert(t.sequence == s->sequence && digest_eq(&t.prev, &s->prev));
	assert(t.root_entry_len == s->root_entry_len &&
	       memcmp(t.root_entry, s->root_entry, s->root_entry_len) == 0);
	assert(t.files == s->files && t.bytes_stored == s->bytes_stored);
	assert(t.partial == s->partial && t.unsteady == s->unsteady);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_MAX(MiB);
	AUTO(snapshot_release) struct snapshot s = { 0 };
	err e;

	if (n == 0 || n > BODY_MAX)
		return 0;
	if (p[0] == 'o')
		seal(p + 1, n - 1, &b);
	else
		buf_add(&b, p, n);
	e = snapshot_decode(fuzz_vault(), b.p, b.len, &s);
	if (e.code) {
		fuzz_refused(e);
		assert(s.asset == NULL && s.root_entry == NULL);
	} else {
		again(&s);
	}
	return 0;
}
