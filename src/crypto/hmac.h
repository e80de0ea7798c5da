/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

/* HMAC-SHA-256 in pieces and with keys of any length; for this room alone. */

#include <openssl/sha.h>

#include "base/digest.h"

struct hmac {
	SHA256_CTX inner;
	SHA256_CTX outer;
};

/**
 * hmac_begin(h, key, key_len), hmac_add(h, p, n), hmac_final(h, ret):
 * HMAC of the bytes added (RFC 2104).  hmac_final() wipes ${h}; ${ret} may be
 * anywhere, also where the key was.
 */
void hmac_begin(struct hmac *h, const void *key, size_t key_len);
void hmac_add(struct hmac *h, const void *p, size_t n);
void hmac_final(struct hmac *h, struct digest *ret);

#endif /* CRYPTO_HMAC_H */
