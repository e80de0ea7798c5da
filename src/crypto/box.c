/* SPDX-License-Identifier: Apache-2.0 */

/*
 * X25519 (RFC 7748) and boxes sealed to a public key.  A key has one spelling
 * here: one that is not reduced, or has its top bit set, would go into the salt
 * as it is and come back another on opening, so nobody could open the box.
 */

#include <string.h>

#include <openssl/err.h>

#include "crypto/algo.h"

#define SEALED_LEN (KEY_LEN + TAG_LEN)

/* A box key seals one secret only, so that its nonce need not vary. */
static const uint8_t zero_nonce[NONCE_LEN];

static EVP_PKEY *
private_key(const struct secret *priv)
{
	return EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, priv->b,
	                                       sizeof(priv->b));
}

err
x25519_public(const struct secret *priv, struct pubkey *ret)
{
	AUTO(evp_pkey_freep) EVP_PKEY *key = NULL;
	struct pubkey pub;
	size_t len = sizeof(pub.b);

	if ((key = private_key(priv)) == NULL ||
	    EVP_PKEY_get_raw_public_key(key, pub.b, &len) != 1 ||
	    len != sizeof(pub.b))
		return crypto_nomem("making a key to seal to");
	*ret = pub;
	return OK;
}

/* Return true if the coordinate is below 2^255 - 19. */
static bool
is_canonical(const uint8_t u[KEY_LEN])
{
	if (u[KEY_LEN - 1] != 0x7f || u[0] < 0xed)
		return u[KEY_LEN - 1] <= 0x7f;
	for (size_t i = 1; i < KEY_LEN - 1; i++)
		if (u[i] != 0xff)
			return true;
	return false;
}

/* Set ${*ret} to X25519(${priv}, ${pub}).  E_DENIED if ${pub} is not canonical
 * or of low order: then the result is zero and no secret. */
static err
agree(const struct secret *priv, const struct pubkey *pub, struct secret *ret)
{
	AUTO(evp_pkey_freep) EVP_PKEY *mine = NULL;
	AUTO(evp_pkey_freep) EVP_PKEY *theirs = NULL;
	AUTO(evp_pkey_ctx_freep) EVP_PKEY_CTX *ctx = NULL;
	static const struct secret zero;
	size_t len = sizeof(ret->b);

	if (!is_canonical(pub->b))
		return err_new(E_DENIED, "the public key is not canonical");
	if ((mine = private_key(priv)) == NULL ||
	    (theirs = EVP_PKEY_new_raw_public_key_ex(
		 NULL, "X25519", NULL, pub->b, sizeof(pub->b))) == NULL ||
	    (ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL)) == NULL ||
	    EVP_PKEY_derive_init(ctx) != 1)
		return crypto_nomem("agreeing on a key");

	/* OpenSSL refuses a zero result since 1.1; do not depend on it. */
	if (EVP_PKEY_derive_set_peer(ctx, theirs) != 1 ||
	    EVP_PKEY_derive(ctx, ret->b, &len) != 1 || len != sizeof(ret->b) ||
	    crypto_eq(ret->b, zero.b, sizeof(zero.b))) {
		ERR_clear_error();
		return err_new(E_DENIED, "the public key is of low order");
	}
	return OK;
}

/* Make the cipher of a box from ephemeral ${eph} to ${to}; ${priv} and ${pub}
 * are whichever halves of these two the caller agrees with. */
static err
box_cipher(const struct secret *priv, const struct pubkey *pub,
           const uint8_t salt[2 * KEY_LEN], const char *label,
           struct aead **ret)
{
	AUTO(secret_release) struct secret shared = { 0 };
	AUTO(secret_release) struct secret key = { 0 };
	err e;

	if ((e = agree(priv, pub, &shared)).code)
		return e;
	hkdf(&shared, salt, 2 * KEY_LEN, label, &key);
	return aead_new(&key, ret);
}

err
box_seal(const struct pubkey *to, const char *label, const struct secret *s,
         uint8_t out[BOX_LEN])
{
	AUTO(secret_release) struct secret eph = { 0 };
	AUTO(aead_freep) struct aead *a = NULL;
	struct aead_ad ad = { .p = label, .n = strlen(label) };
	uint8_t salt[2 * KEY_LEN], sealed[SEALED_LEN];
	struct pubkey pub;
	err e;

	if ((e = crypto_random(eph.b, sizeof(eph.b))).code ||
	    (e = x25519_public(&eph, &pub)).code)
		return e;
	memcpy(salt, pub.b, KEY_LEN);
	memcpy(salt + KEY_LEN, to->b, KEY_LEN);
	if ((e = box_cipher(&eph, to, salt, label, &a)).code ||
	    (e = aead_seal(a, zero_nonce, ad, s->b, sizeof(s->b), sealed)).code)
		return err_in(e, "sealing \"%s\"", label);

	memcpy(out, pub.b, KEY_LEN);
	memcpy(out + KEY_LEN, sealed, sizeof(sealed));
	return OK;
}

err
box_open(const struct secret *priv, const char *label,
         const uint8_t box[BOX_LEN], struct secret *ret)
{
	AUTO(secret_release) struct secret plain = { 0 };
	AUTO(aead_freep) struct aead *a = NULL;
	struct aead_ad ad = { .p = label, .n = strlen(label) };
	uint8_t salt[2 * KEY_LEN];
	struct pubkey eph, to;
	err e;

	if ((e = x25519_public(priv, &to)).code)
		return e;
	memcpy(eph.b, box, KEY_LEN);
	memcpy(salt, box, KEY_LEN);
	memcpy(salt + KEY_LEN, to.b, KEY_LEN);
	if ((e = box_cipher(priv, &eph, salt, label, &a)).code)
		return err_in(e, "opening \"%s\"", label);

	/* A tag cannot tell a wrong key from changed bytes. */
	e = aead_open(a, zero_nonce, ad, box + KEY_LEN, SEALED_LEN, plain.b);
	if (e.code == E_CORRUPT) {
		err_drop(e);
		return err_new(E_DENIED,
		               "\"%s\" is sealed to another key, or changed",
		               label);
	}
	if (e.code)
		return e;
	memcpy(ret->b, plain.b, sizeof(ret->b));
	return OK;
}
