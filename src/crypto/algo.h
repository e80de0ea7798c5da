/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_ALGO_H
#define CRYPTO_ALGO_H

/* What the files of this room share: algorithms, OpenSSL objects, errors. */

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "base/err.h"
#include "base/mem.h"
#include "crypto/crypto.h"

/* Fetched once by crypto_init() and never freed: they live as long as we do. */
struct algo {
	EVP_CIPHER *aes_gcm;
	EVP_KDF *scrypt;
};

/**
 * crypto_algo():
 * Return the algorithms.  crypto_init() was called before.
 */
const struct algo *crypto_algo(void);

/**
 * crypto_nomem(what):
 * Empty OpenSSL's error queue of this thread and return E_NOMEM: ${what} has no
 * other reason to go wrong.
 */
err crypto_nomem(const char *what);

/**
 * crypto_is_reduced(x):
 * Return true if the little-endian ${x} is below 2^255 - 19: a field element of
 * Curve25519 in its only spelling.  For public values.
 */
bool crypto_is_reduced(const uint8_t x[KEY_LEN]);

/* For AUTO() on OpenSSL's objects; NULL is fine. */
AUTO_FREE(evp_pkey_freep, EVP_PKEY, EVP_PKEY_free)
AUTO_FREE(evp_pkey_ctx_freep, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
AUTO_FREE(evp_md_ctx_freep, EVP_MD_CTX, EVP_MD_CTX_free)
AUTO_FREE(evp_kdf_ctx_freep, EVP_KDF_CTX, EVP_KDF_CTX_free)

#endif /* CRYPTO_ALGO_H */
