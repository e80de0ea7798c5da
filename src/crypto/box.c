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

/* All points of low order: their product with any private key is zero. */
static const uint8_t low_order[][KEY_LEN] = {
	{ 0x00 },
	{ 0x01 },
	{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
	  0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
	  0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
	{ 0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
	  0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
	  0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57 },
	{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
};

bool
crypto_is_reduced(const uint8_t x[KEY_LEN])
{
	if (x[KEY_LEN - 1] != 0x7f || x[0] < 0xed)
		return x[KEY_LEN - 1] <= 0x7f;
	for (size_t i = 1; i < KEY_LEN - 1; i++)
		if (x[i] != 0xff)
			return true;
	return false;
}

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

/* E_DENIED for a public key that is no party to an agreement. */
static err
check_public(const struct pubkey *pub)
{
	if (!crypto_is_reduced(pub->b))
		return err_new(E_DENIED, "the public key is not canonical");
	for (size_t i = 0; i < ARRAY_LEN(low_order); i++)
		if (memcmp(pub->b, low_order[i], KEY_LEN) == 0)
			return err_new(E_DENIED,
			               "the public key is of low order");
	return OK;
}

/* Set ${*ret} to X25519(${priv}, ${pub}), as EVP has it. */
static bool
derive(const struct secret *priv, const struct pubkey *pub, struct secret *ret)
{
	AUTO(evp_pkey_freep) EVP_PKEY *mine = NULL;
	AUTO(evp_pkey_freep) EVP_PKEY *theirs = NULL;
	AUTO(evp_pkey_ctx_freep) EVP_PKEY_CTX *ctx = NULL;
	size_t len = sizeof(ret->b);

	return (mine = private_key(priv)) != NULL &&
	    (theirs = EVP_PKEY_new_raw_public_key_ex(
		 NULL, "X25519", NULL, pub->b, sizeof(pub->b))) != NULL &&
	    (ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL)) != NULL &&
	    EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
	    EVP_PKEY_derive(ctx, ret->b, &len) == 1 && len == sizeof(ret->b);
}

/* The same for a key that may come from anybody. */
static err
agree(const struct secret *priv, const struct pubkey *pub, struct secret *ret)
{
	static const struct secret zero;
	err e;

	if ((e = check_public(pub)).code)
		return e;
	if (!derive(priv, pub, ret))
		return crypto_nomem("agreeing on a key");

	/* The table above is complete; nothing depends on that alone. */
	if (crypto_eq(ret->b, zero.b, sizeof(zero.b)))
		return err_new(E_DENIED, "the public key is of low order");
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
