/* SPDX-License-Identifier: Apache-2.0 */

/*
 * SHA-256 and HMAC.  OpenSSL's low-level SHA-256 is used on purpose: its state
 * lies on our stack, it cannot fail, needs no allocation and no fetch, runs the
 * same assembly as EVP, and a short message costs two thirds of the time.  It
 * is deprecated, not gone; should it go, only this file changes.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include <string.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "crypto/crypto.h"
#include "crypto/hmac.h"

struct sha256 {
	SHA256_CTX c;
};

void
sha256(const void *p, size_t n, struct digest *ret)
{
	SHA256_CTX c;

	(void)SHA256_Init(&c);
	(void)SHA256_Update(&c, p, n);
	(void)SHA256_Final(ret->b, &c);
}

err
sha256_new(struct sha256 **ret)
{
	struct sha256 *h;
	err e;

	if ((e = mem_alloc(1, sizeof(*h), &h)).code)
		return e;
	(void)SHA256_Init(&h->c);
	*ret = h;
	return OK;
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	(void)SHA256_Update(&h->c, p, n);
}

void
sha256_final(struct sha256 *h, struct digest *ret)
{
	(void)SHA256_Final(ret->b, &h->c);
	(void)SHA256_Init(&h->c);
}

void
sha256_free(struct sha256 *h)
{
	if (h == NULL)
		return;
	crypto_wipe(h, sizeof(*h));
	free(h);
}

void
sha256_freep(struct sha256 **h)
{
	sha256_free(*h);
}

/* Start ${c} with one block: the key, filled up with zeroes, xor ${pad}. */
static void
key_block(SHA256_CTX *c, const uint8_t *key, size_t key_len, uint8_t pad)
{
	uint8_t block[SHA256_CBLOCK];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < key_len; i++)
		block[i] ^= key[i];
	(void)SHA256_Init(c);
	(void)SHA256_Update(c, block, sizeof(block));
	crypto_wipe(block, sizeof(block));
}

void
hmac_begin(struct hmac *h, const void *key, size_t key_len)
{
	struct digest short_key;

	/* A key longer than a block is hashed first. */
	if (key_len > SHA256_CBLOCK) {
		sha256(key, key_len, &short_key);
		key = short_key.b;
		key_len = sizeof(short_key.b);
	}
	key_block(&h->inner, key, key_len, 0x36);
	key_block(&h->outer, key, key_len, 0x5c);
	crypto_wipe(&short_key, sizeof(short_key));
}

void
hmac_add(struct hmac *h, const void *p, size_t n)
{
	(void)SHA256_Update(&h->inner, p, n);
}

void
hmac_final(struct hmac *h, struct digest *ret)
{
	struct digest inner;

	(void)SHA256_Final(inner.b, &h->inner);
	(void)SHA256_Update(&h->outer, inner.b, sizeof(inner.b));
	(void)SHA256_Final(ret->b, &h->outer);
	crypto_wipe(h, sizeof(*h));
	crypto_wipe(&inner, sizeof(inner));
}

void
hmac_sha256(const struct secret *key, const void *p, size_t n,
            struct digest *ret)
{
	struct hmac h;

	hmac_begin(&h, key->b, sizeof(key->b));
	hmac_add(&h, p, n);
	hmac_final(&h, ret);
}
