/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AES-256-GCM.  The key schedule is computed once per struct aead; a message
 * costs setting the nonce and the direction, nothing is fetched or allocated.
 */

#include <string.h>

#include <openssl/err.h>

#include "crypto/algo.h"

struct aead {
	EVP_CIPHER_CTX *ctx;
};

/* EVP counts in int: longer input goes in pieces, a multiple of the block. */
#define PIECE ((size_t)1 << 30)

/* What one message under one nonce may have: 2^32 - 2 blocks (SP 800-38D). */
#define PLAIN_MAX (((uint64_t)1 << 36) - 32)

err
aead_new(const struct secret *key, struct aead **ret)
{
	AUTO(aead_freep) struct aead *a = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*a), &a)).code)
		return e;
	if ((a->ctx = EVP_CIPHER_CTX_new()) == NULL ||
	    EVP_EncryptInit_ex2(a->ctx, crypto_algo()->aes_gcm, key->b, NULL,
	                        NULL) != 1)
		return crypto_nomem("making a cipher");
	*ret = take(a);
	return OK;
}

void
aead_free(struct aead *a)
{
	if (a == NULL)
		return;
	EVP_CIPHER_CTX_free(a->ctx); /* Wipes the key schedule. */
	free(a);
}

void
aead_freep(struct aead **a)
{
	aead_free(*a);
}

/* Push ${n} bytes through; to nowhere (associated data) if ${out} is NULL. */
static bool
push(struct aead *a, const uint8_t *in, size_t n, uint8_t *out)
{
	size_t now;
	int len;

	for (; n > 0; n -= now) {
		now = MIN(n, PIECE);
		if (EVP_CipherUpdate(a->ctx, out, &len, in, (int)now) != 1 ||
		    (size_t)len != now)
			return false;
		in += now;
		if (out != NULL)
			out += now;
	}
	return true;
}

/* Begin a message; the key stays, for either direction of GCM is the same. */
static bool
begin(struct aead *a, const uint8_t nonce[NONCE_LEN], struct aead_ad ad,
      int seal)
{
	return EVP_CipherInit_ex2(a->ctx, NULL, NULL, nonce, seal, NULL) == 1 &&
	    push(a, ad.p, ad.n, NULL) && push(a, ad.p2, ad.n2, NULL);
}

/* End it.  GCM holds nothing back, so that no byte comes out here. */
static bool
finish(struct aead *a)
{
	uint8_t none[TAG_LEN];
	int len;

	return EVP_CipherFinal_ex(a->ctx, none, &len) == 1;
}

err
aead_seal(struct aead *a, const uint8_t nonce[NONCE_LEN], struct aead_ad ad,
          const void *plain, size_t n, void *out)
{
	uint8_t *dst = out;

	if (n > PLAIN_MAX)
		return err_new(E_LIMIT, "%zu bytes are too many for one seal",
		               n);
	if (!begin(a, nonce, ad, 1) || !push(a, plain, n, dst) || !finish(a) ||
	    EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
	                        dst + n) != 1) {
		crypto_wipe(out, n + TAG_LEN);
		return crypto_nomem("sealing");
	}
	return OK;
}

err
aead_open(struct aead *a, const uint8_t nonce[NONCE_LEN], struct aead_ad ad,
          const void *sealed, size_t n, void *out)
{
	const uint8_t *src = sealed;
	uint8_t tag[TAG_LEN];

	if (n < TAG_LEN)
		return err_new(E_CORRUPT, "sealed bytes end before their tag");
	n -= TAG_LEN;
	memcpy(tag, src + n, sizeof(tag));
	if (n <= PLAIN_MAX && begin(a, nonce, ad, 0) && push(a, src, n, out) &&
	    EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) ==
	        1 &&
	    finish(a))
		return OK;
	ERR_clear_error();
	crypto_wipe(out, n);
	return err_new(E_CORRUPT, "sealed bytes do not match their tag");
}
