/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

/*
 * Hashes, AEAD, key derivation, signatures and sealed boxes: thin, typed and
 * checked wrappers over OpenSSL 3.  Secrets live in struct secret, which keeps
 * them out of core dumps and wipes them.  Constant-time comparison and wiping
 * live here and nowhere else.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

#define KEY_LEN   32
#define NONCE_LEN 12
#define TAG_LEN   16
#define SIG_LEN   64

/* 32 secret bytes, wiped by secret_release().  Never copied by assignment to
 * a place that nobody wipes. */
struct secret {
	uint8_t b[KEY_LEN];
};

/* A public key of 32 bytes: Ed25519 or X25519. */
struct pubkey {
	uint8_t b[KEY_LEN];
};

/**
 * crypto_init():
 * Fetch the algorithms once, forbid core dumps of this process and of what it
 * starts (by the soft limit: a child may have it raised again).  Call first,
 * from main or a test, on one thread; again does no harm.  E_UNSUPPORTED if
 * OpenSSL is configured without one of them.
 */
err crypto_init(void);

/**
 * crypto_wipe(p, n):
 * Overwrite ${n} bytes at ${p} so that the compiler cannot leave it out.
 */
void crypto_wipe(void *p, size_t n);

/**
 * crypto_eq(a, b, n):
 * Compare ${n} bytes in constant time.
 */
bool crypto_eq(const void *a, const void *b, size_t n);

/**
 * crypto_random(p, n):
 * Fill ${n} bytes at ${p} from the system's generator.
 */
err crypto_random(void *p, size_t n);

/**
 * secret_release(s):
 * Wipe ${s}; for AUTO().
 */
void secret_release(struct secret *s);

/* --- hashes ------------------------------------------------------------ */

/* Opaque; one running SHA-256. */
struct sha256;

/**
 * sha256(p, n, ret):
 * Set ${*ret} to the SHA-256 of ${n} bytes at ${p}.
 */
void sha256(const void *p, size_t n, struct digest *ret);

/**
 * sha256_new(ret), sha256_add(h, p, n), sha256_final(h, ret), sha256_free(h):
 * Hash in pieces.  After sha256_final() the hash is ready for a new message.
 * sha256_freep() is for AUTO().
 */
err sha256_new(struct sha256 **ret);
void sha256_add(struct sha256 *h, const void *p, size_t n);
void sha256_final(struct sha256 *h, struct digest *ret);
void sha256_free(struct sha256 *h);
void sha256_freep(struct sha256 **h);

/**
 * hmac_sha256(key, p, n, ret):
 * Set ${*ret} to HMAC-SHA-256 of ${n} bytes at ${p} under ${key} (RFC 2104).
 */
void hmac_sha256(const struct secret *key, const void *p, size_t n,
                 struct digest *ret);

/**
 * hkdf(ikm, salt, salt_len, info, ret):
 * Derive ${*ret} from ${ikm} by HKDF-SHA-256 (RFC 5869); ${info} is a C string
 * that names the use.
 */
void hkdf(const struct secret *ikm, const void *salt, size_t salt_len,
          const char *info, struct secret *ret);

/**
 * hkdf_raw(ikm, ikm_len, salt, salt_len, info, info_len, out, out_len):
 * HKDF-SHA-256 in full, for test vectors and sealed boxes; ${out_len} at most
 * 255 x 32.  ${out} may not overlap ${info}.
 */
void hkdf_raw(const void *ikm, size_t ikm_len, const void *salt,
              size_t salt_len, const void *info, size_t info_len, void *out,
              size_t out_len);

/**
 * scrypt_key(pass, pass_len, salt, salt_len, log_n, ret):
 * Derive ${*ret} from a passphrase (RFC 7914, r = 8, p = 1, N = 2^${log_n}).
 * E_INVALID if ${log_n} is outside 10 to 22; E_NOMEM if 128 N r bytes cannot be
 * had: memory is bounded by that.
 */
err scrypt_key(const void *pass, size_t pass_len, const void *salt,
               size_t salt_len, unsigned log_n, struct secret *ret);

/* --- authenticated encryption ------------------------------------------- */

/* Opaque; AES-256-GCM under one key.  One thread at a time. */
struct aead;

/**
 * aead_new(key, ret), aead_free(a), aead_freep(a):
 * Make a cipher from ${key}, which is not kept in the clear by us; free it.
 */
err aead_new(const struct secret *key, struct aead **ret);
void aead_free(struct aead *a);
void aead_freep(struct aead **a);

/* Associated data in up to two pieces. */
struct aead_ad {
	const void *p;
	size_t n;
	const void *p2;
	size_t n2;
};

/**
 * aead_seal(a, nonce, ad, plain, n, out):
 * Encrypt ${n} bytes at ${plain} into ${n} + TAG_LEN bytes at ${out} (the same
 * place will do).  The caller never repeats a nonce under one key.
 */
err aead_seal(struct aead *a, const uint8_t nonce[NONCE_LEN], struct aead_ad ad,
              const void *plain, size_t n, void *out);

/**
 * aead_open(a, nonce, ad, sealed, n, out):
 * Decrypt ${n} bytes (tag included) at ${sealed} into ${n} - TAG_LEN bytes at
 * ${out}.  E_CORRUPT if the tag does not hold; ${out} is wiped then.
 */
err aead_open(struct aead *a, const uint8_t nonce[NONCE_LEN], struct aead_ad ad,
              const void *sealed, size_t n, void *out);

/* --- signatures --------------------------------------------------------- */

/**
 * ed25519_public(seed, ret):
 * Set ${*ret} to the public key of the private ${seed} (RFC 8032).
 */
err ed25519_public(const struct secret *seed, struct pubkey *ret);

/**
 * ed25519_sign(seed, p, n, sig):
 * Sign ${n} bytes at ${p}.
 */
err ed25519_sign(const struct secret *seed, const void *p, size_t n,
                 uint8_t sig[SIG_LEN]);

/**
 * ed25519_verify(pub, p, n, sig):
 * Return true if ${sig} is the signature of ${n} bytes at ${p} by ${pub}.  A
 * public key of small order or in a second spelling has no signatures.
 */
bool ed25519_verify(const struct pubkey *pub, const void *p, size_t n,
                    const uint8_t sig[SIG_LEN]);

/* --- sealed boxes ------------------------------------------------------- */

/* Bytes of a sealed box around one struct secret: ephemeral key, sealed key. */
#define BOX_LEN (KEY_LEN + KEY_LEN + TAG_LEN)

/**
 * x25519_public(priv, ret):
 * Set ${*ret} to the public key of ${priv} (RFC 7748).
 */
err x25519_public(const struct secret *priv, struct pubkey *ret);

/**
 * box_seal(to, label, s, out):
 * Seal ${s} to the X25519 key ${to}: fresh ephemeral key E, key = HKDF-SHA-256
 * (X25519(e, to), salt = E || to, info = ${label}), AES-256-GCM with a zero
 * nonce and ${label} as associated data.  ${out} = E || sealed.  E_DENIED if
 * ${to} is of low order or not the canonical spelling of its point: nobody, or
 * everybody, could open that.
 */
err box_seal(const struct pubkey *to, const char *label, const struct secret *s,
             uint8_t out[BOX_LEN]);

/**
 * box_open(priv, label, box, ret):
 * Open what box_seal() made.  E_DENIED if this is not the key it was sealed to,
 * or the bytes or the label were changed, or the point is of low order.
 */
err box_open(const struct secret *priv, const char *label,
             const uint8_t box[BOX_LEN], struct secret *ret);

#endif /* CRYPTO_CRYPTO_H */
