/* SPDX-License-Identifier: Apache-2.0 */

/*
 * FastCDC (Xia et al., 2016 and 2020) with a Gear hash: h = 2h + gear[byte].
 * After 64 bytes a byte has left the hash, and its top bits have seen most of
 * them, so a cut is where the top bits are zero: h below a threshold.
 *
 *  1. No cut before CHUNK_MIN; hashing starts 64 bytes before it.
 *  2. Normalised, level 2: up to NORMAL a cut needs 23 zero bits, behind it 19
 *     (the average of 2^21 bytes, two bits up and two down), so that sizes
 *     gather around the average.
 *  3. No chunk is longer than CHUNK_MAX.
 *
 * NORMAL follows from the rest: the mean of that distribution is
 *     0.5 + 8 (1 - u) + 0.5 u MiB, where u = exp(-(NORMAL - 0.5) / 8),
 * and is CHUNK_AVG at NORMAL = 1.6446 MiB.
 */

#include "vault/chunker.h"

#include "base/buf.h"

#define WINDOW 64
#define NORMAL (1684 * KiB)

/* 23 and 19 zero bits at the top. */
#define HARD ((uint64_t)1 << (64 - 23))
#define EASY ((uint64_t)1 << (64 - 19))

/* Bytes that one turn of the loop takes. */
#define STRIDE 4

void
chunker_init(struct chunker *c, const struct secret *key)
{
	static const char info[] = "casemate chunker gear 1";
	uint8_t raw[256 * 8];

	hkdf_raw(key->b, sizeof(key->b), NULL, 0, info, sizeof(info) - 1, raw,
	         sizeof(raw));
	for (size_t i = 0; i < 256; i++)
		c->gear[i] = le64(raw + 8 * i);
	crypto_wipe(raw, sizeof(raw));
}

/* The place of the first cut in [i, end), as the length of the chunk that ends
 * with the byte which made it; 0 if there is none.  ${*h} is carried along. */
static size_t
scan(const uint64_t *gear, const uint8_t *p, size_t i, size_t end,
     uint64_t limit, uint64_t *h)
{
	uint64_t a, b, c, d, h0 = *h;

	/* Four hashes at a time: what they share of the chain is one shift and
	 * one sum. */
	for (; i + STRIDE <= end; i += STRIDE) {
		a = gear[p[i]];
		b = 2 * a + gear[p[i + 1]];
		c = 2 * b + gear[p[i + 2]];
		d = 2 * c + gear[p[i + 3]];
		a += h0 << 1;
		b += h0 << 2;
		c += h0 << 3;
		h0 = (h0 << 4) + d;
		if (a < limit)
			return i + 1;
		if (b < limit)
			return i + 2;
		if (c < limit)
			return i + 3;
		if (h0 < limit)
			return i + 4;
	}
	for (; i < end; i++) {
		h0 = 2 * h0 + gear[p[i]];
		if (h0 < limit)
			return i + 1;
	}
	*h = h0;
	return 0;
}

size_t
chunker_next(const struct chunker *c, const uint8_t *p, size_t n)
{
	uint64_t h = 0;
	size_t end = MIN(n, CHUNK_MAX);
	size_t normal = MIN(end, NORMAL);
	size_t cut;

	if (n <= CHUNK_MIN)
		return n;

	/* Fill the window; these bytes cannot cut. */
	for (size_t i = CHUNK_MIN - WINDOW; i < CHUNK_MIN; i++)
		h = 2 * h + c->gear[p[i]];

	if ((cut = scan(c->gear, p, CHUNK_MIN, normal, HARD, &h)) != 0)
		return cut;
	if ((cut = scan(c->gear, p, normal, end, EASY, &h)) != 0)
		return cut;
	return end;
}
