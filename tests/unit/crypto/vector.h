/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CRYPTO_VECTOR_H
#define TESTS_UNIT_CRYPTO_VECTOR_H

/* Published vectors in hex, and the walk over all single-bit changes. */

#include "helper.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "crypto/crypto.h"

/* The bytes that ${hex} stands for, by value; at most 256. */
struct bytes {
	uint8_t b[256];
	size_t n;
};

static inline struct bytes
unhex(const char *hex)
{
	struct bytes r = { .n = strlen(hex) / 2 };

	assert_true(r.n <= sizeof(r.b));
	assert_true(hex_decode(hex, r.n, r.b));
	return r;
}

static inline struct secret
secret_of(const char *hex)
{
	struct bytes v = unhex(hex);
	struct secret s = { 0 };

	assert_true(v.n <= sizeof(s.b));
	memcpy(s.b, v.b, v.n);
	return s;
}

static inline struct pubkey
pubkey_of(const char *hex)
{
	struct secret s = secret_of(hex);
	struct pubkey p;

	memcpy(p.b, s.b, sizeof(p.b));
	return p;
}

/* The bytes at ${p} are those of ${hex}. */
static inline void
assert_bytes(const char *hex, const void *p)
{
	struct bytes v = unhex(hex);

	assert_memory_equal(v.b, p, v.n);
}

/* Change bit ${i}, counted from the lowest of the first byte. */
static inline void
flip(void *p, size_t i)
{
	((uint8_t *)p)[i / 8] ^= (uint8_t)(1u << i % 8);
}

static inline int
start_crypto(void **state)
{
	(void)state;
	assert_ok(crypto_init());
	return 0;
}

#endif /* TESTS_UNIT_CRYPTO_VECTOR_H */
