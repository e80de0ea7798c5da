/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Opening segments.  The tag is checked before a byte is decoded, and what the
 * decoder may produce is bounded by what the directory promised, so that a
 * hostile vault cannot make it grow.
 */

#include <string.h>
#include <zstd.h>

#include "vault/pack.h"

struct decoder {
	ZSTD_DCtx *zstd;
	uint8_t *plain; /* SEGMENT_PLAIN_MAX at most, grown as needed. */
	size_t cap;
	struct aead *aead;     /* For the session used last. */
	struct secret session; /* Its key. */
};

err
decoder_new(struct decoder **ret)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*d), &d)).code)
		return e;
	if ((d->zstd = ZSTD_createDCtx()) == NULL)
		return err_nomem();
	*ret = take(d);
	return OK;
}

void
decoder_free(struct decoder *d)
{
	if (d == NULL)
		return;
	(void)ZSTD_freeDCtx(d->zstd);
	aead_free(d->aead);
	crypto_wipe(&d->session, sizeof(d->session));
	free(d->plain);
	free(d);
}

void
decoder_freep(struct decoder **d)
{
	decoder_free(*d);
}

static err
use_session(struct decoder *d, const struct secret *key)
{
	if (d->aead != NULL && crypto_eq(d->session.b, key->b, KEY_LEN))
		return OK;
	aead_free(d->aead);
	d->aead = NULL;
	d->session = *key;
	return aead_new(key, &d->aead);
}

err
segment_open(struct decoder *dec, const struct secret *key,
             const struct pack_dir *dir, uint32_t ordinal, uint8_t *sealed,
             const uint8_t **ret)
{
	const struct segment_row *s = &dir->segments[ordinal];
	uint8_t head[SEGMENT_AD_LEN];
	struct aead_ad ad = { dir->hash.b, DIGEST_LEN, head, sizeof(head) };
	size_t n = s->sealed_len - TAG_LEN;
	err e;

	segment_ad(s, ordinal, head);
	if ((e = use_session(dec, key)).code ||
	    (e = aead_open(dec->aead, s->nonce, ad, sealed, s->sealed_len,
	                   sealed))
	        .code)
		return err_in(e, "segment %u", ordinal);
	if (s->codec == CODEC_RAW) {
		if (n != s->plain_len)
			return err_new(E_CORRUPT, "segment %u: wrong length",
			               ordinal);
		*ret = sealed;
		return OK;
	}
	if ((e = mem_grow(&dec->plain, s->plain_len, &dec->cap, 1)).code)
		return e;
	if (ZSTD_decompressDCtx(dec->zstd, dec->plain, s->plain_len, sealed,
	                        n) != s->plain_len)
		return err_new(E_CORRUPT, "segment %u does not decode",
		               ordinal);
	*ret = dec->plain;
	return OK;
}
