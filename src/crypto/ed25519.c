/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ed25519 (RFC 8032), stricter than OpenSSL about public keys: a point has one
 * spelling, and points of small order, under which one signature would hold for
 * many messages, verify nothing.
 */

#include <string.h>

#include <openssl/err.h>

#include "crypto/algo.h"

/* The y coordinates of the points of order 1, 2, 4 and 8. */
static const uint8_t small_order[][KEY_LEN] = {
	{ 0x00 },
	{ 0x01 },
	{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
	  0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
	  0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
	{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
	  0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
	  0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
	{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
};

/* Return true if y is below 2^255 - 19 and the point not of small order. */
static bool
is_sound(const struct pubkey *pub)
{
	uint8_t y[KEY_LEN];

	/* The top bit is the sign of x. */
	memcpy(y, pub->b, sizeof(y));
	y[KEY_LEN - 1] &= 0x7f;
	for (size_t i = 0; i < ARRAY_LEN(small_order); i++)
		if (memcmp(y, small_order[i], sizeof(y)) == 0)
			return false;
	return crypto_is_reduced(y);
}

static EVP_PKEY *
private_key(const struct secret *seed)
{
	return EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed->b,
	                                       sizeof(seed->b));
}

err
ed25519_public(const struct secret *seed, struct pubkey *ret)
{
	AUTO(evp_pkey_freep) EVP_PKEY *key = NULL;
	struct pubkey pub;
	size_t len = sizeof(pub.b);

	if ((key = private_key(seed)) == NULL ||
	    EVP_PKEY_get_raw_public_key(key, pub.b, &len) != 1 ||
	    len != sizeof(pub.b))
		return crypto_nomem("making a signing key");
	*ret = pub;
	return OK;
}

err
ed25519_sign(const struct secret *seed, const void *p, size_t n,
             uint8_t sig[SIG_LEN])
{
	AUTO(evp_pkey_freep) EVP_PKEY *key = NULL;
	AUTO(evp_md_ctx_freep) EVP_MD_CTX *ctx = NULL;
	uint8_t made[SIG_LEN];
	size_t len = sizeof(made);

	if ((key = private_key(seed)) == NULL ||
	    (ctx = EVP_MD_CTX_new()) == NULL ||
	    EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) !=
	        1 ||
	    EVP_DigestSign(ctx, made, &len, n > 0 ? p : made, n) != 1 ||
	    len != sizeof(made))
		return crypto_nomem("signing");
	memcpy(sig, made, sizeof(made));
	return OK;
}

bool
ed25519_verify(const struct pubkey *pub, const void *p, size_t n,
               const uint8_t sig[SIG_LEN])
{
	AUTO(evp_pkey_freep) EVP_PKEY *key = NULL;
	AUTO(evp_md_ctx_freep) EVP_MD_CTX *ctx = NULL;
	bool ok;

	if (!is_sound(pub))
		return false;
	ok = (key = EVP_PKEY_new_raw_public_key_ex(
		  NULL, "ED25519", NULL, pub->b, sizeof(pub->b))) != NULL &&
	    (ctx = EVP_MD_CTX_new()) != NULL &&
	    EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) ==
		1 &&
	    EVP_DigestVerify(ctx, sig, SIG_LEN, n > 0 ? p : sig, n) == 1;
	if (!ok)
		ERR_clear_error();
	return ok;
}
