/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

/*
 * Names of 32 bytes: SHA-256 digests, chunk names, ids.  Only the type and its
 * spelling live here; crypto computes them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DIGEST_LEN 32
#define DIGEST_HEX (2 * DIGEST_LEN)

struct digest {
	uint8_t b[DIGEST_LEN];
};

/* Text of a digest, returned by value so that it needs no owner. */
struct digest_text {
	char s[DIGEST_HEX + 1];
};

/* digest_str(d): 64 lower-case hex digits; lives until the full expression's
 * enclosing block ends. */
#define digest_str(d) (digest_text(d).s)

/**
 * digest_text(d):
 * Return the 64 lower-case hex digits of ${d}.
 */
struct digest_text digest_text(const struct digest *d);

/**
 * digest_parse(s, ret):
 * Read exactly 64 lower-case hex digits at ${s}, and nothing behind them.
 * Return false, and leave ${*ret}, if that is not what is there.
 */
bool digest_parse(const char *s, struct digest *ret);

/**
 * hex_encode(p, n, out):
 * Write 2 x ${n} lower-case hex digits and a zero byte to ${out}.
 */
void hex_encode(const void *p, size_t n, char *out);

/**
 * hex_decode(s, n, out):
 * Read exactly 2 x ${n} lower-case hex digits at ${s} into ${n} bytes at
 * ${out}.  Return false if one of them is no such digit.
 */
bool hex_decode(const char *s, size_t n, void *out);

/**
 * digest_eq(a, b), digest_cmp(a, b), digest_is_zero(d):
 * Compare public names (not in constant time); bytewise order.
 */
static inline bool
digest_eq(const struct digest *a, const struct digest *b)
{
	return memcmp(a->b, b->b, DIGEST_LEN) == 0;
}

static inline int
digest_cmp(const struct digest *a, const struct digest *b)
{
	return memcmp(a->b, b->b, DIGEST_LEN);
}

static inline bool
digest_is_zero(const struct digest *d)
{
	static const struct digest zero;

	return digest_eq(d, &zero);
}

#endif /* BASE_DIGEST_H */
