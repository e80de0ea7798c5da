/* SPDX-License-Identifier: Apache-2.0 */

/* Base64 with one spelling for every value. */

#include "base/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(const void *p, size_t n, struct buf *b)
{
	const uint8_t *s = p;

	for (size_t step; n > 0; n -= step, s += step) {
		uint32_t v = (uint32_t)s[0] << 16;
		char out[4];

		step = MIN(n, (size_t)3);
		v |= n > 1 ? (uint32_t)s[1] << 8 : 0;
		v |= n > 2 ? s[2] : 0;
		out[0] = letters[v >> 18];
		out[1] = letters[v >> 12 & 63];
		out[2] = '=';
		out[3] = '=';
		if (n > 1)
			out[2] = letters[v >> 6 & 63];
		if (n > 2)
			out[3] = letters[v & 63];
		buf_add(b, out, sizeof(out));
	}
}

static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Read a group of four of which the last ${pad} are padding; false if bad. */
static bool
group_decode(const char *s, unsigned pad, uint8_t out[static 3])
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++) {
		int d = i < 4 - pad ? value_of(s[i]) : 0;

		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
	}
	out[0] = (uint8_t)(v >> 16);
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)v;

	/* Bits that no byte takes must be zero: one spelling for a value. */
	return (v & ((1u << 8 * pad) - 1)) == 0;
}

err
base64_decode(const char *s, size_t n, struct buf *b)
{
	size_t before = b->len;

	if (n % 4 != 0)
		return err_new(E_INVALID, "base64 of %zu characters is cut off",
		               n);
	for (size_t i = 0; i < n; i += 4) {
		unsigned pad = 0;
		uint8_t out[3];

		if (i + 4 == n && s[n - 1] == '=')
			pad = s[n - 2] == '=' ? 2 : 1;
		if (!group_decode(s + i, pad, out)) {
			b->len = before;
			return err_new(E_INVALID,
			               "bad base64 near character %zu", i + 1);
		}
		buf_add(b, out, 3 - pad);
	}
	return buf_done(b);
}
