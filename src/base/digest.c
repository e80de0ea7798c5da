/* SPDX-License-Identifier: Apache-2.0 */

/* Hex spelling of 32-byte names.  One spelling only: lower case. */

#include "base/digest.h"

static const char digits[] = "0123456789abcdef";

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

void
hex_encode(const void *p, size_t n, char *out)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[b[i] >> 4];
		*out++ = digits[b[i] & 15];
	}
	*out = '\0';
}

bool
hex_decode(const char *s, size_t n, void *out)
{
	uint8_t *b = out;

	for (size_t i = 0; i < n; i++) {
		int hi = nibble(s[0]);
		int lo = hi < 0 ? -1 : nibble(s[1]);

		if (lo < 0)
			return false;
		b[i] = (uint8_t)(hi << 4 | lo);
		s += 2;
	}
	return true;
}

struct digest_text
digest_text(const struct digest *d)
{
	struct digest_text t;

	hex_encode(d->b, DIGEST_LEN, t.s);
	return t;
}

bool
digest_parse(const char *s, struct digest *ret)
{
	struct digest d;

	if (!hex_decode(s, DIGEST_LEN, d.b) || s[DIGEST_HEX] != '\0')
		return false;
	*ret = d;
	return true;
}
